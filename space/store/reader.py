"""Reads a store: products, vectors and judgments, each file checked against the sha256 in the manifest."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch

from space.data.catalogue import KEY
from space.data.judgments import JUDGMENT_COLUMNS
from space.data.parquet import read_parquet
from space.encoding.description import EncoderDescription
from space.errors import UserError
from space.io.files import sha256_of_all, unreadable
from space.store import manifest
from space.store.manifest import EVALUATION, MANIFEST

PRODUCTS = "products"
JUDGMENTS = "judgments/test.parquet"
#: A folder with a small JSON file for each finished shard. It stays, so that the next build can keep shards.
JOURNAL = ".build"
_REBUILD = "run build_embeddings.py again, it replaces what is damaged"
_DAMAGED = "differs from the manifest, so it is damaged or half-copied"


class StoreError(UserError):
    """A store that cannot be used; the message names the file and the cure."""


class Store:
    """A finished store, opened for reading.

    Args:
        folder: where it is.
        verify: compare the sha256 of every file. Without it only existence and size are checked.
        name: ID@COMMIT of a store from the Hub, for messages; the folder if not given.

    Attributes:
        manifest: what is in it.
        identity: sha256 of the manifest file; stores with the same one hold the same bytes.

    Raises:
        StoreError: no manifest, another format, or a file that is missing or changed.
    """

    def __init__(self, folder: Path, *, verify: bool = True, name: str = "") -> None:
        """Read the manifest and check the files against it."""
        self.folder, self.name, self._from_hub = folder, name or str(folder), bool(name)
        path = folder / MANIFEST
        if denied := unreadable(folder):
            raise StoreError(denied)
        if not path.is_file():
            if name:
                raise StoreError(
                    f"{name}: no {MANIFEST}, so it is not a store, or it is being pushed; "
                    "wait for the push, or pin an earlier revision"
                )
            state = "the build has not finished" if (folder / JOURNAL).is_dir() else "so it is not a store"
            raise StoreError(f"{folder}: no {MANIFEST}, {state}; run build_embeddings.py --output-dir {folder}")
        content = path.read_bytes()
        try:
            self.manifest = manifest.parse(content)
        except manifest.ManifestError as error:
            raise StoreError(f"{path}: {error}; {_REBUILD}") from error
        self.identity = hashlib.sha256(content).hexdigest()
        for file, entry in self.manifest.files.items():
            if not (folder / file).is_file():
                raise self._broken(file, "missing")
            if (folder / file).stat().st_size != entry.bytes:
                raise self._broken(file, _DAMAGED)
        if verify:
            self.check()

    @property
    def rows(self) -> int:
        """Number of products."""
        return self.manifest.rows

    @property
    def encoders(self) -> Mapping[str, EncoderDescription]:
        """{name: which encoder made its vectors}, in the order in which they were given."""
        return self.manifest.encoders

    def check(self, names: Iterable[str] | None = None) -> None:
        """Compare the sha256 of files with the manifest; takes about half a second per GB on two cores.

        Args:
            names: which files; None checks all.

        Raises:
            StoreError: a file differs.
        """
        files = self.manifest.files
        names = list(files if names is None else names)
        for name, found in zip(names, sha256_of_all([self.folder / name for name in names]), strict=True):
            if found != files[name].sha256:
                raise self._broken(name, _DAMAGED)

    def _broken(self, name: str, state: str) -> StoreError:
        """The path of a store from the Hub is inside a cache: the message names the data set instead."""
        if self._from_hub:
            return StoreError(f"{self.name}: {name}: {state}; start again with the Hub in reach to fetch it again")
        return StoreError(f"{self.folder / name}: {state}; {_REBUILD}")

    def require(self, part: str, fingerprint: str, name: str) -> None:
        """Refuse an encoder that did not make the vectors of a part.

        Args:
            part: name of an encoder.
            fingerprint: of the encoder at hand.
            name: what the user calls it.

        Raises:
            StoreError: the fingerprints differ; the message names both encoders.
        """
        made_by = self.encoders[part]
        if made_by.fingerprint != fingerprint:
            maker = f"{made_by.id}@{made_by.revision[:12]}" if made_by.revision else made_by.id
            raise StoreError(
                f"{self.name}: its {part} vectors were made by {maker} (fingerprint "
                f"{made_by.fingerprint[:12]}), not by {name} ({fingerprint[:12]}); rebuild the store with "
                f"{name}, or serve it with the model that made it"
            )

    def products(self) -> pa.Table:
        """Product columns, row-aligned with the vectors.

        Raises:
            StoreError: a file that cannot be read, or another number of rows than the manifest says.
        """
        self._check_rows(PRODUCTS)
        return pa.concat_tables([self._table(name, (*KEY, "product_title")) for name in self._files(PRODUCTS)])

    def vectors(self, part: str) -> torch.Tensor:
        """(rows, d) float16 on the CPU.

        Args:
            part: name of an encoder.

        Raises:
            StoreError: rows that do not line up with the products.
        """
        self._check_rows(part)  # before their memory is taken
        out = np.empty((self.rows, self.encoders[part].dim), dtype=np.float16)
        start = 0
        for block in self.vector_blocks(part):
            out[start : start + len(block)] = block
            start += len(block)
        return torch.from_numpy(out)

    def vector_blocks(self, part: str) -> Iterator[np.ndarray]:
        """``vectors`` shard by shard, each (m, d) float16: one is in memory at a time."""
        self._check_rows(part)
        for name in self._files(part):
            products = self._table(name.replace(f"{part}/", f"{PRODUCTS}/"), KEY, only=True)
            yield self._embeddings(name, part, products)

    def shards(
        self, skip: int = 0, parts: Sequence[str] | None = None
    ) -> Iterator[tuple[int, pa.Table, dict[str, np.ndarray]]]:
        """(first row, products, {part: (m, d) float16}) of each shard: one is in memory at a time.

        Args:
            skip: leave out shards that only have rows before this one.
            parts: the encoders whose vectors are read; None reads all.

        Raises:
            StoreError: see ``vectors``.
        """
        parts = list(self.encoders if parts is None else parts)
        for part in (PRODUCTS, *parts):
            self._check_rows(part)
        start = 0
        for name in self._files(PRODUCTS):
            rows = self._count(name)
            if start + rows > skip:
                products = self._table(name, (*KEY, "product_title"))
                files = {part: name.replace(f"{PRODUCTS}/", f"{part}/") for part in parts}
                yield start, products, {part: self._embeddings(files[part], part, products) for part in parts}
            start += rows

    def _embeddings(self, name: str, part: str, products: pa.Table) -> np.ndarray:
        """(m, d) float16 of the file ``name``, whose rows must be those of ``products``."""
        dim = self.encoders[part].dim
        table = self._table(name, (*KEY, "embedding"))
        if len(table) != len(products) or any(not pc.all(pc.equal(table[key], products[key])).as_py() for key in KEY):
            raise StoreError(f"{self.folder / name}: its rows are not those of {PRODUCTS}; {_REBUILD}")
        found = table["embedding"]
        if found.type != pa.list_(pa.float16(), dim) or found.null_count:
            raise StoreError(
                f"{self.folder / name}: embedding is {found.type}, the manifest says dimension {dim}; {_REBUILD}"
            )
        blocks = [chunk.flatten().to_numpy().reshape(len(chunk), dim) for chunk in found.chunks]
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)

    def judgments(self) -> pd.DataFrame | None:
        """The held-out judgments, or None where the store has none."""
        if JUDGMENTS not in self.manifest.files:
            return None
        # The file's pandas metadata may name an index that does not exist, so it is ignored.
        return self._table(JUDGMENTS, JUDGMENT_COLUMNS).to_pandas(ignore_metadata=True)

    def evaluation(self) -> bytes | None:
        """Content of evaluation.json, what training measured; None if the store has none."""
        if EVALUATION not in self.manifest.files:
            return None
        return (self.folder / EVALUATION).read_bytes()

    def _files(self, part: str) -> list[str]:
        return sorted(name for name in self.manifest.files if name.startswith(f"{part}/"))

    def _count(self, name: str) -> int:
        with _readable(self.folder / name):
            return pq.read_metadata(self.folder / name).num_rows

    def _check_rows(self, part: str) -> None:
        rows = sum(self._count(name) for name in self._files(part))
        if rows != self.rows:
            raise StoreError(f"{self.folder}: {rows} rows in {part}, the manifest says {self.rows}; {_REBUILD}")

    def _table(self, name: str, columns: Sequence[str], *, only: bool = False) -> pa.Table:
        """A parquet file that has at least ``columns``; with ``only`` no others are read."""
        path = self.folder / name
        with _readable(path):
            absent = set(columns) - set(pq.read_schema(path).names)
            if absent:
                raise StoreError(f"{path}: no column {sorted(absent)[0]!r}; {_REBUILD}")
            table = read_parquet(path, columns if only else None)
            table.validate(full=True)  # finds text that is not UTF-8, which Arrow reads without checking
            return table


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn an error of Arrow into a ``StoreError`` that names the file."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise StoreError(f"{path}: not a readable parquet file ({error}); {_REBUILD}") from error
