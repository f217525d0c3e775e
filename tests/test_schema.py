"""evaluation.json to types and back: what was written is read, and one bad value does not hide the rest."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import small_evaluation

from space.evaluation.estimates import PairedDifference
from space.evaluation.schema import Bm25Parameters, Evaluation, EvaluationError
from space.index.bm25 import K1, B

DIFFERENCE = {"mean": 0.2, "low": 0.1, "high": 0.3, "n": 12, "wins": 9, "losses": 2, "ties": 1}


def test_what_was_written_is_read():
    whole = small_evaluation.bent(
        bm25={"k1": 1.6, "b": 0.75, "queries": 80, "products": 9, "train": DIFFERENCE, "test": None, "stem": False},
        drift={
            "pairs": 48,
            "cosine": {"mean": 0.9, "lowest": 0.5},
            "rank_correlation": None,
            "paraphrase": DIFFERENCE | {"base": 0.5, "tuned": 0.7},
        },
    )
    assert Evaluation.from_json(whole.to_json()) == whole
    assert json.loads(whole.to_json())["drift"]["paraphrase"]["tuned"] == 0.7
    assert json.loads(whole.to_json())["protocols"]["judged"]["systems"]["base"]["ndcg"]["n"] == 38


@pytest.mark.parametrize("text", ["", "[1]", '{"verdict": ', "7", "[" * 100_000])
def test_what_is_no_evaluation_is_refused(text):
    with pytest.raises(EvaluationError, match="not an evaluation"):
        Evaluation.from_json(text)


@pytest.mark.parametrize(
    ("bent", "kept"),
    [
        (DIFFERENCE, True),
        (DIFFERENCE | {"mean": None, "low": None, "high": None, "n": 0}, True),
        (DIFFERENCE | {"mean": None, "low": None, "high": None}, False),
        (DIFFERENCE | {"low": "much"}, False),
        (DIFFERENCE | {"high": float("inf")}, False),
        (DIFFERENCE | {"wins": None}, False),
        (DIFFERENCE | {"wins": 1.5}, False),
        (DIFFERENCE | {"n": True}, False),
        ({}, False),
        (3, False),
    ],
)
def test_a_difference_without_its_figures_is_left_out_and_its_neighbour_stays(bent, kept):
    table = {"differences": {"tuned": {"ndcg@10": bent, "mrr@10": DIFFERENCE}}}
    found = Evaluation.from_json({"protocols": {"full_catalogue": table, "judged": 7}})
    assert ("ndcg@10" in found.protocols["full_catalogue"].differences["tuned"]) == kept
    assert asdict(found.protocols["full_catalogue"].differences["tuned"]["mrr@10"]) == DIFFERENCE
    assert (found.difference("tuned") is not None) == kept and list(found.protocols) == ["full_catalogue"]


@pytest.mark.parametrize(
    ("bm25", "expected"),
    [
        ({"k1": 1.6, "b": 0.75, "queries": 80}, Bm25Parameters(1.6, 0.75, 80)),
        ({"k1": 1.6, "b": 0.75, "queries": 80, "test": {"n": 5}}, Bm25Parameters(1.6, 0.75, 80)),
        ({"k1": K1, "b": B, "queries": "many"}, Bm25Parameters()),
        ({"k1": 1.6, "b": 1.5}, None),
        ({"k1": 101, "b": 0.5}, None),
        ("?", None),
        (None, None),
    ],
)
def test_bm25_parameters_that_bm25_can_work_with(bm25, expected):
    assert Evaluation.from_json({"bm25": bm25}).bm25 == expected


COLUMN = "full_catalogue/ndcg@10"


@pytest.mark.parametrize(
    "bent",
    [
        {"query": []},
        {"query": ["mug", "cup", "cord"]},
        {"query": "ab"},
        {"query": ["mug", 7]},
        {"systems": {"tuned": {COLUMN: [0.5]}}},
        {"labels": {"Exact": [1, 2, 3]}},
    ],
)
def test_figures_of_queries_that_do_not_line_up_are_left_out(bent):
    """A list that lacks one query would put every later figure beside the wrong one."""
    whole = {"product_locale": ["us", "es"], "query": ["mug", "taza"], "systems": {"tuned": {COLUMN: [None, 0.5]}}}
    assert Evaluation.from_json({"per_query": whole}).per_query.query == ["mug", "taza"]
    assert Evaluation.from_json({"per_query": whole | bent}).per_query is None


def test_what_is_no_number_is_undefined():
    whole = {"product_locale": ["us"] * 3, "query": ["a", "b", "c"], "systems": {"tuned": {COLUMN: [None, "much", 1]}}}
    found = Evaluation.from_json({"per_query": whole}).per_query
    assert np.isnan(found.values("tuned", COLUMN)[:2]).all() and found.values("tuned", COLUMN)[2] == 1
    assert found.values("base", COLUMN) is None


@pytest.mark.parametrize("run", [{"examples": "many"}, {"history": [1]}, {"seconds": None}])
def test_a_training_log_is_read_as_a_whole(run):
    """A curve without its device, or a speed without its steps, would be half a statement."""
    whole = json.loads(small_evaluation.content().to_json())
    assert Evaluation.from_json(whole).training.steps == 20
    assert Evaluation.from_json(whole | {"training": whole["training"] | run}).training is None


@pytest.mark.parametrize(
    ("n", "low", "high", "outcome"),
    [(0, None, None, "none"), (9, 0.1, 0.3, "few"), (10, 0.1, 0.3, "better"), (10, -0.3, -0.1, "worse")]
    + [(10, low, high, "unclear") for low, high in ((-0.1, 0.1), (0.0, 0.1), (-0.1, 0.0))],
)
def test_outcome(n, low, high, outcome):
    """An interval that ends at zero holds it."""
    found = PairedDifference(low, low, high, n, wins=0, losses=0, ties=n)
    assert found.outcome == outcome
