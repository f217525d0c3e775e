"""Four encoders side by side in a real browser: columns, reference, picker, Evaluation, accessibility."""

import pytest
import small_evaluation
import small_shop
from browsing import DESK, PHONE, needs_chromium, open_tab, unfold, width_beyond
from test_browser_axe import findings

pytestmark = needs_chromium
LINK = "?tab=compare&q=red%20sneakers&k=4&locale=us"


@pytest.fixture(scope="module")
def url():
    four = small_shop.engine(small_evaluation.of_four(), encoders=small_shop.four())
    with small_shop.serve(four) as url:
        yield url


def heads(page):
    return page.locator(".side h2:visible").all_inner_texts()


def marks(page, place):
    return page.locator(".side").nth(place).locator(".move > [aria-hidden]").all_inner_texts()


def test_columns_and_the_reference_that_the_visitor_picks(visit):
    page = visit({"width": 1280, "height": 800}, link=LINK)
    page.locator(".side").nth(3).wait_for()
    assert heads(page) == ["Base", "Fine-tuned", "mini-v2", "card"] and width_beyond(page) == 0
    tops = page.locator(".side .cards").evaluate_all("lists => lists.map(one => one.getBoundingClientRect().top)")
    assert len(set(tops)) == 1, "four columns stand side by side"
    page.wait_for_url("**systems=base,tuned,mini-v2,card&reference=base**")
    assert marks(page, 0) == [] or set(marks(page, 0)) == {"only here"}
    against_base = marks(page, 3)
    unfold(page)
    page.get_by_label("Compared with").click()
    page.get_by_role("option", name="card").click()
    page.locator(".moves").filter(has_text="Against card:").wait_for()
    page.wait_for_url("**&reference=card**")
    assert len(marks(page, 0)) == 4 and against_base != marks(page, 3)
    again = visit(link=page.url[page.url.index("?") :])
    again.locator(".moves").filter(has_text="Against card:").wait_for()
    assert marks(again, 0) == marks(page, 0)
    page.get_by_role("checkbox", name="BM25").check()
    page.get_by_role("alert").filter(has_text="5 columns are turned on").wait_for()
    page.get_by_role("checkbox", name="card").uncheck()
    page.locator(".note").filter(has_text="card is turned off, so the others are compared with Base").wait_for()
    assert heads(page) == ["Base", "Fine-tuned", "mini-v2", "BM25"]
    assert findings(page) == []


def test_the_picker_sorts_by_a_pair(visit):
    page = visit(link=LINK)
    page.locator(".side").nth(3).wait_for()
    page.get_by_role("button", name="Browse 38 test queries").click()
    page.locator(".pick").first.filter(has_text="+.400").wait_for()
    page.get_by_label("System", exact=True).filter(visible=True).click()
    page.get_by_role("option", name="card").click()
    page.locator(".pick").first.filter(has_text="+.050").wait_for()
    page.get_by_role("option").first.wait_for(state="detached")
    page.get_by_label("minus").filter(visible=True).click()
    page.get_by_role("option", name="mini-v2").click()
    page.locator(".pick").first.filter(has_text="+.100").wait_for()
    assert "card minus mini-v2" in page.locator(".e5-list").last.inner_text()
    assert findings(page) == []
    page.locator(".pick").first.click()
    page.locator(".place").wait_for()


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_evaluation_and_four_columns_fit(visit, size):
    page = visit(size, link=LINK + "&show=lists")
    page.locator(".side").nth(3).wait_for()
    assert heads(page) == ["Base", "Fine-tuned", "mini-v2", "card"] and width_beyond(page) == 0
    assert findings(page) == []
    page.get_by_role("button", name="Table", exact=True).click()
    assert width_beyond(page) == 0 and findings(page) == []
    open_tab(page, "Evaluation")
    page.locator(".e5-eval select").first.wait_for()
    assert {"mini-v2", "card"} <= set(page.locator(".e5-eval .decides th[scope=row]").all_inner_texts())
    page.locator(".pair-of select.system").select_option("mini-v2")
    page.locator(".e5-eval .queries .lead").filter(has_text="mini-v2 minus Base").wait_for()
    focused = "document.activeElement.className"
    assert page.evaluate(focused) == "system", "the menu that was changed keeps the focus"
    assert width_beyond(page) == 0 and findings(page) == []
