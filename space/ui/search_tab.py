"""The tab that searches with one system."""

from dataclasses import dataclass

import gradio as gr

from space.search import SYSTEMS, QueryError, SearchEngine
from space.ui import cards
from space.ui.events import connect, result_area
from space.ui.form import Form, build_form
from space.ui.markup import Html

WELCOME = "Type a query, or try one of the examples: the closest products appear here, best first."


@dataclass(frozen=True)
class SearchTab:
    """The components, for whoever fills them from outside, such as a link with a query."""

    form: Form
    system: gr.Radio
    output: gr.HTML


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

    def show(query: str, k: int, system: str, locale: str, brand: str, color: str) -> Html:
        try:
            return cards.results(engine.search(query, k, system, locale=locale, brand=brand, color=color))
        except QueryError as error:
            return cards.message(str(error))

    connect(form, show, [form.k, system], output, WELCOME)
    return SearchTab(form, system, output)
