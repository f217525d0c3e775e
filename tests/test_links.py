"""A link restores the search it was made from; parts that cannot be used are replaced, with a note."""

import re
from urllib.parse import parse_qsl

import pytest
import small_shop
from starlette.datastructures import QueryParams

from space.data.filters import FILTERS
from space.search.roles import Roles
from space.ui import links
from space.ui.events.form import choices
from space.ui.html import result_links
from space.ui.link_events import without_unknown
from space.ui.links import Link
from space.ui.static import script

ROLES = Roles(("base", "tuned", "bm25", "hybrid", "reranked"), ("base", "tuned"))
EVIL = "\"'><script>alert(1)</script>&q=other#x%00%zz+é赤👟"


def parsed(text):
    """The link of an address, read as the server reads it."""
    return links.parse(links.pairs_of(QueryParams(text)), ROLES)


def chips(shown):
    """What is set, as the line above the results names it."""
    return re.findall(r'<b translate="no">(.*?)</b>', shown)


@pytest.mark.parametrize(
    "link",
    [
        Link("red shoes", 10, "search", "tuned"),
        Link("ランニングシューズ 赤", 100, "compare", "tuned", {"locale": "jp"}),
        Link(EVIL, 1, "search", "bm25", {"locale": "us", "brand": EVIL, "color": "a&b=c"}),
        Link("100 % wool + silk; a=b?", 7, "search", "base"),
        Link("", 3, "compare", "tuned", {"color": "red"}),
        Link("mug, red", 3, "compare", "tuned", {"color": "red"}, ("base", "hybrid")),
        Link("mug", 3, "search", "base", {"category": "A & B > C", "min_price": "5", "min_rating": "4.5"}, fold=True),
        Link("", 3, "search", "base", like="us:B0:7?&=" + EVIL),
    ],
)
def test_a_link_comes_back_as_it_went(link):
    """Through the address bar, and through the links on the page."""
    address = links.build(link)
    assert re.fullmatch(r"\?[A-Za-z0-9%&=._~-]+", address.replace("base,hybrid", ""))
    assert parsed(address[1:]) == (link, [])
    assert links.parse(links.split(address), ROLES) == (link, [])


def test_a_link_is_short_and_readable():
    assert links.build(Link("red shoes", 5, "search", "tuned", {"locale": "us", "brand": ""})) == (
        "?q=red%20shoes&k=5&tab=search&system=tuned&locale=us"
    )
    assert links.build(Link("a,b", 5, "compare", systems=("base", "tuned"))) == (
        "?q=a%2Cb&k=5&tab=compare&systems=base,tuned"
    )
    # A comparison has its columns in place of a system, and a search has none.
    assert "systems" not in links.build(Link("mug", 5, "search", "tuned", systems=("base",)))
    assert links.build(Link("mug", 5, "compare", "tuned")) == "?q=mug&k=5&tab=compare"


def test_text_that_is_no_unicode_does_not_break_a_link():
    assert parsed(links.build(Link("a\ud800b\0"))[1:])[0].query == "a?b\0"


def test_missing_parameters_are_the_form_s_defaults():
    assert parsed("q=mug") == (Link("mug", 10, "search", "tuned"), [])
    assert parsed("") == (Link("", 10, "search", "tuned"), [])
    assert parsed("k=&tab=&system=&brand=&q=%20%20")[0] == Link("", 10, "search", "tuned")


def test_parameters_of_others_are_ignored():
    assert parsed("__theme=dark&q=mug&__sign=secret&view=api") == (Link("mug", 10, "search", "tuned"), [])


@pytest.mark.parametrize(
    ("text", "name", "value", "said"),
    [
        ("k=abc", "k", 10, "k should be a whole number from 1 to 100, is 'abc'; 10 is used"),
        ("k=1e1", "k", 10, "is '1e1'"),
        ("k=１０", "k", 10, "is '１０'"),
        ("k=1000", "k", 100, "k should be from 1 to 100, is '1000'; 100 is used"),
        ("k=0", "k", 1, "1 is used"),
        ("k=" + "9" * 9000, "k", 100, "…'; 100 is used"),
        ("tab=evil", "tab", "search", "is 'evil'; search is used"),
        (
            "system=best",
            "system",
            "tuned",
            "system should be tuned, base, bm25, hybrid or reranked, is 'best'; tuned is used",
        ),
        ("system=%ff%zz", "system", "tuned", "is '\ufffd%zz'"),
        (
            "systems=base,best",
            "systems",
            ("base",),
            "systems should be among base, tuned, bm25, hybrid, reranked, has 'best'; base is",
        ),
        ("systems=" + "x," * 4000, "systems", (), "the usual ones are used"),
        ("systems=base,tuned," + "9" * 9000, "systems", ("base", "tuned"), "; base, tuned are used"),
        ("fold=yes", "fold", False, "fold should be 0 or 1, is 'yes'; 0 is used"),
        ("like=p01", "like", "", "like should be LOCALE:ID of a product, is 'p01'; it is left out"),
        ("like=" + "9" * 9000, "like", "", "…'; it is left out"),
        ("q=first&q=second", "query", "first", "q is given more than once; the first counts"),
        ("k=5&k=6&k=7", "k", 5, "k is given more than once"),
    ],
)
def test_a_part_that_cannot_be_used_is_replaced_with_a_note(text, name, value, said):
    link, notes = parsed(text)
    assert getattr(link, name) == value
    assert len(notes) == 1 and said in notes[0] and len(notes[0]) < 200


def test_columns_come_in_the_order_of_the_page():
    """Base, tuned, BM25, hybrid: the order of the page, whatever order they are written in."""
    assert parsed("systems=bm25,,base,bm25")[0].systems == ("base", "bm25")
    assert links.parse([("systems", "base,hybrid")], Roles(("base", "tuned"), ("base", "tuned")))[0].systems == (
        "base",
    )


def test_the_same_value_twice_needs_no_note():
    assert parsed("q=mug&q=mug&k=5&k=5") == (Link("mug", 5, "search", "tuned"), [])


def test_an_unknown_filter_value_is_left_out_with_a_note():
    """A brand that the catalogue no longer has, or a value that it never had."""
    link = Link("mug", filters={"locale": "us", "brand": "acmee", "color": "x" * 5000})
    kept, notes = without_unknown(small_shop.engine(), link)
    assert kept.filters == {"locale": "us"} and kept.query == "mug"
    assert notes[0] == "no product with “Brand” 'acmee'; did you mean Acme? (this filter is left out)"
    assert "Colour" in notes[1] and len(notes[1]) < 200


@pytest.mark.parametrize("written", ["4", "4.0", "04", "4e0"])
def test_a_rating_is_written_as_its_menu_offers_it(written):
    """With a value that the menu does not offer, the menu is blank and the form fails."""
    engine = small_shop.engine()
    kept, notes = without_unknown(engine, Link("mug", filters={"min_rating": written}))
    assert kept.filters == {"min_rating": "4"} and not notes
    assert "4" in [value for _, value in choices(engine.facets, "min_rating", kept.filters)]


def test_an_unknown_product_is_left_out_with_a_note():
    kept, notes = without_unknown(small_shop.engine(), Link("mug", like="us:gone", filters={"min_price": "cheap"}))
    assert kept == Link("mug")
    assert notes[1] == "no product 'gone' in locale 'us' (like is left out)" and "Price from" in notes[0]
    there = Link(like="es:p01", filters={"min_rating": "4"})
    assert without_unknown(small_shop.engine(), there) == (there, [])


def test_a_comparison_has_neither_fold_nor_like():
    """Otherwise they would come back with the next link from the comparison to the search."""
    assert parsed("q=mug&tab=compare&fold=1&like=us:p01") == (Link("mug", 10, "compare", "tuned"), [])
    assert links.build(Link("mug", 5, "compare", "tuned", fold=True, like="us:p01")) == "?q=mug&k=5&tab=compare"


def test_more_like_keeps_system_and_filters_and_the_way_back():
    link = Link("red shoes", 5, "search", "base", {"brand": EVIL}, fold=True)
    html = result_links.more_like(link, "us", "p:1", EVIL)
    (address,) = re.findall(r'href="([^"]*)"', html)
    assert parsed(address[1:].replace("&amp;", "&"))[0] == Link(
        "red shoes", 5, "search", "base", {"brand": EVIL}, fold=True, like="us:p:1"
    )
    assert Link(like="us:p:1").product == ("us", "p:1")
    assert "<script" not in html and "More like this" in html


def test_any_text_can_be_split():
    for junk in ("", "?", "nothing", "?&&&=&q", "?" + "q=1&" * 50_000, "?q=%ff%ed%a0%80", "?" + "x" * 500_000):
        links.parse(links.split(junk), ROLES)


def test_nothing_foreign_becomes_markup():
    link = Link(EVIL, filters={"brand": EVIL})
    shown = result_links.offer(link, other=link, label="Compare") + result_links.note([EVIL])
    assert "<script" not in shown and "&lt;script&gt;" in shown
    assert result_links.note([]) == ""


def test_the_line_above_the_results_names_the_filters():
    """On a phone the form is folded, so the filters in force are repeated here."""
    assert chips(result_links.offer(Link("x", 5, filters={"brand": "Acme", "locale": "us"}), other=Link())) == [
        "us",
        "Acme",
        "5 results",
    ]
    shown = result_links.offer(
        Link("x", filters={"category": "Shoes > Boots", "max_price": "20", "min_rating": "4"}), other=None
    )
    assert chips(shown) == ["Shoes › Boots", "price to 20", "★ ≥ 4"]
    twice = result_links.offer(Link("x", filters={"brand": "Red", "color": "Red"}), other=None)
    assert chips(twice) == ["Red", "Red"]
    assert "Only" not in result_links.offer(Link("x"), other=Link(), label="")


def test_a_blank_filter_is_none_and_zero_is_one():
    """A link with ``brand=%20%20`` opened with a note about a brand, and "Only" named the blank."""
    assert parsed("q=mug&brand=%20%20&min_price=%20&max_price=0") == (
        Link("mug", 10, "search", "tuned", {"max_price": "0"}),
        [],
    )
    blank = Link("mug", 10, "search", "tuned", {"brand": "  ", "min_price": 0})
    assert links.build(blank) == "?q=mug&k=10&tab=search&system=tuned&min_price=0"
    assert chips(result_links.offer(blank, other=None)) == ["price from 0"]


def test_script_and_server_agree_which_parameters_are_ours():
    """A parameter missing in the script would pile up in the address; one too many would be lost from it."""
    (ours,) = re.findall(r"const OURS = \[(.*?)\]", script("links"), flags=re.DOTALL)
    assert re.findall(r'"(\w+)"', ours) == list(links.NAMES)
    assert {
        name
        for tab in links.TABS
        for name, _ in parse_qsl(
            links.build(Link("q", 1, tab, "s", dict.fromkeys(FILTERS, "x"), ("a", "b"), True, "us:p", "a"))[1:]
        )
    } == set(links.NAMES) - {"show"}, "which view is shown only the browser knows"
