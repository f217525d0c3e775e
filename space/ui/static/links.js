// Stands before the scripts that follow links or show one in the address bar; defines, and does nothing.

const OURS = ["q", "k", "tab", "system", "systems", "locale", "brand", "color", "category", "min_price", "max_price",
  "min_rating", "fold", "like"]; // space.ui.links.NAMES; a test compares them

const absolute = (link) => new URL(link, location.origin + location.pathname).href;

// The address bar as the link to what is seen; "" is the page itself.
function showAddress(link) {
  // What is not ours, such as Gradio's __theme, stays in the address but never goes into a copied link: on a private
  // Space it may be a key.
  const rest = new URLSearchParams([...new URLSearchParams(location.search)].filter(([name]) => !OURS.includes(name)));
  const address = absolute((link || "?") + (rest.size ? `${link ? "&" : ""}${rest}` : "")).replace(/\?$/, "");
  if (address === location.href) return;
  // Replaced and not pushed: "back" leaves the page, as it did before, instead of walking through every option tried.
  history.replaceState(history.state, "", address);
  // Embedded in a page of the Hub, whose address bar is the one that visitors see.
  if (parent !== window && document.referrer.startsWith("https://huggingface.co/")) {
    parent.postMessage({ queryString: link.slice(1) }, "https://huggingface.co");
  }
}

// The link to another tab that was clicked, which the server follows; undefined for any other click.
function carried(event) {
  const carry = event.target.closest(".carry");
  // With a key held the visitor wants it in another tab or window: that is the browser's to do.
  if (!carry || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return undefined;
  event.preventDefault();
  return carry.getAttribute("href");
}
