"""The embeddings data set on disk: what is in it, checking and loading it.

Knows files and checksums; what an encoder or a query is, others know, and how a store comes to be, store_writer.py.
Nothing is loaded whose sha256 is not what the manifest says.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch

from space.data.catalogue import KEY
from space.data.judgments import JUDGMENT_COLUMNS
from space.encoding.description import ENCODERS, EncoderDescription
from space.errors import UserError
from space.store import manifest
from space.store.manifest import MANIFEST

PRODUCTS = "products"
JUDGMENTS = "judgments/test.parquet"
EVALUATION = "evaluation.json"
#: One small JSON file per finished shard; stays behind so that the next build can reuse what still applies.
JOURNAL = ".build"
_REBUILD = "run build_embeddings.py again, it redoes what is damaged"


class StoreError(UserError):
    """A store that must not be loaded; the message names the file and the cure."""


class Store:
    """A finished store, opened for reading.

    Args:
        folder: where it is.
        verify: also ``check`` every file; without it only that each is there and of its size.
        name: what to call it in messages; the folder if not given.

    Raises:
        StoreError: no manifest, another format, or a file that is missing or changed.
    """

    def __init__(self, folder: Path, *, verify: bool = True, name: str = "") -> None:
        """Read the manifest and check the files against it."""
        self.folder, self.name, self._cached = folder, name or str(folder), bool(name)
        path = folder / MANIFEST
        if not path.is_file():
            state = "the build has not finished" if (folder / JOURNAL).is_dir() else "no store"
            cure = f"run build_embeddings.py --output-dir {folder}"
            if name:
                state, cure = "no store, or one that is being pushed", "wait for the push, or pin an earlier revision"
            raise StoreError(f"{self.name}: no {MANIFEST}, {state}; {cure}")
        try:
            text = path.read_bytes()
            self.manifest = manifest.parse(text)
        except manifest.ManifestError as error:
            raise StoreError(f"{path}: {error}; {_REBUILD}") from error
        #: sha256 of the manifest: two stores of the same one hold the same bytes.
        self.identity = hashlib.sha256(text).hexdigest()
        self.rows = self.manifest.rows
        for name, entry in self.manifest.files.items():
            if not (folder / name).is_file():
                raise StoreError(f"{self._at(name)}: missing; {self._cure}")
            if (folder / name).stat().st_size != entry.bytes:
                raise self._damaged(name)
        if verify:
            self.check()

    def check(self, names: Iterable[str] | None = None) -> None:
        """Compare the sha256 of files, all of them if none are named; about half a second per GB on two cores.

        Raises:
            StoreError: one that is not what the manifest says.
        """
        files = self.manifest.files
        names = list(files if names is None else names)
        for name, found in zip(names, hashes([self.folder / name for name in names]), strict=True):
            if found != files[name].sha256:
                raise self._damaged(name)

    def _damaged(self, name: str) -> StoreError:
        state = "not what the manifest says, damaged or half-copied"
        return StoreError(f"{self._at(name)}: {state}; {self._cure}")

    def _at(self, name: str) -> str:
        """A file in words: of a store from the Hub not where its cache is, which is nobody's affair."""
        return f"{self.name}: {name}" if self._cached else str(self.folder / name)

    @property
    def _cure(self) -> str:
        return "start again with the Hub in reach, it is fetched anew" if self._cached else _REBUILD

    @property
    def encoders(self) -> Mapping[str, EncoderDescription]:
        """{"base" and "tuned": which encoder made its vectors}."""
        return self.manifest.encoders

    def require(self, part: str, fingerprint: str, name: str) -> None:
        """Refuse an encoder that did not make the vectors.

        Raises:
            StoreError: naming both.
        """
        made_by = self.encoders[part]
        if made_by.fingerprint != fingerprint:
            maker = f"{made_by.id}@{made_by.revision[:12]}" if made_by.revision else made_by.id
            raise StoreError(
                f"{self.name}: its {part} vectors were made by {maker} (fingerprint "
                f"{made_by.fingerprint[:12]}), not by {name} ({fingerprint[:12]}); rebuild the store with that "
                f"model, or name the model it was made with"
            )

    def products(self) -> pa.Table:
        """Product columns, row-aligned with the vectors."""
        self._check_rows(PRODUCTS)
        return pa.concat_tables([self._table(name, (*KEY, "product_title")) for name in self._files(PRODUCTS)])

    def vectors(self, part: str) -> torch.Tensor:
        """(rows, d) float16 of "base" or "tuned".

        Raises:
            StoreError: rows that do not line up with the products.
        """
        self._check_rows(part)  # before memory is taken for them
        out = np.empty((self.rows, self.encoders[part].dim), dtype=np.float16)
        start = 0
        for block in self.vector_blocks(part):
            out[start : start + len(block)] = block
            start += len(block)
        return torch.from_numpy(out)

    def vector_blocks(self, part: str) -> Iterator[np.ndarray]:
        """What ``vectors`` returns as (m, d) float16 parts, a shard in memory at a time; raises the same."""
        self._check_rows(part)
        for name in self._files(part):
            products = self._table(name.replace(f"{part}/", f"{PRODUCTS}/"), KEY, only=True)
            yield self._embeddings(name, part, products)

    def shards(self, skip: int = 0) -> Iterator[tuple[int, pa.Table, dict[str, np.ndarray]]]:
        """Shard by shard, where the whole has no place in memory: first row, products, {part: (rows, d) float16}.

        Args:
            skip: how many rows need not come; shards that have no others are not read.

        Raises:
            StoreError: see ``vectors``.
        """
        for part in (PRODUCTS, *ENCODERS):
            self._check_rows(part)
        start = 0
        for name in self._files(PRODUCTS):
            with _readable(self.folder / name):
                rows = pq.read_metadata(self.folder / name).num_rows
            if start + rows > skip:
                products = self._table(name, (*KEY, "product_title"))
                files = {part: name.replace(f"{PRODUCTS}/", f"{part}/") for part in ENCODERS}
                yield start, products, {part: self._embeddings(files[part], part, products) for part in ENCODERS}
            start += rows

    def _embeddings(self, name: str, part: str, products: pa.Table) -> np.ndarray:
        """(rows, d) float16 of a vectors file that lines up with ``products``."""
        dim = self.encoders[part].dim
        table = self._table(name, (*KEY, "embedding"))
        if len(table) != len(products) or any(not pc.all(pc.equal(table[key], products[key])).as_py() for key in KEY):
            raise StoreError(f"{self.folder / name}: its rows are not those of {PRODUCTS}; {_REBUILD}")
        found = table["embedding"]
        if found.type != pa.list_(pa.float16(), dim) or found.null_count:
            raise StoreError(
                f"{self.folder / name}: embedding is {found.type}, the manifest says dimension {dim}; {_REBUILD}"
            )
        parts = [chunk.flatten().to_numpy().reshape(len(chunk), dim) for chunk in found.chunks]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)  # no copy of what is whole already

    def judgments(self) -> pd.DataFrame | None:
        """The held-out judgments, or None where the store has none."""
        if JUDGMENTS not in self.manifest.files:
            return None
        # What pandas noted in the file is not believed: it could name an index that is not there.
        return self._table(JUDGMENTS, JUDGMENT_COLUMNS).to_pandas(ignore_metadata=True)

    def evaluation(self) -> dict[str, Any] | None:
        """What training measured, or None."""
        if EVALUATION not in self.manifest.files:
            return None
        return json.loads((self.folder / EVALUATION).read_bytes())

    def _files(self, part: str) -> list[str]:
        return sorted(name for name in self.manifest.files if name.startswith(f"{part}/"))

    def _check_rows(self, part: str) -> None:
        rows = 0
        for name in self._files(part):
            with _readable(self.folder / name):
                rows += pq.read_metadata(self.folder / name).num_rows
        if rows != self.rows:
            raise StoreError(f"{self.folder}: {rows} rows in {part}, the manifest says {self.rows}; {_REBUILD}")

    def _table(self, name: str, columns: Sequence[str], *, only: bool = False) -> pa.Table:
        """A file that has at least ``columns``; ``only`` reads no others."""
        path = self.folder / name
        with _readable(path):
            absent = set(columns) - set(pq.read_schema(path).names)
            if absent:
                raise StoreError(f"{path}: no column {sorted(absent)[0]!r}; {_REBUILD}")
            table = pq.read_table(path, columns=list(columns) if only else None)
            table.validate(full=True)  # text that is no UTF-8, which Arrow reads without a look
            return table


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """A ``StoreError`` that names the file, where Arrow cannot read it: a checksum does not make it parquet."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise StoreError(f"{path}: not a readable parquet file ({error}); {_REBUILD}") from error


def hashes(paths: Sequence[Path]) -> list[str]:
    """sha256 of files, two at a time: hashing lets go of Python's lock, and beyond two the disk is the limit."""
    with ThreadPoolExecutor(2) as workers:
        return list(workers.map(sha256, paths))


def sha256(path: Path) -> str:
    """Checksum of a file, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
