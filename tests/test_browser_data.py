"""Product details, the Data tab and the Statistics tab in a real browser."""

import pytest
import small_shop
from browsing import DESK, LOW_CONTRAST, PHONE, ask, needs_chromium, open_tab, width_beyond

from space.evaluation.schema import Evaluation
from space.feedback.usage import Usage

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def usage(tmp_path_factory):
    made = Usage(tmp_path_factory.mktemp("usage"), log_queries=True)
    yield made
    made.close()


@pytest.fixture(scope="module")
def url(usage):
    number = {"mean": 0.6, "low": 0.5, "high": 0.7, "n": 6}
    systems = {name: {"ndcg@10": number, "recall@100": number} for name in ("bm25", "random")}
    evaluation = {"verdict": "", "protocols": {name: {"systems": systems} for name in ("judged", "full_catalogue")}}
    with small_shop.serve(small_shop.engine(Evaluation.from_json(evaluation), usage=usage)) as url:
        yield url


def opened(usage):
    return [(one.locale, one.product_id, one.opened) for one in usage.report().most_opened]


def test_a_title_unfolds_counts_once_and_folds_with_the_next_results(visit, usage):
    """By mouse and by keyboard. Gradio patches the next results into the same elements, which must fold again."""
    page = visit()
    ask(page, "red running shoes")
    first, second = (page.locator(".card summary").nth(place) for place in (0, 1))
    assert not page.locator(".product .columns").first.is_visible()
    with page.expect_response("**/run/predict*"):
        first.click()
    assert "p01" in page.locator(".product[open] .columns").inner_text()
    first.click()
    first.click()
    second.focus()
    with page.expect_response("**/run/predict*"):
        page.keyboard.press("Enter")
    assert page.locator(".product[open]").count() == 2
    assert opened(usage) == [("us", "p01", 1), ("us", "p02", 1)]
    ask(page, "coffee mug")
    page.locator(".summary q").filter(has_text="coffee mug").wait_for()
    assert page.locator(".product[open]").count() == 0
    ask(page, "red running shoes")
    page.locator(".summary q").filter(has_text="red running shoes").wait_for()
    with page.expect_response("**/run/predict*"):
        page.locator(".card summary").first.click()
    assert opened(usage)[0] == ("us", "p01", 2)
    assert width_beyond(page) == 0 and page.evaluate(LOW_CONTRAST) == []


@pytest.mark.parametrize(("size", "scheme"), [(DESK, "light"), (PHONE, "dark")])
def test_data_and_statistics_are_there_when_looked_at(visit, usage, size, scheme):
    """Contrast and width; the statistics are added up anew each time the tab is opened."""
    page = visit(size, scheme, link="?__theme=" + scheme)
    assert page.locator(".data").count() == 0
    open_tab(page, "Data")
    data = page.locator(".data:visible")
    data.get_by_text("Missing fields").wait_for()
    assert "Dulcet" in data.inner_text() and data.locator("table").count() == 2
    assert page.evaluate("window.hacked") is None
    assert width_beyond(page) == 0 and page.evaluate(LOW_CONTRAST) == []
    for _ in range(2):
        open_tab(page, "Search")
        ask(page, "laptop stand")
        page.locator(".summary q").filter(has_text="laptop stand").wait_for()
        open_tab(page, "Statistics")
        page.locator(".data:visible .tiles b").first.filter(has_text=f"{usage.report().searches}").wait_for()
    assert "Red running shoes" in page.locator(".data:visible").inner_text()
    assert width_beyond(page) == 0 and page.evaluate(LOW_CONTRAST) == []
