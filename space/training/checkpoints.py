"""Checkpoints that can be trusted: whose they are, and whether they were written to their end.

Knows the settings and examples that decide a run's weights, and files; starts no training.
"""

import hashlib
import json
import logging
import shutil
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import TrainerCallback, TrainerControl, TrainerState
from transformers.trainer_utils import get_last_checkpoint

from space.encoding.encoder import TextEncoder
from space.io.files import atomically, sync
from space.settings import TrainSettings

logger = logging.getLogger(__name__)

_COMPLETE = "complete.json"


def run_name(encoder: TextEncoder, examples: Dataset, settings: TrainSettings, processes: int) -> str:
    """Loss and a hash of all that decides the weights: a checkpoint is only continued by the run it belongs to."""
    without = {"output_dir", "checkpoints_dir", "logging_dir", "resume", "push_to_hub", "push_embeddings", "private"}
    without |= {"offline", "save_steps", "eval_queries", "base_model", "dataset"}
    parts = {name: value for name, value in settings.to_json().items() if name not in without}
    parts |= {"base": encoder.fingerprint, "processes": processes, "cuda": torch.cuda.is_available()}
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
    for column in examples.column_names:
        digest.update(json.dumps(list(examples[column])).encode())
    return f"{settings.loss}-{digest.hexdigest()[:10]}"


def newest(folder: Path) -> Path | None:
    """The checkpoint of the most steps, written to its end or not."""
    found = get_last_checkpoint(str(folder)) if folder.is_dir() else None
    return Path(found) if found else None


def remove_unfinished(folder: Path) -> None:
    """Remove the newest checkpoints that were not written to their end, so that nothing picks them."""
    while (checkpoint := newest(folder)) and not _is_complete(checkpoint):
        logger.warning("%s was not written to its end, leaving it out", checkpoint)
        shutil.rmtree(checkpoint)


def _is_complete(checkpoint: Path) -> bool:
    try:
        sizes = json.loads((checkpoint / _COMPLETE).read_text(encoding="utf-8"))
        return all((checkpoint / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError):
        return False


class MarkComplete(TrainerCallback):
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
