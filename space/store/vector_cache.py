"""Vectors that train.py has made to evaluate, kept for the next build, so that no text is embedded twice.

They stay until the next training of the same model. The last bits of a vector depend on the batch that its text was
in, so a build that takes them and one that embeds again are close, and not the same bytes.
"""

import hashlib
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from space.encoding.description import EncoderDescription
from space.errors import UserError
from space.io.files import atomically

logger = logging.getLogger(__name__)

_VECTORS, _SHA256 = "vectors", "sha256"


def folder_of(model: Path) -> Path:
    """Where the vectors of a training run lie: beside its model, ``saved_e5_model.vectors``."""
    return model.with_name(f"{model.name}.vectors")


class VectorCache:
    """One file for each encoder and list of texts.

    Args:
        folder: of the files; it may be absent.
    """

    def __init__(self, folder: Path) -> None:
        """Nothing is read or written."""
        self._folder = folder

    def clear(self) -> None:
        """Delete all files."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def keep(self, made_by: EncoderDescription, texts: Sequence[str], vectors: torch.Tensor) -> None:
        """Write the (n, d) vectors of texts, in float16 as a store has them; where that fails, the log says so."""
        stored = vectors.half().contiguous()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with atomically(self._file(made_by, texts)) as unfinished:
                save_file({_VECTORS: stored}, str(unfinished), metadata={_SHA256: _digest(stored)})
        except (OSError, UserError, SafetensorError) as error:
            logger.warning("the vectors are not kept, so build_embeddings.py will embed again: %s", error)

    def find(self, made_by: EncoderDescription, texts: Sequence[str]) -> torch.Tensor | None:
        """(n, d) float16 vectors of these texts by this encoder; None if they are not kept or damaged."""
        path = self._file(made_by, texts)
        if not path.is_file():
            return None
        try:
            with safe_open(str(path), "pt") as file:
                vectors, wanted = file.get_tensor(_VECTORS), (file.metadata() or {}).get(_SHA256)
        except (OSError, SafetensorError) as error:
            logger.warning("%s is damaged, so its texts are embedded again: %s", path, error)
            return None
        if vectors.shape != (len(texts), made_by.dim) or _digest(vectors) != wanted:
            logger.warning("%s is damaged, so its texts are embedded again", path)
            return None
        return vectors

    def _file(self, made_by: EncoderDescription, texts: Sequence[str]) -> Path:
        digest = hashlib.sha256(f"{made_by.fingerprint} {made_by.max_seq_length} {made_by.precision}".encode())
        for text in texts:
            part = text.encode("utf-8", "surrogatepass")
            digest.update(len(part).to_bytes(8, "little") + part)
        return self._folder / f"{digest.hexdigest()[:32]}.safetensors"


def _digest(vectors: torch.Tensor) -> str:
    return hashlib.sha256(vectors.contiguous().view(torch.uint8).numpy().data).hexdigest()
