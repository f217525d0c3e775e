"""How far raters agree beyond chance: Cohen's kappa of two raters, Fleiss' kappa of any number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from space.feedback.judgments import Judgment, PairKey


@dataclass(frozen=True)
class Agreement:
    """How far raters agree.

    Attributes:
        kind: "cohen" for two raters, "fleiss" for more.
        kappa: 1 is full agreement, 0 what chance gives; None where all grades are equal, so that chance explains all.
        pairs: with a grade of at least two raters.
        raters: who gave them.
    """

    kind: str
    kappa: float | None
    pairs: int
    raters: int


def agreement(pairs: Mapping[PairKey, Sequence[Judgment]], grades: Sequence[str]) -> Agreement | None:
    """The agreement of all raters; None where no pair has a grade of two.

    Args:
        pairs: {pair: the judgments of its raters}.
        grades: of the scale; other answers, such as "cannot tell", are left out.
    """
    places = {grade: place for place, grade in enumerate(grades)}
    graded = [[one for one in judgments if one.grade in places] for judgments in pairs.values()]
    several = [judgments for judgments in graded if len(judgments) > 1]
    if not several:
        return None
    raters = sorted({one.rater for judgments in several for one in judgments})
    if len(raters) == 2:
        answers = [{one.rater: places[one.grade] for one in judgments} for judgments in several]
        first, second = (np.array([answer[rater] for answer in answers]) for rater in raters)
        return Agreement("cohen", cohens_kappa(first, second), len(several), 2)
    counts = np.zeros((len(several), len(grades)), dtype=np.int64)
    for row, judgments in enumerate(several):
        for one in judgments:
            counts[row, places[one.grade]] += 1
    return Agreement("fleiss", fleiss_kappa(counts), len(several), len(raters))


def cohens_kappa(first: np.ndarray, second: np.ndarray) -> float | None:
    """Cohen 1960, of (n,) categories given by two raters; None where both give one category only."""
    categories = np.union1d(first, second)
    by_chance = sum(float(np.mean(first == one) * np.mean(second == one)) for one in categories)
    return _beyond_chance(float(np.mean(first == second)), by_chance)


def fleiss_kappa(counts: np.ndarray) -> float | None:
    """Fleiss 1971, of (n, categories) counts, how many raters put an item into a category; None as for Cohen's.

    Items may have different numbers of raters, two at least: each item's agreement counts the same.
    """
    raters = counts.sum(axis=1)
    agreeing = (counts * (counts - 1)).sum(axis=1) / (raters * (raters - 1))
    shares = counts.sum(axis=0) / counts.sum()
    return _beyond_chance(float(agreeing.mean()), float((shares**2).sum()))


def _beyond_chance(observed: float, by_chance: float) -> float | None:
    return None if by_chance > 1 - 1e-12 else (observed - by_chance) / (1 - by_chance)
