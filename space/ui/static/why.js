// Runs once. One dialog answers every "Why?" of the page; its content comes from the server as HTML, and which search
// it is about from the link that the server wrote above the results.

const words = element.querySelector(".words").dataset;

const dialog = document.createElement("dialog");
dialog.className = "e5-reasons";
dialog.setAttribute("aria-labelledby", "e5-reasons-heading");
dialog.innerHTML = `<header><h2 id="e5-reasons-heading"></h2>
  <button type="button" class="close"><span aria-hidden="true">×</span></button></header>
  <div class="content" aria-live="polite"></div>`;
dialog.querySelector("h2").textContent = words.heading;
dialog.querySelector(".close").setAttribute("aria-label", words.close);
// Outside of this component, whose content is replaced by each answer, but where style.css applies.
(element.closest(".contain") ?? element.closest(".gradio-container") ?? document.body).append(dialog);

const content = dialog.querySelector(".content");
const PATIENCE = 30_000;
let asked = 0, opener = null, timer = 0;

const say = (text, name) => {
  const line = document.createElement("p");
  line.className = name;
  line.textContent = text;
  content.replaceChildren(line);
};

function ask(button) {
  opener = button;
  const own = button.closest("[data-query]"), key = String(++asked);
  say(words.waiting, "waiting");
  dialog.showModal();
  clearTimeout(timer);
  timer = setTimeout(() => say(words.silence, "problem"), PATIENCE);
  trigger("click", {
    key,
    own: own ? "own" : "",
    query: own?.dataset.query ?? "",
    link: button.closest(".e5-out")?.querySelector(".share .copy")?.dataset.link ?? "",
    system: button.dataset.system,
    locale: button.dataset.locale,
    product: button.dataset.product,
  });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.(".ask-why");
  if (button) ask(button);
});
dialog.addEventListener("click", (event) => {
  // The dialog itself is hit only beside its content: on the shade around it.
  if (event.target === dialog || event.target.closest(".close")) dialog.close();
});
dialog.addEventListener("close", () => {
  clearTimeout(timer);
  if (opener?.isConnected) opener.focus(); // not every browser does so by itself
});

watch("value", () => {
  const answer = element.querySelector(".answer");
  if (!dialog.open || answer?.dataset.key !== String(asked)) return; // closed meanwhile, or of an earlier click
  clearTimeout(timer);
  content.replaceChildren(...answer.cloneNode(true).childNodes);
});
