"""The switch of the Evaluation tab: count the labels alone, or also the judgments of people and of a model."""

from collections.abc import Callable

import gradio as gr

from space.evaluation.schema import Evaluation
from space.feedback.judgments import frame
from space.feedback.people import People
from space.feedback.people_evaluation import PeopleEvaluation
from space.i18n import gettext as _
from space.search.engine import SearchEngine
from space.search.people import asked, judgments_of
from space.ui.html import counted
from space.ui.html.markup import Html, join
from space.ui.html.panels import status
from space.ui.language import Texts, in_visitors_language

LABELS, PEOPLE, MACHINE = "labels", "people", "machine"
#: The queue of evaluations with people's judgments: the first one takes long, and searches must not wait for it.
RECOUNT = {"concurrency_limit": 1, "concurrency_id": "recount"}


def can_count_people(engine: SearchEngine) -> bool:
    """Whether people's judgments can be counted: the held-out labels and the vectors are in this process."""
    return bool(
        engine.judgments is not None
        and len(engine.judgments)
        and not engine.gpu_per_call
        and not any(system.in_database for system in engine.systems.values())
    )


class Recount:
    """The evaluation with what people and a model judged.

    Args:
        engine: its systems are evaluated.
        people: what they and the model judged.
        page: an evaluation as HTML.
    """

    def __init__(self, engine: SearchEngine, people: People, page: Callable[[Evaluation], Html]) -> None:
        """Searches nothing yet."""
        self._people, self._page, self._scale = people, page, engine.scale
        labels = judgments_of(engine, asked(engine))
        self._evaluation = PeopleEvaluation(engine.systems, labels, engine.catalogue, engine.scale, engine.evaluation)

    def offers_machine(self) -> bool:
        """Whether a model's grades may count: it agrees well enough with people."""
        try:
            found = self._people.machine.last(self._people.judgments.of_pairs(), self._scale)
        except OSError:
            return False
        return found is not None and found.agreement.is_good

    def counted(self, what: str) -> Html:
        """The tab with people's judgments, and with ``MACHINE`` also the model's, and what was counted."""
        try:
            people = self._people.judgments.of_pairs()
            opinion = self._people.machine.last(people, self._scale)
        except OSError:
            return status(_("The judgments cannot be read at the moment."))
        wanted = opinion if what == MACHINE and opinion and opinion.agreement.is_good else None
        found = self._evaluation.with_people(frame(people, self._scale), wanted.frame if wanted else None)
        parts = [counted.people(found)]
        if opinion and (wanted or what == MACHINE):
            parts.append(counted.machine(opinion.agreement, found.machine))
        return join([*parts, self._page(found.evaluation)])


def build_switch(texts: Texts) -> gr.Radio:
    """The switch, without the model's grades, which ``connect_switch`` may add."""
    return gr.Radio(
        [(str(texts.label("Labels")), LABELS), (str(texts.label("Labels and people")), PEOPLE)],
        value=LABELS,
        label=texts.label("What counts as relevant"),
        elem_classes="e5-counted",
    )


def connect_switch(switch: gr.Radio, area: gr.HTML, recount: Recount, labels: Callable[[], Html]) -> None:
    """Show what a visitor chooses.

    Args:
        switch: from ``build_switch``.
        area: of the report; the model's grades are offered when it appears.
        recount: makes the report with judgments.
        labels: makes the report of the labels alone.
    """

    def choose(what: str) -> Html:
        return labels() if what == LABELS else recount.counted(what)

    def offer() -> gr.Radio:
        if not recount.offers_machine():
            return gr.skip()
        choices = [(_("Labels"), LABELS), (_("Labels and people"), PEOPLE), (_("Labels, people and machine"), MACHINE)]
        return gr.Radio(choices=choices)

    switch.input(
        in_visitors_language(choose), switch, area, api_visibility="private", show_progress="minimal", **RECOUNT
    )
    area.appear(in_visitors_language(offer), None, switch, api_visibility="private", show_progress="hidden")
