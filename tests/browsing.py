"""Helpers for tests in a real browser; the fixtures ``browser`` and ``visit`` are in conftest.py."""

import re
import shutil
from base64 import b64encode
from importlib.util import find_spec

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None or find_spec("playwright") is None, reason="needs playwright and a chromium on the PATH"
)
# One process for all tabs, so that the page is compiled once; and no host name but 127.0.0.1 can be resolved.
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--process-per-site", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]  # fmt: skip
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c6360e8ef07000163010bbd1b0f"
    "e40000000049454e44ae426082"
)
# What the page keeps in the browser once the guided minute was ended; "about:blank" has no storage.
TOUR_SEEN = 'if (location.protocol === "http:") localStorage.setItem("e5-tour", "seen");'
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}

# Text whose contrast with the nearest opaque background is below WCAG AA, as "ratio text".
LOW_CONTRAST = """() => {
  const rgba = text => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const linear = v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = rgb => [.2126, .7152, .0722].reduce((sum, weight, i) => sum + weight * linear(rgb[i] / 255), 0);
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].filter(n => n.nodeType === 3).map(n => n.textContent.trim()).join('');
    if (!own || !element.checkVisibility({visibilityProperty: true, opacityProperty: true})) continue;
    if (element.closest('.picture, .unseen, .sr-only, script, style, noscript')) continue;
    let back = [255, 255, 255];
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) { back = colour; break; }
    }
    const [a, b] = [light(rgba(getComputedStyle(element).color)), light(back)];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) found.push(ratio.toFixed(2) + ' ' + own.slice(0, 40));
  }
  return found;
}"""


def complain_of(page, address, complaints):
    """Note warnings and errors in the console, and requests to other servers."""

    def asked(request):
        if not re.match(rf"{re.escape(address)}|\w+://images\.example/|data:|blob:", request.url):
            complaints.append(f"asked {request.url}")

    def console(message):
        # Gradio 6.31 closes its streams when the page is left or loaded again, and logs that they were closed.
        if message.text.startswith("AbortError: signal is aborted without reason"):
            return
        if message.type in ("error", "warning") and "images.example" not in str(message.location):
            complaints.append(f"{message.type}: {message.text}")

    page.on("request", asked)
    page.on("console", console)
    page.on("pageerror", lambda error: complaints.append(f"exception: {error}"))


def show_pictures(page):
    """Answer requests for pictures of the catalogue with a grey pixel.

    By the DevTools protocol: Playwright's routes would delay every file of the page and turn off the cache.
    """
    session = page.context.new_cdp_session(page)
    pixel = {"responseCode": 200, "body": b64encode(PIXEL).decode()}
    pixel["responseHeaders"] = [{"name": "Content-Type", "value": "image/png"}]
    session.on("Fetch.requestPaused", lambda event: session.send(
        "Fetch.fulfillRequest", {"requestId": event["requestId"]} | pixel
    ))  # fmt: skip
    session.send("Fetch.enable", {"patterns": [{"urlPattern": "*://images.example/*"}]})


def open_tab(page, name):
    """Click on a tab."""
    page.get_by_role("tablist").first.get_by_role("tab", name=name).click()


def unfold(page):
    """Show the filters and options of the open tab."""
    button = page.locator(".e5-more button").filter(visible=True)
    button.wait_for()
    if button.get_attribute("aria-expanded") == "false":
        button.click()


def ask(page, query):
    box = page.locator(".e5-query textarea, .e5-query input").filter(visible=True)
    box.fill(query)
    box.press("Enter")
    page.locator(".summary q, .moves, .problem").filter(visible=True).first.wait_for()


def titles(page):
    # A card below the screen is laid out when it is scrolled to; until then it has no inner text.
    return [text.strip() for text in page.locator(".card .title:visible").all_text_contents()]


def width_beyond(page):
    return page.evaluate("document.documentElement.scrollWidth - innerWidth")
