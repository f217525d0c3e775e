"""Checks that a foreign model has all its weights: transformers would fill what is missing with random numbers."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from sentence_transformers import CrossEncoder, SentenceTransformer
from sentence_transformers.base.modules import Transformer
from transformers import AutoConfig, AutoModel
from transformers.utils import logging

from space.errors import listed

#: How many times the bytes of its files a model may have numbers: a T5 whose decoder was left out has twice as many.
_MOST_TIMES = 2
#: Layers, blocks and experts are numbered in the names of their weights.
_NUMBER = re.compile(r"(?<=\.)\d+(?=\.)")


def check_size(folder: Path) -> None:
    """Compare the size of the model that config.json describes with the files, before anything is allocated.

    Raises:
        ValueError: it has far more numbers than the files have bytes.
        OSError: a file cannot be read.
    """
    for path in sorted(folder.rglob("config.json")):
        if not _is_transformer(path):
            continue
        bytes_there = sum(file.stat().st_size for file in path.parent.glob("*.safetensors"))
        with torch.device("meta"):  # shapes without memory
            config = AutoConfig.from_pretrained(path.parent, local_files_only=True)
            model = AutoModel.from_config(config, attn_implementation="eager")  # and no kernel that config.json names
        numbers = sum(tensor.numel() for tensor in model.state_dict().values())
        if numbers > _MOST_TIMES * bytes_there:
            raise ValueError(
                f"{path.relative_to(folder)} describes a model of {numbers:,} numbers, and its weights are "
                f"{bytes_there:,} bytes"
            )


def check_weights(model: SentenceTransformer | CrossEncoder, folder: Path, *, new_head: bool = False) -> None:
    """Check that the files have every weight that the model uses, and no layer that it leaves out.

    A pooler may be missing, since the vectors are means of the last layer, unless the model says that it is used.

    Args:
        model: as it was loaded.
        folder: its files.
        new_head: whether it has a new head over the layers of the files, for a cross-encoder that is to be trained.

    Raises:
        ValueError: a weight is missing, or a layer is left out; the message names the first ones.
    """
    places = [path.parent for path in sorted(folder.rglob("config.json")) if _is_transformer(path)]
    transformers = [module for module in model.modules() if isinstance(module, Transformer)]
    with quiet():
        for transformer in transformers:
            faults = [_fault(place, transformer, new_head) for place in places]  # of several, one has this one's files
            if "" not in faults:
                raise ValueError(faults[0] if faults else "it has a transformer without config.json")


@contextmanager
def quiet() -> Iterator[None]:
    """Within, transformers does not report missing weights, in a table of many lines."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)


def _fault(place: Path, transformer: Transformer, new_head: bool) -> str:
    """What is wrong with one transformer's files, which are read again without keeping their numbers; or ""."""
    loaded = transformer.auto_model
    _, report = type(loaded).from_pretrained(
        place, config=loaded.config, device_map="meta", output_loading_info=True, use_safetensors=True,
        local_files_only=True,
    )  # fmt: skip
    classifies = transformer.transformer_task == "sequence-classification"
    is_pooled = not new_head and (classifies or "pooler_output" in str(transformer.modality_config))
    missing = sorted(name for name in report["missing_keys"] if is_pooled or "pooler" not in name.split("."))
    if new_head:
        missing = [name for name in missing if name.startswith(f"{loaded.base_model_prefix}.")]
    if missing:
        return f"its files have no weights for {listed(missing)}, which would be random numbers"
    kinds = {_NUMBER.sub("N", name) for name in loaded.state_dict() if _NUMBER.search(name)}
    extra = [name for name in sorted(report["unexpected_keys"]) if _NUMBER.sub("N", name).endswith(tuple(kinds))]
    if kinds and extra:
        return f"its files have weights of layers that config.json leaves out: {listed(extra)}"
    return ""


def _is_transformer(config: Path) -> bool:
    found = json.loads(config.read_text(encoding="utf-8"))
    return isinstance(found, dict) and "model_type" in found
