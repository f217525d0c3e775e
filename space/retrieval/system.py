"""The Protocol of a retrieval system: queries in, ranked rows of a catalogue out, for evaluation and app."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np


@dataclass(frozen=True)
class Ranking:
    """Rows of a catalogue, best first, ties by lower row.

    Attributes:
        scores: (m,) float32. Their meaning differs by system, so compare systems by rank.
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
        repeats: how often an evaluation asks; more than once for a system that draws at random.
        dense: whether it computes with tensors, on the GPU if there is one.
        in_database: whether it asks a database, which may not answer and needs the filters themselves, see ``within``.
    """

    name: str
    repeats: int = 1
    dense: bool = False
    in_database: bool = False

    def __len__(self) -> int:
        """(n) rows of the catalogue that it ranks."""

    def retrieve(
        self, queries: Sequence[str], k: int, mask: np.ndarray | None = None, clock: Stopwatch | None = None
    ) -> list[Ranking]:
        """The best k rows of each query.

        Args:
            queries: free texts.
            k: how many at most.
            mask: (n,) bool, the rows that may be returned; None allows all.
            clock: times the stages "encode" and "search".
        """

    def rank(self, queries: Sequence[str], rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """For each query the order of its (m,) given rows: (m,) int64 positions, best first, ties by lower row."""

    def within(self, filters: Mapping[str, Any]) -> "System":
        """The system to ask for products that pass ``filters``, with the mask that these stand for."""
        return self


def by_score(scores: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(m,) int64 positions of (m,) scores, highest first, ties by lower row."""
    return np.lexsort((rows, -scores))
