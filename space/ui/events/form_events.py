"""What a form does: Enter, the button, an example, a changed option. Knows no system and no result."""

from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.components import Component

from space.search.batching import MAX_BATCH
from space.ui.events.form import Form
from space.ui.events.latest_answer_only import STAMP, Turns
from space.ui.html import cards
from space.ui.html.markup import Html
from space.ui.static import script

# As many may ask at a time as the engine serves together: most of them only wait for the same encoding and the same
# look at all vectors. One group for every search of the catalogue, page and endpoints alike. Who leaves while he waits
# for his turn frees his place at once, and one who leaves later, with the answers of those he is served with.
ENGINE = {"concurrency_limit": MAX_BATCH, "concurrency_id": "engine"}
# What is computed for one alone: a few at a time, since more would only share the same cores and all get slower.
ALONE = {"concurrency_limit": 4, "concurrency_id": "alone"}


def result_area(welcome: str) -> gr.HTML:
    """Where results go; wide enough from the start for the page not to jump."""
    return gr.HTML(
        cards.welcome(welcome),
        apply_default_css=False,
        elem_classes="e5-out",
        js_on_load=script("links", "results"),
    )


def connect(
    form: Form,
    show: Callable[..., Html],
    options: list[Component],
    output: gr.HTML,
    place: str,
    turns: list[Component],
    *,
    instead: gr.Textbox | None = None,
) -> None:
    """Wire a form to its results.

    Args:
        form: the inputs.
        show: (query, *options, *filters) -> HTML, errors included.
        options: the components between query and filters.
        output: where the HTML goes.
        place: its name among the ``turns``.
        turns: of the page, by ``build_turns``.
        instead: the last of the options, which holds what is searched instead of the query; a new query clears it.
    """
    filters = list(form.filters.values())
    cleared = [instead] if instead is not None else []
    # "always_last": a second search during the first must not be lost, and must not be overtaken by the first either.
    shared: dict[str, Any] = {
        "api_visibility": "private",
        "trigger_mode": "always_last",
        "show_progress": "minimal",
        **ENGINE,
    }

    kept = [part for part in options if part is not instead]

    def renew(query: str | None, *rest: Any) -> dict[Component, Any]:
        given, filtered = rest[: len(kept)], rest[len(options) :]
        return {output: show(query, *given, *("" for _ in cleared), *filtered), **dict.fromkeys(cleared, "")}

    def refresh(query: str | None, *rest: Any) -> dict[Component, Any]:
        asked = (query or "").strip() or (cleared and rest[len(kept)])
        # Nothing to say yet. Not the welcome again: it may come after the answer to a query that was sent right after.
        return {output: show(query, *rest) if asked else gr.skip()}

    def try_example(query: str, *rest: Any) -> dict[Component, Any]:
        # Filters that are left over from before would make most examples find nothing.
        return {form.query: query, **form.fill({}), **renew(query, *rest, *("" for _ in filters))}

    def newest(find: Callable[..., dict[Component, Any]]) -> Callable[..., dict[Component, Any]]:
        def answer(turns: Turns, asked: float, *given: Any) -> dict[Component, Any]:
            return turns.answer(place, asked, lambda: find(*given)) or {output: gr.skip()}

        return answer

    def count(*values: str) -> dict[Component, Any]:
        return form.count(dict(zip(form.filters, values, strict=True)))

    inputs = [*turns, form.query, *options, *filters]
    gr.on([form.query.submit, form.submit.click], newest(renew), inputs, [output, *cleared], js=STAMP, **shared)
    changes = [getattr(part, "release", part.input) for part in kept]
    for part in filters:
        filtering = _changes(part)
        changes += filtering
        gr.on(filtering, count, filters, form.menus, **shared | {"show_progress": "hidden"})
    gr.on(changes, newest(refresh), inputs, [output], js=STAMP, **shared)
    for example in form.examples:
        written = [form.query, *cleared, *filters, output]
        example.click(newest(try_example), [*turns, example, *options], written, js=STAMP, **shared)


def _changes(part: Component) -> list[Callable[..., Any]]:
    """The events of a filter that say it has another value."""
    if not isinstance(part, gr.Dropdown):
        # A text is complete when it is left, and every letter before that would be another search.
        return [part.submit, part.blur]
    # A menu says "input" when an entry is chosen and again when it is left; what is typed into it comes by that alone.
    return [part.input if part.allow_custom_value else part.select]
