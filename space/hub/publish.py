"""Pushes a model, a store, or the Space that serves them.

Nothing changes on the disk, except that a model folder gets a note of the name and commit it was pushed as.
"""

import json
import logging
import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from huggingface_hub import RepoCard

from space.encoding.description import BASE, TUNED, EncoderDescription
from space.encoding.weights import PACKAGED, PACKAGED_NAME, PUSHED, is_model, on_hub, weight_hashes
from space.errors import HubError, UserError
from space.hub import client, push
from space.hub.hardware import check_python
from space.hub.push import Pushed, SpaceSettings, Upload
from space.io.files import atomically, unreadable
from space.settings.names import hub_id, split_revision
from space.store import manifest
from space.store.manifest import MANIFEST

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[2]
CARD = "README.md"
#: What a new push of a model deletes if it is not pushed again. TensorBoard runs stay: old ones are worth comparing.
_MODEL_REPLACES = ("*.safetensors", "*.safetensors.index.json", "[0-9]_*/*", "images/*")
#: Products, and encoders that the store may no longer have; then the rest of a store.
_STORE_REPLACES = ("*/part-*-of-*.parquet", "judgments/*.parquet", "evaluation.json", MANIFEST)
#: A link to another page of the repository: no picture, no address, no place on the same page.
_PAGE_LINK = re.compile(r"(?<!!)\[([^\]\[]+)\]\((?!https?:|#)[^)]+\)")
DEFAULT_HARDWARE = "zero-a10g"  # a free account can have it


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


# -- the Space -------------------------------------------------------------------------------------------------------


def publish_space(
    repo: str,
    embeddings: str,
    *,
    models: Mapping[str, str] | None = None,
    only: Sequence[str] | None = None,
    private: bool = False,
    hardware: str = DEFAULT_HARDWARE,
    voting: str | None = None,
    judging: str | None = None,
    reranker: str | None = None,
    root: Path = ROOT,
) -> Pushed:
    """Publish a Space that serves a store and the models that made it, all pinned to commits.

    Args:
        repo: USER/SPACE, created if absent; other files in it are deleted.
        embeddings: the store, ID or ID@REVISION.
        models: {encoder: its model, ID or ID@REVISION} where it is not the one that the store names.
        only: the encoders that the Space loads, by name; empty loads all. None leaves it as the Space has it, unless
            the store lacks one of them.
        private: make the Space private.
        hardware: what a new Space asks for and suggests to its duplicates.
        voting: who may vote, see ``AppSettings``; None leaves it as the Space has it.
        judging: the same for judging.
        reranker: a cross-encoder, ID or ID@REVISION; None leaves it as the Space has it.
        root: the project's folder.

    Raises:
        HubError: one of them is not on the Hub, they do not belong together, or the Space cannot be pushed.
    """
    store_id, revision = split_revision(embeddings)
    snapshot = client.pull(store_id, "dataset", revision=revision, patterns=[MANIFEST])
    if not (snapshot.folder / MANIFEST).is_file():
        raise HubError(f"dataset {embeddings}: no {MANIFEST}, so it is no store, or one that is just being pushed")
    try:
        found = manifest.parse((snapshot.folder / MANIFEST).read_bytes())
    except manifest.ManifestError as error:
        raise HubError(f"dataset {embeddings}: {MANIFEST}: {error}; push it again") from error
    asked = {"E5_VOTING": voting, "E5_JUDGING": judging, "E5_RERANKER": reranker and _pinned_reranker(reranker)}
    chosen = {name: value for name, value in asked.items() if value is not None}
    before = client.space_variables(repo)
    loaded = _loaded(found.encoders, before.get("E5_ONLY", "").replace(",", " ").split(), only, embeddings)
    models = models or {}
    for name in models:
        if name not in loaded:
            raise HubError(f"--model {name}=…: the Space would not load {name}, only {', '.join(loaded)}")
    pinned = {name: _pinned(name, models.get(name), found.encoders[name], embeddings) for name in loaded}
    source = hub_id(found.dataset)
    modes = before | chosen
    card = space_card(
        (root / CARD).read_text(encoding="utf-8"),
        models=list(dict.fromkeys(on_hub(model) or split_revision(model)[0] for model in reversed(pinned.values()))),
        datasets=[store_id, *([source] if source else [])],
        hardware=hardware,
        login="login" in (modes.get("E5_VOTING"), modes.get("E5_JUDGING")),
    )
    others = [model if name == TUNED else f"{name}={model}" for name, model in pinned.items() if name != BASE]
    # What the Space has of an earlier store would name encoders that this one does not have.
    variables = {"E5_BASE_MODEL": pinned.get(BASE), "E5_MODEL": " ".join(others) or None}
    variables["E5_ONLY"] = " ".join(loaded) if len(loaded) < len(found.encoders) else None
    variables |= {"E5_EMBEDDINGS": f"{store_id}@{snapshot.revision}"} | chosen
    files: dict[str, Path | bytes] = {name: root / name for name in space_files(root)}
    upload = Upload(
        repo,
        "space",
        files | {CARD: card.encode()},
        message="The app",
        private=private,
        replaces=("*",),
        space=SpaceSettings(hardware, variables),
    )
    named = {*pinned.values(), *([reranker] if reranker else [])}
    read = {split_revision(model)[0] for model in named - {PACKAGED}}
    needed = [("dataset", store_id), *(("model", name) for name in sorted(read))]
    hidden = [f"{kind} {name}" for kind, name in needed if client.is_private(name, kind)]
    pushed = push.push(upload)
    if hidden:
        logger.warning(
            "%s is private: the Space can read it only with a token, so add HF_TOKEN to the secrets in its settings",
            " and ".join(hidden),
        )
    told = "\n".join(f"  {name}={value}" for name, value in variables.items() if value is not None)
    logger.info("published: %s\n%s", pushed.url, told)
    return pushed


def space_files(root: Path = ROOT) -> list[str]:
    """Paths of the files a Space needs: the app, all of ``space/`` but caches, and the pictures of the README."""
    paths = [path.relative_to(root) for path in sorted((root / "space").rglob("*")) if path.is_file()]
    package = [path for path in paths if not any(part.startswith((".", "__pycache__")) for part in path.parts)]
    pictures = re.findall(r"!\[[^\]]*\]\((?!https?:)([^)\s]+)\)", (root / CARD).read_text(encoding="utf-8"))
    names = ["app.py", "requirements.txt", *(path.as_posix() for path in package)]
    return names + sorted({name for name in pictures if (root / name).is_file()})


def space_card(readme: str, *, models: list[str], datasets: list[str], hardware: str, login: bool = False) -> str:
    """The project's README with the front matter by which the Hub links a Space to models and data sets.

    With ``login`` it asks for Hub users to log in (``hf_oauth``), without which the app does not start with "login".
    Links to pages that are not pushed to the Space, such as ``docs/training.md``, become plain text.

    Raises:
        UserError: the hardware does not take the Python version of the front matter.
    """
    card = RepoCard(re.sub(_PAGE_LINK, r"\1", readme), ignore_metadata_errors=False)
    check_python(hardware, str(card.data.python_version))
    card.data.models, card.data.datasets, card.data.suggested_hardware = models, datasets, hardware
    if login:
        card.data.hf_oauth = True
    return str(card)


def _loaded(
    encoders: Collection[str], before: Sequence[str], only: Sequence[str] | None, embeddings: str
) -> list[str]:
    """The encoders of a store that the Space loads, in the order of the store.

    Args:
        encoders: of the store.
        before: those that the Space is told to load, of this store or an earlier one; empty is all.
        only: those that the user names; empty is all, and None takes ``before``.
        embeddings: the store, for messages.

    Raises:
        HubError: the user names one that the store does not have.
    """
    if only is None:
        only = before
        if unknown := [name for name in before if name not in encoders]:
            logger.warning(
                "the Space had E5_ONLY=%s, and dataset %s has no %s: it will load all encoders; --only names some",
                " ".join(before),
                embeddings,
                unknown[0],
            )
            only = ()
    for name in only:
        if name not in encoders:
            raise HubError(f"--only {name}: dataset {embeddings} has {', '.join(encoders)}; name one of these")
    return [name for name in encoders if name in only or not only]


def _pinned(part: str, given: str | None, made_by: EncoderDescription, embeddings: str) -> str:
    """ID@COMMIT of the encoder for a part of the store: the one that made it, or ``given`` if it has its weights.

    Raises:
        HubError: it is not on the Hub, or it has other weights.
    """
    flag = {TUNED: "--model ", BASE: "--base-model "}.get(part, f"--model {part}=")
    name, revision = split_revision(given) if given else (made_by.id, None)
    if name in (PACKAGED, PACKAGED_NAME):  # requirements.txt installs the package, and its bytes are checked
        return PACKAGED
    if hub_id(name) is None:
        raise HubError(
            f"dataset {embeddings} names its {part} model as {name}, which is not on the Hub: push the model, "
            f"run build_embeddings.py --push-to-hub again, or name it with {flag}USER/MODEL"
        )
    if name == made_by.id and revision is None:
        revision = made_by.revision
    commit, weights = _weights(name, revision)
    if hub_id(made_by.id) and made_by.revision and made_by.revision != commit:
        if weights != _weights(made_by.id, made_by.revision)[1]:
            raise HubError(
                f"dataset {embeddings}: its {part} vectors were made by {made_by.id}@{made_by.revision[:12]}, not by "
                f"{name}@{commit[:12]}; leave {flag.strip()} out, or embed again with that model"
            )
    return f"{name}@{commit}"


def _pinned_reranker(given: str) -> str:
    """ID@COMMIT of a cross-encoder.

    Raises:
        HubError: it is not on the Hub, or has no weights.
    """
    name, revision = split_revision(given)
    commit, weights = _weights(name, revision)
    if not weights:
        raise HubError(f"--reranker {given}: it has no .safetensors file; name a cross-encoder that train.py pushed")
    return f"{name}@{commit}"


def _weights(repo: str, revision: str | None) -> tuple[str, dict[str, str]]:
    """The commit of a model's revision, and {path: hash} of its weights."""
    commit, files = client.look(repo, "model", revision)
    return commit, {path: digest for path, digest in files.items() if path.endswith(".safetensors")}
