"""Reads a csv file into columns of text; every error names line and column.

Lines are counted as in an editor: the header is line 1, and a quoted text may span several lines.
"""

import csv
import io
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from space.errors import UserError, shown
from space.i18n import N_, ngettext, number
from space.i18n import gettext as _

DELIMITERS = ",;\t|"
_BATCH_ROWS = 65_536
#: What the csv module can be set to on every system; by itself it refuses cells beyond 131,072 characters.
_LONGEST_CELL = 2**31 - 1
#: The first line by which spreadsheets tell each other the delimiter: sep=;
_NAMED_DELIMITER = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
#: First bytes of files that people take for a csv, and what to do instead.
_NOT_CSV = {
    b"PK\x03\x04": N_("a zip archive, as .xlsx files are: export the table as CSV"),
    b"\xd0\xcf\x11\xe0": N_("an old .xls file: export the table as CSV"),
    b"PAR1": N_("a parquet file: its name should end in .parquet"),
    b"\x1f\x8b": N_("compressed with gzip: unpack it first"),
    b"%PDF": N_("a PDF"),
    b"\xff\xfe": N_("UTF-16 text: save it as UTF-8"),
    b"\xfe\xff": N_("UTF-16 text: save it as UTF-8"),
}


class CsvError(UserError):
    """A file that cannot be read as csv; the message names the line, and the column if there is one."""


class CsvEncodingError(CsvError):
    """Bytes that are not UTF-8."""


@dataclass(frozen=True)
class CsvTable:
    """The content of a csv file.

    Attributes:
        columns: n rows of text; an empty cell is null, and columns without a name are left out.
        lines: (n,) int64, the line on which each row starts.
    """

    columns: pa.Table
    lines: np.ndarray


def read_csv(
    data: BinaryIO,
    *,
    max_rows: int | None = None,
    max_columns: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> CsvTable:
    """Read UTF-8 text, with or without byte order mark, whose cells are separated by one of ``DELIMITERS``.

    Args:
        data: the file, at its start; it must be seekable.
        max_rows: refuse files with more rows.
        max_columns: refuse files with more columns.
        progress: called now and then with the number of rows read so far.

    Raises:
        CsvError: the file cannot be read, or exceeds a limit.
    """
    head = data.read(4)
    for start, what in _NOT_CSV.items():
        if head.startswith(start):
            raise CsvError(_("this is {what}").format(what=_(what)))
    data.seek(0)
    # Bytes that are not UTF-8 become surrogates here; they are refused later, where line and column are known.
    lines = _lines(io.TextIOWrapper(data, encoding="utf-8-sig", errors="surrogateescape", newline=""))
    head_lines: list[str] = []
    while not head_lines or not head_lines[-1].strip():
        if (line := next(lines, None)) is None:
            raise CsvError(_("the file is empty"))
        head_lines.append(line)
    csv.field_size_limit(_LONGEST_CELL)
    if named := _NAMED_DELIMITER.fullmatch(head_lines[-1].strip()):
        head_lines[-1], delimiter = "\n", named[1]  # a blank line, which is left out
    else:
        delimiter = max(DELIMITERS, key=lambda one: _cells(head_lines[-1], one))
    records = _records(itertools.chain(head_lines, lines), delimiter)
    names = _names(next(records, None), max_columns)
    batches, rows, starts = [], [], []
    for line, cells in records:
        if max_rows is not None and len(starts) >= max_rows:
            text = _("line {line} is row {row}; use at most {most} rows")
            raise CsvError(text.format(line=line, row=number(max_rows + 1), most=number(max_rows)))
        _check_cells(line, cells, names)
        rows.append(cells)
        starts.append(line)
        if len(rows) == _BATCH_ROWS:
            batches.append(_columns(rows, starts[-len(rows) :], names))
            rows = []
            if progress is not None:
                progress(len(starts))
    batches.append(_columns(rows, starts[len(starts) - len(rows) :], names))
    return CsvTable(pa.concat_tables(batches).combine_chunks(), np.asarray(starts, dtype=np.int64))


def _check_cells(line: int, cells: list[str], names: list[str]) -> None:
    if len(cells) != len(names):
        text = ngettext(
            "line {line} has {n} cell, the header has {columns}",
            "line {line} has {n} cells, the header has {columns}",
            len(cells),
        )
        raise CsvError(text.format(line=line, n=number(len(cells)), columns=number(len(names))))


def _names(header: tuple[int, list[str]] | None, max_columns: int | None) -> list[str]:
    """The names of the columns."""
    if header is None:  # only delimiters and empty quotes
        raise CsvError(_("every line of the file is empty"))
    line, cells = header
    if max_columns is not None and len(cells) > max_columns:
        text = _("line {line} has {n} columns; use at most {most}")
        raise CsvError(text.format(line=line, n=number(len(cells)), most=number(max_columns)))
    names = [name.strip() for name in cells]
    _refuse_foreign_bytes([names], [line], [f"number {place}" for place in range(1, len(names) + 1)])
    return names


def _lines(text: io.TextIOBase) -> Iterator[str]:
    for at, line in enumerate(text, start=1):
        if "\0" in line:
            said = _("line {line}, character {character}: a null byte, so this is not text")
            raise CsvError(said.format(line=at, character=line.index("\0") + 1))
        yield line


def _records(lines: Iterator[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(first line, cells) of each record; blank ones, such as the last rows of a spreadsheet, are left out."""
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
    """The csv module's message about a record from line ``begin`` to ``end``, with a cure."""
    if "end of data" in said:
        return _("line {line}: a quote is opened here and not closed").format(line=begin)
    if "expected after" in said:
        return _("line {line}: a quote inside a quoted text; write it twice").format(line=end)
    return _("line {line}: {error}").format(line=end, error=said)


def _cells(line: str, delimiter: str) -> int:
    """How many cells a line has with a delimiter; a quoted last cell may continue on the next line."""
    return len(next(csv.reader([line], delimiter=delimiter), []))


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
                text = _("line {line}, column {column}: byte 0x{byte} is not UTF-8; save the file as UTF-8")
                raise CsvEncodingError(text.format(line=line, column=shown(name), byte=f"{byte:02X}"))
