"""The dialog behind "Why?" on each card; an explanation is made on request, since every word costs an encoding."""

import gradio as gr

from space.errors import QueryError
from space.i18n import gettext as _
from space.search.engine import SearchEngine
from space.search.kept_catalogues import KeptCatalogues
from space.ui import links
from space.ui.events.areas import html, sent
from space.ui.events.form_events import ALONE
from space.ui.html.explanation import reasons
from space.ui.html.markup import Html, fill
from space.ui.html.panels import problem
from space.ui.language import Texts, in_visitors_language
from space.ui.static import script


def build_explain_dialog(engine: SearchEngine, texts: Texts, own: KeptCatalogues) -> gr.HTML:
    """Place the dialog in the current context of Gradio, and connect it to the cards of the whole page.

    Args:
        engine: answers for results that carry a link.
        texts: of the page.
        own: visitors' own catalogues, which answer for results inside of ``.e5-own``.
    """
    dialog = html(texts.each(_words), "e5-why", script("why"))

    def show(visitor: gr.Request, event: gr.EventData) -> Html:
        return answer(own.get(visitor.session_hash or "") if sent(event, "own") else engine, event)

    dialog.click(
        in_visitors_language(show),
        None,
        dialog,
        api_visibility="private",
        trigger_mode="always_last",
        show_progress="hidden",
        **ALONE,
    )
    return dialog


def answer(engine: SearchEngine | None, event: gr.EventData) -> Html:
    """What the dialog shows for a click; the script's key goes back, so that it knows which click was answered."""
    if engine is None:
        shown = problem(_("this catalogue is no longer kept: load it again"))
    else:
        asked, _notes = links.parse(links.split(sent(event, "link")), engine.roles)
        query = asked.query or sent(event, "query")
        try:
            product = sent(event, "locale"), sent(event, "product")
            shown = reasons(engine.explain(query, *product, sent(event, "system"), **asked.filters))
        except QueryError as error:
            shown = problem(str(error))
    return fill('<div class="answer" data-key="{key}">{shown}</div>', key=sent(event, "key")[:100], shown=shown)


def _words() -> Html:
    """What static/why.js writes by itself."""
    return fill(
        '<div class="words" data-heading="{heading}" data-close="{close}" data-waiting="{waiting}" '
        'data-silence="{silence}"></div>',
        heading=_("Why this result?"),
        close=_("Close"),
        waiting=_("Leaving out one part after the other…"),
        silence=_("No answer came. Close this, and try again."),
    )
