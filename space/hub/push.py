"""Pushes files to a repository on the Hub: only what has changed, in commits that never show half of an upload."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, RepoFile, constants, get_token
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

from space.errors import HubError
from space.hub.client import endpoint, git_hash, in_reach, listing
from space.hub.faults import FAULTS, answer_seconds, in_words, is_transient, retried

logger = logging.getLogger(__name__)

#: The Hub advises against commits of many more files than this.
COMMIT_FILES = 100
_NO_TOKEN = "you are not logged in: use `hf auth login`, or set HF_TOKEN"  # noqa: S105
_PUBLIC = "it exists already and is public; make it private in its settings first"

Operation = CommitOperationAdd | CommitOperationDelete


@dataclass(frozen=True)
class SpaceSettings:
    """What a Space needs besides its files.

    Attributes:
        hardware: what a new Space asks for, such as "zero-a10g".
        variables: {name: value}. Set before the files come, and only where they differ, since each restarts the Space.
    """

    hardware: str
    variables: Mapping[str, str]


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


def ask_first(repo: str, kind: str, *, private: bool = False) -> None:
    """Ask the Hub whether it would take a push to ``repo``, before hours of training; nothing is made or sent.

    Where the Hub cannot say, there is a warning in the log: what is missing can be cured until the push.

    Args:
        repo: USER/NAME, which need not exist.
        kind: "model" or "dataset".
        private: see ``Upload``.

    Raises:
        HubError: it would not.
    """
    if get_token() is None:
        why = _NO_TOKEN
    elif not in_reach():
        why = f"the Hub at {endpoint()} is out of reach"
    else:
        try:
            why = retried(lambda: _objection(repo, kind, private), f"asking about {kind} {repo}")
        except (*FAULTS, HubError) as error:
            why = in_words(error)
            if not is_transient(error):
                cure = "cure this, or train and embed without pushing"
                raise HubError(f"{kind} {repo} could not be pushed to {endpoint()}: {why}; {cure}") from error
    if why:
        logger.warning("%s will be pushed at the end, but now that would fail: %s", repo, why)


def _objection(repo: str, kind: str, private: bool) -> str:
    """Why a push may fail, where that is not certain, else "".

    Raises:
        HubError, FAULTS: it would fail.
    """
    api, owner = HfApi(), repo.split("/")[0]
    me = api.whoami()
    token = (me.get("auth") or {}).get("accessToken") or {}
    if token.get("role") == "read":
        raise HubError("the token may only read: make one that may write at https://huggingface.co/settings/tokens")
    try:
        there = api.repo_info(repo, repo_type=kind, timeout=answer_seconds())
    except RepositoryNotFoundError as error:
        roles = {str(one.get("name")).lower(): str(one.get("roleInOrg")) for one in me.get("orgs") or []}
        roles[str(me.get("name")).lower()] = "owner"
        role = roles.get(owner.lower())
        if role in (None, "read", "no_access"):
            why = f"{me.get('name')} may not make a repository of {owner}, which is another user or organization"
            if token.get("role") == "fineGrained":  # such a token may not see the organizations
                return why
            raise HubError(why) from error
        return ""
    if private and not there.private:
        raise HubError(_PUBLIC)
    # The first step of a commit, which needs the permission to write; a small text is not uploaded by it.
    api.preupload_lfs_files(repo, [CommitOperationAdd(".gitattributes", b"x")], repo_type=kind)
    return ""


def push(upload: Upload) -> Pushed:
    """Push an upload; files that the repository has already are not sent again.

    It is one commit, so that a reader sees all of it or nothing. More than ``COMMIT_FILES`` files with a ``last`` one
    are several commits: the first deletes ``last``, the final one adds it, and nothing can be read in between.

    Raises:
        HubError: not logged in, not allowed, a file was left out, or the Hub is out of reach. Nothing on the disk has
            changed.
    """
    failed = f"{upload.kind} {upload.repo} could not be pushed to {endpoint()}"
    if get_token() is None:
        raise HubError(f"{failed}: {_NO_TOKEN}")
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
        raise HubError(_PUBLIC)
    if space:
        known = retried(lambda: api.get_space_variables(repo), what)
        for name, value in space.variables.items():
            if name not in known or known[name].value != value:
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
    api = HfApi()
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


def _check_arrived(api: HfApi, repo: str, kind: str, operations: Sequence[Operation], commit: str) -> None:
    """Ask for the files of a commit: the client leaves out what a ``.gitignore`` of the repository names.

    Raises:
        HubError: a file is not there, or has another size.
    """
    sent = {one.path_in_repo: one.upload_info.size for one in operations if isinstance(one, CommitOperationAdd)}
    if not sent:
        return
    folders = {folder for path in sent for folder in PurePosixPath(path).parents}
    rules = {(folder / ".gitignore").as_posix() for folder in folders}
    found = retried(
        lambda: api.get_paths_info(repo, sorted({*sent, *rules}), repo_type=kind, revision=commit),
        f"looking at {kind} {repo}",
    )
    sizes = {file.path: file.size for file in found if isinstance(file, RepoFile)}
    missing = sorted(path for path in sent if path not in sizes)
    if missing:
        ignoring = sorted(path for path in rules if path in sizes)
        why = f"its {' and '.join(ignoring)} may name them; delete that file there" if ignoring else "try again"
        raise HubError(f"the Hub left out {_named(missing)}, and the repository is incomplete: {why}")
    wrong = sorted(path for path, size in sent.items() if sizes[path] != size)
    if wrong:
        raise HubError(f"{_named(wrong)} arrived with another size, and the repository is incomplete: try again")


def _named(paths: Sequence[str]) -> str:
    """The paths, at most five of them."""
    more = f" and {len(paths) - 5:,} more files" if len(paths) > 5 else ""
    return ", ".join(paths[:5]) + more


def _is_there(operation: Operation, there: Mapping[str, str]) -> bool:
    """Whether the repository, as {path: hash}, is already as ``operation`` would make it."""
    known = there.get(operation.path_in_repo)
    if isinstance(operation, CommitOperationDelete):
        return known is None
    if known is not None and len(known) == 40:  # a small file, which git itself stores
        with operation.as_file() as file:
            return git_hash(file.read()) == known
    return operation.upload_info.sha256.hex() == known
