"""Reads parquet files of a bounded size: 161 kB of repeated texts can become 2.6 GB in memory."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from space.data.unpacked_size import most_bytes, too_large

#: Rows read together, and bytes of them at most. Of the encoding that gives each text by its difference from the one
#: before, and of lists, no bound is known before they are read.
_ROWS, _BYTES, _FEW_ROWS = 65_536, 64_000_000, 64
_LIST_ROWS = 8_192
#: Bytes of one value in addition to its text: an offset or a number.
_VALUE = 8


def read_parquet(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """The table in a file, read part by part, and refused as soon as it takes far more than its size suggests.

    Args:
        path: the file.
        columns: names, in the order of the table; None for all.

    Raises:
        pa.ArrowInvalid: it would take more than 500 MB and more than 100 times its size, or is no parquet file.
        OSError: it cannot be read.
    """
    batches = list(_batches(path, columns))
    if batches:
        return pa.Table.from_batches(batches)
    schema = pq.read_schema(path)
    names = schema.names if columns is None else columns
    return pa.schema([schema.field(name) for name in names], schema.metadata).empty_table()


def check_parquet(path: Path, columns: Sequence[str] | None = None) -> None:
    """Refuse a file as ``read_parquet`` does, for another reader; one part is in memory at a time."""
    for _ in _batches(path, columns):
        pass


def _batches(path: Path, columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
    most = most_bytes(path)
    found = pq.read_metadata(path)
    groups = [found.row_group(group) for group in range(found.num_row_groups)]
    chunks = [group.column(place) for group in groups for place in range(found.num_columns)]
    chunks = [chunk for chunk in chunks if columns is None or chunk.path_in_schema.split(".")[0] in columns]
    widths = {found.schema.column(place).path: found.schema.column(place).length for place in range(found.num_columns)}
    width = {name: max(_VALUE, length or 0) for name, length in widths.items()}
    _refuse(
        sum(max(chunk.total_uncompressed_size, width[chunk.path_in_schema] * chunk.num_values) for chunk in chunks),
        most,
        path,
    )
    differences = {chunk.path_in_schema for chunk in chunks if any("DELTA" in one for one in chunk.encodings)}
    texts = {chunk.path_in_schema for chunk in chunks if chunk.physical_type == "BYTE_ARRAY"}
    repeated = sorted(texts - differences)
    _check_lists(path, repeated, most)
    rows = _FEW_ROWS if differences & texts else _ROWS
    longest = _longest(path, [name for name in repeated if "." not in name])
    longest += sum(width[name] for name in {chunk.path_in_schema for chunk in chunks})
    together = max(1, min(rows, _BYTES // longest)) if longest else rows
    taken = 0
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(together, columns=columns):
            taken += sum(map(_bytes, batch.columns))
            _refuse(taken, most, path)
            yield batch


def _longest(path: Path, texts: Sequence[str]) -> int:
    """Bytes of the longest text of each column that is stored once and repeated, together.

    With the first row of a row group comes the whole dictionary of a column.
    """
    longest = dict.fromkeys(texts, 0)
    if texts:
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            for group in range(file.num_row_groups):
                for batch in file.iter_batches(1, row_groups=[group], columns=texts):
                    for name, column in zip(batch.schema.names, batch.columns, strict=True):
                        if isinstance(column, pa.DictionaryArray):
                            most = pc.max(pc.binary_length(_dictionary(column))).as_py()
                            longest[name] = max(longest[name], most or 0)
                    break
    return sum(longest.values())


def _check_lists(path: Path, repeated: Sequence[str], most: int) -> None:
    """Count the texts in lists and structs without repeating them."""
    columns = sorted({name.split(".")[0] for name in repeated if "." in name})
    if not columns:
        return
    unpacked = 0
    with pq.ParquetFile(path, read_dictionary=list(repeated)) as file:
        for group in range(file.num_row_groups):  # a batch of several groups is not implemented in Arrow
            for batch in file.iter_batches(_LIST_ROWS, row_groups=[group], columns=columns):
                unpacked += sum(map(_bytes, batch.columns))
                _refuse(unpacked, most, path)


def _bytes(values: pa.Array) -> int:
    """Bytes of an array, each repeated text counted as often as it appears."""
    if pa.types.is_struct(values.type):
        return sum(map(_bytes, values.flatten()))
    if isinstance(values, pa.ListArray | pa.LargeListArray | pa.FixedSizeListArray):
        return _bytes(values.flatten())
    if not isinstance(values, pa.DictionaryArray):
        return values.nbytes
    return pc.sum(pc.take(pc.binary_length(_dictionary(values)), values.indices)).as_py() or 0


def _dictionary(values: pa.DictionaryArray) -> pa.Array:
    """The distinct texts of an array."""
    return values.dictionary.cast(pa.large_binary()) if len(values.dictionary) else pa.array([], pa.large_binary())


def _refuse(unpacked: int, most: int, path: Path) -> None:
    if unpacked > most:
        raise pa.ArrowInvalid(too_large(path))
