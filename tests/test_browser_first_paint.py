"""The verdict in a browser before and after Gradio has drawn the page."""

import pytest
import small_evaluation
import small_shop
from browsing import DESK, PHONE, needs_chromium

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def url():
    with small_shop.serve(small_shop.engine(small_evaluation.content())) as url:
        yield url


def place(page):
    """(left, top) of the verdict's first line."""
    box = page.locator(".verdict p").first.bounding_box()
    return box["x"], box["y"]


@pytest.mark.parametrize("size", [DESK, PHONE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_verdict_stands_there_before_the_scripts_and_does_not_move(browser, url, size, scheme):
    """A visitor on a slow line reads while the page loads: the text must neither jump nor change its colour."""
    look = "e => [getComputedStyle(e).color, getComputedStyle(e).fontSize]"
    before = browser.new_page(java_script_enabled=False, viewport=size)
    before.goto(url)
    assert before.title() == "E5 product search"
    early = place(before)
    before.close()
    page = browser.new_page(viewport=size, color_scheme=scheme)
    page.route("**/assets/*.js", lambda route: route.abort())
    page.goto(f"{url}?__theme={scheme}")
    front = page.locator("#first-paint .verdict p").first.evaluate(look)
    page.close()
    page = browser.new_page(viewport=size, color_scheme=scheme)
    page.goto(f"{url}?__theme={scheme}")
    page.locator("gradio-app .verdict").wait_for()
    page.locator("#first-paint").wait_for(state="detached")
    page.get_by_role("textbox", name="Query").wait_for()
    assert page.locator("h1").count() == 1
    assert place(page) == pytest.approx(early, abs=1)
    assert page.locator(".verdict p").first.evaluate(look) == front
    page.close()


def test_gradios_style_sheets_keep_their_order(browser, url):
    """Its reset sets the padding of every button to 0, and the sheet of the tabs, which comes later, to 16 px."""
    page = browser.new_page(viewport=DESK)
    page.goto(url)
    tab = page.locator(".tab-container > [role=tab]").first
    tab.wait_for()
    assert tab.evaluate("e => getComputedStyle(e).paddingLeft") == "16px"
    page.close()


def test_the_status_for_screen_readers_is_a_sentence(visit):
    """Gradio 6.31 has no text for the end of an answer, and would say its key: common.complete."""
    page = visit(link="?q=shoes")
    page.locator(".summary q").wait_for()
    said = "e => [...document.querySelectorAll('[aria-live], [role=status]')].map(one => one.textContent).join(' ')"
    page.wait_for_function("document.body.textContent.includes('Done: the page shows the answer.')")
    assert "common." not in page.locator("body").evaluate(said)


def test_the_verdict_can_be_saved_as_a_picture(visit):
    page = visit()
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save as a picture").click()
    assert saved.value.path().read_bytes().startswith(b"\x89PNG")
