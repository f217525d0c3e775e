"""Several searches at once: those that agree in system and filters are encoded and searched together.

Knows rows, not products. Everything that goes in and out is plain values, which a forked process can be sent.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from space.retrieval.systems import DenseSystem, Ranking, Stopwatch, System, within

#: {system: (ranking, milliseconds by stage, milliseconds)}.
Answers = dict[str, tuple[Ranking, dict[str, float], float]]


class Asked(NamedTuple):
    """What is searched for: a text or, where a system can, what is like a row; among what the filters leave.

    Attributes:
        filters: of ``space.data.filters.FILTERS``, checked; None where there are none.
    """

    text: str
    row: int | None = None
    filters: Mapping[str, Any] | None = None


class Request(NamedTuple):
    """One search by some systems.

    Attributes:
        mask: (n,) bool, the rows that may be found, or None: what ``asked.filters`` leave, or less.
    """

    names: Sequence[str]
    asked: Asked
    k: int
    mask: np.ndarray | None


def retrieve(systems: Mapping[str, System], requests: Sequence[Request]) -> list[Answers]:
    """The answer to each request, as it would have got alone; times are those of all that were asked together."""
    found: list[Answers] = [{} for _ in requests]
    alike: dict[tuple[str, int, bool], list[int]] = {}
    scopes = _numbered([request.mask for request in requests])
    for place, request in enumerate(requests):
        for name in request.names:
            by_row = request.asked.row is not None and isinstance(systems[name], DenseSystem)
            alike.setdefault((name, scopes[place], by_row), []).append(place)
    for (name, _, by_row), places in alike.items():
        start, clock = time.perf_counter(), Stopwatch()
        some = [requests[place] for place in places]
        # The rows that may be found are the same for all of these, so the filters of one are as good as the others'.
        system = within(systems[name], some[0].asked.filters or {})
        # The best k are the first of the best of more.
        deepest, mask = max(request.k for request in some), some[0].mask
        if by_row:
            rankings = system.similar([request.asked.row for request in some], deepest, mask, clock)
        else:
            rankings = system.retrieve([request.asked.text for request in some], deepest, mask, clock)
        spent = (time.perf_counter() - start) * 1e3
        for place, ranking in zip(places, rankings, strict=True):
            k = requests[place].k
            found[place][name] = Ranking(ranking.scores[:k], ranking.rows[:k]), clock.milliseconds, spent
    return found


def _numbered(masks: Sequence[np.ndarray | None]) -> list[int]:
    """For each mask the place of the first that is equal; comparing a million rows takes a tenth of a millisecond."""
    first: list[int] = []
    numbers = []
    for place, mask in enumerate(masks):
        same = (at for at in first if masks[at] is mask or (mask is not None and np.array_equal(masks[at], mask)))
        number = next(same, place)
        first += [place] if number == place else []
        numbers.append(number)
    return numbers
