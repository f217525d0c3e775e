"""Fine-tunes an encoder on training examples, with checkpoints, and logs the run."""

import logging
import time
import warnings
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from transformers import PrinterCallback, TrainerState
from transformers.trainer import TRAINER_STATE_NAME

from space.encoding.encoder import TextEncoder
from space.evaluation.schema import TrainingLog
from space.io import memory
from space.io.files import disk_errors
from space.io.folders import sole_writer
from space.settings import TrainSettings
from space.training import checkpoints, losses, vocabulary
from space.training.callbacks import Progress, TellEpoch
from space.training.early_stopping import DevSet, KeepBest
from space.training.examples import LabelAwareBatchSampler
from space.training.processes import join_processes
from space.training.run import Run, computes_in

logger = logging.getLogger(__name__)

#: Columns of examples that hold queries; the others hold passages.
_QUERY_COLUMNS = ("anchor", "query")


def fine_tune(
    encoder: TextEncoder,
    examples: Dataset,
    exact: Mapping[str, frozenset[str]],
    settings: TrainSettings,
    dev: DevSet | None = None,
) -> TrainingLog:
    """Train ``encoder`` in place.

    With ``settings.resume`` the run continues from its last complete checkpoint and comes to the same weights as an
    unbroken one.

    Args:
        encoder: its weights change. Its prompts are put before the texts, as they are in use.
        examples: from ``space.training.examples.training_examples``, for the loss of the settings.
        exact: {query: texts that are right for it}, for batches without false negatives.
        settings: of the run.
        dev: the queries that choose the best checkpoint; None keeps the last weights.
    """
    state = join_processes()
    precision = computes_in(settings.precision)
    ids = _token_ids(encoder, examples, dev)
    name = checkpoints.run_name(
        encoder, examples, replace(settings, precision=precision), state.num_processes, vocabulary.digest(ids)
    )
    batch = settings.batch_size * settings.gradient_accumulation * state.num_processes
    run, folder = Run(name, settings, precision, len(examples), batch), settings.checkpoints_dir / name
    # Another run with the same settings and another --output-dir would take the same checkpoints.
    with (
        sole_writer(folder) if state.is_main_process else nullcontext(),
        vocabulary.only_occurring(encoder.model, ids),
    ):
        # Of the full word embeddings nothing is read until training ends.
        memory.release([encoder.weights.folder], ".safetensors")
        checkpoint = checkpoints.prepare(folder, settings.resume, state)
        progress, keeper = Progress(batch), KeepBest(encoder, dev, folder) if dev else None
        trainer = Trainer(
            encoder.model,
            args=_arguments(encoder, examples, settings, folder, run),
            train_dataset=examples,
            loss=losses.make(encoder.model, settings),
            exact=exact,
            # A checkpoint is complete when its dev score is known, so the keeper comes before the mark.
            callbacks=[TellEpoch(), *([keeper] if keeper else []), checkpoints.MarkComplete(), progress],
        )
        trainer.remove_callback(PrinterCallback)

        before = {name: tensor.detach().clone() for name, tensor in encoder.model.state_dict().items()}
        start = time.perf_counter()
        if checkpoint and _is_over(checkpoint, keeper):
            # The run was killed after its last step. The trainer would take one step more.
            trainer.state = _state(checkpoint)
            trained = SentenceTransformer(str(checkpoint), device="cpu", local_files_only=True)
            encoder.model.load_state_dict(trained.state_dict())
        else:
            with disk_errors(folder, checkpoints.RESUME), warnings.catch_warnings():
                # transformers 5.23 warns of a method of sentence-transformers 6.2 that it calls itself.
                warnings.filterwarnings("ignore", ".*gradient_checkpointing_enable", FutureWarning)
                trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        seconds = time.perf_counter() - start

        encoder.model.eval()
        encoder.model.zero_grad()
        best_step, dev_scores = keeper.restore(trainer.state.global_step) if keeper else (None, {})
        blend(encoder.model, before, settings.base_share)
        dev_scores = {str(step): round(score, 6) for step, score in dev_scores.items()}
        return replace(run.log(trainer, progress, seconds), best_step=best_step, dev_scores=dev_scores)


def _token_ids(encoder: TextEncoder, examples: Dataset, dev: DevSet | None) -> torch.Tensor | None:
    """The token ids of all that is encoded during training."""
    queries, passages = [], []
    for name in _texts(examples):
        (queries if name in _QUERY_COLUMNS else passages).extend(examples[name])
    if dev:
        queries, passages = [*queries, *dev.judgments["query"]], [*passages, *dev.texts]
    return vocabulary.occurring(encoder, queries, passages)


def _texts(examples: Dataset) -> list[str]:
    return [name for name in examples.column_names if name not in ("score", "label")]


def _arguments(
    encoder: TextEncoder, examples: Dataset, settings: TrainSettings, folder: Path, run: Run
) -> SentenceTransformerTrainingArguments:
    """The settings in the trainer's words."""
    prompts = encoder.model.prompts
    sides = {name: prompts["query" if name in _QUERY_COLUMNS else "document"] for name in _texts(examples)}
    return SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        gradient_accumulation_steps=settings.gradient_accumulation,
        activation_checkpointing=settings.gradient_checkpointing,
        prompts=sides if any(sides.values()) else None,
        save_strategy="steps",
        save_steps=settings.save_steps,
        save_total_limit=2,
        **run.arguments(),
    )


def _state(checkpoint: Path) -> TrainerState:
    return TrainerState.load_from_json(str(checkpoint / TRAINER_STATE_NAME))


def _is_over(checkpoint: Path, keeper: KeepBest | None) -> bool:
    """Whether a run ends at this checkpoint: after all its steps, or early."""
    state = _state(checkpoint)
    return state.global_step >= state.max_steps or (keeper is not None and keeper.is_over(state.global_step))


@torch.no_grad()
def blend(model: torch.nn.Module, base: Mapping[str, torch.Tensor], share: float) -> None:
    """Move the trained weights towards the base: (1 - share) * trained + share * base.

    A model between the two often beats both: it stays near the base where the judgments say nothing, and near the
    trained model where they do (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
    """
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point():
            tensor.lerp_(base[name].to(tensor.device, tensor.dtype), share)


class Trainer(SentenceTransformerTrainer):
    """The library's trainer with little padding, and with batches that respect the labels where a loss needs it."""

    def __init__(self, *args: Any, exact: Mapping[str, frozenset[str]], **kwargs: Any) -> None:
        """``exact``: {query: texts that are never its negative}; the rest goes to the library."""
        self._exact = exact
        super().__init__(*args, **kwargs)

    # Not passed as the argument ``batch_sampler``, which is saved with every checkpoint, labels and all.
    def get_batch_sampler(self, dataset: Dataset, batch_size: int, drop_last: bool, **kwargs: Any) -> Any:
        """Batches without false negatives for losses that need them, else those of the library."""
        if losses.compares_across_batch(self.loss):
            return LabelAwareBatchSampler(dataset, batch_size, dict(self._exact), drop_last=drop_last, **kwargs)
        return super().get_batch_sampler(dataset, batch_size, drop_last, **kwargs)

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: int | None = None,
    ) -> Any:
        """The loss of a batch."""
        features, labels = self.collect_features(inputs)
        loss = losses.compute(self.loss, model, features, labels)
        return (loss, {}) if return_outputs else loss
