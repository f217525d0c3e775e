"""The dialog that judges a hit of Search or Compare in place."""

import json

import gradio as gr

from space.errors import QueryError, UserError
from space.feedback.judgments import CANNOT_TELL, WITHDRAWN
from space.feedback.people import People
from space.i18n import gettext as _
from space.search.engine import SearchEngine
from space.search.products import row_of
from space.search.request import checked_query
from space.ui.events.areas import html, sent
from space.ui.events.rater import rater_of
from space.ui.html.judging import grade_name
from space.ui.html.markup import EMPTY, Html, fill
from space.ui.html.panels import problem
from space.ui.language import Texts, in_visitors_language
from space.ui.static import script
from space.ui.tabs.judge import JUDGING, Desk, Open
from space.ui.tabs.vote import refusal


def build_judge_dialog(engine: SearchEngine, people: People, texts: Texts) -> gr.HTML:
    """Place the dialog in the current context of Gradio, and connect it to the hits of the page."""
    desk = Desk(engine, people)

    def keep(request: gr.Request, profile: gr.OAuthProfile | None, event: gr.EventData) -> Html:
        rater = rater_of(people.judging, request, profile)
        if rater is None:
            return _answer(event, problem(refusal(people.judging)))
        try:
            return _answer(event, *judge(engine, desk, rater, event))
        except UserError as error:
            return _answer(event, problem(str(error)))
        except OSError:
            return _answer(event, problem(_("Your answer could not be kept.")))

    dialog = html(texts.each(lambda: _words(engine)), "e5-judge-here", script("judge_here"))
    dialog.click(
        in_visitors_language(keep),
        None,
        dialog,
        api_visibility="private",
        trigger_mode="multiple",
        show_progress="hidden",
        **JUDGING,
    )
    return dialog


def judge(engine: SearchEngine, desk: Desk, rater: str, event: gr.EventData) -> tuple[Html, str]:
    """Keep or take back a judgment that a script of the page sent, or look for the one that the rater gave before.

    Returns:
        What is said, and the name of the grade that now counts, "" for none.

    Raises:
        UserError: too many answers in a minute, or a forged query, product or grade.
        OSError: it cannot be written.
    """
    query, grade = checked_query(sent(event, "query")), sent(event, "grade")
    locale, product = sent(event, "locale"), sent(event, "product")
    row = row_of(engine.catalogue, locale, product)
    pair = Open(engine.catalogue["product_locale"][row].as_py(), query, product)
    last = desk.last(rater, pair)
    if sent(event, "does") == "look":
        grade = last
    elif grade in (*engine.scale.names, CANNOT_TELL) or (grade == WITHDRAWN and last):
        desk.keep(rater, pair, grade)
    else:
        raise QueryError(_("there is no such grade"))
    said = _("You said: {grade}").format(grade=grade_name(grade)) if grade else _("Your judgment is taken back.")
    shown = fill('<p role="status">{said}</p>', said=said) if grade or last else EMPTY
    return shown, grade_name(grade) if grade else ""


def _answer(event: gr.EventData, shown: Html, kept: str | None = None) -> Html:
    """What the dialog shows; the script's key goes back, so that it knows which answer this is.

    Args:
        event: from the script.
        shown: what is said.
        kept: the name of the grade that counts, "" for none; None where nothing was changed.
    """
    return fill(
        '<div class="answer" data-key="{key}" data-kept="{kept}" data-done="{done}">{shown}</div>',
        key=sent(event, "key")[:100],
        kept=kept or "",
        done="" if kept is None else "yes",
        shown=shown,
    )


def _words(engine: SearchEngine) -> Html:
    """What static/judge_here.js writes by itself."""
    names = [*((name, name) for name in engine.scale.names), (CANNOT_TELL, _("cannot tell"))]
    return fill(
        '<div class="words" data-heading="{heading}" data-close="{close}" data-grades="{grades}" '
        'data-back="{back}" data-silence="{silence}"></div>',
        heading=_("How well does this product answer"),
        close=_("Close"),
        grades=json.dumps(names),
        back=_("Take back (x)"),
        silence=_("No answer came. Close this, and try again."),
    )
