"""Any encoders side by side: columns, the reference, links, export, votes and figures of four encoders, and of one."""

import csv
import io
import re
from dataclasses import replace

import pytest
import small_evaluation
import small_shop
from test_evaluation_tab import section, text

from space.errors import QueryError
from space.evaluation.held_out_queries import HeldOut, measured_systems
from space.evaluation.schema import Evaluation
from space.feedback.judgments import frame
from space.feedback.people_evaluation import PeopleEvaluation
from space.search.people import pairs
from space.search.roles import Roles
from space.ui import links
from space.ui.events import endpoints, export
from space.ui.html import cards, comparison, per_query, verdict
from space.ui.html.header import header
from space.ui.html.tour import tour
from space.ui.links import Link
from space.ui.tabs import first_view
from space.ui.tabs.evaluation import page

FOUR = ("base", "tuned", "mini-v2", "card", "bm25", "hybrid")


@pytest.fixture(scope="module")
def engine():
    return small_shop.engine(small_evaluation.of_four(), encoders=small_shop.four())


def alone(name="mini-v2"):
    return small_shop.engine(encoders={name: small_shop.four()[name]})


# -- roles -----------------------------------------------------------------------------------------------------------


def roles(*encoders):
    return Roles((*encoders, "bm25", "hybrid"), encoders)


@pytest.mark.parametrize(
    ("encoders", "offered", "usual"),
    [
        (("base", "tuned"), "tuned base bm25 hybrid", "base tuned bm25"),
        (("e5", "bge"), "bge e5 bm25 hybrid", "e5 bge bm25"),
        (("e5",), "e5 bm25 hybrid", "e5 bm25"),
        (("a", "base", "tuned"), "tuned a base bm25 hybrid", "a base tuned bm25"),
        (("a", "b", "base", "tuned"), "tuned a b base bm25 hybrid", "a b base tuned"),
        (("a", "b", "c", "d", "base", "tuned"), "tuned a b c d base bm25 hybrid", "a b base tuned"),
        ((), "bm25 hybrid", "bm25"),
    ],
)
def test_what_is_offered_and_what_is_compared_at_first(encoders, offered, usual):
    known = roles(*encoders)
    assert (" ".join(known.offered), " ".join(known.usual)) == (offered, usual)


def test_a_reference_can_be_picked_where_that_helps():
    """With base and tuned alone the page stays as it is; a reranker is compared with what it reorders."""
    assert not roles("base", "tuned").can_pick and not roles("e5").can_pick
    assert roles("e5", "bge").can_pick and roles("base", "tuned", "a").can_pick
    assert Roles(("base", "tuned", "bm25", "reranked"), ("base", "tuned")).can_pick


def test_the_reference_is_one_of_the_columns():
    """A comparison without base needs another reference, and one with base and tuned alone keeps its meaning."""
    three = roles("base", "tuned", "a")
    assert three.contrast(["tuned", "a", "bm25"]).reference == "tuned"
    assert three.contrast(["base", "tuned", "bm25"]).moved == ("tuned", "bm25")
    assert three.contrast(["bm25"]).moved == ()
    two = roles("base", "tuned")
    assert two.contrast(["base", "tuned", "bm25"]).moved == ("tuned",)
    assert two.contrast(["tuned", "bm25"]).reference is None
    assert two.contrast(["base", "tuned", "bm25"], "tuned").moved == ("base", "bm25")


# -- search and comparison -------------------------------------------------------------------------------------------


def test_every_system_answers(engine):
    assert engine.roles.names == FOUR and engine.roles.candidate == "tuned"
    for name in FOUR:
        assert engine.search("red running shoes", 3, name).hits[0].product_id == "p01", name
        assert engine.explain("red running shoes", "us", "p01", name).score > 0
    with pytest.raises(
        QueryError, match="system should be one of base, tuned, mini-v2, card, bm25, hybrid, is 'best'"
    ):
        engine.search("shoes", 3, "best")


def test_moves_are_from_the_reference(engine):
    """Against each system the ranks of both lists, worked out from the lists themselves."""
    for reference in ("base", "card", "bm25"):
        found = engine.compare("red sneakers", 5, ["base", "tuned", "card", "bm25"], reference)
        lists = {name: [hit.product_id for hit in result.hits] for name, result in found.systems.items()}
        assert found.to_json()["reference"] == reference and set(found.moves) == set(lists) - {reference}
        for move in found.to_json()["moves"]:
            ranks = {name: lists[name].index(move["product_id"]) + 1 if move["product_id"] in lists[name] else None
                     for name in (reference, move["system"])}  # fmt: skip
            assert (move["before"], move["after"]) == (ranks[reference], ranks[move["system"]])
        assert (
            sum(move["system"] == "tuned" for move in found.to_json()["moves"])
            == len({*lists["tuned"], *lists[reference]})
            or reference == "tuned"
        )
    assert engine.compare("red sneakers", 5).reference == "base"


def test_one_other_column_has_an_overlap_and_several_have_none(engine):
    one = engine.compare("red sneakers", 5, ["card", "mini-v2"], "mini-v2").to_json()
    shared = {hit["product_id"] for hit in one["systems"]["card"]["hits"]} & {
        hit["product_id"] for hit in one["systems"]["mini-v2"]["hits"]
    }
    assert one["overlap"] == len(shared) / 5 == one["agreement"]["card"]["overlap"]
    several = engine.compare("red sneakers", 5, ["card", "mini-v2", "bm25"]).to_json()
    assert several["overlap"] is None and set(several["agreement"]) == {"mini-v2", "bm25"}


@pytest.mark.parametrize("reference", ["best", "tuned", 3, ["base"]])
def test_a_reference_that_is_not_compared_is_refused(engine, reference):
    with pytest.raises(QueryError, match=r"one of the systems that are compared \(base, bm25\), is"):
        engine.compare("shoes", 3, ["base", "bm25"], reference)


def test_base_and_tuned_can_have_another_reference():
    found = small_shop.engine().compare("red sneakers", 5, None, "bm25")
    assert found.to_json()["reference"] == "bm25" and set(found.moves) == {"base", "tuned"}


def test_marks_and_differences_are_against_the_reference(engine):
    shown = {
        reference: comparison.comparison(engine.compare("red sneakers", 4, ["base", "card", "tuned"], reference))
        for reference in ("base", "card")
    }
    said = text(shown["card"])
    assert "Against card:" in said and "From base to fine-tuned" not in said and "Against Base:" in text(shown["base"])
    assert "Not in the list of card" in shown["card"] and 'title="Against card"' in shown["card"]
    sides = re.findall(r'<section class="side (\w+)" aria-label="([^"]+)".*?</section>', shown["card"], re.DOTALL)
    # The name of an encoder is a class of style.css elsewhere, so it is none here.
    assert sides == [("base", "Base"), ("other", "card"), ("tuned", "Fine-tuned")]
    for name, css in (("card", "other"), ("base", "base")):
        column = re.search(rf'<section class="side {css}".*?</section>', shown[name], re.DOTALL)[0]
        assert 'class="change' not in column, "the reference has no difference from itself"


def test_one_encoder_is_compared_with_bm25():
    """A store may be loaded with --only one encoder."""
    engine = alone()
    found = engine.compare("red running shoes", 5)
    assert list(found.systems) == ["mini-v2", "bm25"] and found.reference == "mini-v2"
    said = text(comparison.comparison(found, candidate=engine.roles.candidate))
    assert "From mini-v2 to BM25:" in said and "Fine-tuned" not in said
    nothing = engine.search("zzz", 5, "bm25")
    assert "try mini-v2" in text(cards.results(nothing, candidate=engine.roles.candidate))


# -- links, export, endpoints ----------------------------------------------------------------------------------------


def test_a_link_carries_the_reference(engine):
    link = Link("mug", 5, "compare", "tuned", {}, ("base", "card"), reference="card")
    address = links.build(link)
    assert address == "?q=mug&k=5&tab=compare&systems=base,card&reference=card"
    assert links.parse(links.split(address), engine.roles) == (link, [])
    assert "reference" not in links.build(replace(link, tab="search"))


@pytest.mark.parametrize(
    ("address", "systems", "said"),
    [
        ("?tab=compare&systems=base,card&reference=tuned", ("base", "card"), "columns (base, card), is 'tuned'"),
        ("?tab=compare&reference=bm25", (), "columns (base, tuned, mini-v2, card), is 'bm25'; base is used"),
        ("?tab=compare&systems=" + ",".join(FOUR), FOUR[:4], "4 names; base, tuned, mini-v2, card are used"),
    ],
)  # fmt: skip
def test_what_a_link_cannot_have_is_replaced(engine, address, systems, said):
    link, (note,) = links.parse(links.split(address), engine.roles)
    assert (link.systems, link.reference) == (systems, "") and said in note


def test_an_export_names_the_reference(engine):
    found = engine.compare("red sneakers", 5, ["base", "card", "bm25"], "card")
    rows = list(csv.DictReader(io.StringIO(export.csv_of(found), newline="")))
    assert {row["reference"] for row in rows} == {"card"}
    assert {row["move"] for row in rows if row["system"] == "card"} == {""}
    moves = {move.product_id: move.state for move in found.moves["bm25"]}
    shown = [row for row in rows if row["system"] == "bm25"]
    assert shown and all(row["move"] == moves[row["product_id"]] for row in shown)


def test_endpoints_describe_the_systems_of_the_engine(engine):
    def endpoint():
        """Search.

        Args:
            system: SYSTEMS.
            systems: some of NAMES; empty is USUAL.
        """

    endpoints.describe(endpoint, engine.roles)
    assert "card (encoder), bm25 (words), hybrid (tuned and bm25)." in endpoint.__doc__
    assert "some of base, tuned, mini-v2, card, bm25, hybrid; empty is base,tuned,mini-v2,card." in endpoint.__doc__


# -- votes -----------------------------------------------------------------------------------------------------------


def test_any_two_systems_can_be_voted_on_and_votes_survive_a_further_encoder(engine):
    known = {(pair.first, pair.second): pair.made_by for pair in pairs(engine)}
    assert len(known) == 15 and next(iter(known)) == ("base", "tuned")
    before = {(pair.first, pair.second): pair.made_by for pair in pairs(small_shop.engine())}
    assert {pair: known[pair] for pair in before} == before
    assert known["base", "card"] not in before.values()


@pytest.mark.parametrize("reference", ["", "card"])
def test_people_s_judgments_count_against_the_same_reference(reference):
    """Without base the recounted tables had no differences, and with another reference those from base."""
    encoders = {name: small_shop.four()[name] for name in ("mini-v2", "card")}
    measured = Evaluation(reference=reference) if reference else None
    engine = small_shop.engine(measured, encoders=encoders)
    counted = PeopleEvaluation(engine.systems, engine.judgments, engine.catalogue, engine.scale, measured)
    found = counted.with_people(frame({}, engine.scale)).evaluation
    assert found.reference == (reference or "mini-v2")
    other = "card" if found.reference == "mini-v2" else "mini-v2"
    assert found.difference(other).n == 6 and found.difference(found.reference) is None
    assert found.candidate == other


# -- evaluation ------------------------------------------------------------------------------------------------------


def test_every_encoder_has_a_row_and_a_corrected_difference(engine):
    measured = engine.evaluation
    shown = page(measured, engine.description, choices=measured_systems(measured))
    headline = re.search(r'<article class="metric decides">.*?</article>', shown, flags=re.DOTALL)[0]
    rows = re.findall(r'<th scope="row">([^<]*)</th>.*?</td><td>(.*?)</td>', headline)
    names = [name for name, _ in rows]
    levels = ["Random", "BM25", "Base", "Fine-tuned", "Hybrid", "mini-v2", "card", "Base + BM25"]
    assert names[:8] == levels and set(names[8:]) == set(levels) - {"Random", "Base"}
    (difference,) = [text(cell) for name, cell in rows[8:] if name == "card"]
    p = measured.protocols["full_catalogue"].p_values["card"]["ndcg@10"]
    assert difference.startswith("+.050 [+.050, +.050] better") and p < 0.001
    assert difference.endswith("p < .001 (Holm, 6 comparisons)")
    assert [text(head) for head in re.findall(r"<h3>.*?</h3>", section(shown, "encoders"))] == [
        "Base", "Fine-tuned", "mini-v2", "card",
    ]  # fmt: skip


def test_the_verdict_says_which_of_several_is_best(engine):
    measured = engine.evaluation
    said = text(verdict.verdict(measured, None, engine.description))
    assert said.startswith("Fine-tuning made no clear difference")
    assert "Of the 3 encoders, card is furthest ahead of Base: +.050." in said
    assert "It stays clear when corrected for 6 comparisons (Holm, p < .001)." in said
    assert "card is furthest ahead" in verdict.verdict_text(measured, None)
    table = measured.protocols["full_catalogue"]
    chance = {**table.p_values, "card": {"ndcg@10": 0.2}}
    maybe = replace(measured, protocols={"full_catalogue": replace(table, p_values=chance)})
    assert "that may be chance" in " ".join(verdict.best_of_several(maybe))
    behind = {name: found for name, found in table.differences.items() if name not in ("card", "tuned")}
    behind["tuned"] = behind["mini-v2"]
    below = replace(measured, protocols={"full_catalogue": replace(table, differences=behind)})
    assert verdict.best_of_several(below)[0].startswith("None of the 2 encoders is ahead of Base")
    assert verdict.best_of_several(small_evaluation.content()) == [], "one encoder beside the reference"


def test_other_names_than_base_and_tuned_are_named_in_the_verdict():
    encoders = {name: small_shop.four()[name] for name in ("mini-v2", "card")}
    systems = {"bm25": 0.2, "mini-v2": 0.0, "card": 0.05}
    found = small_evaluation.content(systems=systems, encoders=encoders, reference="mini-v2", training=None)
    engine = small_shop.engine(found, encoders=encoders)
    assert text(verdict.verdict(found, None, engine.description)).startswith("card is better than mini-v2.")
    shown = page(found, engine.description)
    assert "nDCG@10 in the full catalogue is .500 with mini-v2 and .550 with card" in text(section(shown, "answer"))
    assert "paired differences from mini-v2" in shown and "System − mini-v2" in shown
    for word in ("fine-tun", "base"):
        assert word not in text(re.sub(r'<section class="(gains|encoders|data)".*?</section>', "", shown)).lower()
    shown = text(header(len(engine), engine.description, evaluation=found))
    assert "Which encoder is better" in shown and "fine-tun" not in shown.lower()
    assert "fine-tun" not in text(tour(tuning=engine.roles.is_tuning)) and "fine-tun" in text(tour())
    assert engine.held_out.pair == ("card", "mini-v2") and engine.held_out.counts()[0] == 38
    # Queries of the small shop itself: the first view compares the two.
    measured = replace(engine.held_out.entries[0], query="red sneakers", locale="us")
    engine.held_out = HeldOut([measured], engine.held_out.pair)
    assert "Better with card than with mini-v2" in text(first_view.build_first_view(engine)())


def test_queries_of_any_pair(engine):
    measured = engine.evaluation
    choices = measured_systems(measured)
    assert "random" not in choices and {"base", "card", "hybrid", "base+bm25"} <= set(choices)
    assert HeldOut.of(measured, pair=("card", "mini-v2")).entries[0].difference == 0.1
    assert HeldOut.of(measured).pair == ("tuned", "base")
    shown = page(measured, engine.description, pair=("card", "hybrid"), choices=choices)
    queries = section(shown, "queries")
    assert "card minus Hybrid in full-catalogue nDCG@10" in text(queries) and "+.250, from .300 to .550" in queries
    assert '<option value="card" selected>' in queries and "card minus Hybrid by slice" in shown
    assert "systems=hybrid,card&amp;reference=hybrid" in queries
    same = page(measured, engine.description, pair=("card", "card"), choices=choices)
    assert "Choose two different systems." in section(same, "queries") and 'class="slices"' not in same
    assert measured_systems(small_evaluation.content()) == [], "with two encoders there is nothing to choose"
    assert "<select" not in page(measured, engine.description) and "<select" in per_query.chart(None, choices=choices)
