"""Hits as HTML: foreign text is escaped, pictures are from public addresses, labels have words."""

import re
from dataclasses import replace

import pytest
from result_pages import EVIL, Elements, assert_inert, comparison, described, hit, result, without_help

from space.data.scale import ESCI
from space.errors import FilterError, QueryError
from space.evaluation.schema import Evaluation
from space.i18n import language
from space.search.description import EngineDescription
from space.search.results import Comparison, Move, Standing
from space.ui.html import cards, panels
from space.ui.html import comparison as columns
from space.ui.html.header import header
from space.ui.html.labels import badge
from space.ui.html.markup import EMPTY, Html, fill, join
from space.ui.html.picture import image_url, picture


def test_a_title_carries_what_the_counts_are_kept_by():
    """results.js reads both; by the id alone a product of another locale could be counted."""
    seen = dict(Elements(cards.results(result(hit(product_id="p9", product_locale="jp")))).attributes)
    assert (seen["data-product"], seen["data-locale"]) == ("p9", "jp")


def test_fill_escapes_all_but_html():
    assert fill("<b>{x}</b>{y}", x="<i>'\"&", y=Html("<hr>")) == "<b>&lt;i&gt;&#x27;&quot;&amp;</b><hr>"
    assert join(["<", Html("<br>"), EMPTY, ""], "&") == "&lt;&amp;<br>"


def test_no_foreign_text_becomes_markup():
    """Markup in every field, wherever it is shown: titles come from strangers, queries from links."""
    evil = hit(
        title=EVIL,
        brand=EVIL,
        color=EVIL,
        product_id=EVIL,
        product_locale=EVIL,
        label=EVIL,
        extra={"category": EVIL, "image_url": "https://x.example/" + '"onerror="alert(1)', "price": EVIL},
    )
    folded = replace(evil, similar=(evil, evil), standing=Standing(0.5, EVIL, 9))
    encoder = described(id=EVIL, revision=EVIL, reason=EVIL, fingerprint=EVIL, precision=EVIL)
    about = EngineDescription(EVIL, EVIL, EVIL, EVIL, {"base": encoder, "tuned": encoder})
    pages = [
        cards.results(result(evil, hit(label="Exact"), system=EVIL, query=EVIL)),
        cards.results(replace(result(folded, hit(label="Exact"), system=EVIL, query=EVIL), like=evil)),
        cards.results(replace(result(system=EVIL), like=evil)),
        columns.comparison(comparison([evil], [evil], [Move(EVIL, EVIL, 1, 1)])),
        panels.problem(EVIL),
        panels.welcome(EVIL),
        header(1, about, EVIL, Evaluation(verdict=EVIL)),
    ]
    for page in pages:
        assert "<script>alert(1)</script>" in assert_inert(page).text
    assert Elements(pages[0]).tags.count("img") == 1  # ours; the one of the title is text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://images.example/a.jpg", "https://images.example/a.jpg"),
        ("http://images.example:80/a.jpg?x=1&y=2", "https://images.example/a.jpg?x=1&y=2"),
        ("HTTPS://images.example/ü.jpg", "https://images.example/ü.jpg"),
        ("https://my-nip.io/a.jpg", "https://my-nip.io/a.jpg"),
        ("https://fritz.box.example/a.jpg", "https://fritz.box.example/a.jpg"),
    ],
)
def test_pictures_are_shown_over_https(url, shown):
    """The policy of the page allows no other, and a page on https would show no other."""
    seen = Elements(picture(hit(title='A "quoted" title', extra={"image_url": url})))
    attributes = dict(seen.attributes)
    assert attributes["src"] == shown
    assert attributes["alt"] == ""  # the title stands beside it
    assert attributes["loading"] == "lazy"
    assert attributes["referrerpolicy"] == "no-referrer"


@pytest.mark.parametrize(
    "url",
    [
        "java\nscript:alert(1)",
        "data:image/svg+xml,<svg onload=alert(1)>",
        "//images.example/a.jpg",
        "file:///etc/passwd",
        "https://",
        "https://[broken",
        "https://a b.example/",
        "http://router.l%6fcal/x.png",
        "https://127.0.0.1.nip.io/x.png",
        "https://192-168-1-1.sslip.io/x.png",
        "https://localtest.me/x.png",
        "https://a.LocalTest.me./x.png",
        "https://fritz.box/x.png",
        "https://speedport.ip/x.png",
        "https://www.routerlogin.net/x.png",
        "http://router.\uff4cocal/x.png",
        "",
        None,
        float("nan"),
    ],
)
def test_other_addresses_leave_the_placeholder(url):
    assert image_url(url) is None
    assert "img" not in Elements(picture(hit(extra={"image_url": url}))).tags


def test_placeholder_is_the_same_each_time_and_survives_any_title():
    assert picture(hit()) == picture(hit())
    assert ">R<" in picture(hit(title="«red» shoes"))
    assert ">ラ<" in picture(hit(title="ランニング"))
    assert ">?<" in picture(hit(title=""))
    assert ">?<" in picture(hit(title="\ud800"))


@pytest.mark.parametrize("label", ["Exact", "Substitute", "Complement", "Irrelevant"])
def test_badge_says_the_label_in_words(label):
    seen = Elements(badge(ESCI.grade(label)))
    assert seen.text == label
    assert ESCI.grade(label).colour in dict(seen.attributes)["class"]
    assert label in dict(seen.attributes)["title"]


def test_unjudged_is_said_only_where_the_query_was_judged():
    """Unjudged does not mean irrelevant; for a query without any judgment the word says nothing."""
    judged = cards.results(result(hit(1, label="Exact"), hit(2)))
    assert Elements(judged).text.count("not rated") == 2  # badge and tally
    assert "not rated" not in cards.results(result(hit(1), hit(2)))


def test_scores_are_no_percentages():
    """E5 cosines lie between .7 and 1, so as percentages all products would look like matches."""
    page = cards.results(result(hit(score=0.8731)))
    assert "%" not in page and "cosine .873" in Elements(page).text
    assert "12.500" in cards.card(hit(score=12.5, standing=Standing(0.5, "x", 9)), "base", judged=False, brief=True)
    assert "BM25 score 12.500" in Elements(cards.results(result(hit(score=12.5), system="bm25"))).text


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.834, "closer than 83 % of"),
        (0.0, "less close than all"),
        (1.0, "closer than all"),
        (0.0001, "closer than 1 % of"),
        (0.9999, "closer than 99 % of"),
    ],
)
def test_a_standing_says_above_how_many_of_what(share, said):
    """A share is never rounded to all or none."""
    html = cards.score(hit(standing=Standing(share, "relevant pairs", 1500)), "tuned")
    shown = Elements(without_help(html))
    assert shown.text == f"{said} known good matches"
    tooltip = dict(shown.attributes)["title"]
    assert tooltip.startswith(f"cosine .8731: {said} 1,500 known good matches (") and "judged relevant" in tooltip
    assert ("style", f"--share:{100 * share:.1f}%") in shown.attributes


def test_near_duplicates_stand_under_their_card():
    twins = (hit(3, title="Red shoes, 9"), hit(7, title="Red shoes, 10", label="Exact", color=None))
    page = cards.results(result(hit(1, similar=twins), hit(2, similar=())))
    assert "2 products and 2 near-duplicates" in Elements(page).text
    assert page.count('<details class="similar"') == 1 and "+2 similar" in page
    (folded,) = re.findall('<details class="similar".*?</details>', page)
    assert re.findall(r"Rank </span>(\d+)<", folded) == ["3", "7"] and "Red shoes, 10" in folded
    assert "near-duplicate" not in cards.results(result(hit(1, similar=())))
    assert "and 1 near-duplicate for" in Elements(cards.results(result(hit(1, similar=twins[:1])))).text


def test_what_others_are_like_stands_above_them_even_if_there_are_none():
    like = hit(0, title="Blue boots", product_id="B7")
    text = Elements(cards.results(replace(result(hit(1)), like=like))).text
    assert text.startswith("BMore likeBlue bootsAcme · red · us · B7") and "1 product like it by Fine-tuned" in text
    nothing = Elements(cards.results(replace(result(), like=like))).text
    assert "Blue boots" in nothing and "Nothing found" in nothing


def test_a_category_shows_its_last_levels():
    page = cards.card(hit(extra={"category": "Wear > Shoes > Boots"}), "tuned", judged=False)
    assert 'title="Wear › Shoes › Boots"><span>Shoes</span> › <span>Boots</span></p>' in page


def test_extras_show_only_what_is_known():
    extra = {"price": 1299.5, "rating": 4.46, "rating_count": 12345.0, "category": "Shoes"}
    assert "★ 4.5 (12,345) · price 1,299.50Shoes" in Elements(cards.results(result(hit(extra=extra)))).text
    nothing = {
        "price": float("nan"),
        "rating": None,
        "rating_count": float("inf"),
        "category": None,
        "image_url": None,
    }
    page = cards.results(result(hit(extra=nothing, brand=None, color=None)))
    assert not {"nan", "None", "inf"} & set(re.findall(r"\w+", Elements(page).text))
    assert 'class="about"' not in page and 'class="extra"' not in page


def test_timings_leave_out_what_did_not_happen():
    took = replace(result(), timings_ms={"encode": 8.14, "search": 1.0, "total": 9.96})
    assert Elements(cards.timings(took)).text == "Detailsencode 8.1 ms · search 1.0 ms · total 10.0 ms"
    took = replace(result(), timings_ms={"encode": 0.0, "search": 0.4, "total": 0.8})
    assert "encode" not in cards.timings(took) and "earlier" not in cards.timings(took)


def test_a_kept_answer_says_so_beside_its_time():
    took = replace(result(), timings_ms={"encode": 0.0, "search": 0.0, "total": 0.8}, kept=True)
    assert Elements(cards.timings(took)).text == "Detailstotal 0.8 ms · found for an earlier, equal search"


def test_nothing_found_says_why():
    assert "filter" in cards.results(result(system="tuned"))
    assert "shares a word" in cards.results(result(system="bm25"))
    assert "filter" in columns.comparison(comparison([], [], []))


@pytest.mark.parametrize(
    ("share", "among", "label", "poor"),
    [
        (0.0, "relevant pairs", None, True),
        (0.24, "relevant pairs", "Complement", True),
        (0.25, "relevant pairs", None, False),
        (0.24, "relevant pairs", "Exact", False),
        (0.0, "random pairs", None, False),
    ],
)
def test_a_list_in_which_nothing_fits_says_so(share, among, label, poor):
    """Ten products for "asdkjhaskd zzz" looked like ten good answers."""
    found = result(hit(1, standing=Standing(share, among, 500)), hit(2, label=label))
    said = "Nothing here fits well."
    assert found.fits_poorly is poor
    assert (said in Elements(cards.results(found)).text) is poor
    both = comparison([], [hit(1)], [])
    both = replace(both, systems={"base": replace(found, system="base"), "tuned": result(hit(1))})
    assert (said in Elements(columns.comparison(both)).text) is poor


def test_nothing_fits_badly_where_nothing_is_known():
    assert not result().fits_poorly and not result(hit(1)).fits_poorly


@pytest.mark.parametrize("system", ["tuned", "bm25"])
def test_an_empty_list_names_the_filters_that_emptied_it(system):
    """BM25's list blamed the words where the price was the reason."""
    found = result(system=system)
    text = Elements(cards.results(found, emptied={"max_price": "5"})).text
    assert "“Price to” (5)" in text and "shares a word" not in text
    both = Comparison("shoes", {system: found})
    assert "“Price to” (5)" in Elements(columns.comparison(both, {"max_price": "5"})).text
    assert ("shares a word" in Elements(cards.results(found)).text) is (system == "bm25")


def test_a_refused_filter_is_named_by_its_label():
    error = FilterError("{name} ({low}) is above", {"name": "min_price"}, low=50)
    assert "“Price from” (50) is above" in Elements(panels.refused(error)).text
    with language("ru"):
        assert "“Price from”" not in Elements(panels.refused(error)).text
    assert "K is too large" in Elements(panels.refused(QueryError("k is too large"))).text
