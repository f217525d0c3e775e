"""Embeds a catalogue with each encoder into a store, shard by shard, in one process or several.

While the model works on a shard, the next one is read and tokenized, and the one before is written: three shards and
a model are in memory. Which process makes a shard changes nothing in it.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
import pyarrow as pa
from tqdm import tqdm

from space.data.catalogue import passages
from space.encoding.description import EncoderDescription
from space.encoding.encoder import TextEncoder
from space.io.threads import prefetch
from space.store.writer import Plan, StoreWriter

logger = logging.getLogger(__name__)


class Processes(Protocol):
    """What is needed of ``accelerate.PartialState``."""

    process_index: int
    num_processes: int
    is_main_process: bool

    def wait_for_everyone(self) -> None:
        """Return once every process has called."""


@dataclass(frozen=True)
class Embedded:
    """What ``embed_catalogue`` did.

    Attributes:
        made: shards embedded now, by this process.
        kept: shards that an earlier run had finished.
        encoders: {"base" and "tuned": which encoder made its vectors}.
    """

    made: int
    kept: int
    encoders: Mapping[str, EncoderDescription]


def embed_catalogue(
    catalogue: pa.Table,
    encoders: Mapping[str, Callable[[], TextEncoder]],
    folder: Path,
    plan: Plan,
    processes: Processes,
    *,
    resume: bool = True,
    bullets: int = 0,
    judgments: pd.DataFrame | None = None,
    evaluation: Mapping[str, Any] | None = None,
    card: Callable[[Mapping[str, EncoderDescription]], str],
) -> Embedded:
    """Write a store.

    Args:
        catalogue: product columns; only read by the main process, and only to write the products shards.
        encoders: {"base" and "tuned": a function that loads it}; one is in memory at a time.
        folder: the store.
        plan: its layout.
        processes: who else is at work on it.
        resume: keep finished shards that are whole and still apply.
        bullets: see ``space.data.catalogue.passages``.
        judgments: the held-out judgments, for labels in the app.
        evaluation: what training measured.
        card: makes the text of README.md from the encoders' descriptions.

    Returns:
        How many shards were made and kept, and the encoders.
    """
    writer = StoreWriter(folder, plan)
    if processes.is_main_process:
        writer.begin(resume=resume)
        writer.write_products(catalogue)
    processes.wait_for_everyone()
    described: dict[str, EncoderDescription] = {}
    embedded = kept = 0
    for part, load in encoders.items():
        encoder = load()
        described[part] = encoder.describe()
        todo = []
        for shard in range(plan.shards):
            key = writer.key(shard, described[part])
            if writer.is_done(part, shard, key):
                kept += 1
            else:
                todo.append((shard, key))
        # Every process must have looked before any starts, or their lists differ and a shard falls between them.
        processes.wait_for_everyone()
        mine = todo[processes.process_index :: processes.num_processes]
        if processes.is_main_process:
            logger.info("%s: %d of %d shards to embed", part, len(todo), plan.shards)
        total = sum(plan.span(shard)[1] for shard, _ in mine)
        with tqdm(
            total=total, desc=f"embed {part}", unit=" products", disable=not (mine and processes.is_main_process)
        ) as bar:
            _embed_shards(part, mine, encoder, writer, bullets, bar.update)
        embedded += len(mine)
        del encoder
        processes.wait_for_everyone()
    if processes.is_main_process:
        writer.finish(described, judgments, evaluation, card(described))
    processes.wait_for_everyone()
    return Embedded(embedded, kept, described)


def _embed_shards(
    part: str,
    shards: list[tuple[int, str]],
    encoder: TextEncoder,
    writer: StoreWriter,
    bullets: int,
    progress: Callable[[int], object],
) -> None:
    """(number, key) of each shard, in turn; one is read and one written while the model works on that between them."""

    def read() -> Iterator[tuple[int, str, pa.Table, list[Any]]]:
        for shard, key in shards:
            products = writer.products(shard)
            yield shard, key, products, encoder.tokenize(passages(products, bullets))

    written: Future[None] | None = None
    with ThreadPoolExecutor(max_workers=1) as thread:
        for shard, key, products, tokens in prefetch(read()):
            # Halved here: torch's threads belong to the thread that first used them, and would be started once more.
            vectors = encoder.embed(tokens, progress).half()
            if written is not None:
                written.result()  # at most one waits in memory, and a full disk is noticed at the next shard
            written = thread.submit(writer.write_vectors, part, shard, key, products, vectors)
        if written is not None:
            written.result()
