"""The training of a reranker: a cross-encoder and pairs in, the same cross-encoder fine-tuned, with a log."""

import hashlib
import json
import os
import time

import torch
from datasets import Dataset
from sentence_transformers import CrossEncoder
from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss
from sentence_transformers.util import batch_to_device
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


def fine_tune(model: CrossEncoder, pairs: Dataset, settings: RerankerSettings) -> TrainingLog:
    """Train ``model`` in place. It writes no checkpoints, so a run that was stopped starts anew.

    Args:
        model: its weights change.
        pairs: from ``space.training.pair_examples.training_pairs``.
        settings: of the run.
    """
    state, precision = join_processes(), computes_in(settings.precision)
    run = _run_name(pairs, settings)
    # The TensorBoard callback of transformers reads its folder from this variable only.
    folder = os.environ["TENSORBOARD_LOGGING_DIR"] = str(settings.logging_dir / run)
    batch = settings.batch_size * state.num_processes
    steps = settings.max_steps if settings.max_steps > 0 else int(settings.epochs * len(pairs) / batch)
    progress = Progress(batch)
    ids = vocabulary.of_texts(model, [*pairs["query"], *pairs["passage"]]) if bert_of_pairs(model) else None
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
            train_dataset=pairs,
            loss=GainLoss(model),
            callbacks=[progress],
        )
        trainer.remove_callback(PrinterCallback)
        start = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - start
        model.eval()
        model.zero_grad()
    return TrainingLog(
        examples=len(pairs),
        steps=trainer.state.global_step,
        seconds=round(seconds, 1),
        examples_per_second=round(progress.examples / seconds, 1),
        peak_memory_gb=round(peak_memory() / 1e9, 2),
        history=[entry for entry in trainer.state.log_history if "loss" in entry],
        device=str(model.device),
        precision=precision,
        run=run,
    )


class GainLoss(BinaryCrossEntropyLoss):
    """The library's loss, computed in groups of pairs of similar length.

    A batch that is padded to its longest pair is half padding. The loss is the same, except for the random draws of
    dropout.
    """

    def forward(
        self, inputs: list[list[str]], labels: torch.Tensor, prompt: str | None = None, task: str | None = None
    ) -> torch.Tensor:
        """The loss of a batch.

        Args:
            inputs: queries and passages.
            labels: (n,) gains.
            prompt: none, as rerankers are trained without.
            task: none.
        """
        pairs = list(zip(*inputs, strict=True))
        order = sorted(range(len(pairs)), key=lambda row: len(pairs[row][0]) + len(pairs[row][1]))
        size = _GROUP if self.model.device.type == "cpu" else len(pairs)
        scores = []
        for start in range(0, len(order), size):
            tokens = self.model.preprocess([pairs[row] for row in order[start : start + size]])
            scores.append(self.model(batch_to_device(tokens, self.model.device))["scores"].view(-1))
        with torch.autocast(self.model.device.type, enabled=False):
            return self.bce_with_logits_loss(torch.cat(scores).float(), labels[order].float())


def _run_name(pairs: Dataset, settings: RerankerSettings) -> str:
    """A name for the TensorBoard events, by what the run learns from and how."""
    digest = hashlib.sha256(json.dumps(settings.to_json(), sort_keys=True, default=str).encode())
    for column in pairs.column_names:
        digest.update(json.dumps(list(pairs[column])).encode())
    return f"reranker-{digest.hexdigest()[:10]}"
