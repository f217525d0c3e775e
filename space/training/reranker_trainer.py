"""The training of a reranker: a cross-encoder and lists in, the same cross-encoder fine-tuned, with a log."""

import hashlib
import json
import os
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
from space.training.processes import PROCESS_TIMEOUT, join_processes
from space.training.trainer import computes_in, peak_memory

#: Pairs per forward pass on a CPU. Fewer pairs need less padding, but below this the matrix products get slow.
_GROUP = 16


def fine_tune(model: CrossEncoder, lists: Dataset, settings: RerankerSettings) -> TrainingLog:
    """Train ``model`` in place. It writes no checkpoints, so a run that was stopped starts anew.

    Args:
        model: its weights change.
        lists: from ``space.training.ranked_lists.training_lists``.
        settings: of the run.
    """
    state, precision = join_processes(), computes_in(settings.precision)
    run = _run_name(lists, settings)
    # The TensorBoard callback of transformers reads its folder from this variable only.
    folder = os.environ["TENSORBOARD_LOGGING_DIR"] = str(settings.logging_dir / run)
    batch = settings.batch_size * state.num_processes
    steps = settings.max_steps if settings.max_steps > 0 else int(settings.epochs * len(lists) / batch)
    progress = Progress(batch)
    texts = [*lists["query"], *(text for docs in lists["docs"] for text in docs)]
    ids = vocabulary.of_texts(model, texts) if bert_of_pairs(model) else None
    with vocabulary.only_occurring(model, ids):
        trainer = CrossEncoderTrainer(
            model,
            args=CrossEncoderTrainingArguments(
                output_dir=folder,
                num_train_epochs=settings.epochs,
                max_steps=settings.max_steps,
                per_device_train_batch_size=settings.batch_size,
                learning_rate=settings.learning_rate,
                warmup_steps=0.1,
                use_cpu=state.device.type == "cpu",
                bf16=precision == "bfloat16",
                dataloader_drop_last=state.num_processes > 1,
                ddp_timeout=int(PROCESS_TIMEOUT.total_seconds()),
                seed=settings.seed,
                data_seed=settings.seed,
                logging_steps=max(1, min(10, steps // 20)),
                logging_first_step=True,
                save_strategy="no",
                report_to=["tensorboard"],
                disable_tqdm=True,
            ),
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
    return TrainingLog(
        examples=len(lists),
        steps=trainer.state.global_step,
        seconds=round(seconds, 1),
        examples_per_second=round(progress.examples / seconds, 1),
        peak_memory_gb=round(peak_memory() / 1e9, 2),
        history=[entry for entry in trainer.state.log_history if "loss" in entry],
        device=str(model.device),
        precision=precision,
        run=run,
    )


def _run_name(lists: Dataset, settings: RerankerSettings) -> str:
    """A name for the TensorBoard events, by what the run learns from and how."""
    digest = hashlib.sha256(json.dumps(settings.to_json(), sort_keys=True, default=str).encode())
    for column in lists.column_names:
        digest.update(json.dumps(list(lists[column])).encode())
    return f"reranker-{digest.hexdigest()[:10]}"
