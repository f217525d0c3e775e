"""What votes say: wins, ties and losses by people and by query, an interval over queries, and the sign test.

A query's score is the mean of its raters' votes, from -1 (the first system) to 1 (the second). All visits without a
name count as one rater: one person can make any number of visits. Beside n named raters they move a query's score by
at most 2 / (n + 1). Every query counts the same, however many people voted on it.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from space.evaluation.estimates import PairedDifference
from space.evaluation.metrics import paired
from space.feedback.raters import is_named
from space.feedback.votes import Vote

_SCORES = {"first": -1.0, "second": 1.0, "both": 0.0, "neither": 0.0}
#: The rater that stands for all visits without a name.
VISITS = ""


@dataclass(frozen=True)
class Choices:
    """How often each answer was chosen.

    Attributes:
        rater: whose choices; ``VISITS`` for those of all visits without a name, None for all.
        score: the mean of their votes, -1 to 1.
    """

    rater: str | None
    first: int
    second: int
    both: int
    neither: int
    score: float

    @property
    def votes(self) -> int:
        """All of them."""
        return self.first + self.second + self.both + self.neither


@dataclass(frozen=True)
class Tally:
    """The result of one pair of systems.

    Attributes:
        people: all votes on held-out queries.
        by_query: the second system minus the first over queries, with a bootstrap interval; its outcome is "few" below
            ten queries.
        p: two-sided sign test over queries, ties left out; 1 where there are none.
        raters: the choices of each, most votes first.
        visits: how many visits without a name have voted.
        without_one: lowest and highest mean score where one rater is left out; None with fewer than two.
        typed: votes on other queries, which are not in the result.
    """

    people: Choices
    by_query: PairedDifference
    p: float
    raters: Sequence[Choices]
    visits: int
    without_one: tuple[float, float] | None
    typed: int


def tally(votes: Iterable[Vote]) -> Tally:
    """The result of votes on one pair of systems, of which each rater has one a query."""
    every = list(votes)
    counted = [vote for vote in every if vote.held_out]
    by_query = paired(np.array(list(scores(counted).values()), dtype=np.float64))
    groups: dict[str, list[Vote]] = defaultdict(list)
    for vote in counted:
        groups[_group(vote)].append(vote)
    left = [_mean([vote for vote in counted if _group(vote) != rater]) for rater in groups] if len(groups) > 1 else []
    return Tally(
        _choices(None, counted),
        by_query,
        sign_test(by_query.wins, by_query.losses),
        sorted((_choices(rater, group) for rater, group in groups.items()), key=lambda one: (-one.votes, one.rater)),
        len({vote.rater for vote in counted if not is_named(vote.rater)}),
        (min(left), max(left)) if left else None,
        len(every) - len(counted),
    )


def scores(votes: Iterable[Vote]) -> dict[tuple[str, str], float]:
    """{(locale, query): score, -1 to 1}; see the module."""
    by_query: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for vote in votes:
        by_query[vote.asked][_group(vote)].append(_SCORES[vote.choice])
    return {
        asked: float(np.mean([np.mean(values) for values in raters.values()])) for asked, raters in by_query.items()
    }


def sign_test(wins: int, losses: int) -> float:
    """The probability of a split at least as uneven, if wins and losses were equally likely (two-sided)."""
    n, fewer = wins + losses, min(wins, losses)
    return min(1.0, 2 * sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n)


def _group(vote: Vote) -> str:
    return vote.rater if is_named(vote.rater) else VISITS


def _mean(votes: Sequence[Vote]) -> float:
    return float(np.mean(list(scores(votes).values())))


def _choices(rater: str | None, votes: Sequence[Vote]) -> Choices:
    counts = {choice: sum(vote.choice == choice for vote in votes) for choice in _SCORES}
    return Choices(rater, **counts, score=_mean(votes) if votes else 0.0)
