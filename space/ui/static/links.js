// Functions for the scripts after it, which follow links and show them in the address bar.

const OURS = ["q", "k", "tab", "system", "systems", "locale", "brand", "color", "category", "min_price", "max_price",
  "min_rating", "fold", "like"]; // space.ui.links.NAMES; a test compares them

const absolute = (link) => new URL(link, location.origin + location.pathname).href;

// Shows a link in the address bar; "" is the page itself.
function showAddress(link) {
  // Parameters of others, such as Gradio's __theme, stay in the address but are left out of copied links: on a private
  // Space one of them may be a secret key.
  const rest = new URLSearchParams([...new URLSearchParams(location.search)].filter(([name]) => !OURS.includes(name)));
  const address = absolute((link || "?") + (rest.size ? `${link ? "&" : ""}${rest}` : "")).replace(/\?$/, "");
  if (address === location.href) return;
  // Replaced, not pushed: "back" leaves the page instead of going through every option that was tried.
  history.replaceState(history.state, "", address);
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
