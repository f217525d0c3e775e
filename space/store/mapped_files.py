"""Memory-mapped copies of a store, so that a start of the app need not parse parquet or count words.

Without them every start reads 1.2 million products and builds BM25 anew: half a minute, and gigabytes of memory.
So the first start writes vectors as plain float16, and products and BM25 lists as Arrow files, to a folder beside the
store. They can be made again at any time and stay on this machine. They are written as a store is: each file is
complete, and the manifest comes last. Every start compares a checksum of each.
"""

import json
import logging
import mmap
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import torch

from space.data.passages import passage_column
from space.errors import same_rows
from space.index.bm25 import Bm25Index, InvertedLists
from space.io.files import WriteError, atomically, checksums_of_all, write_bytes
from space.io.folders import cannot_be_replaced, sole_writer
from space.store.manifest import MANIFEST
from space.store.reader import Store

logger = logging.getLogger(__name__)

PRODUCTS, TERMS, LISTS = "products.arrow", "terms.arrow", "lists.arrow"
#: Increase it for another layout or checksum, another way to cut texts into terms, or other BM25 weights.
FORMAT = 3
#: Smaller stores are read into memory: that takes a second or two, and their vectors at most 150 MB.
MAPPED_FROM = 100_000


@dataclass(frozen=True)
class LoadedStore:
    """What the app searches and shows.

    Attributes:
        products: product columns.
        vectors: {part that was asked for: (n, d) float16}, row-aligned with the products.
        bm25: over the same rows.
    """

    products: pa.Table
    vectors: Mapping[str, torch.Tensor]
    bm25: Bm25Index
    _maps: Mapping[str, mmap.mmap] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that a row is the same product everywhere."""
        vectors = {part: len(rows) for part, rows in self.vectors.items()}
        same_rows("a served store", products=len(self.products), bm25=len(self.bm25), **vectors)

    def release(self, part: str) -> None:
        """Release the memory of mapped vectors; a page is read again when it is needed. Takes half a millisecond.

        For each row that a search reads, the system also maps the cached pages around it. Without this call two
        searches bring nearly the whole file into the process.
        """
        if part in self._maps and hasattr(mmap, "MADV_DONTNEED"):
            self._maps[part].madvise(mmap.MADV_DONTNEED)


def folder_for(store: Path) -> Path:
    """Where the mapped files of the store in a folder go: beside it, or into it where it is a mount point."""
    store = store.resolve()
    if cannot_be_replaced(store):
        return store / ".serving"
    return store.with_name(f"{store.name}.serving")


class MappedFiles:
    """The mapped files of one store.

    Args:
        store: its files need not have been checked yet; those that are read are checked.
        folder: where the mapped files are or will be.
        k1: see ``Bm25Index``.
        b: see ``Bm25Index``.
        stem: see ``Bm25Index``.
        parts: encoders whose vectors are wanted, none where Milvus searches them; None wants all.
    """

    def __init__(
        self, store: Store, folder: Path, k1: float, b: float, stem: bool, parts: Sequence[str] | None = None
    ) -> None:
        """Keep the arguments; nothing is read yet."""
        self.store, self.folder = store, folder
        self.parts = list(store.encoders if parts is None else parts)
        self._bm25 = {"k1": k1, "b": b, "stem": stem}
        self.names = [*(_vectors_file(part) for part in self.parts), PRODUCTS, TERMS, LISTS]
        self._made_from = {"format": FORMAT, "store": store.identity, **self._bm25}

    def are_current(self) -> bool:
        """Whether all files are there, undamaged, and made from this store; reads each of them once."""
        try:
            found = json.loads((self.folder / MANIFEST).read_text(encoding="utf-8"))
            noted = [found["files"][name] for name in self.names]
            made_from = {name: found[name] for name in self._made_from}
        except (OSError, ValueError, KeyError, TypeError):  # not there, or not as ``_write`` writes it
            return False
        paths = [self.folder / name for name in self.names]
        if made_from != self._made_from or not all(path.is_file() for path in paths):
            return False
        try:
            checksums = checksums_of_all(paths)
        except OSError as error:  # such as a bad sector
            logger.warning("%s: %s; making the files again", self.folder, error)
            return False
        damaged = [name for name, *both in zip(self.names, checksums, noted, strict=True) if both[0] != both[1]]
        if damaged:
            logger.warning("%s: %s is damaged; making the files again", self.folder, damaged[0])
        return not damaged

    def load_finished(self) -> LoadedStore | None:
        """``load`` if no file has to be made for it, else None."""
        if self.store.rows < MAPPED_FROM:
            return self.load()
        return self._map() if self.are_current() else None

    def load(self) -> LoadedStore:
        """Map the files, making them first if needed. A small store, or one that cannot be written, goes into memory.

        Raises:
            StoreError: a file of the store is damaged, or its rows do not line up.
        """
        if self.store.rows >= MAPPED_FROM and self._make():
            return self._map()
        self.store.check()
        products = self.store.products()
        vectors = {part: self.store.vectors(part) for part in self.parts}
        return LoadedStore(products, vectors, self._index(passage_column(products), products))

    def prepare(self) -> None:
        """Make the files now, so that the first start finds them; does nothing for a small store.

        Raises:
            StoreError: see ``load``.
        """
        if self.store.rows >= MAPPED_FROM:
            self._make()

    def _make(self) -> bool:
        """Write the files unless they are current; False if they could not be written, which is logged."""
        try:
            if not self.are_current():
                with sole_writer(self.folder):
                    if not self.are_current():  # another process may have made them in the meantime
                        self._write()
        except (WriteError, OSError) as error:
            logger.warning("%s; every start will read the whole store into memory instead", error)
            return False
        return True

    def _map(self) -> LoadedStore:
        maps, vectors = {}, {}
        for part in self.parts:
            with (self.folder / _vectors_file(part)).open("rb") as file:
                # A private copy-on-write mapping: torch needs memory that could be written.
                maps[part] = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
            vectors[part] = torch.frombuffer(maps[part], dtype=torch.float16).view(self.store.rows, -1)
        products = pa.ipc.open_file(pa.memory_map(str(self.folder / PRODUCTS))).read_all()
        lists = InvertedLists.read(self.folder / TERMS, self.folder / LISTS)
        return LoadedStore(products, vectors, self._index(lists, products), maps)

    def _write(self) -> None:
        logger.info("%s: preparing %s products for search, once for this store", self.folder, f"{self.store.rows:,}")
        self.store.check()
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = self._vectors_of_others()
        (self.folder / MANIFEST).unlink(missing_ok=True)
        known = {*self.names, *kept}
        others = [path for path in self.folder.glob(_vectors_file("*")) if path.name not in known]
        for leftover in [*self.folder.glob("*.tmp-*"), *others]:
            leftover.unlink(missing_ok=True)
        with ThreadPoolExecutor(2) as workers:
            jobs = [workers.submit(self._write_products)]  # the longest job first
            jobs += [workers.submit(self._write_vectors, part) for part in self.parts]
            for job in jobs:
                job.result()
        files = dict(zip(self.names, checksums_of_all([self.folder / name for name in self.names]), strict=True))
        content = json.dumps({**self._made_from, "files": kept | files}, indent=1) + "\n"
        write_bytes(self.folder / MANIFEST, content.encode())

    def _vectors_of_others(self) -> dict[str, str]:
        """{file: checksum} of vectors of this store that another app with other encoders (``--only``) has written."""
        try:
            found = json.loads((self.folder / MANIFEST).read_text(encoding="utf-8"))
            if any(found[name] != value for name, value in self._made_from.items()):
                return {}  # of an earlier store
            noted = {_vectors_file(part): found["files"].get(_vectors_file(part)) for part in self.store.encoders}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):  # not there, or not as ``_write`` writes it
            return {}
        return {name: checksum for name, checksum in noted.items() if checksum and name not in self.names}

    def _write_vectors(self, part: str) -> None:
        with atomically(self.folder / _vectors_file(part)) as path, path.open("wb") as sink:
            for block in self.store.vector_blocks(part):
                block.tofile(sink)

    def _write_products(self) -> None:
        products = self.store.products().combine_chunks()
        with atomically(self.folder / PRODUCTS) as path, pa.OSFile(str(path), "wb") as sink:
            with pa.ipc.new_file(sink, products.schema) as writer:
                writer.write_table(products)
        index = self._index(passage_column(products), products)
        with atomically(self.folder / TERMS) as terms, atomically(self.folder / LISTS) as lists:
            index.lists.write(terms, lists)

    def _index(self, passages: pa.ChunkedArray | InvertedLists, products: pa.Table) -> Bm25Index:
        return Bm25Index(passages, products["product_locale"], **self._bm25)


def _vectors_file(part: str) -> str:
    return f"{part}.f16"
