"""A finished store into Milvus, so that it can be killed at any moment and started again.

Knows what of a product Milvus must know: its row, what the filters ask for, and both vectors. Rows are written in
their order and under their number, so that how many are there says where to go on, and none can be there twice.
"""

import hashlib
import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm

from space.data.filters import FILTERS, LEVEL
from space.encoding.description import ENCODERS
from space.index import milvus
from space.index.milvus import KEY, KINDS, METRIC, PATIENCE, MilvusError, MilvusIndex, Place
from space.settings import is_local, without_secret
from space.store.reader import Store

logger = logging.getLogger(__name__)

#: Bytes of vectors in one request; servers take up to 64 MB.
REQUEST_BYTES = 4 << 20
#: What a text may have in Milvus, in bytes, and a category in levels.
_LONGEST, _DEEPEST = 65_535, 32
_LARGEST = float(np.finfo(np.float64).max)
#: Seconds between two looks at whether the index is built.
_LOOK = 2.0


def load(folder: Path, uri: str, kind: str = "FLAT") -> int:
    """Bring a store into Milvus.

    Args:
        folder: of the store, finished.
        uri: see ``space.index.milvus.Place``.
        kind: of index, one of ``space.index.milvus.KINDS``.

    Returns:
        How many rows were written now.

    Raises:
        StoreError: the store is not finished, or damaged.
        MilvusError: Milvus cannot be used, or what is there is of another kind.
    """
    store = Store(folder)
    place = milvus.connect(uri)
    name = collection_name(store)
    with milvus.answering(uri):
        if place.client.has_collection(name, timeout=PATIENCE):
            _require_kind(place, name, kind)
            logger.info("%s: all %s rows are in %s already", place.name, f"{store.rows:,}", name)
            return 0
        written = _fill(place, milvus.unfinished(name), store, kind)
        place.client.rename_collection(milvus.unfinished(name), name)
        place.client.load_collection(name)
        there = milvus.others(place, name)
    logger.info("%s: %s rows in %s, %s written now", place.name, f"{store.rows:,}", name, f"{written:,}")
    if there:
        logger.info("%s also holds %s: drop what nobody serves any more", place.name, there)
    return written


def open_indexes(store: Store, uri: str) -> dict[str, MilvusIndex]:
    """{part: the index of its vectors}, of a store that was loaded.

    Raises:
        MilvusError: it was not, or not to its end, or Milvus does not answer.
    """
    name = collection_name(store)
    cure = f"load it: python build_embeddings.py --output-dir {store.folder} --to-milvus {without_secret(uri)}"
    if is_local(uri) and not Path(uri).exists():
        raise MilvusError(f"--milvus-uri {uri}: there is no such file; {cure}")
    place = milvus.connect(uri)
    with milvus.answering(uri):
        if not place.client.has_collection(name, timeout=PATIENCE):
            there = milvus.others(place, name)
            state = (
                "is not loaded to its end"
                if place.client.has_collection(milvus.unfinished(name), timeout=PATIENCE)
                else "is not there"
            )
            raise MilvusError(
                f"--milvus-uri {place.name}: {store.name} {state}"
                + (f", only {there}, which hold other products or the vectors of other encoders" if there else "")
                + f"; {cure}"
            )
        place.client.load_collection(name)
        rows, known = milvus.count(place, name), milvus.count(place, name, store.rows)
        kind = milvus.kind_of(place, name, ENCODERS[0])
    if not rows == known == store.rows:
        raise MilvusError(
            f"--milvus-uri {place.name}: {name} has {known:,} of {store.rows:,} rows, and {rows - known:,} others; "
            f"drop it and {cure}"
        )
    logger.info("search: Milvus at %s, collection %s, %s", place.name, name, kind)
    return {part: MilvusIndex(place, name, part, (rows, store.encoders[part].dim), kind) for part in ENCODERS}


def identity(store: Store) -> str:
    """Which rows and vectors: what two stores have in common exactly if one's collection serves the other."""
    files = store.manifest.files
    parts: dict[str, Any] = {
        name: entry.sha256 for name, entry in files.items() if name.split("/")[0] in ("products", *ENCODERS)
    }
    parts |= {part: store.encoders[part].fingerprint for part in ENCODERS}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def collection_name(store: Store) -> str:
    """The name of a store's collection."""
    return f"e5_{identity(store)}"


def _fill(place: Place, name: str, store: Store, kind: str) -> int:
    """Write what is missing of a collection, and wait until it is whole and indexed."""
    client = place.client
    if not client.has_collection(name, timeout=PATIENCE):
        _create(client, name, store)
    _index(place, name, kind)
    client.load_collection(name)
    done = milvus.count(place, name)
    written = 0
    with tqdm(total=store.rows, initial=done, desc="load", unit=" products") as bar:
        for start, products, vectors in store.shards(skip=done):
            for rows in _requests(start, products, vectors):
                # Not insert: a request that is sent again because its answer was lost must not double anything.
                client.upsert(name, rows, timeout=300)
                bar.update(max(0, rows[-1][KEY] + 1 - max(done, rows[0][KEY])))
                written += len(rows)
    client.flush(name)
    while not _indexed(place, name):
        time.sleep(_LOOK)
    rows, known = milvus.count(place, name), milvus.count(place, name, store.rows)
    if not rows == known == store.rows:
        raise MilvusError(
            f"--to-milvus {place.name}: {name} has {known:,} of {store.rows:,} rows, and {rows - known:,} others; "
            f"drop it and start again"
        )
    return written


def _require_kind(place: Place, name: str, kind: str) -> None:
    found = milvus.kind_of(place, name, ENCODERS[0])
    if found != kind:
        raise MilvusError(
            f"--milvus-index {kind}: {name} at {place.name} is there with {found}; name that, or drop the collection"
        )


def _create(client: Any, name: str, store: Store) -> None:
    DataType = milvus.package().DataType  # noqa: N806
    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field(KEY, DataType.INT64, is_primary=True)
    schema.add_field("product_id", DataType.VARCHAR, max_length=_LONGEST)
    _, products, _ = next(iter(store.shards()))
    for column in _columns(products):
        if column == FILTERS["category"]:
            schema.add_field(
                column,
                DataType.ARRAY,
                element_type=DataType.VARCHAR,
                max_length=_LONGEST,
                max_capacity=_DEEPEST,
            )
        elif column in _NUMBERS:
            schema.add_field(column, DataType.DOUBLE, nullable=True)
        else:
            schema.add_field(column, DataType.VARCHAR, max_length=_LONGEST, nullable=True)
    for part in ENCODERS:
        schema.add_field(part, DataType.FLOAT_VECTOR, dim=store.encoders[part].dim)
    client.create_collection(name, schema=schema, consistency_level="Strong")


def _index(place: Place, name: str, kind: str) -> None:
    """The indexes of both vectors, where a kill came before them."""
    there = place.client.list_indexes(name, timeout=PATIENCE)
    if there:
        _require_kind(place, name, kind)
    indexes = place.client.prepare_index_params()
    for part in [part for part in ENCODERS if part not in there]:
        indexes.add_index(part, index_type=kind, index_name=part, metric_type=METRIC, params=KINDS[kind][0])
    if len(indexes):
        place.client.create_index(name, indexes, sync=False)  # there is nothing in it yet that one could wait for


def _indexed(place: Place, name: str) -> bool:
    """Whether the indexes have all that is written."""
    found = [place.client.describe_index(name, part, timeout=PATIENCE) for part in ENCODERS]
    if any(index.get("state") == "Failed" for index in found):
        raise MilvusError(f"--to-milvus {place.name}: Milvus could not build the index of {name}; see its log")
    return not any(index.get("pending_index_rows") for index in found)


#: Columns whose filters are bounds.
_NUMBERS = {FILTERS[name] for name in ("min_price", "max_price", "min_rating")}


def _columns(products: pa.Table) -> list[str]:
    """What the filters ask for and this catalogue has."""
    return [column for column in dict.fromkeys(FILTERS.values()) if column in products.column_names]


def _requests(start: int, products: pa.Table, vectors: dict[str, np.ndarray]) -> Iterator[list[dict[str, Any]]]:
    """A shard in requests of rows; ``start`` is the number of its first."""
    height = max(1, REQUEST_BYTES // sum(4 * part.shape[1] for part in vectors.values()))
    for first in range(0, len(products), height):
        part = products.slice(first, height)
        columns = {column: _values(column, part[column]) for column in _columns(products)}
        columns["product_id"] = _values("product_id", part["product_id"])
        columns[KEY] = list(range(start + first, start + first + len(part)))
        for name, rows in vectors.items():
            columns[name] = list(rows[first : first + len(part)].astype(np.float32))
        yield [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _values(column: str, values: pa.ChunkedArray) -> list[Any]:
    """A column so that Milvus's filters leave what ``Facets`` leaves."""
    if column in _NUMBERS:
        numbers = pc.cast(values, pa.float64()).to_pylist()
        # Unknown passes no bound, and neither does NaN; infinity passes as the largest number would.
        return [
            None if number is None or number != number else min(max(number, -_LARGEST), _LARGEST) for number in numbers
        ]
    texts = values.to_pylist()
    for text in texts:
        if text and len(text.encode()) > _LONGEST:
            raise MilvusError(f"{column} {text[:40]!r}… has more than the {_LONGEST:,} bytes Milvus takes; cut it")
    if column != FILTERS["category"]:
        return [text or None for text in texts]
    paths = [text.split(LEVEL) if text else [] for text in texts]
    if any(len(levels) > _DEEPEST for levels in paths):
        raise MilvusError(f"{column} has more than {_DEEPEST} levels; name fewer")
    return [[LEVEL.join(levels[: depth + 1]) for depth in range(len(levels))] for levels in paths]
