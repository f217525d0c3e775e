"""Hostile texts, addresses and links in a real browser: shown as text, without a script or a request to others."""

import json
from urllib.parse import quote

import pytest
from browsing import ask, needs_chromium, open_tab, titles

pytestmark = needs_chromium
HACK = "window.hacked = true"
TEXTS = [
    f"<script>{HACK}</script>",
    f'"><img src=x onerror="{HACK}">',
    f"<svg/onload='{HACK}'>",
    "</style><style>*{display:none!important}</style>",
    "red;} body{display:none} a{",
    f"[click](javascript:{HACK}) ![x](data:text/html,<script>{HACK}</script>)",
    f"${{{HACK}}} {{{{constructor.constructor('{HACK}')()}}}} <%= 1 %>",
    "\u202egnp.exe\u2066 rlo",
]
ADDRESSES = [
    f"javascript:{HACK}", f"data:text/html,<script>{HACK}</script>", "//localhost/a.png", "file:///etc/passwd",
    "http://127.0.0.1:9/a.png", "http://192.168.0.1/a.png", "http://[::1]/a.png", "http://localhost/a.png",
    "http://printer.local/a.png", "https://user:word@evil.example/a.png", "http://0x7f.1/a.png", "http://2130706433/",
]  # fmt: skip


def unharmed(page):
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("getComputedStyle(document.body).display") != "none"
    assert (
        page.locator(".e5-out script, .e5-out style, .e5-out iframe, .e5-out [onerror], .e5-out [onload]").count() == 0
    )


def test_a_hostile_catalogue_of_one_s_own(visit):
    """Every text in every column, and picture addresses that a browser must not request."""
    cells = [json.dumps(text).replace('\\"', '""') for text in TEXTS]
    rows = [",".join([cell, cell, cell, cells[0]]) for cell in cells]
    rows += [f'"lamp {place}",x,y,"{address}"' for place, address in enumerate(ADDRESSES)]
    page = visit()
    open_tab(page, "Try your own")
    page.get_by_role("textbox", name="Your table").fill("\n".join(["title,brand,color,image_url", *rows]))
    page.get_by_role("button", name="Load this table").click()
    page.get_by_text(f"{len(rows)} products", exact=True).wait_for()  # the progress bar counts, too
    ask(page, f"lamp {TEXTS[0]}")
    assert any("lamp" in title for title in titles(page))
    page.wait_for_timeout(200)
    unharmed(page)
    assert page.locator(".e5-out:visible img").count() == 0


@pytest.mark.parametrize("text", TEXTS[:4])
def test_a_hostile_link(visit, text):
    """Shown as text in the note above the results, in the form and in the results."""
    link = "?" + "&".join(f"{name}={quote(text)}" for name in ("q", "k", "brand", "system", "like", "color"))
    page = visit(link=link)
    page.get_by_text("Not all of this link could be used").wait_for()
    unharmed(page)


def test_a_plug_in_of_a_stranger_is_not_loaded(browser, url):
    """The browser applies the page's content security policy."""
    page = browser.new_page()
    page.goto(url)
    blocked = page.evaluate(
        """() => new Promise(resolve => {
            document.addEventListener("securitypolicyviolation", event => {
                event.stopImmediatePropagation(); resolve(event.violatedDirective) }, true);
            const base = document.createElement("object");
            base.data = "https://evil.example/x"; document.body.append(base);
            setTimeout(() => resolve("nothing"), 3000) })"""
    )
    page.close()
    assert blocked == "object-src"
