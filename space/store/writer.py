"""Writes the embeddings data set: shards, journal, manifest; and resumes what was interrupted.

Knows files and checksums, and no encoder. Two rules keep a reader safe: a file appears under its name only when it is
whole, and the manifest comes last and goes first.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from space.encoding.description import ENCODERS, EncoderDescription
from space.io.files import atomically
from space.store.manifest import MANIFEST, FileEntry, Manifest
from space.store.reader import EVALUATION, JOURNAL, JUDGMENTS, PRODUCTS, StoreError, sha256

CARD = "README.md"


@dataclass(frozen=True)
class Plan:
    """What a store will hold, down to the number of shards.

    Attributes:
        rows: products.
        shard_size: products per shard.
        template: the passage text in words.
        dataset: what was loaded.
        notice: what must be said wherever the data is shown, or "".
    """

    rows: int
    shard_size: int
    template: str
    dataset: str
    notice: str = ""

    @property
    def shards(self) -> int:
        """How many files each part has."""
        return -(-self.rows // self.shard_size)

    def span(self, shard: int) -> tuple[int, int]:
        """First row of a shard and its number of rows."""
        start = shard * self.shard_size
        return start, min(self.shard_size, self.rows - start)

    def file(self, part: str, shard: int) -> str:
        """Path of a shard within the store."""
        return f"{part}/part-{shard:05d}-of-{self.shards:05d}.parquet"


class StoreWriter:
    """Writes the files of a plan, each atomically, and the manifest last.

    Args:
        folder: the store; made if absent. Several processes may write different shards of one store.
        plan: what goes into it.
    """

    def __init__(self, folder: Path, plan: Plan) -> None:
        """Touches nothing yet."""
        self.folder, self.plan = folder, plan

    def begin(self, *, resume: bool) -> None:
        """Make the store unreadable until ``finish``, and clear what an interrupted run left half-written.

        Args:
            resume: keep the journal, so that finished shards that still apply are not made again.

        Raises:
            StoreError: the folder holds something else, which a store would be mixed up with.
        """
        if self.folder.is_dir() and not {MANIFEST, JOURNAL} & {path.name for path in self.folder.iterdir()}:
            if any(self.folder.iterdir()):
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
        """Every products shard; quick beside embedding, so always written."""
        for shard in range(self.plan.shards):
            start, count = self.plan.span(shard)
            with atomically(self.folder / self.plan.file(PRODUCTS, shard)) as path:
                pq.write_table(catalogue.slice(start, count), path, compression="zstd")

    def products(self, shard: int) -> pa.Table:
        """A products shard as written."""
        return pq.read_table(self.folder / self.plan.file(PRODUCTS, shard))

    def key(self, shard: int, encoder: EncoderDescription) -> str:
        """What a vectors shard depends on: its products, the encoder and the text. Another key, another shard."""
        parts: dict[str, object] = {
            "fingerprint": encoder.fingerprint,
            "max_seq_length": encoder.max_seq_length,
            "precision": encoder.precision,
        }
        parts |= {"products": sha256(self.folder / self.plan.file(PRODUCTS, shard)), "template": self.plan.template}
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def is_done(self, part: str, shard: int, key: str) -> bool:
        """Whether a shard stands there whole and was made from exactly what it would be made from now."""
        path = self.folder / self.plan.file(part, shard)
        entry = self._entry(part, shard)
        if not (entry.is_file() and path.is_file()):
            return False
        try:
            noted = json.loads(entry.read_bytes())
        except ValueError:
            return False
        return noted == {"key": key, "sha256": sha256(path)}

    def write_vectors(self, part: str, shard: int, key: str, products: pa.Table, vectors: torch.Tensor) -> None:
        """A shard of vectors beside the keys of its products.

        Args:
            part: "base" or "tuned".
            shard: its number.
            key: see ``key``.
            products: the rows it belongs to.
            vectors: (rows, d), kept as float16.
        """
        flat = pa.array(vectors.to(torch.float16).cpu().flatten().numpy())
        table = pa.table(
            {"product_id": products["product_id"], "product_locale": products["product_locale"]}
            | {"embedding": pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])}
        )
        path = self.folder / self.plan.file(part, shard)
        with atomically(path) as unfinished:
            # Neither dictionary nor compression: half-precision vectors have no repeats, and reading is faster.
            pq.write_table(table, unfinished, compression="none", use_dictionary=False)
        with atomically(self._entry(part, shard)) as unfinished:
            unfinished.write_bytes(json.dumps({"key": key, "sha256": sha256(path)}).encode())

    def finish(
        self,
        encoders: Mapping[str, EncoderDescription],
        judgments: pd.DataFrame | None,
        evaluation: Mapping[str, Any] | None,
        card: str,
    ) -> Manifest:
        """Write what is not sharded, drop what does not belong, and make the store readable.

        Args:
            encoders: {"base" and "tuned": what ``TextEncoder.describe`` says}.
            judgments: the held-out judgments, for labels in the app; None where there are none.
            evaluation: what training measured; None where it belongs to another model.
            card: text of README.md.

        Returns:
            The manifest.
        """
        # The card is not among the checked files: on the Hub people edit it.
        with atomically(self.folder / CARD) as path:
            path.write_bytes(card.encode())
        texts = {}
        if evaluation is not None:
            texts[EVALUATION] = json.dumps(evaluation, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        for name, text in texts.items():
            with atomically(self.folder / name) as path:
                path.write_bytes(text.encode())
        files = list(texts)
        if judgments is not None:
            with atomically(self.folder / JUDGMENTS) as path:
                pq.write_table(pa.Table.from_pandas(judgments, preserve_index=False), path, compression="zstd")
            files.append(JUDGMENTS)
        for part in (PRODUCTS, *encoders):
            files.extend(self.plan.file(part, shard) for shard in range(self.plan.shards))
        self._drop_others(files)
        paths = {name: self.folder / name for name in sorted(files)}
        manifest = Manifest(
            dataset=self.plan.dataset,
            notice=self.plan.notice,
            rows=self.plan.rows,
            shard_size=self.plan.shard_size,
            text=self.plan.template,
            encoders=dict(encoders),
            files={name: FileEntry(path.stat().st_size, sha256(path)) for name, path in paths.items()},
        )
        with atomically(self.folder / MANIFEST) as path:
            path.write_bytes(manifest.to_bytes())
        return manifest

    def _entry(self, part: str, shard: int) -> Path:
        return self.folder / JOURNAL / (self.plan.file(part, shard) + ".json")

    def _drop_others(self, keep: Iterable[str]) -> None:
        """Files of earlier builds with another number of shards, and their journal."""
        wanted = {self.folder / name for name in keep}
        wanted |= {self.folder / JOURNAL / f"{name}.json" for name in keep}
        present = [self.folder / EVALUATION, self.folder / JUDGMENTS]
        for part in (PRODUCTS, *ENCODERS):
            present += self.folder.glob(f"{part}/part-*-of-*.parquet")
            present += self.folder.glob(f"{JOURNAL}/{part}/part-*.json")
        for path in present:
            if path not in wanted:
                path.unlink(missing_ok=True)
