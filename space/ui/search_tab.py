"""The tab that searches with one system."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import gradio as gr

from space.search import FILTERS, SYSTEMS, QueryError, SearchEngine
from space.ui import cards, links
from space.ui.events import connect, result_area
from space.ui.form import Form, build_form
from space.ui.links import Link
from space.ui.markup import Html, join

WELCOME = "Type a query, or try one of the examples: the closest products appear here, best first."


@dataclass(frozen=True)
class SearchTab:
    """The components, and what fills the last of them, for whoever does so from outside.

    Attributes:
        show: a link to results, errors included.
        welcome: what stands there while there is no query.
    """

    form: Form
    system: gr.Radio
    output: gr.HTML
    show: Callable[[Link], Html]
    welcome: str = WELCOME


def build_search_tab(engine: SearchEngine) -> SearchTab:
    """Lay out the tab where the caller's context is, and connect it."""
    system = gr.Radio(
        [(cards.NAMES[name], name) for name in SYSTEMS if name in engine.systems],
        value=next(name for name in SYSTEMS if name in engine.systems),
        label="System",
        render=False,
        min_width=455,
        elem_classes="e5-system",
    )
    form = build_form(engine, "Search", system)
    output = result_area(WELCOME)

    def show(link: Link) -> Html:
        try:
            found = engine.search(link.query, link.k, link.system, **link.filters)
        except QueryError as error:
            return cards.message(str(error))
        link = replace(link, query=found.query)
        offer = links.offer(link, other=replace(link, tab="compare"), label="Compare this query")
        return join([offer, cards.results(found)])

    def ask(query: str, k: int, system: str, *filters: str) -> Html:
        return show(Link(query, k, "search", system, dict(zip(FILTERS, filters, strict=True))))

    connect(form, ask, [form.k, system], output, WELCOME)
    return SearchTab(form, system, output, show)
