"""The training examples of a run: judged ones, those made from titles, and mined negatives."""

import hashlib
import logging
from collections.abc import Mapping, Sequence

import numpy as np
from accelerate import PartialState
from datasets import Dataset

from space.data.judgments import Judged
from space.encoding.encoder import TextEncoder
from space.index.torch_index import TorchIndex
from space.io.files import atomically
from space.settings import TrainSettings
from space.training import hard_negatives, title_queries
from space.training.examples import exact_texts, judged_texts, training_examples

logger = logging.getLogger(__name__)


def make(judged: Judged, texts: Sequence[str], settings: TrainSettings) -> tuple[Dataset, dict[str, frozenset[str]]]:
    """Examples for the loss of the settings, and {normalized query: texts that are never its negative}.

    Args:
        judged: judgments to learn from, and the catalogue.
        texts: the passage of every product, by row.
        settings: of the run.

    Raises:
        UserError: the judgments or titles give no example.
    """
    examples = training_examples(
        judged.train,
        texts,
        settings.loss,
        negatives=settings.negatives,
        seed=settings.seed,
        scale=judged.scale,
    )
    exact = exact_texts(judged.train, texts, judged.scale)
    count = settings.title_queries
    if count < 0:
        count = 0 if settings.loss == "cosent" else min(len(examples), title_queries.MOST)
    if count:
        examples, exact = title_queries.add(
            examples, exact, judged.catalogue, texts, count, settings.seed, held_out=judged.test["query"]
        )
    if settings.loss == "mnrl" and judged.train["esci_label"].isin(judged.scale.relevant).all():
        # Clicks alone: a product drawn at random is no better a negative than those of the other examples.
        logger.info(f"{judged.name}: positives only, so negatives come from within each batch")
        examples = examples.remove_columns("negative")
    return examples, exact


def mine(
    examples: Dataset,
    exact: Mapping[str, frozenset[str]],
    judged: Judged,
    texts: Sequence[str],
    encoder: TextEncoder,
    index: TorchIndex,
    settings: TrainSettings,
) -> Dataset:
    """The examples with mined negatives in place of random ones, for ``--mined-negatives``.

    Args:
        examples: from ``make``.
        exact: from ``make``.
        judged: judgments to learn from, and the catalogue.
        texts: the passage of every product, by row.
        encoder: the base model.
        index: the texts, embedded by the base model.
        settings: of the run.
    """
    if "negative" not in examples.column_names:
        return examples
    locales = np.asarray(judged.catalogue["product_locale"].to_pylist())
    labelled, none = judged_texts(judged.train, texts), frozenset()
    known = {query: labelled.get(query, none) | exact.get(query, none) for query in {**labelled, **exact}}
    return hard_negatives.harden(examples, known, encoder, index, texts, locales, settings.seed)


def share(examples: Dataset, settings: TrainSettings, state: PartialState) -> Dataset:
    """Give the examples of the main process to all processes, since only the main one has an index to mine with."""
    if not settings.mined_negatives or state.num_processes == 1:
        state.wait_for_everyone()
        return examples
    # Named after the model's folder, which one run has at a time: other runs may share --checkpoints-dir.
    digest = hashlib.sha256(str(settings.output_dir.resolve()).encode()).hexdigest()
    path = settings.checkpoints_dir / f"mined-{digest[:10]}.parquet"
    if state.is_main_process:
        with atomically(path) as unfinished:
            examples.to_parquet(str(unfinished))
    state.wait_for_everyone()
    shared = Dataset.from_parquet(str(path))
    state.wait_for_everyone()
    if state.is_main_process:
        path.unlink()
    return shared
