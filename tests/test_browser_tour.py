"""The guided minute in a real browser: once, by keyboard, on a desk and on a phone, in both languages."""

import pytest
from browsing import DESK, LOW_CONTRAST, PHONE, needs_chromium, width_beyond

pytestmark = needs_chromium
NO_STORAGE = """Object.defineProperty(window, "localStorage", {
  get() { throw new DOMException("", "SecurityError"); },
});"""


def card_of(page):
    return page.get_by_role("dialog", name="A guided minute")


@pytest.mark.parametrize("size", [{"width": 1280, "height": 800}, PHONE])
@pytest.mark.parametrize("locale", ["en-US", "ru-RU"])
def test_each_step_points_at_a_part_of_the_page_that_the_card_does_not_cover(visit, size, locale):
    page = visit(size, locale=locale, tour=True)
    card = page.locator(".e5-tour-card")
    card.wait_for()
    pointed = []
    for place in range(4):
        target = page.locator("[data-toured]")
        target.wait_for()
        pointed.append(target.inner_text())
        box, over = target.bounding_box(), card.bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= over["y"]
        assert over["x"] >= 0 and over["x"] + over["width"] <= size["width"]
        assert over["y"] + over["height"] <= size["height"] and f"{place + 1} " in card.inner_text()
        assert page.evaluate(LOW_CONTRAST) == [] and width_beyond(page) == 0
        card.get_by_role("button").first.click()
    assert len(set(pointed)) == 4 and card.count() == 0 and page.locator("[data-toured]").count() == 0


def test_by_keyboard_alone_and_never_again(visit):
    page = visit(tour=True)
    card = card_of(page)
    card.wait_for()
    page.wait_for_function("document.activeElement.matches('.e5-tour-card')")
    page.keyboard.press("Tab")
    assert page.locator(":focus-visible").inner_text() == "Next"
    page.keyboard.press("Enter")
    card.get_by_text("2 of 4").wait_for()
    page.keyboard.press("Escape")
    card.wait_for(state="detached")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "tab"
    assert page.evaluate("[document.cookie, ...Object.keys(localStorage), ...Object.keys(sessionStorage)]") == [
        "",
        "e5-tour",
    ]
    page.reload()
    page.get_by_role("textbox", name="Query").wait_for()
    page.wait_for_timeout(1_000)
    assert card.count() == 0


@pytest.mark.parametrize("link", ["?q=coffee%20mug", "?tab=data"])
def test_a_link_is_not_interrupted(visit, link):
    page = visit(DESK, link=link, tour=True, shows=".card, .e5-eval, h2")
    page.wait_for_timeout(1_500)
    assert page.locator(".e5-tour-card").count() == 0


def test_without_storage_it_is_not_shown(visit):
    """It would come again at every visit."""
    page = visit(tour=True, prepare=lambda context: context.add_init_script(NO_STORAGE))
    page.wait_for_timeout(1_500)
    assert page.locator(".e5-tour-card").count() == 0


def test_a_visitor_who_goes_elsewhere_is_let_go(visit):
    """The card lay over the other tabs and took their clicks."""
    page = visit(tour=True)
    page.locator(".e5-tour-card").wait_for()
    page.get_by_role("tab", name="Evaluation").first.click()
    page.locator(".e5-tour-card").wait_for(state="detached")
    page.locator(".answer").filter(visible=True).wait_for()
