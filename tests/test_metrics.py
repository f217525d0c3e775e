"""Every figure the project shows goes through these functions, so they are held to hand-worked numbers."""

import math

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from space.evaluation import metrics
from space.evaluation.estimates import Estimate

LOG3 = math.log2(3)
GAINS = np.array([1.0, 0.1, 0.01, 0.0])


# -- nDCG ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [None, 1, 3, 10, 40, 100])
def test_ndcg_is_that_of_scikit_learn(k):
    """Guards the whole formula, by an implementation that is not ours: with the four gains of ESCI, of which many
    products share one, and with cut-offs beyond the list."""
    rng = np.random.default_rng(7)
    for n in (2, 5, 17, 60):
        for gains in (rng.random(n), np.append(rng.choice(GAINS, n - 1), 1.0)):
            scores = rng.permutation(n).astype(float)  # no equal scores: scikit-learn averages over them
            expected = ndcg_score([gains], [scores], k=k)
            assert metrics.ndcg(gains[np.argsort(-scores)], k=k) == pytest.approx(expected, abs=1e-12)


def test_judged_products_not_retrieved_count_in_the_ideal():
    """A system that finds one of three Exact products first must not score 1 over the whole catalogue."""
    found, judged = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 1.0, 1.0])
    assert metrics.ndcg(found, judged, k=10) == pytest.approx(1 / (1 + 1 / LOG3 + 1 / 2))


def test_ideal_is_cut_off_as_well():
    """One place, ten Exact products, one of them there: nothing better was possible."""
    assert metrics.ndcg(np.array([1.0]), np.ones(10), k=1) == 1.0


def test_nothing_retrieved_is_zero():
    """An empty result for a query that could be answered is the worst there is, and no NaN to be left out."""
    assert metrics.ndcg(np.array([]), np.array([1.0, 0.1]), k=10) == 0.0


def test_no_gain_is_undefined():
    """0 would punish, and 1 reward, every system for a query without a right answer."""
    assert math.isnan(metrics.ndcg(np.zeros(3)))
    assert math.isnan(metrics.ndcg(np.zeros(3), np.zeros(5), k=10))
    assert math.isnan(metrics.ndcg(np.array([])))


def test_ndcg_leaves_its_arguments_alone():
    """Sorting in place for the ideal would turn every later metric of the query into a perfect one."""
    gains = np.array([0.0, 1.0, 0.1])
    metrics.ndcg(gains, gains, 2)
    assert gains.tolist() == [0.0, 1.0, 0.1]


# -- recall and reciprocal rank --------------------------------------------------------------------------------------


def test_recall():
    """Guards the denominator: all relevant products, not only those among the first k."""
    relevant = np.array([True, False, True, True])
    assert metrics.recall(relevant, 4, 3) == 0.5
    assert metrics.recall(relevant, 4, 100) == 0.75
    assert metrics.recall(np.array([], dtype=bool), 4, 100) == 0.0
    assert math.isnan(metrics.recall(relevant, 0, 3))


def test_reciprocal_rank():
    """Guards ranks that count from 0, and hits beyond the cut-off."""
    assert metrics.reciprocal_rank(np.array([True, True]), 10) == 1.0
    assert metrics.reciprocal_rank(np.array([False, False, True]), 10) == pytest.approx(1 / 3)
    assert metrics.reciprocal_rank(np.array([False, False, True]), 2) == 0.0
    assert metrics.reciprocal_rank(np.array([], dtype=bool), 10) == 0.0


# -- bootstrap -------------------------------------------------------------------------------------------------------


def test_estimate_is_the_same_every_time():
    """An interval that moves from run to run would let anybody pick the run they like."""
    values = np.random.default_rng(1).random(50)
    assert metrics.estimate(values) == metrics.estimate(values) == metrics.estimate(values, seed=0)
    assert metrics.estimate(values, seed=1) != metrics.estimate(values, seed=2)


def test_resampling_in_blocks_is_resampling_at_once():
    """Blocks bound the memory; one that is drawn twice, or a last one that is cut off, would bend the interval."""
    values = np.random.default_rng(2).normal(size=900)  # blocks of 4,444: the third is smaller
    rows = np.random.default_rng(0).integers(0, 900, (metrics.RESAMPLES, 900))
    found = metrics.estimate(values)
    assert (found.low, found.high) == pytest.approx(np.percentile(values[rows].mean(axis=1), [2.5, 97.5]), abs=1e-6)


def test_estimate_by_hand():
    """Of two values, the mean of a resample is either of them or their mean: the interval must be the whole range."""
    found = metrics.estimate(np.array([0.0, 1.0]))
    assert (found.mean, found.low, found.high, found.n) == (0.5, 0.0, 1.0, 2)
    assert metrics.estimate(np.full(5, 0.25)) == Estimate(0.25, 0.25, 0.25, 5)


def test_interval_holds_the_truth_about_as_often_as_it_says(monkeypatch):
    """Over 300 samples of 40 skewed values of known mean, about 95 % of intervals hold it; 90 % ones would not."""
    monkeypatch.setattr(metrics, "RESAMPLES", 1000)
    rng = np.random.default_rng(4)
    intervals = [metrics.estimate(rng.beta(2, 5, 40), seed) for seed in range(300)]
    held = np.mean([one.low <= 2 / 7 <= one.high for one in intervals])
    assert 0.92 <= held <= 0.98


def test_more_queries_than_a_block_holds_are_resampled_one_by_one():
    assert metrics.estimate(np.ones(4_000_001), resamples=2) == Estimate(1.0, 1.0, 1.0, 4_000_001)


def test_undefined_values_are_left_out():
    """One query without a defined metric must neither spoil the mean nor count as a query."""
    values = np.random.default_rng(6).random(30)
    holed = np.insert(values, [0, 10, 30], np.nan)
    assert metrics.estimate(holed) == metrics.estimate(values)


@pytest.mark.parametrize("values", [[], [math.nan, math.nan]])
def test_no_values(values):
    """Nothing measured is None over 0 queries, and no crash after an hour of training."""
    found = metrics.estimate(np.array(values))
    assert (found.mean, found.low, found.high, found.n) == (None, None, None, 0)


def test_whole_numbers_are_as_good():
    assert metrics.dcg([1, 0, 1]) == 1.5
    assert metrics.estimate([1, 2, 3]).mean == 2.0
    assert metrics.wins_losses_ties([1, -1, 0, 2]) == (2, 1, 1)


def test_means_before_and_after_are_over_the_same_queries():
    """The third query has no value afterwards, so that its 1 is in neither mean."""
    found = metrics.before_after(np.array([0.2, 0.4, 1.0]), np.array([0.6, 0.2, np.nan]))
    assert (found.base, found.tuned, found.mean, found.n) == (0.3, 0.4, 0.1, 2)
    none = metrics.before_after(np.array([np.nan]), np.array([1.0]))
    assert (none.base, none.tuned, none.n) == (None, None, 0)


def test_wins_losses_ties():
    """Rounding noise is no win, and an undefined difference is no tie."""
    assert metrics.wins_losses_ties(np.array([0.1, 0.2, -0.3, 0.0, 1e-12, -1e-12, math.nan])) == (2, 1, 3)
    assert metrics.wins_losses_ties(np.array([])) == (0, 0, 0)


# -- agreement of two rankings ---------------------------------------------------------------------------------------


def test_rank_biased_overlap_of_uneven_rankings_by_hand():
    """Agreement .9 + .81/2 + .729/3, the third item extrapolated by .729/6, then what lies beyond: .729/2."""
    expected = (0.9 + 0.405 + 0.243 + 0.1215) / 9 + 0.3645
    assert metrics.rank_biased_overlap("ax", "abc") == pytest.approx(expected) == pytest.approx(0.55)
    assert metrics.rank_biased_overlap("abc", "ax") == pytest.approx(0.55), "which one comes first is no matter"


def test_rank_biased_overlap_is_the_formula_of_the_paper():
    """Against equation 32 written out with sets, over lengths and overlaps of every kind."""
    rng = np.random.default_rng(5)
    for s, l, p in ((1, 1, 0.9), (5, 5, 0.5), (3, 17, 0.9), (10, 10, 0.98), (9, 10, 0.9)):  # noqa: E741
        short, long = rng.permutation(20)[:s].tolist(), rng.permutation(20)[:l].tolist()
        shared = [len(set(short[:d]) & set(long[:d])) for d in range(l + 1)]
        seen = sum(shared[d] / d * p**d for d in range(1, l + 1))
        unseen = sum(shared[s] * (d - s) / (s * d) * p**d for d in range(s + 1, l + 1))
        expected = (1 - p) / p * (seen + unseen) + ((shared[l] - shared[s]) / l + shared[s] / s) * p**l
        assert metrics.rank_biased_overlap(short, long, p) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("items", ["a", "abcdefghij", list(range(100)), [("us", "p1"), ("es", "p1")]])
def test_equal_rankings_overlap_wholly_whatever_their_length(items):
    """Without the extrapolation ten equal products would score .65."""
    assert metrics.rank_biased_overlap(items, items) == pytest.approx(1.0)
    assert metrics.overlap(items, items) == 1.0


def test_overlap_of_little_or_nothing():
    """BM25 may find three products, or none: no division by zero, and no 100 % for a part of another list."""
    assert metrics.overlap("abc", "abcdefghij") == 0.3
    assert metrics.overlap("", "abc") == metrics.overlap("", "") == 0.0
    assert metrics.rank_biased_overlap("", "abc") == metrics.rank_biased_overlap("abc", "xyz") == 0.0
    assert math.isnan(metrics.rank_biased_overlap("", ""))
