"""Show only the answer to the last question when several are on their way."""

from collections.abc import Callable
from threading import Lock
from typing import TypeVar

import gradio as gr
from gradio.components import Component

Answer = TypeVar("Answer")

#: The ``js`` of every event whose inputs begin with ``build_latest``: the browser's clock tells which question came
#: last. The server cannot tell: two requests sent within a moment may be handled in the other order.
STAMP = "(latest, asked, ...rest) => [latest, performance.now(), ...rest]"


class Latest:
    """When one visit last asked something, for each place where results go.

    A visitor who chooses a filter and right after clicks an example has two searches under way. The first may take
    longer, and its results must not replace those of the second.
    """

    def __init__(self) -> None:
        """Nothing was asked yet."""
        self._newest: dict[str, float] = {}
        self._lock = Lock()

    def __deepcopy__(self, memo: dict[int, object]) -> "Latest":
        """Gradio copies the initial state for each visit; a lock cannot be copied."""
        return Latest()

    def answer(self, place: str, asked: float, find: Callable[[], Answer]) -> Answer | None:
        """What is to be shown, or None if something newer was asked for the same place.

        Args:
            place: where the answer would be shown.
            asked: when, in ms on the clock of the browser.
            find: makes the answer; it is not called if there is a newer question already.
        """
        with self._lock:
            if asked < self._newest.get(place, asked):
                return None
            self._newest[place] = asked
        found = find()
        return found if self._newest[place] == asked else None


def build_latest() -> list[Component]:
    """The first two inputs of every event that shows results: ``Latest`` of the visit, and when it was asked."""
    return [gr.State(Latest()), gr.Number(visible=False)]
