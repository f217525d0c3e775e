"""What a form does: search on Enter, on the button, on an example, and when an option changes."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from space.data.filters import FILTERS
from space.search.batching import MAX_BATCH
from space.search.engine import SearchEngine
from space.ui.events.areas import ResultArea
from space.ui.events.form import ANY, NOT_PICKED, Form
from space.ui.events.latest_answer_only import Latest
from space.ui.html.markup import EMPTY, Html, join
from space.ui.html.panels import locale_dropped
from space.ui.language import in_visitors_language
from space.ui.links import Link

#: The queue of every search of the catalogue, from the page and from endpoints: as many at a time as the engine
#: answers in one batch.
ENGINE = {"concurrency_limit": MAX_BATCH, "concurrency_id": "engine"}
#: The queue of what is computed for one visitor alone; more at a time would only share the same cores.
ALONE = {"concurrency_limit": 4, "concurrency_id": "alone"}


def searching(engine: SearchEngine) -> dict[str, Any]:
    """Options of the events by which the page searches.

    Outside of Gradio's queue the answer comes with the request, see ``space.ui.queue_bounds.Places`` for its bounds.
    Through the queue the browser sends a second request for it. ZeroGPU reads from the queue which visitor waits.
    """
    return {**ENGINE, "queue": engine.gpu_per_call}


#: Among the values of a form: ``Form.picked``.
PICKED = "picked"
#: Beside them: when they were sent, on the clock of the browser, see ``Latest``.
ASKED_AT = "asked_at"

Given = Mapping[str, Any]
Updates = dict[Component, Any]


@dataclass(frozen=True)
class AskingTab:
    """A tab with a form and results, and how a link fills it.

    Attributes:
        show: a link to results, errors included.
        welcome: what the output shows while there is no query.
        complete: a link with what it leaves to the tab.
    """

    form: Form
    output: ResultArea
    show: Callable[[Link], Html]
    welcome: str
    complete: Callable[[Link], Link] = lambda link: link


def connect(
    engine: SearchEngine,
    form: Form,
    ask: Callable[[Given], Html],
    output: ResultArea,
    place: str,
    latest: list[Component],
) -> None:
    """Wire a form to its results.

    Args:
        engine: which ``ask`` asks.
        form: the inputs.
        ask: {name: value of each input} to results, errors included.
        output: where they go.
        place: its name among those of ``Latest``.
        latest: of the page, from ``build_latest``.
    """
    # What is searched instead of the query, see ``Link.like``; a new query clears it.
    cleared = {name: form.inputs[name] for name in ("like",) if name in form.inputs}

    def renew(given: Given) -> Updates:
        given, updates, note = _of_another_query(form, given)
        found = ask({**given, **dict.fromkeys(cleared, "")})
        return {**updates, output.found: join([note, found]), **dict.fromkeys(cleared.values(), "")}

    def refresh(given: Given) -> Updates:
        # Without a query there is nothing to search. Not the welcome either: it could replace newer results.
        if not ((given["query"] or "").strip() or given.get("like")):
            return {output.found: gr.skip()}
        given, updates, note = _of_another_query(form, given)
        return {**updates, output.found: join([note, ask(given)])}

    def try_example(given: Given) -> Updates:
        # Filters that are left over from an earlier search would make most examples find nothing.
        given = {**given, **dict.fromkeys(FILTERS, ANY), PICKED: NOT_PICKED}
        return {form.query: given["query"], **form.fill({}), **renew(given)} | {form.picked: NOT_PICKED}

    def answer_with(find: Callable[[Given], Updates], question: gr.JSON, outputs: list[Component]) -> None:
        def answer(latest: Latest, asked: Given, picked: tuple[str, str]) -> Updates:
            given = {**{name: asked[name] for name in form.inputs}, PICKED: picked}
            return latest.answer(place, asked[ASKED_AT], lambda: find(given)) or {output.found: gr.skip()}

        question.change(
            in_visitors_language(answer),
            [latest[0], question, form.picked],
            outputs,
            show_progress="minimal",
            **shared,
        )

    def count(asked: Given) -> Updates:
        return form.count({name: asked[name] for name in form.filters})

    # "always_last": a second search during the first is neither lost nor overtaken by it.
    shared = {
        "api_visibility": "private",
        "trigger_mode": "always_last",
        "show_progress_on": output.seen,
        **searching(engine),
    }
    changed = [*form.filters.values(), form.picked, output.found]
    typed, set_otherwise, filtered, tried = (gr.JSON(visible=False) for _question in range(4))
    answer_with(renew, typed, [*cleared.values(), *changed])
    answer_with(refresh, set_otherwise, changed)
    answer_with(try_example, tried, [form.query, *cleared.values(), *changed])
    filtered.change(in_visitors_language(count), filtered, form.menus, show_progress="hidden", **shared)

    ask_at([form.query.submit, form.submit.click], form.inputs, typed)
    options = {name: part for name, part in form.inputs.items() if name not in ("query", *cleared)}
    ask_at([event for part in options.values() for event in _changes(part)], form.inputs, set_otherwise)
    ask_at([event for part in form.filters.values() for event in _changes(part)], form.filters, filtered)
    for example in form.examples:
        ask_at([example.click], {**form.inputs, "query": example}, tried)


def ask_at(events: list[Callable[..., Any]], inputs: Mapping[str, Component], question: gr.JSON) -> None:
    """Let the browser write {name: value} of the inputs, and when, into ``question`` at each of the events.

    The handler that answers has ``question`` as its input. With the inputs themselves Gradio copies their settings six
    times for each answer, all choices of the menus included, which takes 30 ms of a browser's core.
    """
    js = f"""(...values) => {{
        const names = {json.dumps(list(inputs))};
        return {{ {ASKED_AT}: performance.now(), ...Object.fromEntries(names.map((name, i) => [name, values[i]])) }};
    }}"""
    gr.on(events, None, [*inputs.values()], question, js=js, api_visibility="private")


def _of_another_query(form: Form, given: Given) -> tuple[Given, Updates, Html]:
    """The values without the locale of a picked query if another query was typed; the updates, and a note."""
    (query, locale), typed = given[PICKED], (given["query"] or "").strip()
    if not locale or (typed == query and given["locale"] == locale):
        return given, {}, EMPTY
    if given["locale"] != locale:  # the visitor chose it
        return given, {form.picked: NOT_PICKED}, EMPTY
    given = {**given, "locale": ANY}
    filled = form.fill({name: given[name] for name in FILTERS})
    return given, {**filled, form.picked: NOT_PICKED}, locale_dropped(locale, query)


def _changes(part: Component) -> list[Callable[..., Any]]:
    """The events of an input that say that it has another value."""
    if isinstance(part, gr.Slider):
        return [part.release]
    if isinstance(part, gr.Dropdown):
        # A menu sends "input" when an entry is chosen and again when it is left, but what is typed only by that.
        return [part.input if part.allow_custom_value else part.select]
    if isinstance(part, gr.Textbox):
        return [part.submit, part.blur]  # not on every letter
    return [part.input]
