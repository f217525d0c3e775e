"""Several rankings into one. Knows no score: only ranks are compared, since scores of different systems are not."""

import numpy as np

#: Cormack, Clarke and Büttcher 2009 found 60 good over many collections; it is not tuned here.
RRF_K = 60


def reciprocal_rank_fusion(rankings: list[np.ndarray], k: int, rrf_k: int = RRF_K) -> tuple[np.ndarray, np.ndarray]:
    """Rows ordered by the sum of 1 / (rrf_k + rank) over the rankings that hold them.

    Args:
        rankings: each (n_i,) int64 rows, best first, none twice; negative rows are padding and skipped.
        k: how many to return.
        rrf_k: larger values flatten the weight of the first ranks.

    Returns:
        (scores (m,) float32, rows (m,) int64) with m <= k, best first, ties by lower row.
    """
    rows = np.concatenate(rankings)
    gains = np.concatenate([1.0 / (rrf_k + 1.0 + np.arange(len(ranking))) for ranking in rankings])
    unique, where = np.unique(rows, return_inverse=True)
    # Rounded before they are compared: in float64 equal sums differ in the last digit by the order of their terms.
    scores = np.bincount(where, weights=gains, minlength=len(unique)).astype(np.float32)
    scores, unique = scores[unique >= 0], unique[unique >= 0]
    order = np.argsort(-scores, kind="stable")[:k]
    return scores[order], unique[order].astype(np.int64)
