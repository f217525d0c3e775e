"""Pushes a model, a store, or the Space that serves them.

Nothing changes on the disk, except that a model folder gets a note of the name and commit it was pushed as.
"""

import json
import logging
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from huggingface_hub import RepoCard

from space.encoding.description import EncoderDescription
from space.encoding.weights import PUSHED, STAND_IN, weight_hashes
from space.errors import HubError, UserError
from space.hub import client, push
from space.hub.push import Pushed, SpaceSettings, Upload
from space.io.files import atomically
from space.settings.names import split_revision
from space.store import manifest
from space.store.manifest import MANIFEST

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[2]
CARD = "README.md"
#: What a model folder leaves behind when it is pushed anew; TensorBoard runs stay, old ones are worth comparing.
_MODEL_REPLACES = ("*.safetensors", "*.safetensors.index.json", "[0-9]_*/*", "images/*")
_STORE_REPLACES = (
    *("products/*.parquet", "base/*.parquet", "tuned/*.parquet", "judgments/*.parquet"),
    *("evaluation.json", MANIFEST),
)
#: A link to another page of the repository: no picture, no address, no place on the same page.
_PAGE_LINK = re.compile(r"(?<!!)\[([^\]\[]+)\]\((?!https?:|#)[^)]+\)")
DEFAULT_HARDWARE = "zero-a10g"  # what a free account can have


def push_model(folder: Path, repo: str, *, private: bool = False) -> Pushed:
    """A model folder to the Hub, in one commit: weights, tokenizer, prompts, card, evaluation, TensorBoard runs.

    Args:
        folder: what train.py left.
        repo: USER/MODEL, made if absent.
        private: make it private.

    Raises:
        HubError: it says why, that the model is safe, and the command that pushes it again.
    """
    if not any(folder.glob("*.safetensors")) and not any(folder.glob("*/*.safetensors")):
        raise UserError(f"{folder}: no model, it holds no .safetensors file; name the folder that train.py wrote")
    files = _files(folder)
    try:
        pushed = push.push(
            Upload(
                repo,
                "model",
                _with_named_card(files, repo),
                message="Model, card and evaluation",
                private=private,
                replaces=_MODEL_REPLACES,
            )
        )
    except HubError as error:
        raise HubError(
            f"{error}. The model is safe in {folder}; push it without training again: "
            f"{again('push-model', repo, folder, private)}"
        ) from error
    note = {"id": repo, "revision": pushed.revision, "weights": weight_hashes(folder)}
    with atomically(folder / PUSHED) as path:
        path.write_text(json.dumps(note, indent=1), encoding="utf-8")
    logger.info("pushed: %s as %s", pushed.url, pushed.pinned)
    return pushed


def push_store(folder: Path, repo: str, *, private: bool = False) -> Pushed:
    """A finished store to the Hub, checked first; in one commit, or in several of which the last brings the manifest.

    Args:
        folder: what build_embeddings.py left.
        repo: USER/DATASET, made if absent.
        private: make it private.

    Raises:
        StoreError: the store is not finished, or damaged.
        HubError: it says why, that the store is safe, and the command that pushes it again.
    """
    from space.store.reader import Store  # here, since it brings torch, which the other commands do without

    store = Store(folder)
    names = [*store.manifest.files, MANIFEST, CARD]
    files = {name: folder / name for name in names if (folder / name).is_file()}
    try:
        pushed = push.push(
            Upload(
                repo,
                "dataset",
                _with_named_card(files, repo),
                message=f"Embeddings of {store.rows:,} products",
                private=private,
                replaces=_STORE_REPLACES,
                last=MANIFEST,
            )
        )
    except HubError as error:
        raise HubError(
            f"{error}. The store is safe in {folder}; push it without embedding again: "
            f"{again('push-store', repo, folder, private)}"
        ) from error
    logger.info(
        f"pushed: {pushed.url} as {pushed.pinned}\n"
        f"a Space for it: python -m space publish {repo.split('/')[0]}/SPACE --embeddings {pushed.pinned}"
    )
    return pushed


def again(command: str, repo: str, folder: Path, private: bool) -> str:
    """The command that pushes a folder, as it is typed."""
    return shlex.join(["python", "-m", "space", command, repo, str(folder), *(["--private"] if private else [])])


def _files(folder: Path) -> dict[str, Path | bytes]:
    """Every file that is not hidden."""
    names = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: path for name, path in names.items() if not any(part.startswith(".") for part in name.split("/"))}


def _with_named_card(files: Mapping[str, Path | bytes], repo: str) -> dict[str, Path | bytes]:
    """The card's snippets must name the repository, whatever the folder was made for."""
    card = files.get(CARD)
    if not isinstance(card, Path):
        return dict(files)
    named = re.sub(
        r'\b(SentenceTransformer|load_dataset)\("[^"\n]*"',
        lambda call: f'{call[1]}("{repo}"',
        card.read_text(encoding="utf-8"),
    )
    return {**files, CARD: named.encode()}


# -- the Space -------------------------------------------------------------------------------------------------------


def publish_space(
    repo: str,
    embeddings: str,
    *,
    model: str | None = None,
    base_model: str | None = None,
    private: bool = False,
    hardware: str = DEFAULT_HARDWARE,
    root: Path = ROOT,
) -> Pushed:
    """A Space that serves a store and the two models that made it, all pinned to commits.

    Args:
        repo: USER/SPACE, made if absent; other files in it go.
        embeddings: the store, ID or ID@REVISION.
        model: the fine-tuned model, likewise; None takes what the store names.
        base_model: likewise.
        private: make the Space private.
        hardware: what a new Space asks for, and what its duplicates are told to.
        root: the project.

    Raises:
        HubError: one of the three is not on the Hub, they do not belong together, or the Space cannot be pushed.
    """
    store_id, revision = split_revision(embeddings)
    snapshot = client.pull(store_id, "dataset", revision=revision, patterns=[MANIFEST])
    if not (snapshot.folder / MANIFEST).is_file():
        raise HubError(f"dataset {embeddings}: no {MANIFEST}, so it is no store, or one that is just being pushed")
    try:
        found = manifest.parse((snapshot.folder / MANIFEST).read_bytes())
    except manifest.ManifestError as error:
        raise HubError(f"dataset {embeddings}: {MANIFEST}: {error}; push it again") from error
    made_by = found.encoders
    variables = {
        "E5_MODEL": _pinned("tuned", model, made_by["tuned"], embeddings),
        "E5_BASE_MODEL": _pinned("base", base_model, made_by["base"], embeddings),
        "E5_EMBEDDINGS": f"{store_id}@{snapshot.revision}",
    }
    source = found.dataset.partition("@")[0]
    ids = {name: split_revision(value)[0] for name, value in variables.items()}
    card = space_card(
        (root / CARD).read_text(encoding="utf-8"),
        models=[ids["E5_MODEL"], ids["E5_BASE_MODEL"]],
        datasets=[ids["E5_EMBEDDINGS"], *([source] if _is_id(source) else [])],
        hardware=hardware,
    )
    files: dict[str, Path | bytes] = {name: root / name for name in space_files(root)}
    pushed = push.push(
        Upload(
            repo,
            "space",
            files | {CARD: card.encode()},
            message="The app",
            private=private,
            replaces=("*",),
            space=SpaceSettings(hardware, variables),
        )
    )
    logger.info("published: %s\n%s", pushed.url, "\n".join(f"  {name}={value}" for name, value in variables.items()))
    return pushed


def space_files(root: Path = ROOT) -> list[str]:
    """Paths of the files a Space needs: the app, all of ``space/`` but caches, and the pictures of the README."""
    paths = [path.relative_to(root) for path in sorted((root / "space").rglob("*")) if path.is_file()]
    package = [path for path in paths if not any(part.startswith((".", "__pycache__")) for part in path.parts)]
    pictures = re.findall(r"!\[[^\]]*\]\((?!https?:)([^)\s]+)\)", (root / CARD).read_text(encoding="utf-8"))
    names = ["app.py", "requirements.txt", *(path.as_posix() for path in package)]
    return names + sorted({name for name in pictures if (root / name).is_file()})


def space_card(readme: str, *, models: list[str], datasets: list[str], hardware: str) -> str:
    """The project's README with what the Hub links a Space to in its front matter.

    Links to pages that are not pushed to the Space, such as ``docs/training.md``, become plain text.
    """
    card = RepoCard(re.sub(_PAGE_LINK, r"\1", readme), ignore_metadata_errors=False)
    card.data.models, card.data.datasets, card.data.suggested_hardware = models, datasets, hardware
    return str(card)


def _pinned(part: str, given: str | None, made_by: EncoderDescription, embeddings: str) -> str:
    """ID@COMMIT of the encoder that made a part of the store; what is given must have the same weights."""
    noted = made_by.id
    name, revision = split_revision(given) if given else (noted, None)
    if name == STAND_IN:  # from its package, whose bytes are checked
        return STAND_IN
    if not _is_id(name):
        raise HubError(
            f"dataset {embeddings} names its {part} model as {name}, which is not on the Hub: push the model, "
            f"run build_embeddings.py --push-to-hub again, or name it with --{_FLAGS[part]} USER/MODEL"
        )
    if name == noted and revision is None:
        revision = made_by.revision
    commit, files = client.look(name, "model", revision)
    if _is_id(noted) and noted != STAND_IN and made_by.revision not in (None, commit):
        weights = {path: digest for path, digest in files.items() if path.endswith(".safetensors")}
        theirs = client.look(noted, "model", made_by.revision)[1]
        if weights != {path: digest for path, digest in theirs.items() if path.endswith(".safetensors")}:
            raise HubError(
                f"dataset {embeddings}: its {part} vectors were made by {noted}@{made_by.revision[:12]}, not by "
                f"{name}@{commit[:12]}; leave --{_FLAGS[part]} out, or embed again with that model"
            )
    return f"{name}@{commit}"


_FLAGS = {"tuned": "model", "base": "base-model"}


def _is_id(name: str) -> bool:
    return name.count("/") == 1 and not name.startswith((".", "/", "~")) and not Path(name).exists()
