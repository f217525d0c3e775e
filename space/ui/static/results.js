// Runs once for each place where results go, after links.js. `element` stays the same while its content changes; which
// search it shows is in the link that the server wrote above the results.

// A picture that cannot be loaded is removed, which leaves its placeholder. Not hidden: the next results are patched
// into the same elements.
element.addEventListener("error", (event) => event.target.remove(), true);

// Lists or table: what the visitor chose is in the link and kept for the next comparison. Else a phone, where lists would
// lie far below one another, shows the table, which style.css makes one list of.
let chosen = ["lists", "table"].find((name) => name === new URLSearchParams(location.search).get("show"));
const view = () => chosen ?? (matchMedia("(max-width: 640px)").matches ? "table" : "lists");
const withView = (link) => link + (chosen && element.querySelector(".aligned") ? `&show=${chosen}` : "");

const part = (name) => element.querySelector(`.share ${name}`);

function followResults() {
  const link = part(".copy")?.dataset.link;
  if (!link || !element.checkVisibility()) return;
  showAddress(withView(link));
  document.querySelector(".masthead")?.classList.add("asked"); // the header shrinks
}

function forgetCopying() {
  if (!part(".address")) return;
  part(".address").hidden = true;
  part(".copied").textContent = "";
}

async function copy(button) {
  const field = part(".address"), said = part(".copied");
  field.value = absolute(withView(button.dataset.link));
  field.hidden = false; // shows what was copied, and can be copied by hand
  field.select();
  let done = false;
  try {
    await navigator.clipboard.writeText(field.value);
    done = true;
  } catch {
    // Without permission or https there is no clipboard; the older way needs neither.
    done = document.execCommand("copy");
  }
  said.textContent = done ? button.dataset.copied : button.dataset.failed;
  if (!done) field.select();
}

function showView() {
  const table = element.querySelector(".aligned");
  if (!table) return;
  table.hidden = view() !== "table";
  element.querySelector(".sides").hidden = !table.hidden;
  for (const button of element.querySelectorAll(".view button")) {
    button.setAttribute("aria-pressed", button.dataset.view === view());
  }
}

// The same product in the other columns, while a card is pointed at or focused. A scroll under a resting mouse sends
// "pointerover" but no "pointermove": the focused card stays marked.
function pointOut(event) {
  const product = event.target.closest?.(".sides [data-same]")?.dataset.same;
  const cards = [...element.querySelectorAll(".sides [data-same]")];
  const same = product === undefined ? [] : cards.filter((card) => card.dataset.same === product);
  for (const card of cards) card.classList.toggle("alike", same.length > 1 && same.includes(card));
}
for (const name of ["pointermove", "pointerleave", "focusin"]) element.addEventListener(name, pointOut);

element.addEventListener("click", (event) => {
  const button = event.target.closest(".copy"), link = carried(event);
  const choice = event.target.closest(".view button");
  if (button) copy(button);
  if (event.target.closest(".try")) {
    [...document.querySelectorAll(".e5-query input, .e5-query textarea")].find((box) => box.checkVisibility())?.focus();
  }
  if (choice) {
    chosen = choice.dataset.view;
    showView();
    followResults();
  }
  if (link) trigger("click", { link });
});

// "Back" and "forward", see links.js.
document.addEventListener("restore", (event) => {
  if (event.defaultPrevented) return;
  event.preventDefault();
  trigger("click", { link: location.search });
});

// A product whose details are opened is counted, once for these results. "toggle" does not bubble, so it is captured.
const opened = new Set();
element.addEventListener("toggle", ({ target }) => {
  if (!target.open || !target.matches(".product")) return;
  const { locale, product } = target.dataset, key = JSON.stringify([locale, product]);
  if (!opened.has(key)) trigger("opened", { locale, product });
  opened.add(key);
}, true);

function foldProducts() {
  opened.clear();
  // The next results are patched into the same elements: without this another product would stand there unfolded.
  for (const product of element.querySelectorAll(".product[open]")) product.open = false;
  for (const button of element.querySelectorAll(".judge-here[data-kept]")) delete button.dataset.kept;
}

// New results are shown from their top: the link to them may have been far down the page, or the form fills the screen.
function showTop() {
  const { top } = element.getBoundingClientRect();
  if (part(".copy") && (top < 0 || top > innerHeight * 0.7)) element.scrollIntoView();
}

watch("value", () => {
  forgetCopying();
  foldProducts();
  showView();
  followResults();
  requestAnimationFrame(showTop);
});
// A change of the tab is seen by the size, which is zero while hidden. An IntersectionObserver would not do, since on a
// phone the results may start below the screen.
new ResizeObserver(() => {
  showView();
  followResults();
}).observe(element);
