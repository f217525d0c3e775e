"""Files to a repository on the Hub: what has changed, in commits that never show half. Knows no model and no store.

A token is taken by ``huggingface_hub`` from its own places; here is only asked whether there is one.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, constants, get_token

from space.errors import HubError
from space.hub import faults
from space.hub.client import endpoint, git_hash, in_reach, listing
from space.hub.faults import FAULTS, patiently

logger = logging.getLogger(__name__)

#: The Hub advises against commits of many more operations than this.
COMMIT_FILES = 100
_NO_TOKEN = "nobody is logged in: use `hf auth login`, or set HF_TOKEN"  # noqa: S105


@dataclass(frozen=True)
class Pushed:
    """Where something went: USER/NAME, and the commit it is whole at."""

    repo: str
    revision: str
    url: str

    @property
    def pinned(self) -> str:
        """ID@REVISION."""
        return f"{self.repo}@{self.revision}"


def forewarn(repo: str) -> None:
    """Say now that a push hours from now would fail, while that can still be cured."""
    if get_token() is None:
        why = _NO_TOKEN
    elif not in_reach():
        why = f"the Hub at {endpoint()} is out of reach"
    else:
        try:
            HfApi().whoami()
            return
        except FAULTS as error:
            why = faults.reason(error)
    logger.warning("%s will be pushed at the end; now it could not be: %s", repo, why)


def push(
    repo: str,
    kind: str,
    files: Mapping[str, Path | bytes],
    *,
    message: str,
    private: bool = False,
    replaces: Sequence[str] = (),
    last: str | None = None,
    space: Mapping[str, object] | None = None,
    variables: Mapping[str, str] | None = None,
) -> Pushed:
    """Files to a repository, which is made if absent. What is there already is not sent again.

    One commit, so that a reader sees all of it or nothing. Where that would be too large for the Hub, several, of
    which the first takes ``last`` away and the final one brings it: a reader who waits for it never sees half.

    Args:
        repo: USER/NAME.
        kind: "model", "dataset" or "space".
        files: {path in the repository: file or content}.
        message: of the commit.
        private: make it private; a repository that is there and public is refused.
        replaces: patterns of files that go from the repository if they are not among ``files``.
        last: the file that makes the others readable.
        space: more arguments of ``HfApi.create_repo``, for a Space.
        variables: of a Space; set before the files come, and only where they differ, since each restarts it.

    Raises:
        HubError: not logged in, not allowed, or not in reach. Nothing on the disk has changed.
    """
    failed, what = f"{kind} {repo} could not be pushed to {endpoint()}", f"pushing {kind} {repo}"
    if get_token() is None:
        raise HubError(f"{failed}: {_NO_TOKEN}")
    api = HfApi()

    def commit(names: Sequence[str], keep: set[str], gone: Sequence[str], title: str) -> str:
        def once() -> str:  # looks first, so that it can be repeated when only the answer was lost
            head, there = listing(api, repo, kind)
            operations = _operations({name: files[name] for name in names}, keep, gone, there)
            if not operations:
                return head
            return api.create_commit(repo, operations, commit_message=title, repo_type=kind, parent_commit=head).oid

        return patiently(once, what)

    try:
        made = {"repo_type": kind, "private": private or None, "exist_ok": True, **(space or {})}
        patiently(lambda: api.create_repo(repo, **made), what)
        if private and not patiently(lambda: api.repo_info(repo, repo_type=kind), what).private:
            raise HubError(f"{failed}: it is there already and public; make it private in its settings first")
        _set_variables(api, repo, variables or {}, what)
        there = patiently(lambda: listing(api, repo, kind), what)[1]
        changed = [item.path_in_repo for item in _operations(files, set(files), replaces, there)]
        if last is None or len(changed) <= COMMIT_FILES:
            head = commit(list(files), set(files), replaces, message)
        else:
            names = [name for name in changed if name in files and name != last]
            for start in range(0, len(names), COMMIT_FILES):
                part = names[start : start + COMMIT_FILES]
                title = f"{message}, {start + len(part)} of {len(names)} files"
                commit(part, set(files) - {last}, [*replaces, last], title)
            head = commit([last], set(files), replaces, message)
    except HubError:
        raise
    except FAULTS as error:
        raise HubError(f"{failed}: {faults.reason(error)}") from error
    return Pushed(repo, head, f"{endpoint()}/{constants.REPO_TYPES_URL_PREFIXES.get(kind, '')}{repo}")


def _set_variables(api: HfApi, repo: str, variables: Mapping[str, str], what: str) -> None:
    known = patiently(lambda: api.get_space_variables(repo), what) if variables else {}
    for name, value in variables.items():
        if name not in known or known[name].value != value:
            patiently(lambda name=name, value=value: api.add_space_variable(repo, name, value), what)


def _operations(
    files: Mapping[str, Path | bytes], keep: set[str], gone: Sequence[str], there: Mapping[str, str]
) -> list[CommitOperationAdd | CommitOperationDelete]:
    """What of ``files`` is not there yet, and what is there, matches ``gone`` and is not to be kept."""
    operations: list[CommitOperationAdd | CommitOperationDelete] = []
    for name, content in files.items():
        operation = CommitOperationAdd(name, content)
        known = there.get(name, "")
        if len(known) == 40:  # a small file, which git itself keeps
            same = known == git_hash(content if isinstance(content, bytes) else content.read_bytes())
        else:
            same = known == operation.upload_info.sha256.hex()
        if not same:
            operations.append(operation)
    leave = (*keep, ".gitattributes")  # the Hub's own: says which files are large
    old = [path for path in there if path not in leave and any(fnmatch(path, pattern) for pattern in gone)]
    return operations + [CommitOperationDelete(path) for path in old]
