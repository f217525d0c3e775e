"""The tab that lays the systems side by side."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import gradio as gr
from gradio.components import Component

from space.errors import QueryError
from space.i18n import N_
from space.i18n import gettext as _
from space.search.engine import SearchEngine
from space.search.request import COLUMNS, COMPARED, SYSTEMS
from space.search.results import Hit
from space.ui import links
from space.ui.events import export
from space.ui.events.areas import result_area, sent
from space.ui.events.form import build_form, link_of
from space.ui.events.form_events import ENGINE, AskingTab, connect
from space.ui.events.latest_answer_only import STAMP, Latest
from space.ui.html import comparison, names, result_links
from space.ui.html.judging import judge_here
from space.ui.html.markup import EMPTY, Html, join
from space.ui.html.panels import problem, refused
from space.ui.language import Texts, in_visitors_language
from space.ui.links import Link
from space.ui.tabs import picker

WELCOME = N_(
    "One query, several systems: see what fine-tuning moved up, moved down, brought in and lost, beside plain BM25."
)


def build_compare_tab(
    engine: SearchEngine, texts: Texts, latest: list[Component], *, judging: bool = False
) -> AskingTab:
    """Lay out the tab in the current context of Gradio, and connect it.

    Args:
        engine: answers.
        texts: of the page.
        latest: see ``build_latest``.
        judging: whether hits without a label can be judged in place.
    """
    systems = [name for name in COLUMNS if name in engine.systems]
    usual = tuple(name for name in COMPARED if name in systems) or tuple(systems)
    several = engine.several_locales
    columns = gr.CheckboxGroup(
        [(str(texts.label(names.SYSTEMS[name])), name) for name in systems],
        value=list(usual),
        label=texts.label("Columns"),
        render=False,
        min_width=470,
        elem_classes="e5-columns",
    )
    form = build_form(engine, texts, N_("Compare"), {"systems": columns})
    held_out = picker.build_picker(engine.held_out, texts, several=several)
    output = result_area(texts, WELCOME)

    def complete(link: Link) -> Link:
        return replace(link, systems=link.systems or usual)

    def show(link: Link) -> Html:
        try:
            found = engine.compare(link.query, link.k, list(link.systems), **link.filters)
        except QueryError as error:
            return refused(error)
        link = replace(link, query=found.query, systems=tuple(found.systems))
        offer = result_links.offer(
            link, other=replace(link, tab="search"), label=_("Search this query"), also=export.downloads(found)
        )
        place = picker.position(engine.held_out, link, several=several)
        emptied = {} if any(one.hits for one in found.systems.values()) else engine.facets.emptied_by(link.filters)

        def more(hit: Hit) -> Html:
            return judge_here(found.query, hit) if judging else EMPTY

        return join([offer, place, comparison.comparison(found, emptied, more)])

    def ask(given: Mapping[str, Any]) -> Html:
        if not given["systems"]:
            every = ", ".join(map(names.system_name, systems))
            return problem(_("all columns are turned off: turn on at least one of {names}").format(names=every))
        return show(link_of("compare", given))

    def pick(latest: Latest, asked_at: float, k: int, systems: list[str], event: gr.EventData) -> dict[Any, Any]:
        asked, _notes = links.parse(links.split(sent(event, "link")), SYSTEMS)
        place = engine.held_out.place(asked.query, asked.filters.get("locale", ""))
        if place is None:
            return {held_out.fold: gr.skip()}
        like = Link("", k, "compare", systems=links.in_order(systems))
        link = complete(picker.link_to(engine.held_out.entries[place], like, several=several))

        def find() -> dict[Any, Any]:
            return {**form.write(link), output: show(link), held_out.fold: gr.Accordion(open=False)}

        return latest.answer("compare", asked_at, find) or {output: gr.skip()}

    connect(form, ask, output, "compare", latest)
    held_out.listing.click(
        in_visitors_language(pick),
        [*latest, form.inputs["k"], columns],
        [*form.written, output, held_out.fold],
        js=STAMP,
        api_visibility="private",
        show_progress="minimal",
        show_progress_on=output,
        **ENGINE,
    )
    return AskingTab(form, output, show, WELCOME, complete)
