"""The files in which a data set on the Hub holds counts: for each lineage a note and a csv file a table.

A lineage is one local file of counts; its id names its files here.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from space.errors import UserError
from space.feedback.counts import TABLES, Counts, Rows

CARD = "README.md"
#: Patterns of all these files.
PATTERNS = (CARD, "lineages/*.json", *(f"{table}/*.csv" for table in TABLES))
#: A running process writes its lineage at least once a day, so after a week of silence it is dead.
ABANDONED = timedelta(days=7)
_LARGEST = 2**53
_CARD_TEXT = """---
pretty_name: How often products were shown and opened
configs:
{configs}---

# How often products were shown and opened

Written by the search page. Each of its runs has its own files; add them up. Products and days are counted, visitors
are not.
"""


@dataclass(frozen=True)
class Lineage:
    """One run's counts.

    Attributes:
        counts: what it has counted.
        finished: it has ended in order and counts no more.
        written: when it was last committed, in UTC.
    """

    counts: Counts
    finished: bool
    written: date

    @property
    def is_left(self) -> bool:
        """Whether no process writes it any more, so that another may take it over."""
        return self.finished or datetime.now(UTC).date() - self.written > ABANDONED


def paths(lineage: str) -> list[str]:
    """Paths of all files that a lineage can have."""
    return [f"lineages/{lineage}.json", *(f"{table}/{lineage}.csv" for table in TABLES)]


def to_files(lineage: str, counts: Counts, tables: Iterable[str], *, finished: bool) -> dict[str, bytes]:
    """{path: content} of a lineage.

    Args:
        lineage: its id.
        counts: what it has counted.
        tables: the tables to write, of ``TABLES``.
        finished: see ``Lineage``.
    """
    note = {"finished": finished, "written": datetime.now(UTC).date().isoformat()}
    files = {f"{table}/{lineage}.csv": to_csv(table, getattr(counts, table)) for table in tables}
    return files | {f"lineages/{lineage}.json": json.dumps(note).encode()}


def card(tables: Iterable[str]) -> bytes:
    """README.md of the data set, with a config for each table."""
    configs = "".join(f'- config_name: {table}\n  data_files: "{table}/*.csv"\n' for table in tables)
    return _CARD_TEXT.format(configs=configs).encode()


def read_all(folder: Path, *, queries: bool) -> dict[str, Lineage]:
    """{id: lineage} of a downloaded data set.

    Args:
        folder: the data set.
        queries: also read the query texts.

    Raises:
        UserError: a file was edited or damaged.
    """
    found = {path.stem: _read(folder, path.stem) for path in sorted(folder.glob("lineages/*.json"))}
    if not queries:
        found = {name: replace(one, counts=replace(one.counts, queries={})) for name, one in found.items()}
    return found


def _read(folder: Path, lineage: str) -> Lineage:
    try:
        note = json.loads((folder / f"lineages/{lineage}.json").read_text(encoding="utf-8"))
        counts = Counts(*(from_csv(table, folder / table / f"{lineage}.csv") for table in TABLES))
        return Lineage(counts, bool(note["finished"]), date.fromisoformat(note["written"]))
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise UserError(f"the counts of {lineage} in the data set cannot be read ({error}): remove them") from error


def to_csv(table: str, rows: Rows) -> bytes:
    """A table of counts as csv, sorted by its keys."""
    keys, counters = TABLES[table]
    text = io.StringIO()
    # Quotes around every text: the writer leaves a lone carriage return unquoted, and the reader ends a row there.
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow((*keys, *counters))
    writer.writerows((*key, *numbers) for key, numbers in sorted(rows.items()))
    return text.getvalue().encode()


def from_csv(table: str, path: Path) -> Rows:
    """A table of counts; empty if there is no such file.

    Raises:
        ValueError: other columns, or a count that is no number from 0 to 2**53.
    """
    keys, counters = TABLES[table]
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    if not rows or rows[0] != [*keys, *counters]:
        raise ValueError(f"{path.name}: columns {rows[:1]}")
    found = {}
    for row in rows[1:]:
        numbers = tuple(int(value) for value in row[len(keys) :])
        if len(row) != len(keys) + len(counters) or not all(0 <= value < _LARGEST for value in numbers):
            raise ValueError(f"{path.name}: row {row[:4]}")
        found[tuple(row[: len(keys)])] = numbers
    return found


def total(lineages: Mapping[str, Lineage]) -> Counts:
    """The counts of several lineages, added up."""
    counts = Counts()
    for lineage in lineages.values():
        counts += lineage.counts
    return counts
