"""A machine's judgments: kept apart from people's, and compared with theirs before they are believed."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from space.data.scale import LabelScale
from space.feedback.agreement import cohens_kappa
from space.feedback.journal import Journal, Reader
from space.feedback.judgments import CANNOT_TELL, Judgment, PairKey, agreed_grade
from space.feedback.language_model import LanguageModel
from space.feedback.votes import now

#: Folders of the journal. People's judgments are read from another one, and these two are not committed to the Hub.
KIND, AGREEMENT = "machine", "machine_agreement"
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class MachineJudgment:
    """One answer of a model.

    Attributes:
        at: when, ISO, UTC.
        model: its name.
        locale: of the product.
        query: its text.
        product_id: of the product.
        grade: a name of the scale, or ``CANNOT_TELL``.
        asked: checksum of what was asked, see ``LanguageModel.checksum``.
    """

    at: str
    model: str
    locale: str
    query: str
    product_id: str
    grade: str
    asked: str


@dataclass(frozen=True)
class Question:
    """A pair to ask about: its key, the query as it is written, and the product's text."""

    pair: PairKey
    query: str
    product: str


class MachineJudgments:
    """The answers of models in a journal. For one process and thread at a time."""

    def __init__(self, journal: Journal) -> None:
        """Read what is there; each question is asked once.

        Raises:
            OSError: a file cannot be read.
        """
        self._journal = journal
        self._grades = {
            record["asked"]: record["grade"]
            for record in Reader(journal, KIND).new()
            if isinstance(record.get("asked"), str) and isinstance(record.get("grade"), str)
        }

    def known(self, model: LanguageModel, question: Question) -> str | None:
        """The grade that the model gave before; None if it was not asked."""
        return self._grades.get(model.checksum(question.query, question.product))

    def ask(self, model: LanguageModel, questions: Sequence[Question], most: int) -> tuple[dict[PairKey, str], int]:
        """The grades of pairs: the known ones, and those of ``most`` new questions at most, each kept at once.

        Returns:
            {pair: grade}, and how many new questions were asked.

        Raises:
            ServiceError: the endpoint fails; what was answered is kept.
            OSError: an answer cannot be written.
        """
        found, asked = {}, 0
        for question in questions:
            grade = self.known(model, question)
            if grade is None:
                if asked >= most:
                    continue
                grade = model.grade(question.query, question.product)
                asked += 1
                checksum = model.checksum(question.query, question.product)
                locale, _, product = question.pair
                answer = MachineJudgment(now(), model.model, locale, question.query, product, grade, checksum)
                self._journal.append(KIND, asdict(answer))
                self._grades[checksum] = grade
                if asked % 50 == 0:
                    logger.info(f"{asked} answers of {model.model}")
            found[question.pair] = grade
        return found, asked

    def keep(self, agreement: "MachineAgreement") -> None:
        """Keep how far a model agrees with people.

        Raises:
            OSError: it cannot be written.
        """
        self._journal.append(AGREEMENT, {"at": now(), **asdict(agreement)})


@dataclass(frozen=True)
class MachineAgreement:
    """How far a model agrees with people, on the pairs that both graded.

    Attributes:
        model: its name.
        kappa: Cohen's; None where there is no pair, or one grade only.
        pairs: that both graded.
        unclear: pairs that people graded and the model could not tell.
        confusion: {grade of people: {grade of the model: pairs}}.
    """

    model: str
    kappa: float | None
    pairs: int
    unclear: int
    confusion: dict[str, dict[str, int]]

    def table(self) -> str:
        """Kappa, and the confusion with a row for each grade of people."""
        kappa = "not known" if self.kappa is None else f"{self.kappa:.2f}"
        lines = [f"{self.model} and people: Cohen's kappa {kappa} on {self.pairs} pairs, {self.unclear} unclear"]
        if self.pairs:
            width = max(map(len, self.confusion)) + 2
            names = list(self.confusion)
            lines.append("people \\ model".ljust(max(width, 16)) + "".join(name.rjust(width) for name in names))
            lines += [
                row.ljust(max(width, 16)) + "".join(str(counts[name]).rjust(width) for name in names)
                for row, counts in self.confusion.items()
            ]
        return "\n".join(lines)


def compared(
    model: str, grades: Mapping[PairKey, str], people: Mapping[PairKey, Sequence[Judgment]], scale: LabelScale
) -> MachineAgreement:
    """Compare a model's grades with those that people agreed on.

    Args:
        model: its name.
        grades: {pair: grade} of the model.
        people: {pair: the judgments of its raters}.
        scale: of the grades.
    """
    both = [(agreed_grade(people[pair], scale), grade) for pair, grade in grades.items() if pair in people]
    both = [(theirs, grade) for theirs, grade in both if theirs is not None]
    clear = [(theirs, grade) for theirs, grade in both if grade != CANNOT_TELL]
    confusion = {row: dict.fromkeys(scale.names, 0) for row in scale.names}
    for theirs, grade in clear:
        confusion[theirs][grade] += 1
    first, second = (np.array([pair[side] for pair in clear]) for side in (0, 1))
    kappa = cohens_kappa(first, second) if clear else None
    return MachineAgreement(model, kappa, len(clear), len(both) - len(clear), confusion)
