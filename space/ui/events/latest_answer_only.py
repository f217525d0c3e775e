"""Whose answer is shown when several are on their way: that of the last one asked."""

from collections.abc import Callable
from threading import Lock
from typing import TypeVar

import gradio as gr
from gradio.components import Component

Answer = TypeVar("Answer")

#: Events whose inputs begin with ``build_turns`` take this as ``js``. Only the browser knows what was asked first: two
#: requests that leave it within a moment are on a busy server as often begun in the other order.
STAMP = "(turns, asked, ...rest) => [turns, performance.now(), ...rest]"


class Turns:
    """What one visit asked last, for each place where results go.

    A visitor who chooses a filter and clicks an example right after has two searches under way at once. The slower one
    may be the older one, and its results must not replace the newer ones.
    """

    def __init__(self) -> None:
        """Nobody has asked yet."""
        self._newest: dict[str, float] = {}
        self._lock = Lock()

    def __deepcopy__(self, memo: dict[int, object]) -> "Turns":
        """A visit begins with nothing asked, whatever others have."""
        return Turns()

    def answer(self, place: str, asked: float, find: Callable[[], Answer]) -> Answer | None:
        """What is to be shown.

        Args:
            place: where it would be shown.
            asked: when, on the clock of the browser.
            find: makes the answer; not called if there is a newer question already.

        Returns:
            What ``find`` returned, or None where something newer was asked for the same place meanwhile.
        """
        with self._lock:
            if asked < self._newest.get(place, asked):
                return None
            self._newest[place] = asked
        found = find()
        return found if self._newest[place] == asked else None


def build_turns() -> list[Component]:
    """The first two inputs of every event that shows results: ``Turns`` of the visit, and when it was asked."""
    return [gr.State(Turns()), gr.Number(visible=False)]
