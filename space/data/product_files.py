"""Reads products from files: a shop's own csv, parquet or jsonl, and the parquet files of a data set."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as pa_ds
import pyarrow.json as pa_json
import pyarrow.parquet as pq

from space.data.catalogue import (
    COLUMN_TYPES,
    KEY,
    DataError,
    Source,
    as_catalogue,
    need_columns,
    product_columns,
    product_keys,
    refuse_nulls,
    required_columns,
    typed,
)
from space.data.csv_reader import CsvError, read_csv
from space.data.passages import left_out, with_text

logger = logging.getLogger(__name__)

_BATCH_ROWS = 65_536


def load_catalogue(
    path: Path, columns: Mapping[str, str] | None = None, *, bullets: bool = False, default_locale: str = "us"
) -> pa.Table:
    """A shop's own catalogue from csv, parquet or jsonl; it needs an id and a title.

    Args:
        path: the file.
        columns: {column of ours: column of the file}; the other columns are found by our names.
        bullets: keep the bullet points.
        default_locale: the locale of every product, if the file has no such column.

    Raises:
        DataError: unknown format, missing column, null or duplicate id.
    """
    if not path.is_file():
        raise DataError(f"--catalogue {path}: no such file")
    table, lines = _read_table(path)
    table = _renamed(table, path, columns or {})
    for name in ("product_id", "product_title"):
        if name not in table.column_names:
            raise DataError(
                f"{path}: no column {name!r}; map one of {table.column_names} to it with --columns {name}=…"
            )
    if "product_locale" not in table.column_names:
        table = table.append_column("product_locale", pa.array([default_locale] * len(table), pa.string()))
    table = as_catalogue(table, Source(path.name, lines, dict(columns or {})), bullets=bullets)
    table, empty = with_text(table, path.name)
    if empty:
        logger.warning("%s: %s", path.name, left_out(empty))
    return table


def read_products(file: Path, bullets: bool) -> pa.Table:
    """The catalogue in a parquet file with one row for each product.

    Raises:
        DataError: the file cannot be read, or see ``as_catalogue``.
    """
    schema = schema_of(file)
    need_columns(schema.names, required_columns(bullets), file.name)
    with readable(file):
        table = pa_ds.dataset(file, schema=schema).to_table(columns=product_columns(schema, bullets))
    return as_catalogue(table, Source(file.name), bullets=bullets)


def read_joined_products(files: Sequence[Path], bullets: bool) -> pa.Table:
    """The catalogue in parquet files with one row for each judgment, see ``distinct_products``."""
    return distinct_products([(file.name, pa_ds.dataset(file, schema=schema_of(file))) for file in files], bullets)


def distinct_products(sources: Sequence[tuple[str, pa.Table | pa_ds.Dataset]], bullets: bool) -> pa.Table:
    """One row for each product of joined rows, in the order in which products first appear.

    It reads twice, so that the texts of repeated rows are never in memory together: first the keys, which decide
    which rows stay, then the other columns in batches, of which only those rows are kept.

    Args:
        sources: (name for messages, joined rows).
        bullets: keep the bullet points.

    Raises:
        DataError: a missing column, a null in a key, no product, or a value that does not fit its type.
    """
    keys = []
    for name, data in sources:
        need_columns(data.schema.names, required_columns(bullets), name)
        with readable(name):
            part = data.select(list(KEY)) if isinstance(data, pa.Table) else data.to_table(columns=list(KEY))
        refuse_nulls(part, KEY, Source(name))
        keys.append(product_keys(part))
    if not sum(map(len, keys)):
        raise DataError(f"{', '.join(name for name, _ in sources)}: holds no product")
    codes = pa.chunked_array(keys).combine_chunks().dictionary_encode().indices.to_numpy()
    first = np.zeros(len(codes), dtype=bool)
    first[np.unique(codes, return_index=True)[1]] = True
    kept, start = [], 0
    for name, data in sources:
        with readable(name):
            for batch in _batches(data, product_columns(data.schema, bullets)):
                stays = first[start : start + len(batch)]
                start += len(batch)
                kept.append(typed(pa.Table.from_batches([batch.filter(pa.array(stays))]), Source(name)))
    return pa.concat_tables(kept, promote_options="default").combine_chunks()


def schema_of(file: Path) -> pa.Schema:
    """The schema of a parquet file.

    Raises:
        DataError: the file cannot be read.
    """
    with readable(file):
        return pq.read_schema(file).remove_metadata()


@contextmanager
def readable(file: Path | str) -> Iterator[None]:
    """Turn an error of Arrow into a ``DataError`` that names the file."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file}: not a readable parquet file: {error}") from error


def _batches(data: pa.Table | pa_ds.Dataset, columns: list[str]) -> Iterator[pa.RecordBatch]:
    if isinstance(data, pa.Table):
        yield from data.select(columns).to_batches(max_chunksize=_BATCH_ROWS)
    else:
        yield from data.to_batches(columns=columns, batch_size=_BATCH_ROWS)


def _read_table(path: Path) -> tuple[pa.Table, np.ndarray | None]:
    """The table of a file, with ids and titles as text (00123 keeps its zeros), and the lines of a csv's rows."""
    suffix = path.suffix.lower()
    try:
        if suffix == ".parquet":
            return pq.read_table(path), None
        if suffix == ".csv":
            with path.open("rb") as file:
                found = read_csv(file)
            return found.columns, found.lines
        if suffix in (".jsonl", ".ndjson"):
            return _read_jsonl(path), None
    except (pa.ArrowException, OSError, CsvError) as error:
        raise DataError(f"{path}: cannot be read as {suffix[1:]}: {error}") from error
    raise DataError(f"{path}: unknown format {suffix!r}; use .csv, .parquet or .jsonl")


def _read_jsonl(path: Path) -> pa.Table:
    table = pa_json.read_json(path)
    # Arrow turns text that looks like a date into a timestamp. A title "2024-01-05" must stay text, so read again.
    dates = [(field.name, pa.string()) for field in table.schema if pa.types.is_timestamp(field.type)]
    return (
        pa_json.read_json(path, parse_options=pa_json.ParseOptions(explicit_schema=pa.schema(dates)))
        if dates
        else table
    )


def _renamed(table: pa.Table, path: Path, columns: Mapping[str, str]) -> pa.Table:
    """The table with our names for the columns in ``columns``."""
    try:
        twice = [name for name, count in Counter(table.column_names).items() if count > 1]
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: the name of a column is not UTF-8: {error}") from error
    if twice:
        raise DataError(f"{path}: more than one column {', '.join(map(repr, twice))}; give each its own name")
    renamed = table
    for ours, theirs in columns.items():
        if ours not in COLUMN_TYPES:
            raise DataError(f"--columns {ours}={theirs}: {ours!r} is not one of {', '.join(COLUMN_TYPES)}")
        if theirs not in table.column_names:
            raise DataError(f"{path}: no column {theirs!r} (--columns {ours}={theirs}); it has {table.column_names}")
        renamed = renamed.drop_columns([ours]) if ours in renamed.column_names else renamed
        renamed = renamed.append_column(ours, table[theirs])
    return renamed
