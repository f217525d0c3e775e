"""The form of a tab: query, number of results, system, filters and example queries."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from space.data.filters import FILTERS, LEVEL, Facets, in_force
from space.errors import QueryError
from space.i18n import N_, number
from space.i18n import gettext as _
from space.search.engine import SearchEngine
from space.search.request import MAX_K
from space.ui.events.areas import html
from space.ui.html.markup import Html, fill
from space.ui.html.names import FIELDS, SYSTEMS
from space.ui.language import Texts
from space.ui.links import DEFAULT_K, Link

#: A catalogue can have 100,000 brands. A menu shows this many; the others can be typed.
MAX_CHOICES = 200
ANY = ""
#: The query and the locale of ``Form.picked`` when no test query was picked.
NOT_PICKED = ("", ANY)
# The options would push the results off the screen, so style.css folds them and this unfolds them.
_FOLD = """const button = element.querySelector("button");
button.addEventListener("click", () => {
  button.setAttribute("aria-expanded", button.getAttribute("aria-expanded") !== "true");
});"""


@dataclass(frozen=True)
class Form:
    """The components of one tab's form.

    Attributes:
        inputs: {name of the parameter as in ``links.NAMES``: component}; a filter without values is hidden. Values of
            filters are texts, "" allows all.
        submit: the button.
        examples: a button for each example query.
        count: {filter: value} to updates of the menus: each choice with its number of products.
        fill: the same, and sets the filters to these values.
        picked: (query, locale) of the test query that a link or the picker wrote; ("", "") for none. Not an input.
        is_test_query: whether a query and a locale are those of a test query.
    """

    inputs: dict[str, Component]
    submit: gr.Button
    examples: list[gr.Button]
    count: Callable[[Mapping[str, str]], dict[Component, Any]]
    fill: Callable[[Mapping[str, str]], dict[Component, Any]]
    picked: gr.State
    is_test_query: Callable[[str, str], bool]

    @property
    def query(self) -> Component:
        """The search box."""
        return self.inputs["query"]

    @property
    def filters(self) -> dict[str, Component]:
        """{name: menu or box}, in the order of ``FILTERS``."""
        return {name: self.inputs[name] for name in FILTERS}

    @property
    def menus(self) -> list[Component]:
        """The filters that are chosen from a list."""
        return [part for part in self.filters.values() if isinstance(part, gr.Dropdown)]

    @property
    def written(self) -> list[Component]:
        """What ``write`` may update."""
        return [*self.inputs.values(), self.picked]

    def write(self, link: Link) -> dict[Component, Any]:
        """The updates that set every input to what a link asks for."""
        values = {"query": link.query, "k": link.k, "system": link.system, "fold": link.fold, "like": link.like}
        values |= {"systems": list(link.systems), "reference": link.reference}
        query, locale = link.query, str(link.filters.get("locale", ANY))
        picked = (query, locale) if locale and self.is_test_query(query, locale) else NOT_PICKED
        written = {self.inputs[name]: value for name, value in values.items() if name in self.inputs}
        return {**written, **self.fill(link.filters), self.picked: picked}


def link_of(tab: str, given: Mapping[str, Any]) -> Link:
    """The values of a form's inputs, {name: value}, as a link."""
    return Link(
        (given["query"] or "").strip(),
        given["k"],
        tab,
        given.get("system", ""),
        in_force({name: given[name] for name in FILTERS}),
        tuple(given.get("systems", ())),
        given.get("fold", False),
        given.get("like", ""),
        given.get("reference", ""),
    )


def named(texts: Texts, systems: Sequence[str]) -> list[tuple[str, str]]:
    """The choices of a menu of systems: what each is called on the page, and its name."""
    return [(str(texts.label(SYSTEMS[name])) if name in SYSTEMS else name, name) for name in systems]


def build_form(
    engine: SearchEngine,
    texts: Texts,
    submit: str,
    first: Mapping[str, Component],
    last: Mapping[str, Component] | None = None,
) -> Form:
    """Lay out the form in the current context of Gradio.

    Args:
        engine: for the values of the filters and the examples.
        texts: of the page.
        submit: what the button says.
        first: {name: component made with ``render=False``} to place before the filters; the choice of systems.
        last: the same, to place after the filters.
    """
    with gr.Row(elem_classes="e5-ask", equal_height=True):
        query, button = query_box(texts, N_("What are you looking for?"), submit)
    examples = _examples(engine, texts)
    classes = ["e5-options"] if "system" in first else ["e5-options", "e5-plain"]
    with gr.Row(elem_classes=classes):
        for part in first.values():
            part.render()
        k = gr.Slider(
            1,
            MAX_K,
            value=DEFAULT_K,
            step=1,
            precision=0,
            label=texts.label("Results"),
            min_width=170,
            buttons=[],
            elem_classes="e5-k",
        )
        filters = {name: _filter(engine.facets, texts, name) for name in FILTERS}
        for part in (last or {}).values():
            part.render()
    html(texts.each(_more_options), "e5-more", _FOLD)

    def count(values: Mapping[str, str]) -> dict[Component, Any]:
        shown = {part: name for name, part in filters.items() if isinstance(part, gr.Dropdown) and part.visible}
        try:
            return {part: gr.update(choices=choices(engine.facets, name, values)) for part, name in shown.items()}
        except QueryError:  # the results say what is wrong
            return {part: gr.skip() for part in shown}

    def fill_filters(values: Mapping[str, str]) -> dict[Component, Any]:
        counted = count(values)
        return {
            part: {**gr.update(value=values.get(name, ANY)), **counted.get(part, {})} for name, part in filters.items()
        }

    inputs = {"query": query, "k": k, **first, **filters, **(last or {})}

    def is_test_query(query: str, locale: str) -> bool:
        return engine.held_out.place(query, locale) is not None

    return Form(inputs, button, examples, count, fill_filters, gr.State(NOT_PICKED), is_test_query)


def query_box(texts: Texts, placeholder: str, submit: str) -> tuple[gr.Textbox, gr.Button]:
    """A search box and its button."""
    query = gr.Textbox(
        label=texts.label("Query"),
        placeholder=texts.label(placeholder),
        max_lines=1,
        show_label=False,
        container=False,
        scale=5,
        min_width=240,
        elem_classes="e5-query",
    )
    return query, gr.Button(texts.label(submit), variant="primary", scale=0, min_width=120, elem_classes="e5-go")


def choices(
    facets: Facets, name: str, values: Mapping[str, str], anything: str | None = None
) -> list[tuple[str, str]]:
    """The choices of a menu: labels with the number of products, and values.

    Args:
        facets: what the catalogue offers.
        name: of the filter.
        values: {filter: value} of all filters; its own does not count.
        anything: the label of the choice that allows all; by default in the current language.

    Raises:
        QueryError: one of ``values`` is impossible for its filter.
    """
    counted = facets.counts(name, values, MAX_CHOICES)
    listed = [(f"{_choice(name, value)} ({number(count)})", value) for value, count in counted]
    return [(anything or _("Any"), ANY), *listed]


def _choice(name: str, value: str) -> str:
    if name == "min_rating":
        return f"≥ {value}"
    *above, own = value.split(LEVEL) if name == "category" else [value]
    # Levels of a category are indented by figure spaces, because browsers collapse other spaces.
    return "\u2007\u2007" * (len(above) - 1) + ("› " if above else "") + own


def _more_options() -> Html:
    return fill(
        '<button type="button" aria-expanded="false"><span class="closed">{more}</span>'
        '<span class="open">{fewer}</span></button>',
        more=_("Filters and options"),
        fewer=_("Hide filters and options"),
    )


def _examples(engine: SearchEngine, texts: Texts) -> list[gr.Button]:
    if not engine.examples:
        return []
    with gr.Row(elem_classes="e5-examples"):
        html(texts.label("Test queries, as typed:"), "e5-try")  # some are misspelt
        return [
            gr.Button(example, size="sm", variant="secondary", scale=0, min_width=0) for example in engine.examples
        ]


def _filter(facets: Facets, texts: Texts, name: str) -> Component:
    offered, known = facets.offered(name), facets.known(name) / max(facets.rows, 1)
    if name.endswith("_price"):
        return gr.Textbox(
            value=ANY,
            label=texts.label(FIELDS[name]),
            placeholder=texts.each(lambda: _price_hint(known)),
            max_lines=1,
            min_width=150,
            visible=offered,
            elem_classes="e5-price",
        )
    anything = str(texts.label("Any"))
    counted = facets.counts(name, limit=MAX_CHOICES + 1) if offered else []
    return gr.Dropdown(
        choices(facets, name, {}, anything) if offered else [(anything, ANY)],
        value=ANY,
        label=texts.label(FIELDS[name]),
        # Brands beyond MAX_CHOICES can only be typed; for a wrong one the engine answers with similar spellings.
        allow_custom_value=len(counted) > MAX_CHOICES,
        num_choices_shown=None,
        min_width={"category": 210, "min_rating": 150}.get(name, 130),
        scale=2 if name == "category" else 1,
        visible=offered,
    )


def _price_hint(known: float) -> str:
    return _("any") if known == 1 else _("any · known of {percent} %").format(percent=number(100 * known))
