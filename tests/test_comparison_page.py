"""The comparison as HTML: moves, figures, the table of ranks and the counts of labels."""

import re
from dataclasses import replace

import pytest
from result_pages import Elements, comparison, hit, without_help

from space.search.list_quality import ListQuality
from space.search.results import Comparison, Move
from space.ui.html import comparison as columns
from space.ui.html import moves
from space.ui.html.labels import tally
from space.ui.html.rank_table import rank_table, ranks_of
from space.ui.static import STYLE


@pytest.mark.parametrize(
    ("move", "sign", "meaning"),
    [
        (Move("p", "us", 5, 2), "▲3", "Up 3 places against base"),
        (Move("p", "us", 1, 2), "▼1", "Down 1 place against base"),
        (Move("p", "us", 2, 2), "=", "Same rank as base"),
        (Move("p", "us", None, 2), "came in", "Not in the list of base"),
    ],
)
def test_moves_are_signs_to_see_and_words_to_hear(move, sign, meaning):
    marked = moves.mark(move)
    assert f'<span aria-hidden="true">{sign}</span>' in marked
    assert f'<span class="unseen">{meaning.lower()}</span>' in marked.lower()
    assert f'title="{meaning}"' in marked
    both = comparison([hit(5)], [hit(2)], [replace(move, product_id=hit().product_id)])
    assert set(moves.marks(both, ranks_of(both))["base"].values()) == {""}


def test_left_is_marked_in_the_column_of_base():
    left = Move("p", "us", 2, None)
    assert ">dropped out<" in moves.mark(left)
    assert moves.mark(None) == ""


def test_comparison_counts_and_keeps_locales_apart():
    """In ESCI the same id in two locales means two products."""
    base = [hit(1, product_id="a"), hit(2, product_id="b"), hit(3, product_id="c")]
    tuned = [hit(1, product_id="b"), hit(2, product_id="a"), hit(3, product_id="a", product_locale="es")]
    moves = [
        Move("b", "us", 2, 1),
        Move("a", "us", 1, 2),
        Move("a", "es", None, 3),
        Move("c", "us", 3, None),
    ]
    page = columns.comparison(comparison(base, tuned, moves))
    text = Elements(page).text
    assert "1 up, 1 down, 0 unchanged, 1 came in, 1 dropped out." in text
    assert "2 of 3 products are the same" in text
    assert [name for name, value in re.findall(r'<section class="side (\w+)" aria-label="([^"]+)"', page)] == [
        "base",
        "tuned",
        "bm25",
    ]
    assert "No product shares a word" in text


def test_a_list_beside_says_where_its_products_stand_in_the_others():
    """The rank in tuned's list comes before that in base's; "only here" is for products in no other list."""
    ranks = {
        "base": {("us", "a"): 2, ("us", "b"): 1},
        "tuned": {("us", "a"): 3},
        "bm25": {("us", "a"): 1, ("us", "b"): 2, ("us", "c"): 3, ("es", "a"): 4},
        "hybrid": {("us", "c"): 1},
    }
    said = {key: Elements(moves.elsewhere(key, "bm25", ranks)).text for key in ranks["bm25"]}
    assert said == {
        ("us", "a"): "Fine-tuned 3also at 3 in Fine-tuned",
        ("us", "b"): "Base 1also at 1 in Base",
        ("us", "c"): "Hybrid 1also at 1 in Hybrid",
        ("es", "a"): "only herein no other list beside this one",
    }
    assert moves.elsewhere(("us", "a"), "bm25", {"bm25": ranks["bm25"]}) == "", "alone there is nothing to compare"


def test_no_class_of_a_mark_is_that_of_another_part():
    """Else the mark gets that part's looks too: "only here" once stood below the marks beside it."""
    css = STYLE.read_text(encoding="utf-8")
    ranks = {"base": {("us", "a"): 1, ("us", "b"): 2}, "tuned": {("us", "c"): 1}, "bm25": {("us", "d"): 1}}
    shown = [moves.elsewhere(key, "bm25", ranks) for key in (("us", "a"), ("us", "d"))]
    shown += [moves.mark(Move("p", "us", *places)) for places in ((1, 2), (2, 1), (1, 1), (None, 1), (1, None))]
    kinds = {re.search('class="move ([a-z]+)"', mark)[1] for mark in shown}
    assert len(kinds) == len(shown)
    assert not [kind for kind in kinds if re.search(rf"^[^.]*\.e5-out \.{kind}\b", css, re.MULTILINE)]


def figures(ndcg, recall, exact, scope="locale"):
    return ListQuality(10, ndcg, recall, exact, 20, 6, scope)


def test_figures_stand_beside_their_difference_from_base():
    found = comparison([hit(label="Exact")], [hit()], [], [hit()])
    measured = {"base": figures(0.5, None, 1.0), "tuned": figures(0.75, 0.5, 0.0), "bm25": figures(0.5, 0.5, None)}
    page = columns.comparison(replace(found, quality=measured))
    heads = [Elements(without_help(head)).text for head in re.findall(r'<dl class="figures">.*?</dl>', page)]
    assert heads == [
        "Quality .500Found –First fits yes",
        "Quality .750 +.250Found .500First fits no",
        "Quality .500 .000Found .500First fits –",
    ]
    assert "20 products were rated for this query, 6 as fitting; one without a rating counts as 0." in page
    # Without base there is nothing to differ from.
    systems = {"tuned": found.systems["tuned"]}
    page = columns.comparison(Comparison("q", systems, None, "tuned", quality={"tuned": measured["tuned"]}))
    assert "change" not in page and "Turn on both Base and Fine-tuned" in page


@pytest.mark.parametrize(
    ("scope", "said"), [("locale", "one shop"), ("catalogue", "All locales"), ("filtered", "do not compare")]
)
def test_figures_say_of_what_they_are(scope, said):
    assert said in columns.basis({"tuned": figures(0.5, 0.5, 1.0, scope)})
    assert "No score" in columns.basis({"tuned": None}) and columns.basis({}) == ""


def test_table_has_each_product_once_by_tuned_then_by_best_rank():
    base = [hit(1, product_id="a"), hit(2, product_id="b"), hit(3, product_id="c")]
    tuned, bm25 = [hit(1, product_id="c"), hit(2, product_id="d")], [hit(1, product_id="e"), hit(2, product_id="c")]
    page = rank_table(comparison(base, tuned, [], bm25), {"base": {}, "tuned": {}, "bm25": {}}, judged=False)
    found = re.findall(r'<tr data-same="us/(\w)" .*?</th>(.*?)</tr>', page)
    rows = {product: re.findall(r"<b>(\d+)</b>|>(–)<", cells) for product, cells in found}
    rows = {product: ["".join(rank) for rank in ranks] for product, ranks in rows.items()}
    assert list(rows) == ["c", "d", "a", "e", "b"]
    assert rows["c"] == ["3", "1", "2"] and rows["a"] == ["1", "–", "–"] and rows["e"] == ["–", "–", "1"]
    assert "Label" not in page


def test_tally_counts_labels_in_their_order():
    hits = [hit(label="Irrelevant"), hit(), hit(label="Exact"), hit(label="Exact")]
    assert tally(hits) == "2 Exact · 1 Irrelevant · 1 not rated"
