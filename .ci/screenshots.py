"""The README's pictures, from the quickstart as it is served.

python .ci/screenshots.py http://127.0.0.1:7860 quickstart

Links restore a whole search, so a picture is a link and a size. The folder is the one that the quickstart made, for
the cards.
"""

import sys
from pathlib import Path
from urllib.parse import quote

from markdown_it import MarkdownIt
from playwright.sync_api import Browser, Page, sync_playwright

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
QUERY = "something to keep coffee hot at work, 16 oz"
SEARCH, COMPARE = f"?q={quote(QUERY)}&k=6&tab=search", f"?q={quote(QUERY)}&k=6&tab=compare"
SHOTS = {
    "compare.png": (COMPARE, 1280, 1180, "light", None),
    "search.png": (SEARCH, 1280, 960, "light", lambda page: page.locator("details.product summary").first.click()),
    "why.png": (COMPARE, 1280, 960, "light", lambda page: page.locator(".side.tuned .ask-why").first.click()),
    "own.png": ("?tab=own", 1280, 1100, "light", lambda page: try_own(page)),
    "evaluation.png": ("?tab=evaluation", 1280, 1500, "light", None),
    "data.png": ("?tab=data", 1280, 1300, "light", None),
    "statistics.png": ("?tab=statistics", 1280, 900, "light", None),
    "phone.png": (COMPARE, 390, 844, "dark", None),
}
CARDS = {"model_card.png": "saved_e5_model", "dataset_card.png": "artifacts"}
CARD_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 960px; margin: 1.5rem auto; padding: 0 1.5rem; color: #1f2328 }
h1, h2 { border-bottom: 1px solid #d1d9e0; padding-bottom: .3em } img { max-width: 100% }
table { border-collapse: collapse; font-size: 13px } td, th { border: 1px solid #d1d9e0; padding: .3em .7em }
pre { background: #f6f8fa; padding: 1em; border-radius: 6px } pre, code { font-size: 12.5px }
code { background: #f6f8fa } blockquote { border-left: .25em solid #d1d9e0; margin-left: 0; padding-left: 1em }
"""


def main() -> None:
    """Take every picture."""
    address, folder = sys.argv[1], Path(sys.argv[2])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
        )
        for name, (link, width, height, scheme, act) in SHOTS.items():
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
            page.add_init_script('localStorage.setItem("e5-tour", "seen")')
            page.goto(f"{address}/{link}")
            page.wait_for_timeout(3000)
            if act:
                act(page)
            page.wait_for_timeout(1500)
            page.screenshot(path=IMAGES / name)
            page.close()
        for name, part in CARDS.items():
            take_card(browser, folder.resolve() / part / "README.md", IMAGES / name)
        browser.close()


def try_own(page: Page) -> None:
    """The example table, which brings its query."""
    page.get_by_role("button", name="Use an example").click()
    page.locator(".side:visible").first.wait_for(timeout=60_000)


def take_card(browser: Browser, card: Path, picture: Path) -> None:
    """A card as Markdown shows it, below its front matter, which the Hub turns into tags and links."""
    _, front, text = card.read_text(encoding="utf-8").split("---\n", 2)
    front = front if len(front) < 600 else front[:600].rpartition("\n")[0] + "\n…\n"
    body = MarkdownIt("commonmark").enable("table").render(f"```yaml\n{front}```\n{text}")
    page = browser.new_page(viewport={"width": 1020, "height": 1500})
    shown = card.with_name(".card.html")
    try:
        shown.write_text(f"<meta charset='utf-8'><style>{CARD_STYLE}</style>{body}", encoding="utf-8")
        page.goto(shown.as_uri())
        page.screenshot(path=picture)
    finally:
        shown.unlink()
        page.close()


if __name__ == "__main__":
    main()
