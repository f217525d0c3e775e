"""Reciprocal rank fusion: ranks, padding and ties."""

import numpy as np
import pytest

from space.retrieval.hybrid import reciprocal_rank_fusion


def fuse(*rankings, k=10):
    scores, rows = reciprocal_rank_fusion([np.array(ranking, dtype=np.int64) for ranking in rankings], k)
    assert (scores.dtype, rows.dtype) == (np.float32, np.int64)
    return scores.tolist(), rows.tolist()


def test_by_hand():
    """The first row has rank 1, not 0, so it adds 1 / 61."""
    scores, rows = fuse([7, 3], [3, 9])
    assert rows == [3, 7, 9]
    assert scores == pytest.approx([1 / 62 + 1 / 61, 1 / 61, 1 / 62], rel=1e-6)


def test_against_a_plain_loop():
    """Random rankings of awkward lengths against the formula."""
    rng = np.random.default_rng(0)
    for lengths in ((1, 1), (17, 5), (100, 100), (3, 0)):
        rankings = [rng.permutation(200)[:length] for length in lengths]
        sums = {}
        for ranking in rankings:
            for rank, row in enumerate(ranking.tolist(), start=1):
                sums[row] = sums.get(row, 0.0) + 1 / (60 + rank)
        expected = sorted(sums, key=lambda row: (-np.float32(sums[row]), row))
        scores, rows = fuse(*rankings, k=1000)
        assert rows == expected
        assert scores == pytest.approx([sums[row] for row in expected], rel=1e-6)


def test_ties_by_lower_row():
    """Swapped ranks give equal sums; their order must not change from run to run."""
    assert fuse([9, 4], [4, 9])[1] == [4, 9]
    assert fuse([9], [4], [2])[1] == [2, 4, 9]


def test_equal_sums_tie_whatever_the_order_of_their_terms():
    """Three rankings that hold each row at ranks 1, 2 and 3: in float64 the sums differ in their last digit."""
    for rank in range(40):
        lead = list(range(100, 100 + rank))
        scores, rows = fuse([*lead, 2, 1, 0], [*lead, 1, 0, 2], [*lead, 0, 2, 1])
        tied = [row for row in rows if row < 100]
        assert tied == sorted(tied)


def test_k_cuts_after_the_sum():
    """Cutting each list to k first would lose rows that are second in both."""
    assert fuse([1, 2], [3, 2], k=1)[1] == [2]
    assert fuse([1], [2], k=5)[1] == [1, 2]


def test_padding_is_skipped():
    """An index fills up with -1 if a filter leaves too few rows; -1 is not a product."""
    scores, rows = fuse([4, -1, -1], [-1, -1, -1])
    assert rows == [4]
    assert scores == pytest.approx([1 / 61], rel=1e-6)


def test_nothing_found():
    """Two empty rankings are an empty one."""
    assert fuse([], []) == ([], [])
