"""The finished model on the disk: a folder that is there whole or not at all. Knows files; no trainer and no data."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from space.encoding.encoder import TextEncoder
from space.io.files import sync


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
