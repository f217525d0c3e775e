"""The figures of one list, worked out by hand; that they are those of the evaluation is held in test_search.py."""

import math

import pytest

from space.search.list_quality import Figures, measure

LOG3 = math.log2(3)


def test_figures_by_hand():
    """A Substitute, nothing, an Exact: (.1 + 1/2) of (1 + 1/log2 3 + .1/2), one of two Exact, and none at the top."""
    found = measure(["Substitute", None, "Exact"], ["Exact", "Exact", "Substitute", "Irrelevant"], 3)
    assert found == Figures(
        k=3,
        ndcg=pytest.approx(0.6 / (1 + 1 / LOG3 + 0.05), abs=1e-6),
        recall=0.5,
        exact_at_1=0.0,
        judged=4,
        exact=2,
        scope="locale",
    )


def test_what_stands_beyond_k_does_not_count():
    found = measure([None, "Exact"], ["Exact"], 1)
    assert (found.ndcg, found.recall, found.exact_at_1) == (0.0, 0.0, 0.0)


def test_a_list_of_nothing_has_figures_of_zero():
    """BM25 that shares no word failed, and is not to be left out."""
    found = measure([], ["Exact"], 10)
    assert (found.ndcg, found.recall, found.exact_at_1) == (0.0, 0.0, 0.0)


def test_what_is_not_defined_is_none_and_no_zero():
    """A query without an Exact product cannot be failed on recall, nor one without gain on nDCG."""
    found = measure(["Substitute"], ["Substitute"], 10)
    assert (found.ndcg, found.recall, found.exact_at_1) == (1.0, None, None)
    assert measure(["Irrelevant"], ["Irrelevant"], 10).ndcg is None
    assert measure([None, None], [], 10) is None
