"""What a link does to the page: on arrival, and from one tab to another."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr
from gradio.components import Component

from space.errors import FilterError, QueryError
from space.i18n import gettext as _
from space.search.engine import SearchEngine
from space.search.products import row_of
from space.ui import links
from space.ui.events.areas import sent
from space.ui.events.form_events import AskingTab, searching
from space.ui.events.latest_answer_only import STAMP, Latest
from space.ui.html import result_links
from space.ui.html.markup import EMPTY, Html, join
from space.ui.html.names import field_labels
from space.ui.html.panels import welcome
from space.ui.language import in_visitors_language
from space.ui.static import script


def connect_links(
    demo: gr.Blocks,
    engine: SearchEngine,
    tabs: gr.Tabs,
    asking: Mapping[str, AskingTab],
    latest: list[Component],
    others: Sequence[gr.HTML] = (),
    first_view: Callable[[], Html] = lambda: EMPTY,
) -> None:
    """Restore the link of a visit, and follow the links between tabs.

    Args:
        demo: the page.
        engine: to check filters and products of a link.
        tabs: those of ``links.TABS``.
        asking: the tabs with a query, by their names in ``links.ASKING``.
        latest: of the page, from ``build_latest``.
        others: other areas with links to a tab, whose scripts send ``trigger("click", {link})`` as results.js does.
        first_view: what a visit without a link begins with, "" for the welcome of its tab.
    """
    roles = engine.roles

    def restore(pairs: Iterable[tuple[str, str]], latest: Latest, asked: float) -> dict[Any, Any]:
        pairs = [pair for pair in pairs if pair[0] in links.NAMES]
        if not pairs:
            return {tabs: gr.skip()}
        link, notes = links.parse(pairs, roles)
        if link.tab not in asking:
            return {tabs: gr.Tabs(selected=link.tab)}
        link, unknown = without_unknown(engine, link)
        tab = asking[link.tab]
        link = tab.complete(link)

        def find() -> dict[Any, Any]:
            shown = tab.show(link) if link.query or link.like else welcome(_(tab.welcome))
            return {
                tabs: gr.Tabs(selected=link.tab),
                **tab.form.write(link),
                tab.output.found: join([result_links.note(notes + unknown), shown]),
            }

        return latest.answer(link.tab, asked, find) or {tabs: gr.skip()}

    def arrive(latest: Latest, asked: float, request: gr.Request) -> dict[Any, Any]:
        pairs = links.pairs_of(request.query_params)
        if any(name in links.NAMES for name, _value in pairs):
            return restore(pairs, latest, asked)
        shown = latest.answer("search", asked, first_view)
        return {asking["search"].output.found: shown} if shown else {tabs: gr.skip()}

    def follow(latest: Latest, asked: float, event: gr.EventData) -> dict[Any, Any]:
        return restore(links.split(sent(event, "link")), latest, asked)

    areas = [tab.output.seen for tab in asking.values()]
    found = [tab.output.found for tab in asking.values()]
    shared: dict[str, Any] = {
        "inputs": latest,
        "js": STAMP,
        "outputs": [tabs, *(part for tab in asking.values() for part in tab.form.written), *found],
        "api_visibility": "private",
        "show_progress": "minimal",
        "show_progress_on": areas,
        **searching(engine),
    }
    demo.load(in_visitors_language(arrive), **shared)
    gr.on([area.click for area in (*areas, *others)], in_visitors_language(follow), **shared)
    for tab in tabs.children:
        opened = f"() => {{ {script('links', 'tabs')}\ntabOpened({json.dumps(tab.id)}, {json.dumps(links.ASKING)}); }}"
        tab.select(None, js=opened, api_visibility="private")


def without_unknown(engine: SearchEngine, link: links.Link) -> tuple[links.Link, list[str]]:
    """The link without filters and products that this catalogue does not have, and a sentence for each.

    The menus of the form cannot show such a value, so the results would not be those of the form.
    """
    known, notes = dict(link.filters), []
    for name, value in link.filters.items():
        try:
            known[name] = engine.facets.as_offered(name, value)
        except QueryError as error:
            del known[name]
            said = error.worded(field_labels()) if isinstance(error, FilterError) else error
            notes.append(_("{error} (this filter is left out)").format(error=said))
    if link.like:
        try:
            row_of(engine.catalogue, *link.product)
        except QueryError as error:
            link = replace(link, like="")
            notes.append(_("{error} (like is left out)").format(error=error))
    return replace(link, filters=known), notes
