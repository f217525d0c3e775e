"""Counts how often each product is shown and opened, in a local SQLite file that threads and processes may share.

There is no column for a visitor's address, session or time of day. Query texts are kept only if the owner turned that
on. Counting never delays a search: it adds to a counter in memory, which a thread writes to the file once a second.
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
from typing import TypeVar

from space.data.words import normalized
from space.feedback import counts
from space.feedback.counts import ADD, OWN, Report

logger = logging.getLogger(__name__)

#: At most so many rows, so that the file stays small; the smallest counts go first. The totals by day stay right.
MAX_PRODUCTS, MAX_QUERIES = 200_000, 10_000
MAX_QUERY_CHARACTERS = 200
#: At most so many products and queries in memory; reached only if the disk cannot be written for long.
MAX_WAITING = 100_000
MAX_ID_CHARACTERS = 200
WRITE_SECONDS = 1.0

Key = TypeVar("Key")


class Usage:
    """Counts in a file.

    Args:
        path: the SQLite file; created with the first count.
        log_queries: also keep query texts, in lower case and cut to ``MAX_QUERY_CHARACTERS``.
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
        """Count one answer.

        Args:
            products: (locale, product id) of each hit; duplicates, as in a comparison, count once.
            query: the query's text.
        """
        text = normalized(query.encode("utf-8", "replace").decode())
        with self._lock:
            self._waiting.add_answer(set(products), text[:MAX_QUERY_CHARACTERS] if self.log_queries else "")
            self._start_writing()

    def opened(self, locale: str, product_id: str) -> None:
        """Count that a visitor opened a product's details, unless it was never shown: visitors can send any id."""
        if _is_id(locale) and _is_id(product_id):
            with self._lock:
                self._waiting.add_opened((locale, product_id))
                self._start_writing()

    def _start_writing(self) -> None:
        if self._thread is None and not self._closed.is_set():
            self._thread = threading.Thread(target=self._write_on, name="usage", daemon=True)
            self._thread.start()
            atexit.register(self.close)

    def _write_on(self) -> None:
        while not self._closed.wait(self._seconds):
            self.flush()

    def flush(self) -> bool:
        """Write the counts in memory; whether all of them are in the file now. Only the first failure is logged."""
        if os.getpid() != self._process:  # a fork has a copy of the counts, which the parent writes
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
        """Write the rest and stop the thread; later counts are lost."""
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
        """What this and all other processes have counted so far; None if the file cannot be read.

        Args:
            top: length of the lists.
            days: how many days the daily figures cover.
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


class _Waiting:
    """Counts in memory that are not in the file yet."""

    def __init__(self) -> None:
        self.shown: Counter[tuple[str, str]] = Counter()  # by product
        self.queries: Counter[str] = Counter()
        self.searches: Counter[str] = Counter()  # by day
        self.deliveries: Counter[str] = Counter()  # products shown, by day
        self.openings: Counter[tuple[str, tuple[str, str]]] = Counter()  # by day and product

    def __bool__(self) -> bool:
        return bool(self.searches or self.openings)

    def add_answer(self, products: set[tuple[str, str]], query: str) -> None:
        """Count an answer. A product or query beyond ``MAX_WAITING`` counts only in the day's totals."""
        today = datetime.now(UTC).date().isoformat()
        self._add(self.shown, products)
        self._add(self.queries, [query] if query else [])
        self.deliveries[today] += len(products)
        self.searches[today] += 1

    def add_opened(self, product: tuple[str, str]) -> None:
        """Count an opened product."""
        self._add(self.openings, [(datetime.now(UTC).date().isoformat(), product)])

    def absorb(self, newer: "_Waiting") -> None:
        """Add what came while these counts could not be written."""
        self._add(self.shown, newer.shown.elements())
        self._add(self.queries, newer.queries.elements())
        self._add(self.openings, newer.openings.elements())
        self.deliveries.update(newer.deliveries)
        self.searches.update(newer.searches)

    def _add(self, counter: Counter[Key], keys: Iterable[Key]) -> None:
        room = MAX_WAITING - len(self.shown) - len(self.openings) - len(self.queries)
        for key in keys:
            room -= key not in counter
            if room >= 0 or key in counter:
                counter[key] += 1


def _write(file: sqlite3.Connection, waiting: _Waiting) -> None:
    counts.upsert(file, "products", OWN, {key: (count, 0) for key, count in waiting.shown.items()}, ADD)
    opened: Counter[tuple[str, str]] = Counter()
    openings: Counter[str] = Counter()
    for (day, key), count in waiting.openings.items():
        if file.execute("SELECT 1 FROM products WHERE locale = ? AND product_id = ? LIMIT 1", key).fetchone():
            opened[key] += count
            openings[day] += count
    counts.upsert(file, "products", OWN, {key: (0, count) for key, count in opened.items()}, ADD)
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
    """Whether a visitor's value can be a product id: short text, without lone surrogates, which cannot be stored."""
    return (
        isinstance(value, str) and len(value) <= MAX_ID_CHARACTERS and value.encode(errors="replace").decode() == value
    )
