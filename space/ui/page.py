"""The page: header, tabs and endpoints, and how it is launched."""

import logging
import os
import sys
from collections import Counter
from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Route

from space.feedback.people import People
from space.search.batching import MAX_BATCH
from space.search.engine import SearchEngine
from space.search.kept_catalogues import KeptCatalogues
from space.search.uploaded_catalogue import MAX_BYTES, can_search
from space.ui import connections, visits
from space.ui.events.areas import html
from space.ui.events.endpoints import add_endpoints
from space.ui.events.explain_dialog import build_explain_dialog
from space.ui.events.latest_answer_only import build_latest
from space.ui.file_data import NoFileData, switch_downloads_off
from space.ui.first_paint import FirstPaint
from space.ui.guard import Guard
from space.ui.health import Health
from space.ui.hosts import Hosts
from space.ui.html.header import PRODUCT, header
from space.ui.html.tour import tour
from space.ui.language import Texts
from space.ui.link_events import connect_links
from space.ui.links import TABS
from space.ui.queue_bounds import MAX_WAITING, Listeners, Places, QueueBounds
from space.ui.static import STYLE, script
from space.ui.tabs.compare import build_compare_tab
from space.ui.tabs.data import build_data_tab
from space.ui.tabs.evaluation import build_evaluation_tab
from space.ui.tabs.first_view import build_first_view
from space.ui.tabs.judge import build_judge_tab, can_judge
from space.ui.tabs.judge_here import build_judge_dialog
from space.ui.tabs.search import build_search_tab
from space.ui.tabs.statistics import build_statistics_tab, count_opened
from space.ui.tabs.uploaded import build_own_tab
from space.ui.tabs.vote import build_vote_tab, can_vote
from space.ui.unforeseen import Page, Unforeseen, first_lines_of_mcp
from space.ui.verdict_card import PATH, VerdictCard

# Fonts of the system: a web font would tell its server of every visit, and move the text when it arrives.
_FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
_MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]
#: Visits whose state Gradio keeps, the least recently used being dropped: 0.3 MB each, or up to one large request.
#: Gradio's default is 10,000.
MAX_VISITS = 1_000
#: Seconds for which an idle connection stays open. With Uvicorn's 5 a client that keeps connections for 5 seconds too
#: may send a question on one that is just being closed. Proxies keep theirs for a minute.
KEPT_OPEN = 65.0


def build_demo(engine: SearchEngine, texts: Texts | None = None, people: People | None = None) -> Page:
    """The page over an engine, not yet launched.

    Args:
        engine: answers all visitors; it is only read.
        texts: receives the fixed texts of the page, for ``launch_options``.
        people: takes the answers of voters and judges; None asks nothing.

    Returns:
        Blocks for ``launch``, or to call in a test.
    """
    switch_downloads_off()
    logging.getLogger().addFilter(first_lines_of_mcp)
    texts = texts or Texts()
    with Page(title=PRODUCT, analytics_enabled=False) as demo:
        gr.HTML(
            texts.each(
                lambda: header(len(engine), engine.description, engine.notice, engine.evaluation, engine.elsewhere)
            ),
            apply_default_css=False,
            elem_classes="e5-head",
            js_on_load=None,
        )
        latest = build_latest()
        with gr.Tabs(overflow_behavior="wrap") as tabs:
            with gr.Tab(texts.label(TABS["search"]), id="search"):
                search = build_search_tab(engine, texts, latest, judging=can_judge(engine, people))
            with gr.Tab(texts.label(TABS["compare"]), id="compare"):
                compare = build_compare_tab(engine, texts, latest, judging=can_judge(engine, people))
            own = KeptCatalogues()
            if can_search(engine):
                with gr.Tab(texts.label(TABS["own"]), id="own"):
                    build_own_tab(engine, texts, own)
            if can_vote(engine, people):
                with gr.Tab(texts.label(TABS["vote"]), id="vote"):
                    build_vote_tab(engine, people, texts)
            if can_judge(engine, people):
                with gr.Tab(texts.label(TABS["judge"]), id="judge"):
                    build_judge_tab(engine, people, texts)
            with gr.Tab(texts.label(TABS["evaluation"]), id="evaluation"):
                measured = build_evaluation_tab(engine, texts, people)
            with gr.Tab(texts.label(TABS["data"]), id="data"):
                build_data_tab(engine, texts)
            with gr.Tab(texts.label(TABS["statistics"]), id="statistics"):
                build_statistics_tab(engine, texts)
        count_opened(engine, [search.output.seen, compare.output.seen])
        asking = {"search": search, "compare": compare}
        connect_links(demo, engine, tabs, asking, latest, [measured], build_first_view(engine))
        build_explain_dialog(engine, texts, own)
        html(texts.each(partial(tour, tuning=engine.roles.is_tuning)), "e5-tour", script("links", "tour"))
        if can_judge(engine, people):
            build_judge_dialog(engine, people, texts)
        add_endpoints(engine)
    # After every answer Gradio would sum up its last 10,000 ones, 7 ms of a core, for a page that guard.py closes.
    os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(sys.maxsize))
    os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "1")
    # api_open=False: an endpoint to which a request is posted directly would not wait in the queue.
    demo.queue(max_size=MAX_WAITING, api_open=False)
    demo.listening, demo.places = Counter(), Places()
    QueueBounds(demo._queue, demo.listening)  # Gradio 6.31 has no public way to it, see there
    return demo


def launch(
    engine: SearchEngine,
    *,
    root_path: str = "",
    frame_ancestors: Sequence[str] = (),
    images: bool = True,
    people: People | None = None,
    **address: Any,
) -> gr.Blocks:
    """The page over an engine, launched; its ``block_thread`` waits for the end.

    Args:
        engine: see ``build_demo``.
        root_path: the path at which a proxy shows the page, such as ``/shop``, or its whole address.
        frame_ancestors: further sites that may show the page in a frame.
        images: show pictures from other sites.
        people: see ``build_demo``.
        address: arguments of Gradio's ``launch`` that the caller chooses: server_name, server_port, share, quiet.
    """
    texts = Texts()
    demo = build_demo(engine, texts, people)
    hosts = Middleware(
        Hosts, host=address.get("server_name") or "", root_path=root_path, share=bool(address.get("share"))
    )
    options = launch_options(engine, texts, root_path, frame_ancestors, images, people)
    options["app_kwargs"]["middleware"][:0] = [hosts, Middleware(Listeners, visits=demo.listening)]
    demo.launch(prevent_thread_lock=True, root_path=root_path, **address, **options)
    visits.keep_little(demo)
    # Gradio 6.31 has no arguments for these. Uvicorn reads them for every new connection, so they can be set after the
    # start. Without the first some questions fail, see KEPT_OPEN.
    uvicorn = demo.server.config
    uvicorn.timeout_keep_alive = KEPT_OPEN
    uvicorn.http_protocol_class = connections.bounded(uvicorn.http_protocol_class, connections.raise_file_limit())
    return demo


def launch_options(
    engine: SearchEngine,
    texts: Texts,
    root_path: str = "",
    frame_ancestors: Sequence[str] = (),
    images: bool = True,
    people: People | None = None,
) -> dict[str, Any]:
    """The other arguments of Gradio's ``launch()``: looks, translations, limits, health check."""
    guard = Middleware(Guard, frame_ancestors=frame_ancestors, root_path=root_path, images=images)
    # Gradio compresses files only. An answer of 70 kB becomes 9 kB in .2 ms; streams stay as they are.
    compressed = Middleware(GZipMiddleware, minimum_size=2_000, compresslevel=3)
    first = Middleware(FirstPaint, engine=engine, root_path=root_path)
    watched = Route("/healthz", Health(engine).answer)
    return {
        "theme": _theme(),
        "css_paths": [STYLE],
        "i18n": texts,
        "footer_links": ["api", "gradio", "settings"],
        "run_history": False,  # else every answer is copied into the storage of the browser
        # The package is in requirements.txt; without it Gradio would print a warning at every start.
        "mcp_server": find_spec("mcp") is not None,
        "app_kwargs": {
            "middleware": [guard, compressed, Middleware(Unforeseen), Middleware(NoFileData), first],
            "routes": [watched, Route(PATH, VerdictCard(engine, people).answer)],
        },
        "max_file_size": MAX_BYTES,
        # Gradio's default of 40 would be taken by the searches of programs, in the queue, and those of the page.
        "max_threads": 2 * MAX_BATCH + 16,
        "state_session_capacity": MAX_VISITS,
        "show_error": False,  # an unexpected exception goes to the log; the page shows only what a visitor can mend
    }


def _theme() -> gr.themes.Base:
    """Gradio's default theme in our colours; text has a contrast of at least 4.5 to 1 in light and dark."""
    return gr.themes.Default(
        primary_hue=gr.themes.colors.teal,
        secondary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.slate,
        radius_size=gr.themes.sizes.radius_md,
        font=_FONTS,
        font_mono=_MONO,
    ).set(
        body_background_fill="*neutral_50",
        body_text_color_subdued="*neutral_600",
        block_title_text_color="*neutral_700",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
        input_border_color_focus="*primary_600",
        input_border_color_focus_dark="*primary_400",
        color_accent="*primary_700",  # its value for dark is in style.css, since Gradio has no variable for it
        slider_color="*primary_700",
        slider_color_dark="*primary_400",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_800",
    )
