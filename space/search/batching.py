"""Batches concurrent requests: one waiting thread runs the batch for all.

Requests of the same system and the same filters are encoded and searched in one call. There is no worker thread to
start and stop: the first thread that waits runs the batch, then hands over to the first thread of the next one.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Event, Lock
from typing import Generic, TypeVar

import numpy as np

from space.retrieval.dense import DenseSystem
from space.retrieval.system import Ranking, Stopwatch, System
from space.search.request import Request

#: Requests in one batch. With more, each would wait longer than the shared work saves.
MAX_BATCH = 32

Question = TypeVar("Question")
Reply = TypeVar("Reply")


@dataclass(frozen=True)
class Answer:
    """What one system found, with the time it took.

    Attributes:
        ranking: at most k rows.
        encode_ms: milliseconds in the encoder; 0 where nothing was encoded.
        search_ms: milliseconds in the index.
        total_ms: all of them, and the work between. Each time is that of the whole batch.
        rerank_ms: milliseconds in the cross-encoder; None for a system without.
        kept: whether it was found for an earlier, equal request, see ``KeptAnswers``; the times are then 0.
    """

    ranking: Ranking
    encode_ms: float
    search_ms: float
    total_ms: float
    rerank_ms: float | None = None
    kept: bool = False


def retrieve(systems: Mapping[str, System], requests: Sequence[Request]) -> list[dict[str, Answer]]:
    """Answers several requests at once: {system: answer} for each, the same as if it had been asked alone."""
    answers: list[dict[str, Answer]] = [{} for _ in requests]
    masks = _first_equal([request.mask for request in requests])
    # {(system, mask, whether it searches by a row): requests}: one call answers all of a group.
    groups: dict[tuple[str, int, bool], list[int]] = {}
    for place, request in enumerate(requests):
        for name in request.systems:
            by_row = request.row is not None and isinstance(systems[name], DenseSystem)
            groups.setdefault((name, masks[place], by_row), []).append(place)
    for (name, _, by_row), places in groups.items():
        start, clock = time.perf_counter(), Stopwatch()
        group = [requests[place] for place in places]
        # All of a group have the same mask, so the filters of the first are as good as those of the others.
        system, mask = systems[name].within(group[0].filters), group[0].mask
        # The best 5 are the first 5 of the best 10.
        k = max(request.k for request in group)
        if by_row:
            rankings = system.similar([request.row for request in group], k, mask, clock)
        else:
            rankings = system.retrieve([request.query for request in group], k, mask, clock)
        total_ms = (time.perf_counter() - start) * 1e3
        encode_ms, search_ms = (clock.milliseconds.get(stage, 0.0) for stage in ("encode", "search"))
        for place, ranking in zip(places, rankings, strict=True):
            wanted = requests[place].k
            first = Ranking(ranking.scores[:wanted], ranking.rows[:wanted])
            answers[place][name] = Answer(first, encode_ms, search_ms, total_ms, clock.milliseconds.get("rerank"))
    return answers


def _first_equal(masks: Sequence[np.ndarray | None]) -> list[int]:
    """For each mask the place of the first equal one; comparing a million rows takes a tenth of a millisecond."""
    places: list[int] = []
    for place, mask in enumerate(masks):
        for first in set(places):
            if masks[first] is mask or (mask is not None and np.array_equal(masks[first], mask)):
                places.append(first)
                break
        else:
            places.append(place)
    return places


class _Call(Generic[Question, Reply]):
    """A waiting thread. It wakes with its reply or error, or without either to run the next batch."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.woken = Event()
        self.done = False
        self.reply: Reply | None = None
        self.error: Exception | None = None


class Batches(Generic[Question, Reply]):
    """Answers questions of several threads together.

    Args:
        work: (m,) questions to (m,) replies, in the same order. One thread at a time calls it.
        most: questions in one call.
    """

    def __init__(self, work: Callable[[Sequence[Question]], Sequence[Reply]], most: int = MAX_BATCH) -> None:
        """Start without a batch."""
        self._work, self._most = work, most
        self._lock = Lock()
        self._waiting: list[_Call[Question, Reply]] = []
        self._running = False

    def ask(self, question: Question) -> Reply:
        """The reply to one question.

        Raises:
            Exception: what ``work`` raises for this question. An error of another question in the batch stays there.
        """
        call = _Call[Question, Reply](question)
        with self._lock:
            self._waiting.append(call)
            runs, self._running = not self._running, True
        if not runs:
            call.woken.wait()
        if not call.done:
            self._run_batch()
        if call.error is not None:
            raise call.error
        return call.reply

    def _run_batch(self) -> None:
        """Answer the calls that wait, the caller's among them, and wake the thread that runs the next batch."""
        with self._lock:
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        try:
            self._answer(batch)
        finally:
            with self._lock:
                self._running = bool(self._waiting)
                following = self._waiting[:1]
            for call in [*batch, *following]:
                call.woken.set()

    def _answer(self, batch: list[_Call[Question, Reply]]) -> None:
        try:
            replies = self._work([call.question for call in batch])
        except Exception as error:  # noqa: BLE001 - it belongs to one of the questions, whose thread raises it
            if len(batch) > 1:
                for call in batch:
                    self._answer([call])
                return
            batch[0].error = error
        else:
            for call, reply in zip(batch, replies, strict=True):
                call.reply = reply
        finally:
            for call in batch:
                call.done = True
