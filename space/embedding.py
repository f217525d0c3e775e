"""A catalogue through two encoders into a store, shard by shard, by as many processes as there are.

While the model works on a shard, the next one is read and tokenized, and the one before is written: three shards and
a model are in memory. Which process makes a shard changes nothing in it.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
import pyarrow as pa
from tqdm import tqdm

from space import bm25_tuning, publish, report, serving, upload
from space.ahead import ahead
from space.catalogue import passages, template
from space.config import BuildSettings
from space.encoder import TextEncoder
from space.files import sole_writer
from space.processes import join_processes
from space.source import Contents
from space.store import EVALUATION, Store
from space.store_writer import Plan, StoreWriter
from space.weights import Weights

logger = logging.getLogger(__name__)


class Processes(Protocol):
    """What is needed of ``accelerate.PartialState``."""

    process_index: int
    num_processes: int
    is_main_process: bool

    def wait_for_everyone(self) -> None:
        """Return once every process has called."""


def build(settings: BuildSettings, base: Weights, tuned: Weights, contents: Contents) -> None:
    """What build_embeddings.py does: embed with both encoders, write, push.

    Raises:
        UserError: weights or the Hub do not give what the settings need.
    """
    state = join_processes()
    if settings.push_to_hub and state.is_main_process:
        upload.forewarn(settings.push_to_hub)
    rows = len(contents.catalogue)
    plan = Plan(rows, settings.shard_size, template(settings.bullets), contents.name, contents.notice)
    evaluation = evaluation_of(tuned.folder)

    def load(weights: Weights) -> TextEncoder:
        return TextEncoder(weights, max_seq_length=settings.max_seq_length, batch_size=settings.batch_size)

    with sole_writer(settings.output_dir) if state.is_main_process else nullcontext():
        made = embed_catalogue(
            contents.catalogue,
            {"base": lambda: load(base), "tuned": lambda: load(tuned)},
            settings.output_dir,
            plan,
            state,
            resume=settings.resume,
            bullets=settings.bullets,
            judgments=contents.judgments,
            evaluation=evaluation,
            repo=settings.push_to_hub,
        )
    if not state.is_main_process:
        return
    logger.info(
        f"{settings.output_dir}: {plan.rows:,} products, two encoders; {made['kept']} shards kept from earlier runs"
    )
    trained_from = (evaluation or {}).get("encoders", {}).get("base", made["encoders"]["base"])
    if trained_from["fingerprint"] != made["encoders"]["base"]["fingerprint"]:
        logger.warning(
            f"{tuned.name} was trained from {trained_from['id']}, the base here is {base.name}: "
            f"their difference is not what fine-tuning did"
        )
    if not settings.push_to_hub:  # who pushes it need not serve it from here
        store = Store(settings.output_dir, verify=False)
        serving.prepare(store, serving.beside(settings.output_dir), *bm25_tuning.parameters(evaluation))
    if settings.push_to_hub:
        publish.push_store(settings.output_dir, settings.push_to_hub, private=settings.private)


def evaluation_of(folder: Path) -> dict[str, Any] | None:
    """What training left beside the model; None where that is nothing, or nothing that the card could show.

    To be asked before the embedding: a model from elsewhere may have a file of that name, too.
    """
    path = folder / EVALUATION
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        report.results(found)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        logger.warning(f"{path} is not what train.py writes ({error!r}); the store goes without an evaluation")
        return None
    return found


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
    repo: str | None = None,
) -> dict[str, Any]:
    """Write a store.

    Args:
        catalogue: product columns; only read by the main process, and only to write the products shards.
        encoders: {"base" and "tuned": a function that loads it}; one is in memory at a time.
        folder: the store.
        plan: its layout.
        processes: who else is at work on it.
        resume: keep finished shards that are whole and still apply.
        bullets: see ``space.catalogue.passages``.
        judgments: the held-out judgments, for labels in the app.
        evaluation: what training measured.
        repo: where it will be pushed, for the card.

    Returns:
        {"embedded": shards made now by this process, "kept": shards found finished, "encoders": their descriptions}.
    """
    writer = StoreWriter(folder, plan)
    if processes.is_main_process:
        writer.begin(resume=resume)
        writer.write_products(catalogue)
    processes.wait_for_everyone()
    described: dict[str, dict[str, Any]] = {}
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
        card = report.store_card(plan, described, judgments is not None, evaluation, repo)
        writer.finish(described, judgments, evaluation, card)
    processes.wait_for_everyone()
    return {"embedded": embedded, "kept": kept, "encoders": described}


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
        for shard, key, products, tokens in ahead(read()):
            # Halved here: torch's threads belong to the thread that first used them, and would be started once more.
            vectors = encoder.embed(tokens, progress).half()
            if written is not None:
                written.result()  # at most one waits in memory, and a full disk is noticed at the next shard
            written = thread.submit(writer.write_vectors, part, shard, key, products, vectors)
        if written is not None:
            written.result()
