"""Writes a store: shards with a journal to resume from, then the manifest.

Readers are safe at any moment: each file appears only when it is complete, ``begin`` removes the manifest first, and
``finish`` writes it last.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from space.encoding.description import EncoderDescription
from space.errors import same_rows
from space.io.files import atomically, sha256, write_bytes
from space.io.folders import NOT_CONTENT, sole_writer
from space.store.manifest import MANIFEST, FileEntry, Manifest, Plan, parse
from space.store.reader import EVALUATION, JOURNAL, JUDGMENTS, PRODUCTS, StoreError

CARD = "README.md"


def replace_evaluation(folder: Path, text: str) -> None:
    """Put an evaluation into a finished store. A kill at any moment leaves a store that can be read.

    Args:
        folder: the store.
        text: of evaluation.json.

    Raises:
        ManifestError: the manifest cannot be read.
        WriteError: the folder cannot be written.
    """
    with sole_writer(folder):
        manifest = parse((folder / MANIFEST).read_bytes())
        files = {name: entry for name, entry in manifest.files.items() if name != EVALUATION}
        # While the file is replaced, the manifest has none: a store without an evaluation.
        write_bytes(folder / MANIFEST, replace(manifest, files=files).to_bytes())
        path = folder / EVALUATION
        write_bytes(path, text.encode())
        files[EVALUATION] = FileEntry(path.stat().st_size, sha256(path))
        write_bytes(folder / MANIFEST, replace(manifest, files=dict(sorted(files.items()))).to_bytes())


class StoreWriter:
    """Writes the files of a store. Several processes may write different shards at the same time.

    Args:
        folder: the store; made if absent.
        plan: what goes into it.
    """

    def __init__(self, folder: Path, plan: Plan) -> None:
        """Keep folder and plan; ``begin`` is the first to write."""
        self.folder, self.plan = folder, plan

    def begin(self, *, resume: bool) -> None:
        """Remove the manifest, so that the store cannot be read until ``finish``, and half-written files.

        Args:
            resume: keep the journal, so that finished shards are not made again.

        Raises:
            StoreError: the folder holds other files.
        """
        there = {path.name for path in self.folder.iterdir()} if self.folder.is_dir() else set()
        if there - NOT_CONTENT and not there & {MANIFEST, JOURNAL}:
            raise StoreError(f"--output-dir {self.folder}: not empty and not a store; name a new folder")
        (self.folder / JOURNAL).mkdir(parents=True, exist_ok=True)
        (self.folder / MANIFEST).unlink(missing_ok=True)
        for depth in ("", "*/", f"{JOURNAL}/*/"):
            for leftover in self.folder.glob(f"{depth}*.tmp-*"):
                leftover.unlink()
        if not resume:
            for entry in self.folder.glob(f"{JOURNAL}/**/*.json"):
                entry.unlink()

    def write_products(self, catalogue: pa.Table) -> None:
        """Write every products shard. This is fast compared with embedding, so finished ones are not kept."""
        same_rows(str(self.folder), plan=self.plan.rows, products=len(catalogue))
        for shard in range(self.plan.shards):
            start, count = self.plan.span(shard)
            with atomically(self.folder / self.plan.file(PRODUCTS, shard)) as path:
                pq.write_table(catalogue.slice(start, count), path, compression="zstd")

    def products(self, shard: int) -> pa.Table:
        """A products shard, as written before."""
        return pq.read_table(self.folder / self.plan.file(PRODUCTS, shard))

    def key(self, shard: int, encoder: EncoderDescription) -> str:
        """sha256 of all that a vectors shard depends on: the encoder, the products and the passage text."""
        parts = {
            "fingerprint": encoder.fingerprint,
            "max_seq_length": encoder.max_seq_length,
            "precision": encoder.precision,
            "products": sha256(self.folder / self.plan.file(PRODUCTS, shard)),
            "template": self.plan.text,
        }
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def is_done(self, part: str, shard: int, key: str) -> bool:
        """Whether a shard is complete and was made with the same key."""
        path = self.folder / self.plan.file(part, shard)
        try:
            noted = json.loads(self._entry(part, shard).read_bytes())
            return noted == {"key": key, "sha256": sha256(path)}
        except (OSError, ValueError):
            return False

    def write_vectors(self, part: str, shard: int, key: str, products: pa.Table, vectors: torch.Tensor) -> None:
        """Write a shard of vectors together with the locale and id of each product.

        Args:
            part: name of an encoder.
            shard: its number.
            key: see ``key``.
            products: (m) rows of the products shard.
            vectors: (m, d) of any dtype and device; written as float16.
        """
        same_rows(self.plan.file(part, shard), products=len(products), vectors=len(vectors))
        flat = pa.array(vectors.to(torch.float16).cpu().flatten().numpy())
        table = pa.table(
            {"product_id": products["product_id"], "product_locale": products["product_locale"]}
            | {"embedding": pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])}
        )
        path = self.folder / self.plan.file(part, shard)
        with atomically(path) as unfinished:
            # Vectors hardly compress, and without dictionary and compression they are read faster.
            pq.write_table(table, unfinished, compression="none", use_dictionary=False)
        write_bytes(self._entry(part, shard), json.dumps({"key": key, "sha256": sha256(path)}).encode())

    def finish(
        self,
        encoders: Mapping[str, EncoderDescription],
        judgments: pd.DataFrame | None,
        evaluation: str | None,
        card: str,
    ) -> None:
        """Write card, evaluation, judgments and manifest, then remove files of earlier builds.

        In this order a kill never costs vectors: until the new manifest is there, a build with the encoders of before
        finds their shards.

        Args:
            encoders: {name: which encoder made its vectors}.
            judgments: the held-out judgments, for labels in the app; None if there are none.
            evaluation: text of evaluation.json; None if there is none for this model.
            card: text of README.md.
        """
        files = [self.plan.file(part, shard) for part in (PRODUCTS, *encoders) for shard in range(self.plan.shards)]
        write_bytes(self.folder / CARD, card.encode())  # not in the manifest: people edit it on the Hub
        if evaluation is not None:
            write_bytes(self.folder / EVALUATION, evaluation.encode())
            files.append(EVALUATION)
        if judgments is not None:
            with atomically(self.folder / JUDGMENTS) as path:
                pq.write_table(pa.Table.from_pandas(judgments, preserve_index=False), path, compression="zstd")
            files.append(JUDGMENTS)
        paths = {name: self.folder / name for name in sorted(files)}
        entries = {name: FileEntry(path.stat().st_size, sha256(path)) for name, path in paths.items()}
        manifest = Manifest(**vars(self.plan), encoders=dict(encoders), files=entries)
        write_bytes(self.folder / MANIFEST, manifest.to_bytes())
        self._drop_others(files)

    def _entry(self, part: str, shard: int) -> Path:
        return self.folder / JOURNAL / (self.plan.file(part, shard) + ".json")

    def _drop_others(self, keep: Iterable[str]) -> None:
        """Remove shards of encoders and numbers of shards that only earlier builds have, and their empty folders."""
        wanted = {self.folder / name for name in keep}
        wanted |= {self.folder / JOURNAL / f"{name}.json" for name in keep}
        present = [self.folder / EVALUATION, self.folder / JUDGMENTS]
        present += self.folder.glob("*/part-*-of-*.parquet")
        present += self.folder.glob(f"{JOURNAL}/*/part-*.json")
        for path in present:
            if path not in wanted and path.is_file():
                path.unlink()
                if path.parent != self.folder and not any(path.parent.iterdir()):
                    path.parent.rmdir()
