"""Remembers the fingerprints of model files, so that a start with the same files need not compute them.

A fingerprint is computed from what is loaded: the weights, and all 250,000 tokens in one order. The files decide what
is loaded. So a fingerprint that this machine has computed is kept under the sha256 of all these files. If one byte of
them, the prompts or the version of the package tokenizers is another, nothing is found.
"""

import hashlib
import json
import logging
import mmap
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import tokenizers

from space.io import json_values
from space.io.files import WriteError, write_bytes
from space.io.folders import user_cache

logger = logging.getLogger(__name__)

#: Increase it where the fingerprint of the same files changes.
_FORMAT = 1
#: Files that decide the vectors of a model. An evaluation.json is among them; a new one costs one slower start.
_DECIDING = ("*.json", "*.safetensors", "*.txt", "*.model")
#: The newest so many are kept.
_KEPT = 100
_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class ModelFiles:
    """The files of a model, and its prompts, which may follow from its name.

    Attributes:
        sha256: {path in the folder: sha256}.
        prompts: {"query" and "document": what is put before each text}.
    """

    sha256: Mapping[str, str]
    prompts: Mapping[str, str]

    @classmethod
    def of(cls, folder: Path, prompts: Mapping[str, str]) -> "ModelFiles":
        """Hash the files in a folder and in the folders of its modules; takes half a second for 500 MB."""
        paths = {path for rule in _DECIDING for path in (*folder.glob(rule), *folder.glob(f"*/{rule}"))}
        visible = sorted(path for path in paths if path.is_file() and path.name[0] != ".")
        return cls({path.relative_to(folder).as_posix(): _sha256(path) for path in visible}, prompts)

    def key(self, maker: str) -> str:
        """sha256 of all of it, of what made the tokenizer, and of the version of the tokenizers, as hex."""
        parts = [_FORMAT, tokenizers.__version__, maker, dict(self.sha256), dict(self.prompts)]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def recall(files: ModelFiles, maker: str) -> str | None:
    """The fingerprint that was kept for these files and this way to read their tokenizer, if any."""
    return _kept().get(files.key(maker))


def keep(files: ModelFiles, maker: str, fingerprint: str) -> None:
    """Keep the fingerprint of these files. Where the cache cannot be written, the next start computes it again."""
    newest = {files.key(maker): fingerprint, **_kept()}
    try:
        write_bytes(_place(), json.dumps(dict(list(newest.items())[:_KEPT]), indent=1).encode())
    except (OSError, WriteError) as error:
        logger.debug("%s", error)


def _kept() -> dict[str, str]:
    try:
        found = json_values.mapping(json.loads(_place().read_text(encoding="ascii")), _place().name)
    except (OSError, ValueError, RecursionError):  # not there, or not as ``keep`` writes it
        return {}
    return {key: str(value) for key, value in found.items() if _SHA256.fullmatch(str(value))}


def _sha256(path: Path) -> str:
    """sha256 of a file in one step without Python's lock, which reading a tokenizer holds for half a second.

    The file is mapped, as safetensors maps the weights.
    """
    with path.open("rb") as file:
        if not path.stat().st_size:
            return hashlib.sha256().hexdigest()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return hashlib.sha256(content).hexdigest()


def _place() -> Path:
    return user_cache() / "fingerprints.json"
