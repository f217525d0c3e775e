"""What a link does to the page, on arrival and from one tab to the other. Knows no syntax of links."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import gradio as gr

from space.search import SYSTEMS, QueryError, SearchEngine
from space.ui import cards, links
from space.ui.compare_tab import CompareTab
from space.ui.events import ENGINE
from space.ui.form import ANY
from space.ui.markup import join
from space.ui.search_tab import SearchTab


def connect_links(
    demo: gr.Blocks, engine: SearchEngine, tabs: gr.Tabs, search: SearchTab, compare: CompareTab
) -> None:
    """Restore the link of a visit, and follow those that lead from one tab to the other."""
    systems = [name for name in SYSTEMS if name in engine.systems]

    def restore(pairs: Iterable[tuple[str, str]]) -> dict[Any, Any]:
        pairs = [pair for pair in pairs if pair[0] in links.NAMES]
        if not pairs:
            return {tabs: gr.skip()}
        link, notes = links.parse(pairs, systems)
        link, unknown = without_unknown(engine, link)
        tab = compare if link.tab == "compare" else search
        shown = tab.show(link) if link.query else cards.welcome(tab.welcome)
        return {
            tabs: gr.Tabs(selected=link.tab),
            tab.form.query: link.query,
            tab.form.k: link.k,
            **({search.system: link.system} if tab is search else {}),
            **{menu: link.filters.get(name, ANY) for name, menu in tab.form.filters.items()},
            tab.output: join([links.note(notes + unknown), shown]),
        }

    def arrive(request: gr.Request) -> dict[Any, Any]:
        return restore(links.pairs_of(request.query_params))

    def follow(event: gr.EventData) -> dict[Any, Any]:
        return restore(links.split(str(event.link)))

    forms = [part for tab in (search, compare) for part in (tab.form.query, tab.form.k, *tab.form.filters.values())]
    outputs = [search.output, compare.output]
    shared: dict[str, Any] = {
        "outputs": [tabs, *forms, search.system, *outputs],
        "api_visibility": "private",
        "show_progress": "minimal",
        "show_progress_on": outputs,
        **ENGINE,
    }
    demo.load(arrive, **shared)
    gr.on([output.click for output in outputs], follow, **shared)


def without_unknown(engine: SearchEngine, link: links.Link) -> tuple[links.Link, list[str]]:
    """The link without filters that no product passes, such as a brand that a later catalogue lost, and what to say.

    The form's menus could not show such a value, and then the results would be of another search than the form's.
    """
    known, notes = dict(link.filters), []
    for name, value in link.filters.items():
        try:
            engine.check_filter(name, value)
        except QueryError as error:
            del known[name]
            notes.append(f"{error} (this filter is left out)")
    return replace(link, filters=known), notes
