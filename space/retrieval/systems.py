"""Retrieval systems: a query in, ranked rows out. One implementation each, for evaluation and for the app alike.

Knows rows, not products: what stands in a row, and whether it is any good, is for others to say.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch

from space.encoding.encoder import Encoder
from space.index.bm25 import Bm25Index
from space.retrieval.fusion import reciprocal_rank_fusion

#: How deep each of two rankings is read when they are fused.
FUSION_DEPTH = 100


@dataclass(frozen=True)
class Ranking:
    """Rows of a catalogue, best first, ties by lower row.

    Attributes:
        scores: (m,) float32; what they mean differs by system, so compare ranks across systems.
        rows: (m,) int64.
    """

    scores: np.ndarray
    rows: np.ndarray


@dataclass
class Stopwatch:
    """Milliseconds by stage, added up over calls."""

    milliseconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what is inside the ``with``."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.milliseconds[name] = self.milliseconds.get(name, 0.0) + (time.perf_counter() - start) * 1e3


class System(Protocol):
    """A way to rank a catalogue.

    Attributes:
        name: as it is shown.
        repeats: how many times an evaluation should ask, above 1 for a system that draws at random.
        dense: whether it computes with tensors, on the GPU where there is one.
    """

    name: str
    repeats: int
    dense: bool

    def retrieve(
        self, queries: Sequence[str], k: int, mask: np.ndarray | None = None, clock: Stopwatch | None = None
    ) -> list[Ranking]:
        """At most ``k`` rows per query, of those where the (n,) bool ``mask`` holds."""

    def rank(self, queries: Sequence[str], rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """For each query the order of its (m,) given rows: (m,) int64 positions, best first."""


class Index(Protocol):
    """The vectors of a catalogue, as ``TorchIndex`` has them; another that has the same methods will do.

    One with a method ``within(filters)`` is told the filters that a mask stands for, see ``within``.
    """

    def search(
        self, queries: torch.Tensor, k: int, mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """See ``TorchIndex.search``."""

    def vectors(self, rows: torch.Tensor) -> torch.Tensor:
        """See ``TorchIndex.vectors``."""

    def pair_scores(self, queries: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """See ``TorchIndex.pair_scores``."""


class DenseSystem:
    """Nearest passages of an encoder."""

    repeats, dense = 1, True

    def __init__(self, name: str, encoder: Encoder, index: Index, release: Callable[[], None] = lambda: None) -> None:
        """``index`` holds the passages as ``encoder`` embeds them; ``release`` is called when it was searched."""
        self.name, self.encoder, self.index, self._release = name, encoder, index, release

    def retrieve(
        self, queries: Sequence[str], k: int, mask: np.ndarray | None = None, clock: Stopwatch | None = None
    ) -> list[Ranking]:
        """See ``System``; stages "encode" and "search"."""
        clock = clock or Stopwatch()
        with clock.stage("encode"):
            vectors = self.encoder.encode_queries(queries)
        return self._nearest(vectors, k, mask, clock)

    def similar(
        self, rows: Sequence[int], k: int, mask: np.ndarray | None = None, clock: Stopwatch | None = None
    ) -> list[Ranking]:
        """As ``retrieve``, with the vectors of rows in place of queries; there is nothing to encode."""
        return self._nearest(self.index.vectors(torch.tensor(rows)), k, mask, clock or Stopwatch())

    def _nearest(self, vectors: torch.Tensor, k: int, mask: np.ndarray | None, clock: Stopwatch) -> list[Ranking]:
        with clock.stage("search"):
            allowed = None if mask is None else torch.from_numpy(mask)
            scores, rows = self.index.search(vectors, k, allowed)
            self._release()
        kept = [row >= 0 for row in rows.numpy()]
        return [
            Ranking(score[keep], row[keep])
            for score, row, keep in zip(scores.numpy(), rows.numpy(), kept, strict=True)
        ]

    def rank(self, queries: Sequence[str], rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """See ``System``."""
        vectors = self.encoder.encode_queries(queries)
        lengths = torch.tensor([len(part) for part in rows])
        flat = torch.from_numpy(np.concatenate(rows))
        scores = self.index.pair_scores(vectors.repeat_interleave(lengths, dim=0), flat).cpu().numpy()
        parts = np.split(scores, np.cumsum(lengths.numpy())[:-1])
        return [_order(part, given) for part, given in zip(parts, rows, strict=True)]


class Bm25System:
    """The lexical baseline."""

    name, repeats, dense = "bm25", 1, False

    def __init__(self, index: Bm25Index) -> None:
        """``index`` holds the same passages the encoders read."""
        self.index = index

    def retrieve(
        self, queries: Sequence[str], k: int, mask: np.ndarray | None = None, clock: Stopwatch | None = None
    ) -> list[Ranking]:
        """See ``System``; there is nothing to encode."""
        with (clock or Stopwatch()).stage("search"):
            return [Ranking(*self.index.search(query, k, mask)) for query in queries]

    def rank(self, queries: Sequence[str], rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """See ``System``."""
        return [_order(self.index.scores(query)[part], part) for query, part in zip(queries, rows, strict=True)]


class HybridSystem:
    """Reciprocal rank fusion of two systems."""

    name, repeats, dense = "hybrid", 1, True

    def __init__(self, first: System, second: System) -> None:
        """Both over the same rows."""
        self.parts = (first, second)

    def retrieve(
        self, queries: Sequence[str], k: int, mask: np.ndarray | None = None, clock: Stopwatch | None = None
    ) -> list[Ranking]:
        """See ``System``; of the best ``FUSION_DEPTH`` of either, however many are asked for.

        Read deeper, it would rank the same products otherwise, and the second page would not follow the first.
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


class RandomSystem:
    """The floor under every figure: judged nDCG of a random order is far above zero.

    Another draw at each call, so that an evaluation averages chance out.
    """

    name, repeats, dense = "random", 20, False

    def __init__(self, rows: int, seed: int = 0) -> None:
        """``rows``: size of the catalogue."""
        self._rows, self._rng = rows, np.random.default_rng(seed)

    def retrieve(
        self, queries: Sequence[str], k: int, mask: np.ndarray | None = None, clock: Stopwatch | None = None
    ) -> list[Ranking]:
        """See ``System``."""
        allowed = np.arange(self._rows) if mask is None else np.flatnonzero(mask)
        drawn = [self._rng.choice(allowed, min(k, len(allowed)), replace=False) for _ in queries]
        return [Ranking(np.zeros(len(rows), np.float32), rows) for rows in drawn]

    def rank(self, queries: Sequence[str], rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """See ``System``."""
        return [self._rng.permutation(len(part)) for part in rows]


def is_elsewhere(system: System) -> bool:
    """Whether the vectors are searched in another process: it must be told the filters, and need not answer."""
    if isinstance(system, HybridSystem):
        return any(is_elsewhere(part) for part in system.parts)
    return isinstance(system, DenseSystem) and hasattr(system.index, "within")


def within(system: System, filters: Mapping[str, Any]) -> System:
    """A system as it is to be asked under filters of which the mask is the outcome.

    An index in another process has no use for a mask of rows and must know the filters themselves; any other takes the
    mask and stays as it is.
    """
    if not is_elsewhere(system):
        return system
    if isinstance(system, HybridSystem):
        return HybridSystem(*(within(part, filters) for part in system.parts))
    return DenseSystem(system.name, system.encoder, system.index.within(filters))


def _order(scores: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Positions by falling score, ties by lower row."""
    return np.lexsort((rows, -scores))
