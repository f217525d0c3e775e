"""Looks at repositories on the Hugging Face Hub and pulls them into the local cache.

``huggingface_hub`` takes the token from the environment or the login by itself.
"""

import hashlib
import logging
import os
import threading
from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import HfApi, RepoFile, constants, get_token, snapshot_download
from huggingface_hub.errors import (
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import filter_repo_objects, httpx

from space.encoding.weights import Download, Snapshot
from space.errors import HubError, OutOfReachError, listed
from space.hub.faults import FAULTS, answer_seconds, in_words, is_transient, retried
from space.io.files import sha256
from space.settings.names import without_secret

logger = logging.getLogger(__name__)

_TOLD: set[tuple[str, str]] = set()

_PROBE_SECONDS = 2.0
#: Variables of the client: how long to wait for an answer. Where one is set the probe waits as long.
_PATIENCE = ("HF_HUB_ETAG_TIMEOUT", "HF_HUB_DOWNLOAD_TIMEOUT")
#: Answered at once, also without a token. The front page may be slow while the API is not.
_PROBED = "/api/whoami-v2"


def endpoint() -> str:
    """Address of the Hub for messages: ``HF_ENDPOINT`` without a password, or the public one."""
    return without_secret(constants.ENDPOINT)


def in_reach() -> bool:
    """Whether the Hub answers soon. Without this probe a first download would try for about 23 s."""
    told = [float(getattr(constants, name)) for name in _PATIENCE if os.environ.get(name)]
    seconds = max(told, default=_PROBE_SECONDS)
    return not constants.HF_HUB_OFFLINE and answers(f"{constants.ENDPOINT}{_PROBED}", seconds)


def answers(address: str, seconds: float) -> bool:
    """Whether a server answers within ``seconds``; an error is an answer too."""
    answered = threading.Event()

    def ask() -> None:
        try:
            httpx.get(address, timeout=seconds, follow_redirects=False)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            logger.debug("%s did not answer: %s", without_secret(address), type(error).__name__)
        else:
            answered.set()

    # In a thread, since a name server that is out of reach can block longer than the time-out.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return answered.is_set()


# -- pull ------------------------------------------------------------------------------------------------------------


def model_download(*, offline: bool = False) -> Download:
    """The function with which ``locate`` downloads models.

    Args:
        offline: use the cache only.
    """
    return lambda repo, revision, patterns: pull(repo, "model", revision=revision, offline=offline, patterns=patterns)


def pull(
    repo: str, kind: str, *, revision: str | None = None, offline: bool = False, patterns: Sequence[str] | None = None
) -> Snapshot:
    """A repository's files at one commit, from the Hub or the cache, each checked against its checksum.

    Args:
        repo: USER/NAME.
        kind: "model", "dataset" or "space".
        revision: branch, tag or commit; None is the default branch.
        offline: use the cache only.
        patterns: patterns of the files to take; None takes all.

    Raises:
        OutOfReachError: not in the cache, and the Hub is out of reach or fails.
        HubError: not on the Hub, not allowed, damaged, or the cache cannot be written.
    """
    at = _at(repo, kind, revision)
    allowed = list(patterns) if patterns else None
    if offline:
        why = "--offline"
    elif constants.HF_HUB_OFFLINE:
        why = "HF_HUB_OFFLINE is set"
    elif not in_reach():
        why = "the Hub is out of reach"
    else:
        try:
            folder = _download(repo, kind, revision, allowed)
            return Snapshot(folder, folder.name)
        except FAULTS as error:
            why = in_words(error) + _revisions(error, repo, kind)
            if not is_transient(error):
                raise HubError(f"{at} could not be pulled from {endpoint()}: {why}") from error
        except OSError as error:
            raise HubError(f"{at} could not be written to {constants.HF_HUB_CACHE}: {error}") from error
    try:
        folder = _fetch(repo, kind, revision, allowed, local=True)
    except LocalEntryNotFoundError as error:
        raise OutOfReachError(f"{at} is not in the cache and cannot be pulled from {endpoint()}: {why}") from error
    except HFValidationError as error:  # not USER/NAME
        raise HubError(f"{at}: {error}") from error
    if damaged := _damaged(folder, allowed):
        raise HubError(f"{at}: {damaged[0].name} in the cache is damaged; start again with the Hub in reach ({why})")
    return Snapshot(folder, folder.name, "" if offline else f"from the cache, {why}")


def _download(repo: str, kind: str, revision: str | None, allowed: list[str] | None) -> Path:
    """The folder of a snapshot from the Hub. A file that is damaged, here or on its way, is fetched once more."""
    at = _at(repo, kind, revision)

    def fetch() -> Path:
        # A separate question, since the download returns an older copy from the cache when the Hub fails.
        info = HfApi().repo_info(repo, repo_type=kind, revision=revision, timeout=answer_seconds())
        tell_new_name(repo, kind, info.id)
        commit = info.sha
        folder = _fetch(repo, kind, revision, allowed, local=False)
        return folder if folder.name == commit else _fetch(repo, kind, commit, allowed, local=False)

    for _ in range(2):
        folder = retried(fetch, f"pulling {at}")
        damaged = _damaged(folder, allowed)
        if not damaged:
            return folder
        logger.warning("%s: %s is damaged, fetching it again", at, ", ".join(path.name for path in damaged))
        for path in damaged:
            path.resolve().unlink(missing_ok=True)
            path.unlink()
    raise HubError(f"{at} could not be pulled: {damaged[0].name} keeps arriving damaged from {endpoint()}; try later")


def _fetch(repo: str, kind: str, revision: str | None, allowed: list[str] | None, *, local: bool) -> Path:
    try:
        return Path(
            snapshot_download(repo, repo_type=kind, revision=revision, local_files_only=local, allow_patterns=allowed)
        )
    except OSError as error:
        if "Consistency check failed" in str(error):  # a body shorter than the file; the client has deleted it
            raise httpx.RemoteProtocolError("a file arrived with another size") from error
        raise


def _damaged(folder: Path, allowed: list[str] | None) -> list[Path]:
    """Files whose content differs from their checksum. The client compares sizes only; 1 GB takes a second."""
    files = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_symlink()}
    wanted = filter_repo_objects(files, allow_patterns=allowed)
    return [files[name] for name in wanted if not _is_whole(files[name].resolve())]


def _is_whole(blob: Path) -> bool:
    """Whether a file of the cache is what its name says: the sha256 of a large file, git's hash of a small one."""
    if not blob.is_file():
        return False
    if len(blob.name) == 64:
        return sha256(blob) == blob.name
    return len(blob.name) != 40 or git_hash(blob.read_bytes()) == blob.name


def git_hash(content: bytes) -> str:
    """The name under which git, and so the Hub, stores a small file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


# -- look ------------------------------------------------------------------------------------------------------------


def look(repo: str, kind: str, revision: str | None = None) -> tuple[str, dict[str, str]]:
    """The commit of a revision and its files as {path: hash}, without downloading them.

    The hash is the sha256 of a large file and git's hash of a small one.

    Raises:
        HubError: not on the Hub, not allowed, or out of reach.
    """
    try:
        return listing(repo, kind, revision)
    except FAULTS as error:
        why = in_words(error) + _revisions(error, repo, kind)
        raise HubError(f"{_at(repo, kind, revision)} cannot be seen at {endpoint()}: {why}") from error


def listing(repo: str, kind: str, revision: str | None = None) -> tuple[str, dict[str, str]]:
    """The same as ``look``, but with the client's own errors."""
    api = HfApi()
    info = retried(
        lambda: api.repo_info(repo, repo_type=kind, revision=revision, timeout=answer_seconds()),
        f"looking at {_at(repo, kind, revision)}",
    )
    tell_new_name(repo, kind, info.id)
    tree = api.list_repo_tree(repo, repo_type=kind, revision=info.sha, recursive=True)
    files = [item for item in tree if isinstance(item, RepoFile)]
    return str(info.sha), {item.path: item.lfs.sha256 if item.lfs else item.blob_id for item in files}


def is_private(repo: str, kind: str) -> bool:
    """Whether a repository that can be seen is private.

    Raises:
        HubError: it cannot be seen.
    """
    try:
        return bool(
            retried(lambda: HfApi().repo_info(repo, repo_type=kind), f"looking at {_at(repo, kind, None)}").private
        )
    except FAULTS as error:
        raise HubError(f"{_at(repo, kind, None)} cannot be seen at {endpoint()}: {in_words(error)}") from error


def space_variables(repo: str) -> dict[str, str]:
    """The variables of a Space; none where it is not there, or without a token, which the push then says.

    Raises:
        HubError: they cannot be read.
    """
    if get_token() is None:
        return {}
    try:
        found = retried(lambda: HfApi().get_space_variables(repo), f"looking at {_at(repo, 'space', None)}")
    except RepositoryNotFoundError:
        return {}
    except FAULTS as error:
        raise HubError(f"the variables of Space {repo} cannot be read at {endpoint()}: {in_words(error)}") from error
    return {name: one.value for name, one in found.items()}


def tell_new_name(repo: str, kind: str, now: str) -> None:
    """Log that a repository was renamed, since another may take its old name."""
    if now.lower() != repo.lower() and (repo, now) not in _TOLD:
        _TOLD.add((repo, now))
        logger.warning("%s %s is called %s now: use that name", kind, repo, now)


def _revisions(error: BaseException, repo: str, kind: str) -> str:
    """For a revision that is not there: which branches and tags there are; else ""."""
    if not isinstance(error, RevisionNotFoundError):
        return ""
    try:
        found = HfApi().list_repo_refs(repo, repo_type=kind)
    except FAULTS as failed:
        logger.debug("the revisions of %s cannot be listed: %s", repo, in_words(failed))
        return ""
    return f"; it has {listed([one.name for one in (*found.branches, *found.tags)])}"


def _at(repo: str, kind: str, revision: str | None) -> str:
    return f"{kind} {repo}@{revision}" if revision else f"{kind} {repo}"
