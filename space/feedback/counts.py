"""The tables in which it is counted how often products were shown and opened, in an SQLite file.

Knows keys and numbers, and how they are added up, shrunk and read; neither who counts nor when.
"""

import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_LOCK_SECONDS = 5.0
#: What was counted into this file, and what was counted elsewhere and brought here.
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


#: What becomes of a counter that is there already, see ``upsert``.
ADD = "{0} + excluded.{0}"
RAISE = "max({0}, excluded.{0})"


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
        return Counts(*(summed(getattr(self, table), getattr(other, table)) for table in TABLES))


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


@contextmanager
def transaction(path: Path) -> Iterator[sqlite3.Connection]:
    """The file, opened for one transaction: all of it happens or, if the process is killed, nothing.

    Opened each time, since a connection must not be carried through a fork, and ZeroGPU forks.

    Raises:
        sqlite3.Error, OSError: not writable, full, damaged, or locked for seconds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = sqlite3.connect(path, timeout=_LOCK_SECONDS, isolation_level=None)
    try:
        file.execute("PRAGMA journal_mode = WAL")  # a reader and a writer do not wait for each other
        file.execute("PRAGMA synchronous = NORMAL")  # a power cut may take the last second, never the file
        file.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA.split(";"):
            file.execute(statement)
        if not fact(file, "lineage"):
            set_fact(file, "lineage", uuid.uuid4().hex)
        yield file
        file.execute("COMMIT")
    finally:
        file.close()  # rolls back what was not committed


def upsert(
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


def rows(file: sqlite3.Connection, table: str) -> Iterator[tuple[tuple[str, ...], tuple[int, ...]]]:
    """(keys, numbers) of what was counted into this file."""
    keys, counters = TABLES[table]
    for row in file.execute(f"SELECT {', '.join((*keys, *counters))} FROM {table} WHERE part = {OWN}"):
        yield row[: len(keys)], row[len(keys) :]


def shrink(file: sqlite3.Connection, table: str, limit: int) -> None:
    """Drop what was counted least once there are more than ``limit``, a tenth at a time, so that it is seldom."""
    (rows,) = file.execute(f"SELECT count(*) FROM {table} WHERE part = {OWN}").fetchone()
    if rows > limit:
        keys, counters = (", ".join(names) for names in TABLES[table])
        order = ", ".join(reversed(TABLES[table][1]))
        least = f"SELECT {keys} FROM {table} WHERE part = {OWN} ORDER BY {order}, {keys} LIMIT ?"
        file.execute(f"DELETE FROM {table} WHERE part = {OWN} AND ({keys}) IN ({least})", (rows - limit * 9 // 10,))


def report(file: sqlite3.Connection, top: int, days: int, log_queries: bool) -> Report:
    """What the counts of this file and those of others say together; see ``Usage.report``."""
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


def fact(file: sqlite3.Connection, name: str) -> str:
    """A note kept beside the counts, "" if there is none."""
    found = file.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return found[0] if found else ""


def set_fact(file: sqlite3.Connection, name: str, value: str) -> None:
    """Keep a note."""
    file.execute("INSERT INTO facts VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", (name, value))


def summed(
    first: Mapping[tuple[str, ...], tuple[int, ...]], second: Mapping[tuple[str, ...], tuple[int, ...]]
) -> dict[tuple[str, ...], tuple[int, ...]]:
    """Numbers added up by key."""
    total = dict(first)
    for key, numbers in second.items():
        total[key] = tuple(map(sum, zip(total[key], numbers, strict=True))) if key in total else numbers
    return total
