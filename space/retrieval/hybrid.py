"""Hybrid retrieval: two rankings fused by their ranks."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from space.encoding.lineup import candidate
from space.errors import same_rows
from space.retrieval.system import Ranking, Stopwatch, System

#: Good over many collections (Cormack, Clarke and Büttcher 2009); not tuned here.
RRF_K = 60
#: How many rows of each ranking are fused.
FUSION_DEPTH = 100


def hybrid_of(name: str, names: Sequence[str]) -> str:
    """The name of an encoder fused with BM25: "hybrid" of the candidate, as on the page, "NAME+bm25" of the others."""
    return "hybrid" if name == candidate(names) else f"{name}+bm25"


class HybridSystem(System):
    """Reciprocal rank fusion of two systems over the same rows."""

    dense = True

    def __init__(self, first: System, second: System, name: str = "hybrid") -> None:
        """Fuse ``first`` and ``second``."""
        same_rows(name, first=len(first), second=len(second))
        self.name, self.parts = name, (first, second)
        self.in_database = first.in_database or second.in_database

    def __len__(self) -> int:
        return len(self.parts[0])

    def retrieve(
        self, queries: Sequence[str], k: int, mask: np.ndarray | None = None, clock: Stopwatch | None = None
    ) -> list[Ranking]:
        """See ``System``. It fuses the best ``FUSION_DEPTH`` of each system for any k.

        With a depth that grows with k, the first ten of k=20 would differ from those of k=10.
        """
        found = [part.retrieve(queries, FUSION_DEPTH, mask, clock) for part in self.parts]
        return [Ranking(*reciprocal_rank_fusion([one.rows for one in both], k)) for both in zip(*found, strict=True)]

    def rank(self, queries: Sequence[str], rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """See ``System``."""
        orders = [part.rank(queries, rows) for part in self.parts]
        fused = []
        for *both, given in zip(*orders, rows, strict=True):
            best = reciprocal_rank_fusion([given[order] for order in both], len(given))[1]
            by_row = np.argsort(given)
            fused.append(by_row[np.searchsorted(given, best, sorter=by_row)])
        return fused

    def within(self, filters: Mapping[str, Any]) -> System:
        """See ``System``."""
        if not self.in_database:
            return self
        first, second = (part.within(filters) for part in self.parts)
        return HybridSystem(first, second, self.name)


def reciprocal_rank_fusion(rankings: list[np.ndarray], k: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows ordered by the sum of 1 / (RRF_K + rank) over the rankings that hold them.

    Args:
        rankings: each (n_i,) int64 distinct rows, best first; negative rows are padding and skipped.
        k: how many to return.

    Returns:
        scores (m,) float32 and rows (m,) int64 with m <= k, best first, ties by lower row.
    """
    rows = np.concatenate(rankings)
    gains = np.concatenate([1.0 / (RRF_K + 1.0 + np.arange(len(ranking))) for ranking in rankings])
    unique, where = np.unique(rows, return_inverse=True)
    # Rounded before they are compared: equal sums differ in the last digit of float64 by the order of their terms.
    scores = np.bincount(where, weights=gains, minlength=len(unique)).astype(np.float32)
    scores, unique = scores[unique >= 0], unique[unique >= 0]
    order = np.argsort(-scores, kind="stable")[:k]
    return scores[order], unique[order].astype(np.int64)
