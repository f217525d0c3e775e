"""The tab that lays the systems side by side."""

from dataclasses import dataclass

import gradio as gr

from space.search import QueryError, SearchEngine
from space.ui import cards, columns
from space.ui.events import connect, result_area
from space.ui.form import Form, build_form
from space.ui.markup import Html

WELCOME = (
    "One query, three systems: see what fine-tuning moved up, moved down, brought in and lost, beside plain BM25."
)


@dataclass(frozen=True)
class CompareTab:
    """The components, for whoever fills them from outside."""

    form: Form
    output: gr.HTML


def build_compare_tab(engine: SearchEngine) -> CompareTab:
    """Lay out the tab where the caller's context is, and connect it."""
    form = build_form(engine, "Compare")
    output = result_area(WELCOME)

    def show(query: str, k: int, locale: str, brand: str, color: str) -> Html:
        try:
            return columns.comparison(engine.compare(query, k, locale=locale, brand=brand, color=color))
        except QueryError as error:
            return cards.message(str(error))

    connect(form, show, [form.k], output, WELCOME)
    return CompareTab(form, output)
