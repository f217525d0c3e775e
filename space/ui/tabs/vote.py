"""The tab that asks which of two lists is better, without saying which system made which."""

from functools import partial
from typing import Any

import gradio as gr

from space.errors import UserError
from space.feedback.ballots import ANSWERS, Ballot, Pair
from space.feedback.people import People
from space.feedback.raters import Access
from space.feedback.tally import tally
from space.i18n import N_
from space.i18n import gettext as _
from space.search.engine import SearchEngine
from space.search.people import asked_as, lists_of, next_query, pairs
from space.search.request import checked_query
from space.ui.events.areas import html, report_area
from space.ui.events.form_events import ENGINE
from space.ui.events.rater import rater_of
from space.ui.html import ballot as ballots
from space.ui.html.markup import Html
from space.ui.html.names import system_name
from space.ui.html.panels import problem, status, welcome
from space.ui.language import Texts, in_visitors_language
from space.ui.static import script

WELCOME = N_(
    "Two lists for one query, A and B. After your vote you are told which system made which. Your answers are kept "
    "with a random name for this visit, or with your user name if you log in."
)
WAITING = N_("Counting votes …")
LOG_IN = N_("Log in with your Hugging Face account to answer here. Your user name is kept with your answers.")
CLOSED = N_("You may not answer here: the owner of this page has named who may.")
ALL_DONE = N_("You have voted on every held-out query. Type a query of your own, or choose another pair.")
ALL_ASKED = N_("You have voted on every query. Type a query of your own, or choose another pair.")
GONE = N_("This question is no longer open: go on with the next one.")
VOTED = N_("You have voted on this query before; the first vote counts.")


def refusal(access: Access) -> str:
    """Why a visitor may not answer, and what to do."""
    return _(LOG_IN) if access.mode == "login" else _(CLOSED)


def can_vote(engine: SearchEngine, people: People | None) -> bool:
    """Whether the page asks for votes."""
    return people is not None and people.voting.mode != "off" and bool(pairs(engine))


def build_vote_tab(engine: SearchEngine, people: People, texts: Texts) -> None:
    """Lay out the tab in the current context of Gradio, and connect it."""
    known = {f"{pair.first} {pair.second}": pair for pair in pairs(engine)}
    with gr.Column(elem_classes=["e5-answers", "e5-vote"]):
        ask = gr.Button(texts.label("Next query (n)"), variant="primary", scale=0, min_width=170, elem_classes="key-n")
        with gr.Accordion(texts.label("Other systems, or a query of your own"), open=False):
            chosen = gr.Radio(
                [(str(texts.each(partial(_pair_name, pair))), name) for name, pair in known.items()],
                value=next(iter(known)),
                label=texts.label("Systems to compare"),
            )
            typed = gr.Textbox(
                label=texts.label("A query of your own"),
                placeholder=texts.label("empty: a query of the list")
                if people.queries
                else texts.label("empty: a held-out query"),
                max_lines=1,
            )
        if people.voting.mode == "login":
            gr.LoginButton(texts.label("Sign in with Hugging Face"))
        number = gr.State("")
        with gr.Row(visible=False, elem_classes="e5-choices") as choices:
            buttons = {
                answer: gr.Button(
                    texts.each(partial(_labelled, words, place)), elem_classes=f"key-{place}", min_width=130
                )
                for place, (answer, words) in enumerate(ballots.CHOICES.items(), start=1)
            }
        area = html(texts.each(lambda: welcome(_(WELCOME))), ["e5-out", "e5-ballot"], script("answer_keys"))
        result = report_area(
            texts,
            lambda: result_of(engine, people, next(iter(known.values()))),
            WAITING,
            classes=["e5-out", "e5-votes"],
            always=True,
        )

    def deal(name: str, text: str, request: gr.Request, profile: gr.OAuthProfile | None) -> tuple[Any, ...]:
        rater = rater_of(people.voting, request, profile)
        pair = known.get(name) or next(iter(known.values()))
        try:
            ballot = deal_ballot(engine, people, pair, rater, request.session_hash or "", text or "")
            if isinstance(ballot, str):
                return "", status(ballot), gr.Row(visible=False)
            found = lists_of(engine, ballot.locale, ballot.query, [pair.first, pair.second])
        except UserError as error:
            return "", problem(str(error)), gr.Row(visible=False)
        return ballot.number, ballots.blind(ballot, found), gr.Row(visible=True)

    def vote(answer: str) -> Any:
        def handle(held: str, name: str, request: gr.Request, profile: gr.OAuthProfile | None) -> tuple[Any, ...]:
            rater = rater_of(people.voting, request, profile)
            pair = known.get(name) or next(iter(known.values()))
            try:
                shown = answered(engine, people, rater, request.session_hash or "", held, answer)
            except (UserError, OSError) as error:
                shown = problem(str(error) if isinstance(error, UserError) else _("Your answer could not be kept."))
            return "", shown, gr.Row(visible=False), result_of(engine, people, pair)

        return handle

    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "minimal", "show_progress_on": area}
    outputs = [number, area, choices]
    gr.on([ask.click, typed.submit], in_visitors_language(deal), [chosen, typed], outputs, **private, **ENGINE)
    for answer, button in buttons.items():
        button.click(in_visitors_language(vote(answer)), [number, chosen], [*outputs, result], **private, **ENGINE)

    def recount(name: str) -> Html:
        return result_of(engine, people, known.get(name) or next(iter(known.values())))

    chosen.input(in_visitors_language(recount), chosen, result, **private)


def deal_ballot(
    engine: SearchEngine, people: People, pair: Pair, rater: str | None, visit: str, text: str
) -> Ballot | str:
    """The next ballot of a visit, or a sentence that says why there is none.

    Args:
        engine: answers.
        people: its votes.
        pair: the systems to compare.
        rater: who asks; None may not.
        visit: Gradio's id of the visit.
        text: a query that was typed; "" takes one that the rater has not voted on: of the owner's list, else a
            held-out one.

    Raises:
        QueryError: ``text`` cannot be searched for.
    """
    if rater is None:
        return refusal(people.voting)
    if text.strip():
        query = checked_query(text)
        one, held_out = asked_as(engine, query), engine.held_out.place(query) is not None
        return people.ballots.deal(visit, pair, one.query, one.locale, held_out=held_out)
    mine = {one.asked for one in people.votes_on(pair.first, pair.second, pair.made_by) if one.rater == rater}
    found = next_query(engine, mine, people.queries)
    if found is None:
        return _(ALL_ASKED) if people.queries else _(ALL_DONE)
    return people.ballots.deal(visit, pair, found.query, found.locale, held_out=True)


def answered(engine: SearchEngine, people: People, rater: str | None, visit: str, number: str, answer: str) -> Html:
    """Keep the answer to a ballot, and reveal it.

    Raises:
        UserError: too many answers in a minute.
        OSError: it cannot be written.
    """
    if rater is None or answer not in ANSWERS:
        return status(refusal(people.voting))
    ballot = people.ballots.take(visit, number)
    if ballot is None:
        return status(_(GONE))
    people.limit.check(rater)
    kept = people.votes.add(ballot.vote(answer, rater))
    found = lists_of(engine, ballot.locale, ballot.query, [ballot.pair.first, ballot.pair.second])
    shown = ballots.reveal(ballot, found, answer)
    return shown if kept else Html(status(_(VOTED)) + shown)


def result_of(engine: SearchEngine, people: People, pair: Pair) -> Html:
    """The result of all votes on a pair as HTML."""
    try:
        votes = people.votes_on(pair.first, pair.second, pair.made_by)
    except OSError:
        return status(_("The votes cannot be read at the moment."))
    return ballots.result(tally(votes), pair.first, pair.second, len(people.queries) or len(engine.held_out))


def _pair_name(pair: Pair) -> str:
    return f"{system_name(pair.first)} – {system_name(pair.second)}"


def _labelled(words: str, key: int) -> str:
    return f"{_(words)} ({key})"
