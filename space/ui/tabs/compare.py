"""The tab that lays the systems side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
from gradio.components import Component

from space.data.filters import FILTERS
from space.errors import QueryError
from space.search.engine import SearchEngine
from space.search.request import COLUMNS, COMPARED
from space.ui import links
from space.ui.events import export
from space.ui.events.form import Form, build_form
from space.ui.events.form_events import ENGINE, connect, result_area
from space.ui.events.latest_answer_only import STAMP, Turns
from space.ui.html import cards, comparison
from space.ui.html.markup import Html, join
from space.ui.links import Link
from space.ui.tabs import picker
from space.ui.words import label

WELCOME = (
    "One query, several systems: see what fine-tuning moved up, moved down, brought in and lost, beside plain BM25."
)
NO_COLUMN = "all columns are turned off: turn on at least one of {names}"


@dataclass(frozen=True)
class CompareTab:
    """The components, and what fills the last of them, for whoever does so from outside.

    Attributes:
        systems: the columns, as names of systems.
        columns: which columns a link asks for.
        show: a link to results, errors included.
        welcome: what stands there while there is no query.
    """

    form: Form
    systems: gr.CheckboxGroup
    output: gr.HTML
    comparison: Callable[[Link], list[str]]
    show: Callable[[Link], Html]
    welcome: str = WELCOME


def build_compare_tab(engine: SearchEngine, turns: list[Component]) -> CompareTab:
    """Lay out the tab where the caller's context is, and connect it; ``turns`` are of the page."""
    names = [name for name in COLUMNS if name in engine.systems]
    usual = [name for name in COMPARED if name in names] or names
    several = engine.several_locales
    boxes = gr.CheckboxGroup(
        [(str(label(cards.NAMES[name])), name) for name in names],
        value=usual,
        label=label("Columns"),
        render=False,
        min_width=470,
        elem_classes="e5-columns",
    )
    form = build_form(engine, "Compare", boxes)
    held_out = picker.build_picker(engine.held_out, several=several)
    output = result_area(WELCOME)

    def chosen(link: Link) -> list[str]:
        return list(link.systems) or usual

    def show(link: Link) -> Html:
        try:
            found = engine.compare(link.query, link.k, chosen(link), **link.filters)
        except QueryError as error:
            return cards.message(str(error))
        link = replace(link, query=found.query, systems=tuple(found.systems))
        offer = links.offer(
            link, other=replace(link, tab="search"), label="Search this query", also=export.downloads(found)
        )
        place = picker.position(engine.held_out, link, several=several)
        return join([offer, place, comparison.comparison(found)])

    def ask(query: str, k: int, systems: Sequence[str], *filters: str) -> Html:
        if not systems:
            return cards.message(NO_COLUMN.format(names=", ".join(cards.NAMES[name] for name in names)))
        return show(Link(query, k, "compare", "", dict(zip(FILTERS, filters, strict=True)), _in_order(systems)))

    def pick(turns: Turns, asked_at: float, k: int, systems: Sequence[str], event: gr.EventData) -> dict[Any, Any]:
        asked, _ = links.parse(links.split(str(getattr(event, "link", ""))), names)
        place = engine.held_out.place(asked.query, asked.filters.get("locale", ""))
        if place is None:
            return {held_out.fold: gr.skip()}
        like = Link("", k, "compare", systems=_in_order(systems))
        link = picker.link_to(engine.held_out.entries[place], like, several=several)

        def find() -> dict[Any, Any]:
            return {
                form.query: link.query,
                **form.fill(link.filters),
                boxes: chosen(link),
                output: show(link),
                held_out.fold: gr.Accordion(open=False),
            }

        return turns.answer("compare", asked_at, find) or {output: gr.skip()}

    connect(form, ask, [form.k, boxes], output, "compare", turns)
    held_out.listing.click(
        pick,
        [*turns, form.k, boxes],
        [form.query, *form.filters.values(), boxes, output, held_out.fold],
        js=STAMP,
        api_visibility="private",
        show_progress="minimal",
        show_progress_on=output,
        **ENGINE,
    )
    return CompareTab(form, boxes, output, chosen, show)


def _in_order(systems: Sequence[str]) -> tuple[str, ...]:
    """The order of the page, whatever that of the clicks."""
    return tuple(name for name in COLUMNS if name in systems)
