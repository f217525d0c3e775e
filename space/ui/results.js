// Runs once for each place where results go. `element` stays the same while its content changes.
// Knows of a search only the link that the server wrote for it.

const OURS = ["q", "k", "tab", "system", "locale", "brand", "color"]; // space.ui.links.NAMES; a test compares them

// A picture that does not load leaves its placeholder, in place of the browser's sign for a broken one. Removed and not
// hidden: the next results are patched into the same elements.
element.addEventListener("error", (event) => event.target.remove(), true);

const part = (name) => element.querySelector(`.share ${name}`);
const absolute = (link) => new URL(link, location.origin + location.pathname).href;

function followResults() {
  const link = part(".copy")?.dataset.link;
  if (!link || !element.checkVisibility()) return;
  // What is not ours, such as Gradio's __theme, stays in the address but never goes into a copied link: on a private
  // Space it may be a key.
  const rest = new URLSearchParams([...new URLSearchParams(location.search)].filter(([name]) => !OURS.includes(name)));
  const address = absolute(link + (rest.size ? `&${rest}` : ""));
  if (address === location.href) return;
  // Replaced and not pushed: "back" leaves the page, as it did before, instead of walking through every option tried.
  history.replaceState(history.state, "", address);
  // Embedded in a page of the Hub, whose address bar is the one that visitors see.
  if (parent !== window && document.referrer.startsWith("https://huggingface.co/")) {
    parent.postMessage({ queryString: link.slice(1) }, "https://huggingface.co");
  }
}

function forgetCopying() {
  if (!part(".address")) return;
  part(".address").hidden = true;
  part(".copied").textContent = "";
}

async function copy(button) {
  const field = part(".address"), said = part(".copied");
  field.value = absolute(button.dataset.link);
  field.hidden = false; // also when all goes well: it shows what was copied, and can be copied by hand
  field.select();
  let done = false;
  try {
    await navigator.clipboard.writeText(field.value);
    done = true;
  } catch {
    // No permission, or a page without https, where there is no such clipboard at all; the old way asks for neither.
    done = document.execCommand("copy");
  }
  said.textContent = done ? "Link copied" : "Copy it from here:";
  if (!done) field.select();
}

element.addEventListener("click", (event) => {
  const button = event.target.closest(".copy"), carry = event.target.closest(".carry");
  if (button) copy(button);
  // With a key held the visitor wants it in another tab or window: that is the browser's to do.
  if (carry && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey) {
    event.preventDefault();
    trigger("click", { link: carry.getAttribute("href") });
  }
});

watch("value", () => {
  forgetCopying();
  followResults();
});
// What a change of the tab looks like from here: hidden it has no size. Not by an IntersectionObserver, since on a phone
// the results may start below the screen.
new ResizeObserver(followResults).observe(element);
