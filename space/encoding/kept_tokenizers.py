"""Keeps the tokenizers that transformers made of the files of a model, so that the next start need not import it.

transformers makes some tokenizers anew, such as that of XLM-R, and then they differ from the file tokenizer.json. For
250,000 tokens that takes three seconds with its imports; reading what it made takes half a second.
"""

import hashlib
import json
import logging
from importlib.metadata import version
from pathlib import Path

from tokenizers import Tokenizer

from space.io.files import WriteError, sha256, write_bytes
from space.io.folders import user_cache

logger = logging.getLogger(__name__)

#: Files of which transformers makes a tokenizer, and others beside them. A changed one costs one slower start.
_READ = ("*.json", "*.txt", "*.model")
#: The newest so many are kept, 17 MB each for 250,000 tokens.
_KEPT = 4


def recall(folder: Path) -> Tokenizer | None:
    """What transformers made of the files in a model's folder, if that was kept and is undamaged."""
    try:
        digest, _, content = _place(folder).read_bytes().partition(b"\n")
    except OSError:
        return None
    return Tokenizer.from_buffer(content) if digest == _digest(content) else None


def keep(folder: Path, tokenizer: str) -> None:
    """Keep a tokenizer, as JSON. Where the cache cannot be written, the next start asks transformers again."""
    place, content = _place(folder), tokenizer.encode()
    try:
        write_bytes(place, _digest(content) + b"\n" + content)
        others = sorted(place.parent.glob("*.json"), key=lambda path: -path.stat().st_mtime)
        for old in others[_KEPT:]:
            old.unlink(missing_ok=True)
    except (OSError, WriteError) as error:
        logger.debug("%s", error)


def _place(folder: Path) -> Path:
    """Where the tokenizer of these very files is kept, for these versions of the libraries."""
    paths = sorted(path for rule in _READ for path in folder.glob(rule) if path.is_file() and path.name[0] != ".")
    parts = [version("transformers"), version("tokenizers"), *([path.name, sha256(path)] for path in paths)]
    return user_cache() / "tokenizers" / f"{_digest(json.dumps(parts).encode()).decode()}.json"


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()
