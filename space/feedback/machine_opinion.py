"""A model's grades as the page reads them: those of the last run, and how well they agree with people now."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from space.data.scale import LabelScale
from space.feedback.journal import Journal, Reader
from space.feedback.judgments import CANNOT_TELL, FRAME, Judgment, PairKey
from space.feedback.machine import AGREEMENT, KIND, MachineAgreement, MachineJudgment, compared

#: The rater of a model's grades in a frame.
MACHINE = "machine"


@dataclass(frozen=True)
class MachineOpinion:
    """What a model says.

    Attributes:
        agreement: with people, on the pairs that people have judged by now.
        frame: its grades, with the columns ``space.feedback.judgments.FRAME``; the rater is ``MACHINE``.
    """

    agreement: MachineAgreement
    frame: pd.DataFrame


class MachineOpinions:
    """The answers of models in a journal, read as it grows. Any number of threads may use it."""

    def __init__(self, journal: Journal) -> None:
        """Reads nothing yet."""
        self._answers, self._runs = Reader(journal, KIND), Reader(journal, AGREEMENT)
        self._latest: dict[tuple[str, PairKey], MachineJudgment] = {}  # by instructions and pair
        self._last = "", "", ""  # time, instructions and model of the last run
        self._lock = threading.Lock()

    def last(self, people: Mapping[PairKey, Sequence[Judgment]], scale: LabelScale) -> MachineOpinion | None:
        """The opinion of the last run of ``python -m space judge``; None where there was none.

        Args:
            people: {pair: the judgments of its raters}, as they are now.
            scale: of the grades; others are left out.

        Raises:
            OSError: a file cannot be read.
        """
        with self._lock:
            self._read()
            _, instructions, model = self._last
            answers = [one for (asked, _), one in self._latest.items() if asked == instructions]
        if not instructions:
            return None
        known = [one for one in answers if one.grade in (*scale.names, CANNOT_TELL)]
        agreement = compared(model, instructions, {one.pair: one.grade for one in known}, people, scale)
        rows = [
            (one.locale, one.query, one.product_id, one.grade, MACHINE, one.at)
            for one in known
            if one.grade != CANNOT_TELL
        ]
        return MachineOpinion(agreement, pd.DataFrame(rows, columns=list(FRAME)))

    def _read(self) -> None:
        for answer in map(MachineJudgment.from_record, self._answers.new()):
            if answer:
                known = self._latest.get((answer.instructions, answer.pair))
                if known is None or answer.at >= known.at:
                    self._latest[answer.instructions, answer.pair] = answer
        for record in self._runs.new():
            run = tuple(record.get(name) for name in ("at", "instructions", "model"))
            if all(isinstance(text, str) for text in run):
                self._last = max(self._last, run)
