"""Reads the products of a data set: parquet files with one row for each product, or for each judgment."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as pa_ds
import pyarrow.parquet as pq

from space.data.catalogue import (
    KEY,
    DataError,
    Source,
    product_columns,
    product_keys,
)
from space.data.parquet import check_parquet, read_parquet
from space.data.product_table import as_catalogue, merged, refuse_nulls, typed, whole_ids
from space.errors import listed, same_rows

logger = logging.getLogger(__name__)

_BATCH_ROWS = 65_536


def read_products(files: Sequence[Path], bullets: bool) -> pa.Table:
    """The catalogue in parquet files with one row for each product.

    Raises:
        DataError: a file cannot be read, or see ``as_catalogue``.
    """
    tables = []
    for file in files:
        names = product_columns(schema_of(file).names, bullets, file.name)
        with readable(file):
            table = read_parquet(file, list(names.values()))
        tables.append(pa.table({ours: table[theirs] for ours, theirs in names.items()}))
    return as_catalogue(tables, Source(files[0].name), bullets=bullets)


def read_joined_products(files: Sequence[Path], bullets: bool) -> pa.Table:
    """The catalogue in parquet files with one row for each judgment, see ``distinct_products``."""
    for file in files:
        with readable(file):
            check_parquet(file, list(product_columns(schema_of(file).names, bullets, file.name).values()))
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
        names = product_columns(data.schema.names, bullets, name)
        with readable(name):
            part = pa.Table.from_batches(_batches(data, {key: names[key] for key in KEY}))
        part, _ = typed({key: part[key].chunks for key in KEY}, Source(name))
        refuse_nulls(part, KEY, Source(name))
        keys.append(product_keys(part))
    if not sum(map(len, keys)):
        raise DataError(f"{listed([name for name, _ in sources])}: holds no product")
    codes = pa.chunked_array(keys).combine_chunks().dictionary_encode().indices.to_numpy()
    first = np.zeros(len(codes), dtype=bool)
    first[np.unique(codes, return_index=True)[1]] = True
    kept, unread, start = [], [], 0
    for name, data in sources:
        with readable(name):
            for batch in _batches(data, product_columns(data.schema.names, bullets, name)):
                stays = first[start : start + len(batch)]
                source = Source(name, rows=start + np.flatnonzero(stays))
                start += len(batch)
                chosen = batch.filter(pa.array(stays))
                table, left_empty = typed({column: [chosen[column]] for column in chosen.schema.names}, source)
                kept.append(table)
                unread += left_empty
    same_rows("joined rows", keys=len(codes), products=start)
    for one in merged(unread):
        logger.warning("%s: %s", sources[0][0], one)
    return whole_ids(pa.concat_tables(kept, promote_options="default")).combine_chunks()


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


def _batches(data: pa.Table | pa_ds.Dataset, columns: dict[str, str]) -> Iterator[pa.RecordBatch]:
    """The columns {new name: name in the data}, part by part."""
    if isinstance(data, pa.Table):
        found = data.select(list(columns.values())).rename_columns(list(columns))
        yield from found.to_batches(max_chunksize=_BATCH_ROWS)
    else:
        fields = {new: pa_ds.field(name) for new, name in columns.items()}
        yield from data.to_batches(columns=fields, batch_size=_BATCH_ROWS)
