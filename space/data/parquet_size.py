"""Checks how much memory a parquet file takes before it is read: 161 kB of repeated texts can become 2.6 GB."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from space.data.unpacked_size import most_bytes, too_large

_BATCH_ROWS = 8_192
#: Bytes of one value beside its text: an offset or a number.
_VALUE = 8


def check_parquet(path: Path, columns: Sequence[str] | None = None) -> None:
    """Refuse a parquet file that would take far more memory than its size suggests.

    Rows and unpacked sizes come from the metadata. Repeated texts, which a file stores once, are counted part by part
    without unpacking them.

    Args:
        path: the file.
        columns: those that will be read; None for all.

    Raises:
        pa.ArrowInvalid: it would take more than 500 MB and more than 100 times its size, or is no parquet file.
        OSError: it cannot be read.
    """
    most = most_bytes(path)
    found = pq.read_metadata(path)
    groups = [found.row_group(group) for group in range(found.num_row_groups)]
    chunks = [group.column(place) for group in groups for place in range(found.num_columns)]
    chunks = [chunk for chunk in chunks if columns is None or chunk.path_in_schema.split(".")[0] in columns]
    unpacked = sum(max(chunk.total_uncompressed_size, _VALUE * chunk.num_values) for chunk in chunks)
    _refuse(unpacked, most, path)
    repeated = sorted({chunk.path_in_schema for chunk in chunks if chunk.physical_type == "BYTE_ARRAY"})
    with pq.ParquetFile(path, read_dictionary=repeated) as file:
        for name in sorted({name.split(".")[0] for name in repeated}):
            for batch in file.iter_batches(_BATCH_ROWS, columns=[name]):
                unpacked += _text_bytes(batch.column(0))
                _refuse(unpacked, most, path)


def _text_bytes(values: pa.Array) -> int:
    """Bytes of the texts of an array, each repeated one counted as often as it appears."""
    if pa.types.is_struct(values.type):
        return sum(map(_text_bytes, values.flatten()))
    if isinstance(values, pa.ListArray | pa.LargeListArray | pa.FixedSizeListArray):
        return _text_bytes(values.flatten())
    if not isinstance(values, pa.DictionaryArray):
        return values.nbytes
    lengths = values.dictionary.cast(pa.large_binary()) if len(values.dictionary) else pa.array([], pa.large_binary())
    return pc.sum(pc.take(pc.binary_length(lengths), values.indices)).as_py() or 0


def _refuse(unpacked: int, most: int, path: Path) -> None:
    if unpacked > most:
        raise pa.ArrowInvalid(too_large(path))
