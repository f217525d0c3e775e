"""The SQLite tables of counts: how often products were shown and opened, and how often was searched."""

import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_LOCK_SECONDS = 5.0
#: Values of the column ``part``: counted into this file, or counted elsewhere and copied here.
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
#: {keys: numbers}, both tuples in the order of ``TABLES``.
Rows = Mapping[tuple[str, ...], tuple[int, ...]]
#: How ``upsert`` changes a counter that exists: add to it, or raise it to the larger of both.
ADD = "{0} + excluded.{0}"
RAISE = "max({0}, excluded.{0})"


@dataclass(frozen=True)
class Counts:
    """What was counted, by table.

    Attributes:
        products: {(locale, product id): (shown, opened)}.
        queries: {(text,): (asked,)}.
        days: {(ISO day in UTC,): (searches, shown, opened)}.
    """

    products: Rows = field(default_factory=dict)
    queries: Rows = field(default_factory=dict)
    days: Rows = field(default_factory=dict)

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(_sum(getattr(self, table), getattr(other, table)) for table in TABLES))


@dataclass(frozen=True)
class TopProduct:
    """A product with its counts."""

    locale: str
    product_id: str
    shown: int
    opened: int


@dataclass(frozen=True)
class Report:
    """Totals and the most frequent products, queries and days.

    Attributes:
        since: the first day with counts, ISO, UTC; "" if there is none.
        searches: number of answers; a comparison is one.
        shown: number of products in them.
        opened: how often a product's details were opened.
        most_shown: the products shown most often, most first, ties by locale and id.
        most_opened: the products opened most often, without those that were never opened.
        queries: (text, how often asked), most first; None if query texts are not kept.
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
    """A connection for one transaction: all of it happens, or nothing if the process is killed.

    The file is opened each time, because a connection must not be used after a fork, and ZeroGPU forks.

    Raises:
        sqlite3.Error, OSError: not writable, full, damaged, or locked for more than 5 s.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = sqlite3.connect(path, timeout=_LOCK_SECONDS, isolation_level=None)
    try:
        file.execute("PRAGMA journal_mode = WAL")  # readers and the writer do not wait for each other
        file.execute("PRAGMA synchronous = NORMAL")  # a power cut loses the last second at most
        file.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA.split(";"):
            file.execute(statement)
        if not fact(file, "lineage"):
            set_fact(file, "lineage", uuid.uuid4().hex)
        yield file
        file.execute("COMMIT")
    finally:
        file.close()  # rolls back what was not committed


def upsert(file: sqlite3.Connection, table: str, part: int, rows: Rows, rule: str) -> None:
    """Write rows into a table. ``rule``, ``ADD`` or ``RAISE``, changes the counters that exist."""
    keys, counters = TABLES[table]
    names = ("part", *keys, *counters)
    update = ", ".join(f"{name} = {rule.format(name)}" for name in counters)
    file.executemany(
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) "
        f"ON CONFLICT (part, {', '.join(keys)}) DO UPDATE SET {update}",
        ((part, *key, *numbers) for key, numbers in rows.items()),
    )


def own(file: sqlite3.Connection) -> Counts:
    """What was counted into this file, without the copies of others' counts."""
    return Counts(*(_own(file, table) for table in TABLES))


def raise_to(file: sqlite3.Connection, newer: Counts) -> None:
    """Raise this file's own counts to those of ``newer``, another copy of them, where that has more."""
    for table in TABLES:
        upsert(file, table, OWN, getattr(newer, table), RAISE)


def take_over(file: sqlite3.Connection, mine: Counts, others: Counts) -> None:
    """Add ``mine`` to this file's own counts, and replace its copies of others' counts by ``others``."""
    for table in TABLES:
        upsert(file, table, OWN, getattr(mine, table), ADD)
        file.execute(f"DELETE FROM {table} WHERE part = {OTHERS}")
        upsert(file, table, OTHERS, getattr(others, table), ADD)


def begin_anew(file: sqlite3.Connection) -> None:
    """Count this file's own counts as others' and begin a new lineage at zero. The sums stay the same."""
    for table in TABLES:
        upsert(file, table, OTHERS, _own(file, table), ADD)
        file.execute(f"DELETE FROM {table} WHERE part = {OWN}")
    file.execute("DELETE FROM facts")
    set_fact(file, "lineage", uuid.uuid4().hex)


def _own(file: sqlite3.Connection, table: str) -> Rows:
    keys, counters = TABLES[table]
    found = file.execute(f"SELECT {', '.join((*keys, *counters))} FROM {table} WHERE part = {OWN}")
    return {row[: len(keys)]: row[len(keys) :] for row in found}


def shrink(file: sqlite3.Connection, table: str, limit: int) -> None:
    """Drop the rows with the smallest counts if there are more than ``limit``, down to 90 % of it."""
    (number,) = file.execute(f"SELECT count(*) FROM {table} WHERE part = {OWN}").fetchone()
    if number > limit:
        keys, counters = (", ".join(names) for names in TABLES[table])
        order = ", ".join(reversed(TABLES[table][1]))
        least = f"SELECT {keys} FROM {table} WHERE part = {OWN} ORDER BY {order}, {keys} LIMIT ?"
        file.execute(f"DELETE FROM {table} WHERE part = {OWN} AND ({keys}) IN ({least})", (number - limit * 9 // 10,))


def report(file: sqlite3.Connection, top: int, days: int, log_queries: bool) -> Report:
    """The counts of this file and the copied ones, added up; see ``Usage.report``."""
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
    """A note in the file, "" if there is none. "lineage", the id of the file's own counts, always exists."""
    found = file.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return found[0] if found else ""


def set_fact(file: sqlite3.Connection, name: str, value: str) -> None:
    """Write a note into the file."""
    file.execute("INSERT INTO facts VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", (name, value))


def _sum(first: Rows, second: Rows) -> Rows:
    total = dict(first)
    for key, numbers in second.items():
        total[key] = tuple(map(sum, zip(total[key], numbers, strict=True))) if key in total else numbers
    return total
