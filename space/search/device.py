"""Runs encoders and vector search on the CPU or GPU: batched, or one call at a time on ZeroGPU."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from space.retrieval.reranked import Pair
from space.retrieval.system import System
from space.search.batching import Answer, Batches, retrieve
from space.search.request import Request

#: Wraps a function that needs the GPU, such as ``spaces.GPU``.
Wrapper = Callable[[Callable[..., Any]], Callable[..., Any]]
#: {system: ((q, d) float32 vectors of queries, (p, d) float32 vectors of passages)}, unit norm.
Vectors = dict[str, tuple[np.ndarray, np.ndarray]]


class Device:
    """Where the systems with an encoder run. Concurrent requests are batched, with two exceptions.

    - On ZeroGPU every call gets its own GPU, so requests are not batched. The wrapped functions run in a forked
      process: arguments and results are pickled, and of an exception only the name comes back. So every value is
      checked before the call.
    - With the vectors in a database, a database that hangs would hold up the whole batch.

    Args:
        systems: {name: system}.
        gpu: ``spaces.GPU`` on ZeroGPU; None elsewhere.
    """

    def __init__(self, systems: Mapping[str, System], gpu: Wrapper | None = None) -> None:
        """Wrap the functions that need the GPU; ZeroGPU has to see that before the page starts."""
        self._systems = systems
        self.gpu_per_call = gpu is not None
        self._batched = gpu is None and not any(system.in_database for system in systems.values())
        #: One queue for each choice of systems: a search by one does not wait for a comparison by four.
        self._batches: dict[tuple[str, ...], Batches[Request, dict[str, Answer]]] = {}
        self._search_one = gpu(self._search_here) if gpu else self._search_here
        self._encode = gpu(self._encode_here) if gpu else self._encode_here
        self._score = gpu(self._score_here) if gpu else self._score_here

    def search(self, request: Request) -> dict[str, Answer]:
        """{system: answer} of one request, whose systems share one GPU call."""
        if not self._batched:
            return self._search_one(request)
        batches = self._batches.setdefault(tuple(request.systems), Batches(self._search_all))
        return batches.ask(request)

    def encode(self, names: Sequence[str], queries: Sequence[str], passages: Sequence[str]) -> Vectors:
        """Vectors of texts by the encoders of the named systems, in one GPU call."""
        return self._encode(names, queries, passages)

    def score(self, name: str, pairs: Sequence[Pair]) -> np.ndarray:
        """(n,) float32 scores of pairs by the cross-encoder of the named system, in one GPU call."""
        return self._score(name, pairs)

    def _search_all(self, requests: Sequence[Request]) -> list[dict[str, Answer]]:
        return retrieve(self._systems, requests)

    def _search_here(self, request: Request) -> dict[str, Answer]:
        return retrieve(self._systems, [request])[0]

    def _encode_here(self, names: Sequence[str], queries: Sequence[str], passages: Sequence[str]) -> Vectors:
        encoders = {name: self._systems[name].encoder for name in names}
        return {
            name: (encoder.encode_queries(queries).numpy(), encoder.encode_passages(passages).numpy())
            for name, encoder in encoders.items()
        }

    def _score_here(self, name: str, pairs: Sequence[Pair]) -> np.ndarray:
        return self._systems[name].scorer.scores(pairs)
