"""What people are asked about an engine: pairs of systems, held-out queries, and the lists of all systems for them."""

import logging
import random
import threading
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from space.data.judgments import JUDGMENT_COLUMNS
from space.data.words import normalized
from space.encoding.description import BASE, TUNED
from space.errors import UserError
from space.evaluation.held_out_queries import HeldOutQuery
from space.feedback.ballots import Pair, made_by
from space.feedback.pool import DEPTH, Lists
from space.search.engine import SearchEngine
from space.search.request import checked_query
from space.search.results import Comparison

#: Held-out queries that are pooled and evaluated again; more would take minutes.
MOST_QUERIES = 500
#: Where every search takes a GPU from a visitor's quota.
MOST_QUERIES_A_GPU_CALL = 20

logger = logging.getLogger(__name__)


def pairs(engine: SearchEngine) -> list[Pair]:
    """The pairs of systems that can be compared, that of the reference and the candidate first."""
    roles, description = engine.roles, engine.description
    catalogue = description.checksums.products if description.checksums else {}
    names = list(dict.fromkeys([roles.reference, roles.candidate, *roles.names]))

    def pair(first: str, second: str) -> Pair:
        # A further encoder leaves the votes on base and tuned as they are. The hybrid fuses the candidate.
        asked = {BASE, TUNED, roles.candidate, first, second}
        prints = {name: encoder.fingerprint for name, encoder in description.encoders.items() if name in asked}
        if "reranked" in asked and description.reranker:
            prints["reranked"] = description.reranker.fingerprint
        return Pair(first, second, made_by(prints, catalogue))

    return [pair(first, second) for place, first in enumerate(names) for second in names[place + 1 :]]


def query_list(path: Path) -> list[str]:
    """The queries of an owner's file, one a line; empty lines and repetitions are left out.

    Raises:
        UserError: it is not UTF-8, has no query, or has one that cannot be searched for.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"--vote-queries {path}: it is not UTF-8: save it as UTF-8") from error
    found: dict[str, str] = {}
    for place, line in enumerate(lines, start=1):
        if line.strip():
            try:
                query = checked_query(line)
            except UserError as error:
                raise UserError(f"--vote-queries {path}: line {place}: {error}") from error
            found.setdefault(normalized(query), query)
    if not found:
        raise UserError(f"--vote-queries {path}: it has no query: write one on each line")
    return list(found.values())


def asked_as(engine: SearchEngine, query: str) -> HeldOutQuery:
    """A query with its spelling and locale among the held-out ones; as it is, in all locales, where it is none."""
    place = engine.held_out.place(query)
    return HeldOutQuery(query, "") if place is None else engine.held_out.entries[place]


def next_query(
    engine: SearchEngine, answered: Collection[tuple[str, str]], queries: Sequence[str] = ()
) -> HeldOutQuery | None:
    """A query, at random, that is not among ``answered`` (locale, normalized query); None if all are.

    Args:
        engine: whose held-out queries are taken where there are no ``queries``.
        answered: those that the rater has voted on.
        queries: of the owner.
    """
    entries = [asked_as(engine, query) for query in queries] or engine.held_out.entries
    left = [one for one in entries if (one.locale, normalized(one.query)) not in answered]
    return random.choice(left) if left else None


def lists_of(engine: SearchEngine, locale: str, query: str, systems: Sequence[str]) -> Comparison:
    """The top ten of some systems for a query; no visitor asked it, so it is not counted."""
    filters = {"locale": locale} if locale and engine.several_locales else {}
    return engine.compare(query, DEPTH, systems, counted=False, **filters)


def asked(engine: SearchEngine) -> list[HeldOutQuery]:
    """The held-out queries that people's judgments are collected and counted for: all, or a fixed draw."""
    entries = list(engine.held_out.entries)
    most = MOST_QUERIES_A_GPU_CALL if engine.gpu_per_call else MOST_QUERIES
    return entries if len(entries) <= most else random.Random(0).sample(entries, most)


def judgments_of(engine: SearchEngine, queries: Sequence[HeldOutQuery]) -> pd.DataFrame:
    """The labels of some held-out queries; all labels where none is for these."""
    judgments = engine.judgments if engine.judgments is not None else pd.DataFrame(columns=list(JUDGMENT_COLUMNS))
    wanted = pd.MultiIndex.from_tuples([(one.locale, one.query) for one in queries], names=["product_locale", "query"])
    kept = judgments[pd.MultiIndex.from_frame(judgments[["product_locale", "query"]]).isin(wanted)]
    return kept if len(kept) else judgments  # an evaluation of other queries than those with labels


class HeldOutPool:
    """The lists of all systems for the held-out queries. A thread makes them once they are first asked for.

    A reranker scores 50 pairs for a query, which takes minutes for all queries. So it answers a query when that query
    is judged, see ``completed``. Where every search takes a GPU, all lists of a query are made in one turn.
    """

    def __init__(self, engine: SearchEngine) -> None:
        """Searches nothing yet."""
        self._engine = engine
        self._later = [] if engine.gpu_per_call else [name for name in engine.systems if name == "reranked"]
        self._lists: dict[tuple[str, str], Lists] = {}
        self._thread: threading.Thread | None = None
        self._lock, self._completing = threading.Lock(), threading.Lock()

    def lists(self, seconds: float = 2.0) -> list[Lists]:
        """The lists that are there after waiting so long for all of them; later calls find more."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._make, name="pool", daemon=True)
                self._thread.start()
        self._thread.join(seconds)
        with self._lock:
            return list(self._lists.values())

    def is_complete(self, lists: Lists) -> bool:
        """Whether the lists of a query have that of the reranker, or there is no reranker."""
        return all(name in lists.found for name in self._later)

    def completed(self, lists: Lists) -> Lists:
        """The lists of a query with that of the reranker, which is made now if it is missing.

        Raises:
            QueryError: a system cannot answer.
        """
        place = lists.locale, lists.query
        with self._completing:
            lists = self._lists.get(place, lists)
            if not self.is_complete(lists):
                more = self._of(HeldOutQuery(lists.query, lists.locale), self._later)
                lists = replace(lists, found={**lists.found, **more.found}, labelled={*lists.labelled, *more.labelled})
                with self._lock:
                    self._lists[place] = lists
        return lists

    def _make(self) -> None:
        now = [name for name in self._engine.systems if name not in self._later]
        for one in asked(self._engine):
            try:
                found = self._of(one, now)
            except UserError as error:  # such as a database that does not answer
                logger.warning("judging: %s is left out (%s)", one.query, error)
                continue
            with self._lock:
                self._lists[one.locale, one.query] = found

    def of_query(self, query: str) -> Lists:
        """The lists of all systems for a query that is not held out, in the locale with most products.

        Raises:
            QueryError: it cannot be searched for.
        """
        locale, _ = max(self._engine.facets.counts("locale"), key=lambda item: item[1], default=("", 0))
        return self._of(HeldOutQuery(query, locale), list(self._engine.systems))

    def _of(self, asked: HeldOutQuery, systems: Sequence[str]) -> Lists:
        found = lists_of(self._engine, asked.locale, asked.query, systems)
        hits = {name: result.hits for name, result in found.systems.items()}
        return Lists(
            asked.locale,
            asked.query,
            {name: [hit.product_id for hit in one] for name, one in hits.items()},
            {hit.product_id for one in hits.values() for hit in one if hit.grade},
        )
