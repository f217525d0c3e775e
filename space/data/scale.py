"""The scale of a data set's labels: its grades in the owner's words, their gains, and which of them are relevant."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from space.data.words import normalized
from space.errors import UserError, shown
from space.i18n import gettext as _

#: Classes of space/ui/static/style.css, best first. Each pair of text and background has a contrast of 4.5 or more.
FEW_COLOURS = ("exact", "substitute", "complement", "irrelevant")
#: The same for scales of more grades, from green over yellow to red.
MANY_COLOURS = tuple(f"grade{place}" for place in range(11))
COLOURS = (*FEW_COLOURS, *MANY_COLOURS)
#: More grades than this cannot be told apart on a page.
MOST_GRADES = len(MANY_COLOURS)
#: Values between 0 and 1 with more steps than this are put on so many.
_MOST_PARTS = 5
#: A rating is relevant from this share of the way from the lowest to the highest: 3 of 1 to 3, 4 of 1 to 5.
RELEVANT_FROM = 2 / 3
#: More steps than this are counts (clicks, orders) and not ratings.
_MOST_STEPS = 10
_EXAMPLE = '--labels "Exact=1!,Partial=.5,Irrelevant=0"'


class ScaleError(UserError):
    """Labels that do not fit a scale, or a scale that cannot be used; the message is one sentence.

    Attributes:
        problem: the message without the flag that cures it, translated: for visitors, who have no flags.
        value: the label as it was read, or None.
    """

    def __init__(self, problem: str, cure: str = "", value: object = None) -> None:
        """Join problem and cure."""
        super().__init__(f"{problem}{cure}")
        self.problem, self.value = problem, value


def _plain(name: str) -> str:
    return normalized(name)


def numbers(values: Iterable[object]) -> pd.Series:
    """(n,) float64; NaN for text that is not a number. A decimal comma is read."""
    column = pd.Series(values)
    codes, distinct = pd.factorize(column, use_na_sentinel=False)  # labels repeat: each is read once
    texts = pd.Series(distinct).astype(str).str.strip().str.replace(r"^([+-]?\d+),(\d+)$", r"\1.\2", regex=True)
    found = pd.to_numeric(texts, errors="coerce").astype(float)
    return pd.Series(found.where(np.isfinite(found)).to_numpy()[codes], index=column.index)


@dataclass(frozen=True)
class Grade:
    """One step of a scale.

    Attributes:
        name: the label as the owner writes it.
        gain: what nDCG counts for a product of this grade, 0 to 1.
        relevant: whether recall, MRR and hit@1 count it, and training takes it as a positive.
        colour: one of ``COLOURS``.
        value: the rating it stands for; None for words.
    """

    name: str
    gain: float
    relevant: bool
    colour: str
    value: float | None = None

    def __post_init__(self) -> None:
        """Check name, gain and colour: they may come from a file."""
        if not self.name.strip() or not 0 <= self.gain <= 1 or self.colour not in COLOURS:
            raise ValueError(f"grade {self.name!r} should have a name, a gain in 0 to 1 and a colour of {COLOURS}")


@dataclass(frozen=True)
class LabelScale:
    """The grades of a data set, best first.

    Attributes:
        grades: no name occurs twice; gains do not increase, and no irrelevant grade is before a relevant one.
    """

    grades: list[Grade]

    def __post_init__(self) -> None:
        """Check the order, and that some grade is relevant."""
        names = [_plain(name) for name in self.names]
        columns = [grade.relevant for grade in self.grades], [grade.gain for grade in self.grades]
        if len(set(names)) < len(names) or any(column != sorted(column, reverse=True) for column in columns):
            raise ValueError(f"a scale should have different grades, best first, they are {', '.join(self.names)}")
        if not 1 <= len(names) <= MOST_GRADES or not any(grade.relevant and grade.gain for grade in self.grades):
            raise ValueError(f"a scale should have 1 to {MOST_GRADES} grades, and a relevant one with a gain above 0")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the grades, best first."""
        return tuple(grade.name for grade in self.grades)

    @property
    def gains(self) -> dict[str, float]:
        """{name: gain}."""
        return {grade.name: grade.gain for grade in self.grades}

    @property
    def relevant(self) -> frozenset[str]:
        """The names of the relevant grades."""
        return frozenset(grade.name for grade in self.grades if grade.relevant)

    @property
    def negatives(self) -> tuple[str, ...]:
        """The names of the grades that are not relevant, worst first: the worse a product, the more it teaches."""
        return tuple(grade.name for grade in reversed(self.grades) if not grade.relevant)

    def grade(self, name: str | None) -> Grade | None:
        """The grade of that name; None if there is none."""
        return next((grade for grade in self.grades if grade.name == name), None)

    def __str__(self) -> str:
        """As ``--labels`` takes it: ``Exact=1!,Partial=0.5,Irrelevant=0``."""
        return ",".join(f"{grade.name}={grade.gain:.4g}{'!' * grade.relevant}" for grade in self.grades)

    def labels_of(self, values: pd.Series) -> pd.Categorical:
        """The grade of each label as it was read.

        Args:
            values: (n,) words or numbers. Words may differ from the names in case and surrounding space, ESCI's
                may be their first letters. A number, such as a mean of ratings, takes the nearest grade.

        Returns:
            (n,) names with ``names`` as categories.

        Raises:
            ScaleError: a label that the scale does not have.
        """
        codes, distinct = pd.factorize(values, use_na_sentinel=False)
        grades = self._places(pd.Series(distinct))
        return pd.Categorical.from_codes(grades[codes], categories=list(self.names))

    def _places(self, values: pd.Series) -> np.ndarray:
        """(m,) place in ``grades`` of each different label, see ``labels_of``."""
        known = {_plain(name): name for name in self.names}
        if self == ESCI:
            known |= {name[0].lower(): name for name in self.names}
        labels = values.astype(str).map(_plain).map(known)
        open_ones = labels.isna()
        rated = sorted((grade.value, grade.name) for grade in self.grades if grade.value is not None)
        if open_ones.any() and rated:
            found = numbers(values[open_ones])
            if self in (CLICKS, BINARY):
                found = found.where(found.isna() | (self == BINARY), (found > 0).astype(float))
            points = np.array([value for value, _ in rated])
            fits = found.between(min(points[0], 0), points[-1])
            nearest = np.searchsorted((points[1:] + points[:-1]) / 2, found.fillna(0), side="right")
            names = pd.Series([rated[place][1] for place in nearest], index=found.index, dtype=object)
            labels = labels.astype(object).where(~open_ones, names.where(fits))
        unknown = values[labels.isna()]
        if len(unknown):
            also = " or E, S, C, I" if self == ESCI else f"; name every label, such as {_EXAMPLE}"
            said = _("holds {value}; labels are {names}")
            value = unknown.iloc[0]
            raise ScaleError(said.format(value=shown(value), names=", ".join(self.names)), also, value)
        return labels.map({name: place for place, name in enumerate(self.names)}).to_numpy(np.int64)


def scale(grades: Sequence[tuple[str, float, bool]], values: Sequence[float | None] = ()) -> LabelScale:
    """A scale of (name, gain, relevant), best first, with colours spread from green to red."""
    colours = FEW_COLOURS if len(grades) <= len(FEW_COLOURS) else MANY_COLOURS
    step = (len(colours) - 1) / max(len(grades) - 1, 1)
    # More grades than colours are refused by LabelScale.
    drawn = [colours[min(round(place * step), len(colours) - 1)] for place in range(len(grades))]
    kept = values or [None] * len(grades)
    return LabelScale([Grade(*grade, colour, value) for grade, colour, value in zip(grades, drawn, kept, strict=True)])


#: Reddy et al. 2022, section 4.1. The official ranking script in effect swaps S and C (esci-data issues 9 and 18).
ESCI = scale(
    [("Exact", 1.0, True), ("Substitute", 0.1, False), ("Complement", 0.01, False), ("Irrelevant", 0.0, False)]
)
#: Wayfair's WANDS, Chen et al. 2022.
WANDS = scale([("Exact", 1.0, True), ("Partial", 0.5, False), ("Irrelevant", 0.0, False)])
BINARY = scale([("relevant", 1.0, True), ("not relevant", 0.0, False)], [1.0, 0.0])
CLICKS = scale([("clicked", 1.0, True), ("not clicked", 0.0, False)], [1.0, 0.0])
#: {what ``--labels`` also takes: the scale}.
NAMED = {"esci": ESCI, "wands": WANDS, "binary": BINARY, "clicks": CLICKS}


def quoted(name: str, names: Iterable[str]) -> str:
    """A grade beside a number: in quotes if one of ``names`` is a number, so that "3 gains 1" is not "3 1"."""
    return f"“{name}”" if any(one[:1].isdigit() or one[-1:].isdigit() for one in names) else name


def parse(text: str) -> LabelScale:
    """The scale of ``--labels``: ``Exact=1!,Partial=.5,Irrelevant=0``, or a name of ``NAMED``; ``!`` is relevant.

    Raises:
        ScaleError: a part that cannot be read, or grades that do not make a scale.
    """
    if text.strip().lower() in NAMED:
        return NAMED[text.strip().lower()]
    grades = []
    for part in text.split(","):
        name, _, gain = (text.strip() for text in part.rpartition("="))
        found = re.fullmatch(r"(\d*\.?\d+)\s*(!?)", gain)
        if not name or not found or not 0 <= float(found[1]) <= 1:
            raise ScaleError(
                f"--labels: {shown(part.strip())} is not NAME=GAIN with a gain in 0 to 1, such as {_EXAMPLE}, where ! "
                f"marks the relevant; or use one of {', '.join(NAMED)}"
            )
        grades.append((name, float(found[1]), bool(found[2])))
    grades.sort(key=lambda grade: (grade[2], grade[1]), reverse=True)
    values = numbers(pd.Series([name for name, _, _ in grades]))
    try:
        return scale(grades, [] if values.isna().any() else values.tolist())
    except ValueError as error:
        raise ScaleError(f"--labels {shown(text)}: {error}; mark the relevant with !, such as {_EXAMPLE}") from error


def scale_of(values: pd.Series, clicks: bool = False) -> LabelScale:
    """The scale of labels that come without one.

    ESCI's words or letters are ESCI's scale, and WANDS's are WANDS's. 0 and 1 are relevant or not. Other numbers are
    ordered grades: above 1 the whole numbers, so that means of ratings in thirds do not make seven
    grades.

    Args:
        values: (n,) labels as they were read: words or numbers.
        clicks: they are counts of clicks or the like: more than 0 is relevant.

    Raises:
        ScaleError: words that no known scale has, or numbers with too many steps to be ratings.
    """
    words = {_plain(word) for word in values.astype(str).unique()}
    esci = {name for whole in ESCI.names for name in (whole.lower(), whole[0].lower())}
    if words <= esci:
        return ESCI
    if words <= {name.lower() for name in WANDS.names}:
        return WANDS
    found = numbers(values)
    if found.isna().any():
        if 2 * len(words & esci) >= len(words):
            ESCI.labels_of(values)  # raises: says which label is not ESCI's
        odd = values[found.isna()].iloc[0]
        said = _("holds {value}, and no known scale has it").format(value=shown(odd))
        raise ScaleError(said, f": name every label, such as {_EXAMPLE}", odd)
    if clicks:
        return CLICKS
    steps = np.unique(found)
    if set(steps) <= {0.0, 1.0}:
        return BINARY
    return _ratings(steps)


def _ratings(steps: np.ndarray) -> LabelScale:
    """The scale of ratings, from their distinct values in ascending order."""
    if steps[-1] - steps[0] > _MOST_STEPS:
        said = _("holds numbers from {low} to {high}, which look like counts")
        raise ScaleError(
            said.format(low=f"{steps[0]:g}", high=f"{steps[-1]:g}"),
            f": say --labels clicks if more than 0 is relevant, or save ratings of at most {_MOST_STEPS + 1} steps",
        )
    low, high = steps[0], steps[-1]
    if high > 1:
        points = np.arange(math.floor(low), math.floor(high + 0.5) + 1, dtype=float)
    elif len(steps) <= _MOST_PARTS:
        points = steps
    else:
        points = np.linspace(low, high, _MOST_PARTS)
    zero = max(points[0], 0.0) if points[-1] > 0 and len(points) > 1 else points[0] - 1
    gains = np.clip((points - zero) / (points[-1] - zero), 0, 1)
    grades = [
        (f"{value:g}", round(float(gain), 6), bool(gain >= RELEVANT_FROM - 1e-9))
        for value, gain in zip(points, gains, strict=True)
    ]
    return scale(grades[::-1], points[::-1].tolist())
