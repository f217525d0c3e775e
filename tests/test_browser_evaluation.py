"""The Evaluation tab in a real browser: its bars, its links to comparisons, and its address."""

import pytest
import small_evaluation
import small_shop
from browsing import DESK, LOW_CONTRAST, PHONE, ask, needs_chromium, open_tab, unfold, width_beyond

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def url():
    with small_shop.serve(small_shop.engine(small_evaluation.content())) as url:
        yield url


def opened(page):
    """Open the tab as a visitor does."""
    open_tab(page, "Evaluation")
    page.locator(".answer").wait_for()
    return page


def place(page):
    """The y position of the list below the chart."""
    return page.locator(".ends-in-words").evaluate("list => list.getBoundingClientRect().y + scrollY")


def test_the_tab_answers_and_its_bars_can_be_read(visit, url):
    """By pointer and by keyboard, and on to the comparison of the query with the largest loss."""
    page = visit()
    assert page.locator(".evaluation").count() == 0  # not drawn before it is opened
    opened(page)
    assert page.url == f"{url}?tab=evaluation"
    assert "no clear difference" in page.locator(".answer h2").inner_text()
    said, slider = page.locator(".said"), page.get_by_role("slider", name="Query, by its difference")
    assert said.inner_text().startswith("1 of 38: “query us 20” (us) +.400")
    before = place(page)
    page.locator(".band").nth(30).click()
    assert said.inner_text().startswith("31 of 38") and slider.input_value() == "31"
    slider.focus()
    page.keyboard.press("End")
    assert said.inner_text().startswith("38 of 38") and small_evaluation.HOSTILE in said.inner_text()
    assert slider.get_attribute("aria-valuetext") == said.inner_text()
    assert page.locator(".band.on").count() == 1
    assert place(page) == before  # nothing jumps under the pointer
    page.locator(".readout .carry").click()
    page.locator(".side").first.wait_for()
    assert page.get_by_role("textbox", name="Query").input_value() == small_evaluation.HOSTILE
    unfold(page)
    assert page.get_by_role("combobox", name="Locale").input_value().startswith("us")
    page.wait_for_url("**tab=compare**")
    assert page.evaluate("window.hacked") is None


def test_a_figure_is_explained_beside_it(visit):
    """A style sheet for the texts behind "?" once moved the descriptions to the corner of the page."""
    page = opened(visit())
    for metric in page.locator(".metric").all():
        own, text = metric.bounding_box(), metric.locator(".meaning").bounding_box()
        assert (
            own["x"] <= text["x"] and own["y"] <= text["y"] and text["y"] + text["height"] <= own["y"] + own["height"]
        )


def test_the_address_follows_the_tabs(visit, url):
    """A link opens the tab, and the address is that of the open tab, also after going back to the search."""
    # In a new page: a second address in the same one would cancel requests of the first.
    page = visit(link="?tab=evaluation&__theme=light", shows=".answer")
    assert page.get_by_role("tab", name="Evaluation").get_attribute("aria-selected") == "true"
    open_tab(page, "Search")
    page.wait_for_url(f"{url}?__theme=light")
    ask(page, "coffee mug")
    page.wait_for_url("**q=coffee%20mug**")
    opened(page)
    page.wait_for_url("**tab=evaluation**")
    assert "coffee" not in page.url
    open_tab(page, "Search")
    page.wait_for_url("**q=coffee%20mug**")


@pytest.mark.parametrize(("viewport", "scheme"), [(DESK, "light"), (PHONE, "dark")])
def test_it_can_be_read(visit, viewport, scheme):
    """Contrast, no sideways scrolling, and every drawing within the page."""
    page = opened(visit(viewport, scheme))
    page.locator("summary", has_text="settings of train.py").click()
    assert page.evaluate(LOW_CONTRAST) == []
    assert width_beyond(page) == 0
    widths = page.locator(".evaluation svg:not(svg svg)").evaluate_all("all => all.map(one => one.clientWidth)")
    assert len(widths) > 20 and min(widths) > 40
    heights = page.locator(".drawing > svg").evaluate_all("all => all.map(one => one.getBoundingClientRect().height)")
    assert len(heights) == 2 and all(100 < height < 260 for height in heights)
