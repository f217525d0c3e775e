"""Dense retrieval: the passages whose vectors are nearest to a query's."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

from space.encoding.packed_encoder import Encoder
from space.retrieval.system import Ranking, Stopwatch, System, by_score


class VectorIndex(Protocol):
    """The vectors of a catalogue; ``TorchIndex`` is one."""

    def __len__(self) -> int:
        """(n) vectors."""

    def search(
        self, queries: torch.Tensor, k: int, mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """See ``TorchIndex.search``."""

    def vectors(self, rows: torch.Tensor) -> torch.Tensor:
        """See ``TorchIndex.vectors``."""

    def pair_scores(self, queries: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """See ``TorchIndex.pair_scores``."""


@runtime_checkable
class DatabaseIndex(Protocol):
    """A ``VectorIndex`` in a database, which applies filters while it searches; ``MilvusIndex`` is one."""

    def within(self, filters: Mapping[str, Any]) -> VectorIndex:
        """The same index for products that pass ``filters`` of ``space.data.filters.FILTERS``."""


class DenseSystem(System):
    """Nearest passages of an encoder.

    Args:
        name: as it is shown.
        encoder: embeds queries.
        index: the passages, as ``encoder`` embeds them.
        release: called after each search, to free memory that it took.
    """

    dense = True

    def __init__(
        self, name: str, encoder: Encoder, index: VectorIndex, release: Callable[[], None] = lambda: None
    ) -> None:
        """Keep them; nothing is encoded yet."""
        self.name, self.encoder, self.index, self._release = name, encoder, index, release
        self.in_database = isinstance(index, DatabaseIndex)

    def __len__(self) -> int:
        return len(self.index)

    def retrieve(
        self, queries: Sequence[str], k: int, mask: np.ndarray | None = None, clock: Stopwatch | None = None
    ) -> list[Ranking]:
        """See ``System``."""
        clock = clock or Stopwatch()
        with clock.stage("encode"):
            vectors = self.encoder.encode_queries(queries)
        return self._nearest(vectors, k, mask, clock)

    def similar(
        self, rows: Sequence[int], k: int, mask: np.ndarray | None = None, clock: Stopwatch | None = None
    ) -> list[Ranking]:
        """As ``retrieve``, with the vectors of rows for queries, so nothing is encoded."""
        return self._nearest(self.index.vectors(torch.tensor(rows)), k, mask, clock or Stopwatch())

    def rank(self, queries: Sequence[str], rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """See ``System``."""
        vectors = self.encoder.encode_queries(queries)
        lengths = torch.tensor([len(part) for part in rows])
        flat = torch.from_numpy(np.concatenate(rows))
        scores = self.index.pair_scores(vectors.repeat_interleave(lengths, dim=0), flat).cpu().numpy()
        parts = np.split(scores, np.cumsum(lengths.numpy())[:-1])
        return [by_score(part, given) for part, given in zip(parts, rows, strict=True)]

    def within(self, filters: Mapping[str, Any]) -> System:
        """See ``System``; an index in this process is given the mask only."""
        if not isinstance(self.index, DatabaseIndex):
            return self
        return DenseSystem(self.name, self.encoder, self.index.within(filters), self._release)

    def _nearest(self, vectors: torch.Tensor, k: int, mask: np.ndarray | None, clock: Stopwatch) -> list[Ranking]:
        with clock.stage("search"):
            scores, rows = self.index.search(vectors, k, None if mask is None else torch.from_numpy(mask))
            self._release()
        found = zip(scores.numpy(), rows.numpy(), strict=True)
        return [Ranking(score[row >= 0], row[row >= 0]) for score, row in found]  # -1 fills up, see TorchIndex.search
