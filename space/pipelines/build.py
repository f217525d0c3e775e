"""The build: embed a catalogue with its encoders, write the store, push it."""

import logging
from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from space.data.checksums import checksums
from space.data.passages import template
from space.encoding.description import BASE, TUNED
from space.encoding.encoder import TextEncoder
from space.encoding.weights import Weights
from space.evaluation import provenance
from space.evaluation.schema import Bm25Parameters, Evaluation, EvaluationError
from space.evaluation.tables import METRICS
from space.hub import cards, permission, publish
from space.io import memory
from space.io.folders import sole_writer
from space.pipelines.contents import Contents
from space.settings import BuildSettings
from space.store import encoder_folders
from space.store.embedding import embed_catalogue
from space.store.mapped_files import MappedFiles, folder_for
from space.store.reader import EVALUATION, Store
from space.store.vector_cache import VectorCache
from space.store.writer import Plan
from space.training.processes import join_processes

logger = logging.getLogger(__name__)


def build(settings: BuildSettings, encoders: Mapping[str, Weights], contents: Contents) -> None:
    """Do what build_embeddings.py was asked for.

    Args:
        settings: of the build.
        encoders: {name: encoder}, in the order of the store. The evaluation is that of "tuned".
        contents: the catalogue, with judgments if there are any.

    Raises:
        UserError: the weights or the Hub do not give what the settings need.
    """
    state = join_processes()
    if settings.push_to_hub and state.is_main_process:
        permission.ask_first(settings.push_to_hub, "dataset", private=settings.private)
    rows = len(contents.catalogue)
    sums = checksums(contents.catalogue, contents.judgments) if state.is_main_process else None
    plan = Plan(
        rows, settings.shard_size, template(settings.bullets), contents.name, contents.notice, sums, contents.scale
    )
    # What training measured is about "base" and "tuned": under other names it would be about other encoders.
    evaluation = evaluation_of(encoders[TUNED].folder) if TUNED in encoders else None
    measured = provenance.compare(evaluation, plan.dataset, rows, sums)

    def load(weights: Weights) -> TextEncoder:
        encoder = TextEncoder(weights, max_seq_length=settings.max_seq_length, batch_size=settings.batch_size)
        if state.is_main_process and not settings.push_to_hub:  # the store will probably be served from here
            encoder.remember()
        # The fingerprint read all weights, and made the tokens into text. Embedding reads only the words that occur.
        memory.release([weights.folder], ".safetensors")
        memory.trim()
        return encoder

    with sole_writer(settings.output_dir) if state.is_main_process else nullcontext():
        made = embed_catalogue(
            contents.catalogue,
            {name: partial(load, weights) for name, weights in encoders.items()},
            settings.output_dir,
            plan,
            state,
            resume=settings.resume,
            bullets=settings.bullets,
            judgments=contents.judgments,
            evaluation=evaluation.to_json() if evaluation else None,
            card=lambda made_by: cards.store_card(
                plan, made_by, contents.judgments is not None, measured, settings.push_to_hub
            ),
            cache=VectorCache.of_user(),
        )
    if not state.is_main_process:
        return
    logger.info(
        f"{settings.output_dir}: {plan.rows:,} products, encoders {', '.join(encoders)}; {made.kept} shards kept from "
        "earlier runs"
    )
    encoder_folders.remember(settings.output_dir, {name: weights.name for name, weights in encoders.items()})
    if measured and measured.sentence:
        logger.warning(f"{encoders[TUNED].name}: {measured.sentence}")
    trained_from = evaluation and evaluation.encoders.get(BASE)
    if trained_from and BASE in encoders and trained_from.fingerprint != made.encoders[BASE].fingerprint:
        logger.warning(
            f"{encoders[TUNED].name} was trained from {trained_from.id}, base here is {encoders[BASE].name}: the "
            "difference between the two is not the effect of fine-tuning"
        )
    if settings.push_to_hub:
        publish.push_store(settings.output_dir, settings.push_to_hub, private=settings.private)
    else:  # prepare the files that app.py maps
        store = Store(settings.output_dir, verify=False)
        bm25 = measured.bm25 if measured else Bm25Parameters()
        MappedFiles(store, folder_for(settings.output_dir), bm25.k1, bm25.b, bm25.stem).prepare()


def evaluation_of(folder: Path) -> Evaluation | None:
    """The evaluation.json of a model; None if there is none, or if train.py did not write it."""
    path = folder / EVALUATION
    if not path.is_file():
        return None
    try:
        found = Evaluation.from_json(path.read_bytes())
        if not found.verdict or not set(METRICS) <= set(found.protocols):
            raise EvaluationError("not an evaluation: no verdict, or not both protocols")
    except EvaluationError as error:
        logger.warning(f"{path} is not what train.py writes ({error}); the store goes without an evaluation")
        return None
    return found
