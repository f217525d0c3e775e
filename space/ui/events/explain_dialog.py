"""The dialog behind each card's "Why?": on request only, since every word costs an encoded query. Knows no reason."""

import gradio as gr

from space.errors import QueryError
from space.search.engine import SearchEngine
from space.search.request import SYSTEMS
from space.ui import links
from space.ui.events.form_events import ALONE
from space.ui.html import cards
from space.ui.html.explanation import reasons
from space.ui.html.markup import Html, fill
from space.ui.static import script


def build_why(engine: SearchEngine, own: gr.State | None = None) -> gr.HTML:
    """Place the dialog where the caller's context is, and connect it to the cards of the whole page.

    Args:
        engine: answers for results that carry a link.
        own: holds the engine of a visitor's own catalogue, which answers for results inside of ``.e5-own``.
    """
    dialog = gr.HTML("", apply_default_css=False, elem_classes="e5-why", js_on_load=script("why"))

    def show(mine: SearchEngine | None, event: gr.EventData) -> Html:
        return answer(mine if getattr(event, "own", False) else engine, event)

    def show_shared(event: gr.EventData) -> Html:
        return answer(engine, event)

    dialog.click(
        show_shared if own is None else show,
        None if own is None else own,
        dialog,
        api_visibility="private",
        trigger_mode="always_last",
        show_progress="hidden",
        **ALONE,
    )
    return dialog


def answer(engine: SearchEngine | None, event: gr.EventData) -> Html:
    """What the dialog shows for a click; the script's key comes back, so that it knows which click was answered."""
    key, link, product, system = (str(getattr(event, name, "")) for name in ("key", "link", "product", "system"))
    asked, _ = links.parse(links.split(link), SYSTEMS)
    query = asked.query or str(getattr(event, "query", ""))
    if engine is None:
        shown = cards.message("this catalogue is no longer kept: load it again")
    else:
        try:
            locale = str(getattr(event, "locale", ""))
            shown = reasons(engine.explain(query, locale, product, system, **asked.filters))
        except QueryError as error:
            shown = cards.message(str(error))
    return fill('<div class="answer" data-key="{key}">{shown}</div>', key=key[:5_000], shown=shown)
