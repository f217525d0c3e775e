"""What is in view without scrolling on a desk and a phone, and what takes a visitor there: chips, keys, links."""

import pytest
import small_evaluation
import small_shop
from browsing import PHONE, ask, needs_chromium, unfold, width_beyond

pytestmark = needs_chromium

LINK = "?tab=compare&q=red%20sneakers&systems=base,tuned,bm25,hybrid"
NAMES = {"base": "Base", "tuned": "Fine-tuned", "bm25": "BM25", "hybrid": "Hybrid"}


@pytest.fixture(scope="module")
def engine():
    return small_shop.engine(small_evaluation.content())


@pytest.fixture(scope="module")
def url(engine):
    with small_shop.serve(engine) as url:
        yield url


def below(locator):
    """Where an element ends, in pixels from the top of the screen."""
    box = locator.bounding_box()
    return box["y"] + box["height"]


def test_a_phone_shows_the_first_product_of_every_system_in_one_list(visit, engine):
    page = visit(PHONE, link=LINK)
    page.locator(".aligned").wait_for()
    assert not page.locator(".sides").is_visible() and width_beyond(page) == 0
    for system, result in engine.compare("red sneakers", 10, list(NAMES)).systems.items():
        first = result.hits[0]
        row = page.locator(f'.aligned tr[data-same="{first.product_locale}/{first.product_id}"]')
        assert below(row) <= PHONE["height"], system
        assert f"{NAMES[system]} 1" in " ".join(row.inner_text().split())


def test_a_desk_shows_the_first_product_of_every_column(visit):
    page = visit(link=LINK)
    page.locator(".side").nth(3).wait_for()
    assert not page.locator(".aligned").is_visible()
    for place in range(4):
        assert below(page.locator(".side").nth(place).locator(".card .title").first) <= 800


@pytest.mark.parametrize("size", [PHONE, {"width": 1280, "height": 800}])
def test_the_chosen_view_is_in_the_link(visit, size):
    """A phone begins with the list and a desk with columns; a link opens on both what its sender looked at."""
    page = visit(size, link=LINK)
    page.locator(".moves").wait_for()
    assert "show=" not in page.url
    other = "Lists" if size is PHONE else "Table"
    page.get_by_role("button", name=other, exact=True).click()
    page.wait_for_url(f"**&show={other.lower()}")
    again = visit(size, link=page.url[page.url.index("?") :])
    again.locator(".sides" if other == "Lists" else ".aligned").wait_for()
    assert again.get_by_role("button", name=other, exact=True).get_attribute("aria-pressed") == "true"
    again.reload()
    again.locator(".sides" if other == "Lists" else ".aligned").wait_for()


def test_each_setting_is_a_chip_that_takes_it_back(visit):
    page = visit(link="?q=red+shoes&tab=search&brand=Acme&max_price=60&k=5")
    page.locator(".only").wait_for()
    assert page.locator(".only b").all_inner_texts() == ["Acme", "price to 60", "5 results"]
    page.get_by_role("link", name="Remove: price to 60").click()
    page.locator(".only b").nth(2).wait_for(state="detached")
    assert page.locator(".only b").all_inner_texts() == ["Acme", "5 results"] and "max_price" not in page.url
    unfold(page)
    assert page.get_by_label("Price to").input_value() == ""
    page.get_by_role("link", name="Remove: Acme").click()
    page.locator(".only b").nth(1).wait_for(state="detached")
    page.get_by_role("link", name="Remove: 5 results").click()
    page.locator(".only").wait_for(state="detached")
    assert page.get_by_role("combobox", name="Brand").input_value() == "Any" and "k=10" in page.url


def test_the_first_tab_stop_leads_to_the_results(visit):
    page = visit(link="?q=red+shoes&tab=search")
    page.locator(".card").first.wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the results"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.e5-out') !== null")


def test_a_link_far_down_the_page_leads_to_the_top_of_its_results(visit):
    page = visit(PHONE, link="?q=red+shoes&tab=search&k=30")
    last = page.locator(".card .like").last
    last.scroll_into_view_if_needed()
    last.click()
    page.locator(".likened").wait_for()
    page.wait_for_function("document.querySelector('.likened').getBoundingClientRect().top >= 0")
    assert page.locator(".likened").bounding_box()["y"] < PHONE["height"]


def test_a_new_query_keeps_the_form_in_view(visit):
    page = visit(link="?q=red+shoes&tab=search")
    page.locator(".card").first.wait_for()
    ask(page, "coffee mug")
    page.locator(".summary q").filter(has_text="coffee mug").wait_for()
    assert page.evaluate("scrollY") == 0
