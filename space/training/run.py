"""A run of the library's trainer: its arguments and its log, the same for an encoder and for a reranker."""

import os
import resource
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer

from space.encoding.packed_bert import bfloat16_is_fast
from space.evaluation.schema import TrainingLog
from space.settings import RerankerSettings, TrainSettings
from space.training.callbacks import Progress
from space.training.processes import PROCESS_TIMEOUT, join_processes


@dataclass(frozen=True)
class Run:
    """A training run.

    Attributes:
        name: of its folder among the TensorBoard events.
        settings: what the user asked for.
        precision: what it computes in, see ``computes_in``.
        examples: how many there are to learn from.
        batch: examples of one optimizer step, over all processes.
    """

    name: str
    settings: TrainSettings | RerankerSettings
    precision: str
    examples: int
    batch: int

    @property
    def events(self) -> Path:
        """Its folder of TensorBoard events."""
        return self.settings.logging_dir / self.name

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of the library's ``TrainingArguments``. TensorBoard learns its folder too."""
        # The TensorBoard callback of transformers reads its folder from this variable only.
        os.environ["TENSORBOARD_LOGGING_DIR"] = str(self.events)
        asked, state = self.settings, join_processes()
        steps = asked.max_steps if asked.max_steps > 0 else int(asked.epochs * self.examples / self.batch)
        return {
            "num_train_epochs": asked.epochs,
            "max_steps": asked.max_steps,
            "per_device_train_batch_size": asked.batch_size,
            "learning_rate": asked.learning_rate,
            "warmup_steps": 0.1,
            "use_cpu": state.device.type == "cpu",
            "bf16": self.precision == "bfloat16",
            "dataloader_drop_last": state.num_processes > 1,
            "ddp_timeout": int(PROCESS_TIMEOUT.total_seconds()),
            "seed": asked.seed,
            "data_seed": asked.seed,
            "logging_steps": max(1, min(10, steps // 20)),
            "logging_first_step": True,
            "report_to": ["tensorboard"],
            "disable_tqdm": True,
        }

    def log(self, trainer: Trainer, progress: Progress, seconds: float) -> TrainingLog:
        """What the run did, once ``trainer`` has trained for ``seconds``."""
        return TrainingLog(
            examples=self.examples,
            steps=trainer.state.global_step,
            seconds=round(seconds, 1),
            examples_per_second=round(progress.examples / seconds, 1) if progress.examples else None,
            peak_memory_gb=round(peak_memory() / 1e9, 2),
            history=[entry for entry in trainer.state.log_history if "loss" in entry],
            device=str(trainer.model.device),
            precision=self.precision,
            run=self.name,
        )


def computes_in(precision: str) -> str:
    """What a run with this ``--precision`` computes in: "float32" or "bfloat16". The weights stay float32."""
    if precision != "auto":
        return precision
    # Where bfloat16 is emulated, as on a T4 and most processors before 2022, it is slower than float32.
    if torch.cuda.is_available():
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = bfloat16_is_fast(torch.device("cpu"))
    return "bfloat16" if fast else "float32"


def peak_memory() -> int:
    """The most memory so far, in bytes: of the GPU if there is one, else resident."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale
