"""The Compare tab in a real browser: held-out queries, columns, alignment, table and export."""

import csv
import io
import json
import re

import pytest
import small_shop
from browsing import LOW_CONTRAST, PHONE, ask, needs_chromium, titles, unfold, width_beyond

from space.evaluation.schema import Evaluation
from space.evaluation.tables import PerQuery

pytestmark = needs_chromium
#: 120 queries of which three were judged: two wins, a loss, the others the same.
DIFFERENCES = {"cellphone": 0.4, "coffee mug": 0.25, "red sneakers": -0.3} | {
    f"thing {number}": 0.0 for number in range(117)
}


@pytest.fixture(scope="module")
def url():
    per_query = {
        "product_locale": ["us"] * len(DIFFERENCES),
        "query": list(DIFFERENCES),
        "systems": {
            "base": {"full_catalogue/ndcg@10": [0.5] * len(DIFFERENCES)},
            "tuned": {"full_catalogue/ndcg@10": [0.5 + by for by in DIFFERENCES.values()]},
        },
    }
    with small_shop.serve(small_shop.engine(Evaluation(verdict="Measured.", per_query=PerQuery(**per_query)))) as url:
        yield url


def open_picker(page):
    page.get_by_role(
        "button", name="Browse 120 test queries, by win or loss: 2 better · 1 worse · 117 the same"
    ).click()
    page.locator(".pick").first.wait_for()


def heads(page):
    return page.locator(".side h2:visible").all_inner_texts()


def test_held_out_queries_are_picked_and_stepped_through(visit, url):
    """Losses are as easy to reach as wins, and a picked query is compared as it was evaluated: in its locale."""
    page = visit(link="?tab=compare&q=shoes&k=3&systems=base,tuned&brand=Acme")
    assert page.locator(".place").count() == 0
    open_picker(page)
    assert page.locator(".pick").first.inner_text().split() == ["+.400", "cellphone"]
    page.get_by_role("radio", name="Largest loss").check()
    first = page.locator(".pick").first.filter(has_text="red sneakers")
    assert first.inner_text().split() == ["−.300", "red", "sneakers"]
    assert page.locator(".pick").count() == 50
    page.get_by_role("button", name="Show more").click()
    page.get_by_text("100 of 120").wait_for()
    page.get_by_label("Containing").fill("thing 11")
    page.locator(".pick").nth(8).wait_for(state="detached")
    assert page.locator(".pick").count() == 8 and "thing 116" in page.locator(".queries").inner_text()
    page.get_by_label("Containing").fill("no such thing")
    page.get_by_text("No query contains “no such thing”").wait_for()
    page.get_by_label("Containing").fill("")
    first.focus()
    page.keyboard.press("Enter")
    page.locator(".place").filter(has_text="120 of 120").wait_for()
    first.wait_for(state="hidden")
    assert page.get_by_role("textbox", name="Query").input_value() == "red sneakers"
    unfold(page)
    assert page.get_by_role("combobox", name="Brand").input_value() == "Any"
    page.wait_for_url("**/?q=red%20sneakers&k=3&tab=compare&systems=base,tuned&locale=us")
    assert heads(page) == ["Base", "Fine-tuned"] and len(titles(page)) == 6
    page.get_by_role("link", name="Previous").click()
    page.locator(".place").filter(has_text="119 of 120").wait_for()
    assert "k=3" in page.url and "systems=base,tuned" in page.url


@pytest.mark.parametrize("link", ["?tab=compare&q=red%20sneakers", "?tab=compare&q=red%20running%20shoes&locale=us"])
def test_the_first_product_of_every_column_is_in_the_first_view(visit, link):
    """The form, the filters and the header filled 1280 x 800, so that a shared comparison showed no product."""
    page = visit({"width": 1280, "height": 800}, link=link)
    page.locator(".side").nth(2).wait_for()
    page.wait_for_timeout(500)  # the header shrinks
    for place in range(3):
        box = page.locator(".side").nth(place).locator(".card").first.bounding_box()
        assert box["y"] + box["height"] <= 800


@pytest.mark.parametrize("size", [{"width": 1280, "height": 800}, PHONE])
def test_a_visit_begins_with_a_win_and_a_loss(visit, size):
    page = visit(size)
    page.locator(".example").nth(1).wait_for()
    said = page.locator(".example").all_inner_texts()
    assert "cellphone" in said[0] and "+.400" in said[0] and "red sneakers" in said[1] and "−.300" in said[1]
    assert "Smart phone" in said[0] and width_beyond(page) == 0
    assert page.locator(".example li").first.bounding_box()["y"] < size["height"]
    page.get_by_role("button", name="Try a query of your own").click()
    assert page.get_by_role("textbox", name="Query").evaluate("box => box === document.activeElement")
    page.locator(".example").nth(1).get_by_role("link", name="Compare in full").click()
    page.locator(".place").filter(has_text="120 of 120").wait_for()
    page.go_back()
    page.locator(".example").nth(1).wait_for()


def test_columns_can_be_turned_off_and_a_link_restores_them(visit):
    page = visit(link="?tab=compare&q=red%20sneakers&k=4")
    page.locator(".side").nth(2).wait_for()
    assert heads(page) == ["Base", "Fine-tuned", "BM25"]
    unfold(page)
    page.get_by_role("checkbox", name="Base").uncheck()
    page.get_by_text("Fine-tuned, BM25.").wait_for()
    page.get_by_role("checkbox", name="Hybrid").check()
    page.locator(".side.hybrid").wait_for()
    assert heads(page) == ["Fine-tuned", "BM25", "Hybrid"]
    marks = page.locator(".side.bm25 .move > [aria-hidden]").all_inner_texts()
    assert marks == ["Fine-tuned 1", "Fine-tuned 4", "Hybrid 4", "Fine-tuned 2"]
    page.wait_for_url("**systems=tuned,bm25,hybrid")
    again = visit(link=page.url[page.url.index("?") :])
    again.locator(".side.hybrid").wait_for()
    assert heads(again) == ["Fine-tuned", "BM25", "Hybrid"]
    unfold(again)
    assert not again.get_by_role("checkbox", name="Base").is_checked()
    for name in ("Fine-tuned", "BM25", "Hybrid"):
        again.get_by_role("checkbox", name=name).uncheck()
    again.get_by_role("alert").filter(has_text="turn on at least one of Base, Fine-tuned, BM25, Hybrid").wait_for()


def test_figures_alignment_and_table(visit):
    """Figures for judged queries, the same product marked in other lists, and a table kept for the next query."""
    page = visit(link="?tab=compare&q=red%20sneakers&k=5&locale=us")
    head = page.locator(".side.tuned header")
    head.wait_for()
    assert re.search(r"Quality \?\s+\.\d{3}\s+[+−]?\.\d{3}\s+Found \?\s+1\.000", head.inner_text())
    assert (
        page.locator(".basis")
        .inner_text()
        .startswith("4 products were rated for this query, 1 as fitting; one without a rating counts as 0.")
    )
    assert page.locator(".side.base .change").count() == 0
    tops = page.locator(".side .cards").evaluate_all("lists => lists.map(one => one.getBoundingClientRect().top)")
    assert len(set(tops)) == 1, "first ranks stand side by side, however long the headers"

    card = page.locator(".side.tuned .card").first
    card.hover()
    page.locator(".card.alike").first.wait_for()
    alike = page.locator(".card.alike .title").all_inner_texts()
    assert len(alike) == 3 and set(alike) == {card.locator(".title").inner_text()}
    page.locator(".moves").hover()
    page.locator(".card.alike").first.wait_for(state="detached")
    page.locator(".side.base .card").nth(1).focus()
    assert page.locator(".card.alike").count() > 1
    products = page.locator(".sides .card").evaluate_all("cards => cards.map(card => card.dataset.same)")
    lone = next(product for product in products if products.count(product) == 1)
    page.locator(f'.sides [data-same="{lone}"]').focus()
    assert page.locator(".card.alike").count() == 0
    page.locator(".side.base .card").first.hover()
    page.locator(".card.alike").first.wait_for()
    last = page.locator(".side.base .card").last
    last.focus()  # scrolls: another card comes under the resting mouse
    page.wait_for_timeout(500)
    marked = page.locator(".card.alike").evaluate_all("cards => cards.map(card => card.dataset.same)")
    assert set(marked) <= {last.get_attribute("data-same")}, "the focused product only"

    page.get_by_role("button", name="Table", exact=True).click()
    assert page.locator(".aligned").is_visible() and not page.locator(".sides").is_visible()
    assert page.locator(".aligned thead th").all_inner_texts() == ["Product", "Label", "Base", "Fine-tuned", "BM25"]
    names = page.locator(".aligned tbody tr").evaluate_all("rows => rows.map(row => row.dataset.same)")
    assert len(names) == len(set(names)) > 5 and names[0] == "us/p01"
    assert "Exact" in page.locator(".aligned tbody tr").first.inner_text()
    ask(page, "running")
    page.locator(".basis").filter(has_text="No score").wait_for()
    assert page.locator(".figures").count() == 0
    assert page.get_by_role("button", name="Table", exact=True).get_attribute("aria-pressed") == "true"
    assert page.locator(".aligned").is_visible() and not page.locator(".sides").is_visible()


def test_exports_download_what_is_on_the_page(visit):
    """The files read as a spreadsheet and a program read them, with whole titles and the timings of the page."""
    page = visit(link="?tab=compare&q=lamp%20mug%20%3Cscript%3E&k=5")
    page.locator(".side").first.wait_for()
    files = {}
    for label in ("CSV", "JSON"):
        with page.expect_download() as started:
            page.get_by_role("link", name=label, exact=True).click()
        assert started.value.suggested_filename == f"compare-lamp-mug-script.{label.lower()}"
        files[label] = started.value.path().read_bytes()
    assert files["CSV"].startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(files["CSV"].decode("utf-8-sig"), newline="")))
    shown = page.locator(".side .card .title").all_inner_texts()
    assert [row["title"] or "(no title)" for row in rows] == shown
    assert {row["title"] for row in rows} >= {small_shop.ONERROR, small_shop.TEMPLATE}
    found = json.loads(files["JSON"])
    assert [hit["title"] for part in found["systems"].values() for hit in part["hits"]] == [
        row["title"] for row in rows
    ]
    assert (
        f"total {found['systems']['tuned']['timings_ms']['total']:.1f} ms"
        in page.locator(".side.tuned header").text_content()
    )
    assert page.evaluate("window.hacked") is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast_and_fits_a_phone(visit, scheme):
    page = visit(PHONE, scheme=scheme, link="?tab=compare&q=red%20sneakers&systems=base,tuned,bm25,hybrid")
    page.locator(".aligned").wait_for()
    assert page.evaluate(LOW_CONTRAST) == [] and width_beyond(page) == 0
    open_picker(page)
    assert page.evaluate(LOW_CONTRAST) == [] and width_beyond(page) == 0
    page.get_by_role("button", name="Lists", exact=True).click()
    assert page.evaluate(LOW_CONTRAST) == [] and width_beyond(page) == 0


def test_the_locale_of_a_picked_query_does_not_stay_for_a_typed_one(visit):
    """It stayed, so that the next query was answered from one locale only, and nothing said so."""
    page = visit()
    page.locator(".example").nth(1).get_by_role("link", name="Compare in full").click()
    page.wait_for_url("**locale=us**")
    ask(page, "red shoes")
    page.locator(".note").filter(has_text="us").wait_for()
    page.wait_for_url(lambda address: "q=red%20shoes" in address and "locale" not in address)
    unfold(page)
    locale = page.get_by_role("combobox", name="Locale")
    assert locale.input_value() == "Any"
    locale.click()
    page.get_by_role("option", name="es (").click()
    page.wait_for_url("**locale=es**")
    assert page.locator(".note").count() == 0
    ask(page, "zapatillas")
    page.wait_for_url("**q=zapatillas**locale=es**")


def test_a_locale_chosen_over_that_of_a_picked_query_stays(visit):
    page = visit(link="?tab=search&q=cellphone&locale=us")
    page.locator(".card").first.wait_for()
    unfold(page)
    page.get_by_role("combobox", name="Locale").click()
    page.get_by_role("option", name="es (").click()
    page.wait_for_url("**locale=es**")
    ask(page, "zapatillas")
    page.wait_for_url("**q=zapatillas**locale=es**")
    page.get_by_role("combobox", name="Locale").click()
    page.get_by_role("option", name="us (").click()
    page.wait_for_url("**locale=us**")
    ask(page, "red shoes")
    page.wait_for_url("**q=red%20shoes**locale=us**")
