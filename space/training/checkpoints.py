"""Checkpoints: which run they belong to, and whether they are complete."""

import hashlib
import json
import logging
import shutil
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from datasets import Dataset
from transformers import TrainerCallback, TrainerControl, TrainerState
from transformers.trainer_utils import get_last_checkpoint

from space.encoding.encoder import TextEncoder
from space.io.files import atomically, follow_umask, sha256_of_all, sync
from space.io.folders import in_use
from space.settings import TrainSettings

logger = logging.getLogger(__name__)

#: What to do after the cure of a disk error while training.
RESUME = "then run the same command with --resume"
#: In a complete checkpoint: {name: sha256} of its files.
_COMPLETE = "complete.json"
#: Settings with which a run comes to the same weights. The model and the data have a hash of their own.
_NO_EFFECT = {
    *("output_dir", "checkpoints_dir", "logging_dir", "resume", "push_to_hub", "push_embeddings", "private"),
    *("offline", "save_steps", "eval_queries", "base_model", "dataset", "keep_checkpoints"),
}


def run_name(encoder: TextEncoder, examples: Dataset, settings: TrainSettings, processes: int, vocabulary: str) -> str:
    """The loss and a hash of everything that decides the weights, so that a run continues its own checkpoints only."""
    parts = {name: value for name, value in settings.to_json().items() if name not in _NO_EFFECT}
    parts |= {"base": encoder.fingerprint, "vocabulary": vocabulary}
    parts |= {"processes": processes, "cuda": torch.cuda.is_available()}
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
    for column in examples.column_names:
        digest.update(json.dumps(list(examples[column])).encode())
    return f"{settings.loss}-{digest.hexdigest()[:10]}"


def prepare(folder: Path, resume: bool, state: PartialState) -> Path | None:
    """Make the folder of a run's checkpoints ready for training.

    The main process removes all checkpoints, or with ``resume`` the incomplete ones, while the others wait.

    Returns:
        The checkpoint to continue from; None to start from the beginning.
    """
    if state.is_main_process:
        if resume:
            _remove_incomplete(folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    state.wait_for_everyone()
    if not resume:
        return None
    checkpoint = _newest(folder)
    if checkpoint:
        logger.info("continuing from %s", checkpoint)
    else:
        logger.info("no complete checkpoint in %s, starting from the beginning", folder)
    return checkpoint


def discard(folder: Path) -> None:
    """Remove the checkpoints of a run whose model is saved, unless another process is training in the folder."""
    if not in_use(folder):
        shutil.rmtree(folder, ignore_errors=True)


def _newest(folder: Path) -> Path | None:
    found = get_last_checkpoint(str(folder)) if folder.is_dir() else None
    return Path(found) if found else None


def _remove_incomplete(folder: Path) -> None:
    while (checkpoint := _newest(folder)) and not _is_complete(checkpoint):
        logger.warning("%s is incomplete or damaged, removing it", checkpoint)
        shutil.rmtree(checkpoint)


def _is_complete(checkpoint: Path) -> bool:
    try:
        hashes = json.loads((checkpoint / _COMPLETE).read_text(encoding="utf-8"))
        return list(hashes.values()) == sha256_of_all([checkpoint / name for name in hashes])
    except (OSError, ValueError, AttributeError):
        return False


class MarkComplete(TrainerCallback):
    """Writes the names and checksums of a checkpoint's files into it once all of them are there."""

    def on_save(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """The trainer has written a checkpoint."""
        if state.is_world_process_zero:
            folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            follow_umask(folder)
            files = [path for path in folder.rglob("*") if path.is_file() and path.name != _COMPLETE]
            for path in files:
                sync(path)
            hashes = dict(zip((str(path.relative_to(folder)) for path in files), sha256_of_all(files), strict=True))
            with atomically(folder / _COMPLETE, RESUME) as unfinished:
                unfinished.write_text(json.dumps(hashes), encoding="utf-8")
