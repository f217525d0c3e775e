"""The tab that asks how well a product answers a query, for pairs that have no label."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import gradio as gr

from space.data.scale import LabelScale
from space.data.words import normalized
from space.errors import UserError
from space.feedback.judgments import CANNOT_TELL, WITHDRAWN, Judgment, PairKey
from space.feedback.people import People
from space.feedback.pool import Lists, Task, judged_at_10, next_task
from space.feedback.votes import now
from space.i18n import N_
from space.i18n import gettext as _
from space.search.engine import SearchEngine
from space.search.people import HeldOutPool
from space.search.products import product_at, row_of
from space.search.request import checked_query
from space.search.results import Hit
from space.ui.events.areas import html, sent
from space.ui.events.rater import rater_of
from space.ui.html import judging as pages
from space.ui.html.markup import EMPTY, Html
from space.ui.html.panels import problem, status, welcome
from space.ui.language import Texts, in_visitors_language
from space.ui.static import script
from space.ui.tabs.vote import refusal

WELCOME = N_(
    "Most hits of a real catalogue have no label and count as 0. Judge some, and the Evaluation tab counts them. "
    "Your answers are kept with a random name for this visit, or with your user name if you log in."
)
ALL_DONE = N_("There is nothing left to judge: every product in a top ten has a label or a judgment.")
NOT_ALL_HERE = N_("The lists of the reranker are not all there yet. Ask for the next pair again.")
#: The queue of the tab's events: they may wait for the pool, and searches must not wait for them.
JUDGING = {"concurrency_limit": 4, "concurrency_id": "judging"}
#: Own judgments that are listed.
_LISTED = 10
#: Seconds that a visitor waits while lists of the reranker are made that have nothing new to judge.
_PATIENCE = 10.0


@dataclass(frozen=True)
class Open:
    """The pair that a visit has before it. It stays on the server.

    Attributes:
        last: the rater's judgment of it, if it is to be changed; "" for a new pair.
        skipped: pairs that the visit has skipped.
        typed: a query of the rater's own, whose pairs are asked instead of the queue's; "" for the queue.
    """

    locale: str = ""
    query: str = ""
    product_id: str = ""
    last: str = ""
    skipped: frozenset[PairKey] = frozenset()
    typed: str = ""


def can_judge(engine: SearchEngine, people: People | None) -> bool:
    """Whether the page asks for judgments: the grades are those of the data set's labels."""
    return people is not None and people.judging.mode != "off" and bool(len(engine.held_out))


def build_judge_tab(engine: SearchEngine, people: People, texts: Texts) -> None:
    """Lay out the tab in the current context of Gradio, and connect it."""
    desk = Desk(engine, people)
    with gr.Column(elem_classes=["e5-answers", "e5-judge"]):
        start = gr.Button(
            texts.label("Next pair (n)"), variant="primary", scale=0, min_width=170, elem_classes="key-n"
        )
        if people.judging.mode == "login":
            gr.LoginButton(texts.label("Sign in with Hugging Face"))
        if people.guidelines:
            with gr.Accordion(texts.label("Guidelines"), open=False):
                gr.Markdown(people.guidelines, sanitize_html=True, elem_classes="e5-guidelines")
        with gr.Accordion(texts.label("A query of your own"), open=False):
            typed = gr.Textbox(
                label=texts.label("Judge its top ten; train.py --judgments learns from it"),
                placeholder=texts.label("empty: a held-out query"),
                max_lines=1,
            )
        state = gr.State(Open())
        area = html(texts.each(lambda: welcome(_(WELCOME))), ["e5-out", "e5-question"], script("answer_keys"))
        with gr.Row(visible=False, elem_classes="e5-choices") as choices:
            buttons = _buttons(engine.scale, texts)
            skip = gr.Button(texts.label("Skip (s)"), elem_classes="key-s", min_width=110)
            back = gr.Button(texts.label("Take back (x)"), elem_classes="key-x", min_width=110, visible=False)
        overview = html("", ["e5-out", "e5-overview"], script("judge"))

    outputs = [state, area, choices, back, overview]
    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "minimal", "show_progress_on": area}

    def on(event: Any, act: Any) -> None:
        def handle(
            held: Open, query: str, request: gr.Request, profile: gr.OAuthProfile | None, event: gr.EventData
        ) -> tuple[Any, ...]:
            rater = rater_of(people.judging, request, profile)
            if rater is None:
                said = status(refusal(people.judging))
                return held, said, gr.Row(visible=False), gr.skip(), EMPTY
            held = replace(held, typed=(query or "").strip())
            try:
                shown, held = act(rater, held, event)
            except (UserError, OSError) as error:
                said = str(error) if isinstance(error, UserError) else _("Your answer could not be kept.")
                shown = problem(said)
            choose = gr.Row(visible=bool(held.product_id)), gr.Button(visible=bool(held.last))
            return held, shown, *choose, desk.overview(rater)

        event(in_visitors_language(handle), [state, typed], outputs, **private, **JUDGING)

    on(start.click, desk.next)
    on(typed.submit, desk.next)
    for grade, button in [*buttons.items(), (WITHDRAWN, back)]:
        on(button.click, partial(desk.judge, grade))
    on(skip.click, desk.skip)
    on(overview.click, desk.change)


def _buttons(scale: LabelScale, texts: Texts) -> dict[str, gr.Button]:
    """{grade: its button}; the first nine have their number as key."""
    found = {}
    for place, name in enumerate(scale.names, start=1):
        key = {"elem_classes": f"key-{place}"} if place < 10 else {}
        found[name] = gr.Button(f"{name} ({place})" if key else name, min_width=110, **key)
    found[CANNOT_TELL] = gr.Button(texts.label("Cannot tell (0)"), elem_classes="key-0", min_width=110)
    return found


class Desk:
    """What the tab does, without its components."""

    def __init__(self, engine: SearchEngine, people: People) -> None:
        """Searches nothing yet."""
        self._engine, self._people, self._pool = engine, people, HeldOutPool(engine)

    def judge(self, grade: str, rater: str, held: Open, event: gr.EventData) -> tuple[Html, Open]:
        """Keep a judgment of the open pair, and open the next one.

        Raises:
            UserError: too many answers in a minute.
            OSError: it cannot be written.
        """
        self.keep(rater, held, grade)
        return self.next(rater, held)

    def skip(self, rater: str, held: Open, event: gr.EventData) -> tuple[Html, Open]:
        """Open the next pair, and this one not again in this visit."""
        return self.next(rater, self.skipped(held))

    def change(self, rater: str, held: Open, event: gr.EventData) -> tuple[Html, Open]:
        """Open the pair of one of the rater's judgments."""
        return self.open(rater, held, sent(event, "locale"), sent(event, "query"), sent(event, "product"))

    def next(self, rater: str, held: Open, event: gr.EventData | None = None) -> tuple[Html, Open]:
        """The next pair of the queue for a rater."""
        skipped = Open(skipped=held.skipped)
        mine = {one.pair for one in self._people.judgments.all() if one.rater == rater} | held.skipped
        if held.typed:
            task = self._task([self._pool.of_query(checked_query(held.typed))], mine)
        else:
            # The lists may not all be there yet.
            task = self._task(self._pool.lists(), mine) or self._task(self._pool.lists(seconds=30), mine)
            if task:
                task = self._task([self._pool.completed(task.lists)], mine) or task
            else:
                task, left = self._task_of_reranker(mine)
                if left:
                    return status(_(NOT_ALL_HERE)), skipped
        if task is None:
            return status(_(ALL_DONE)), skipped
        lists = task.lists
        product = self._product(lists.locale, task.product_id)
        shown = pages.question(lists.query, product, task.best_rank)
        return shown, Open(lists.locale, lists.query, task.product_id, skipped=held.skipped)

    def _task(self, pool: Sequence[Lists], mine: Collection[PairKey]) -> Task | None:
        return next_task(pool, self._people.judged(), mine, raters=self._people.raters)

    def _task_of_reranker(self, mine: Collection[PairKey]) -> tuple[Task | None, bool]:
        """A pair that only the reranker found, and whether the search for one took longer than ``_PATIENCE``."""
        end = time.monotonic() + _PATIENCE
        for lists in self._pool.lists():
            if not self._pool.is_complete(lists):
                if time.monotonic() > end:
                    return None, True
                if task := self._task([self._pool.completed(lists)], mine):
                    return task, False
        return None, False

    def open(self, rater: str, held: Open, locale: str, query: str, product_id: str) -> tuple[Html, Open]:
        """A pair that the rater has judged, to be changed.

        Raises:
            QueryError: no such product.
        """
        last = self.last(rater, Open(locale, query, product_id))
        if not last:  # a forged event
            return self.next(rater, held)
        shown = pages.question(query, self._product(locale, product_id), None, last)
        return shown, Open(locale, query, product_id, last, held.skipped)

    def last(self, rater: str, pair: Open) -> str:
        """The grade that a rater gave a pair before; "" for none."""
        wanted = (pair.locale, normalized(pair.query), pair.product_id)
        found = [one.grade for one in self._people.judgments.all() if one.rater == rater and one.pair == wanted]
        return found[0] if found else ""

    def keep(self, rater: str, held: Open, grade: str) -> None:
        """Keep a judgment of the open pair; without one, nothing.

        Raises:
            UserError: too many answers in a minute.
            OSError: it cannot be written.
        """
        if held.product_id:
            self._people.limit.check(rater)
            self._people.judgments.add(Judgment(now(), rater, held.locale, held.query, held.product_id, grade))

    def skipped(self, held: Open) -> Open:
        """The visit with the open pair among the skipped ones."""
        if not held.product_id:
            return held
        return Open(skipped=held.skipped | {(held.locale, normalized(held.query), held.product_id)})

    def overview(self, rater: str) -> Html:
        """Progress, agreement, and the rater's last judgments."""
        judged = self._people.judgments
        mine = [one for one in judged.all() if one.rater == rater][::-1][:_LISTED]
        graded = {one.pair for one in judged.all() if one.grade != CANNOT_TELL}
        pool = self._pool.lists()
        shares, agreed = judged_at_10(pool, graded), self._people.agreement(self._engine.scale)
        whole = sum(map(self._pool.is_complete, pool))
        reranked = None if whole == len(pool) else (whole, len(pool))
        return pages.overview(shares, mine, self._titles(mine), agreed, self._engine.scale, reranked)

    def _product(self, locale: str, product_id: str) -> Hit:
        product = product_at(self._engine.catalogue, row_of(self._engine.catalogue, locale, product_id))
        return Hit(**{name: getattr(product, name) for name in product.__dataclass_fields__}, rank=1, score=0.0)

    def _titles(self, judgments: list[Judgment]) -> Mapping[tuple[str, str], str]:
        found = {}
        for one in judgments:
            try:
                found[one.locale, one.product_id] = self._product(one.locale, one.product_id).title
            except UserError:  # no longer in the catalogue
                continue
        return found
