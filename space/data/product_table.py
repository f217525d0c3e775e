"""Makes a catalogue of a table of products: cleans its values, leaves out useless rows, checks its ids."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from space.data.catalogue import (
    COLUMN_TYPES,
    KEY,
    TEXT_COLUMNS,
    DataError,
    Source,
    product_columns,
    product_keys,
)
from space.data.numbers import number_column
from space.data.passages import left_out, with_text
from space.data.texts import Chunk, LostDigitsError, text_column
from space.errors import same_rows, shown
from space.i18n import gettext as _
from space.i18n import ngettext, number

logger = logging.getLogger(__name__)

Columns = Mapping[str, Sequence[Chunk]]


@dataclass(frozen=True)
class LeftEmpty:
    """Values of a column that could not be read.

    Attributes:
        column: of the file, quoted.
        count: how many.
        first: the first one and its row.
    """

    column: str
    count: int
    first: str

    def __str__(self) -> str:
        text = ngettext(
            "column {column}: {n} value is not clear and left empty: {first}",
            "column {column}: {n} values are not clear and left empty, the first is {first}",
            self.count,
        )
        return text.format(column=self.column, n=number(self.count), first=self.first)


def as_catalogue(tables: Sequence[pa.Table], source: Source, *, bullets: bool) -> pa.Table:
    """The catalogue of a data set; what was left empty or left out is logged.

    Products without text stay, since there may be judgments of them, see ``space.data.judgments.check``.

    Args:
        tables: parts with the same columns, at least product_id, product_locale and product_title.
        source: for messages.
        bullets: keep the bullet points.

    Raises:
        DataError: no rows, or a null or duplicate id.
    """
    names = product_columns(tables[0].column_names, bullets, source.name)
    columns = {name: [chunk for table in tables for chunk in table[name].chunks] for name in names}
    products, notes = catalogue_of(columns, source, keep_empty=True)
    for note in notes:
        logger.warning("%s: %s", source.name, note)
    return products


def catalogue_of(columns: Columns, source: Source, *, keep_empty: bool = False) -> tuple[pa.Table, list[str]]:
    """A catalogue, and sentences about what was left empty or left out.

    Args:
        columns: {column of ours: its parts}, with both parts of the key.
        source: for messages.
        keep_empty: keep products without title, brand and colour.

    Raises:
        DataError: no rows, or a null or duplicate id.
    """
    table, unread = typed(columns, source)
    notes = [str(one) for one in unread]
    if not len(table):
        raise DataError(_("{source}: holds no product").format(source=source.name))
    table = table.append_column("row", pa.array(np.arange(len(table))))
    if not keep_empty:
        table, empty = with_text(table, source.name)
        notes += [left_out(empty)] if empty else []
    refuse_nulls(table, KEY, source)
    table, repeats = _without_repeats(whole_ids(table), source)
    return table.drop_columns("row").combine_chunks(), notes + repeats


def typed(columns: Columns, source: Source) -> tuple[pa.Table, list[LeftEmpty]]:
    """Clean columns in our order and types, and what was left empty; a missing brand or colour becomes nulls.

    Raises:
        DataError: text that is not UTF-8, or ids that lost digits.
    """
    rows = sum(map(len, columns["product_id"]))
    found, unread = {}, []
    for name, kind in COLUMN_TYPES.items():
        if name not in columns:
            if name in TEXT_COLUMNS:
                found[name] = pa.chunked_array([pa.nulls(rows, kind)])
            continue
        read = text_column if kind == pa.string() else number_column
        try:
            for chunk in columns[name]:
                if isinstance(chunk, pa.Array):
                    chunk.validate(full=True)  # Arrow reads text without checking that it is UTF-8
            found[name], unclear = read(columns[name], name)
        except LostDigitsError as error:
            text = "{source}: column {column} holds {value}, a float without room for all digits; save ids as text"
            column = source.column(name)
            raise DataError(text.format(source=source.name, column=column, value=error)) from error
        except (pa.ArrowException, UnicodeDecodeError) as error:
            raise DataError(
                _("{source}: {error}; save it as UTF-8").format(source=source.name, error=error)
            ) from error
        same_rows(f"{source.name} {name}", product_id=rows, values=len(found[name]), unclear=len(unclear))
        if unclear.any():
            row = int(unclear.argmax())
            first = _("{value} in {row}").format(value=shown(_value(columns[name], row)), row=source.row(row))
            unread.append(LeftEmpty(source.column(name), int(unclear.sum()), first))
    return pa.table(found), unread


def merged(unread: Iterable[LeftEmpty]) -> list[LeftEmpty]:
    """One for each column, of those that several parts of a table have."""
    found: dict[str, LeftEmpty] = {}
    for one in unread:
        before = found.get(one.column)
        found[one.column] = LeftEmpty(one.column, before.count + one.count, before.first) if before else one
    return list(found.values())


def whole_ids(table: pa.Table) -> pa.Table:
    """The table with ids 1001 for "1001.0", if all are written so: a column of numbers once had a gap."""
    ids = table["product_id"]
    if not pc.all(pc.match_substring_regex(ids, r"^\d+\.0$"), min_count=1).as_py():
        return table
    place = table.column_names.index("product_id")
    return table.set_column(place, "product_id", pc.utf8_slice_codeunits(ids, 0, -2))


def refuse_nulls(table: pa.Table, columns: Iterable[str], source: Source) -> None:
    """Raise a ``DataError`` that names the first null if one of the columns has any."""
    for name in columns:
        if table[name].null_count:
            nulls = pc.is_null(table[name]).to_numpy()
            text = _("{source}: column {column} is empty in {n} rows, first in {first}")
            first = source.row(_row(table, int(nulls.argmax())))
            column = source.column(name)
            raise DataError(text.format(source=source.name, column=column, n=number(nulls.sum()), first=first))


def _without_repeats(table: pa.Table, source: Source) -> tuple[pa.Table, list[str]]:
    """The table without rows that repeat another, and without untitled ones of a product that has a titled one.

    Exports of shops have such rows for the variants of a product.
    """
    keys = product_keys(table).dictionary_encode()
    if len(keys.dictionary) == len(table):
        return table, []
    codes = keys.indices.to_numpy()
    shared = np.flatnonzero(np.bincount(codes)[codes] > 1)
    records = table.take(pa.array(shared)).drop_columns("row").to_pylist()
    titled = {code for code, record in zip(codes[shared], records, strict=True) if record["product_title"]}
    seen: dict[int, list[dict[str, object]]] = {}
    repeated = variants = 0
    kept = np.ones(len(table), bool)
    for row, code, record in zip(shared, codes[shared], records, strict=True):
        if record in seen.setdefault(code, []):
            kept[row], repeated = False, repeated + 1
        elif code in titled and not record["product_title"]:
            kept[row], variants = False, variants + 1
        else:
            seen[code].append(record)
    clashing = {code: len(found) for code, found in seen.items() if len(found) > 1}
    if clashing:
        code = max(clashing, key=lambda one: clashing[one])
        first, second = (source.row(_row(table, int(row))) for row in np.flatnonzero((codes == code) & kept)[:2])
        text = _("{source}: {column} {id} is in {n} rows, first in {first} and {second}; ids must be unique")
        name = source.columns.get("product_id", "product_id")
        found = shown(keys.dictionary[int(code)].as_py().split("\t", 1)[1])
        raise DataError(
            text.format(
                source=source.name, column=name, id=found, n=number(clashing[code]), first=first, second=second
            )
        )
    notes = []
    if repeated:
        text = ngettext(
            "{n} row that repeats another is left out", "{n} rows that repeat another are left out", repeated
        )
        notes.append(text.format(n=number(repeated)))
    if variants:
        text = ngettext(
            "{n} row without a title, a variant of a product, is left out",
            "{n} rows without a title, variants of products, are left out",
            variants,
        )
        notes.append(text.format(n=number(variants)))
    return table.filter(pa.array(kept)), notes


def _row(table: pa.Table, place: int) -> int:
    """The row of the source, before any were left out."""
    return table["row"][place].as_py() if "row" in table.column_names else place


def _value(chunks: Sequence[Chunk], row: int) -> object:
    for chunk in chunks:
        if row < len(chunk):
            return chunk[row] if isinstance(chunk, list) else chunk[row].as_py()
        row -= len(chunk)
    raise IndexError(row)
