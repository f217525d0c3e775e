"""What an app reads of a store at every start, laid out so that it is mapped and not read.

A store is made to be shared: parquet, readable by everyone. To take its vectors out of that and to count BM25's lists
costs half a minute at 1.2 million products, and gigabytes of memory. So the first start writes them beside the store
as they are searched: rows as plain float16, products and lists as Arrow. Everything in there can be made again from
the store, so it is no part of it, goes nowhere with it, and is dropped when the store is another. As with a store, a
file appears under its name only when it is whole, the manifest comes last and goes first, and nothing is used whose
sha256 differs. Knows no encoder and no query.
"""

import json
import logging
import mmap
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch

from space.data.catalogue import passage_column
from space.encoding.description import ENCODERS
from space.index.bm25 import Bm25Index, InvertedLists
from space.io.files import WriteError, atomically, sole_writer
from space.store.manifest import MANIFEST
from space.store.reader import Store, hashes

logger = logging.getLogger(__name__)

PRODUCTS, TERMS, LISTS = "products.arrow", "terms.arrow", "lists.arrow"
#: Another layout, another way to cut texts into terms, or other weights: another number.
FORMAT = 1
#: A smaller store is read within a second or two, and its vectors are 150 MB at most.
MAPPED_FROM = 100_000


@dataclass(frozen=True)
class Serving:
    """What is searched and shown.

    Attributes:
        products: product columns.
        vectors: {"base", "tuned" or whichever were asked for: (n, d) float16}, row-aligned with the products.
        bm25: over the same rows.
    """

    products: pa.Table
    vectors: Mapping[str, torch.Tensor]
    bm25: Bm25Index
    _maps: Mapping[str, mmap.mmap] = field(default_factory=dict)

    def release(self, part: str) -> None:
        """Let the pages of mapped vectors go until they are read again; they stay in the system's cache.

        Takes half a millisecond. Without it two searches bring nearly all of a file into the process: for each row
        that is read, the system maps whatever lies around it in its cache.
        """
        if part in self._maps and hasattr(mmap, "MADV_DONTNEED"):
            self._maps[part].madvise(mmap.MADV_DONTNEED)


def stands(store: Store, beside: Path, k1: float, b: float, *, parts: Sequence[str] = ENCODERS) -> bool:
    """Whether the files beside a store are there, whole, and made of it; reads all of them once. See ``serve``."""
    return _stands(beside, _wanted(store, k1, b), parts)


def _wanted(store: Store, k1: float, b: float) -> dict[str, Any]:
    return {"format": FORMAT, "store": store.identity, "k1": k1, "b": b}


def serve(
    store: Store,
    beside: Path,
    k1: float,
    b: float,
    *,
    parts: Sequence[str] = ENCODERS,
    mapped_from: int = MAPPED_FROM,
    checked: bool = False,
) -> Serving:
    """What a store holds, mapped from the files beside it, which are made first where they are not there.

    Args:
        store: need not have been checked; whatever is read of it is.
        beside: folder for those files.
        k1: see ``Bm25Index``.
        b: see ``Bm25Index``.
        parts: whose vectors are wanted; none where another process searches them.
        mapped_from: a store of fewer rows is read into memory, and nothing is written.
        checked: ``stands`` has said so of the same parts just before.

    Raises:
        StoreError: a file of the store that is damaged, or whose rows do not line up.
    """
    if store.rows < mapped_from:
        store.check()
        return _read(store, k1, b, parts)
    if not (checked or _made(store, beside, _wanted(store, k1, b), parts)):
        store.check()
        return _read(store, k1, b, parts)
    return _map(store, beside, k1, b, parts)


def prepare(store: Store, beside: Path, k1: float, b: float) -> None:
    """Make the files now, so that not even the first start has to; nothing for a store that is read into memory."""
    if store.rows >= MAPPED_FROM:
        _made(store, beside, _wanted(store, k1, b), ENCODERS)


def beside(folder: Path) -> Path:
    """Where the files of a store in a folder are kept."""
    folder = folder.resolve()
    return folder.with_name(f"{folder.name}.serving")


def _made(store: Store, folder: Path, wanted: Mapping[str, Any], parts: Sequence[str]) -> bool:
    """Whether the files stand now; where they cannot be written, why is logged."""
    try:
        if not _stands(folder, wanted, parts):
            with sole_writer(folder):
                if not _stands(folder, wanted, parts):  # another process may have made it meanwhile
                    _write(store, folder, wanted, parts)
    except (WriteError, OSError) as error:
        logger.warning("%s; every start will read the whole store into memory instead", error)
        return False
    return True


def _read(store: Store, k1: float, b: float, parts: Sequence[str]) -> Serving:
    products = store.products()
    vectors = {part: store.vectors(part) for part in parts}
    return Serving(products, vectors, Bm25Index(passage_column(products), k1=k1, b=b))


def _map(store: Store, folder: Path, k1: float, b: float, parts: Sequence[str]) -> Serving:
    maps, vectors = {}, {}
    for part in parts:
        with (folder / _rows(part)).open("rb") as file:
            # Private, so that torch may take it for writable; nobody writes.
            maps[part] = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        vectors[part] = torch.frombuffer(maps[part], dtype=torch.float16).view(store.rows, -1)
    products = pa.ipc.open_file(pa.memory_map(str(folder / PRODUCTS))).read_all()
    lists = InvertedLists.read(folder / TERMS, folder / LISTS)
    return Serving(products, vectors, Bm25Index(lists, k1=k1, b=b), maps)


# -- the files -------------------------------------------------------------------------------------------------------


def _rows(part: str) -> str:
    return f"{part}.f16"


def _stands(folder: Path, wanted: Mapping[str, Any], parts: Sequence[str]) -> bool:
    """Whether everything for these parts is there, whole, and made of this store; what else is there is not read."""
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    if not isinstance(found, dict) or wanted != {name: found.get(name) for name in wanted}:
        return False
    files = found.get("files")
    names = _names(parts)
    if not isinstance(files, dict) or not files.keys() >= set(names):
        return False
    paths = [folder / name for name in names]
    if not all(path.is_file() for path in paths):
        return False
    try:
        damaged = [path.name for path, found in zip(paths, hashes(paths), strict=True) if found != files[path.name]]
    except OSError as error:  # a bad sector, or a file of somebody else's
        logger.warning("%s: %s; making it again", folder, error)
        return False
    if damaged:
        logger.warning("%s: %s is damaged; making it again", folder, damaged[0])
    return not damaged


def _names(parts: Sequence[str]) -> list[str]:
    return [*(_rows(part) for part in parts), PRODUCTS, TERMS, LISTS]


def _write(store: Store, folder: Path, wanted: Mapping[str, Any], parts: Sequence[str]) -> None:
    """Everything, the manifest last; vectors that nobody asked for go: of which store they are nobody would know."""
    logger.info("%s: preparing %s products for searching, once for this store", folder, f"{store.rows:,}")
    store.check()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    for leftover in [*folder.glob("*.tmp-*"), *(folder / _rows(part) for part in ENCODERS if part not in parts)]:
        leftover.unlink(missing_ok=True)
    with ThreadPoolExecutor(2) as workers:
        # What takes one thread for the longest comes first, so that it has company to the end.
        jobs = [workers.submit(_write_products, store, folder, wanted["k1"], wanted["b"])]
        jobs += [workers.submit(_write_vectors, store, part, folder / _rows(part)) for part in parts]
        for job in jobs:
            job.result()
    names = _names(parts)
    files = dict(zip(names, hashes([folder / name for name in names]), strict=True))
    with atomically(folder / MANIFEST) as path:
        path.write_text(json.dumps({**wanted, "files": files}, indent=1) + "\n", encoding="utf-8")


def _write_vectors(store: Store, part: str, file: Path) -> None:
    with atomically(file) as path, path.open("wb") as sink:
        for block in store.vector_blocks(part):
            block.tofile(sink)


def _write_products(store: Store, folder: Path, k1: float, b: float) -> None:
    products = store.products().combine_chunks()
    with atomically(folder / PRODUCTS) as path, pa.OSFile(str(path), "wb") as sink:
        with pa.ipc.new_file(sink, products.schema) as writer:
            writer.write_table(products)
    index = Bm25Index(passage_column(products), k1=k1, b=b)
    with atomically(folder / TERMS) as terms, atomically(folder / LISTS) as lists:
        index.lists.write(terms, lists)
