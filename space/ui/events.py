"""What a form does: Enter, the button, an example, a changed option. Knows no system and no result."""

from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.components import Component

from space.ui import cards
from space.ui.form import Form
from space.ui.markup import Html
from space.ui.scripts import script

# A query takes some tens of milliseconds, nearly all of it inside torch and numpy with Python's lock released, so a
# few at a time keep a light query from waiting behind a heavy one. Many more would only share the same cores and
# memory bandwidth and all get slower. One group for everything that asks the engine, page and endpoints alike.
ENGINE = {"concurrency_limit": 4, "concurrency_id": "engine"}


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
    *,
    instead: gr.Textbox | None = None,
) -> None:
    """Wire a form to its results.

    Args:
        form: the inputs.
        show: (query, *options, *filters) -> HTML, errors included.
        options: the components between query and filters.
        output: where the HTML goes.
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

    def refresh(query: str | None, *rest: Any) -> Any:
        asked = (query or "").strip() or (cleared and rest[len(kept)])
        # Nothing to say yet. Not the welcome again: it may come after the answer to a query that was sent right after.
        return show(query, *rest) if asked else gr.skip()

    def count(*values: str) -> dict[Component, Any]:
        return form.count(dict(zip(form.filters, values, strict=True)))

    def try_example(query: str, *rest: Any) -> dict[Component, Any]:
        # Filters that are left over from before would make most examples find nothing.
        return {form.query: query, **form.fill({}), **renew(query, *rest, *("" for _ in filters))}

    inputs = [form.query, *options, *filters]
    gr.on([form.query.submit, form.submit.click], renew, inputs, [output, *cleared], **shared)
    changes = [getattr(part, "release", part.input) for part in kept]
    for part in filters:
        # A text is complete when it is left, and every letter before that would be another search.
        filtering = [part.input] if part in form.menus else [part.submit, part.blur]
        changes += filtering
        gr.on(filtering, count, filters, form.menus, **shared | {"show_progress": "hidden"})
    gr.on(changes, refresh, inputs, output, **shared)
    for example in form.examples:
        example.click(try_example, [example, *options], [form.query, *cleared, *filters, output], **shared)
