"""Systems that remember what they found for a query, so that an evaluation can be repeated with other labels."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from space.encoding.packed_encoder import Encoder
from space.retrieval.dense import DenseSystem
from space.retrieval.hybrid import HybridSystem
from space.retrieval.reranked import Pair, PairScorer, RerankedSystem
from space.retrieval.system import Ranking, Stopwatch, System


def remembered(systems: Mapping[str, System]) -> dict[str, System]:
    """The same systems, each of which encodes a query, searches for it, and scores a pair once. For one thread."""
    inner: dict[str, System] = {}
    for name, system in systems.items():
        if isinstance(system, DenseSystem):
            inner[name] = DenseSystem(name, RememberedQueries(system.encoder), system.index)
        elif not isinstance(system, HybridSystem | RerankedSystem):
            inner[name] = system
    found: dict[str, System] = {name: _Remembered(system) for name, system in inner.items()}
    for name, system in systems.items():
        if isinstance(system, HybridSystem):
            first, second = (found[part.name] for part in system.parts)
            found[name] = HybridSystem(first, second, system.name)
    for name, system in systems.items():
        if isinstance(system, RerankedSystem):
            first = found.get(system.first.name, system.first)
            again = RerankedSystem(first, _RememberedScores(system.scorer), system.texts_of, system.top)
            found[name] = _Remembered(again)
    return {name: found[name] for name in systems}


class RememberedQueries:
    """An encoder that encodes each query once."""

    def __init__(self, encoder: Encoder) -> None:
        """Keep the encoder; its other methods stay as they are."""
        self._encoder = encoder
        self._vectors: dict[str, torch.Tensor] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)

    def encode_queries(self, texts: Sequence[str]) -> torch.Tensor:
        """See ``Encoder``."""
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if new:
            self._vectors.update(zip(new, self._encoder.encode_queries(new), strict=True))
        return torch.stack([self._vectors[text] for text in texts])


class _RememberedScores:
    """A cross-encoder that scores each pair of a query and a text once."""

    def __init__(self, scorer: PairScorer) -> None:
        self._scorer = scorer
        self._scores: dict[Pair, float] = {}

    def scores(self, pairs: Sequence[Pair]) -> np.ndarray:
        new = [pair for pair in dict.fromkeys(pairs) if pair not in self._scores]
        if new:
            self._scores.update(zip(new, self._scorer.scores(new).tolist(), strict=True))
        return np.array([self._scores[pair] for pair in pairs], dtype=np.float32)


class _Remembered(System):
    """A system that searches for each query once, for a number of rows and a mask."""

    def __init__(self, system: System) -> None:
        self._system, self.name, self.dense = system, system.name, system.dense
        self._found: dict[tuple[str, int, int], Ranking] = {}
        self._orders: dict[tuple[str, bytes], np.ndarray] = {}

    def __len__(self) -> int:
        return len(self._system)

    def retrieve(
        self, queries: Sequence[str], k: int, mask: np.ndarray | None = None, clock: Stopwatch | None = None
    ) -> list[Ranking]:
        within = 0 if mask is None else hash(np.packbits(mask).tobytes())
        new = [query for query in dict.fromkeys(queries) if (query, k, within) not in self._found]
        if new:
            found = self._system.retrieve(new, k, mask, clock)
            self._found.update(zip(((query, k, within) for query in new), found, strict=True))
        return [self._found[query, k, within] for query in queries]

    def rank(self, queries: Sequence[str], rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        keys = [(query, part.tobytes()) for query, part in zip(queries, rows, strict=True)]
        new = [place for place, key in enumerate(keys) if key not in self._orders]
        if new:
            orders = self._system.rank([queries[place] for place in new], [rows[place] for place in new])
            self._orders.update(zip((keys[place] for place in new), orders, strict=True))
        return [self._orders[key] for key in keys]
