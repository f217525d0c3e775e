"""The tab that shows the systems side by side."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import gradio as gr
from gradio.components import Component

from space.errors import QueryError
from space.evaluation.held_out_queries import HeldOut, measured_systems
from space.i18n import N_
from space.i18n import gettext as _
from space.search.engine import SearchEngine
from space.search.results import Hit
from space.search.roles import MOST_COLUMNS, Roles
from space.ui import links
from space.ui.events import export
from space.ui.events.areas import result_area, sent
from space.ui.events.form import build_form, link_of, named
from space.ui.events.form_events import AskingTab, connect, searching
from space.ui.events.latest_answer_only import STAMP, Latest
from space.ui.html import comparison, names, result_links
from space.ui.html.judging import judge_here
from space.ui.html.markup import EMPTY, Html, join
from space.ui.html.panels import other_reference, problem, refused
from space.ui.language import Texts, in_visitors_language
from space.ui.links import Link
from space.ui.tabs import picker

WELCOME = N_(
    "One query, several systems: see what fine-tuning moved up, moved down, brought in and lost, beside plain BM25."
)
WELCOME_OF_SEVERAL = N_(
    "One query, up to four systems: see what each of them moved up, moved down, brought in and lost against the one "
    "that you choose."
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
    roles, several = engine.roles, engine.several_locales
    form = build_form(engine, texts, N_("Compare"), _choices(roles, texts))
    held_out = picker.build_picker(
        engine.held_out,
        texts,
        several=several,
        pairs=cache(lambda pair: HeldOut.of(engine.evaluation, pair=pair)),
        systems=measured_systems(engine.evaluation),
    )
    about = WELCOME if roles.is_tuning else WELCOME_OF_SEVERAL
    output = result_area(texts, about, "compare")

    def complete(link: Link) -> Link:
        systems = link.systems or roles.usual
        written = roles.can_pick and not link.reference
        return replace(link, systems=systems, reference=roles.reference_among(systems) if written else link.reference)

    def show(link: Link) -> Html:
        try:
            found = engine.compare(link.query, link.k, list(link.systems), link.reference, **link.filters)
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

        return join([offer, place, comparison.comparison(found, emptied, more, roles.candidate)])

    def ask(given: Mapping[str, Any]) -> Html:
        try:
            link, note = _asked(roles, given)
        except QueryError as error:
            return problem(str(error))
        return join([note, show(link)])

    def pick(
        latest: Latest, asked_at: float, k: int, systems: list[str], reference: str, event: gr.EventData
    ) -> dict[Any, Any]:
        asked, _notes = links.parse(links.split(sent(event, "link")), roles)
        place = engine.held_out.place(asked.query, asked.filters.get("locale", ""))
        if place is None:
            return {held_out.fold: gr.skip()}
        like = Link("", k, "compare", systems=roles.in_order(systems)[:MOST_COLUMNS])
        like = replace(like, reference=reference if reference in like.systems else "")
        link = complete(picker.link_to(engine.held_out.entries[place], like, several=several))

        def find() -> dict[Any, Any]:
            return {**form.write(link), output.found: show(link), held_out.fold: gr.Accordion(open=False)}

        return latest.answer("compare", asked_at, find) or {output.found: gr.skip()}

    connect(engine, form, ask, output, "compare", latest)
    held_out.listing.click(
        in_visitors_language(pick),
        [*latest, *(form.inputs[name] for name in ("k", "systems", "reference"))],
        [*form.written, output.found, held_out.fold],
        js=STAMP,
        api_visibility="private",
        show_progress="minimal",
        show_progress_on=output.seen,
        **searching(engine),
    )
    return AskingTab(form, output, show, about, complete)


def _choices(roles: Roles, texts: Texts) -> dict[str, Component]:
    """The choices of the form besides the filters: the columns, and the one that the others are compared with."""
    columns = gr.CheckboxGroup(
        named(texts, roles.names),
        value=list(roles.usual),
        label=texts.label("Columns"),
        render=False,
        min_width=470,
        elem_classes="e5-columns",
    )
    # Hidden, it keeps what a link says.
    reference: Component = gr.Textbox(visible=False, render=False)
    if roles.can_pick:
        reference = gr.Dropdown(
            named(texts, roles.names),
            value=roles.reference_among(roles.usual),
            label=texts.label("Compared with"),
            render=False,
            min_width=150,
            elem_classes="e5-reference",
        )
    return {"systems": columns, "reference": reference}


def _asked(roles: Roles, given: Mapping[str, Any]) -> tuple[Link, Html]:
    """The values of the form as a link, and a note where the column to compare with is turned off.

    Raises:
        QueryError: no column is turned on, or more than fit.
    """
    systems = roles.in_order(given["systems"])
    if not systems:
        every = ", ".join(map(names.system_name, roles.names))
        raise QueryError(_("all columns are turned off: turn on at least one of {names}").format(names=every))
    if len(systems) > MOST_COLUMNS:
        said = _("{n} columns are turned on: turn off some, at most {most} fit side by side")
        raise QueryError(said.format(n=len(systems), most=MOST_COLUMNS))
    link = link_of("compare", {**given, "systems": systems})
    if not link.reference or link.reference in systems:
        return link, EMPTY
    usual = roles.reference_among(systems)
    return replace(link, reference=usual), other_reference(link.reference, usual)
