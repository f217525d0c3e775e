"""Checks the settings of a foreign model before a library reads them: absurd numbers would fill the memory."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from space.errors import shown

#: Parts that a library makes one by one: a thousand are more than any encoder has.
_COUNT = re.compile(r"^(num|n)_.*(layers?|experts?|blocks?|heads?)$|layers$")
_MOST_PARTS = 1_000
#: Rows or columns of a matrix. The largest are vocabularies, of about a million words.
_SIZE = re.compile(r"size$|positions$|embeddings$|labels$|dim$|_features$|^d_|^n_embd$")
_MOST_SIZE = 20_000_000


def check_settings(folder: Path) -> None:
    """Check config.json and the settings of every module in the folder of a model.

    Raises:
        ValueError: a number that no encoder has, or a matrix that is larger than all weights; the message names the
            file, the setting and its value.
        OSError: a file that cannot be read.
        RecursionError: settings that are nested without end.
    """
    weights = sum(path.stat().st_size for path in folder.rglob("*.safetensors"))
    for path in sorted({*folder.glob("config.json"), *folder.glob("*/config.json")}):
        settings = json.loads(path.read_text(encoding="utf-8"))
        name = path.relative_to(folder).as_posix()
        for key, value in _numbers(settings):
            least = int(key == "num_hidden_layers")
            if _COUNT.search(key) and not least <= value <= _MOST_PARTS:
                raise ValueError(f"{key} in {name} should be {least} to {_MOST_PARTS:,}, it is {shown(value)}")
            if _SIZE.search(key) and value > _MOST_SIZE:
                raise ValueError(f"{key} in {name} should be at most {_MOST_SIZE:,}, it is {shown(value)}")
        given = dict(_numbers(settings))
        entries = given.get("in_features", 0) * given.get("out_features", 0)
        # Of inner objects, such as a text and an image part, the sizes do not belong together.
        own = (
            {key: value for key, value in settings.items() if isinstance(value, int)}
            if isinstance(settings, dict)
            else {}
        )
        if own.get("vocab_size", 0) * own.get("embedding_size", own.get("hidden_size", 1)) > weights:
            raise ValueError(f"vocab_size in {name} needs more weights than the files have")
        if entries > weights:  # at least one byte for each
            raise ValueError(f"in_features and out_features in {name} need more weights than the files have")


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
