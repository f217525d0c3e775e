"""The quality of one list, worked out by hand; test_search.py compares it with the evaluation's."""

import math

import pytest

from space.search.list_quality import ListQuality, list_quality

LOG3 = math.log2(3)


def test_quality_by_hand():
    """Substitute, unjudged, Exact: DCG .1 + 1/2, ideal 1 + 1/log2(3) + .1/2; one of two Exact, not at the top."""
    found = list_quality(["Substitute", None, "Exact"], ["Exact", "Exact", "Substitute", "Irrelevant"], 3)
    assert found == ListQuality(
        k=3,
        ndcg=pytest.approx(0.6 / (1 + 1 / LOG3 + 0.05), abs=1e-6),
        recall=0.5,
        exact_at_1=0.0,
        judged=4,
        exact=2,
        scope="locale",
    )


def test_products_below_rank_k_do_not_count():
    found = list_quality([None, "Exact"], ["Exact"], 1)
    assert (found.ndcg, found.recall, found.exact_at_1) == (0.0, 0.0, 0.0)


def test_an_empty_list_scores_zero():
    """BM25 that shares no word with any product has failed; it must not drop out of the comparison."""
    found = list_quality([], ["Exact"], 10)
    assert (found.ndcg, found.recall, found.exact_at_1) == (0.0, 0.0, 0.0)


def test_undefined_values_are_none_not_zero():
    """A query without an Exact product has no recall, and one where all gains are 0 has no nDCG."""
    found = list_quality(["Substitute"], ["Substitute"], 10)
    assert (found.ndcg, found.recall, found.exact_at_1) == (1.0, None, None)
    assert list_quality(["Irrelevant"], ["Irrelevant"], 10).ndcg is None
    assert list_quality([None, None], [], 10) is None
