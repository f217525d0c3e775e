"""Ranking metrics, bootstrap intervals and paired differences: arrays in, numbers out.

A ranking is the array of gains in ranked order, best first. nDCG is that of Järvelin and Kekäläinen 2002 with the
discount 1 / log2(rank + 1) and the gain itself, not 2^gain - 1, as in the ESCI paper and scikit-learn.
"""

from collections.abc import Hashable, Sequence
from dataclasses import asdict
from functools import lru_cache

import numpy as np

from space.evaluation.estimates import BeforeAfter, Estimate, PairedDifference

RESAMPLES = 10_000
#: Up to so many queries the draws of the bootstrap are kept: 8 bytes a query and resample.
_KEPT_QUERIES = 400
#: p of rank-biased overlap: each rank has .9 of the weight of the rank before. The first ten have 86 % of the weight.
PERSISTENCE = 0.9


def dcg(gains: np.ndarray, k: int | None = None) -> float:
    """Discounted cumulative gain of (n,) gains in ranked order, cut after ``k``."""
    gains = np.asarray(gains, dtype=np.float64)[:k]
    return float(gains @ (1.0 / np.log2(np.arange(len(gains)) + 2.0)))


def ndcg(gains: np.ndarray, judged: np.ndarray | None = None, k: int | None = None) -> float:
    """DCG over the best DCG possible.

    Args:
        gains: (n,) in ranked order.
        judged: (m,) gains of all judged products, retrieved or not, in any order; None: they are ``gains``.
        k: cut-off; None for none.

    Returns:
        Between 0 and 1; NaN where no judged product has a gain, since nothing can be ranked well then.
    """
    ideal = dcg(np.sort(gains if judged is None else judged)[::-1], k)
    return dcg(gains, k) / ideal if ideal > 0 else float("nan")


def recall(relevant: np.ndarray, total: int, k: int) -> float:
    """Share of ``total`` relevant products among the first ``k`` of (n,) booleans; NaN if there are none."""
    return float(np.count_nonzero(relevant[:k]) / total) if total else float("nan")


def reciprocal_rank(relevant: np.ndarray, k: int) -> float:
    """1 / rank of the first relevant among the first ``k`` of (n,) booleans, 0 if there is none."""
    first = np.flatnonzero(relevant[:k])
    return float(1.0 / (first[0] + 1)) if len(first) else 0.0


def overlap(first: Sequence[Hashable], second: Sequence[Hashable]) -> float:
    """How many items two rankings share, divided by the length of the longer one: 0 to 1; 0 if both are empty."""
    return len(set(first) & set(second)) / max(len(first), len(second), 1)


def rank_biased_overlap(first: Sequence[Hashable], second: Sequence[Hashable], p: float = PERSISTENCE) -> float:
    """How alike two rankings are, the top counting most: extrapolated RBO of Webber, Moffat and Zobel 2010, eq. 32.

    Ranks beyond the ends are assumed to agree as much as those before, so that equal rankings of any length have 1.

    Args:
        first: items, best first, none twice.
        second: likewise; the lengths may differ.
        p: above 0 and below 1; the smaller, the more the first ranks count.

    Returns:
        0 (nothing in common) to 1 (the same); NaN if both are empty.
    """
    short, long = sorted((first, second), key=len)
    s, l = len(short), len(long)  # noqa: E741 - the paper's names
    if not s:
        return float("nan") if not l else 0.0
    depths = np.arange(1, l + 1)
    # The depth from which on an item is in both rankings is the larger of its two ranks.
    place = {item: rank for rank, item in enumerate(short, start=1)}
    met = [max(rank, place[item]) for rank, item in enumerate(long, start=1) if item in place]
    shared = np.cumsum(np.bincount(met, minlength=l + 1)[1:])  # X_d of the paper
    beyond = shared[s - 1] * np.clip(depths - s, 0, None) / s
    seen = float(((shared + beyond) / depths) @ p**depths) * (1 - p) / p
    return seen + float((shared[-1] - shared[s - 1]) / l + shared[s - 1] / s) * p**l


def estimate(values: np.ndarray, seed: int = 0, resamples: int = RESAMPLES) -> Estimate:
    """Mean of (n,) per-query values with a 95 % percentile bootstrap interval over queries; NaN values are left out.

    For differences of two systems on the same queries this is the paired bootstrap: a query is drawn with both its
    values, so that what makes it easy or hard for both cancels out.
    """
    values = np.asarray(values, dtype=np.float64)
    values = values[~np.isnan(values)]
    if not len(values):
        return Estimate(None, None, None, 0)
    if len(values) <= _KEPT_QUERIES:
        means = _drawn(len(values), seed, resamples) @ values / len(values)
    else:
        rng = np.random.default_rng(seed)
        # Block by block: 10,000 resamples of 20,000 queries at once would take 1.6 GB.
        block = max(1, 4_000_000 // len(values))
        means = np.concatenate(
            [
                values[rng.integers(0, len(values), (min(block, resamples - start), len(values)))].mean(axis=1)
                for start in range(0, resamples, block)
            ]
        )
    low, high = np.percentile(means, [2.5, 97.5])
    return Estimate(*(round(float(value), 6) for value in (values.mean(), low, high)), len(values))


@lru_cache(maxsize=2)
def _drawn(n: int, seed: int, resamples: int) -> np.ndarray:
    """(resamples, n) float64: how often each resample draws each of n queries. All metrics share these draws."""
    picked = np.random.default_rng(seed).integers(0, n, (resamples, n)) + np.arange(resamples)[:, None] * n
    return np.bincount(picked.ravel(), minlength=resamples * n).reshape(resamples, n).astype(np.float64)


def paired(differences: np.ndarray, resamples: int = RESAMPLES) -> PairedDifference:
    """Mean, interval, wins, losses and ties of (n,) per-query differences; NaN counts nowhere."""
    found = estimate(differences, resamples=resamples)
    wins, losses, ties = wins_losses_ties(differences)
    return PairedDifference(found.mean, found.low, found.high, found.n, wins=wins, losses=losses, ties=ties)


def before_after(base: np.ndarray, tuned: np.ndarray, resamples: int = RESAMPLES) -> BeforeAfter:
    """The paired difference of two systems, with the mean of each over the queries that have both values.

    Args:
        base: (n,) per-query values; NaN where undefined.
        tuned: (n,) values of the same queries.
        resamples: of the bootstrap.
    """
    difference = np.asarray(tuned, dtype=np.float64) - np.asarray(base, dtype=np.float64)
    found = paired(difference, resamples)
    known = ~np.isnan(difference)
    means = {
        name: round(float(np.asarray(values)[known].mean()), 6) if found.n else None
        for name, values in (("base", base), ("tuned", tuned))
    }
    return BeforeAfter(**asdict(found), **means)


def wins_losses_ties(differences: np.ndarray) -> tuple[int, int, int]:
    """How many of (n,) per-query differences are above, below and within 1e-9 of zero; NaN counts nowhere."""
    differences = np.asarray(differences, dtype=np.float64)
    wins, losses = int((differences > 1e-9).sum()), int((differences < -1e-9).sum())
    return wins, losses, int((~np.isnan(differences)).sum()) - wins - losses
