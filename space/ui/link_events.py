"""What a link does to the page, on arrival and from one tab to the other. Knows no syntax of links."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr
from gradio.components import Component

from space.errors import QueryError
from space.search.engine import SearchEngine
from space.search.products import row_of
from space.search.request import SYSTEMS
from space.ui import links
from space.ui.events.form_events import ENGINE
from space.ui.events.latest_answer_only import STAMP, Turns
from space.ui.html import cards
from space.ui.html.markup import join
from space.ui.static import script
from space.ui.tabs.compare import CompareTab
from space.ui.tabs.search import SearchTab


def connect_links(
    demo: gr.Blocks,
    engine: SearchEngine,
    tabs: gr.Tabs,
    search: SearchTab,
    compare: CompareTab,
    turns: list[Component],
    others: Sequence[gr.HTML] = (),
) -> None:
    """Restore the link of a visit, and follow those that lead from one tab to the other.

    Args:
        demo: the page.
        engine: for what a filter can be.
        tabs: those of ``links.TABS``.
        search: what a link to it fills.
        compare: likewise.
        turns: of the page, by ``build_turns``.
        others: what else holds links that lead to a tab, and says so as results.js does: ``trigger("click", {link})``.
    """
    systems = [name for name in SYSTEMS if name in engine.systems]

    def restore(pairs: Iterable[tuple[str, str]], turns: Turns, asked: float) -> dict[Any, Any]:
        pairs = [pair for pair in pairs if pair[0] in links.NAMES]
        if not pairs:
            return {tabs: gr.skip()}
        link, notes = links.parse(pairs, systems)
        if link.tab not in links.ASKING:
            return {tabs: gr.Tabs(selected=link.tab)}
        link, unknown = without_unknown(engine, link)
        tab = compare if link.tab == "compare" else search

        def find() -> dict[Any, Any]:
            shown = tab.show(link) if link.query or link.like else cards.welcome(tab.welcome)
            return {
                tabs: gr.Tabs(selected=link.tab),
                tab.form.query: link.query,
                tab.form.k: link.k,
                **(
                    {search.system: link.system, search.fold: link.fold, search.like: link.like}
                    if tab is search
                    else {compare.systems: compare.columns(link)}
                ),
                **tab.form.fill(link.filters),
                tab.output: join([links.note(notes + unknown), shown]),
            }

        return turns.answer(link.tab, asked, find) or {tabs: gr.skip()}

    def arrive(turns: Turns, asked: float, request: gr.Request) -> dict[Any, Any]:
        return restore(links.pairs_of(request.query_params), turns, asked)

    def follow(turns: Turns, asked: float, event: gr.EventData) -> dict[Any, Any]:
        return restore(links.split(str(event.link)), turns, asked)

    forms = [part for tab in (search, compare) for part in (tab.form.query, tab.form.k, *tab.form.filters.values())]
    outputs = [search.output, compare.output]
    shared: dict[str, Any] = {
        "inputs": turns,
        "js": STAMP,
        "outputs": [tabs, *forms, search.system, search.fold, search.like, compare.systems, *outputs],
        "api_visibility": "private",
        "show_progress": "minimal",
        "show_progress_on": outputs,
        **ENGINE,
    }
    demo.load(arrive, **shared)
    gr.on([output.click for output in (*outputs, *others)], follow, **shared)
    for tab in tabs.children:
        opened = f"() => {{ {script('links', 'tabs')}\ntabOpened({json.dumps(tab.id)}, {json.dumps(links.ASKING)}); }}"
        tab.select(None, js=opened, api_visibility="private")


def without_unknown(engine: SearchEngine, link: links.Link) -> tuple[links.Link, list[str]]:
    """The link without what this catalogue does not have, such as a brand or product it lost, and what to say.

    The form's menus could not show such a value, and then the results would be of another search than the form's.
    """
    known, notes = dict(link.filters), []
    for name, value in link.filters.items():
        try:
            known[name] = engine.facets.as_offered(name, value)
        except QueryError as error:
            del known[name]
            notes.append(f"{error} (this filter is left out)")
    if link.like:
        try:
            row_of(engine.catalogue, *link.product)
        except QueryError as error:
            link = replace(link, like="")
            notes.append(f"{error} (like is left out)")
    return replace(link, filters=known), notes
