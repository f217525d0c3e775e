"""The catalogue: product columns in Arrow, one row per (product_locale, product_id), and the text an encoder reads.

Knows no judgment and no encoder. Products stay in Arrow: 1.2 million of them as Python objects would take several GB.
The key has two parts, since ESCI reuses ids across locales.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pa_ds
import pyarrow.json as pa_json
import pyarrow.parquet as pq

from space.data.csv_reader import CsvError, read_csv
from space.errors import UserError, shown

KEY = ("product_locale", "product_id")
TEXT_COLUMNS = ("product_title", "product_brand", "product_color")
BULLETS = "product_bullet_point"
#: Columns some catalogues have beyond ESCI (ESCI-S, shops' own exports) and the cards can show.
EXTRA_COLUMNS = {
    "image_url": pa.string(),
    "price": pa.float64(),
    "category": pa.string(),
    "rating": pa.float64(),
    "rating_count": pa.float64(),
}
_TYPES = dict.fromkeys((*KEY, *TEXT_COLUMNS, BULLETS), pa.string()) | EXTRA_COLUMNS
_BATCH_ROWS = 65_536


class DataError(UserError):
    """Data that cannot be used; the message names file, column and value."""


@dataclass(frozen=True)
class Places:
    """How messages name what is wrong in a table: by the file's own lines and column names where those are known.

    Attributes:
        source: the file.
        lines: (n,) the line of each row.
        names: {column of ours: column of the file}, where they differ.
    """

    source: str
    lines: np.ndarray | None = None
    names: Mapping[str, str] = field(default_factory=dict)

    def column(self, name: str) -> str:
        """A column of ours as the file calls it."""
        return shown(self.names.get(name, name))

    def row(self, row: int) -> str:
        """A row, counted from 0, as ``row 3`` or ``line 5``."""
        return f"row {row}" if self.lines is None else f"line {self.lines[row]}"


def passages(catalogue: pa.Table, bullets: int = 0) -> list[str]:
    """The text an encoder reads of each product: title, brand, colour and, if asked, the start of the bullet points.

    Args:
        catalogue: product columns; a missing brand, colour or bullet is left out.
        bullets: how many characters of the bullet points to add; 0 adds none.

    Returns:
        One string per row.
    """
    columns = [catalogue[name].to_pylist() for name in TEXT_COLUMNS]
    points = catalogue[BULLETS].to_pylist() if bullets else [None] * len(catalogue)
    return [
        passage(title, brand, color, (point or "")[:bullets])
        for title, brand, color, point in zip(*columns, points, strict=True)
    ]


def passage(title: str | None, brand: str | None, color: str | None, bullets: str = "") -> str:
    """One product's text; see ``passages``."""
    return " ".join(part for part in ((title or "").strip(), brand, color, bullets) if part)


def passage_column(catalogue: pa.Table) -> pa.ChunkedArray:
    """The words of ``passages``, without bullets, as one text a row in Arrow; spaces around them may differ."""
    columns = [pc.cast(catalogue[name], pa.string()) for name in TEXT_COLUMNS]
    return pc.binary_join_element_wise(*columns, " ", null_handling="skip")


def template(bullets: int) -> str:
    """The passage text in words, for the manifest: two stores of different templates must not be mixed."""
    return "{title} {brand} {color}" + (f" {{bullet_point[:{bullets}]}}" if bullets else "")


def bullets_of(text: str) -> int:
    """How many characters of the bullet points a passage text holds: the way back from ``template``."""
    found = re.search(r"{bullet_point\[:(\d+)\]}", text)
    return int(found[1]) if found else 0


def load_catalogue(
    path: Path, columns: Mapping[str, str] | None = None, *, bullets: bool = False, default_locale: str = "us"
) -> pa.Table:
    """An own catalogue from csv, parquet or jsonl; needs an id and a title.

    Args:
        path: the file.
        columns: {column of ours: column of the file}; the others are taken by our own names.
        bullets: keep the bullet points.
        default_locale: the locale of every product where the file has no such column.

    Raises:
        DataError: unknown format, missing column, null or duplicate id.
    """
    if not path.is_file():
        raise DataError(f"--catalogue {path}: no such file")
    read, lines = _read_table(path)
    table = read
    try:
        twice = [name for name, count in Counter(read.column_names).items() if count > 1]
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: the name of a column is not UTF-8: {error}") from error
    if twice:
        raise DataError(f"{path}: more than one column {', '.join(map(repr, twice))}; give each its own name")
    for ours, theirs in (columns or {}).items():
        if ours not in _TYPES:
            raise DataError(f"--columns {ours}={theirs}: {ours!r} is not one of {', '.join(_TYPES)}")
        if theirs not in read.column_names:
            raise DataError(f"{path}: no column {theirs!r} (--columns {ours}={theirs}); it has {read.column_names}")
        table = table.drop_columns([ours]) if ours in table.column_names else table
        table = table.append_column(ours, read[theirs])
    for name in ("product_id", "product_title"):
        if name not in table.column_names:
            raise DataError(
                f"{path}: no column {name!r}; map one of {table.column_names} to it with --columns {name}=…"
            )
    if "product_locale" not in table.column_names:
        table = table.append_column("product_locale", pa.array([default_locale] * len(table), pa.string()))
    return shaped(table, Places(path.name, lines, dict(columns or {})), bullets=bullets)


def product_keys(table: pa.Table) -> pa.Array:
    """One ``locale + TAB + id`` string per row: what joins and duplicates are decided by."""
    parts = [pc.cast(table[name], pa.large_string()) for name in KEY]
    joined = pc.binary_join_element_wise(*parts, pa.scalar("\t", pa.large_string()))
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined


def rows_of(catalogue: pa.Table, locales: Iterable[str], ids: Iterable[str]) -> np.ndarray:
    """Where each product stands in the catalogue: (n,) int64, -1 for one that is not in it."""
    wanted = pa.table({"product_locale": pa.array(locales, pa.string()), "product_id": pa.array(ids, pa.string())})
    found = pc.index_in(product_keys(wanted), product_keys(catalogue))
    return pc.fill_null(found, -1).to_numpy(zero_copy_only=False).astype(np.int64)


# -- reading ---------------------------------------------------------------------------------------------------------


def read_products(files: Sequence[Path], bullets: bool, *, unique: bool) -> pa.Table:
    """Product columns of parquet files; ``unique`` says that a repeated id is an error and not a repeated judgment."""
    tables = [(file.name, pa_ds.dataset(file, schema=schema_of(file))) for file in files]
    if not unique:
        return products_of(tables, bullets)
    source, data = tables[0]
    need_columns(data.schema.names, _needed(bullets), source)
    with readable(files[0]):
        table = data.to_table(columns=_wanted(data.schema, bullets))
    return shaped(table, source, bullets=bullets)


def products_of(sources: Sequence[tuple[str, pa.Table | pa_ds.Dataset]], bullets: bool) -> pa.Table:
    """Joined rows -> one row per product, in order of first appearance.

    Two passes, so that texts of repeated rows are never in memory together: first the keys alone decide which rows
    stay, then the texts of those are read batch by batch.
    """
    keys = []
    for source, data in sources:
        need_columns(data.schema.names, _needed(bullets), source)
        with readable(source):
            part = data.select(list(KEY)) if isinstance(data, pa.Table) else data.to_table(columns=list(KEY))
        refuse_nulls(part, KEY, source)
        keys.append(product_keys(part))
    if not sum(map(len, keys)):
        raise DataError(f"{', '.join(source for source, _ in sources)}: holds no product")
    codes = pa.chunked_array(keys).combine_chunks().dictionary_encode().indices.to_numpy()
    first = np.zeros(len(codes), dtype=bool)
    first[np.unique(codes, return_index=True)[1]] = True
    kept, start = [], 0
    for source, data in sources:
        with readable(source):
            for batch in _batches(data, _wanted(data.schema, bullets)):
                chosen = first[start : start + len(batch)]
                start += len(batch)
                kept.append(_typed(pa.Table.from_batches([batch.filter(pa.array(chosen))]), source))
    return pa.concat_tables(kept, promote_options="default").combine_chunks()


def _batches(data: pa.Table | pa_ds.Dataset, columns: list[str]) -> Iterator[pa.RecordBatch]:
    if isinstance(data, pa.Table):
        yield from data.select(columns).to_batches(max_chunksize=_BATCH_ROWS)
    else:
        yield from data.to_batches(columns=columns, batch_size=_BATCH_ROWS)


def _read_table(path: Path) -> tuple[pa.Table, np.ndarray | None]:
    """Any of the three formats, ids and titles as text (00123 must keep its zeros), and of a csv its lines."""
    suffix = path.suffix.lower()
    try:
        if suffix == ".parquet":
            return pq.read_table(path), None
        if suffix == ".csv":
            with path.open("rb") as file:
                found = read_csv(file)
            return found.columns, found.lines
        if suffix in (".jsonl", ".ndjson"):
            table = pa_json.read_json(path)
            # What looks like a date is read as one; an id or a title "2024-01-05" must stay as it is written.
            dates = [(field.name, pa.string()) for field in table.schema if pa.types.is_timestamp(field.type)]
            as_written = pa_json.ParseOptions(explicit_schema=pa.schema(dates))
            return pa_json.read_json(path, parse_options=as_written) if dates else table, None
    except (pa.ArrowException, OSError, CsvError) as error:
        raise DataError(f"{path}: cannot be read as {suffix[1:]}: {error}") from error
    raise DataError(f"{path}: unknown format {suffix!r}; use .csv, .parquet or .jsonl")


@contextmanager
def readable(file: Path | str) -> Iterator[None]:
    """A ``DataError`` that names the file, where Arrow cannot read it."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file}: not a readable parquet file: {error}") from error


def schema_of(file: Path) -> pa.Schema:
    """The schema of a parquet file; a ``DataError`` where it cannot be read."""
    with readable(file):
        return pq.read_schema(file).remove_metadata()


def _needed(bullets: bool) -> tuple[str, ...]:
    return (*KEY, "product_title", *([BULLETS] if bullets else []))


def _wanted(schema: pa.Schema, bullets: bool) -> list[str]:
    wanted = [*KEY, *TEXT_COLUMNS, *([BULLETS] if bullets else []), *EXTRA_COLUMNS]
    return [name for name in wanted if name in schema.names]


# -- checking --------------------------------------------------------------------------------------------------------


def shaped(table: pa.Table, source: str | Places, *, bullets: bool) -> pa.Table:
    """A product table with our columns and types, its ids checked.

    Args:
        table: at least product_id, product_locale and product_title.
        source: what to call it in messages, and its rows and columns.
        bullets: keep the bullet points.

    Raises:
        DataError: no rows, a null or duplicate id, a column that cannot be read as its type.
    """
    places = _places(source)
    if not len(table):
        raise DataError(f"{places.source}: holds no product")
    need_columns(table.schema.names, _needed(bullets), places.source)
    table = _typed(table.select(_wanted(table.schema, bullets)), places)
    refuse_nulls(table, KEY, places)
    codes = product_keys(table).dictionary_encode()
    if len(codes.dictionary) < len(table):
        indices = codes.indices.to_numpy()
        counts = np.bincount(indices)
        twice = int(counts.argmax())
        locale, product_id = codes.dictionary[twice].as_py().split("\t", 1)
        first, second = (places.row(int(row)) for row in np.flatnonzero(indices == twice)[:2])
        where = "" if places.lines is None else f", first in {first} and {second}"
        of = f" of locale {locale!r}" if places.lines is None or len(pc.unique(table["product_locale"])) > 1 else ""
        raise DataError(
            f"{places.source}: {places.names.get('product_id', 'product_id')} {shown(product_id)}{of} is in "
            f"{counts.max()} rows{where}; ids must be unique"
        )
    return table.combine_chunks()


def in_locales(table: pa.Table, locales: Sequence[str], source: str) -> pa.Table:
    """The products of some locales; a ``DataError`` that names the locales there are, if that leaves none."""
    kept = table.filter(pc.is_in(table["product_locale"], pa.array(list(locales), pa.string())))
    if not len(kept):
        present = sorted(pc.unique(table["product_locale"]).to_pylist())
        raise DataError(f"{source}: no product in --locales {' '.join(locales)}; it has {' '.join(present)}")
    return kept.combine_chunks()


def _typed(table: pa.Table, source: str | Places) -> pa.Table:
    """Our column order and types; text columns that are absent are null throughout, extra columns stay absent."""
    required = (*KEY, *TEXT_COLUMNS)
    columns = {}
    for name, kind in _TYPES.items():
        if name in table.column_names:
            try:
                columns[name] = pc.cast(table[name], kind)
            except pa.ArrowException as error:
                raise DataError(_misfit(table[name], name, error, _places(source))) from error
        elif name in required:
            columns[name] = pa.nulls(len(table), kind)
    typed = pa.table(columns)
    try:
        typed.validate(full=True)  # Arrow reads and casts text that is no UTF-8 without a look at it
    except pa.ArrowException as error:
        raise DataError(f"{_places(source).source}: {error}; save it as UTF-8") from error
    return typed


def _places(source: str | Places) -> Places:
    return source if isinstance(source, Places) else Places(source)


def _misfit(column: pa.ChunkedArray, name: str, error: Exception, places: Places) -> str:
    """What to say of the first value that is not of its column's type."""
    if places.lines is None:
        return f"{places.source}: column {name!r} is no {_TYPES[name]}: {error}"
    row = next(row for row, value in enumerate(column) if not _fits(value, _TYPES[name]))
    return (
        f"{places.source}: {places.row(row)}, column {places.column(name)}: {shown(column[row].as_py())} is no number"
    )


def _fits(value: pa.Scalar, kind: pa.DataType) -> bool:
    try:
        pc.cast(value, kind)
    except pa.ArrowException:
        return False
    return True


def refuse_nulls(table: pa.Table, columns: Iterable[str], source: str | Places) -> None:
    """A ``DataError`` that says where the first is, if a column of ``columns`` has any."""
    places = _places(source)
    for name in columns:
        nulls = pc.is_null(table[name]).to_numpy(zero_copy_only=False) if table[name].null_count else []
        if len(nulls):
            first = places.row(int(nulls.argmax()))
            what = "null" if places.lines is None else "empty"
            raise DataError(
                f"{places.source}: column {places.column(name)} is {what} in {nulls.sum()} rows, first in {first}"
            )


def need_columns(have: Sequence[str], want: Iterable[str], source: str) -> None:
    """A ``DataError`` that names the columns of ``want`` which are not in ``have``."""
    missing = [name for name in want if name not in have]
    if missing:
        raise DataError(f"{source}: missing column {', '.join(map(repr, missing))}; it has {list(have)}")
