"""Keeps the last answers of an engine, since held-out queries and examples are asked again and again."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from threading import Lock

from space.retrieval.system import Ranking
from space.search.batching import Answer
from space.search.request import MAX_K, Request


class KeptAnswers:
    """What each system found for a query with its number of results and its filters. Threads may share it.

    It belongs to one engine, whose catalogue, vectors and encoders never change. So an answer is never outdated.

    Args:
        most: answers; the least recently used one goes first. 0 keeps none.
    """

    def __init__(self, most: int) -> None:
        """Start with none."""
        self._most = most
        self._answers: OrderedDict[tuple[str, str, int, str], Answer] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._answers)

    def of(self, request: Request) -> dict[str, Answer]:
        """{system: answer} of those systems of a request whose answers are kept; they took no time."""
        found = {}
        with self._lock:
            for name, key in _keys(request).items():
                if key in self._answers:
                    self._answers.move_to_end(key)
                    found[name] = self._answers[key]
        return found

    def keep(self, request: Request, answers: Mapping[str, Answer]) -> None:
        """Keep the answers of some systems to a request."""
        keys = _keys(request)
        with self._lock:
            for name, answer in answers.items():
                if name in keys and self._most:
                    # Copied, since a ranking may be a part of the arrays of a whole batch.
                    ranking = Ranking(answer.ranking.scores.copy(), answer.ranking.rows.copy())
                    nothing = {"encode_ms": 0.0, "search_ms": 0.0, "total_ms": 0.0, "kept": True}
                    if answer.rerank_ms is not None:
                        nothing["rerank_ms"] = 0.0
                    self._answers[keys[name]] = replace(answer, ranking=ranking, **nothing)
            while len(self._answers) > self._most:
                self._answers.popitem(last=False)


def _keys(request: Request) -> dict[str, tuple[str, str, int, str]]:
    """{system: what decides its answer}; empty for a request whose answers are not kept."""
    if request.row is not None or request.k > MAX_K:
        return {}
    filters = repr(sorted(request.filters.items()))
    return {name: (name, request.query, request.k, filters) for name in request.systems}
