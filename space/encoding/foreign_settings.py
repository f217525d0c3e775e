"""Checks the settings of a foreign model before a library reads them: absurd numbers would fill the memory."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from space.errors import listed, shown

#: Parts that a library makes one by one: a thousand are more than any encoder has.
_COUNT = re.compile(r"^(num|n)_.*(layers?|experts?|blocks?|heads?)$|layers$")
_MOST_PARTS = 1_000
#: Rows or columns of a matrix. The largest are vocabularies, of about a million words.
_SIZE = re.compile(r"size$|positions$|embeddings$|labels$|dim$|dimension$|_features$|channels$|^d_|^n_embd$")
_MOST_SIZE = 20_000_000
#: Settings of sentence-transformers' transformer, and what they may pass on to transformers: nothing that lets weights
#: of other shapes pass, or that changes config.json.
_PASSED_ON = "sentence_*_config.json"
_HARMLESS = {
    **dict.fromkeys(("model_args", "model_kwargs"), frozenset({
        "attn_implementation", "torch_dtype", "dtype", "low_cpu_mem_usage", "use_safetensors", "trust_remote_code",
        "add_pooling_layer", "local_files_only",
    })),
    **dict.fromkeys(("config_args", "config_kwargs"), frozenset({
        "trust_remote_code", "local_files_only", "attn_implementation", "use_cache", "torch_dtype", "dtype",
    })),
}  # fmt: skip


def check_settings(folder: Path) -> None:
    """Check config.json and the settings of every module in the folder of a model.

    Raises:
        ValueError: a number that no encoder has, a matrix larger than all weights, pickled weights, or a setting
            that would let wrong weights pass; the message names the file, the setting and its value.
        OSError: a file that cannot be read.
        RecursionError: settings that are nested without end.
    """
    weights = sum(path.stat().st_size for path in folder.rglob("*.safetensors"))
    for path in sorted({*folder.glob("config.json"), *folder.glob("*/*config.json")}):
        settings = json.loads(path.read_text(encoding="utf-8"))
        name = path.relative_to(folder).as_posix()
        _check_numbers(settings, name)
        if isinstance(settings, dict):
            _check_matrix(settings, name, weights)
    for path in sorted(folder.rglob("pytorch_model.bin")):
        if not any(path.parent.glob("*.safetensors")):  # else these are taken
            name = path.relative_to(folder).as_posix()
            raise ValueError(f"{name} is a pickle, which could run code: save it as model.safetensors")
    for path in sorted({*folder.glob(_PASSED_ON), *folder.glob(f"*/{_PASSED_ON}")}):
        _check_passed_on(json.loads(path.read_text(encoding="utf-8")), path.relative_to(folder).as_posix())


def _check_numbers(settings: object, name: str) -> None:
    for key, value in _numbers(settings):
        least = int(key == "num_hidden_layers")
        if _COUNT.search(key) and not least <= value <= _MOST_PARTS:
            raise ValueError(f"{key} in {name} should be {least} to {_MOST_PARTS:,}, it is {shown(value)}")
        if _SIZE.search(key) and value > _MOST_SIZE:
            raise ValueError(f"{key} in {name} should be at most {_MOST_SIZE:,}, it is {shown(value)}")


def _check_matrix(settings: Mapping[str, object], name: str, weights: int) -> None:
    """Check the word embeddings of a transformer, or the two largest sizes of another module: a byte a number."""
    # Of inner objects, such as a text and an image part, the sizes do not belong together.
    own = {key: value for key, value in settings.items() if isinstance(value, int) and not isinstance(value, bool)}
    if "model_type" in settings or "vocab_size" in own:
        if own.get("vocab_size", 0) * own.get("embedding_size", own.get("hidden_size", 1)) > weights:
            raise ValueError(f"vocab_size in {name} needs more weights than the files have")
        return
    sizes = sorted((value, key) for key, value in own.items() if _SIZE.search(key))
    if len(sizes) > 1 and sizes[-1][0] * sizes[-2][0] > weights:
        raise ValueError(f"{sizes[-2][1]} and {sizes[-1][1]} in {name} need more weights than the files have")


def _check_passed_on(settings: object, name: str) -> None:
    for part, harmless in _HARMLESS.items():
        given = settings.get(part) if isinstance(settings, dict) else None
        odd = sorted(set(given) - harmless) if isinstance(given, dict) else []
        if odd:
            raise ValueError(f"{part} in {name} sets {listed(odd)}; remove that")


def _numbers(settings: object) -> Iterator[tuple[str, int]]:
    """(name, value) of each whole number, of those in inner objects and lists too."""
    if isinstance(settings, dict):
        for key, value in settings.items():
            if isinstance(value, int) and not isinstance(value, bool):
                yield key, value
            else:
                yield from _numbers(value)
    elif isinstance(settings, list):
        for value in settings:
            yield from _numbers(value)
