"""Blind ballots: which system is on which side is drawn for each query and visit, and stays on the server."""

import hashlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from space.feedback.votes import Vote, now

#: What a visitor can say of the two lists, and what it is where A is the first system of the pair.
ANSWERS = {"a": "first", "b": "second", "both": "both", "neither": "neither"}
_SWAPPED = {"first": "second", "second": "first", "both": "both", "neither": "neither"}
#: Ballots that wait for an answer; the oldest is dropped, and its visitor gets another one.
MOST_OPEN = 5_000


@dataclass(frozen=True)
class Pair:
    """The systems to compare.

    Attributes:
        first: a system; a vote for ``second`` counts as a win.
        second: another one.
        made_by: votes on other encoders or another catalogue do not count for these; see ``made_by``.
    """

    first: str
    second: str
    made_by: str


def made_by(fingerprints: Mapping[str, str], catalogue: Mapping[str, str]) -> str:
    """A short checksum of what answers.

    Args:
        fingerprints: {encoder: its fingerprint}.
        catalogue: {locale: checksum of its products}.
    """
    text = repr((sorted(fingerprints.items()), sorted(catalogue.items())))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Ballot:
    """One query with its two sides.

    Attributes:
        number: names the ballot; a page that answers an older one is refused.
        pair: the systems.
        swapped: whether A is the second system.
        locale: of the query.
        query: its text.
        held_out: whether it is a held-out query or one of the owner's list, and no visitor chose it.
    """

    number: str
    pair: Pair
    swapped: bool
    locale: str
    query: str
    held_out: bool

    @property
    def sides(self) -> tuple[str, str]:
        """The systems of A and B."""
        sides = self.pair.first, self.pair.second
        return (sides[1], sides[0]) if self.swapped else sides

    def vote(self, answer: str, rater: str) -> Vote:
        """The vote of an answer, a key of ``ANSWERS``."""
        choice = ANSWERS[answer]
        choice = _SWAPPED[choice] if self.swapped else choice
        pair = self.pair
        return Vote(
            now(), rater, self.locale, self.query, pair.first, pair.second, choice, pair.made_by, self.held_out
        )


@dataclass
class Ballots:
    """The ballot that each visit has before it. Any number of threads may use it."""

    _open: OrderedDict[str, Ballot] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def deal(self, visit: str, pair: Pair, query: str, locale: str = "", *, held_out: bool) -> Ballot:
        """A new ballot in the place of the visit's last one; its sides are drawn."""
        swapped = secrets.randbelow(2) == 1
        ballot = Ballot(secrets.token_hex(8), pair, swapped, locale, query, held_out)
        with self._lock:
            self._open[visit] = ballot
            self._open.move_to_end(visit)
            while len(self._open) > MOST_OPEN:
                self._open.popitem(last=False)
        return ballot

    def take(self, visit: str, number: str) -> Ballot | None:
        """The ballot of that number, which can be taken once; None if the visit has another ballot open, or none."""
        with self._lock:
            ballot = self._open.get(visit)
            if ballot is None or ballot.number != number:
                return None
            return self._open.pop(visit)
