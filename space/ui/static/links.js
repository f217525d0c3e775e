// Functions for the scripts after it, which follow links and show them in the address bar.

const OURS = ["q", "k", "tab", "system", "systems", "reference", "locale", "brand", "color", "category", "min_price", "max_price",
  "min_rating", "fold", "like", "show"]; // space.ui.links.NAMES; a test compares them

const absolute = (link) => new URL(link, location.origin + location.pathname).href;

// What "back" goes over: another query, product or tab. Filters and other options replace the address.
const step = (address) => {
  const asked = new URL(address).searchParams;
  return ["q", "like", "tab"].map((name) => asked.get(name) ?? "").join("\n");
};

// One step for each act of the visitor: on the way to an answer, a tab shows its older results for a moment.
const page = document.documentElement;
if (!page.dataset.steps) {
  page.dataset.steps = "watched";
  for (const name of ["pointerdown", "keydown"]) {
    addEventListener(name, () => { page.dataset.acted = ""; }, { capture: true, passive: true });
  }
  // Enter in a search box presses its button. Gradio would wait for the next frame before it says that Enter was pressed.
  addEventListener("keydown", (event) => {
    const button = event.target.closest?.(".e5-ask")?.querySelector("button.e5-go");
    if (!button || event.key !== "Enter" || event.isComposing || !event.target.matches("input, textarea")) return;
    event.preventDefault();
    if (!event.repeat) button.click();
  });
  // "Skip to the results" in the header, for the keyboard.
  addEventListener("click", (event) => {
    if (!event.target.closest?.(".skip")) return;
    const results = [...document.querySelectorAll(".e5-out, .e5-eval")].find((area) => area.checkVisibility());
    if (!results) return;
    results.tabIndex = -1;
    results.focus({ preventScroll: true });
    results.scrollIntoView();
  });
  // Without a link the visit begins anew, on the first view.
  addEventListener("popstate", () => {
    delete page.dataset.acted;
    const ours = [...new URLSearchParams(location.search).keys()].some((name) => OURS.includes(name));
    // The first place for results that listens follows the address, see results.js.
    const back = new Event("restore", { cancelable: true });
    if (!ours || document.dispatchEvent(back)) location.reload();
  });
}

// Shows a link in the address bar; "" is the page itself.
function showAddress(link) {
  // Parameters of others, such as Gradio's __theme, stay in the address but are left out of copied links: on a private
  // Space one of them may be a secret key.
  const rest = new URLSearchParams([...new URLSearchParams(location.search)].filter(([name]) => !OURS.includes(name)));
  const address = absolute((link || "?") + (rest.size ? `${link ? "&" : ""}${rest}` : "")).replace(/\?$/, "");
  if (address === location.href) return;
  if ("acted" in page.dataset && step(address) !== step(location.href)) {
    delete page.dataset.acted;
    history.pushState(null, "", address);
  } else {
    history.replaceState(history.state, "", address);
  }
  // On the Hub the page is in a frame, and visitors see the address of the outer page.
  if (parent !== window && document.referrer.startsWith("https://huggingface.co/")) {
    parent.postMessage({ queryString: link.slice(1) }, "https://huggingface.co");
  }
}

// The link to another tab that was clicked, for the server to follow; undefined for any other click.
function carried(event) {
  const carry = event.target.closest(".carry");
  // With a key held down, the browser opens it in another tab or window.
  if (!carry || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return undefined;
  event.preventDefault();
  return carry.getAttribute("href");
}
