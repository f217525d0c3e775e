"""Counts how often each product is shown and opened, in files that threads and processes may share.

No visitor's address, session or time of day is written. Query texts are kept only if the owner turned that on, in
files of their own. Counting never delays a search: it adds to a counter in memory, which a thread writes each second.
"""

import atexit
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from space.data.words import normalized
from space.feedback.counts import Counts, Report
from space.feedback.journal import Journal, Reader

logger = logging.getLogger(__name__)

MAX_QUERY_CHARACTERS = 200
#: At most so many products and queries in memory; reached only if the disk cannot be written for long.
MAX_WAITING = 100_000
#: Bytes of details that a process writes. Beyond it, it only writes the totals by day, so that a flood of searches
#: does not fill the disk.
MAX_BYTES = 200_000_000
MAX_ID_CHARACTERS = 200
WRITE_SECONDS = 1.0

Key = TypeVar("Key")


class Usage:
    """Counts in a journal.

    Args:
        journal: where they are kept, or its folder.
        log_queries: also keep query texts, in lower case and cut to ``MAX_QUERY_CHARACTERS``.
        seconds: between two writes.
    """

    def __init__(self, journal: Journal | Path, *, log_queries: bool = False, seconds: float = WRITE_SECONDS) -> None:
        """Touches nothing yet."""
        self.journal = journal if isinstance(journal, Journal) else Journal(journal)
        self.log_queries, self._seconds = log_queries, seconds
        self._waiting = _Waiting()
        self._counts = Counts()
        self._lines, self._query_lines = Reader(self.journal, "counts"), Reader(self.journal, "queries")
        self._lock, self._writing, self._closed = threading.Lock(), threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None
        self._failing = False
        self._written = 0
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
            try:
                self._write(waiting)
            except OSError as error:
                with self._lock:
                    waiting.absorb(self._waiting)
                    self._waiting = waiting
                if not self._failing:
                    folder = self.journal.folder
                    logger.warning("statistics: %s cannot be written (%s); the search goes on", folder, _why(error))
                self._failing = True
                return False
            if self._failing:
                logger.info("statistics: %s is written again", self.journal.folder)
            self._failing = False
            return True

    def _write(self, waiting: "_Waiting") -> None:
        """Write a line for each day, and take from ``waiting`` what is written."""
        self._read()
        for day in sorted(waiting.searches.keys() | {day for day, _ in waiting.openings}):
            shown = waiting.shown if day == max(waiting.searches, default=day) else Counter()
            opened = Counter(
                {
                    product: count
                    for (opened_on, product), count in waiting.openings.items()
                    # A product that was never shown cannot have been opened: visitors can send any id.
                    if opened_on == day and (self._counts.shown[product] or waiting.shown[product])
                }
            )
            line: dict[str, Any] = {"day": day}
            line |= {"searches": waiting.searches[day], "delivered": waiting.deliveries[day]}
            line["openings"] = opened.total()
            if self._written < MAX_BYTES:
                line |= {"shown": _by_locale(shown), "opened": _by_locale(opened)}
            if waiting.searches[day] or opened:
                self.journal.append("counts", line)
                self._written += 100 + 30 * (len(shown) + len(opened))
            waiting.forget(day, shown)
        if waiting.queries and self._written < MAX_BYTES:
            self.journal.append("queries", {"queries": dict(waiting.queries)})
            self._written += sum(map(len, waiting.queries)) + 10 * len(waiting.queries)
        waiting.queries.clear()

    def _read(self) -> None:
        """Add the lines that this and other processes have written since."""
        for record in self._lines.new():
            self._counts.add(record)
        if self.log_queries:
            for record in self._query_lines.new():
                self._counts.add_queries(record)

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
        """What this and all other processes have counted so far; None if the files cannot be read.

        Args:
            top: length of the lists.
            days: how many days the daily figures cover.
        """
        if not self.flush():
            return None
        try:
            with self._writing:
                self._read()
                return self._counts.report(top, days, queries=self.log_queries)
        except OSError as error:
            logger.warning("statistics: %s cannot be read (%s)", self.journal.folder, _why(error))
            return None


class _Waiting:
    """Counts in memory that are not in the file yet."""

    def __init__(self) -> None:
        self.shown: Counter[tuple[str, str]] = Counter()  # by product
        self.queries: Counter[str] = Counter()
        self.searches: Counter[str] = Counter()  # by day
        self.deliveries: Counter[str] = Counter()  # products shown, by day
        self.openings: Counter[tuple[str, tuple[str, str]]] = Counter()  # by day and product

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

    def forget(self, day: str, shown: Counter[tuple[str, str]]) -> None:
        """Take out what was written: the totals of a day, and the products shown."""
        self.shown -= shown
        self.searches.pop(day, None)
        self.deliveries.pop(day, None)
        for key in [key for key in self.openings if key[0] == day]:
            del self.openings[key]

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


def _by_locale(products: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    """{locale: {id: count}}."""
    found: dict[str, dict[str, int]] = {}
    for (locale, product), count in products.items():
        found.setdefault(locale, {})[product] = count
    return found


def _why(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


def _is_id(value: object) -> bool:
    """Whether a visitor's value can be a product id: short text, without lone surrogates, which cannot be stored."""
    return (
        isinstance(value, str) and len(value) <= MAX_ID_CHARACTERS and value.encode(errors="replace").decode() == value
    )
