"""Embeds a catalogue with each encoder into a store, shard by shard, in one process or several.

While the model works on a shard, other threads read and tokenize the next one and write the one before. So a model
and three shards are in memory. A shard has the same content whichever process makes it.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd
import pyarrow as pa
import torch
from tqdm import tqdm

from space.data.passages import passages
from space.encoding.description import EncoderDescription
from space.encoding.encoder import TextEncoder
from space.io.threads import prefetch
from space.store.vector_cache import Block, VectorCache
from space.store.writer import Plan, StoreWriter

logger = logging.getLogger(__name__)


class Processes(Protocol):
    """The part of ``accelerate.PartialState`` that is used here."""

    process_index: int
    num_processes: int
    is_main_process: bool

    def wait_for_everyone(self) -> None:
        """Return when every process has called this."""


@dataclass(frozen=True)
class Embedded:
    """What ``embed_catalogue`` did.

    Attributes:
        made: shards embedded now, by this process.
        kept: shards that an earlier run had finished.
        encoders: {name: which encoder made its vectors}.
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
    evaluation: str | None = None,
    card: Callable[[Mapping[str, EncoderDescription]], str],
    cache: VectorCache | None = None,
) -> Embedded:
    """Write a store; every process calls this with the same arguments.

    Args:
        catalogue: product columns, the same in every process.
        encoders: {name: a function that loads it}; one encoder is in memory at a time.
        folder: the store.
        plan: its layout.
        processes: the processes that share the work.
        resume: keep shards that an earlier run finished and that would come out the same.
        bullets: see ``space.data.passages.passages``.
        judgments: the held-out judgments, for labels in the app.
        evaluation: text of evaluation.json, what training measured.
        card: makes the text of README.md from the encoders.
        cache: of vectors; what it has is not embedded again. None keeps none.
    """
    cache = cache or VectorCache(None)
    writer = StoreWriter(folder, plan)
    if processes.is_main_process:
        writer.begin(resume=resume)
        writer.write_products(catalogue)
    processes.wait_for_everyone()
    described: dict[str, EncoderDescription] = {}
    made = kept = 0
    for part, load in encoders.items():
        encoder = load()
        described[part] = encoder.describe()
        keys = {shard: writer.key(shard, described[part]) for shard in range(plan.shards)}
        todo = [(shard, key) for shard, key in keys.items() if not writer.is_done(part, shard, key)]
        # Wait until every process has this list: a shard that another one finishes now would make it shorter.
        processes.wait_for_everyone()
        mine = todo[processes.process_index :: processes.num_processes]
        if processes.is_main_process:
            logger.info("%s: %d of %d shards to embed", part, len(todo), plan.shards)
        taken = cache.taken
        with tqdm(
            total=sum(plan.span(shard)[1] for shard, _ in mine),
            desc=f"embed {part}",
            unit=" products",
            disable=not (mine and processes.is_main_process),
        ) as bar:
            _embed_shards(part, mine, encoder, writer, bullets, cache, bar.update)
        if cache.taken > taken and processes.is_main_process:
            logger.info(f"{part}: {cache.taken - taken:,} of {bar.total:,} vectors were kept before")
        made += len(mine)
        kept += plan.shards - len(todo)
        del encoder
        processes.wait_for_everyone()
    if processes.is_main_process:
        writer.finish(described, judgments, evaluation, card(described))
    processes.wait_for_everyone()
    return Embedded(made, kept, described)


def _embed_shards(
    part: str,
    shards: list[tuple[int, str]],
    encoder: TextEncoder,
    writer: StoreWriter,
    bullets: int,
    cache: VectorCache,
    progress: Callable[[int], object],
) -> None:
    """Embed the shards (number, key): while the model works on one, the next is read and the one before written."""

    def read() -> Iterator[tuple[int, str, pa.Table, list[Block]]]:
        for shard, key in shards:
            products = writer.products(shard)
            yield shard, key, products, list(cache.blocks(encoder, passages(products, bullets)))

    written: Future[None] | None = None
    with ThreadPoolExecutor(max_workers=1) as thread:
        for shard, key, products, blocks in prefetch(read()):
            vectors = torch.cat([cache.vectors(encoder, block, progress) for block in blocks])
            if written is not None:
                written.result()  # one shard waits in memory at most, and a full disk stops the run here
            written = thread.submit(writer.write_vectors, part, shard, key, products, vectors)
        if written is not None:
            written.result()
