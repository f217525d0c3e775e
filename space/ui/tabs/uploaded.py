"""The tab that searches a visitor's own small catalogue. Keeps it in the state of the visit, and nowhere else."""

import base64
import binascii
import time
from dataclasses import dataclass
from typing import Any

import gradio as gr

from space.errors import UserError
from space.search import uploaded_catalogue
from space.search.engine import SearchEngine
from space.ui.events.form_events import ALONE, result_area
from space.ui.html import cards, comparison
from space.ui.html.markup import Html, fill
from space.ui.static import script
from space.ui.words import label

#: Embedding 2,000 products takes the better part of a minute of every core: one visitor at a time, and never in the
#: places that searches wait for.
EMBEDDING = {"concurrency_limit": 1, "concurrency_id": "own"}
KEPT_SECONDS = 3600
K = 10
WELCOME = "Your products, found by base, fine-tuned and BM25 side by side, appear here."
_ABOUT = fill(
    '<p class="about-own">Paste a table or choose a CSV file: at most {rows} rows and {megabytes} MB, separated by '
    "comma, semicolon or tab. The first line names the columns: <b>title</b> or <b>name</b>, and if you have them "
    "<b>id</b>, <b>brand</b>, <b>color</b>. It stays in this server’s memory for this visit, an hour at most, and is "
    "never written to its disk.</p>",
    rows=f"{uploaded_catalogue.MAX_ROWS:,}",
    megabytes=uploaded_catalogue.MAX_BYTES // 1_000_000,
)
_CHOOSE = (
    '<label class="choose"><input type="file" accept=".csv,.tsv,.txt,text/csv,text/plain">'
    "<span>Choose a CSV file, or drop it here</span></label>"
)


@dataclass(frozen=True)
class OwnTab:
    """What others need of the tab: the state that holds the visitor's engine, or None."""

    engine: gr.State


def build_own_tab(engine: SearchEngine) -> OwnTab:
    """Lay out the tab where the caller's context is, and connect it; ``engine`` lends its encoders."""
    mine = gr.State(None, time_to_live=KEPT_SECONDS)
    with gr.Column(elem_classes="e5-own"):
        gr.HTML(_ABOUT, apply_default_css=False, js_on_load=None, elem_classes="e5-own-about")
        text = gr.Textbox(
            label=label("Your table"),
            placeholder="title,brand,color\nRed running shoes,Acme,red\nCeramic coffee mug,Earthen,white",
            lines=5,
            max_lines=9,
            elem_classes="e5-own-text",
        )
        with gr.Row(elem_classes="e5-own-ways"):
            load = gr.Button(label("Load this table"), variant="primary", scale=0, min_width=170)
            choose = gr.HTML(
                _CHOOSE,
                apply_default_css=False,
                elem_classes="e5-own-choose",
                js_on_load=script("own").replace("MAX_BYTES", str(uploaded_catalogue.MAX_BYTES)),
            )
            example = gr.Button(label("Use an example"), variant="secondary", scale=0, min_width=170)
            forget = gr.Button(label("Forget it"), variant="secondary", scale=0, min_width=100, visible=False)
        status = gr.HTML("", apply_default_css=False, elem_classes=["e5-out", "e5-own-status"], js_on_load=None)
        with gr.Row(elem_classes="e5-ask", equal_height=True, visible=False) as asking:
            query = gr.Textbox(
                label=label("Query"),
                placeholder=label("What are you looking for in your catalogue?"),
                max_lines=1,
                show_label=False,
                container=False,
                scale=5,
                min_width=240,
                elem_classes="e5-query",
            )
            search = gr.Button(label("Compare"), variant="primary", scale=0, min_width=120, elem_classes="e5-go")
        output = result_area(WELCOME)

    def take(data: bytes, source: str, progress: gr.Progress, ask_first: str = "") -> dict[Any, Any]:
        start = time.perf_counter()
        try:
            products = uploaded_catalogue.parse(data, source)
            found = uploaded_catalogue.embed(
                engine,
                products,
                lambda done, total: progress((done, total), desc="Embedding", unit="products"),
            )
        except UserError as error:
            return {status: cards.message(str(error))}
        return {
            mine: found,
            status: loaded(len(found), source, time.perf_counter() - start),
            asking: gr.Row(visible=True),
            forget: gr.Button(visible=True),
            query: ask_first,
            output: answer(found, ask_first) if ask_first else cards.welcome("Now ask for something in it."),
        }

    def take_text(pasted: str, progress: gr.Progress = gr.Progress()) -> dict[Any, Any]:  # noqa: B008 - Gradio's way
        return take((pasted or "").encode("utf-8", "replace"), "your table", progress)

    def take_file(event: gr.EventData, progress: gr.Progress = gr.Progress()) -> dict[Any, Any]:  # noqa: B008
        try:
            data = contents(event._data)
        except UserError as error:
            return {status: cards.message(str(error))}
        return take(data, file_name(event._data), progress)

    def take_example(progress: gr.Progress = gr.Progress()) -> dict[Any, Any]:  # noqa: B008
        found = take(
            uploaded_catalogue.EXAMPLE.encode(),
            uploaded_catalogue.EXAMPLE_NAME,
            progress,
            uploaded_catalogue.EXAMPLE_QUERY,
        )
        return found | {text: uploaded_catalogue.EXAMPLE}

    def drop() -> dict[Any, Any]:
        said = fill('<p class="loaded" role="status">Forgotten: nothing of it is left on this server.</p>')
        return {
            mine: None,
            status: said,
            asking: gr.Row(visible=False),
            forget: gr.Button(visible=False),
            query: "",
            text: "",
            output: cards.welcome(WELCOME),
        }

    private: dict[str, Any] = {"api_visibility": "private", "trigger_mode": "always_last"}
    outputs = [mine, status, asking, forget, query, output, text]
    embedding = private | {"show_progress": "full", "show_progress_on": status, **EMBEDDING}
    load.click(take_text, text, outputs, **embedding)
    choose.upload(take_file, None, outputs, **embedding)
    example.click(take_example, None, outputs, **embedding)
    forget.click(drop, None, outputs, queue=False, **private)
    gr.on([query.submit, search.click], answer, [mine, query], output, show_progress="minimal", **private, **ALONE)
    return OwnTab(mine)


def answer(engine: SearchEngine | None, query: str) -> Html:
    """A comparison over the visitor's products, errors included."""
    if engine is None:
        return cards.message(f"this catalogue is no longer kept ({KEPT_SECONDS // 60} minutes at most): load it again")
    try:
        found = engine.compare(query, K)
    except UserError as error:
        return cards.message(str(error))
    return fill('<div data-query="{query}">{found}</div>', query=found.query, found=comparison.comparison(found))


def loaded(products: int, source: str, seconds: float) -> Html:
    """That it went well."""
    return fill(
        '<p class="loaded" role="status"><strong>{count}</strong> from {source}, embedded with both encoders in '
        "{seconds} s.</p>",
        count=cards.counted(products, "product"),
        source=source,
        seconds=f"{seconds:.1f}",
    )


def file_name(sent: dict[str, Any]) -> str:
    """What to call the file in messages."""
    return f"“{str(sent.get('name') or 'file')[:80]}”"


def contents(sent: dict[str, Any]) -> bytes:
    """The bytes of a file as own.js sends them; larger ones come as their size alone.

    Raises:
        UserError: too large, or it did not arrive.
    """
    size, data = sent.get("size"), sent.get("data")
    if isinstance(size, int) and size > uploaded_catalogue.MAX_BYTES:
        raise uploaded_catalogue.too_large(file_name(sent), size)
    try:
        return base64.b64decode(str(data).rpartition(",")[2], validate=True) if size else b""
    except binascii.Error as error:
        raise UserError(f"{file_name(sent)}: did not arrive whole; choose it again") from error
