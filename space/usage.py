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
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

#: The file stays small whatever visitors do: beyond these, what was counted least goes. Totals are kept by the day.
MAX_PRODUCTS, MAX_QUERIES = 200_000, 10_000
MAX_QUERY_CHARACTERS = 200
#: Distinct products and queries waiting to be written; reached only where the disk fails for long.
MAX_WAITING = 100_000
MAX_ID_CHARACTERS = 200
WRITE_SECONDS = 1.0
_LOCK_SECONDS = 5.0
OWN, OTHERS = 0, 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS products (part INTEGER, locale TEXT, product_id TEXT, shown INTEGER NOT NULL,
    opened INTEGER NOT NULL, PRIMARY KEY (part, locale, product_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS queries (part INTEGER, query TEXT, asked INTEGER NOT NULL,
    PRIMARY KEY (part, query)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS days (part INTEGER, day TEXT, searches INTEGER NOT NULL, shown INTEGER NOT NULL,
    opened INTEGER NOT NULL, PRIMARY KEY (part, day)) WITHOUT ROWID;
"""
#: {table: (key columns, counters)}
TABLES = {
    "products": (("locale", "product_id"), ("shown", "opened")),
    "queries": (("query",), ("asked",)),
    "days": (("day",), ("searches", "shown", "opened")),
}


@dataclass(frozen=True)
class Counts:
    """What was counted, by table: {keys: numbers}, both tuples in the order of ``TABLES``.

    Attributes:
        products: {(locale, product id): (shown, opened)}.
        queries: {(text,): (asked,)}.
        days: {(ISO day in UTC,): (searches, shown, opened)}.
    """

    products: Mapping[tuple[str, ...], tuple[int, ...]] = field(default_factory=dict)
    queries: Mapping[tuple[str, ...], tuple[int, ...]] = field(default_factory=dict)
    days: Mapping[tuple[str, ...], tuple[int, ...]] = field(default_factory=dict)

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(_summed(getattr(self, table), getattr(other, table)) for table in TABLES))


@dataclass(frozen=True)
class TopProduct:
    """A product with its counts."""

    locale: str
    product_id: str
    shown: int
    opened: int


@dataclass(frozen=True)
class Report:
    """What the counts say.

    Attributes:
        since: the first day counted, ISO, UTC; "" where nothing was.
        searches: answers given, comparisons included.
        shown: products in them, added up.
        opened: products whose details were opened.
        most_shown: the products shown most, most first, ties by locale and id.
        most_opened: likewise, without those that nobody opened.
        queries: (text, how often asked), most first; None where query texts are not kept.
        days: (ISO day, searches), oldest first.
    """

    since: str
    searches: int
    shown: int
    opened: int
    most_shown: list[TopProduct]
    most_opened: list[TopProduct]
    queries: list[tuple[str, int]] | None
    days: list[tuple[str, int]]


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
        text = " ".join(query.encode("utf-8", "replace").decode().casefold().split())
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
                with self.transaction() as file:
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
            with self.transaction() as file:
                return _report(file, top, days, self.log_queries)
        except (sqlite3.Error, OSError) as error:
            logger.warning("statistics: %s cannot be read (%s)", self.path, _why(error))
            return None

    # -- exchange with other files of counts -------------------------------------------------------------------------

    def own(self) -> Counts:
        """What was counted into this file, without what ``set_others`` brought."""
        with self.transaction() as file:
            return Counts(*({keys: numbers for keys, numbers in _rows(file, table)} for table in TABLES))

    def fact(self, name: str) -> str:
        """A note kept beside the counts, "" if there is none. "lineage" is there from the start: the file's own id."""
        with self.transaction() as file:
            return _fact(file, name)

    def set_fact(self, name: str, value: str) -> None:
        """Keep a note."""
        with self.transaction() as file:
            _set_fact(file, name, value)

    def raise_to(self, counts: Counts) -> None:
        """Where ``counts``, an older or newer copy of this file's own, say more, they are right."""
        with self.transaction() as file:
            for table in TABLES:
                _upsert(file, table, OWN, getattr(counts, table), "max({0}, excluded.{0})")

    def take_over(self, counts: Counts, others: Counts) -> None:
        """Count ``counts`` as this file's own from now on; ``others`` is what still stands elsewhere, in all."""
        with self.transaction() as file:
            for table in TABLES:
                _upsert(file, table, OWN, getattr(counts, table), "{0} + excluded.{0}")
                file.execute(f"DELETE FROM {table} WHERE part = {OTHERS}")
                _upsert(file, table, OTHERS, getattr(others, table), "{0} + excluded.{0}")

    def begin_anew(self) -> None:
        """What was this file's own is somebody else's now: begin a new lineage at zero. Sums stay the same."""
        with self.transaction() as file:
            for table in TABLES:
                mine = dict(_rows(file, table))
                _upsert(file, table, OTHERS, mine, "{0} + excluded.{0}")
                file.execute(f"DELETE FROM {table} WHERE part = {OWN}")
            file.execute("DELETE FROM facts")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The file, opened for one transaction: all of it happens or, if the process is killed, nothing.

        Opened each time, since a connection must not be carried through a fork, and ZeroGPU forks.

        Raises:
            sqlite3.Error, OSError: not writable, full, damaged, or locked for seconds.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = sqlite3.connect(self.path, timeout=_LOCK_SECONDS, isolation_level=None)
        try:
            file.execute("PRAGMA journal_mode = WAL")  # a reader and a writer do not wait for each other
            file.execute("PRAGMA synchronous = NORMAL")  # a power cut may take the last second, never the file
            file.execute("BEGIN IMMEDIATE")
            for statement in _SCHEMA.split(";"):
                file.execute(statement)
            if not _fact(file, "lineage"):
                _set_fact(file, "lineage", uuid.uuid4().hex)
            yield file
            file.execute("COMMIT")
        finally:
            file.close()  # rolls back what was not committed


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
    add = "{0} + excluded.{0}"
    _upsert(file, "products", OWN, {key: (count, 0) for key, count in waiting.shown.items()}, add)
    opened: dict[tuple[str, ...], tuple[int, ...]] = {}
    openings: Counter[str] = Counter()
    for (day, key), count in waiting.openings.items():
        if file.execute("SELECT 1 FROM products WHERE locale = ? AND product_id = ? LIMIT 1", key).fetchone():
            opened = dict(_summed(opened, {key: (0, count)}))
            openings[day] += count
    _upsert(file, "products", OWN, opened, add)
    _upsert(file, "queries", OWN, {(query,): (count,) for query, count in waiting.queries.items()}, add)
    days = {
        (day,): (waiting.searches[day], waiting.deliveries[day], openings[day])
        for day in sorted(waiting.searches.keys() | openings.keys())
    }
    _upsert(file, "days", OWN, days, add)
    _shrink(file, "products", MAX_PRODUCTS)
    _shrink(file, "queries", MAX_QUERIES)


def _shrink(file: sqlite3.Connection, table: str, limit: int) -> None:
    """Drop what was counted least once there are more than ``limit``, a tenth at a time, so that it is seldom."""
    (rows,) = file.execute(f"SELECT count(*) FROM {table} WHERE part = {OWN}").fetchone()
    if rows > limit:
        keys, counters = (", ".join(names) for names in TABLES[table])
        order = ", ".join(reversed(TABLES[table][1]))
        least = f"SELECT {keys} FROM {table} WHERE part = {OWN} ORDER BY {order}, {keys} LIMIT ?"
        file.execute(f"DELETE FROM {table} WHERE part = {OWN} AND ({keys}) IN ({least})", (rows - limit * 9 // 10,))


def _upsert(
    file: sqlite3.Connection,
    table: str,
    part: int,
    rows: Mapping[tuple[str, ...], tuple[int, ...]],
    rule: str,
) -> None:
    """Rows into a table; ``rule`` says what becomes of a counter that is there already."""
    keys, counters = TABLES[table]
    names = ("part", *keys, *counters)
    update = ", ".join(f"{name} = {rule.format(name)}" for name in counters)
    file.executemany(
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) "
        f"ON CONFLICT (part, {', '.join(keys)}) DO UPDATE SET {update}",
        ((part, *key, *numbers) for key, numbers in rows.items()),
    )


def _rows(file: sqlite3.Connection, table: str) -> Iterator[tuple[tuple[str, ...], tuple[int, ...]]]:
    """This file's own."""
    keys, counters = TABLES[table]
    for row in file.execute(f"SELECT {', '.join((*keys, *counters))} FROM {table} WHERE part = {OWN}"):
        yield row[: len(keys)], row[len(keys) :]


def _report(file: sqlite3.Connection, top: int, days: int, log_queries: bool) -> Report:
    since, *totals = file.execute(
        "SELECT coalesce(min(day), ''), coalesce(sum(searches), 0), coalesce(sum(shown), 0), coalesce(sum(opened), 0) "
        "FROM days"
    ).fetchone()
    tops = [
        [
            TopProduct(*row)
            for row in file.execute(
                "SELECT locale, product_id, sum(shown) AS s, sum(opened) AS o FROM products GROUP BY locale, "
                f"product_id HAVING {first} > 0 ORDER BY {first} DESC, {second} DESC, locale, product_id LIMIT ?",
                (top,),
            )
        ]
        for first, second in (("s", "o"), ("o", "s"))
    ]
    asked = "SELECT query, sum(asked) AS n FROM queries GROUP BY query ORDER BY n DESC, query LIMIT ?"
    daily = "SELECT day, sum(searches) FROM days GROUP BY day ORDER BY day DESC LIMIT ?"
    return Report(
        since,
        *totals,
        *tops,
        queries=file.execute(asked, (top,)).fetchall() if log_queries else None,
        days=file.execute(daily, (days,)).fetchall()[::-1],
    )


def _why(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


def _is_id(value: object) -> bool:
    """Whether a value from a visitor can be part of a product's key at all; a lone surrogate cannot be written."""
    return (
        isinstance(value, str) and len(value) <= MAX_ID_CHARACTERS and value.encode(errors="replace").decode() == value
    )


def _fact(file: sqlite3.Connection, name: str) -> str:
    found = file.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return found[0] if found else ""


def _set_fact(file: sqlite3.Connection, name: str, value: str) -> None:
    file.execute("INSERT INTO facts VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", (name, value))


def _summed(
    first: Mapping[tuple[str, ...], tuple[int, ...]], second: Mapping[tuple[str, ...], tuple[int, ...]]
) -> dict[tuple[str, ...], tuple[int, ...]]:
    total = dict(first)
    for key, numbers in second.items():
        total[key] = tuple(map(sum, zip(total[key], numbers, strict=True))) if key in total else numbers
    return total
