"""What a form does: Enter, the button, an example, a changed option. Knows no system and no result."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from space.ui import cards
from space.ui.form import ANY, Form
from space.ui.markup import Html

# A query takes some tens of milliseconds, nearly all of it inside torch and numpy with Python's lock released, so a
# few at a time keep a light query from waiting behind a heavy one. Many more would only share the same cores and
# memory bandwidth and all get slower. One group for everything that asks the engine, page and endpoints alike.
ENGINE = {"concurrency_limit": 4, "concurrency_id": "engine"}

_SCRIPT = Path(__file__).with_name("results.js")


def result_area(welcome: str) -> gr.HTML:
    """Where results go; wide enough from the start for the page not to jump."""
    return gr.HTML(
        cards.welcome(welcome),
        apply_default_css=False,
        elem_classes="e5-out",
        js_on_load=_SCRIPT.read_text(encoding="utf-8"),
    )


def connect(form: Form, show: Callable[..., Html], options: list[Component], output: gr.HTML, welcome: str) -> None:
    """Wire a form to its results.

    Args:
        form: the inputs.
        show: (query, *options, *filters) -> HTML, errors included.
        options: the components between query and filters.
        output: where the HTML goes.
        welcome: what to show while there is no query.
    """
    filters = list(form.filters.values())
    # "always_last": a second search during the first must not be lost, and must not be overtaken by the first either.
    shared: dict[str, Any] = {
        "api_visibility": "private",
        "trigger_mode": "always_last",
        "show_progress": "minimal",
        **ENGINE,
    }

    def refresh(query: str | None, *rest: Any) -> Html:
        return show(query, *rest) if (query or "").strip() else cards.welcome(welcome)

    def try_example(query: str, *rest: Any) -> list[Any]:
        # Filters that are left over from before would make most examples find nothing.
        return [query, *(ANY for _ in filters), show(query, *rest, *(ANY for _ in filters))]

    inputs = [form.query, *options, *filters]
    gr.on([form.query.submit, form.submit.click], show, inputs, output, **shared)
    changes = [getattr(part, "release", part.input) for part in options] + [part.input for part in filters]
    gr.on(changes, refresh, inputs, output, **shared)
    for example in form.examples:
        example.click(try_example, [example, *options], [form.query, *filters, output], **shared)
