// Runs once. One dialog judges every hit without a label: the grades of the scale as buttons, with keys.

const words = element.querySelector(".words").dataset;
const grades = JSON.parse(words.grades); // [[grade, its name], …], "cannot tell" last

const dialog = document.createElement("dialog");
dialog.className = "e5-reasons e5-grades";
dialog.setAttribute("aria-labelledby", "e5-grades-heading");
dialog.innerHTML = `<header><h2 id="e5-grades-heading"><span></span> <q></q></h2>
  <button type="button" class="close"><span aria-hidden="true">×</span></button></header>
  <div class="content"><p class="product"></p><div class="grades"></div><div class="said" aria-live="polite"></div></div>`;
dialog.querySelector("h2 span").textContent = words.heading;
dialog.querySelector(".close").setAttribute("aria-label", words.close);
(element.closest(".contain") ?? element.closest(".gradio-container") ?? document.body).append(dialog);

const said = dialog.querySelector(".said"), mine = new Map();
const PATIENCE = 30_000;
let asked = 0, looks = false, opener = null, timer = 0;

// "1" is the best grade, "0" is "cannot tell"; from the tenth grade on there is no key.
const buttons = grades.map(([grade, name], place) => {
  const key = place === grades.length - 1 ? "0" : place < 9 ? String(place + 1) : "";
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = key ? `${name} (${key})` : name;
  button.dataset.key = key;
  button.addEventListener("click", () => answer(grade));
  return button;
});
const back = document.createElement("button"); // only for a pair with a judgment
back.type = "button";
back.textContent = words.back;
back.dataset.key = "x";
back.addEventListener("click", () => answer(""));
buttons.push(back);
dialog.querySelector(".grades").append(...buttons);

const pair = ({ query, locale, product }) => JSON.stringify([query, locale, product]);

function open(button) {
  opener = button;
  dialog.querySelector("h2 q").textContent = button.dataset.query;
  dialog.querySelector(".product").textContent = button.dataset.title;
  show(mine.get(pair(button.dataset)) ?? "");
  dialog.showModal();
  buttons[0].focus();
  if (!mine.has(pair(button.dataset))) send({ does: "look", grade: "" }); // what was said before this visit
}

function show(text) {
  said.textContent = text;
  back.hidden = !mine.has(pair(opener.dataset));
}

function send(what) {
  const { query, locale, product } = opener.dataset;
  looks = what.does === "look";
  trigger("click", { key: String(++asked), query, locale, product, ...what });
}

function answer(grade) {
  clearTimeout(timer);
  timer = setTimeout(() => { said.textContent = words.silence; }, PATIENCE);
  send({ does: "judge", grade });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.(".judge-here");
  if (button) open(button);
});
dialog.addEventListener("click", (event) => {
  // The dialog itself is hit only beside its content: on the shade around it.
  if (event.target === dialog || event.target.closest(".close")) dialog.close();
});
dialog.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const button = event.key && buttons.find((one) => !one.hidden && one.dataset.key === event.key);
  if (!button) return;
  event.preventDefault();
  button.click();
});
dialog.addEventListener("close", () => {
  clearTimeout(timer);
  ++asked; // an answer that comes later is of a pair that is no longer here
  if (opener?.isConnected) opener.focus(); // not every browser does so by itself
});

watch("value", () => {
  const found = element.querySelector(".answer");
  if (!dialog.open || found?.dataset.key !== String(asked)) return;
  clearTimeout(timer);
  said.replaceChildren(...found.cloneNode(true).childNodes);
  if (!found.dataset.done) return;
  const kept = found.dataset.kept;
  if (kept) mine.set(pair(opener.dataset), found.textContent);
  else mine.delete(pair(opener.dataset));
  back.hidden = !kept;
  // In every list of the page. results.js takes it away with the next results.
  for (const one of document.querySelectorAll(".judge-here")) {
    if (pair(one.dataset) !== pair(opener.dataset)) continue;
    if (kept) one.dataset.kept = kept;
    else delete one.dataset.kept;
  }
  if (looks) return;
  timer = setTimeout(() => dialog.close(), 700); // long enough to be read
});
