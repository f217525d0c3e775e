"""Votes: which of two lists a rater found better for a query, without knowing which system made which."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from space.data.words import normalized
from space.feedback.journal import Journal, Reader, Record
from space.feedback.raters import VISITS, is_named

KIND, REMOVALS = "votes", "removals"
#: What a rater can say: the first system of the pair is better, the second is, both lists are good, or both are bad.
CHOICES = ("first", "second", "both", "neither")
_TEXTS = ("at", "rater", "locale", "query", "first", "second", "choice", "made_by")


@dataclass(frozen=True)
class Vote:
    """One answer.

    Attributes:
        at: when, ISO, UTC.
        rater: see ``space.feedback.raters``.
        locale: of the query; "" where the catalogue has one.
        query: its text.
        first: a system.
        second: another system. The pair has this order for every vote, whatever the sides were.
        choice: one of ``CHOICES``.
        made_by: which encoders and catalogue answered, see ``space.feedback.ballots.Pair``.
        held_out: whether it is a held-out query or one of the owner's list; results count only these.
    """

    at: str
    rater: str
    locale: str
    query: str
    first: str
    second: str
    choice: str
    made_by: str
    held_out: bool

    @property
    def asked(self) -> tuple[str, str]:
        """(locale, normalized query)."""
        return self.locale, normalized(self.query)

    @classmethod
    def from_record(cls, record: Record) -> "Vote | None":
        """A line of a file; None where it is not a vote."""
        texts = [record.get(name) for name in _TEXTS]
        if not all(isinstance(text, str) for text in texts) or record["choice"] not in CHOICES:
            return None
        return cls(*texts, held_out=record.get("held_out") is True)


def now() -> str:
    """The time as answers keep it: ISO, UTC, seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class Removals:
    """Which raters the owner has removed, and when; answers that they give later count again.

    The rater ``VISITS`` is all visits without a name. For one thread at a time.
    """

    def __init__(self, journal: Journal) -> None:
        """Reads nothing yet."""
        self._reader = Reader(journal, REMOVALS)
        self._until: dict[str, str] = {}

    def read(self) -> None:
        """Read the lines that are new."""
        for record in self._reader.new():
            rater, at = record.get("rater"), record.get("at")
            if isinstance(rater, str) and isinstance(at, str):
                self._until[rater] = max(at, self._until.get(rater, ""))

    def has(self, rater: str, at: str) -> bool:
        """Whether an answer that a rater gave at a time (ISO, UTC) is removed."""
        until = self._until.get(rater, "")
        return at <= (until if is_named(rater) else max(until, self._until.get(VISITS, "")))


class Votes:
    """The votes in a journal. Any number of threads may use it."""

    def __init__(self, journal: Journal) -> None:
        """Reads nothing yet."""
        self._journal, self._reader, self._removals = journal, Reader(journal, KIND), Removals(journal)
        self._votes: dict[tuple[str, ...], Vote] = {}
        self._lock = threading.Lock()

    def add(self, vote: Vote) -> bool:
        """Keep a vote; False where its rater has already voted on this query and pair.

        Raises:
            OSError: it cannot be written.
        """
        with self._lock:
            self._read()
            known = self._votes.get(_key(vote))
            if known and not self._is_removed(known):
                return False
            self._journal.append(KIND, asdict(vote))
            return True

    def all(self) -> list[Vote]:
        """The first vote of each rater on each query and pair, without those of removed raters.

        Raises:
            OSError: they cannot be read.
        """
        with self._lock:
            self._read()
            return [vote for vote in self._votes.values() if not self._is_removed(vote)]

    def _read(self) -> None:
        self._removals.read()
        for vote in _parsed(self._reader.new()):
            known = self._votes.get(_key(vote))
            if known is None or self._is_removed(known) or (vote.at < known.at and not self._is_removed(vote)):
                self._votes[_key(vote)] = vote

    def _is_removed(self, vote: Vote) -> bool:
        return self._removals.has(vote.rater, vote.at)


def _key(vote: Vote) -> tuple[str, ...]:
    return vote.rater, *vote.asked, vote.first, vote.second, vote.made_by


def _parsed(records: Iterator[Record]) -> Sequence[Vote]:
    return [vote for vote in map(Vote.from_record, records) if vote]
