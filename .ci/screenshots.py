"""The README's pictures, from the quickstart as it is served: python .ci/screenshots.py http://127.0.0.1:7860.

Links restore a whole search, so a picture is a link and a size.
"""

import sys
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).resolve().parent.parent / "images"
QUERY = "something to keep coffee hot at work, 16 oz"
SHOTS = {
    "compare.png": (f"?q={quote(QUERY)}&k=6&tab=compare", 1280, 1180, "light"),
    "search.png": (f"?q={quote(QUERY)}&k=6&tab=search", 1280, 960, "light"),
    "phone.png": (f"?q={quote(QUERY)}&k=6&tab=compare", 390, 844, "dark"),
}


def main() -> None:
    """Take every picture."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
        )
        for name, (link, width, height, scheme) in SHOTS.items():
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
            page.goto(sys.argv[1] + "/" + link)
            page.wait_for_selector("text=Copy link", timeout=60_000)
            page.wait_for_timeout(500)
            page.screenshot(path=IMAGES / name)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
