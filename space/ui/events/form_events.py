"""What a form does: search on Enter, on the button, on an example, and when an option changes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from space.data.filters import FILTERS
from space.search.batching import MAX_BATCH
from space.ui.events.form import ANY, NOT_PICKED, Form
from space.ui.events.latest_answer_only import STAMP, Latest
from space.ui.html.markup import EMPTY, Html, join
from space.ui.html.panels import locale_dropped
from space.ui.language import in_visitors_language
from space.ui.links import Link

#: The queue of every search of the catalogue, from the page and from endpoints: as many at a time as the engine
#: answers in one batch.
ENGINE = {"concurrency_limit": MAX_BATCH, "concurrency_id": "engine"}
#: The queue of what is computed for one visitor alone; more at a time would only share the same cores.
ALONE = {"concurrency_limit": 4, "concurrency_id": "alone"}

#: Among the values of a form: ``Form.picked``.
PICKED = "picked"

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
    output: gr.HTML
    show: Callable[[Link], Html]
    welcome: str
    complete: Callable[[Link], Link] = lambda link: link


def connect(form: Form, ask: Callable[[Given], Html], output: gr.HTML, place: str, latest: list[Component]) -> None:
    """Wire a form to its results.

    Args:
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
        return {**updates, output: join([note, found]), **dict.fromkeys(cleared.values(), "")}

    def refresh(given: Given) -> Updates:
        # Without a query there is nothing to search. Not the welcome either: it could replace newer results.
        if not ((given["query"] or "").strip() or given.get("like")):
            return {output: gr.skip()}
        given, updates, note = _of_another_query(form, given)
        return {**updates, output: join([note, ask(given)])}

    def try_example(given: Given) -> Updates:
        # Filters that are left over from an earlier search would make most examples find nothing.
        given = {**given, **dict.fromkeys(FILTERS, ANY)}
        return {form.query: given["query"], **form.fill({}), **renew({**given, PICKED: NOT_PICKED})} | {
            form.picked: NOT_PICKED
        }

    def count(*values: str) -> Updates:
        return form.count(dict(zip(form.filters, values, strict=True)))

    def on(events: Any, find: Callable[[Given], Updates], inputs: Mapping[str, Component], outputs: Any) -> None:
        def answer(latest: Latest, asked: float, *values: Any) -> Updates:
            given = dict(zip(inputs, values, strict=True))
            return latest.answer(place, asked, lambda: find(given)) or {output: gr.skip()}

        gr.on(
            events,
            in_visitors_language(answer),
            [*latest, *inputs.values()],
            outputs,
            js=STAMP,
            **_shared("minimal", output),
        )

    asked = {**form.inputs, PICKED: form.picked}
    changed = [*form.filters.values(), form.picked, output]
    on([form.query.submit, form.submit.click], renew, asked, [*cleared.values(), *changed])
    options = {name: part for name, part in form.inputs.items() if name not in ("query", *cleared)}
    on([event for part in options.values() for event in _changes(part)], refresh, asked, changed)
    for part in form.filters.values():
        gr.on(
            _changes(part),
            in_visitors_language(count),
            [*form.filters.values()],
            form.menus,
            **_shared("hidden", output),
        )
    for example in form.examples:
        inputs = {name: part for name, part in form.inputs.items() if name not in FILTERS} | {"query": example}
        outputs = [form.query, *cleared.values(), *changed]
        on([example.click], try_example, inputs, outputs)


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


def _shared(progress: str, output: gr.HTML) -> dict[str, Any]:
    # "always_last": a second search during the first is neither lost nor overtaken by it.
    common = {"api_visibility": "private", "trigger_mode": "always_last", "show_progress": progress}
    # At each step of an event Gradio draws every place anew that can show progress: here only the results do.
    return {**common, "show_progress_on": output, **ENGINE}


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
