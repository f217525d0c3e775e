"""How often each product was shown and opened, in a local SQLite file that many threads and processes may share.

Knows ids, days and numbers: no title, no page, no Hub. Who asked has no place here: there is no column for an address,
a session or a time of day. Query texts are kept only where the owner turned that on.

Counting never delays or breaks a search: it adds to a counter in memory, and a thread writes about once a second.
"""

import atexit
import logging
import os
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from space.data.words import normalized
from space.feedback import counts
from space.feedback.counts import ADD, OTHERS, OWN, RAISE, TABLES, Counts, Report

logger = logging.getLogger(__name__)

#: The file stays small whatever visitors do: beyond these, what was counted least goes. Totals are kept by the day.
MAX_PRODUCTS, MAX_QUERIES = 200_000, 10_000
MAX_QUERY_CHARACTERS = 200
#: Distinct products and queries waiting to be written; reached only where the disk fails for long.
MAX_WAITING = 100_000
MAX_ID_CHARACTERS = 200
WRITE_SECONDS = 1.0


class Usage:
    """Counts, kept in a file.

    Args:
        path: the SQLite file; made with the first count.
        log_queries: also keep what was asked, in lower case and cut to ``MAX_QUERY_CHARACTERS``.
        seconds: between two writes.
    """

    def __init__(self, path: Path, *, log_queries: bool = False, seconds: float = WRITE_SECONDS) -> None:
        """Touches nothing yet."""
        self.path, self.log_queries, self._seconds = path, log_queries, seconds
        self._waiting = _Waiting()
        self._lock, self._writing, self._closed = threading.Lock(), threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None
        self._failing = False
        self._process = os.getpid()

    # -- counting ----------------------------------------------------------------------------------------------------

    def shown(self, products: Iterable[tuple[str, str]], query: str) -> None:
        """One answer was given.

        Args:
            products: (locale, product id) of each; one that stands in it more than once is shown once.
            query: what was asked.
        """
        text = normalized(query.encode("utf-8", "replace").decode())
        self._count(set(products), [], text[:MAX_QUERY_CHARACTERS])

    def opened(self, locale: str, product_id: str) -> None:
        """A visitor unfolded a product's details. One that was never shown does not count: anybody can send a name."""
        if _is_id(locale) and _is_id(product_id):
            self._count((), [(locale, product_id)], None)

    def _count(self, shown: Iterable[tuple[str, str]], opened: list[tuple[str, str]], query: str | None) -> None:
        with self._lock:
            self._waiting.add(shown, opened, query if self.log_queries else None, query is not None)
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._write_on, name="usage", daemon=True)
                self._thread.start()
                atexit.register(self.close)

    def _write_on(self) -> None:
        while not self._closed.wait(self._seconds):
            self.flush()

    def flush(self) -> bool:
        """Write what is waiting; whether all of it is in the file now. A failure is logged once, and tried again."""
        if os.getpid() != self._process:  # a fork has a copy of what waits, and the parent will write it
            return True
        with self._writing:
            with self._lock:
                waiting, self._waiting = self._waiting, _Waiting()
            if not waiting:
                return True
            try:
                with counts.transaction(self.path) as file:
                    _write(file, waiting)
            except (sqlite3.Error, OSError) as error:
                with self._lock:
                    waiting.absorb(self._waiting)
                    self._waiting = waiting
                if not self._failing:
                    logger.warning("statistics: %s cannot be written (%s); the search goes on", self.path, _why(error))
                self._failing = True
                return False
            if self._failing:
                logger.info("statistics: %s is written again", self.path)
            self._failing = False
            return True

    def close(self) -> None:
        """Write the rest and stop; later counts are not written."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()
        for _ in range(3):
            if self.flush():
                break
            time.sleep(0.1)
        atexit.unregister(self.close)

    # -- reading -----------------------------------------------------------------------------------------------------

    def report(self, top: int = 10, days: int = 30) -> Report | None:
        """What was counted so far, by this and all other processes; None where the file cannot be read now.

        Args:
            top: length of the lists.
            days: how far back the daily figures go.
        """
        written = self.flush()
        try:
            if not self.path.exists():
                return None if not written else Report("", 0, 0, 0, [], [], [] if self.log_queries else None, [])
            with counts.transaction(self.path) as file:
                return counts.report(file, top, days, self.log_queries)
        except (sqlite3.Error, OSError) as error:
            logger.warning("statistics: %s cannot be read (%s)", self.path, _why(error))
            return None

    # -- exchange with other files of counts -------------------------------------------------------------------------

    def own(self) -> Counts:
        """What was counted into this file, without what ``set_others`` brought."""
        with counts.transaction(self.path) as file:
            return Counts(*({keys: numbers for keys, numbers in counts.rows(file, table)} for table in TABLES))

    def fact(self, name: str) -> str:
        """A note kept beside the counts, "" if there is none. "lineage" is there from the start: the file's own id."""
        with counts.transaction(self.path) as file:
            return counts.fact(file, name)

    def set_fact(self, name: str, value: str) -> None:
        """Keep a note."""
        with counts.transaction(self.path) as file:
            counts.set_fact(file, name, value)

    def raise_to(self, newer: Counts) -> None:
        """Where ``newer``, an older or newer copy of this file's own, say more, they are right."""
        with counts.transaction(self.path) as file:
            for table in TABLES:
                counts.upsert(file, table, OWN, getattr(newer, table), RAISE)

    def take_over(self, mine: Counts, others: Counts) -> None:
        """Count ``mine`` as this file's own from now on; ``others`` is what still stands elsewhere, in all."""
        with counts.transaction(self.path) as file:
            for table in TABLES:
                counts.upsert(file, table, OWN, getattr(mine, table), ADD)
                file.execute(f"DELETE FROM {table} WHERE part = {OTHERS}")
                counts.upsert(file, table, OTHERS, getattr(others, table), ADD)

    def begin_anew(self) -> None:
        """What was this file's own is somebody else's now: begin a new lineage at zero. Sums stay the same."""
        with counts.transaction(self.path) as file:
            for table in TABLES:
                mine = dict(counts.rows(file, table))
                counts.upsert(file, table, OTHERS, mine, ADD)
                file.execute(f"DELETE FROM {table} WHERE part = {OWN}")
            file.execute("DELETE FROM facts")


class _Waiting:
    """Counts that are not in the file yet."""

    def __init__(self) -> None:
        self.shown: Counter[tuple[str, str]] = Counter()
        self.queries: Counter[str] = Counter()
        self.searches: Counter[str] = Counter()
        self.deliveries: Counter[str] = Counter()
        self.openings: Counter[tuple[str, tuple[str, str]]] = Counter()

    def __bool__(self) -> bool:
        return bool(self.searches or self.openings)

    def add(
        self, shown: Iterable[tuple[str, str]], opened: list[tuple[str, str]], query: str | None, searched: bool
    ) -> None:
        """One event; a key for which there is no room is left out of the lists, and not of the day's totals."""
        today = datetime.now(UTC).date().isoformat()
        keys = list(shown)
        self._add(self.shown, keys)
        self._add(self.openings, [(today, key) for key in opened])
        self._add(self.queries, [query] if query else [])
        self.deliveries[today] += len(keys)
        self.searches[today] += searched

    def absorb(self, newer: "_Waiting") -> None:
        """What came while this could not be written waits with it."""
        for name in ("shown", "openings", "queries"):
            self._add(getattr(self, name), getattr(newer, name).elements())
        self.deliveries.update(newer.deliveries)
        self.searches.update(newer.searches)

    def _add(self, counter: Counter[Any], keys: Iterable[Any]) -> None:
        room = MAX_WAITING - len(self.shown) - len(self.openings) - len(self.queries)
        for key in keys:
            room -= key not in counter
            if room >= 0 or key in counter:
                counter[key] += 1


def _write(file: sqlite3.Connection, waiting: _Waiting) -> None:
    counts.upsert(file, "products", OWN, {key: (count, 0) for key, count in waiting.shown.items()}, ADD)
    opened: dict[tuple[str, ...], tuple[int, ...]] = {}
    openings: Counter[str] = Counter()
    for (day, key), count in waiting.openings.items():
        if file.execute("SELECT 1 FROM products WHERE locale = ? AND product_id = ? LIMIT 1", key).fetchone():
            opened = dict(counts.summed(opened, {key: (0, count)}))
            openings[day] += count
    counts.upsert(file, "products", OWN, opened, ADD)
    counts.upsert(file, "queries", OWN, {(query,): (count,) for query, count in waiting.queries.items()}, ADD)
    days = {
        (day,): (waiting.searches[day], waiting.deliveries[day], openings[day])
        for day in sorted(waiting.searches.keys() | openings.keys())
    }
    counts.upsert(file, "days", OWN, days, ADD)
    counts.shrink(file, "products", MAX_PRODUCTS)
    counts.shrink(file, "queries", MAX_QUERIES)


def _why(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


def _is_id(value: object) -> bool:
    """Whether a value from a visitor can be part of a product's key at all; a lone surrogate cannot be written."""
    return (
        isinstance(value, str) and len(value) <= MAX_ID_CHARACTERS and value.encode(errors="replace").decode() == value
    )
