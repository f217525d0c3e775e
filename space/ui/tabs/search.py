"""The tab that searches with one system."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import gradio as gr
from gradio.components import Component

from space.data.filters import FILTERS
from space.errors import QueryError
from space.search.engine import SearchEngine
from space.search.request import SYSTEMS
from space.search.results import Hit
from space.ui import links
from space.ui.events.form import Form, build_form
from space.ui.events.form_events import connect, result_area
from space.ui.html import cards
from space.ui.html.markup import Html, join
from space.ui.links import Link
from space.ui.words import label

WELCOME = "Type a query, or try one of the examples: the closest products appear here, best first."


@dataclass(frozen=True)
class SearchTab:
    """The components, and what fills the last of them, for whoever does so from outside.

    Attributes:
        like: hidden, ``Link.like`` of what is shown, so that a changed filter applies to it.
        show: a link to results, errors included.
        welcome: what stands there while there is no query.
    """

    form: Form
    system: gr.Radio
    fold: gr.Checkbox
    like: gr.Textbox
    output: gr.HTML
    show: Callable[[Link], Html]
    welcome: str = WELCOME


def build_search_tab(engine: SearchEngine, turns: list[Component]) -> SearchTab:
    """Lay out the tab where the caller's context is, and connect it; ``turns`` are of the page."""
    system = gr.Radio(
        [(str(label(cards.NAMES[name])), name) for name in SYSTEMS if name in engine.systems],
        value=next(name for name in SYSTEMS if name in engine.systems),
        label=label("System"),
        render=False,
        min_width=455,
        elem_classes="e5-system",
    )
    fold = gr.Checkbox(
        label=label("Fold near-duplicates"),
        info=label("Same but for size or colour"),
        render=False,
        min_width=200,
        elem_classes="e5-fold",
    )
    form = build_form(engine, "Search", system, fold)
    like = gr.Textbox(visible=False)
    output = result_area(WELCOME)

    def show(link: Link) -> Html:
        try:
            if link.like:
                found = engine.more_like(*link.product, link.k, link.system, fold=link.fold, **link.filters)
            else:
                found = engine.search(link.query, link.k, link.system, fold=link.fold, **link.filters)
                link = replace(link, query=found.query)
        except QueryError as error:
            return cards.message(str(error))

        def more(hit: Hit) -> Html:
            return links.more_like(link, hit.product_locale, hit.product_id, hit.title)

        if not link.like:
            offer = links.offer(link, other=replace(link, tab="compare"), label="Compare this query")
        elif link.query:
            offer = links.offer(link, other=replace(link, like=""), label=f"Back to “{link.query}”")
        else:
            offer = links.offer(link, other=None)
        return join([offer, cards.results(found, more)])

    def ask(query: str, k: int, system: str, fold: bool, like: str, *filters: str) -> Html:
        filtered = dict(zip(FILTERS, filters, strict=True))
        return show(Link((query or "").strip(), k, "search", system, filtered, fold=fold, like=like))

    connect(form, ask, [form.k, system, fold, like], output, "search", turns, instead=like)
    return SearchTab(form, system, fold, like, output, show)
