"""Reads the table in a file, csv, jsonl (also gzipped) or parquet, without deciding what its columns are.

Columns keep the types of the file; ``space.data.texts`` and ``space.data.numbers`` read those that are used. So a list
or an object in an unused column does no harm.
"""

import json
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from space.data.catalogue import DataError
from space.data.column_names import NAMES, plain_name
from space.data.csv_reader import CsvEncodingError, CsvError, read_csv
from space.data.parquet import read_parquet
from space.data.text_files import inner_suffix, open_text, unpacked
from space.data.texts import Chunk
from space.errors import shown

CSV, JSONL, PARQUET = (".csv", ".tsv", ".txt"), (".jsonl", ".ndjson"), (".parquet",)
#: Seconds between two messages about a file that takes long to read.
PROGRESS_SECONDS = 5.0
_BATCH_ROWS = 65_536
logger = logging.getLogger(__name__)
_KNOWN = frozenset(name for names in NAMES.values() for name in names)


@dataclass(frozen=True)
class FileTable:
    """A table as a file has it.

    Attributes:
        header: names of the columns.
        rows: (n) how many rows.
        column: (position in the header) to the parts of that column.
        lines: (n,) int64, the line on which each row starts; None for parquet, which has no lines.
    """

    header: list[str]
    rows: int
    column: Callable[[int], list[Chunk]]
    lines: np.ndarray | None = None


def read_table(path: Path, named: frozenset[str] = frozenset(), encoding: str = "") -> FileTable:
    """The table in a file, by the suffix of its name.

    Args:
        path: the file.
        named: names of columns to keep of a jsonl, in addition to ``NAMES``.
        encoding: of a csv or jsonl, see ``open_text``.

    Raises:
        DataError: an unknown suffix, or a file that cannot be read.
    """
    suffix = path.suffix.lower()
    try:
        if suffix in PARQUET:
            return _parquet(path)
        suffix = inner_suffix(path)
        with unpacked(path), open_text(path, encoding) as file:
            if suffix in CSV:
                return csv_table(file, progress=_Progress(path.name))
            if suffix in JSONL:
                return _jsonl(file, named, _Progress(path.name))
    except (CsvEncodingError, _JsonlEncodingError) as error:
        cure = "or name its encoding, such as --encoding cp1252 or --encoding cp1251"
        raise DataError(f"{path}: cannot be read as {suffix[1:]}: {error}, {cure}") from error
    except (pa.ArrowException, OSError, CsvError, _JsonlError) as error:
        raise DataError(f"{path}: cannot be read as {suffix[1:]}: {error}") from error
    known = ", ".join((*CSV, *PARQUET, *JSONL))
    raise DataError(f"{path}: unknown format {path.suffix.lower()!r}; use {known}, and .gz after those of text")


class _Progress:
    """Logs how many rows of a file were read, every few seconds."""

    def __init__(self, name: str) -> None:
        self.name, self.said = name, time.monotonic()

    def __call__(self, rows: int) -> None:
        if time.monotonic() - self.said >= PROGRESS_SECONDS:
            self.said = time.monotonic()
            logger.info(f"{self.name}: {rows:,} rows read")


def csv_table(
    file: BinaryIO,
    *,
    max_rows: int | None = None,
    max_columns: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> FileTable:
    """The table in a csv, see ``read_csv``.

    Raises:
        CsvError: see ``read_csv``.
    """
    found = read_csv(file, max_rows=max_rows, max_columns=max_columns, progress=progress)
    table = found.columns
    return FileTable(table.column_names, len(table), lambda place: table.column(place).chunks, found.lines)


class _JsonlError(ValueError):
    """A line that is not a JSON object."""


class _JsonlEncodingError(_JsonlError):
    """Bytes that are not UTF-8."""


def _parquet(path: Path) -> FileTable:
    try:
        header, rows = pq.read_schema(path).names, pq.read_metadata(path).num_rows
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: the name of a column is not UTF-8: {error}") from error

    def column(place: int) -> list[Chunk]:
        try:
            return read_parquet(path, [header[place]]).column(0).chunks
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: column {shown(header[place])} cannot be read: {error}") from error

    return FileTable(header, rows, column)


def _jsonl(file: BinaryIO, named: frozenset[str], progress: Callable[[int], None]) -> FileTable:
    """Objects of any shape: a key that a line does not have is null there."""
    known = _KNOWN | {plain_name(name) for name in named}
    wanted: dict[str, bool] = {}  # in the order in which keys appear
    lines: list[int] = []
    batches: list[dict[str, Chunk]] = []
    values: dict[str, list[object]] = {}
    for line, found in _objects(file):
        place = len(lines) % _BATCH_ROWS
        if lines and not place:
            batches.append(_arrays(values, _BATCH_ROWS))
            values = {}
            progress(len(lines))
        lines.append(line)
        for name, value in found.items():
            if name not in wanted:
                wanted[name] = plain_name(name) in known
            if wanted[name]:
                column = values.setdefault(name, [])
                column.extend([None] * (place - len(column)))
                column.append(value)
    if not lines:
        raise _JsonlError("the file is empty")
    batches.append(_arrays(values, len(lines) - len(batches) * _BATCH_ROWS))
    header = list(wanted)

    def column(place: int) -> list[Chunk]:
        rows = [min(_BATCH_ROWS, len(lines) - start) for start in range(0, len(lines), _BATCH_ROWS)]
        return [batch.get(header[place], pa.nulls(n, pa.string())) for n, batch in zip(rows, batches, strict=True)]

    return FileTable(header, len(lines), column, np.asarray(lines, np.int64))


def _objects(file: BinaryIO) -> Iterator[tuple[int, dict[str, object]]]:
    """(line, object) of each line that is not blank."""
    for number, line in enumerate(file, start=1):
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except UnicodeDecodeError as error:
            raise _JsonlEncodingError(f"line {number}: {error}; save it as UTF-8") from error
        except (ValueError, RecursionError) as error:
            raise _JsonlError(f"line {number}: {error}") from error
        if not isinstance(found, dict):
            raise _JsonlError(f"line {number}: {shown(found)} is not an object; write one object a line")
        yield number, found


def _arrays(values: dict[str, list[object]], rows: int) -> dict[str, Chunk]:
    """Columns of ``rows`` values as Arrow arrays; a column of several types stays a list."""
    columns: dict[str, Chunk] = {}
    for name, column in values.items():
        column.extend([None] * (rows - len(column)))
        try:
            columns[name] = pa.array(column)
        except (pa.ArrowException, TypeError, OverflowError, UnicodeEncodeError):
            columns[name] = column
    return columns
