"""Reads a table of judgments, of queries or of products from one file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from space.data.catalogue import BULLETS, COLUMN_TYPES, KEY, NO_LOCALE, DataError, Source
from space.data.column_names import find_columns, plain_name
from space.data.file_tables import FileTable, read_table
from space.data.judgment_formats.columns import ALL_NAMES, COUNTS, NAMES, find_judgment_columns, need
from space.data.judgment_formats.raw import Wanted
from space.data.product_table import catalogue_of, refuse_nulls, typed, whole_ids
from space.data.text_files import open_text, unpacked
from space.data.texts import LostDigitsError, text_column
from space.errors import listed, shown

_QRELS_LINE = re.compile(r"\S++\s++\S++\s++\S++\s++[+-]?\d+")
#: The first line of qrels, perhaps with a grade that cannot be read.
_LIKE_QRELS = re.compile(r"[^\s,;|]++\s++(Q?\d++\s++\S++\s++\S++|\S++\s++\S++\s++[+-]?\d+)")


@dataclass(frozen=True)
class JudgmentTable:
    """Judgments of one file.

    Attributes:
        frame: text columns, of which "product_id" and "label" are always there, and "line" (int64).
        clicks: the labels are counts.
        used: the columns used, for the log.
        label: the file's name of the column of labels.
    """

    frame: pd.DataFrame
    clicks: bool
    used: str
    label: str = ""


def open_table(path: Path, wanted: Wanted) -> FileTable:
    """The table in a file, with the columns that judgments may have."""
    return read_table(path, ALL_NAMES | frozenset(wanted.columns.values()), wanted.encoding)


def texts_of(table: FileTable, places: Mapping[str, int], path: Path) -> pd.DataFrame:
    """Columns as text, None for missing values, and "line", where each row starts (its number in a parquet).

    Raises:
        DataError: floats too large to be ids, or text that is not UTF-8.
    """
    found: dict[str, object] = {}
    for ours, place in places.items():
        try:
            found[ours] = text_column(table.column(place), ours)[0].to_pandas().astype(object)
        except LostDigitsError as error:
            name = shown(table.header[place])
            raise DataError(f"{path}: column {name} holds {error}, without all digits; save ids as text") from error
        except (pa.ArrowException, UnicodeDecodeError) as error:
            raise DataError(f"{path}: column {shown(table.header[place])}: {error}; save it as UTF-8") from error
    found["line"] = np.arange(1, table.rows + 1) if table.lines is None else table.lines
    return pd.DataFrame(found)


def judgment_table(path: Path, table: FileTable, wanted: Wanted) -> JudgmentTable:
    """The judgments in a table.

    Raises:
        DataError: no column, or more than one, for the product or the label, or an empty value.
    """
    given = {ours: theirs for ours, theirs in wanted.columns.items() if ours in NAMES}
    places = find_judgment_columns(table.header, given, str(path))
    for ours in ("product_id", "label"):
        need(places, ours, table.header, str(path))
    if "query" not in places and "query_id" not in places:
        need(places, "query", table.header, str(path))
    if not table.rows:
        raise DataError(f"{path}: holds no judgment, only a header")
    frame = texts_of(table, places, path)
    for ours in places:
        refuse_empty(frame, ours, path, table.header[places[ours]])
    if "ratings" in places:
        _refuse_odd_counts(frame, path, table.header[places["ratings"]])
    used = ", ".join(f"{ours} = {shown(table.header[place])}" for ours, place in places.items())
    label = table.header[places["label"]]
    return JudgmentTable(frame, plain_name(label) in COUNTS, used, label)


def refuse_empty(frame: pd.DataFrame, ours: str, path: Path, name: str) -> None:
    """Check that a column has a value in each row.

    Raises:
        DataError: it has not; the message names the line.
    """
    empty = frame[frame[ours].isna() | (frame[ours].astype(str).str.strip() == "")]
    if len(empty):
        line = empty["line"].iloc[0]
        raise DataError(
            f"{path}: line {line}: column {shown(name)} is empty, as in {len(empty)} rows in all; fill it in or "
            f"delete these rows"
        )


def _refuse_odd_counts(frame: pd.DataFrame, path: Path, name: str) -> None:
    odd = frame[~frame["ratings"].str.fullmatch(r"0*[1-9]\d{0,8}")]
    if len(odd):
        line, value = odd["line"].iloc[0], odd["ratings"].iloc[0]
        raise DataError(
            f"{path}: line {line}: column {shown(name)} holds {shown(value)}; write how many ratings the label is the "
            f"mean of, 1 or more, or leave the column out with --columns ratings="
        )


def is_qrels(path: Path, encoding: str) -> bool:
    """Whether the first line is one of TREC qrels, which have no header: ``qid 0 docid grade``."""
    with unpacked(path), open_text(path, encoding) as file:
        return _LIKE_QRELS.fullmatch(file.readline().decode("utf-8", "replace").strip()) is not None


def qrels(path: Path, encoding: str) -> JudgmentTable:
    """The judgments of TREC qrels; grades below 0, which mark spam and the like, count as 0.

    Raises:
        DataError: a line that has not four parts, of which the last is a whole number, or that is not UTF-8.
    """
    rows, junk = [], 0
    with unpacked(path), open_text(path, encoding) as file:
        for number, line in enumerate(file, start=1):
            try:
                text = line.decode().strip()
            except UnicodeDecodeError as error:
                cure = "save it as UTF-8, or name its encoding, such as --encoding cp1252"
                raise DataError(
                    f"{path}: line {number}: byte 0x{line[error.start]:02X} is not UTF-8; {cure}"
                ) from error
            if not text:
                continue
            if not _QRELS_LINE.fullmatch(text):
                raise DataError(
                    f"{path}: line {number}: {shown(text)} is not QUERY_ID 0 PRODUCT_ID GRADE, GRADE a whole number"
                )
            query, _, product, grade = text.split()
            junk += int(grade) < 0
            rows.append((query, product, str(max(int(grade), 0)), number))
    used = f"{junk} grades below 0, which mark junk, count as 0" if junk else ""
    return JudgmentTable(pd.DataFrame(rows, columns=["query_id", "product_id", "label", "line"]), False, used)


def product_places(
    path: Path, table: FileTable, wanted: Wanted, names: Mapping[str, str] | None = None
) -> dict[str, int]:
    """Where the columns of products are; ``names`` go before the usual ones, and --columns before these.

    Raises:
        DataError: no column for the id or the title.
    """
    given = dict(names or {}) | {ours: theirs for ours, theirs in wanted.columns.items() if ours in COLUMN_TYPES}
    have = {plain_name(name) for name in table.header}
    # One flag may name the id in the judgments only.
    given = {
        ours: theirs for ours, theirs in given.items() if ours not in KEY or not theirs or plain_name(theirs) in have
    }
    ids = [name for name in table.header if plain_name(name) in NAMES["product_id"]]
    if "product_id" not in given and len(ids) == 1:
        given["product_id"] = ids[0]
    if not wanted.bullets:
        given[BULLETS] = ""
    places = find_columns(table.header, given, str(path))
    for ours in ("product_id", "product_title"):
        if ours not in places:
            raise DataError(
                f"{path}: no column {ours!r}, only {listed(table.header)}; name it with --columns {ours}=…"
            )
    return places


def catalogue(path: Path, table: FileTable, places: Mapping[str, int], *, joined: bool) -> tuple[pa.Table, list[str]]:
    """The products of a table, and notes for the log.

    Args:
        path: the file, for messages.
        table: one row for each product, or with ``joined`` for each judgment: a product's first row counts.
        places: see ``product_places``.
        joined: see ``table``.

    Raises:
        DataError: no product, a null id, or two products with one id.
    """
    found = {ours: table.column(place) for ours, place in places.items()}
    if "product_locale" not in found:
        found["product_locale"] = [pa.array([NO_LOCALE] * table.rows, pa.string())]
    source = Source(path.name, table.lines, {ours: table.header[place] for ours, place in places.items()})
    if not joined:
        return catalogue_of(found, source, keep_empty=True)
    products, unread = typed(found, source)
    if not len(products):
        raise DataError(f"{path}: holds no product")
    refuse_nulls(products, KEY, source)
    products = whole_ids(products)
    first = ~products.select(list(KEY)).to_pandas().duplicated().to_numpy()
    return products.filter(pa.array(first)).combine_chunks(), [str(one) for one in unread]
