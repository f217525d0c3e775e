"""The page: header, tabs, endpoints, and how it is launched. Knows no command line and no artifact."""

import os
import sys
from importlib.util import find_spec
from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.routing import Route

from space.search.engine import SearchEngine
from space.search.uploaded_catalogue import MAX_BYTES, can_search
from space.ui import unread
from space.ui.events.endpoints import add_endpoints
from space.ui.events.explain_dialog import build_why
from space.ui.events.latest_answer_only import build_turns
from space.ui.guard import Guard
from space.ui.health import Health
from space.ui.html.header import PRODUCT, QUESTION, header
from space.ui.link_events import connect_links
from space.ui.links import TABS
from space.ui.static import STYLE
from space.ui.tabs.compare import build_compare_tab
from space.ui.tabs.data import build_data_tab
from space.ui.tabs.evaluation import build_evaluation_tab
from space.ui.tabs.search import build_search_tab
from space.ui.tabs.statistics import build_statistics_tab, count_opened
from space.ui.tabs.uploaded import OwnTab, build_own_tab
from space.ui.words import I18N, build_words, label

# The visitor's own fonts: a web font would tell a third party of every visit, and make the text jump when it arrives.
_FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
#: Requests that may wait for their turn. On two cores that is some seconds; beyond it a visitor is told at once that
#: the page is busy, which is better than an answer nobody waits for any more.
MAX_WAITING = 100
#: Visits of which Gradio remembers what was entered and shown last, the least recent being forgotten: 0.3 MB each, or
#: what somebody hostile can send in one request. By itself it would remember 10,000.
MAX_VISITS = 1_000
#: Seconds for which a connection that nobody uses stays open. Uvicorn's 5 are as long as some clients keep theirs, so
#: that now and then a question met a connection which was just being closed; proxies keep theirs for a minute.
KEPT_OPEN = 65.0
_MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]


def build_demo(engine: SearchEngine) -> gr.Blocks:
    """The page over an engine, not yet launched.

    Args:
        engine: what answers; it is only read, so that all visitors share it.

    Returns:
        Blocks for ``launch``, or to call in a test.
    """
    with gr.Blocks(title=PRODUCT, analytics_enabled=False) as demo:
        build_words()
        gr.HTML(
            header(len(engine), engine.description, engine.notice, engine.evaluation),
            apply_default_css=False,
            elem_classes="e5-head",
            js_on_load=None,
        )
        turns = build_turns()
        with gr.Tabs() as tabs:
            with gr.Tab(label(TABS["search"]), id="search"):
                search = build_search_tab(engine, turns)
            with gr.Tab(label(TABS["compare"]), id="compare"):
                compare = build_compare_tab(engine, turns)
            own = _own_tab(engine)
            with gr.Tab(label(TABS["evaluation"]), id="evaluation"):
                measured = build_evaluation_tab(engine)
            with gr.Tab(label(TABS["data"]), id="data"):
                build_data_tab(engine)
            with gr.Tab(label(TABS["statistics"]), id="statistics"):
                build_statistics_tab(engine)
        count_opened(engine, [search.output, compare.output])
        connect_links(demo, engine, tabs, search, compare, turns, [measured.output])
        build_why(engine, own.engine if own else None)
        add_endpoints(engine)
    # After every answer Gradio would sum up its last 10,000, 7 ms of a core, for a page that is closed, see guard.py.
    os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(sys.maxsize))
    os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "1")
    # Closed: a request that is posted straight to a function would pass by everyone who waits.
    demo.queue(max_size=MAX_WAITING, api_open=False)
    unread.bound(demo._queue)
    return demo


def _own_tab(engine: SearchEngine) -> OwnTab | None:
    if not can_search(engine):
        return None
    with gr.Tab(label(TABS["own"]), id="own"):
        return build_own_tab(engine)


def launch(engine: SearchEngine, **address: Any) -> gr.Blocks:
    """The page over an engine, launched; ``block_thread`` of it waits for the end.

    Args:
        engine: see ``build_demo``.
        address: of Gradio's ``launch``, what is the caller's: server_name, server_port, share, quiet.
    """
    demo = build_demo(engine)
    demo.launch(prevent_thread_lock=True, **address, **launch_options(engine))
    # Gradio has no argument for it. Read anew for every connection, so it is early enough here.
    demo.server.config.timeout_keep_alive = KEPT_OPEN
    return demo


def launch_options(engine: SearchEngine) -> dict[str, Any]:
    """What Gradio's ``launch()`` needs for the page to look and fail as it should."""
    watched = Route("/healthz", Health(engine).answer)
    return {
        "theme": _theme(),
        "css_paths": [STYLE],
        "i18n": I18N,
        "head": f'<meta name="description" content="{PRODUCT}. {QUESTION}">',
        "footer_links": ["api", "gradio", "settings"],
        # Without the package, which requirements.txt has, Gradio would complain at every start.
        "mcp_server": find_spec("mcp") is not None,
        "app_kwargs": {"middleware": [Middleware(Guard)], "routes": [watched]},
        "max_file_size": MAX_BYTES,
        "state_session_capacity": MAX_VISITS,
        "show_error": False,  # an unforeseen exception goes to the log; what a visitor can cure is said in the page
    }


def _theme() -> gr.themes.Base:
    """Gradio's default in our colours; contrasts of text are at least 4.5 to 1 in light and dark."""
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
        color_accent="*primary_700",  # style.css has the one for dark: this variable knows no dark variant
        slider_color="*primary_700",
        slider_color_dark="*primary_400",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
    )
