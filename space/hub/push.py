"""Pushes files to a repository on the Hub: only what has changed, in commits that never show half of an upload."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, RepoFile, constants, get_token
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

from space.errors import HubError, listed
from space.hub.client import endpoint, git_hash, listing
from space.hub.faults import FAULTS, in_words, retried

#: The Hub advises against commits of many more files than this.
COMMIT_FILES = 100
NO_TOKEN = "you are not logged in: use `hf auth login`, or set HF_TOKEN"  # noqa: S105
#: Sent as the repository's ``.gitignore``. Its own would let the client leave out weights and report success.
_IGNORE_NOTHING = "# nothing\n"
#: Files asked about in one request, as many as the client asks.
_ASKED_TOGETHER = 256
PUBLIC = "it exists already and is public; make it private in its settings first"

Operation = CommitOperationAdd | CommitOperationDelete


@dataclass(frozen=True)
class SpaceSettings:
    """What a Space needs besides its files.

    Attributes:
        hardware: what a new Space asks for, such as "zero-a10g".
        variables: {name: value}; None removes one. Set before the files come, and only where they differ, since each
            restarts the Space.
    """

    hardware: str
    variables: Mapping[str, str | None]


@dataclass(frozen=True)
class Upload:
    """Files for a repository, which is created if it is absent.

    Attributes:
        repo: USER/NAME.
        kind: "model", "dataset" or "space".
        files: {path in the repository: file or content}.
        message: of the commit.
        private: make the repository private; a public one that exists already is refused.
        replaces: patterns of files to delete from the repository unless they are among ``files``.
        last: the file without which the others cannot be read, for uploads of many files.
        space: for a Space only.
    """

    repo: str
    kind: str
    files: Mapping[str, Path | bytes]
    message: str
    private: bool = False
    replaces: Sequence[str] = ()
    last: str | None = None
    space: SpaceSettings | None = None


@dataclass(frozen=True)
class Pushed:
    """Where an upload went: USER/NAME, the commit at which it is complete, and its address."""

    repo: str
    revision: str
    url: str

    @property
    def pinned(self) -> str:
        """ID@REVISION."""
        return f"{self.repo}@{self.revision}"


def push(upload: Upload) -> Pushed:
    """Push an upload; files that the repository has already are not sent again.

    It is one commit, so that a reader sees all of it or nothing. More than ``COMMIT_FILES`` files with a ``last`` one
    are several commits: the first deletes ``last``, the final one adds it, and nothing can be read in between.

    Raises:
        HubError: not logged in, not allowed, a file would be or was left out, or the Hub is out of reach. Nothing on
            the disk has changed.
    """
    failed = f"{upload.kind} {upload.repo} could not be pushed to {endpoint()}"
    if get_token() is None:
        raise HubError(f"{failed}: {NO_TOKEN}")
    try:
        _create_repository(HfApi(), upload)
        revision = _send(upload)
    except (*FAULTS, HubError) as error:
        raise HubError(f"{failed}: {in_words(error)}") from error
    prefix = constants.REPO_TYPES_URL_PREFIXES.get(upload.kind, "")
    return Pushed(upload.repo, revision, f"{endpoint()}/{prefix}{upload.repo}")


def _create_repository(api: HfApi, upload: Upload) -> None:
    repo, kind, space = upload.repo, upload.kind, upload.space
    what = f"creating {kind} {repo}"
    extra = {"space_sdk": "gradio", "space_hardware": space.hardware} if space else {}
    private = upload.private or None  # None leaves a repository that exists as it is
    retried(lambda: api.create_repo(repo, repo_type=kind, private=private, exist_ok=True, **extra), what)
    if upload.private and not retried(lambda: api.repo_info(repo, repo_type=kind), what).private:
        raise HubError(PUBLIC)
    if space:
        known = retried(lambda: api.get_space_variables(repo), what)
        for name, value in space.variables.items():
            if value is None:
                if name in known:
                    retried(lambda name=name: api.delete_space_variable(repo, name), what)
            elif name not in known or known[name].value != value:
                retried(lambda name=name, value=value: api.add_space_variable(repo, name, value), what)


def _send(upload: Upload) -> str:
    """Commit what differs; the last commit's id."""
    head, there = listing(upload.repo, upload.kind)
    added = [CommitOperationAdd(name, content) for name, content in upload.files.items()]
    added = [operation for operation in added if not _is_there(operation, there)]
    kept = {*upload.files, ".gitattributes"}  # which is the Hub's own and says which files are large
    stale = [path for path in there if path not in kept and any(fnmatch(path, rule) for rule in upload.replaces)]
    deleted = [CommitOperationDelete(path) for path in stale]
    if not added and not deleted:
        return head
    _check_taken(upload, added, there)
    if upload.last is None or len(added) + len(deleted) <= COMMIT_FILES:
        return commit(upload.repo, upload.kind, [*added, *deleted], upload.message, head)
    if upload.last in there:
        deleted.append(CommitOperationDelete(upload.last))
    added = [operation for operation in added if operation.path_in_repo != upload.last]
    for start in range(0, len(added), COMMIT_FILES):
        part = added[start : start + COMMIT_FILES]
        title = f"{upload.message}, {start + len(part)} of {len(added)} files"
        head = commit(upload.repo, upload.kind, [*part, *deleted], title, head)
        deleted = []
    last = CommitOperationAdd(upload.last, upload.files[upload.last])
    return commit(upload.repo, upload.kind, [last, *deleted], upload.message, head)


def commit(repo: str, kind: str, operations: Sequence[Operation], title: str, parent: str | None) -> str:
    """Make one commit, retried where the Hub fails; the new commit's id.

    Files that storage has taken are not sent again with a retry: ``CommitOperationAdd`` remembers it.

    Args:
        repo: USER/NAME.
        kind: "model", "dataset" or "space".
        operations: the files to add and to delete.
        title: the commit's message.
        parent: the commit that this one must follow, or None.

    Raises:
        HubError: storage refused a file, the card is not valid, or a file was left out.
        FAULTS: every other error of the client.
    """
    api = _Api()
    try:
        made = retried(
            lambda: api.create_commit(repo, operations, commit_message=title, repo_type=kind, parent_commit=parent),
            f"pushing {kind} {repo}",
        ).oid
    except FAULTS as error:
        # 412: the repository is no longer at ``parent``. By this very commit, if only its answer was lost?
        if isinstance(error, HfHubHTTPError) and error.response.status_code == 412:
            head, there = listing(repo, kind)
            if all(_is_there(operation, there) for operation in operations):
                return head
        raise
    except (RuntimeError, ValueError, OSError) as error:  # what create_commit and hf_xet raise besides
        raise HubError(in_words(error)) from error
    _check_arrived(api, repo, kind, operations, made)
    return made


class _Api(HfApi):
    """The client, but a ``.gitignore`` of the repository leaves out nothing."""

    def preupload_lfs_files(self, *args: Any, **kwargs: Any) -> None:
        """The same as of ``HfApi``, which calls it in ``create_commit``, where the rules cannot be given."""
        super().preupload_lfs_files(*args, **{**kwargs, "gitignore_content": _IGNORE_NOTHING})


def _check_taken(upload: Upload, added: Sequence[CommitOperationAdd], there: Container[str]) -> None:
    """Ask before a long upload whether the Hub ignores some of the files all the same.

    Raises:
        HubError: it does.
        FAULTS: an error of the client.
    """
    rules = _rules([one.path_in_repo for one in added], there)
    if not rules:
        return
    url = f"{constants.ENDPOINT}/api/{upload.kind}s/{upload.repo}/preupload/main"

    def ask(part: Sequence[CommitOperationAdd]) -> list[str]:
        files = [{"path": one.path_in_repo, "sample": "", "size": one.upload_info.size} for one in part]
        body = {"files": files, "gitIgnore": _IGNORE_NOTHING}
        answer = get_session().post(url, json=body, headers=build_hf_headers())
        hf_raise_for_status(answer)
        return [file["path"] for file in answer.json()["files"] if file.get("shouldIgnore")]

    ignored: list[str] = []
    for start in range(0, len(added), _ASKED_TOGETHER):
        part = added[start : start + _ASKED_TOGETHER]
        ignored += retried(lambda part=part: ask(part), f"asking about {upload.kind} {upload.repo}")
    if ignored:
        raise HubError(
            f"the Hub would leave out {listed(sorted(ignored))}, since {' and '.join(rules)} there names them: "
            "delete that file there; nothing was sent"
        )


def _rules(paths: Iterable[str], there: Container[str]) -> list[str]:
    """The ``.gitignore`` files of a repository, as its paths, that are above some of the ``paths``."""
    folders = {folder for path in paths for folder in PurePosixPath(path).parents}
    return sorted(rule for folder in folders if (rule := (folder / ".gitignore").as_posix()) in there)


def _check_arrived(api: HfApi, repo: str, kind: str, operations: Sequence[Operation], commit: str) -> None:
    """Ask for the files of a commit, since the client reports success for one that leaves files out.

    Raises:
        HubError: a file is not there, or has another size.
    """
    sent = {one.path_in_repo: one.upload_info.size for one in operations if isinstance(one, CommitOperationAdd)}
    if not sent:
        return
    found = retried(
        lambda: api.get_paths_info(repo, sorted(sent), repo_type=kind, revision=commit), f"looking at {kind} {repo}"
    )
    sizes = {file.path: file.size for file in found if isinstance(file, RepoFile)}
    missing = sorted(path for path in sent if path not in sizes)
    if missing:
        raise HubError(f"the Hub left out {listed(missing)}, and the repository is incomplete: try again")
    wrong = sorted(path for path, size in sent.items() if sizes[path] != size)
    if wrong:
        raise HubError(f"{listed(wrong)} arrived with another size, and the repository is incomplete: try again")


def _is_there(operation: Operation, there: Mapping[str, str]) -> bool:
    """Whether the repository, as {path: hash}, is already as ``operation`` would make it."""
    known = there.get(operation.path_in_repo)
    if isinstance(operation, CommitOperationDelete):
        return known is None
    if known is not None and len(known) == 40:  # a small file, which git itself stores
        with operation.as_file() as file:
            return git_hash(file.read()) == known
    return operation.upload_info.sha256.hex() == known
