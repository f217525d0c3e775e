"""Milvus collections of a store: load each encoder's vectors into one of its own, and open them for search.

Each encoder has its own collection, so a new encoder loads nothing else again and may have another dimension. No
field is nullable: servers before 2.4 take one vector field a collection, those before 2.5 no nullable fields.

A load can be killed at any moment and started again: rows are written in order under their row number, so the count
says where to go on, and no row is written twice. A collection gets its final name when it is complete.
"""

import hashlib
import json
import logging
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm

from space.data.filters import FILTERS, LEVEL
from space.data.words import normalized
from space.index import milvus_client
from space.index.milvus import MilvusIndex
from space.index.milvus_client import KEY, KINDS, METRIC, NO_NUMBER, PATIENCE, VECTOR, MilvusConnection, MilvusError
from space.settings.names import is_local, without_secret
from space.store.reader import PRODUCTS, Store

logger = logging.getLogger(__name__)

#: Bytes of vectors in one request; servers take up to 64 MB.
REQUEST_BYTES = 4 << 20
_CATEGORY = FILTERS["category"]
#: Increase it for other values in the columns; collections of another one are not found, and so not searched.
_FORMAT = "3"
#: Columns of numbers, whose filters are bounds.
_NUMBERS = {FILTERS[name] for name in ("min_price", "max_price", "min_rating")}
#: Limits of a collection: bytes of a text, levels of a category.
_MAX_TEXT, _MAX_LEVELS = 65_535, 32
#: The smallest and largest number that a field holds; ``NO_NUMBER`` is below it.
_SMALLEST, _LARGEST = float(np.nextafter(NO_NUMBER, 0)), float(np.finfo(np.float64).max)
_POLL_SECONDS = 2.0


def load(folder: Path, uri: str, kind: str = "FLAT") -> int:
    """Write a store into Milvus, or what is still missing of it.

    Args:
        folder: of a finished store.
        uri: see ``space.index.milvus_client.MilvusConnection``.
        kind: of index, one of ``space.index.milvus_client.KINDS``.

    Returns:
        How many rows were written, over all encoders.

    Raises:
        StoreError: the store is not finished, or damaged.
        MilvusError: Milvus cannot be used, or a collection is there with another kind of index.
    """
    store = Store(folder)
    place = milvus_client.connect(uri)
    names = {part: collection_name(store, part) for part in store.encoders}
    written = 0
    with milvus_client.answering(uri):
        for part, name in names.items():
            written += _load_encoder(place, name, store, part, kind)
        others = milvus_client.others(place, names.values())
    if others:
        logger.info("%s also has %s: drop collections that no app uses any more", place.name, others)
    return written


def _load_encoder(place: MilvusConnection, name: str, store: Store, part: str, kind: str) -> int:
    """Make one encoder's collection complete; returns how many rows were written."""
    if place.client.has_collection(name, timeout=PATIENCE):
        _require_kind(place, name, kind)
        logger.info("%s: all %s rows of %s are in %s already", place.name, f"{store.rows:,}", part, name)
        return 0
    written = _fill(place, milvus_client.unfinished(name), store, part, kind)
    place.client.rename_collection(milvus_client.unfinished(name), name)
    place.client.load_collection(name)
    logger.info("%s: %s rows of %s in %s, %s written now", place.name, f"{store.rows:,}", part, name, f"{written:,}")
    return written


def open_indexes(store: Store, uri: str, parts: Iterable[str] | None = None) -> dict[str, MilvusIndex]:
    """{part: index of its vectors} of a store that was loaded before.

    Args:
        store: whose vectors they are.
        uri: of Milvus.
        parts: the encoders; None opens all.

    Raises:
        MilvusError: a collection is missing or incomplete, or Milvus does not answer.
    """
    cure = f"load it: python build_embeddings.py --output-dir {store.folder} --to-milvus {without_secret(uri)}"
    if is_local(uri) and not Path(uri).exists():
        raise MilvusError(f"--milvus-uri {uri}: there is no such file; {cure}")
    place = milvus_client.connect(uri)
    names = {part: collection_name(store, part) for part in (store.encoders if parts is None else parts)}
    indexes = {}
    with milvus_client.answering(uri):
        for part, name in names.items():
            if not place.client.has_collection(name, timeout=PATIENCE):
                partly = place.client.has_collection(milvus_client.unfinished(name), timeout=PATIENCE)
                others = milvus_client.others(place, names.values())
                raise MilvusError(
                    f"--milvus-uri {place.name}: {part} of {store.name} is "
                    + ("only partly loaded" if partly else "not there")
                    + (f", only {others} with other products or vectors of other encoders" if others else "")
                    + f"; {cure}"
                )
            place.client.load_collection(name)
            fault = _wrong_rows(place, name, store)
            if fault:
                raise MilvusError(f"--milvus-uri {place.name}: {fault}; drop it and {cure}")
            kind = milvus_client.kind_of(place, name)
            indexes[part] = MilvusIndex(place, name, (store.rows, store.encoders[part].dim), kind)
            logger.info("search: Milvus at %s, %s in collection %s, %s", place.name, part, name, kind)
    return indexes


def collection_name(store: Store, part: str) -> str:
    """Name of an encoder's collection: stores with the same products, vectors and encoder share it."""
    folders = (f"{PRODUCTS}/", f"{part}/")
    files = {name: entry.sha256 for name, entry in store.manifest.files.items() if name.startswith(folders)}
    # The folder's name is no part of it: "tuned" of one store may be "base" of the next.
    parts = {name.replace(f"{part}/", "vectors/"): sha256 for name, sha256 in files.items()}
    parts |= {"encoder": store.encoders[part].fingerprint, "format": _FORMAT}
    return f"e5_{hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]}"


def _fill(place: MilvusConnection, name: str, store: Store, part: str, kind: str) -> int:
    """Write the missing rows of a collection and wait for its index; returns how many rows were written."""
    client = place.client
    if not client.has_collection(name, timeout=PATIENCE):
        _create(client, name, store, part)
    _index(place, name, kind)
    client.load_collection(name)
    done = milvus_client.count(place, name)
    written = 0
    with tqdm(total=store.rows, initial=done, desc=f"load {part}", unit=" products") as bar:
        for start, products, vectors in store.shards(skip=done, parts=(part,)):
            for rows in _requests(start, products, vectors[part]):
                # upsert and not insert: pymilvus sends a request again if its answer was lost.
                client.upsert(name, rows, timeout=300)
                bar.update(max(0, rows[-1][KEY] + 1 - max(done, rows[0][KEY])))
                written += len(rows)
    client.flush(name)
    while not _indexed(place, name):
        time.sleep(_POLL_SECONDS)
    fault = _wrong_rows(place, name, store)
    if fault:
        raise MilvusError(f"--to-milvus {place.name}: {fault}; drop it and start again")
    return written


def _wrong_rows(place: MilvusConnection, name: str, store: Store) -> str:
    """What is wrong with the rows of a loaded collection, or ""."""
    rows, known = milvus_client.count(place, name), milvus_client.count(place, name, store.rows)
    if rows == known == store.rows:
        return ""
    return f"{name} has {known:,} of {store.rows:,} rows, and {rows - known:,} others"


def _require_kind(place: MilvusConnection, name: str, kind: str) -> None:
    found = milvus_client.kind_of(place, name)
    if found != kind:
        raise MilvusError(
            f"--milvus-index {kind}: {name} at {place.name} has index {found}; name that, or drop the collection"
        )


def _create(client: Any, name: str, store: Store, part: str) -> None:
    """A collection with a field for row number, product id, each filter column and one encoder's vectors."""
    DataType = milvus_client.package().DataType  # noqa: N806
    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field(KEY, DataType.INT64, is_primary=True)
    schema.add_field("product_id", DataType.VARCHAR, max_length=_MAX_TEXT)
    _, products, _ = next(iter(store.shards(parts=(part,))))
    for column in _filter_columns(products):
        if column == _CATEGORY:
            schema.add_field(
                column,
                DataType.ARRAY,
                element_type=DataType.VARCHAR,
                max_length=_MAX_TEXT,
                max_capacity=_MAX_LEVELS,
            )
        elif column in _NUMBERS:
            schema.add_field(column, DataType.DOUBLE)
        else:
            schema.add_field(column, DataType.VARCHAR, max_length=_MAX_TEXT)
    schema.add_field(VECTOR, DataType.FLOAT_VECTOR, dim=store.encoders[part].dim)
    client.create_collection(name, schema=schema, consistency_level="Strong")


def _index(place: MilvusConnection, name: str, kind: str) -> None:
    """Create the index where it is missing; a killed load may have left it out."""
    if place.client.list_indexes(name, timeout=PATIENCE):
        _require_kind(place, name, kind)
        return
    indexes = place.client.prepare_index_params()
    indexes.add_index(VECTOR, index_type=kind, index_name=VECTOR, metric_type=METRIC, params=KINDS[kind][0])
    place.client.create_index(name, indexes, sync=False)  # the collection is empty: nothing to wait for


def _indexed(place: MilvusConnection, name: str) -> bool:
    """Whether the index contains all rows that were written."""
    found = place.client.describe_index(name, VECTOR, timeout=PATIENCE)
    if found.get("state") == "Failed":
        raise MilvusError(f"--to-milvus {place.name}: Milvus could not build the index of {name}; see its log")
    return not found.get("pending_index_rows")


def _filter_columns(products: pa.Table) -> list[str]:
    """The columns of the filters that this catalogue has."""
    return [column for column in dict.fromkeys(FILTERS.values()) if column in products.column_names]


def _requests(start: int, products: pa.Table, vectors: np.ndarray) -> Iterator[list[dict[str, object]]]:
    """The rows of a shard as lists of dictionaries, one list a request.

    Args:
        start: the shard's first row.
        products: its m products.
        vectors: (m, d) float16.
    """
    size = max(1, REQUEST_BYTES // (4 * vectors.shape[1]))
    for first in range(0, len(products), size):
        part = products.slice(first, size)
        columns = {column: _values(column, part[column]) for column in _filter_columns(products)}
        columns["product_id"] = _values("product_id", part["product_id"])
        columns[KEY] = list(range(start + first, start + first + len(part)))
        columns[VECTOR] = list(vectors[first : first + len(part)].astype(np.float32))
        yield [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _values(column: str, values: pa.ChunkedArray) -> list[Any]:
    """A column in a form in which Milvus's filters pass the same products as ``Facets``."""
    if column in _NUMBERS:
        return [_number(value) for value in pc.cast(values, pa.float64()).to_pylist()]
    texts = values.to_pylist()
    for text in texts:
        if text and len(text.encode()) > _MAX_TEXT:
            raise MilvusError(f"{column} {text[:40]!r}… is longer than the {_MAX_TEXT:,} bytes Milvus takes; cut it")
    if column == "product_id":
        return [text or "" for text in texts]
    if column != _CATEGORY:
        return [normalized(text) if text else "" for text in texts]
    paths = [text.split(LEVEL) if text else [] for text in texts]
    if any(len(levels) > _MAX_LEVELS for levels in paths):
        raise MilvusError(f"{column} has more than {_MAX_LEVELS} levels; name fewer")
    # "Shoes > Boots" becomes ["Shoes", "Shoes > Boots"], so that a filter on either finds it.
    return [[LEVEL.join(levels[: depth + 1]) for depth in range(len(levels))] for levels in paths]


def _number(value: float | None) -> float:
    """``NO_NUMBER`` for a missing value and for NaN; the largest float64 for infinity, which Milvus does not take."""
    if value is None or value != value:
        return NO_NUMBER
    return min(max(value, _SMALLEST), _LARGEST)
