"""Folders to and from the Hugging Face Hub. Knows what a repository is, not what a model or a store is.

A token is taken by ``huggingface_hub`` from its own places (environment, login) and never passes through here.
"""

import logging
import threading
from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import HfApi, constants, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import httpx  # the client's own HTTP library: its errors are what has to be caught

from space.errors import UserError

logger = logging.getLogger(__name__)

_PROBE_SECONDS = 2.5


class HubError(UserError):
    """The Hub did not give or take what was asked; the message names the repository and the cure."""


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


def pull(
    repo: str, kind: str, *, revision: str | None = None, offline: bool = False, patterns: Sequence[str] | None = None
) -> Path:
    """A repository's files at one commit, from the cache or the Hub.

    Args:
        repo: USER/NAME.
        kind: "model", "dataset" or "space".
        revision: branch, tag or commit; None is the default branch.
        offline: take it from the cache only.
        patterns: file patterns to take; None takes all.

    Returns:
        The folder in the cache; its name is the commit.

    Raises:
        HubError: not there, not allowed, or not in reach.
    """
    at = f"{repo}@{revision}" if revision else repo
    try:
        return Path(
            snapshot_download(
                repo,
                repo_type=kind,
                revision=revision,
                local_files_only=offline,
                allow_patterns=list(patterns) if patterns else None,
            )
        )
    except GatedRepoError as error:
        raise HubError(f"{kind} {at} is gated: accept its terms on the Hub and log in with `hf auth login`") from error
    except RevisionNotFoundError as error:
        raise HubError(f"{kind} {at}: the repository has no such revision") from error
    except RepositoryNotFoundError as error:
        raise HubError(
            f"{kind} {at} is not on the Hub, or is private: check the name, or log in with `hf auth login`"
        ) from error
    except (LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        if isinstance(error.__cause__, HfHubHTTPError):  # the Hub answered, but refused
            raise HubError(f"{kind} {at} could not be pulled from {endpoint()}: {_brief(error.__cause__)}") from error
        raise HubError(f"{kind} {at} is not in the cache and the Hub at {endpoint()} is out of reach") from error
    except (HfHubHTTPError, httpx.HTTPError, OSError) as error:
        raise HubError(f"{kind} {at} could not be pulled from {endpoint()}: {_brief(error)}") from error


def push(folder: Path, repo: str, kind: str, *, private: bool, message: str, ignore: Sequence[str] = ()) -> str:
    """A folder's files as one commit; the repository is made if absent.

    Returns:
        Address of the commit.

    Raises:
        HubError: not logged in, not allowed, or not in reach. The folder is left as it is.
    """
    api = HfApi()
    try:
        api.create_repo(repo, repo_type=kind, private=private or None, exist_ok=True)
        commit = api.upload_folder(
            folder_path=folder, repo_id=repo, repo_type=kind, commit_message=message, ignore_patterns=list(ignore)
        )
    except (HfHubHTTPError, httpx.HTTPError, OSError, RuntimeError, ValueError) as error:
        raise HubError(f"{kind} {repo} could not be pushed to {endpoint()}: {_brief(error)}") from error
    return str(commit.commit_url)


def _brief(error: Exception) -> str:
    """An error in one line; a client's message can span many."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
