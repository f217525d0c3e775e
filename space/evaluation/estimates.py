"""A mean with its interval, and the difference of two systems on the same queries."""

from dataclasses import dataclass
from typing import Literal

#: Fewer queries give a bootstrap interval that says more about those queries than about the encoder.
MIN_QUERIES = 10

Outcome = Literal["better", "worse", "unclear", "few", "none"]


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % bootstrap interval, rounded to 6 digits.

    Attributes:
        mean: over ``n`` queries; None where no query has the metric, as ``low`` and ``high`` then are.
        low: 2.5th percentile of the resampled means.
        high: 97.5th percentile.
        n: queries that have the metric.
    """

    mean: float | None
    low: float | None
    high: float | None
    n: int

    def __post_init__(self) -> None:
        """Check that there is a mean with an interval, or neither."""
        if len({value is None for value in (self.mean, self.low, self.high)}) > 1:
            raise ValueError("an estimate should have mean, low and high, or none of them")


@dataclass(frozen=True)
class PairedDifference(Estimate):
    """The mean difference of two systems on the same queries, and how many queries went which way.

    Attributes:
        wins: queries with a difference above zero.
        losses: queries with a difference below zero.
        ties: the other queries.
    """

    wins: int
    losses: int
    ties: int

    def __post_init__(self) -> None:
        """Check that a difference over some queries has a mean."""
        super().__post_init__()
        if self.n and self.mean is None:
            raise ValueError(f"a difference over {self.n} queries should have a mean")

    @property
    def outcome(self) -> Outcome:
        """What may be said of it: the interval is above zero, below it, or holds it ("unclear").

        "few" where there are fewer than ``MIN_QUERIES`` queries, "none" where there are none. Verdict, tables and
        slices all decide by this.
        """
        if not self.n:
            return "none"
        if self.n < MIN_QUERIES:
            return "few"
        return "better" if self.low > 0 else "worse" if self.high < 0 else "unclear"


@dataclass(frozen=True)
class BeforeAfter(PairedDifference):
    """A paired difference of the fine-tuned encoder from base, with both means.

    Attributes:
        base: mean of base over the ``n`` queries (or pairs of sentences); None where there are none.
        tuned: mean of the fine-tuned encoder.
    """

    base: float | None
    tuned: float | None

    def __post_init__(self) -> None:
        """Check that a difference over some queries has its means."""
        super().__post_init__()
        if self.n and None in (self.base, self.tuned):
            raise ValueError(f"a difference over {self.n} queries should have the means of base and tuned")
