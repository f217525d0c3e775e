// Runs once for each place where results go, after links.js. Which search it shows is in the link that the server wrote
// above the results.

// The results take the place of what Gradio shows in `element`, so that Gradio never changes them.
const area = document.createElement("div");
element.after(area);

// A picture that cannot be loaded is removed, which leaves its placeholder.
area.addEventListener("error", (event) => event.target.remove(), true);

// Lists or table: what the visitor chose is in the link and kept for the next comparison. Else a phone, where lists would
// lie far below one another, shows the table, which style.css makes one list of.
let chosen = ["lists", "table"].find((name) => name === new URLSearchParams(location.search).get("show"));
const view = () => chosen ?? (matchMedia("(max-width: 640px)").matches ? "table" : "lists");
const withView = (link, results = area) => link + (chosen && results.querySelector(".aligned") ? `&show=${chosen}` : "");

const part = (name, results = area) => results.querySelector(`.share ${name}`);

function followResults(results = area) {
  const link = part(".copy", results)?.dataset.link;
  if (!link) return;
  showAddress(withView(link, results));
  document.querySelector(".masthead")?.classList.add("asked"); // the header shrinks
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
  const table = area.querySelector(".aligned");
  if (!table) return;
  table.hidden = view() !== "table";
  area.querySelector(".sides").hidden = !table.hidden;
  for (const button of area.querySelectorAll(".view button")) {
    button.setAttribute("aria-pressed", button.dataset.view === view());
  }
}

// The same product in the other columns, while a card is pointed at or focused. A scroll under a resting mouse sends
// "pointerover" but no "pointermove": the focused card stays marked.
function pointOut(event) {
  const product = event.target.closest?.(".sides [data-same]")?.dataset.same;
  const cards = [...area.querySelectorAll(".sides [data-same]")];
  const same = product === undefined ? [] : cards.filter((card) => card.dataset.same === product);
  for (const card of cards) card.classList.toggle("alike", same.length > 1 && same.includes(card));
}
for (const name of ["pointermove", "pointerleave", "focusin"]) area.addEventListener(name, pointOut);

area.addEventListener("click", (event) => {
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
area.addEventListener("toggle", ({ target }) => {
  if (!target.open || !target.matches(".product")) return;
  const { locale, product } = target.dataset, key = JSON.stringify([locale, product]);
  if (!opened.has(key)) trigger("opened", { locale, product });
  opened.add(key);
}, true);

// New results are shown from their top: the link to them may have been far down the page, or the form fills the screen.
function showTop() {
  const { top } = area.getBoundingClientRect();
  if (part(".copy") && (top < 0 || top > innerHeight * 0.7)) area.scrollIntoView();
}

let shown;
function show() {
  const found = window.e5Found?.[PLACE];
  if (found === undefined || found === shown) return;
  shown = found;
  const isSeen = area.checkVisibility(), hadFocus = area.contains(document.activeElement);
  const next = document.createElement("template");
  next.innerHTML = found;
  // First the address: once there are new elements, the browser works out their looks before it changes.
  if (isSeen) followResults(next.content);
  element.hidden = true;
  area.replaceChildren(next.content);
  opened.clear();
  showView();
  if (hadFocus) {
    area.tabIndex = -1;
    area.focus({ preventScroll: true });
  }
  requestAnimationFrame(showTop);
}
document.addEventListener("found", show);
show();

// A change of the tab is seen by the width, which is zero while hidden. An IntersectionObserver would not do, since on a
// phone the results may start below the screen.
let width = 0;
new ResizeObserver(() => {
  if (area.offsetWidth !== width && area.offsetWidth) {
    showView();
    followResults();
  }
  width = area.offsetWidth;
}).observe(area);
