"""The page in a real browser: searching, links, keyboard, phone, light and dark."""

import re

import pytest
import small_shop
from browsing import LOW_CONTRAST, PHONE, ask, needs_chromium, open_tab, titles, unfold, width_beyond

pytestmark = needs_chromium


def test_header_says_what_runs_over_what(visit):
    head = visit().locator(".masthead")
    for said in ("30 products", "Base: not from the Hub", small_shop.NOTICE, "Fine-tuning helped"):
        assert said in head.inner_text()
    assert not head.get_by_text("tiny/base").is_visible()
    head.locator("summary").press("Enter")
    for said in ("tiny/base", "not from the Hub: the Hub is out of reach"):
        assert said in head.inner_text()


@pytest.mark.parametrize("locale", ["en-US", "ru-RU"])
def test_every_tab_of_a_phone_is_one_tap_away(visit, locale):
    """Evaluation was hidden behind a button with three dots."""
    page = visit(PHONE, locale=locale)
    tabs = page.get_by_role("tablist").first.get_by_role("tab")
    tabs.nth(5).wait_for()
    assert tabs.count() == 6 and page.locator(".overflow-menu > button:visible").count() == 0
    for place in range(6):
        box = tabs.nth(place).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"] and box["y"] < PHONE["height"] / 2
    assert width_beyond(page) == 0


def test_a_phone_s_first_screen_reaches_the_results(visit):
    """What runs is folded to one line, and so are options that visitors rarely change."""
    page = visit(PHONE)
    assert "out of reach" not in page.locator(".masthead").inner_text()
    ask(page, "red running shoes")
    assert page.locator(".card").first.bounding_box()["y"] < PHONE["height"] * 0.8
    brand = page.get_by_role("combobox", name="Brand")
    assert page.get_by_role("radio", name="BM25").is_visible() and not brand.is_visible()
    unfold(page)
    brand.click()
    page.get_by_role("option", name="Coppice (4)").click()
    page.get_by_role("button", name="Hide filters and options").click()
    page.locator(".only").filter(has_text="Only Coppice ×").wait_for()
    assert not brand.is_visible() and width_beyond(page) == 0


def test_enter_searches(visit):
    page = visit()
    assert "Type a query" in page.locator(".e5-out").filter(visible=True).first.inner_text()
    ask(page, "red running shoes")
    assert titles(page)[0] == "Red running shoes" and len(titles(page)) == 10
    first = page.locator(".card:visible").first
    assert "Exact" in first.inner_text() and "not rated" in page.locator(".cards").inner_text()
    assert re.search(r"encode [\d.]+ ms · search [\d.]+ ms · total", page.locator(".timings").first.text_content())
    assert first.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") == 1


def test_system_and_filter_take_effect_at_once(visit):
    page = visit()
    ask(page, "canvas phone")
    page.get_by_role("radio", name="BM25").check()
    page.get_by_text("by BM25").wait_for()
    unfold(page)
    page.get_by_role("combobox", name="Brand").click()
    page.get_by_role("option", name="Coppice (4)").click()
    page.locator(".summary").filter(has_text="1 product ").wait_for()
    assert titles(page) == ["White canvas shoes"]
    page.get_by_role("radio", name="Fine-tuned").check()
    page.get_by_text("4 products").wait_for()


def test_nothing_is_left_in_the_browser(visit):
    """Without cookies the page needs no consent. Only that the guided minute was ended is kept, see TOUR_SEEN."""
    page = visit()
    ask(page, "red running shoes")
    left = page.evaluate("[document.cookie, ...Object.keys(localStorage), ...Object.keys(sessionStorage)]")
    assert left == ["", "e5-tour"] and page.context.cookies() == []


def test_options_before_any_query_ask_for_nothing(visit):
    """A changed filter must not complain about an empty query before the first search."""
    page = visit()
    page.get_by_role("radio", name="Base").check()
    page.wait_for_timeout(500)
    assert page.locator(".problem").count() == 0


def test_example_fills_the_box_and_clears_filters(visit):
    page = visit()
    unfold(page)
    page.get_by_role("combobox", name="Brand").click()
    page.get_by_role("option", name="Fernway (2)").click()
    page.get_by_role("button", name="coffee mug").click()
    page.locator(".summary q").filter(has_text="coffee mug").wait_for()
    assert page.get_by_role("textbox", name="Query").input_value() == "coffee mug"
    assert titles(page)[0] == "Coffee mug ceramic"
    assert page.get_by_role("combobox", name="Brand").input_value() == "Any"


def test_wrong_queries_get_a_message_in_the_page(visit):
    page = visit()
    ask(page, "")
    assert page.get_by_role("alert").inner_text() == "Query is empty: type what you are looking for"
    ask(page, "x" * 10_000)
    page.get_by_role("alert").filter(has_text="10,000 characters; use at most 500").wait_for()
    assert width_beyond(page) == 0
    ask(page, "shoes")
    page.locator(".card").first.wait_for()


def test_compare_lays_three_systems_side_by_side(visit):
    page = visit()
    open_tab(page, "Compare")
    ask(page, "cellphone")
    sides = page.locator(".side")
    assert sides.locator("h2").all_inner_texts() == ["Base", "Fine-tuned", "BM25"]
    boxes = [sides.nth(place).bounding_box() for place in range(3)]
    assert len({round(box["y"]) for box in boxes}) == 1 and boxes[0]["x"] < boxes[1]["x"] < boxes[2]["x"]
    summary = page.locator(".moves").inner_text()
    assert "3 up, 7 down" in summary and "10 of 10 products are the same" in summary
    assert sides.get_by_title("Up 7 places against base").inner_text().startswith("▲7")
    assert "No product shares a word" in sides.nth(2).inner_text()
    ask(page, "phone notebook")
    page.locator(".moves").filter(has_text="3 came in, 3 dropped out").wait_for()
    assert "dropped out" in sides.nth(0).inner_text() and "came in" in sides.nth(1).inner_text()


def test_phone_stacks_and_never_scrolls_sideways(visit):
    """A 300-letter word, long badges and three columns on 390 pixels."""
    page = visit(PHONE)
    assert width_beyond(page) == 0
    unfold(page)
    assert width_beyond(page) == 0
    page.get_by_role("spinbutton").first.fill("100")
    ask(page, "poster red running shoes")
    page.locator(".title").filter(has_text="Poster").wait_for()
    assert width_beyond(page) == 0
    open_tab(page, "Compare")
    page.locator(".aligned").wait_for()
    ask(page, "red running shoes")
    page.wait_for_url("**q=red%20running%20shoes**tab=compare**")
    assert width_beyond(page) == 0
    page.get_by_role("button", name="Lists", exact=True).click()
    page.locator(".side").nth(2).wait_for()
    assert width_beyond(page) == 0
    boxes = [page.locator(".side").nth(place).bounding_box() for place in range(3)]
    assert len({round(box["x"]) for box in boxes}) == 1 and boxes[0]["y"] < boxes[1]["y"] < boxes[2]["y"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(visit, scheme):
    page = visit(scheme=scheme)
    ask(page, "red running shoes")
    background = page.evaluate("getComputedStyle(document.querySelector('.card')).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", background)[:3])) < 200) == (scheme == "dark")
    assert page.evaluate(LOW_CONTRAST) == []
    open_tab(page, "Compare")
    ask(page, "red sneakers")
    assert page.evaluate(LOW_CONTRAST) == []
    ask(page, "")
    page.get_by_role("alert").wait_for()
    assert page.evaluate(LOW_CONTRAST) == []


def test_broken_picture_leaves_its_placeholder(visit):
    page = visit(pictures=False)
    ask(page, "red running shoes")
    page.locator(".card img").first.wait_for(state="detached")
    assert page.locator(".picture:visible").first.inner_text() == "R"


def test_keyboard_alone_is_enough(visit):
    page = visit()
    page.get_by_role("textbox", name="Query").focus()
    page.keyboard.type("garden hose")
    page.keyboard.press("Tab")
    focused = page.locator(":focus-visible")
    assert focused.inner_text() == "Search"
    assert focused.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.locator(".summary q").filter(has_text="garden hose").wait_for()
    assert titles(page)[0] == "Garden hose 20 m"


# -- links -----------------------------------------------------------------------------------------------------------

CLIPBOARD = ["clipboard-read", "clipboard-write"]
NO_CLIPBOARD = """delete Navigator.prototype.clipboard; document.execCommand = () => false;"""


def form_of(page):
    """The values of the visible form."""
    unfold(page)
    return {
        "query": page.get_by_role("textbox", name="Query").input_value(),
        "k": page.get_by_role("spinbutton").first.input_value(),
        "locale": page.get_by_role("combobox", name="Locale").input_value(),
        "brand": page.get_by_role("combobox", name="Brand").input_value(),
        "color": page.get_by_role("combobox", name="Colour").input_value(),
    }


def test_a_copied_link_restores_both_tabs_after_a_restart(visit):
    """The link works on another server behind the same port, so nothing of it is kept on the first."""
    with small_shop.serve(small_shop.engine()) as address:
        port = int(re.search(r":(\d+)/", address)[1])
        page = visit(address=address, prepare=lambda context: context.grant_permissions(CLIPBOARD))
        ask(page, "ランニング 赤 & shoes?")
        page.get_by_role("radio", name="Hybrid").check()
        page.get_by_text("by Hybrid").wait_for()
        unfold(page)
        page.get_by_role("combobox", name="Locale").click()
        page.get_by_role("option", name="jp (3)").click()
        page.get_by_text("3 products").wait_for()
        before = titles(page)
        page.get_by_role("button", name="Copy link").click()
        page.get_by_text("Link copied").wait_for()
        searched = page.evaluate("navigator.clipboard.readText()")
        assert searched == page.url == page.get_by_label("Link to these results").input_value()
        page.get_by_role("link", name="Compare this query").click()
        page.locator(".side").first.wait_for()
        form = {"query": "ランニング 赤 & shoes?", "k": "10", "locale": "jp (3)", "brand": "Any", "color": "Any"}
        assert form_of(page) == form
        page.get_by_role("button", name="Copy link").click()
        page.get_by_text("Link copied").filter(visible=True).wait_for()
        compared = page.evaluate("navigator.clipboard.readText()")
        assert "tab=compare" in compared and compared == page.url
        page.close()
    with small_shop.serve(small_shop.engine(), port):
        page = visit(address=address, link=searched.removeprefix(address), anew=True)
        page.locator(".card").first.wait_for()
        assert titles(page) == before and form_of(page) == form
        assert page.get_by_role("radio", name="Hybrid").is_checked()
        page = visit(address=address, link=compared.removeprefix(address))
        page.locator(".side").first.wait_for()
        assert page.get_by_role("tab", name="Compare").get_attribute("aria-selected") == "true"
        assert form_of(page) == form
        page.get_by_role("link", name="Search this query").click()
        page.locator(".summary").wait_for()
        assert form_of(page) == form and "tab=search" in page.url


def test_without_a_clipboard_the_link_stands_there_to_be_copied(visit):
    """Without https, and in some frames, there is no clipboard."""
    page = visit(prepare=lambda context: context.add_init_script(NO_CLIPBOARD))
    ask(page, "coffee mug")
    page.get_by_role("button", name="Copy link").click()
    page.get_by_text("Copy it from here:").wait_for()
    assert page.evaluate("getSelection().toString() || document.activeElement.value") == page.url
    assert (
        page.get_by_label("Link to these results").evaluate("field => field.selectionEnd - field.selectionStart") > 40
    )
    # It belongs to these results: with the next ones it goes.
    ask(page, "garden hose")
    page.locator(".summary q").filter(has_text="garden hose").wait_for()
    assert not page.get_by_label("Link to these results").is_visible()
    assert page.locator(".copied").inner_text() == ""


def test_address_follows_and_back_steps_through_it(visit, url):
    page = visit(link="?__theme=light")
    assert page.url == f"{url}?__theme=light"  # a visit alone changes nothing
    ask(page, "coffee mug")
    page.wait_for_url("**q=coffee%20mug**")
    page.get_by_role("radio", name="BM25").check()
    page.wait_for_url("**system=bm25**")
    page.get_by_role("link", name="Compare this query").click()
    page.wait_for_url("**tab=compare**")
    open_tab(page, "Search")
    page.wait_for_url("**system=bm25**")
    open_tab(page, "Compare")
    page.wait_for_url("**tab=compare**")
    assert "__theme=light" in page.url
    page.get_by_role("button", name="Copy link").last.click()
    assert "__theme" not in page.get_by_label("Link to these results").last.input_value()
    ask(page, "garden hose")
    page.wait_for_url("**q=garden%20hose**")
    open_tab(page, "Evaluation")
    page.wait_for_url("**tab=evaluation**")
    page.go_back()
    page.get_by_role("tab", name="Compare", selected=True).wait_for()
    page.wait_for_url("**q=garden%20hose**tab=compare**")
    page.go_back()
    page.wait_for_url("**q=coffee%20mug**tab=compare**")
    page.wait_for_function("document.querySelectorAll('.e5-query input')[1].value === 'coffee mug'")
    page.go_forward()
    page.wait_for_function("document.querySelectorAll('.e5-query input')[1].value === 'garden hose'")
    page.reload()
    page.locator(".side").first.wait_for()
    assert page.get_by_role("textbox", name="Query").input_value() == "garden hose"
    for _step in range(9):
        page.go_back()
        page.wait_for_timeout(300)
        if "q=" not in page.url:
            break
    assert page.url == f"{url}?__theme=light"


def test_a_query_goes_along_to_a_tab_without_results(visit):
    page = visit()
    ask(page, "coffee mug")
    open_tab(page, "Compare")
    page.locator(".side").first.wait_for()
    assert page.get_by_role("textbox", name="Query").input_value() == "coffee mug"
    page.wait_for_url("**q=coffee%20mug**tab=compare**")


def test_a_link_to_the_other_tab_can_be_opened_beside(visit):
    page = visit()
    ask(page, "coffee mug")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Compare this query").click(modifiers=["Control"])
    opened.value.locator(".side").first.wait_for()
    assert page.locator(".summary").is_visible()


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("?q=mug&k=abc", "k should be a whole number from 1 to 100, is 'abc'; 10 is used"),
        ("?q=mug&brand=acmee&tab=compare", "did you mean Acme? (this filter is left out)"),
        ("?q=mug&color=%3Cimg%20src=x%20onerror=window.hacked=1%3E", "<img src=x onerror=window.hacked=1>"),
        ("?q=mug&system=%ff%ed%a0%80%zz", "system should be tuned, base, bm25 or hybrid"),
    ],
)
def test_parts_of_a_link_that_cannot_be_used_are_noted(visit, link, said):
    page = visit(link=link)
    note = page.get_by_role("alert").filter(has_text="Not all of this link could be used")
    assert said in note.inner_text()
    page.locator(".card").first.wait_for()
    assert page.get_by_role("textbox", name="Query").input_value() == "mug"
    assert page.evaluate("window.hacked") is None


def test_endless_and_empty_queries_in_a_link(visit):
    page = visit(link="?q=" + "x" * 10_000)
    page.get_by_role("alert").filter(has_text="10,000 characters; use at most 500").wait_for()
    assert width_beyond(page) == 0
    page = visit(link="?q=%20&k=3&tab=compare")
    page.get_by_text("One query, several systems").filter(visible=True).wait_for()
    assert form_of(page)["k"] == "3"
