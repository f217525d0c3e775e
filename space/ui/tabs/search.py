"""The tab that searches with one system."""

from dataclasses import replace

import gradio as gr
from gradio.components import Component

from space.errors import QueryError
from space.i18n import N_
from space.i18n import gettext as _
from space.search.engine import SearchEngine
from space.search.results import Hit
from space.ui.events.areas import result_area
from space.ui.events.form import build_form, link_of, named
from space.ui.events.form_events import AskingTab, connect
from space.ui.html import cards, result_links
from space.ui.html.judging import judge_here
from space.ui.html.markup import Html, join
from space.ui.html.panels import refused
from space.ui.language import Texts
from space.ui.links import Link

WELCOME = N_("Type a query, or try one of the examples: the closest products appear here, best first.")


def build_search_tab(
    engine: SearchEngine, texts: Texts, latest: list[Component], *, judging: bool = False
) -> AskingTab:
    """Lay out the tab in the current context of Gradio, and connect it.

    Args:
        engine: answers.
        texts: of the page.
        latest: see ``build_latest``.
        judging: whether hits without a label can be judged in place.
    """
    roles = engine.roles
    system = gr.Radio(
        named(texts, roles.offered),
        value=roles.candidate,
        label=texts.label("System"),
        render=False,
        min_width=455,
        elem_classes="e5-system",
    )
    fold = gr.Checkbox(
        label=texts.label("Group variants (size, colour)"),
        info=texts.label("One card for each product, its variants below it"),
        render=False,
        min_width=200,
        elem_classes="e5-fold",
    )
    # Hidden: ``Link.like`` of what is shown, so that a changed filter applies to it.
    like = gr.Textbox(visible=False, render=False)
    form = build_form(engine, texts, N_("Search"), {"system": system}, {"fold": fold, "like": like})
    output = result_area(texts, WELCOME, "search")

    def show(link: Link) -> Html:
        try:
            if link.like:
                found = engine.more_like(*link.product, link.k, link.system, fold=link.fold, **link.filters)
            else:
                found = engine.search(link.query, link.k, link.system, fold=link.fold, **link.filters)
                link = replace(link, query=found.query)
        except QueryError as error:
            return refused(error)

        def more(hit: Hit) -> Html:
            like_it = result_links.more_like(link, hit.product_locale, hit.product_id, hit.title)
            return join([like_it, judge_here(link.query, hit)]) if judging and not link.like else like_it

        if not link.like:
            offer = result_links.offer(link, other=replace(link, tab="compare"), label=_("Compare this query"))
        elif link.query:
            back = _("Back to “{query}”").format(query=link.query)
            offer = result_links.offer(link, other=replace(link, like=""), label=back)
        else:
            offer = result_links.offer(link, other=None)
        emptied = {} if found.hits else engine.facets.emptied_by(link.filters)
        return join([offer, cards.results(found, more, emptied, roles.candidate)])

    connect(engine, form, lambda given: show(link_of("search", given)), output, "search", latest)
    return AskingTab(form, output, show, WELCOME)
