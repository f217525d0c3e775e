"""Publishes the Space that serves a store and the models that made it, all pinned to commits."""

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from huggingface_hub import RepoCard

from space.encoding.description import BASE, TUNED, EncoderDescription
from space.encoding.weights import PACKAGED, PACKAGED_NAME, on_hub
from space.errors import HubError
from space.hub import client, push
from space.hub.hardware import check_python
from space.hub.publish import CARD
from space.hub.push import Pushed, SpaceSettings, Upload
from space.settings.names import hub_id, split_revision
from space.store import manifest
from space.store.manifest import MANIFEST

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[2]
#: A link to another page of the repository: no picture, no address, no place on the same page.
_PAGE_LINK = re.compile(r"(?<!!)\[([^\]\[]+)\]\((?!https?:|#)[^)]+\)")
DEFAULT_HARDWARE = "zero-a10g"  # a free account can have it


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
