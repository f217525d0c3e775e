"""The list of held-out queries, sorted by wins, losses or the alphabet, and its links."""

import re

import pytest
import small_shop

from space.data.catalogue import rows_of
from space.evaluation import protocols
from space.evaluation.held_out_queries import HeldOut, HeldOutQuery, judged_queries
from space.evaluation.schema import Evaluation
from space.evaluation.tables import PerQuery
from space.search.roles import Roles
from space.ui import links
from space.ui.links import Link
from space.ui.tabs import picker

EVIL = "\"'><script>alert(1)</script>"


def measured(figures):
    """An evaluation with the figures {(locale, query): (base, tuned)}."""
    return {
        "per_query": {
            "product_locale": [locale for locale, _ in figures],
            "query": [query for _, query in figures],
            "systems": {
                name: {"full_catalogue/ndcg@10": [values[place] for values in figures.values()]}
                for place, name in enumerate(("base", "tuned"))
            },
        }
    }


@pytest.fixture
def held_out():
    """A win of .5 and one of .2, two ties, a loss of .3, and one query that cannot be measured."""
    figures = {
        ("us", "drill"): (0.7, 0.4),
        ("us", "Banana"): (0.5, 0.5),
        ("es", "apple"): (0.1, 0.1),
        ("us", "mug"): (0.2, 0.4),
        ("us", "cord"): (None, None),
        ("es", "drill"): (0.1, 0.6),
    }
    return HeldOut.of(Evaluation.from_json(measured(figures)))


def keys(entries):
    return [(entry.locale, entry.query) for entry in entries]


def test_orders(held_out):
    """Ties are in the order of the alphabet; a query that was not measured comes last in both orders."""
    assert keys(held_out.ordered("win")) == [
        ("es", "drill"), ("us", "mug"), ("es", "apple"), ("us", "Banana"), ("us", "drill"), ("us", "cord"),
    ]  # fmt: skip
    assert keys(held_out.ordered("loss")) == [
        ("us", "drill"), ("es", "apple"), ("us", "Banana"), ("us", "mug"), ("es", "drill"), ("us", "cord"),
    ]  # fmt: skip
    assert keys(held_out.ordered("alphabet")) == [
        ("es", "apple"), ("us", "Banana"), ("us", "cord"), ("es", "drill"), ("us", "drill"), ("us", "mug"),
    ]  # fmt: skip


def test_differences_and_counts(held_out):
    assert {entry.query: entry.difference for entry in held_out.entries if entry.locale == "us"} == {
        "drill": -0.3, "Banana": 0.0, "mug": 0.2, "cord": None,
    }  # fmt: skip
    assert held_out.counts() == (2, 1, 2)
    assert (
        picker.headline(held_out)
        == "Browse 6 test queries, by win or loss: 2 better · 1 worse · 2 the same · 1 undefined"
    )


def test_a_real_evaluation_is_read():
    """The counts of better, worse and same are those of the evaluation's verdict."""
    engine, test = small_shop.engine(), small_shop.judgments()
    test["row"] = rows_of(engine.catalogue, test["product_locale"], test["product_id"])
    found = {name: protocols.per_query(engine.systems[name], test, engine.catalogue) for name in ("base", "tuned")}
    evaluation = Evaluation(protocols=protocols.summarize(found), per_query=protocols.by_query(found))
    held_out = small_shop.engine(evaluation=evaluation).held_out
    table = evaluation.difference("tuned")
    assert held_out.counts() == (table.wins, table.losses, table.ties) and held_out.counts()[0] > 0
    assert held_out.entries[0].difference == max(entry.difference for entry in held_out.entries)
    assert keys(held_out.ordered("alphabet", "RED  Sneak")) == [("us", "red sneakers")]


@pytest.mark.parametrize("nothing", [None, Evaluation(), Evaluation(per_query=PerQuery(["us"], ["drill"]))])
def test_without_figures_the_judged_queries_are_listed(nothing):
    """A store may have judgments and no evaluation, or an evaluation without figures for each query."""
    held_out = HeldOut.of(nothing, judged_queries(small_shop.judgments()))
    assert not held_out.measured and len(held_out) == 6
    assert keys(held_out.entries) == keys(held_out.ordered("alphabet"))
    page = picker.show(held_out, "alphabet")
    assert page.count("<li>") == 6 and "change" not in page and "nDCG" not in page
    assert picker.headline(held_out) == "Browse 6 rated queries"
    assert len(HeldOut.of(nothing)) == 0


def test_place_knows_locales_and_spellings(held_out):
    assert held_out.place("drill", "us") == 4 and held_out.place("drill", "es") == 0
    assert held_out.place("  DRILL ", "us") == 4
    assert held_out.place("drill") == 0, "es comes first"
    assert held_out.place("mug", "es") is None and held_out.place("nothing") is None


@pytest.mark.parametrize("spelling", ["CAFÉ  mug", "cafe\u0301\u00a0mug", "ca\u00adfé mug"])
def test_a_held_out_query_is_found_however_it_is_written(spelling):
    held_out = HeldOut([HeldOutQuery("hose", "us"), HeldOutQuery("Café mug", "us")])
    assert held_out.entries[held_out.place(spelling)].query == "Café mug"
    assert [entry.query for entry in held_out.ordered("win", spelling)] == ["Café mug"]


def test_queries_that_differ_in_case_alone_stay_two():
    """Otherwise "next" would alternate between the first and the second for ever."""
    held_out = HeldOut([HeldOutQuery("Drill", "us", 0.2), HeldOutQuery("drill", "us", 0.1)])
    assert [held_out.place(query, "us") for query in ("Drill", "drill", "DRILL")] == [0, 1, 1]


def test_a_row_shows_the_difference_and_links_to_the_comparison(held_out):
    page = picker.show(held_out, "loss", several=True)
    first = re.search(r"<li>(.*?)</li>", page)[1]
    assert '<span class="change down">−.300</span>' in first and '<span class="locale">us</span>' in first
    assert "--share:0.600" in first, "the largest difference, .5, has the whole length"
    (href,) = re.findall(r'href="([^"]+)"', first.replace("&amp;", "&"))
    assert links.parse(links.split(href), Roles(("base", "tuned"), ("base", "tuned")))[0] == Link(
        "drill", 10, "compare", "tuned", {"locale": "us"}
    )
    assert page.index("+.500") > page.index("−.300") and ">–<" in page


def test_thousands_are_listed_by_the_page():
    """Two thousand rows would add most of a megabyte to the page."""
    held_out = HeldOut([HeldOutQuery(f"query {number:04}", "us", number / 2000) for number in range(2000)])
    page = picker.show(held_out, "win")
    assert page.count("<li>") == 50 and len(page) < 40_000 and 'data-shown="50"' in page and "50 of 2,000" in page
    page = picker.show(held_out, "win", shown=100)
    assert page.count("<li>") == 100 and "query 1900" in page
    found = picker.show(held_out, "alphabet", "19 ")
    assert found.count("<li>") == 50
    assert picker.show(held_out, "alphabet", "query 0019").count("<li>") == 1
    assert 'class="locale"' not in page, "with one locale it says nothing"
    assert "data-shown" not in picker.show(held_out, "win", shown=2000)


def test_nothing_foreign_becomes_markup():
    held_out = HeldOut([HeldOutQuery(EVIL, EVIL, 0.5), HeldOutQuery("mug", "us", 0.1)])
    for page in (
        picker.show(held_out, "win"),
        picker.show(held_out, "win", EVIL * 2),
        picker.position(held_out, Link("mug", filters={"locale": "us"}), several=True),
    ):
        assert "<script" not in page and "&lt;script&gt;" in page


def test_position_leads_to_its_neighbours(held_out):
    """Neighbours by difference, whatever the list is sorted by; number of hits and columns are kept."""
    here = Link("mug", 7, "compare", filters={"locale": "us", "brand": "Acme"}, systems=("base", "hybrid"))
    page = picker.position(held_out, here, several=True)
    assert "<b>2</b> of 6" in page and "+.200" in page
    roles = Roles(("base", "tuned", "hybrid"), ("base", "tuned"))
    hrefs = re.findall(r'href="([^"]+)"', page.replace("&amp;", "&"))
    ways = [links.parse(links.split(href), roles)[0] for href in hrefs]
    assert [(way.query, way.filters, way.k, way.systems) for way in ways] == [
        ("drill", {"locale": "es"}, 7, ("base", "hybrid")),
        ("apple", {"locale": "es"}, 7, ("base", "hybrid")),
    ]
    assert picker.position(held_out, Link("no such query"), several=True) == ""
    assert "Previous" not in picker.position(held_out, Link("drill", filters={"locale": "es"}), several=True)
    assert "Next" not in picker.position(held_out, Link("cord"), several=True)
    assert "locale" not in picker.position(held_out, Link("mug"), several=False)
