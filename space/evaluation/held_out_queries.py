"""The held-out queries and how two systems differ on each, from the largest win to the largest loss.

A mean hides which queries got better and which worse, and examples picked by hand show wins. So every evaluated query
is listed with its difference, and the losses are as easy to reach as the wins.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from space.data.words import normalized
from space.encoding.description import BASE, TUNED
from space.evaluation.metrics import wins_losses_ties
from space.evaluation.schema import Evaluation
from space.evaluation.tables import HEADLINE_COLUMN

ORDERS = ("win", "loss", "alphabet")
#: A system, and the one whose figures are subtracted from its figures.
Pair = tuple[str, str]


@dataclass(frozen=True)
class HeldOutQuery:
    """One query of the held-out split.

    Attributes:
        difference: full-catalogue nDCG@10 of one system minus that of another, -1 to 1; None where it was not
            measured, or where no judged product has a gain.
    """

    query: str
    locale: str
    difference: float | None = None


class HeldOut:
    """All held-out queries.

    Attributes:
        entries: from the largest win to the largest loss; equal ones by the alphabet, those without a difference last.
        measured: whether any query has a difference.
        locales: of the queries, sorted.
        pair: the system and the one whose figures are subtracted, fine-tuned and base in the usual case.
    """

    def __init__(self, entries: Sequence[HeldOutQuery], pair: Pair = (TUNED, BASE)) -> None:
        """``entries`` in any order, none twice."""
        self.pair = pair
        self.entries = tuple(sorted(entries, key=_by_win))
        self.measured = any(entry.difference is not None for entry in self.entries)
        self.locales = sorted({entry.locale for entry in self.entries})
        self._place: dict[tuple[str, str], int] = {}
        for place, entry in enumerate(self.entries):
            self._place.setdefault((entry.locale, normalized(entry.query)), place)
        # The exact text wins: two queries may differ in case or spacing only.
        self._place |= {(entry.locale, entry.query): place for place, entry in enumerate(self.entries)}

    @classmethod
    def of(
        cls, evaluation: Evaluation | None, judged: Sequence[tuple[str, str]] = (), pair: Pair | None = None
    ) -> "HeldOut":
        """The queries of an evaluation, else the judged queries without a difference.

        Args:
            evaluation: what was measured; None, or one without figures of single queries, leaves ``judged``.
            judged: (locale, query).
            pair: a system and the one whose figures are subtracted; None for the candidate and the reference.
        """
        measured = evaluation and evaluation.per_query
        if evaluation and pair is None:
            pair = evaluation.candidate, evaluation.reference
        pair = pair or (TUNED, BASE)
        after, before = (measured.values(name, HEADLINE_COLUMN) if measured else None for name in pair)
        if not measured or after is None or before is None:
            return cls([HeldOutQuery(query, locale) for locale, query in dict.fromkeys(judged)], pair)
        differences = [None if np.isnan(value) else round(float(value), 6) for value in after - before]
        rows = zip(measured.query, measured.product_locale, differences, strict=True)
        return cls([HeldOutQuery(query, locale, difference) for query, locale, difference in rows], pair)

    def __len__(self) -> int:
        return len(self.entries)

    def counts(self) -> tuple[int, int, int]:
        """How many queries got better, got worse and stayed the same; those without a difference are not counted."""
        differences = [np.nan if entry.difference is None else entry.difference for entry in self.entries]
        return wins_losses_ties(np.array(differences, dtype=np.float64))

    def ordered(self, order: str, text: str = "") -> list[HeldOutQuery]:
        """The queries that contain ``text`` (case and spacing do not matter; "" for all).

        Args:
            order: one of ``ORDERS``; by "loss" and "win" those without a difference come last.
            text: to look for.
        """
        wanted = normalized(text)
        found = [entry for entry in self.entries if wanted in normalized(entry.query)]
        if order == "win":
            return found
        return sorted(found, key=_by_loss if order == "loss" else _by_alphabet)

    def place(self, query: str, locale: str = "") -> int | None:
        """The index of a query in ``entries``, or None; without a locale, in the first locale that has the query.

        A query with the same case and spacing is preferred to one that differs in them.
        """
        keys = [(one, text) for text in (query, normalized(query)) for one in ([locale] if locale else self.locales)]
        return next((self._place[key] for key in keys if key in self._place), None)


def measured_systems(evaluation: Evaluation | None) -> list[str]:
    """The systems of which two can be chosen, to see their differences query by query; not a random order.

    None where just one encoder was compared with the reference: there the two are chosen already.
    """
    measured = evaluation.per_query if evaluation and len(evaluation.compared) > 1 else None
    names = measured.systems if measured else {}
    return [name for name in names if name != "random" and HEADLINE_COLUMN in names[name]]


def judged_queries(judgments: pd.DataFrame | None) -> list[tuple[str, str]]:
    """The (locale, query) pairs of judgments, each once; none without judgments."""
    if judgments is None or judgments.empty:
        return []
    pairs = judgments[["product_locale", "query"]].drop_duplicates()
    return [(str(locale), str(query)) for locale, query in pairs.itertuples(index=False)]


def _by_alphabet(entry: HeldOutQuery) -> tuple[str, str, str]:
    return entry.query.casefold(), entry.query, entry.locale


def _by_win(entry: HeldOutQuery) -> tuple[Any, ...]:
    return entry.difference is None, -(entry.difference or 0.0), _by_alphabet(entry)


def _by_loss(entry: HeldOutQuery) -> tuple[Any, ...]:
    return entry.difference is None, entry.difference or 0.0, _by_alphabet(entry)
