"""The training run: encoder and examples in, the same encoder fine-tuned, with a log of what happened.

The only module that knows the trainer. It is imported by train.py alone, after the user has read which encoder runs.
"""

import logging
import os
import resource
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from tqdm import tqdm
from transformers import PrinterCallback, ProgressCallback, TrainerCallback, TrainerControl, TrainerState
from transformers.trainer import TRAINER_STATE_NAME

from space.encoding.encoder import TextEncoder
from space.encoding.packed_bert import half_is_fast
from space.settings import TrainSettings
from space.training import checkpoints, losses
from space.training.early_stopping import DevSet, KeepBest
from space.training.examples import LabelAwareBatchSampler
from space.training.processes import PROCESS_TIMEOUT, join_processes

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingLog:
    """What a run did.

    Attributes:
        examples: training examples.
        steps: optimizer steps, those before a resume included.
        seconds: of this process's training loop.
        examples_per_second: over the steps this process did; None where it was resumed at its end and did none.
        peak_memory_gb: the most this process held so far: on the GPU if there is one, else resident.
        history: the trainer's log: step, loss, learning_rate.
        device: where it ran.
        precision: what it computed in, "float32" or "bfloat16".
        run: name of its folder among the TensorBoard events.
        best_step: whose weights were kept, with early stopping.
        dev_scores: {step: nDCG@10 of the dev queries}, with early stopping.
    """

    examples: int
    steps: int
    seconds: float
    examples_per_second: float | None
    peak_memory_gb: float
    history: list[dict[str, float]]
    device: str
    precision: str
    run: str
    best_step: int | None = None
    dev_scores: dict[str, float] = field(default_factory=dict)


def fine_tune(
    encoder: TextEncoder,
    examples: Dataset,
    exact: Mapping[str, frozenset[str]],
    settings: TrainSettings,
    dev: DevSet | None = None,
) -> TrainingLog:
    """Train ``encoder`` in place.

    Args:
        encoder: its weights change; its prompts are put before the texts as they will be in use.
        examples: what ``space.training.examples.training_examples`` made for the loss.
        exact: what ``space.training.examples.exact_texts`` returns, for batches without false negatives.
        settings: the run.
        dev: queries by which the best of the checkpoints is chosen; None takes the last weights.

    Returns:
        What happened. With ``settings.resume`` the run continues from its last complete checkpoint, to the same
        weights as an unbroken one.
    """
    state = join_processes()
    precision = computes_in(settings.precision)
    run = checkpoints.run_name(encoder, examples, replace(settings, precision=precision), state.num_processes)
    folder = settings.checkpoints_dir / run
    if state.is_main_process:  # two that removed the same half-written checkpoint would trip over each other
        if settings.resume:
            checkpoints.remove_unfinished(folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    state.wait_for_everyone()
    checkpoint = checkpoints.newest(folder) if settings.resume else None
    if settings.resume:
        logger.info(
            f"continuing from {checkpoint}" if checkpoint else f"no complete checkpoint in {folder}, starting anew"
        )
    # Trainer arguments no longer have a logging directory; its TensorBoard callback reads this variable.
    os.environ["TENSORBOARD_LOGGING_DIR"] = str(settings.logging_dir / run)
    prompts = encoder.model.prompts
    sides = dict.fromkeys(examples.column_names, prompts["document"])
    sides |= {name: prompts["query"] for name in ("anchor", "query") if name in sides}
    for label in ("score", "label"):
        sides.pop(label, None)
    batch = settings.batch_size * settings.gradient_accumulation * state.num_processes
    total = settings.max_steps if settings.max_steps > 0 else int(settings.epochs * len(examples) / batch)
    keeper = None if dev is None else KeepBest(encoder, dev, folder)
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        num_train_epochs=settings.epochs,
        max_steps=settings.max_steps,
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation,
        activation_checkpointing=settings.gradient_checkpointing,
        learning_rate=settings.learning_rate,
        warmup_steps=0.1,
        prompts=sides if any(sides.values()) else None,
        use_cpu=state.device.type == "cpu",
        bf16=precision == "bfloat16",
        dataloader_drop_last=state.num_processes > 1,
        ddp_timeout=int(PROCESS_TIMEOUT.total_seconds()),
        seed=settings.seed,
        data_seed=settings.seed,
        logging_steps=max(1, min(10, total // 20)),
        logging_first_step=True,
        save_strategy="steps",
        save_steps=settings.save_steps,
        save_total_limit=2,
        report_to=["tensorboard"],
    )
    progress = _Progress(batch)
    trainer = _Trainer(
        encoder.model,
        args=arguments,
        train_dataset=examples,
        loss=losses.make(encoder.model, settings),
        exact=exact,
        # A look at the dev queries belongs to its checkpoint, so it comes before the mark.
        callbacks=[_TellEpoch(), *([keeper] if keeper else []), checkpoints.MarkComplete(), progress],
    )
    trainer.remove_callback(ProgressCallback)
    trainer.remove_callback(PrinterCallback)
    base = {name: tensor.detach().clone() for name, tensor in encoder.model.state_dict().items()}
    start = time.perf_counter()
    left = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE_NAME)) if checkpoint else None
    if left and _is_over(left, keeper):
        # Cut off behind its end, in the evaluation. The trainer would take one step more.
        trainer.state = left
        trained = SentenceTransformer(str(checkpoint), device="cpu", local_files_only=True)
        encoder.model.load_state_dict(trained.state_dict())
    else:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    seconds = time.perf_counter() - start
    encoder.model.eval()
    best, looks = keeper.restore(trainer.state.global_step) if keeper else (None, {})
    blend(encoder.model, base, settings.base_share)
    return TrainingLog(
        examples=len(examples),
        steps=trainer.state.global_step,
        seconds=round(seconds, 1),
        examples_per_second=round(progress.examples / seconds, 1) or None,
        peak_memory_gb=round(_peak_memory() / 1e9, 2),
        history=[entry for entry in trainer.state.log_history if "loss" in entry],
        device=str(encoder.model.device),
        precision=precision,
        run=run,
        best_step=best,
        dev_scores={str(step): round(score, 6) for step, score in looks.items()},
    )


def _is_over(state: TrainerState, keeper: KeepBest | None) -> bool:
    """Whether a run ended with this state, after all its steps or early."""
    return state.global_step >= state.max_steps or (keeper is not None and keeper.is_over(state.global_step))


def computes_in(precision: str) -> str:
    """What a run of this ``--precision`` computes in, "float32" or "bfloat16"; weights are float32 all the same."""
    if precision != "auto":
        return precision
    # Emulated, as on a T4 and most processors before 2022, bfloat16 would be slower than float32.
    if torch.cuda.is_available():
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = half_is_fast(torch.device("cpu"))
    return "bfloat16" if fast else "float32"


@torch.no_grad()
def blend(model: torch.nn.Module, base: Mapping[str, torch.Tensor], share: float) -> None:
    """Move the trained weights towards those they came from: (1 - share) * trained + share * base.

    The line between the two often holds a model better than both: near the base for what the judgments do not cover,
    near the trained one for what they do (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
    """
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point():
            tensor.lerp_(base[name].to(tensor.device, tensor.dtype), share)


class _Trainer(SentenceTransformerTrainer):
    """The library's trainer with little padding, and batches that respect the labels where a loss needs it."""

    def __init__(self, *args: Any, exact: Mapping[str, frozenset[str]], **kwargs: Any) -> None:
        self._exact = exact
        super().__init__(*args, **kwargs)

    # Not by the argument ``batch_sampler``: what is given there is saved with every checkpoint, labels and all.
    def get_batch_sampler(self, dataset: Dataset, batch_size: int, drop_last: bool, **kwargs: Any) -> Any:
        if losses.compares_across_batch(self.loss):
            return LabelAwareBatchSampler(dataset, batch_size, dict(self._exact), drop_last=drop_last, **kwargs)
        return super().get_batch_sampler(dataset, batch_size, drop_last, **kwargs)

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: int | None = None,
    ) -> Any:
        features, labels = self.collect_features(inputs)
        loss = losses.compute(self.loss, model, features, labels)
        return (loss, {}) if return_outputs else loss


def _peak_memory() -> int:
    """Bytes."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale


class _TellEpoch(TrainerCallback):
    """Tells every sampler under the loader which epoch begins.

    The trainer does that through two wrappers; a run that resumes under several processes has three.
    """

    def on_epoch_begin(
        self, args: Any, state: TrainerState, control: TrainerControl, train_dataloader: Any = None, **kwargs: Any
    ) -> None:
        """Called before the loader is read."""
        sampler = train_dataloader.batch_sampler
        while sampler is not None:
            for part in (sampler, getattr(sampler, "sampler", None)):
                if hasattr(part, "set_epoch"):
                    part.set_epoch(int(state.epoch or 0))
            sampler = getattr(sampler, "batch_sampler", None)


class _Progress(TrainerCallback):
    """A bar that counts examples and shows the loss."""

    def __init__(self, batch: int) -> None:
        self._batch, self._bar, self._first = batch, None, 0
        self.examples = 0

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Start where a resumed run stands."""
        self._first = state.global_step
        if state.is_world_process_zero:
            self._bar = tqdm(
                total=state.max_steps * self._batch,
                initial=state.global_step * self._batch,
                desc="train",
                unit=" examples",
                dynamic_ncols=True,
            )

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """One step further."""
        self.examples = (state.global_step - self._first) * self._batch
        if self._bar is not None:
            self._bar.update(self._batch)

    def on_log(
        self,
        args: Any,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """The trainer has a new loss."""
        if self._bar is not None and logs and "loss" in logs:
            self._bar.set_postfix(loss=f"{float(logs['loss']):.4f}")

    def on_train_end(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()
