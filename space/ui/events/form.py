"""The inputs that the tabs share: query, k, filters, examples. Knows no result."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from space.data.filters import FILTERS, LEVEL, Facets
from space.errors import QueryError
from space.search.engine import SearchEngine
from space.search.request import MAX_K
from space.ui.words import label

#: A catalogue can have 100,000 brands; a page can not. The rest is reached by typing.
MAX_CHOICES = 200
LABELS = {
    "locale": "Locale",
    "brand": "Brand",
    "color": "Colour",
    "category": "Category",
    "min_price": "Price from",
    "max_price": "Price to",
    "min_rating": "Rating",
}
ANY = ""
#: Filters that stand beside system and number of results on a desk.
_ONE_ROW = 3
# On a phone the options would push the results off the screen: style.css folds them there, and this unfolds them.
_MORE = '<button type="button" aria-expanded="false">More options</button>'
_FOLD = """const button = element.querySelector("button");
button.addEventListener("click", () => {
  const open = button.getAttribute("aria-expanded") !== "true";
  button.setAttribute("aria-expanded", open);
  button.textContent = open ? "Fewer options" : "More options";
});"""


@dataclass(frozen=True)
class Form:
    """The components of one tab's form.

    Attributes:
        filters: {name: menu or box}, in the order of ``FILTERS``; one for which the catalogue has too few values is
            hidden. What they hold are texts, "" allows all.
        examples: a button per example query, its label being the query.
        count: {name: value} to the updates of the menus, each value with its products under the other filters.
        fill: the same with the values themselves.
    """

    query: gr.Textbox
    submit: gr.Button
    k: gr.Slider
    filters: dict[str, Component]
    examples: list[gr.Button]
    count: Callable[[Mapping[str, str]], dict[Component, Any]]
    fill: Callable[[Mapping[str, str]], dict[Component, Any]]

    @property
    def menus(self) -> list[Component]:
        """The filters that are chosen from a list."""
        return [part for part in self.filters.values() if isinstance(part, gr.Dropdown)]


def build_form(
    engine: SearchEngine,
    submit: str,
    system: gr.Radio | gr.CheckboxGroup | None = None,
    last: gr.Checkbox | None = None,
) -> Form:
    """Lay out the form where the caller's context is.

    Args:
        engine: for the values of the filters and the examples.
        submit: what the button says.
        system: a component to place between query and filters, made with ``render=False``.
        last: likewise, to place after the filters.
    """
    with gr.Row(elem_classes="e5-ask", equal_height=True):
        query = gr.Textbox(
            label=label("Query"),
            placeholder=label("What are you looking for?"),
            lines=1,
            max_lines=1,
            show_label=False,
            container=False,
            scale=5,
            min_width=240,
            elem_classes="e5-query",
        )
        button = gr.Button(label(submit), variant="primary", scale=0, min_width=120, elem_classes="e5-go")
    examples = _examples(engine)
    kinds = ["e5-options"] if isinstance(system, gr.Radio) else ["e5-options", "e5-plain"]
    if sum(map(engine.facets.offered, FILTERS)) > _ONE_ROW:
        kinds.append("e5-tall")  # takes its place before the parts are there, so that nothing below it jumps
    with gr.Row(elem_classes=kinds):
        if system is not None:
            system.render()
        k = gr.Slider(
            1,
            MAX_K,
            value=10,
            step=1,
            precision=0,
            label=label("Results"),
            min_width=170,
            buttons=[],
            elem_classes="e5-k",
        )
        filters = {name: _filter(engine.facets, name) for name in FILTERS}
        if last is not None:
            last.render()
    gr.HTML(_MORE, apply_default_css=False, js_on_load=_FOLD, elem_classes="e5-more")

    def count(values: Mapping[str, str]) -> dict[Component, Any]:
        shown = {part: name for name, part in filters.items() if isinstance(part, gr.Dropdown) and part.visible}
        try:
            return {part: gr.update(choices=choices(engine.facets, name, values)) for part, name in shown.items()}
        except QueryError:  # said where the results are
            return {part: gr.skip() for part in shown}

    def fill(values: Mapping[str, str]) -> dict[Component, Any]:
        counted = count(values)
        return {
            part: {**gr.update(value=values.get(name, ANY)), **counted.get(part, {})} for name, part in filters.items()
        }

    return Form(query, button, k, filters, examples, count, fill)


def choices(facets: Facets, name: str, values: Mapping[str, str]) -> list[tuple[str, str]]:
    """What a menu offers: labels with the number of products, and values.

    Raises:
        QueryError: one of ``values`` is none that its filter could have.
    """
    counted = facets.counts(name, values, MAX_CHOICES)
    return [(str(label("Any")), ANY), *((f"{_said(name, value)} ({count:,})", value) for value, count in counted)]


def _said(name: str, value: str) -> str:
    if name == "min_rating":
        return f"≥ {value}"
    *above, own = value.split(LEVEL) if name == "category" else [value]
    # A step to the right for each level; figure spaces, since others are collapsed.
    return "\u2007\u2007" * (len(above) - 1) + ("› " if above else "") + own


def _examples(engine: SearchEngine) -> list[gr.Button]:
    if not engine.examples:
        return []
    with gr.Row(elem_classes="e5-examples"):
        gr.HTML("Try", apply_default_css=False, js_on_load=None, elem_classes="e5-try")
        return [
            gr.Button(example, size="sm", variant="secondary", scale=0, min_width=0) for example in engine.examples
        ]


def _filter(facets: Facets, name: str) -> Component:
    offered, known = facets.offered(name), facets.known(name) / max(facets.rows, 1)
    if name.endswith("_price"):
        return gr.Textbox(
            value=ANY,
            label=label(LABELS[name]),
            placeholder=label("any") if known == 1 else f"{label('any · known of')} {100 * known:.0f} %",
            max_lines=1,
            min_width=150,
            visible=offered,
            elem_classes="e5-price",
        )
    counted = facets.counts(name) if offered else []
    return gr.Dropdown(
        choices(facets, name, {}) if offered else [(str(label("Any")), ANY)],
        value=ANY,
        label=label(LABELS[name]),
        # Typing is the only way to what is not listed; a wrong value gets the engine's message with near spellings.
        allow_custom_value=len(counted) > MAX_CHOICES,
        num_choices_shown=None,
        min_width={"category": 210, "min_rating": 150}.get(name, 130),
        scale=2 if name == "category" else 1,
        visible=offered,
    )
