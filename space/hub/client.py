"""Repositories on the Hugging Face Hub, as they are seen and pulled. Knows no model and no store.

A token is taken by ``huggingface_hub`` from its own places (environment, login) and never passes through here.
"""

import hashlib
import logging
import threading
from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import HfApi, RepoFile, constants, snapshot_download
from huggingface_hub.errors import LocalEntryNotFoundError
from huggingface_hub.utils import filter_repo_objects, httpx

from space.encoding.weights import Download, Snapshot
from space.errors import HubError, OutOfReachError
from space.hub import faults
from space.hub.faults import FAULTS, patiently

logger = logging.getLogger(__name__)

_PROBE_SECONDS = 2.0
_ASLEEP = "HF_HUB_OFFLINE is set"


def endpoint() -> str:
    """Address of the Hub, ``HF_ENDPOINT`` or the public one."""
    return constants.ENDPOINT


def in_reach(seconds: float = _PROBE_SECONDS) -> bool:
    """Whether the Hub answers within ``seconds``; without asking, a first download would try for about 23 s."""
    if constants.HF_HUB_OFFLINE:
        return False
    answered = threading.Event()

    def ask() -> None:
        try:
            httpx.head(endpoint(), timeout=seconds, follow_redirects=False)
        except httpx.HTTPError as error:
            logger.debug("the Hub did not answer: %s", type(error).__name__)
        else:
            answered.set()

    # In a thread, since a name server that is out of reach can block for longer than any time-out of the client.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return answered.is_set()


# -- pull ------------------------------------------------------------------------------------------------------------


def model_download(*, offline: bool = False) -> Download:
    """What ``locate`` fetches models with.

    Args:
        offline: take them from the cache only.
    """
    return lambda repo, revision, patterns: pull(repo, "model", revision=revision, offline=offline, patterns=patterns)


def pull(
    repo: str, kind: str, *, revision: str | None = None, offline: bool = False, patterns: Sequence[str] | None = None
) -> Snapshot:
    """A repository's files at one commit, from the Hub or its cache, each with the checksum it has there.

    Args:
        repo: USER/NAME.
        kind: "model", "dataset" or "space".
        revision: branch, tag or commit; None is the default branch.
        offline: take it from the cache only.
        patterns: file patterns to take; None takes all.

    Raises:
        OutOfReachError: not in the cache, and the Hub is not in reach or failing.
        HubError: not there, not allowed, or damaged.
    """
    at = f"{kind} {repo}@{revision}" if revision else f"{kind} {repo}"
    allowed = list(patterns) if patterns else None
    if offline or not in_reach():
        why = "--offline" if offline else _ASLEEP if constants.HF_HUB_OFFLINE else "the Hub is out of reach"
    else:
        try:
            folder = _download(repo, kind, revision, allowed, at)
            return Snapshot(folder, folder.name)
        except HubError:
            raise
        except FAULTS as error:
            why = faults.reason(error)
            if not faults.is_transient(error):
                raise HubError(f"{at} could not be pulled from {endpoint()}: {why}") from error
    try:
        folder = _fetch(repo, kind, revision, allowed, local=True)
    except LocalEntryNotFoundError as error:
        raise OutOfReachError(f"{at} is not in the cache, and from {endpoint()} it cannot be had: {why}") from error
    if damaged := _damaged(folder, allowed):
        raise HubError(f"{at}: {damaged[0].name} in the cache is damaged; start again when the Hub is there ({why})")
    return Snapshot(folder, folder.name, "" if offline else f"from the cache, {why}")


def _download(repo: str, kind: str, revision: str | None, allowed: list[str] | None, at: str) -> Path:
    """From the Hub. A file that arrives damaged, or lies so in the cache, is fetched once more."""

    def fetch() -> Path:
        # Asked by itself, since the download would hide a failing Hub behind an older copy in the cache.
        commit = HfApi().repo_info(repo, repo_type=kind, revision=revision, timeout=faults.answer_seconds()).sha
        folder = _fetch(repo, kind, revision, allowed, local=False)
        return folder if folder.name == commit else _fetch(repo, kind, commit, allowed, local=False)

    for _ in range(2):
        folder = patiently(fetch, f"pulling {at}")
        damaged = _damaged(folder, allowed)
        if not damaged:
            return folder
        logger.warning("%s: %s is damaged, fetching it again", at, ", ".join(path.name for path in damaged))
        for path in damaged:
            path.resolve().unlink(missing_ok=True)
            path.unlink()
    raise HubError(f"{at} could not be pulled: {damaged[0].name} keeps arriving damaged from {endpoint()}; try later")


def _fetch(repo: str, kind: str, revision: str | None, allowed: list[str] | None, *, local: bool) -> Path:
    return Path(
        snapshot_download(repo, repo_type=kind, revision=revision, local_files_only=local, allow_patterns=allowed)
    )


def _damaged(folder: Path, allowed: list[str] | None) -> list[Path]:
    """Files that are not what the cache calls them. The client compares sizes only; reading 1 GB takes a second."""
    files = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_symlink()}
    wanted = filter_repo_objects(files, allow_patterns=allowed)
    return [files[name] for name in wanted if not _is_called_right(files[name].resolve())]


def _is_called_right(blob: Path) -> bool:
    """A blob's name is its ETag: sha256 of a large file, git's own hash of a small one."""
    if not blob.is_file():
        return False
    if len(blob.name) == 64:
        with blob.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == blob.name
    return len(blob.name) != 40 or git_hash(blob.read_bytes()) == blob.name


def git_hash(content: bytes) -> str:
    """Under which name git, and so the Hub, keeps a small file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


# -- look ------------------------------------------------------------------------------------------------------------


def look(repo: str, kind: str, revision: str | None = None) -> tuple[str, dict[str, str]]:
    """The commit that a revision stands for and its files as {path: hash}, without pulling them.

    Raises:
        HubError: not there, not allowed, or not in reach.
    """
    at = f"{kind} {repo}@{revision}" if revision else f"{kind} {repo}"
    try:
        return patiently(lambda: listing(HfApi(), repo, kind, revision), f"looking at {at}")
    except FAULTS as error:
        raise HubError(f"{at} cannot be seen at {endpoint()}: {faults.reason(error)}") from error


def listing(api: HfApi, repo: str, kind: str, revision: str | None = None) -> tuple[str, dict[str, str]]:
    """What ``look`` returns, with the client's own errors."""
    commit = str(api.repo_info(repo, repo_type=kind, revision=revision, timeout=faults.answer_seconds()).sha)
    tree = api.list_repo_tree(repo, repo_type=kind, revision=commit, recursive=True)
    files = [item for item in tree if isinstance(item, RepoFile)]
    return commit, {item.path: item.lfs.sha256 if item.lfs else item.blob_id for item in files}
