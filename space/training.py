"""The training run: examples, trainer, checkpoints that can be trusted, and the finished model with its figures.

The only module that knows the trainer. It is imported by train.py alone, after the user has read which encoder runs.
"""

import hashlib
import json
import logging
import os
import resource
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import DistributedType
from datasets import Dataset
from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.sentence_transformer.losses import (
    CachedMultipleNegativesRankingLoss,
    CoSENTLoss,
    MultipleNegativesRankingLoss,
    TripletDistanceMetric,
    TripletLoss,
)
from tqdm import tqdm
from transformers import PrinterCallback, ProgressCallback, TrainerCallback, TrainerControl, TrainerState
from transformers.trainer_utils import get_last_checkpoint

from space.config import PROCESS_TIMEOUT, TrainSettings, to_json
from space.encoder import TextEncoder
from space.files import atomically, sync
from space.processes import join_processes
from space.triplets import LabelAwareBatchSampler

logger = logging.getLogger(__name__)

#: Cosine similarities lie in -1..1, so MNRL needs a scale; E5 was trained at temperature .01, 1/20 to 1/50 tunes well.
MNRL_SCALE = 20.0
_COMPLETE = "complete.json"
#: Texts in one forward pass on a CPU: fewer save padding, until the products become too small to be fast.
_GROUP = 16


@dataclass(frozen=True)
class TrainingLog:
    """What a run did.

    Attributes:
        examples: training examples.
        steps: optimizer steps, those before a resume included.
        seconds: of this process's training loop.
        examples_per_second: over the steps this process did.
        peak_memory_gb: the most this process held so far: on the GPU if there is one, else resident.
        history: the trainer's log: step, loss, learning_rate.
        run: name of its folder among the TensorBoard events.
        device: where it ran.
    """

    examples: int
    steps: int
    seconds: float
    examples_per_second: float
    peak_memory_gb: float
    history: list[dict[str, float]]
    device: str
    run: str


def fine_tune(
    encoder: TextEncoder, examples: Dataset, exact: Mapping[str, frozenset[str]], settings: TrainSettings
) -> TrainingLog:
    """Train ``encoder`` in place.

    Args:
        encoder: its weights change; its prompts are put before the texts as they will be in use.
        examples: what ``space.triplets.training_examples`` made for the loss.
        exact: what ``space.triplets.exact_texts`` returns, for batches without false negatives.
        settings: the run.

    Returns:
        What happened. With ``settings.resume`` the run continues from its last complete checkpoint, to the same
        weights as an unbroken one.
    """
    state = join_processes()
    run = _run_name(encoder, examples, settings, state.num_processes)
    folder = settings.checkpoints_dir / run
    checkpoint = _last_complete(folder) if settings.resume else None
    if state.is_main_process:
        if settings.resume:
            where = (
                f"continuing from {checkpoint}" if checkpoint else f"no complete checkpoint in {folder}, starting anew"
            )
            logger.info(where)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    state.wait_for_everyone()
    # Trainer arguments no longer have a logging directory; its TensorBoard callback reads this variable.
    os.environ["TENSORBOARD_LOGGING_DIR"] = str(settings.logging_dir / run)
    prompts = encoder.model.prompts
    sides = dict.fromkeys(examples.column_names, prompts["document"])
    sides |= {name: prompts["query"] for name in ("anchor", "query") if name in sides}
    sides.pop("score", None)
    batch = settings.batch_size * settings.gradient_accumulation * state.num_processes
    total = settings.max_steps if settings.max_steps > 0 else int(settings.epochs * len(examples) / batch)
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
        use_cpu=state.distributed_type == DistributedType.MULTI_CPU,
        # A T4 has 16 GB and no bfloat16: emulated, it would be slower than float32.
        bf16=torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False),
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
        loss=_loss(encoder, settings),
        exact=exact,
        callbacks=[_TellEpoch(), _MarkComplete(), progress],
    )
    trainer.remove_callback(ProgressCallback)
    trainer.remove_callback(PrinterCallback)
    base = {name: tensor.detach().clone() for name, tensor in encoder.model.state_dict().items()}
    start = time.perf_counter()
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    seconds = time.perf_counter() - start
    encoder.model.eval()
    blend(encoder.model, base, settings.base_share)
    return TrainingLog(
        examples=len(examples),
        steps=trainer.state.global_step,
        seconds=round(seconds, 1),
        examples_per_second=round(progress.examples / seconds, 1),
        peak_memory_gb=round(_peak_memory() / 1e9, 2),
        history=[entry for entry in trainer.state.log_history if "loss" in entry],
        device=str(encoder.model.device),
        run=run,
    )


@torch.no_grad()
def blend(model: torch.nn.Module, base: Mapping[str, torch.Tensor], share: float) -> None:
    """Move the trained weights towards those they came from: (1 - share) * trained + share * base.

    The line between the two often holds a model better than both: near the base for what the judgments do not cover,
    near the trained one for what they do (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
    """
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point():
            tensor.lerp_(base[name].to(tensor.device, tensor.dtype), share)


def save(encoder: TextEncoder, folder: Path, texts: Mapping[str, str], beside: Path | None = None) -> None:
    """The finished model as a folder that appears whole or not at all.

    Args:
        encoder: saved as safetensors with tokenizer, pooling and prompts.
        folder: where; a model that is there already is replaced once the new one is complete.
        texts: {file name: content}: the card and evaluation.json.
        beside: a folder whose content is taken along, or None.
    """
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    previous = folder.with_name(f"{folder.name}.previous")
    shutil.rmtree(unfinished, ignore_errors=True)
    encoder.model.save_pretrained(str(unfinished), create_model_card=False)
    if beside is not None:
        shutil.copytree(beside, unfinished, dirs_exist_ok=True)
    for name, text in texts.items():
        (unfinished / name).write_text(text, encoding="utf-8")
    for path in unfinished.rglob("*"):
        if path.is_file():
            sync(path)
    recover(folder)
    if folder.exists():
        folder.rename(previous)
    unfinished.rename(folder)
    shutil.rmtree(previous, ignore_errors=True)


def copy_events(folder: Path, run: str, target: Path) -> None:
    """A run's TensorBoard events without the name of this machine, which the trainer puts into theirs."""
    events = sorted((folder / run).glob("events.out.tfevents.*"))
    for number, path in enumerate(events):
        (target / run).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / run / f"events.out.tfevents.{path.name.split('.')[3]}.{number}")


def recover(folder: Path) -> None:
    """Undo a replacement that was cut off between its two renames; see ``save``."""
    previous = folder.with_name(f"{folder.name}.previous")
    if previous.exists() and not folder.exists():
        previous.rename(folder)
    shutil.rmtree(previous, ignore_errors=True)


def _loss(encoder: TextEncoder, settings: TrainSettings) -> torch.nn.Module:
    if settings.loss == "triplet":
        # The library's default is Euclidean with margin 5, which unit vectors (at most 2 apart) can never meet.
        return TripletLoss(
            encoder.model, distance_metric=TripletDistanceMetric.COSINE, triplet_margin=settings.triplet_margin
        )
    if settings.loss == "mnrl" and settings.mini_batch_size:
        return CachedMultipleNegativesRankingLoss(
            encoder.model, scale=MNRL_SCALE, mini_batch_size=settings.mini_batch_size
        )
    if settings.loss == "mnrl":
        return MultipleNegativesRankingLoss(encoder.model, scale=MNRL_SCALE)
    return CoSENTLoss(encoder.model)


def embed_by_length(model: torch.nn.Module, columns: Sequence[Mapping[str, torch.Tensor]]) -> list[torch.Tensor]:
    """The columns' embeddings, computed in groups of like length.

    A batch padded to its longest title is half padding. The texts of all columns together, sorted by length and cut
    into groups, are padded little; the embeddings are the same, and so is the loss (dropout draws differ).

    Args:
        model: takes features, gives "sentence_embedding".
        columns: tokenized texts, each with input_ids and attention_mask (batch, tokens).

    Returns:
        (batch, d) a column.
    """
    width = max(column["input_ids"].shape[1] for column in columns)
    # A model adds its outputs to what it is given; only what has a value per token came from the tokenizer.
    shape = columns[0]["input_ids"].shape
    keys = [key for key, value in columns[0].items() if torch.is_tensor(value) and value.shape == shape]
    # What is padded here is cut off again or masked, so its value is of no account.
    features = {
        key: torch.cat([torch.nn.functional.pad(column[key], (0, width - column[key].shape[1])) for column in columns])
        for key in keys
    }
    lengths = features["attention_mask"].sum(dim=1)
    order = torch.argsort(lengths, stable=True)
    group = _GROUP if order.device.type == "cpu" else len(columns[0]["input_ids"])
    parts = []
    for rows in order.split(group):
        longest = int(lengths[rows].max())
        parts.append(model({key: value[rows, :longest] for key, value in features.items()})["sentence_embedding"])
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order), device=order.device)
    return list(torch.cat(parts)[place].split([len(column["input_ids"]) for column in columns]))


class _Trainer(SentenceTransformerTrainer):
    """The library's trainer with little padding, and batches that respect the labels where a loss needs it."""

    def __init__(self, *args: Any, exact: Mapping[str, frozenset[str]], **kwargs: Any) -> None:
        self._exact = exact
        super().__init__(*args, **kwargs)

    # Not by the argument ``batch_sampler``: what is given there is saved with every checkpoint, labels and all.
    def get_batch_sampler(self, dataset: Dataset, batch_size: int, drop_last: bool, **kwargs: Any) -> Any:
        if isinstance(self.loss, MultipleNegativesRankingLoss | CachedMultipleNegativesRankingLoss):
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
        if isinstance(self.loss, CachedMultipleNegativesRankingLoss):
            loss = self.loss(features, labels)  # runs the model itself, part by part
            return (loss, {}) if return_outputs else loss
        loss = self.loss.compute_loss_from_embeddings(embed_by_length(model, features), labels)
        return (loss, {}) if return_outputs else loss


def _peak_memory() -> int:
    """Bytes."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale


def _run_name(encoder: TextEncoder, examples: Dataset, settings: TrainSettings, processes: int) -> str:
    """Loss and a hash of all that decides the weights: a checkpoint is only continued by the run it belongs to."""
    without = {"output_dir", "checkpoints_dir", "logging_dir", "resume", "push_to_hub", "push_embeddings", "private"}
    without |= {"offline", "save_steps", "eval_queries", "base_model", "dataset"}
    parts = {name: value for name, value in to_json(settings).items() if name not in without}
    parts |= {"base": encoder.fingerprint, "processes": processes, "cuda": torch.cuda.is_available()}
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
    for column in examples.column_names:
        digest.update(json.dumps(list(examples[column])).encode())
    return f"{settings.loss}-{digest.hexdigest()[:10]}"


def _last_complete(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end; half-written ones are removed, so that nothing picks them."""
    while folder.is_dir() and (found := get_last_checkpoint(str(folder))):
        checkpoint = Path(found)
        marker = checkpoint / _COMPLETE
        try:
            sizes = json.loads(marker.read_text(encoding="utf-8"))
            if all((checkpoint / name).stat().st_size == size for name, size in sizes.items()):
                return checkpoint
        except (OSError, ValueError):
            logger.debug("%s has no usable marker", checkpoint)
        logger.warning("%s was not written to its end, leaving it out", checkpoint)
        shutil.rmtree(checkpoint)
    return None


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


class _MarkComplete(TrainerCallback):
    """Writes down each checkpoint's files and sizes once all of them are there."""

    def on_save(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Called by the trainer after a checkpoint."""
        if state.is_world_process_zero:
            folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            files = [path for path in folder.rglob("*") if path.is_file() and path.name != _COMPLETE]
            for path in files:
                sync(path)
            sizes = {str(path.relative_to(folder)): path.stat().st_size for path in files}
            with atomically(folder / _COMPLETE) as unfinished:
                unfinished.write_text(json.dumps(sizes), encoding="utf-8")


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
