"""The tab that searches a visitor's own small catalogue, which stays in memory and is shown to that visitor only."""

import base64
import binascii
import time
from collections.abc import Sequence
from typing import Any

import gradio as gr

from space.errors import UserError
from space.i18n import N_, number
from space.i18n import gettext as _
from space.search import uploaded_catalogue
from space.search.engine import SearchEngine
from space.search.kept_catalogues import IN_USE_SECONDS, KEPT_SECONDS, KeptCatalogues
from space.ui.events.areas import html, result_area, sent
from space.ui.events.form import query_box
from space.ui.events.form_events import ALONE
from space.ui.html import comparison, names
from space.ui.html.markup import Html, fill, join
from space.ui.html.panels import problem, welcome
from space.ui.language import Texts, in_visitors_language
from space.ui.static import script
from space.ui.tabs.judging import build_judging

#: Embedding 2,000 products keeps all cores busy for most of a minute: one visitor at a time, in a queue of its own.
EMBEDDING = {"concurrency_limit": 1, "concurrency_id": "own"}
K = 10
WELCOME = N_("Your products, found by base, fine-tuned and BM25 side by side, appear here.")
WELCOME_OF_OTHERS = N_("Your products, found by the encoders of this page and BM25 side by side, appear here.")


def build_own_tab(engine: SearchEngine, texts: Texts, kept: KeptCatalogues) -> None:
    """Lay out the tab in the current context of Gradio, and connect it.

    Args:
        engine: lends its encoders.
        texts: of the page.
        kept: keeps the visitors' catalogues.
    """
    with gr.Column(elem_classes="e5-own"):
        html(texts.each(_about), "e5-own-about")
        text = gr.Textbox(
            label=texts.label("Your table"),
            placeholder="title,brand,color\nRed running shoes,Acme,red\nCeramic coffee mug,Earthen,white",
            lines=5,
            max_lines=9,
            elem_classes="e5-own-text",
        )
        with gr.Row(elem_classes="e5-own-ways"):
            load = gr.Button(texts.label("Load this table"), variant="primary", scale=0, min_width=170)
            # Not gr.UploadButton: Gradio 6.31 writes every upload to the server's disk, which this tab promises not to
            # do, and needs the address /upload, where anyone could fill the disk (closed in guard.py). Instead own.js
            # reads the file in the browser and sends its content with the event.
            reading = script("own").replace("MAX_BYTES", str(uploaded_catalogue.MAX_BYTES))
            choose = html(texts.each(_choose), "e5-own-choose", reading)
            example = gr.Button(texts.label("Use an example"), variant="secondary", scale=0, min_width=170)
            forget = gr.Button(texts.label("Forget it"), variant="secondary", scale=0, min_width=100, visible=False)
        status = html("", ["e5-out", "e5-own-status"])
        with gr.Row(elem_classes="e5-ask", equal_height=True, visible=False) as asking:
            query, search = query_box(texts, N_("What are you looking for in your catalogue?"), N_("Compare"))
        about = WELCOME if engine.roles.is_tuning else WELCOME_OF_OTHERS
        output = result_area(texts, about, "own")
        both = len(engine.roles.encoders) > 1
        judging, ratings, figures = build_judging(texts, kept, lambda: answer(None, ""), both=both)

    def take(visitor: gr.Request, data: bytes, source: str, progress: gr.Progress, ask: str = "") -> dict[Any, Any]:
        start, visit = time.perf_counter(), visitor.session_hash or ""
        try:
            upload = uploaded_catalogue.parse(data, source)
            kept.make_room(visit, len(upload.products))
            found = uploaded_catalogue.embed(
                engine,
                upload.products,
                lambda done, total: progress((done, total), desc=_("Embedding"), unit=_("products")),
            )
        except UserError as error:
            return {status: failed(error, kept.get(visit))}
        kept.put(visit, found)
        return {
            status: loaded(len(found), source, time.perf_counter() - start, upload.notes, both=both),
            asking: gr.Row(visible=True),
            judging: gr.Column(visible=True),
            figures: "",
            forget: gr.Button(visible=True),
            query: ask,
            output.found: answer(found, ask) if ask else welcome(_("Now ask for something in it.")),
        }

    def take_text(
        pasted: str,
        visitor: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - Gradio's way
    ) -> dict[Any, Any]:
        return take(visitor, (pasted or "").encode("utf-8", "replace"), _("your table"), progress)

    def take_file(visitor: gr.Request, event: gr.EventData, progress: gr.Progress = gr.Progress()) -> dict[Any, Any]:  # noqa: B008
        name = file_name(sent(event, "name"))
        try:
            data = contents(name, sent(event, "size"), sent(event, "data"))
        except UserError as error:
            return {status: failed(error, kept.get(visitor.session_hash or ""))}
        return take(visitor, data, name, progress)

    def take_example(visitor: gr.Request, progress: gr.Progress = gr.Progress()) -> dict[Any, Any]:  # noqa: B008
        found = take(
            visitor,
            uploaded_catalogue.EXAMPLE.encode(),
            _(uploaded_catalogue.EXAMPLE_NAME),
            progress,
            uploaded_catalogue.EXAMPLE_QUERY,
        )
        return found | {text: uploaded_catalogue.EXAMPLE}

    def drop(visitor: gr.Request) -> dict[Any, Any]:
        kept.drop(visitor.session_hash or "")
        return {
            status: _loaded(_("Forgotten: nothing of it is left on this server.")),
            asking: gr.Row(visible=False),
            judging: gr.Column(visible=False),
            figures: "",
            ratings: "",
            forget: gr.Button(visible=False),
            query: "",
            text: "",
            output.found: welcome(_(about)),
        }

    private: dict[str, Any] = {"api_visibility": "private", "trigger_mode": "always_last"}
    outputs = [status, asking, forget, query, output.found, text, judging, ratings, figures]
    embedding = private | {"show_progress": "full", "show_progress_on": status, **EMBEDDING}
    load.click(in_visitors_language(take_text), text, outputs, **embedding)
    choose.upload(in_visitors_language(take_file), None, outputs, **embedding)
    example.click(in_visitors_language(take_example), None, outputs, **embedding)
    forget.click(in_visitors_language(drop), None, outputs, queue=False, show_progress_on=status, **private)

    def ask(asked: str, visitor: gr.Request) -> Html:
        return answer(kept.get(visitor.session_hash or ""), asked)

    gr.on(
        [query.submit, search.click],
        in_visitors_language(ask),
        query,
        output.found,
        show_progress="minimal",
        show_progress_on=output.seen,
        **private,
        **ALONE,
    )


def answer(engine: SearchEngine | None, query: str) -> Html:
    """A comparison over the visitor's products, errors included."""
    if engine is None:
        said = _(
            "this catalogue is no longer kept: it was not used for {minutes} minutes, or for {few} while others "
            "needed the room, or the server was started again; load it again"
        )
        return problem(said.format(minutes=KEPT_SECONDS // 60, few=IN_USE_SECONDS // 60))
    try:
        found = engine.compare(query, K)
    except UserError as error:
        return problem(str(error))
    return fill('<div data-query="{query}">{found}</div>', query=found.query, found=comparison.comparison(found))


def loaded(products: int, source: str, seconds: float, notes: Sequence[str] = (), *, both: bool = True) -> Html:
    """How many products were loaded, how long it took, and what was read of the file.

    Args:
        products: how many.
        source: the name of the file.
        seconds: that it took.
        notes: of ``space.search.uploaded_catalogue.Upload``.
        both: with two encoders, and not with the only one of the page.
    """
    said = fill(
        _("<strong>{products}</strong> from {source}, embedded with both encoders in {seconds} s.")
        if both
        else _("<strong>{products}</strong> from {source}, embedded in {seconds} s."),
        products=names.products(products),
        source=source,
        seconds=number(seconds, 1),
    )
    return _loaded(join([said, *(fill("<br>{note}", note=note[:1].upper() + note[1:] + ".") for note in notes)]))


def failed(error: UserError, before: SearchEngine | None) -> Html:
    """Why a table was not loaded, and that the one before, if any, is still there."""
    if before is None:
        return problem(str(error))
    return problem(_("{error}. The table loaded before is still searched.").format(error=error))


def file_name(name: str) -> str:
    """What to call the file in messages."""
    shown = name or _("file")  # not in the f-string: babel does not look into those on Python 3.12
    return f"“{shown[:80]}”"


def contents(name: str, size: str, data: str) -> bytes:
    """The bytes of a file.

    Args:
        name: what to call it in messages.
        size: in bytes, as digits.
        data: a data URL, "" for a file that is too large to be sent.

    Raises:
        UserError: too large, or incomplete.
    """
    bytes_ = int(size[:12]) if size.isdecimal() else 0
    if bytes_ > uploaded_catalogue.MAX_BYTES:
        raise uploaded_catalogue.too_large(name, bytes_)
    try:
        return base64.b64decode(data.rpartition(",")[2], validate=True) if bytes_ else b""
    except binascii.Error as error:
        raise UserError(_("{file}: did not arrive whole; choose it again").format(file=name)) from error


def _about() -> Html:
    said = _(
        "Paste a table or choose a CSV file: at most {rows} rows and {megabytes} MB, separated by comma, semicolon or "
        "tab. The first line names the columns: <b>title</b> or <b>name</b>, and if you have them <b>id</b>, "
        "<b>brand</b>, <b>color</b>. It stays in this server’s memory for this visit, an hour at most, and is never "
        "written to its disk."
    )
    megabytes = uploaded_catalogue.MAX_BYTES // 1_000_000
    return fill(
        '<p class="about-own">{said}</p>',
        said=fill(said, rows=number(uploaded_catalogue.MAX_ROWS), megabytes=megabytes),
    )


def _choose() -> Html:
    return fill(
        '<label class="choose"><input type="file" accept=".csv,.tsv,.txt,text/csv,text/plain"><span>{said}</span>'
        "</label>",
        said=_("Choose a CSV file, or drop it here"),
    )


def _loaded(said: str) -> Html:
    return fill('<p class="loaded" role="status">{said}</p>', said=said)
