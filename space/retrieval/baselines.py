"""Baselines that need no encoder: BM25 and a random order."""

from collections.abc import Sequence

import numpy as np

from space.index.bm25 import Bm25Index
from space.retrieval.system import Ranking, Stopwatch, System, by_score


class Bm25System(System):
    """BM25 over the passages that the encoders read."""

    name = "bm25"

    def __init__(self, index: Bm25Index) -> None:
        """``index`` holds the passages, row by row."""
        self.index = index

    def __len__(self) -> int:
        return len(self.index)

    def retrieve(
        self, queries: Sequence[str], k: int, mask: np.ndarray | None = None, clock: Stopwatch | None = None
    ) -> list[Ranking]:
        """See ``System``; only products that share a word with the query are found."""
        with (clock or Stopwatch()).stage("search"):
            return [Ranking(*self.index.search(query, k, mask)) for query in queries]

    def rank(self, queries: Sequence[str], rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """See ``System``."""
        return [by_score(self.index.scores(query)[part], part) for query, part in zip(queries, rows, strict=True)]


class RandomSystem(System):
    """A random order, another one at each call: the floor under every figure.

    Judged nDCG of a random order is far above zero, .71 to .80 on ESCI.
    """

    name, repeats = "random", 20

    def __init__(self, rows: int, seed: int = 0) -> None:
        """``rows``: size of the catalogue."""
        self._rows, self._rng = rows, np.random.default_rng(seed)

    def __len__(self) -> int:
        return self._rows

    def retrieve(
        self, queries: Sequence[str], k: int, mask: np.ndarray | None = None, clock: Stopwatch | None = None
    ) -> list[Ranking]:
        """See ``System``; all scores are 0."""
        allowed = np.arange(self._rows) if mask is None else np.flatnonzero(mask)
        drawn = [self._rng.choice(allowed, min(k, len(allowed)), replace=False) for _ in queries]
        return [Ranking(np.zeros(len(rows), np.float32), rows) for rows in drawn]

    def rank(self, queries: Sequence[str], rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """See ``System``."""
        return [self._rng.permutation(len(part)) for part in rows]
