"""Passage vectors that an encoder has made before, kept in the user's cache, so that no text is embedded twice.

train.py embeds to evaluate and build_embeddings.py to serve; both do it here, a block of products at a time. A block's
name is a hash of its texts and of all that decides its vectors. So a kept block holds the bytes that embedding again
would give, and a killed run has lost one block at most.
"""

import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from space.encoding.encoder import TextEncoder
from space.encoding.packed_encoder import Tokenized
from space.errors import UserError
from space.io.files import atomically
from space.io.folders import user_cache
from space.io.threads import prefetch

logger = logging.getLogger(__name__)

#: Another folder for the cache; "off" keeps nothing.
VARIABLE = "E5_VECTOR_CACHE"
#: Texts embedded and kept together. Their batches depend on the block alone.
BLOCK = 1_000
#: All of ESCI, 1.8 million products, with base and tuned takes 2.8 GB.
MAX_BYTES = 5_000_000_000
#: Blocks between two looks at what the whole folder takes, since other processes write there, too.
_LOOK_EVERY = 64
#: Bytes that a file has in addition to its vectors, at most.
_HEADER = 512
_ABANDONED_SECONDS = 86_400
_VECTORS, _SHA256 = "vectors", "sha256"


@dataclass(frozen=True)
class Block:
    """Some texts, ready for the model.

    Attributes:
        path: where their vectors are kept; None with the cache off.
        rows: number of texts.
        vectors: (rows, d) float16, if they were kept.
        tokens: of the texts, if their vectors were not kept.
    """

    path: Path | None
    rows: int
    vectors: torch.Tensor | None
    tokens: Tokenized


class VectorCache:
    """One file for each block of texts and encoder. Any number of processes may share the folder.

    When the folder is full, the blocks that were not used for the longest time are deleted, but none that was used
    since this cache was opened: a catalogue larger than the folder keeps its first part.

    Args:
        folder: of the files; it may be absent. None keeps nothing.
        max_bytes: bound of all files together.

    Attributes:
        taken: texts whose vectors were not computed again.
    """

    def __init__(self, folder: Path | None, max_bytes: int = MAX_BYTES) -> None:
        """Nothing is read or written."""
        self._folder, self._max_bytes = folder, max_bytes
        self._opened = time.time()
        self._written = self._used = 0
        self.taken = 0

    @classmethod
    def of_user(cls) -> "VectorCache":
        """The cache that ``E5_VECTOR_CACHE`` names; without it the folder "vectors" of the user's cache."""
        named = os.environ.get(VARIABLE, "").strip()
        if named.lower() == "off":
            return cls(None)
        return cls(Path(named).expanduser().resolve() if named else user_cache() / "vectors")

    def embed(
        self, encoder: TextEncoder, texts: Sequence[str], progress: Callable[[int], object] | None = None
    ) -> torch.Tensor:
        """(n, d) float16 on the CPU: unit vectors of passages, rounded as a store has them.

        Args:
            encoder: its weights do not change meanwhile, and its fingerprint is of these weights.
            texts: passages.
            progress: called with the number of texts done since the last call.
        """
        return torch.cat([self.vectors(encoder, block, progress) for block in prefetch(self.blocks(encoder, texts))])

    def blocks(self, encoder: TextEncoder, texts: Sequence[str]) -> Iterator[Block]:
        """Look up or tokenize passages; another thread may do this while the model works on the blocks before."""
        for start in range(0, max(len(texts), 1), BLOCK):
            part = texts[start : start + BLOCK]
            path = self._folder / f"{_key(encoder, part)}.safetensors" if self._folder else None
            found = _read(path, (len(part), encoder.dim)) if path else None
            yield Block(path, len(part), found, encoder.tokenize(part) if found is None else [])

    def vectors(
        self, encoder: TextEncoder, block: Block, progress: Callable[[int], object] | None = None
    ) -> torch.Tensor:
        """(rows, d) float16 of a block of ``blocks``: those that were kept, or new ones, which are kept now."""
        if block.vectors is not None:
            self.taken += block.rows
            if progress is not None:
                progress(block.rows)
            return block.vectors
        made = encoder.embed(block.tokens, progress).half()
        if block.path is not None and self._folder is not None:
            self._keep(block.path, made)
        return made

    def _keep(self, path: Path, vectors: torch.Tensor) -> None:
        size = vectors.nbytes + _HEADER
        try:
            if self._written % _LOOK_EVERY == 0:
                self._used = self._make_room(_LOOK_EVERY * size)
            if self._used + size > self._max_bytes:
                return
            with atomically(path) as unfinished:
                save_file({_VECTORS: vectors}, str(unfinished), metadata={_SHA256: _digest(vectors)})
        except (OSError, UserError, SafetensorError) as error:
            logger.warning("the vectors are not kept, so the next run embeds these products again: %s", error)
            self._folder = None
        else:
            self._written += 1
            self._used += size

    def _make_room(self, wanted: int) -> int:
        """Delete old files until ``wanted`` bytes more fit; returns the bytes of the files that are left."""
        files = []
        for path in self._folder.iterdir() if self._folder and self._folder.is_dir() else ():
            with suppress(FileNotFoundError):  # another process has deleted it
                files.append((path.stat().st_mtime, path.stat().st_size, path))
        left = sum(size for _, size, _ in files)
        for used_at, size, path in sorted(files):
            abandoned = ".tmp-" in path.name and used_at < self._opened - _ABANDONED_SECONDS
            if abandoned or (left + wanted > self._max_bytes and used_at < self._opened):
                path.unlink(missing_ok=True)
                left -= size
        return left


def _key(encoder: TextEncoder, texts: Sequence[str]) -> str:
    """A hash of the texts and of all that decides the bits of their vectors."""
    made_by = {
        "fingerprint": encoder.fingerprint,
        "max_seq_length": encoder.max_seq_length,
        "precision": encoder.precision,
        "batch_tokens": encoder.batch_tokens,
        "device": encoder.device.type,
        "torch": torch.__version__,
    }
    digest = hashlib.sha256(json.dumps(made_by).encode())
    for text in texts:
        part = text.encode("utf-8", "surrogatepass")
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()[:40]


def _read(path: Path, shape: tuple[int, int]) -> torch.Tensor | None:
    """The vectors of a file, which counts as used from now; None if there is none, or a damaged one."""
    try:
        with safe_open(str(path), "pt") as file:
            vectors, wanted = file.get_tensor(_VECTORS), (file.metadata() or {}).get(_SHA256)
        if vectors.dtype != torch.float16 or vectors.shape != shape or _digest(vectors) != wanted:
            raise SafetensorError("other bytes than were written")
    except FileNotFoundError:
        return None
    except (OSError, SafetensorError) as error:
        logger.warning("%s is damaged, so its products are embedded again: %s", path, error)
        return None
    with suppress(OSError):
        os.utime(path)
    return vectors


def _digest(vectors: torch.Tensor) -> str:
    return hashlib.sha256(vectors.contiguous().view(torch.uint8).numpy().data).hexdigest()
