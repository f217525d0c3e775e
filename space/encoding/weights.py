"""Finds the weights of an encoder: a folder, a Hub model at a revision, or the E5 of a package.

It does not import torch, which takes seconds, so a command can say at once which encoder will run.
"""

import json
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from space.errors import HubError, OutOfReachError, UserError
from space.io.files import sha256, unreadable
from space.settings.names import DEFAULT_BASE_MODEL, hub_id, local, public_name, split_revision

#: What a flag takes for the multilingual-e5-small of a package, whether or not the Hub is in reach.
PACKAGED = "packaged-e5"
#: How those weights are named wherever an encoder is shown.
PACKAGED_NAME = "multilingual-e5-small, 4-bit weights from a package"
#: E5 was trained with these (Wang et al. 2022); without them its queries and passages are less alike.
E5_PROMPTS = {"query": "query: ", "document": "passage: "}
#: Merges a LoRA adapter into its base: the same vectors, as a whole model. Needs the package peft.
_MERGE = (
    "from peft import PeftModel; from sentence_transformers import SentenceTransformer as Model; "
    "model = Model({base!r}{prompts}); "
    "model[0].auto_model = PeftModel.from_pretrained(model[0].auto_model, {adapter!r}).merge_and_unload(); "
    "model.save_pretrained({merged!r})"
)
#: Files of a model. Only safetensors weights: a pickled checkpoint could run code when it is loaded.
MODEL_FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "README.md")
#: Written into a model folder when it is pushed: id, revision and hashes, so a store can name the pushed model.
PUSHED = ".pushed.json"


class WeightsError(UserError):
    """Weights that are missing or cannot be trusted; the message names them and the cure."""


@dataclass(frozen=True)
class Weights:
    """Where an encoder's files are.

    Attributes:
        name: Hub id or folder, never a folder of the Hub's cache.
        folder: the files.
        revision: the Hub commit, or None.
        reason: one sentence on why these weights replace those asked for; "" if they are those.
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
        note: why the files are from the cache and may be outdated; "" if the Hub has just confirmed them.
    """

    folder: Path
    revision: str
    note: str = ""


#: (USER/MODEL, revision or None, file patterns) to the files, from the Hub or its cache; ``space.hub`` has one.
Download = Callable[[str, str | None, Sequence[str]], Snapshot]


def locate(name: str, download: Download | None = None, *, substitute: bool = False) -> Weights:
    """Find the files of an encoder; download them if they are on the Hub.

    Args:
        name: a folder, a Hub id, ID@REVISION, or ``PACKAGED``.
        download: fetches a Hub model, or raises ``HubError``. Without it only folders and packaged weights are found.
        substitute: take the packaged weights if multilingual-e5-small is neither on the Hub nor in the cache. No other
            model is ever replaced.

    Raises:
        WeightsError: nothing was found, it has no safetensors, or the package is missing or not the known one.
    """
    folder = Path(name)
    if local(name) and folder.is_dir():
        pushed = _as_pushed(_with_safetensors(folder, name))
        return Weights(*pushed, reason=f"the folder {public_name(name)}") if pushed else Weights(name, folder)
    if name in (PACKAGED, PACKAGED_NAME):
        return _packaged()
    repo, revision = split_revision(name)
    if repo.count("/") > 1 or folder.is_absolute() or name.startswith((".", "~")):
        raise WeightsError(f"{name}: no such folder; train.py writes one, or name a Hub model as USER/MODEL")
    try:
        if download is None:
            raise OutOfReachError(f"model {name} is not a folder, and downloads are not allowed here")
        found = download(repo, revision, MODEL_FILES)
    except OutOfReachError as error:
        if not substitute:
            raise WeightsError(str(error)) from error
        if name != DEFAULT_BASE_MODEL:
            raise WeightsError(f"{error}; or use --base-model {PACKAGED}, which needs no Hub") from error
        return _packaged(f"not from the Hub: {error}")
    except HubError as error:
        raise WeightsError(str(error)) from error
    return Weights(repo, _with_safetensors(found.folder, name), found.revision, found.note)


def on_hub(name: str) -> str | None:
    """The Hub repository of an encoder, which for packaged weights is the one that they are a copy of; else None."""
    return DEFAULT_BASE_MODEL if name in (PACKAGED, PACKAGED_NAME) else hub_id(name)


def is_model(folder: Path) -> bool:
    """Whether a folder, or that of its first module, has safetensors weights."""
    return any(folder.glob("*.safetensors")) or any(folder.glob("*/*.safetensors"))


def is_e5(name: str) -> bool:
    """Whether a model's name says that it is an E5: ``intfloat/multilingual-e5-small``, ``./saved_e5_model``."""
    return re.search(r"(^|[^a-z0-9])e5([^a-z0-9]|$)", Path(name).name.lower()) is not None


def merging(config: Path, name: str) -> str:
    """The command that merges an adapter into its base.

    Args:
        config: adapter_config.json, which names the base.
        name: what the user calls the adapter.
    """
    try:
        base = str(json.loads(config.read_text(encoding="utf-8"))["base_model_name_or_path"] or "BASE")
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        base = "BASE"
    prompts = f", prompts={E5_PROMPTS}" if is_e5(base) else ""
    merged = f"{Path(name.partition('@')[0]).name}-merged"
    return shlex.join(
        ["python", "-c", _MERGE.format(base=base, prompts=prompts, adapter=str(config.parent), merged=merged)]
    )


def weight_hashes(folder: Path) -> dict[str, str]:
    """{path in the folder: sha256} of every safetensors file."""
    return {path.relative_to(folder).as_posix(): sha256(path) for path in sorted(folder.rglob("*.safetensors"))}


def _as_pushed(folder: Path) -> tuple[str, Path, str] | None:
    """Hub id, folder and revision, if the weights are still those that were pushed; else None."""
    try:
        pushed = json.loads((folder / PUSHED).read_text(encoding="utf-8"))
        if pushed["weights"] == weight_hashes(folder):
            return pushed["id"], folder, pushed["revision"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return None


def _with_safetensors(folder: Path, name: str) -> Path:
    """The folder, if it can be read and it or its first module's folder has safetensors weights."""
    if denied := unreadable(folder):
        raise WeightsError(denied)
    for config in (*folder.glob("adapter_config.json"), *folder.glob("*/adapter_config.json")):
        if not any(config.parent.glob("model*.safetensors")):
            raise WeightsError(
                f"{name}: an adapter (LoRA), not a whole model; merge it into its base, then use the new folder: "
                f"pip install peft && {merging(config, name)}"
            )
    if not is_model(folder):
        raise WeightsError(f"{name}: no .safetensors file; finish the training that writes it, or convert the weights")
    return folder


def _packaged(reason: str = "") -> Weights:
    from space.encoding.packaged_e5 import unpack  # it needs this module

    return Weights(PACKAGED_NAME, unpack(), reason=reason)
