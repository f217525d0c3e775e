"""Ranking metrics and paired differences. Pure: arrays in, numbers out; knows no query, product or label.

A ranking is the array of gains in ranked order, best first. nDCG is that of Järvelin and Kekäläinen 2002 with the
discount 1 / log2(rank + 1) and the gain itself, not 2^gain - 1, as in the ESCI paper and scikit-learn.
"""

from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % bootstrap interval.

    Attributes:
        mean: over ``n`` queries.
        low: 2.5th percentile of the resampled means.
        high: 97.5th percentile.
        n: how many queries it rests on.
    """

    mean: float
    low: float
    high: float
    n: int


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


def estimate(values: np.ndarray, seed: int = 0) -> Estimate:
    """Mean of (n,) per-query values with a percentile bootstrap interval over queries; NaN values are left out.

    Given differences of two systems on the same queries this is the paired bootstrap: a query is drawn with both its
    values, so what makes a query easy or hard for both cancels.
    """
    values = np.asarray(values, dtype=np.float64)
    values = values[~np.isnan(values)]
    if not len(values):
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    rng = np.random.default_rng(seed)
    # Block by block: 10,000 resamples of 20,000 queries at once would take 1.6 GB.
    block = max(1, 4_000_000 // len(values))
    means = [
        values[rng.integers(0, len(values), (min(block, RESAMPLES - start), len(values)))].mean(axis=1)
        for start in range(0, RESAMPLES, block)
    ]
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5])
    return Estimate(float(values.mean()), float(low), float(high), len(values))


def wins_losses_ties(differences: np.ndarray, tolerance: float = 1e-9) -> tuple[int, int, int]:
    """How many of (n,) per-query differences are above, below and at zero; NaN counts nowhere."""
    differences = np.asarray(differences, dtype=np.float64)
    differences = differences[~np.isnan(differences)]
    wins, losses = int((differences > tolerance).sum()), int((differences < -tolerance).sum())
    return wins, losses, len(differences) - wins - losses
