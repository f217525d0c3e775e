"""Pushes a model or a store.

Nothing changes on the disk, except that a model folder gets a note of the name and commit it was pushed as.
"""

import json
import logging
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from space.encoding.weights import PUSHED, is_model, weight_hashes
from space.errors import HubError, UserError
from space.hub import push
from space.hub.push import Pushed, Upload
from space.io.files import atomically, unreadable
from space.store.manifest import MANIFEST

logger = logging.getLogger(__name__)

CARD = "README.md"
#: What a new push of a model deletes if it is not pushed again. TensorBoard runs stay: old ones are worth comparing.
_MODEL_REPLACES = ("*.safetensors", "*.safetensors.index.json", "[0-9]_*/*", "images/*")
#: Products, and encoders that the store may no longer have; then the rest of a store.
_STORE_REPLACES = ("*/part-*-of-*.parquet", "judgments/*.parquet", "evaluation.json", MANIFEST)


def push_model(folder: Path, repo: str, *, private: bool = False) -> Pushed:
    """Push a model folder in one commit: weights, tokenizer, prompts, card, evaluation, TensorBoard runs.

    Args:
        folder: the output folder of train.py.
        repo: USER/MODEL, created if absent.
        private: make it private.

    Raises:
        UserError: there is no model in the folder.
        HubError: with the reason and the command that pushes the model again.
    """
    if denied := unreadable(folder):
        raise UserError(denied)
    if not is_model(folder):
        raise UserError(f"{folder}: no model, it holds no .safetensors file; name the folder that train.py wrote")
    paths = (path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file())
    files = {path.as_posix(): folder / path for path in paths if not any(part[0] == "." for part in path.parts)}
    upload = Upload(
        repo,
        "model",
        _with_named_card(files, repo),
        message="Model, card and evaluation",
        private=private,
        replaces=_MODEL_REPLACES,
    )
    try:
        pushed = push.push(upload)
    except HubError as error:
        command = again("push-model", repo, folder, private)
        raise HubError(f"{error}. The model is safe in {folder}; push it without training again: {command}") from error
    note = {"id": repo, "revision": pushed.revision, "weights": weight_hashes(folder)}
    with atomically(folder / PUSHED) as path:
        path.write_text(json.dumps(note, indent=1), encoding="utf-8")
    logger.info("pushed: %s as %s", pushed.url, pushed.pinned)
    return pushed


def push_store(folder: Path, repo: str, *, private: bool = False) -> Pushed:
    """Check a store and push it: in one commit, or in several of which the last brings the manifest.

    Args:
        folder: the output folder of build_embeddings.py.
        repo: USER/DATASET, created if absent.
        private: make it private.

    Raises:
        StoreError: the store is not finished, or damaged.
        HubError: with the reason and the command that pushes the store again.
    """
    from space.store.reader import Store  # here, since it imports torch, which the other commands do without

    store = Store(folder)
    names = [*store.manifest.files, MANIFEST, CARD]
    upload = Upload(
        repo,
        "dataset",
        _with_named_card({name: folder / name for name in names if (folder / name).is_file()}, repo),
        message=f"Embeddings of {store.rows:,} products",
        private=private,
        replaces=_STORE_REPLACES,
        last=MANIFEST,
    )
    try:
        pushed = push.push(upload)
    except HubError as error:
        command = again("push-store", repo, folder, private)
        raise HubError(
            f"{error}. The store is safe in {folder}; push it without embedding again: {command}"
        ) from error
    logger.info(
        f"pushed: {pushed.url} as {pushed.pinned}\n"
        f"a Space for it: python -m space publish {repo.split('/')[0]}/SPACE --embeddings {pushed.pinned}"
    )
    return pushed


def again(command: str, repo: str, folder: Path, private: bool) -> str:
    """The command line that pushes a folder again."""
    return shlex.join(["python", "-m", "space", command, repo, str(folder), *(["--private"] if private else [])])


def _with_named_card(files: Mapping[str, Path], repo: str) -> dict[str, Path | bytes]:
    """``files`` with a card whose code loads from ``repo``, whatever the folder was made for."""
    if CARD not in files:
        return dict(files)
    named = re.sub(
        r'\b(SentenceTransformer|CrossEncoder|load_dataset)\("[^"\n]*"',
        lambda call: f'{call[1]}("{repo}"',
        files[CARD].read_text(encoding="utf-8"),
    )
    return {**files, CARD: named.encode()}
