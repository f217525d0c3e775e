"""The tab that lays the systems side by side."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import gradio as gr

from space.search import FILTERS, QueryError, SearchEngine
from space.ui import cards, columns, links
from space.ui.events import connect, result_area
from space.ui.form import Form, build_form
from space.ui.links import Link
from space.ui.markup import Html, join

WELCOME = (
    "One query, three systems: see what fine-tuning moved up, moved down, brought in and lost, beside plain BM25."
)


@dataclass(frozen=True)
class CompareTab:
    """The components, and what fills the last of them, for whoever does so from outside.

    Attributes:
        show: a link to results, errors included.
        welcome: what stands there while there is no query.
    """

    form: Form
    output: gr.HTML
    show: Callable[[Link], Html]
    welcome: str = WELCOME


def build_compare_tab(engine: SearchEngine) -> CompareTab:
    """Lay out the tab where the caller's context is, and connect it."""
    form = build_form(engine, "Compare")
    output = result_area(WELCOME)

    def show(link: Link) -> Html:
        try:
            found = engine.compare(link.query, link.k, **link.filters)
        except QueryError as error:
            return cards.message(str(error))
        link = replace(link, query=found.query)
        offer = links.offer(link, other=replace(link, tab="search"), label="Search this query")
        return join([offer, columns.comparison(found)])

    def ask(query: str, k: int, *filters: str) -> Html:
        return show(Link(query, k, "compare", filters=dict(zip(FILTERS, filters, strict=True))))

    connect(form, ask, [form.k], output, WELCOME)
    return CompareTab(form, output, show)
