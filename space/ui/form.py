"""The inputs that the tabs share: query, k, filters, examples. Knows no result."""

from dataclasses import dataclass

import gradio as gr

from space.search import FILTERS, MAX_K, SearchEngine

#: A catalogue can have 100,000 brands; a page can not. The rest is reached by typing.
MAX_CHOICES = 500
LABELS = {"locale": "Locale", "brand": "Brand", "color": "Colour"}
ANY = ""
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
        filters: {name: dropdown}, in the order of ``FILTERS``; one for which the catalogue has no value is hidden.
        examples: a button per example query, its label being the query.
    """

    query: gr.Textbox
    submit: gr.Button
    k: gr.Slider
    filters: dict[str, gr.Dropdown]
    examples: list[gr.Button]


def build_form(engine: SearchEngine, submit: str, system: gr.Radio | None = None) -> Form:
    """Lay out the form where the caller's context is.

    Args:
        engine: for the values of the filters and the examples.
        submit: what the button says.
        system: a component to place between query and filters, made with ``render=False``.
    """
    with gr.Row(elem_classes="e5-ask", equal_height=True):
        query = gr.Textbox(
            label="Query",
            placeholder="What are you looking for?",
            lines=1,
            max_lines=1,
            show_label=False,
            container=False,
            scale=5,
            min_width=240,
            elem_classes="e5-query",
        )
        button = gr.Button(submit, variant="primary", scale=0, min_width=120, elem_classes="e5-go")
    examples = _examples(engine)
    with gr.Row(elem_classes=["e5-options"] if system is not None else ["e5-options", "e5-plain"]):
        if system is not None:
            system.render()
        k = gr.Slider(
            1, MAX_K, value=10, step=1, precision=0, label="Results", min_width=170, buttons=[], elem_classes="e5-k"
        )
        filters = {name: _filter(engine, name) for name in FILTERS}
    gr.HTML(_MORE, apply_default_css=False, js_on_load=_FOLD, elem_classes="e5-more")
    return Form(query, button, k, filters, examples)


def _examples(engine: SearchEngine) -> list[gr.Button]:
    if not engine.examples:
        return []
    with gr.Row(elem_classes="e5-examples"):
        gr.HTML("Try", apply_default_css=False, js_on_load=None, elem_classes="e5-try")
        return [
            gr.Button(example, size="sm", variant="secondary", scale=0, min_width=0) for example in engine.examples
        ]


def _filter(engine: SearchEngine, name: str) -> gr.Dropdown:
    choices = [(value, count) for value, count in engine.choices(name) if value]
    shown = [(f"{value} ({count:,})", value) for value, count in choices[:MAX_CHOICES]]
    return gr.Dropdown(
        [("Any", ANY), *shown],
        value=ANY,
        label=LABELS[name],
        # Typing is the only way to what is not listed; a wrong value gets the engine's message with near spellings.
        allow_custom_value=len(choices) > MAX_CHOICES,
        num_choices_shown=None,
        min_width=130,
        visible=bool(choices),
    )
