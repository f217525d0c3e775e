"""The manifest of a store: checked before any word of it is believed. Knows no shard and no vector.

It comes from whoever pushed a data set, and it says what is read and how much memory is taken for it. The files have
their checksums in it, and it has its own, so that a flipped bit in a notice or a sequence limit is found as well.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from space.errors import UserError, shown

FORMAT = 1
CHECKSUM = "sha256"
#: Beyond it a number is no row count or dimension but a mistake, or somebody's way to take all memory.
MOST_ROWS, MOST_DIMENSIONS = 10**9, 65_536


class ManifestError(UserError):
    """A manifest that cannot be used; the message says which word of it."""


def signed(content: Mapping[str, Any]) -> dict[str, Any]:
    """``content`` with its checksum; an older one is replaced."""
    rest = {name: value for name, value in content.items() if name != CHECKSUM}
    return rest | {CHECKSUM: _checksum(rest)}


def parse(text: bytes) -> dict[str, Any]:
    """The manifest in the bytes of its file.

    Raises:
        ManifestError: no JSON, another format, another checksum, or an entry that cannot be meant.
    """
    try:
        found = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"not a manifest ({error})") from error
    if not isinstance(found, dict) or "format" not in found:
        raise ManifestError("not a manifest (no format)")
    if found["format"] != FORMAT or isinstance(found["format"], bool):
        raise ManifestError(f"format {shown(found['format'])}, this version reads {FORMAT}; update the app")
    said = found.pop(CHECKSUM, None)
    if said != _checksum(found):
        raise ManifestError("not what was written: its own checksum differs")
    for name, check in _ENTRIES.items():
        if not check(found.get(name)):
            raise ManifestError(f"{name} cannot be {shown(found.get(name))}")
    return found


def _checksum(content: Mapping[str, Any]) -> str:
    try:
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    except RecursionError as error:
        raise ManifestError("not a manifest (nested too deep)") from error


def _is_count(value: Any, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def _is_file(name: str, entry: Any) -> bool:
    """A file below the store's folder, with size and sha256."""
    return (
        re.fullmatch(r"(\w[\w.-]*/)?\w[\w.-]*", name, re.ASCII) is not None
        and isinstance(entry, dict)
        and _is_count(entry.get("bytes"), 2**63)
        and re.fullmatch("[0-9a-f]{64}", str(entry.get("sha256"))) is not None
    )


def _is_encoder(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and all(isinstance(entry.get(name), str) for name in ("id", "fingerprint"))
        and isinstance(entry.get("revision"), str | None)
        and _is_count(entry.get("dim"), MOST_DIMENSIONS)
        and _is_count(entry.get("max_seq_length"), 2**31)
    )


_ENTRIES = {
    "dataset": lambda value: isinstance(value, str),
    "notice": lambda value: isinstance(value, str),
    "text": lambda value: isinstance(value, str),
    "rows": lambda value: _is_count(value, MOST_ROWS),
    "files": lambda value: isinstance(value, dict) and all(_is_file(*item) for item in value.items()),
    "encoders": lambda value: (
        isinstance(value, dict) and {"base", "tuned"} <= value.keys() and all(map(_is_encoder, value.values()))
    ),
}
