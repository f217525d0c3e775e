// Runs once, after links.js. The guided minute: a card at the bottom that points at one part of the page after the other.
// It is shown on visits without a link until it is ended once, and not where the browser keeps nothing.

const MARK = "e5-tour";
const words = element.querySelector(".steps").dataset;
const steps = [...element.querySelectorAll(".steps p")];
const seen = (selector) => [...document.querySelectorAll(selector)].find(
  (part) => part.checkVisibility({ visibilityProperty: true }) && part.getClientRects().length);

function wanted() {
  const asked = new URLSearchParams(location.search);
  if (OURS.some((name) => asked.has(name))) return false;
  try {
    return localStorage.getItem(MARK) === null;
  } catch {
    return false; // storage is turned off: the card would come again at every visit
  }
}

function show() {
  const shown = steps.filter((step) => seen(step.dataset.target));
  const before = document.activeElement;
  const card = document.createElement("div");
  card.className = "e5-tour-card";
  card.tabIndex = -1;
  card.setAttribute("role", "dialog");
  card.setAttribute("aria-label", words.label);
  card.innerHTML = `<div aria-live="polite"><p class="place"></p><h2></h2><p class="text"></p></div>
    <div class="buttons"><button type="button" class="further"></button><button type="button" class="end"></button></div>`;
  const part = (selector) => card.querySelector(selector);
  let place = -1, target = null;

  function further() {
    target?.removeAttribute("data-toured");
    place += 1;
    if (place >= shown.length) return end();
    const last = place === shown.length - 1;
    part(".place").textContent = words.place.replace("{step}", place + 1).replace("{steps}", shown.length);
    part("h2").textContent = shown[place].dataset.heading;
    part(".text").textContent = shown[place].textContent;
    part(".further").textContent = last ? words.done : words.next;
    part(".end").textContent = words.skip;
    part(".end").hidden = last;
    target = seen(shown[place].dataset.target);
    target?.setAttribute("data-toured", "");
    target?.scrollIntoView({ block: "nearest" });
  }

  function end() {
    const inside = card.contains(document.activeElement);
    target?.removeAttribute("data-toured");
    card.remove();
    removeEventListener("keydown", escape);
    removeEventListener("click", leave, true);
    // Not the query box by itself: on a phone its keyboard would open.
    if (inside) (before?.isConnected && before !== document.body ? before : seen('[role="tab"][aria-selected="true"]'))?.focus();
    localStorage.setItem(MARK, "seen");
  }

  // Escape in a menu or in another dialog closes only that.
  function escape(event) {
    if (event.key === "Escape" && (card.contains(event.target) || event.target === document.body)) end();
  }

  // A visitor who opens a tab, searches or follows a link has left the first view that the card explains.
  function leave(event) {
    if (event.target.closest?.('[role="tab"], .e5-go, .carry')) end();
  }

  part(".further").addEventListener("click", further);
  part(".end").addEventListener("click", end);
  addEventListener("keydown", escape);
  addEventListener("click", leave, true);
  // Outside of this component, but where style.css applies.
  (element.closest(".contain") ?? element.closest(".gradio-container") ?? document.body).append(card);
  further();
  // A visitor who types already is not interrupted.
  if (!before?.matches("input, textarea")) card.focus({ preventScroll: true });
}

// The page is drawn part by part.
if (wanted()) {
  const drawn = setInterval(() => {
    if (!wanted()) clearInterval(drawn);
    else if (seen(".e5-ask") && seen(steps.at(-1).dataset.target)) {
      clearInterval(drawn);
      show();
    }
  }, 300);
}
