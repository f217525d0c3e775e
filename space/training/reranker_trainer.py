"""Fine-tunes a reranker: a cross-encoder learns from lists of judged products."""

import hashlib
import json
import time

from datasets import Dataset
from sentence_transformers import CrossEncoder
from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
from sentence_transformers.cross_encoder.losses import LambdaLoss
from transformers import PrinterCallback

from space.encoding.model import bert_of_pairs
from space.evaluation.schema import TrainingLog
from space.settings import RerankerSettings
from space.training import vocabulary
from space.training.callbacks import Progress
from space.training.processes import join_processes
from space.training.run import Run, computes_in

#: Pairs per forward pass on a CPU. Fewer pairs need less padding, but below this the matrix products get slow.
_GROUP = 16


def fine_tune(model: CrossEncoder, lists: Dataset, settings: RerankerSettings) -> TrainingLog:
    """Train ``model`` in place. It writes no checkpoints, so a run that was stopped starts again from the beginning.

    Args:
        model: its weights change.
        lists: from ``space.training.ranked_lists.training_lists``.
        settings: of the run.
    """
    state, precision = join_processes(), computes_in(settings.precision)
    run = Run(_run_name(lists, settings), settings, precision, len(lists), settings.batch_size * state.num_processes)
    progress = Progress(run.batch)
    texts = [*lists["query"], *(text for docs in lists["docs"] for text in docs)]
    ids = vocabulary.of_texts(model, texts) if bert_of_pairs(model) else None
    with vocabulary.only_occurring(model, ids):
        trainer = CrossEncoderTrainer(
            model,
            args=CrossEncoderTrainingArguments(output_dir=str(run.events), save_strategy="no", **run.arguments()),
            train_dataset=lists,
            loss=LambdaLoss(model, mini_batch_size=_GROUP if state.device.type == "cpu" else -1),  # -1 is all at once
            callbacks=[progress],
        )
        trainer.remove_callback(PrinterCallback)
        start = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - start
        model.eval()
        model.zero_grad()
    return run.log(trainer, progress, seconds)


def _run_name(lists: Dataset, settings: RerankerSettings) -> str:
    """A name for the TensorBoard events, by what the run learns from and how."""
    digest = hashlib.sha256(json.dumps(settings.to_json(), sort_keys=True, default=str).encode())
    for column in lists.column_names:
        digest.update(json.dumps(list(lists[column])).encode())
    return f"reranker-{digest.hexdigest()[:10]}"
