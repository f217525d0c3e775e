"""Those who wait at the same time are served together. Knows nothing of what is asked.

One of them does the work for all who wait, then hands over to the first who came meanwhile: no thread of its own that
would have to be started, stopped and looked after, and nobody works for others while his own answer is ready.
"""

from collections.abc import Callable, Sequence
from threading import Event, Lock
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class _Place(Generic[Asked, Answer]):
    """One who waits: until there is an answer or an error, or until it is his turn to work."""

    def __init__(self, asked: Asked) -> None:
        self.asked, self.woken, self.done = asked, Event(), False
        self.answer: Answer | None = None
        self.error: Exception | None = None


class Batches(Generic[Asked, Answer]):
    """Answers questions of several threads together, as many as wait.

    Args:
        work: answers to questions, in their order. Called by one thread at a time.
        most: questions in one call.
    """

    def __init__(self, work: Callable[[Sequence[Asked]], Sequence[Answer]], most: int) -> None:
        """Nobody waits yet."""
        self._work, self._most = work, most
        self._lock = Lock()
        self._waiting: list[_Place[Asked, Answer]] = []
        self._busy = False

    def ask(self, asked: Asked) -> Answer:
        """The answer to one question; an error is its own only, never that of another in the same call."""
        place = _Place[Asked, Answer](asked)
        with self._lock:
            self._waiting.append(place)
            leads, self._busy = not self._busy, True
        if not leads:
            place.woken.wait()
        if not place.done:
            self._lead()
        if place.error is not None:
            raise place.error
        return place.answer

    def _lead(self) -> None:
        """Work for the first of those who wait, oneself among them, and hand over."""
        with self._lock:
            together, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        try:
            self._answer(together)
        finally:
            with self._lock:
                self._busy = bool(self._waiting)
                following = self._waiting[:1]
            for place in [*together, *following]:
                place.woken.set()

    def _answer(self, together: list[_Place[Asked, Answer]]) -> None:
        try:
            answers = self._work([place.asked for place in together])
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to one of them, who gets it
            if len(together) > 1:
                for place in together:
                    self._answer([place])
                return
            together[0].error = error
        else:
            for place, answer in zip(together, answers, strict=True):
                place.answer = answer
        finally:
            for place in together:
                place.done = True
