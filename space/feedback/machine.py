"""A machine's judgments: kept separate from people's, and compared with theirs before they count."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np

from space.data.scale import LabelScale
from space.data.words import normalized
from space.feedback.agreement import cohens_kappa
from space.feedback.journal import Journal, Reader, Record
from space.feedback.judgments import CANNOT_TELL, Judgment, PairKey, agreed_grade
from space.feedback.language_model import LanguageModel
from space.feedback.votes import now

#: Folders of the journal. People's judgments are read from another one.
KIND, AGREEMENT = "machine", "machine_agreement"
#: A model's grades may count from this kappa on, where "substantial" agreement begins (Landis and Koch, Biometrics 33,
#: 1977, page 165), and from so many pairs on: the standard error of kappa (Cohen 1960) is then about .1, with 75 %
#: agreement of which 35 % would come by chance.
KAPPA_NEEDED, PAIRS_NEEDED = 0.61, 50
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
        instructions: checksum of how it was asked, see ``LanguageModel.instructions``.
    """

    at: str
    model: str
    locale: str
    query: str
    product_id: str
    grade: str
    asked: str
    instructions: str

    @property
    def pair(self) -> PairKey:
        """What was judged."""
        return self.locale, normalized(self.query), self.product_id

    @classmethod
    def from_record(cls, record: Record) -> "MachineJudgment | None":
        """A line of a file; None where it is not an answer of a model."""
        texts = [record.get(field.name) for field in fields(cls)]
        return cls(*texts) if all(isinstance(text, str) for text in texts) else None


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
        answers = map(MachineJudgment.from_record, Reader(journal, KIND).new())
        self._grades = {answer.asked: answer.grade for answer in answers if answer}

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
                answer = MachineJudgment(
                    now(), model.model, locale, question.query, product, grade, checksum, model.instructions
                )
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
        instructions: how it was asked, see ``LanguageModel.instructions``.
        kappa: Cohen's; None where there is no pair, or one grade only.
        pairs: that both graded.
        unclear: pairs that people graded and the model could not tell.
        confusion: {grade of people: {grade of the model: pairs}}.
    """

    model: str
    instructions: str
    kappa: float | None
    pairs: int
    unclear: int
    confusion: dict[str, dict[str, int]]

    @property
    def is_good(self) -> bool:
        """Whether the model agrees well enough with people, on enough pairs, that its grades may count."""
        return self.pairs >= PAIRS_NEEDED and self.kappa is not None and self.kappa >= KAPPA_NEEDED

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
    model: str,
    instructions: str,
    grades: Mapping[PairKey, str],
    people: Mapping[PairKey, Sequence[Judgment]],
    scale: LabelScale,
) -> MachineAgreement:
    """Compare a model's grades with those that people agreed on.

    Args:
        model: its name.
        instructions: how it was asked.
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
    return MachineAgreement(model, instructions, kappa, len(clear), len(both) - len(clear), confusion)
