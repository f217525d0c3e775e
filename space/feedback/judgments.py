"""People's judgments: how well a product answers a query, on the scale of the store, by several raters."""

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import pandas as pd

from space.data.scale import LabelScale
from space.data.words import normalized
from space.feedback.journal import Journal, Reader, Record
from space.feedback.raters import VISITS, is_named
from space.feedback.votes import Removals

KIND = "judgments"
#: Instead of a grade: the rater could not tell, or has taken a judgment back.
CANNOT_TELL, WITHDRAWN = "?", ""
FRAME = ("product_locale", "query", "product_id", "esci_label", "rater", "judged_at")
_TEXTS = ("at", "rater", "locale", "query", "product_id", "grade")

#: (locale, normalized query, product id).
PairKey = tuple[str, str, str]


@dataclass(frozen=True)
class Judgment:
    """One answer.

    Attributes:
        at: when, ISO, UTC.
        rater: see ``space.feedback.raters``.
        locale: of the product, and so of the query.
        query: its text.
        product_id: of the product.
        grade: a name of the scale, ``CANNOT_TELL`` or ``WITHDRAWN``.
    """

    at: str
    rater: str
    locale: str
    query: str
    product_id: str
    grade: str

    @property
    def pair(self) -> PairKey:
        """What was judged."""
        return self.locale, normalized(self.query), self.product_id

    @classmethod
    def from_record(cls, record: Record) -> "Judgment | None":
        """A line of a file; None where it is not a judgment."""
        texts = [record.get(name) for name in _TEXTS]
        return cls(*texts) if all(isinstance(text, str) for text in texts) else None


class Judgments:
    """The judgments in a journal. Any number of threads may use it."""

    def __init__(self, journal: Journal) -> None:
        """Reads nothing yet."""
        self._journal, self._reader, self._removals = journal, Reader(journal, KIND), Removals(journal)
        self._latest: dict[tuple[str, PairKey], Judgment] = {}
        self._lock = threading.Lock()

    def add(self, judgment: Judgment) -> None:
        """Keep a judgment in the place of the rater's last one of this pair.

        Raises:
            OSError: it cannot be written.
        """
        with self._lock:
            self._journal.append(KIND, asdict(judgment))

    def all(self) -> list[Judgment]:
        """The last judgment of each rater and pair, oldest first, without those of removed raters.

        Raises:
            OSError: they cannot be read.
        """
        with self._lock:
            for record in self._reader.new():
                judgment = Judgment.from_record(record)
                if judgment:
                    known = self._latest.get((judgment.rater, judgment.pair))
                    if known is None or judgment.at >= known.at:
                        self._latest[judgment.rater, judgment.pair] = judgment
            self._removals.read()
            kept = [
                one
                for one in self._latest.values()
                if one.grade != WITHDRAWN and not self._removals.has(one.rater, one.at)
            ]
        return sorted(kept, key=lambda one: one.at)

    def of_pairs(self) -> dict[PairKey, list[Judgment]]:
        """{pair: the judgments of its raters}."""
        found: dict[PairKey, list[Judgment]] = defaultdict(list)
        for judgment in self.all():
            found[judgment.pair].append(judgment)
        return dict(found)


def agreed_grade(judgments: Sequence[Judgment], scale: LabelScale) -> str | None:
    """The grade of a pair: the median of its raters' grades, the worse one of two; None where there is no grade.

    All visits without a name are one rater, as for votes, with the median of their grades.
    """
    places = {name: place for place, name in enumerate(scale.names)}
    named = [places[one.grade] for one in judgments if one.grade in places and is_named(one.rater)]
    visits = [places[one.grade] for one in judgments if one.grade in places and not is_named(one.rater)]
    votes = named + ([_median(visits)] if visits else [])
    return scale.names[_median(votes)] if votes else None


def _median(places: Sequence[int]) -> int:
    return sorted(places)[len(places) // 2]


def frame(pairs: Mapping[PairKey, Sequence[Judgment]], scale: LabelScale) -> pd.DataFrame:
    """The pairs with a grade, for evaluation and training.

    Returns:
        The columns ``FRAME``: product_locale, query, product_id, esci_label, rater (names, comma between, visits
        without a name once as ``VISITS``) and judged_at (ISO, the last).
    """
    rows = []
    for (locale, _, product_id), judgments in pairs.items():
        grade = agreed_grade(judgments, scale)
        if grade is not None:
            raters = sorted({one.rater if is_named(one.rater) else VISITS for one in judgments})
            last = max(one.at for one in judgments)
            rows.append((locale, judgments[0].query, product_id, grade, ",".join(raters), last))
    return pd.DataFrame(rows, columns=list(FRAME))
