"""The explanation dialog and an uploaded catalogue in a real browser."""

from pathlib import Path

import pytest
from browsing import DESK, LOW_CONTRAST, PHONE, ask, needs_chromium, open_tab, width_beyond
from gradio.utils import get_upload_folder

pytestmark = needs_chromium

SHOP = "name;brand;color\nRed mug;Acme;red\nTrail shoes;<b>Fenn</b>;blue\nLaptop sleeve;;\n"
FOCUS = "document.activeElement.getAttribute('data-product')"


def why(page):
    dialog = page.get_by_role("dialog", name="Why this result?")
    dialog.locator(".lead").wait_for()
    return dialog


@pytest.fixture
def own(visit):
    def visit_tab(**options):
        page = visit(**options)
        open_tab(page, "Try your own")
        page.get_by_role("button", name="Use an example").wait_for()
        return page

    return visit_tab


def choose(page, name, content):
    page.locator(".choose input").set_input_files({"name": name, "mimeType": "text/csv", "buffer": content})


def test_why_by_keyboard_alone(visit):
    """Enter opens and Escape closes the dialog; then the focus is back on the button."""
    page = visit()
    ask(page, "red sneakers")
    page.get_by_role("button", name="Why? Red running shoes").focus()
    page.keyboard.press("Enter")
    dialog = why(page)
    text = dialog.inner_text()
    for said in ("Fine-tuned gives it a cosine of .707", "Title", "+.207", "Brand", "−.109", "sneakers",
                 "do not add up"):  # fmt: skip
        assert said in text
    left, right = dialog.locator(".fill.against").first, dialog.locator(".fill.for").first
    assert left.bounding_box()["x"] < right.bounding_box()["x"]
    assert "gradient" in left.evaluate("bar => getComputedStyle(bar).backgroundImage")
    page.keyboard.press("Tab")
    assert page.evaluate(
        "Boolean(document.activeElement.closest('dialog')) || document.activeElement === document.body"
    )
    page.keyboard.press("Escape")
    assert not dialog.is_visible() and page.evaluate(FOCUS) == "p01"


def test_why_in_a_comparison_answers_for_its_column(visit):
    """The last click is answered, for the system of its column."""
    page = visit()
    open_tab(page, "Compare")
    ask(page, "red sneakers")
    page.locator(".side.bm25 .ask-why").first.click()
    assert "BM25 gives it a score of" in why(page).inner_text()
    page.get_by_role("button", name="Close").click()
    page.locator(".side.base .ask-why").first.click()
    page.get_by_role("dialog").get_by_text("Base gives it a cosine").wait_for()
    page.mouse.click(5, 5)  # on the shade
    assert not page.get_by_role("dialog").is_visible()


@pytest.mark.parametrize(("scheme", "viewport"), [("light", DESK), ("dark", PHONE)])
def test_contrast_and_width(own, scheme, viewport):
    page = own(scheme=scheme, viewport=viewport)
    page.get_by_role("button", name="Use an example").click()
    page.locator(".e5-own .side, .e5-own .aligned").filter(visible=True).first.wait_for()
    assert page.evaluate(LOW_CONTRAST) == [] and width_beyond(page) == 0
    page.locator(".e5-own").get_by_role("button", name="Lists", exact=True).click()
    page.locator(".e5-own .ask-why").first.click()
    box = why(page).bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= viewport["width"]
    # Bars are no text, and what lies behind the dialog is under its shade.
    assert [low for low in page.evaluate(LOW_CONTRAST.replace("'body *'", "'dialog *'"))] == []


def test_own_file_is_searched_and_forgotten(own, url):
    """A file is searched and explained, without a copy on the server's disk, and can be deleted."""
    before = {*Path(get_upload_folder()).rglob("*")}
    page = own()
    choose(page, "shop.csv", SHOP.encode())
    page.get_by_text("3 products from “shop.csv”").wait_for()
    page.get_by_role("textbox", name="Query").fill("sneakers")
    page.get_by_role("textbox", name="Query").press("Enter")
    page.locator(".e5-own .side.tuned .title").first.wait_for()
    assert page.locator(".e5-own .side.tuned .title").first.inner_text() == "Trail shoes"
    assert "<b>Fenn</b>" in page.locator(".e5-own .side.tuned .about").first.inner_text()
    page.locator(".e5-own .side.tuned .ask-why").first.click()
    assert "Trail shoes" in why(page).inner_text()
    page.keyboard.press("Escape")
    choose(page, "empty.csv", b"")
    alert = page.get_by_role("alert").filter(has_text="the file is empty")
    alert.wait_for()
    assert "The table loaded before is still searched" in alert.inner_text()
    assert page.locator(".e5-own .side.tuned .title").first.inner_text() == "Trail shoes"
    assert {*Path(get_upload_folder()).rglob("*")} == before
    page.get_by_role("button", name="Forget it").click()
    page.get_by_text("Forgotten").wait_for()
    assert page.locator(".e5-own .side").count() == 0
    assert not page.get_by_role("textbox", name="Query").is_visible()


def test_bad_files_are_answered_in_the_page(own):
    page = own()
    for name, content, said in (
        ("shop.csv", b"title,price\nMug,1\nBowl\n", "line 3 has 1 cell, the header has 2"),
        ("shop.xlsx", b"PK\x03\x04" + bytes(100), "a zip archive"),
        ("shop.csv", b"x" * 2_000_001, "2,000,001 bytes; use at most 2,000,000"),
        ("empty.csv", b"", "the file is empty"),
    ):
        choose(page, name, content)
        page.get_by_role("alert").filter(has_text=said).wait_for()
    page.get_by_label("Your table").fill("title\tbrand\nMug")
    page.get_by_role("button", name="Load this table").click()
    page.get_by_role("alert").filter(has_text="Your table: line 2 has 1 cell, the header has 2").wait_for()


def test_two_visitors_see_their_own(own):
    """A catalogue is kept in the state of its visit, so other visitors cannot find its products."""
    first, second = own(), own(anew=True)
    choose(first, "a.csv", b"title\nSecret teapot\n")
    choose(second, "b.csv", b"title\nOpen kettle\n")
    for page, title in ((first, "Secret teapot"), (second, "Open kettle")):
        page.get_by_text("1 product from").wait_for()
        page.get_by_role("textbox", name="Query").fill("teapot kettle")
        page.get_by_role("textbox", name="Query").press("Enter")
        page.locator(".e5-own .side .title").first.wait_for()
        assert {*page.locator(".e5-own .side .title").all_inner_texts()} == {title}
