"""Searching in a real browser: filters with counts, folding, more like this, and how a score is shown."""

import re

import pytest
import small_shop
from browsing import LOW_CONTRAST, PHONE, ask, needs_chromium, titles, unfold, width_beyond

from space.search.engine import SearchEngine
from space.search.score_reference import RELEVANT, ScoreReference

pytestmark = needs_chromium
SHELVES = {"shoes": "Wear > Shoes", "boots": "Wear > Shoes", "socks": "Wear", "laptop": "Tech", "coffee": "Kitchen"}


def shelf(title):
    return next((shelf for word, shelf in SHELVES.items() if word in (title or "").lower()), None)


@pytest.fixture(scope="module")
def url():
    plain = small_shop.engine()
    shelves = small_shop.pa.array(map(shelf, plain.catalogue["product_title"].to_pylist()), small_shop.pa.string())
    known = {
        name: ScoreReference(small_shop.torch.linspace(0, 1, 200).numpy(), RELEVANT) for name in ("base", "tuned")
    }
    catalogue = plain.catalogue.append_column("category", shelves)
    engine = SearchEngine(catalogue, plain.systems, judgments=small_shop.judgments(), references=known)
    with small_shop.serve(engine) as url:
        yield url


def menu(page, name):
    return page.get_by_role("combobox", name=name)


def choose(page, name, option):
    unfold(page)
    menu(page, name).click()
    page.get_by_role("option", name=option).click()
    page.get_by_role("option").first.wait_for(state="hidden")  # it fades out, and would mix with the next menu


def offered(page, name):
    """The options of a menu, which is opened and closed again."""
    menu(page, name).click()
    found = [text.lstrip("✓\n") for text in page.get_by_role("option").all_inner_texts()]
    menu(page, name).blur()
    page.get_by_role("option").first.wait_for(state="hidden")
    return found


def count(page, text):
    page.locator(".summary strong:visible").filter(has_text=re.compile(f"^{text}$")).wait_for()


def test_counts_follow_the_other_filters_and_a_link_restores_them_all(visit):
    page = visit()
    ask(page, "red shoes")
    unfold(page)
    assert offered(page, "Brand")[:3] == ["Any", "Acme (5)", "Dulcet (5)"]
    assert offered(page, "Category") == ["Any", "Wear (7)", "Kitchen (3)", "Tech (3)"]
    choose(page, "Category", "Wear (7)")
    count(page, "7 products")
    # The choices of its own menu stay, and the levels below appear.
    assert offered(page, "Category")[:3] == ["Any", "Wear (7)", "› Shoes (6)"]
    choose(page, "Category", "› Shoes (6)")
    count(page, "6 products")
    assert offered(page, "Brand") == ["Any", "Acme (3)", "Borealis (2)", "Coppice (1)"]
    page.get_by_label("Price to").fill("60")
    page.get_by_label("Price to").press("Enter")
    count(page, "3 products")
    assert offered(page, "Rating") == ["Any", "≥ 4.5 (1)", "≥ 4 (2)", "≥ 3.5 (2)", "≥ 3 (2)"]
    choose(page, "Rating", "≥ 4 (2)")
    count(page, "2 products")
    assert page.locator(".only b").all_inner_texts() == ["Wear › Shoes", "price to 60", "★ ≥ 4"]
    before, link = titles(page), page.url
    page.close()
    page = visit(link=re.sub(r"^.*?(?=\?)", "", link))
    page.locator(".card").first.wait_for()
    unfold(page)
    assert titles(page) == before and page.get_by_label("Price to").input_value() == "60"
    assert menu(page, "Category").input_value() == "› Shoes (2)" and menu(page, "Rating").input_value() == "≥ 4 (2)"
    # An example clears all of it, the counts too.
    page.get_by_role("button", name="coffee mug").click()
    count(page, "10 products")
    assert page.get_by_label("Price to").input_value() == "" and menu(page, "Category").input_value() == "Any"
    assert "Dulcet (5)" in offered(page, "Brand")


def test_a_wrong_price_is_answered_in_the_page(visit):
    page = visit(link="?q=shoes")
    page.locator(".card").first.wait_for()
    unfold(page)
    page.get_by_label("Price from").fill("cheap")
    page.get_by_label("Price from").press("Enter")
    page.get_by_role("alert").filter(has_text="“Price from” should be a number >= 0, is 'cheap'").wait_for()


def test_near_duplicates_fold_and_unfold_by_keyboard(visit):
    page = visit()
    ask(page, "running shoes")
    assert titles(page)[:3] == ["Red running shoes", "Blue running shoes", "Green trail running shoes"]
    unfold(page)
    page.get_by_role("checkbox", name="Group variants (size, colour)").check()
    page.locator(".summary").filter(has_text="10 products and ").wait_for()
    assert titles(page)[:2] == ["Red running shoes", "Green trail running shoes"]
    folded = page.locator(".card").first.locator(".similar summary")
    assert folded.inner_text() == "+1 similar" and not page.get_by_text("Blue running shoes").is_visible()
    folded.focus()
    page.keyboard.press("Enter")
    assert page.locator(".similar li").first.inner_text().split() == ["Rank", "2", *"Blue running shoes blue".split()]
    assert "fold=1" in page.url


def test_more_like_this_there_and_back(visit):
    page = visit()
    ask(page, "coffee mug")
    page.get_by_role("radio", name="Base").check()
    page.get_by_text("by Base").wait_for()
    page.locator(".card").filter(has_text="Coffee maker").get_by_role("link", name="More like this").click()
    page.locator(".likened").filter(has_text="Coffee maker drip").wait_for()
    assert "Coffee maker drip" not in titles(page) and titles(page)[0].startswith("Coffee")
    assert "like=us%3Ap15" in page.url and "system=base" in page.url
    # What else is chosen applies to it.
    choose(page, "Brand", "Dulcet (5)")
    count(page, "5 products")
    assert page.locator(".likened").is_visible()
    link = page.url
    page.close()
    page = visit(link=re.sub(r"^.*?(?=\?)", "", link))
    page.locator(".likened").filter(has_text="Coffee maker drip").wait_for()
    count(page, "5 products")
    page.get_by_role("link", name="Back to “coffee mug”").click()
    page.locator(".summary q").filter(has_text="coffee mug").wait_for()
    count(page, "5 products")
    assert "like=" not in page.url and not page.locator(".likened").is_visible()
    # A new query is a new search.
    page.get_by_role("link", name="More like this").first.click()
    page.locator(".likened").wait_for()
    ask(page, "garden hose")
    page.locator(".summary q").filter(has_text="garden hose").wait_for()
    choose(page, "Brand", "Fernway (2)")
    count(page, "2 products")
    assert not page.locator(".likened").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_cards_on_a_phone_have_contrast_and_fit(visit, scheme):
    """Percentile of a score, folded titles, the product that others are like, and all filters."""
    page = visit(PHONE, scheme, pictures=False, link="?q=red%20running%20shoes&fold=1&like=us%3Ap03")
    page.locator(".card").first.wait_for()
    page.locator(".similar summary").first.click()
    unfold(page)
    assert page.evaluate(LOW_CONTRAST) == [] and width_beyond(page) == 0
    ask(page, "red running shoes")
    standing = page.locator(".standing").first
    standing.wait_for()
    # p01 shares 3 of its 4 words: the root of 3/4 is .866, and 173 of 200 even steps from 0 to 1 lie below.
    assert standing.inner_text() == "closer than 86 % of known good matches"
    assert standing.get_attribute("title").startswith("cosine .8660: closer than 86 % of 200 known good matches")
    assert standing.locator(".meter").evaluate("meter => meter.style.getPropertyValue('--share')") == "86.5%"
    assert page.evaluate(LOW_CONTRAST) == [] and width_beyond(page) == 0
    page.get_by_role("radio", name="BM25").check()
    page.get_by_text("by BM25").wait_for()
    assert page.locator(".standing").count() == 0 and "BM25 score" in page.locator(".score").first.inner_text()
