"""The examples of the first view: the test query that gained most and the one that lost most, already answered."""

from collections.abc import Callable
from functools import cache

from space.errors import QueryError
from space.search.engine import SearchEngine
from space.ui.html.first_view import Example, first_view
from space.ui.html.markup import EMPTY, Html
from space.ui.links import Link
from space.ui.tabs import picker

#: Products of each list.
SHOWN = 3


def build_first_view(engine: SearchEngine) -> Callable[[], Html]:
    """A function that returns the first view in the current language, or "" where nothing was measured.

    The queries are answered at the first call and kept. On ZeroGPU an answer would take a GPU from the quota of a
    visitor who asked nothing, so there is none.
    """

    @cache
    def examples() -> list[Example]:
        ordered = engine.held_out.entries if engine.held_out.measured else ()
        measured = [entry for entry in ordered if entry.difference]
        system, reference = engine.held_out.pair
        if not measured or engine.gpu_per_call or not {system, reference} <= set(engine.systems):
            return []
        best, worst = measured[0], measured[-1]
        entries = [entry for entry, sign in ((best, 1), (worst, -1)) if sign * entry.difference > 0]
        found = []
        for entry in entries:
            link = picker.link_to(entry, Link("", tab="compare"), several=engine.several_locales)
            try:
                answer = engine.compare(entry.query, SHOWN, [reference, system], counted=False, **link.filters)
            except QueryError:  # such as a locale that the catalogue lacks
                continue
            found.append(Example(entry, answer, link, (system, reference)))
        return found

    return lambda: first_view(examples()) if examples() else EMPTY
