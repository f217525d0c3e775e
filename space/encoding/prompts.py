"""Which prompts an encoder puts before its texts."""

import json
from collections.abc import Mapping
from pathlib import Path

from space.encoding.weights import E5_PROMPTS, is_e5

NO_PROMPTS = {"query": "", "document": ""}


def resolve(given: Mapping[str, str], folder: Path, name: str) -> dict[str, str]:
    """The prompts of a model.

    Prompts saved with the model are kept. Without them a plain checkpoint, and a model whose name says E5, get E5's
    prompts. Any other model gets no prompts.

    Args:
        given: prompts as the model was loaded.
        folder: its files.
        name: Hub id or folder.
    """
    saved = {kind: prompt for kind, prompt in given.items() if prompt}
    if not saved and not _declares(folder):
        return dict(E5_PROMPTS if is_plain(folder) or is_e5(name) else NO_PROMPTS)
    if "document" not in saved and "passage" in saved:
        return {"query": saved.get("query", ""), "document": saved["passage"]}
    return dict(given)


def is_plain(folder: Path) -> bool:
    """Whether a folder is a plain ``transformers`` checkpoint, without the modules of sentence-transformers."""
    return not (folder / "modules.json").is_file()


def _declares(folder: Path) -> bool:
    """Whether the saved model lists its prompts, even as empty ones."""
    config = folder / "config_sentence_transformers.json"
    return config.is_file() and any(json.loads(config.read_text(encoding="utf-8")).get("prompts") or {})
