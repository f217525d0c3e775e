"""A csv file to columns of text, every fault named by line and column. Knows no product.

Lines are counted as an editor does, from 1, the header's among them; a quoted text may run over several.
"""

import csv
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from space.errors import UserError, shown

DELIMITERS = ",;\t|"
_BATCH_ROWS = 65_536
#: How files begin that are often taken for a csv; the message names what to do instead.
_NOT_CSV = {
    b"PK\x03\x04": "a zip archive, as .xlsx files are: export the table as CSV",
    b"\xd0\xcf\x11\xe0": "an old .xls file: export the table as CSV",
    b"PAR1": "a parquet file: its name should end in .parquet",
    b"\x1f\x8b": "compressed with gzip: unpack it first",
    b"%PDF": "a PDF",
    b"\xff\xfe": "UTF-16 text: save it as UTF-8",
    b"\xfe\xff": "UTF-16 text: save it as UTF-8",
}


class CsvError(UserError):
    """A file that is no readable csv; the message names the line, and the column where there is one."""


@dataclass(frozen=True)
class CsvTable:
    """What a csv file holds.

    Attributes:
        columns: text throughout, an empty cell null; columns without a name are left out.
        lines: (n,) int64, the line on which each row begins.
    """

    columns: pa.Table
    lines: np.ndarray


def read_csv(
    data: BinaryIO, *, max_rows: int | None = None, max_cell: int | None = None, max_columns: int | None = None
) -> CsvTable:
    """Read UTF-8, with or without byte order mark, separated by comma, semicolon, tab or bar.

    Args:
        data: the file, at its start; it can be wound back.
        max_rows: more are refused.
        max_cell: longer cells are refused; csv itself ends at 131,072 characters.
        max_columns: more are refused.

    Raises:
        CsvError: whatever is wrong.
    """
    head = data.read(4)
    for start, what in _NOT_CSV.items():
        if head.startswith(start):
            raise CsvError(f"this is {what}")
    data.seek(0)
    # Bytes that are no UTF-8 become surrogates here, and are refused where their line and column are known.
    lines = _lines(io.TextIOWrapper(data, encoding="utf-8-sig", errors="surrogateescape", newline=""))
    begun: list[str] = []
    while not begun or not begun[-1].strip():
        if (line := next(lines, None)) is None:
            raise CsvError("the file is empty")
        begun.append(line)
    delimiter = max(DELIMITERS, key=lambda one: _cells(begun[-1], one))  # of equals the first
    records = _records(itertools.chain(begun, lines), delimiter)
    names = _names(next(records, None), max_columns)
    batches, rows, starts = [], [], []
    for line, cells in records:
        if len(cells) != len(names):
            counted = f"{len(cells):,} cell{'' if len(cells) == 1 else 's'}"
            raise CsvError(f"line {line} has {counted}, the header has {len(names):,}")
        if max_rows is not None and len(starts) >= max_rows:
            raise CsvError(f"line {line} is row {max_rows + 1:,}; use at most {max_rows:,} rows")
        if max_cell is not None and max(map(len, cells)) > max_cell:
            place = next(place for place, cell in enumerate(cells) if len(cell) > max_cell)
            raise CsvError(
                f"line {line}, column {shown(names[place])}: a text of {len(cells[place]):,} characters; "
                f"use at most {max_cell:,}"
            )
        rows.append(cells)
        starts.append(line)
        if len(rows) == _BATCH_ROWS:
            batches.append(_columns(rows, starts[-len(rows) :], names))
            rows = []
    batches.append(_columns(rows, starts[len(starts) - len(rows) :], names))
    return CsvTable(pa.concat_tables(batches).combine_chunks(), np.asarray(starts, dtype=np.int64))


def _names(header: tuple[int, list[str]] | None, max_columns: int | None) -> list[str]:
    """What the header calls the columns."""
    if header is None:  # nothing but delimiters, or quotes around nothing
        raise CsvError("no line of the file holds anything")
    line, cells = header
    if max_columns is not None and len(cells) > max_columns:
        raise CsvError(f"line {line} has {len(cells):,} columns; use at most {max_columns:,}")
    names = [name.strip() for name in cells]
    _refuse_foreign_bytes([names], [line], [f"number {place}" for place in range(1, len(names) + 1)])
    return names


def _lines(text: io.TextIOBase) -> Iterator[str]:
    for number, line in enumerate(text, start=1):
        if "\0" in line:
            raise CsvError(f"line {number}, character {line.index(chr(0)) + 1}: a null byte, so this is no text file")
        yield line


def _records(lines: Iterator[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(line it begins on, cells) of each record that is not blank throughout, as a spreadsheet's last rows may be."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        begin = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise CsvError(_fault(str(error), begin, reader.line_num)) from error
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield begin, cells


def _fault(said: str, begin: int, end: int) -> str:
    if "end of data" in said or "field limit" in said:
        return f"line {begin}: a quote is opened here and not closed"
    if "expected after" in said:
        return f"line {end}: a quote within a quoted text; write it twice"
    return f"line {end}: {said}"


def _cells(line: str, delimiter: str) -> int:
    """How many cells a delimiter makes of a line, whose last may go on in the next."""
    try:
        return len(next(csv.reader([line], delimiter=delimiter), []))
    except csv.Error:  # a cell beyond csv's own limit, so hardly the delimiter
        return 0


def _columns(rows: list[list[str]], lines: list[int], names: list[str]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    try:
        arrays = [pa.array([cell or None for cell in column], pa.string()) for column in columns]
    except UnicodeEncodeError:
        _refuse_foreign_bytes(rows, lines, names)
        raise
    kept = [place for place, name in enumerate(names) if name]
    return pa.Table.from_arrays([arrays[place] for place in kept], [names[place] for place in kept])


def _refuse_foreign_bytes(rows: list[list[str]], lines: list[int], names: list[str]) -> None:
    for line, cells in zip(lines, rows, strict=True):
        for name, cell in zip(names, cells, strict=True):
            byte = next((ord(one) - 0xDC00 for one in cell if "\udc80" <= one <= "\udcff"), None)
            if byte is not None:
                raise CsvError(
                    f"line {line}, column {shown(name)}: byte 0x{byte:02X} is not UTF-8; save the file as UTF-8"
                )
