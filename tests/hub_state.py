"""What the Hub of `hub_server` remembers: repositories, commits, branches, tags, blobs, and the faults to inject.

It knows no HTTP: `hub_server` puts this behind the protocol, and tests fill and inspect it directly. An operation
that fails raises `HubError`, which carries the answer that a client would get.
"""

from __future__ import annotations

import fnmatch
import hashlib
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

import yaml

LFS_BYTES = 10_000_000  # a larger file is always LFS
LFS_PATTERNS = "*.arrow *.bin *.gz *.jpg *.model *.npy *.npz *.onnx *.parquet *.png *.pt *.safetensors *.zip"
GIT_ATTRIBUTES = "".join(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in LFS_PATTERNS.split())


class HubError(Exception):
    """An error answer. The client picks its exception by `code` (X-Error-Code) before it looks at the status."""

    def __init__(self, status: int, message: str, code: str | None = None, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = {"X-Error-Message": message, **headers} | ({"X-Error-Code": code} if code else {})


class Request(NamedTuple):
    """One line of `HubState.requests`; never a token or a query string. Status 0: the connection was dropped."""

    method: str
    path: str
    status: int


@dataclass(eq=False)
class Fault:
    """What goes wrong, `times` times (None: always), with each request whose "METHOD /path" is matched by a regex.

    The first `skip` such requests pass. A status code is answered instead of the real answer, with `Retry-After` if
    given. "slow" waits `seconds` first; "cut" closes the connection in the middle of the body (before the answer where
    there is no body); "corrupt" changes one byte of the body, never its length: of an upload on arrival, else of what
    is sent. `hits` counts the requests that met the fault.
    """

    match: str
    kind: int | Literal["slow", "cut", "corrupt"]
    times: int | None = 1
    retry_after: int | None = None
    seconds: float = 3.0
    skip: int = 0
    hits: int = 0


@dataclass(frozen=True)
class Blob:
    """A file's content by its hash; the bytes lie in the server's folder."""

    sha256: str
    size: int
    lfs: bool
    git_oid: str  # of the pointer file if LFS


@dataclass(frozen=True)
class Commit:
    """A revision: the whole tree, so that every revision can be resolved for ever."""

    sha: str
    message: str
    parent: str | None
    date: str
    files: Mapping[str, Blob]


@dataclass
class Repo:
    """A repository and, for a Space, its settings. `readers` may read a private or gated one, besides the owner."""

    kind: str
    id: str
    private: bool = False
    gated: bool = False
    sdk: str | None = None
    readers: frozenset[str] = frozenset()
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    lfs: set[str] = field(default_factory=set)  # objects that were uploaded, whether committed or not
    variables: dict[str, dict] = field(default_factory=dict)
    secrets: dict[str, dict] = field(default_factory=dict)
    runtime: dict = field(default_factory=lambda: {"hardware": "cpu-basic", "gcTimeout": None, "stage": None})

    def may_read(self, user: str | None) -> bool:
        """Whether `user` is the owner or was let in."""
        return user is not None and (user == self.id.split("/")[0] or user in self.readers)

    def at(self, revision: str) -> Commit:
        """The commit of a branch, a tag, a sha or the first 7 or more digits of a sha."""
        sha = self.branches.get(revision) or self.tags.get(revision) or revision
        found = [c for key, c in self.commits.items() if key == sha or (len(sha) >= 7 and key.startswith(sha))]
        if len(found) != 1:
            raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return found[0]

    def history(self, commit: Commit) -> list[Commit]:
        """A commit and its ancestors, newest first."""
        line = [commit]
        while line[-1].parent:
            line.append(self.commits[line[-1].parent])
        return line


def now() -> str:
    """The time as the Hub writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def pointer(sha256: str, size: int) -> bytes:
    """What git itself holds for an LFS file."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()


def front_matter(text: str) -> dict | None:
    """The YAML header of a card, None if it has none; ValueError if it is broken."""
    match = re.match(r"\s*---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(\r?\n|$)", text, re.DOTALL)
    try:
        data = yaml.safe_load(match[1]) if match else None
    except yaml.YAMLError as error:
        raise ValueError(f"YAML Metadata Error: {error}") from error
    if data is not None and not isinstance(data, dict):
        raise ValueError("YAML Metadata Error: metadata must be a mapping")
    return data


class HubState:
    """All repositories and faults. `tokens` maps a token to its user; the `read_only` ones may not write."""

    def __init__(
        self, root: Path, tokens: Mapping[str, str] | None = None, read_only: frozenset[str] = frozenset()
    ) -> None:
        self.root, self.tokens, self.read_only = Path(root), dict(tokens or {}), frozenset(read_only)
        self.root.mkdir(parents=True, exist_ok=True)
        self.repos: dict[tuple[str, str], Repo] = {}
        self.requests: list[Request] = []
        self.unknown: list[str] = []  # "METHOD /path" of requests that no route takes
        self.page_size = 1000  # entries a page of a tree listing
        self.lock = threading.RLock()
        self._faults: list[Fault] = []

    def create_repo(
        self,
        kind: str,
        repo_id: str,
        private: bool = False,
        gated: bool = False,
        sdk: str | None = None,
        readers: frozenset[str] = frozenset(),
    ) -> Repo:
        """Create a repository with the first commit that the Hub makes; 409 if there is one already."""
        with self.lock:
            if (kind, repo_id) in self.repos:
                raise HubError(409, f"You already created this {kind} repo: {repo_id}")
            repo = self.repos[kind, repo_id] = Repo(kind, repo_id, private, gated, sdk, frozenset(readers))
            self.advance(repo, "main", {".gitattributes": self.store(GIT_ATTRIBUTES.encode())}, "initial commit")
        return repo

    def commit(
        self,
        kind: str,
        repo_id: str,
        files: Mapping[str, bytes | None],
        message: str = "Upload files",
        branch: str = "main",
    ) -> str:
        """Commit `files` (None deletes one) past HTTP, creating the repository if need be; returns the sha."""
        with self.lock:
            repo = self.repos.get((kind, repo_id)) or self.create_repo(kind, repo_id)
            tree = repo.at(branch).files
            blobs = {
                path: None if content is None else self.store(content, self.is_lfs(tree, path, len(content)))
                for path, content in files.items()
            }
            return self.advance(repo, branch, blobs, message).sha

    def files(self, kind: str, repo_id: str, revision: str = "main") -> dict[str, bytes]:
        """Path -> content at a revision, `.gitattributes` included."""
        return {path: self.content(blob.sha256) for path, blob in self.repos[kind, repo_id].at(revision).files.items()}

    def commits(self, kind: str, repo_id: str, revision: str = "main") -> list[tuple[str, str]]:
        """(sha, message) of a revision and its ancestors, newest first."""
        repo = self.repos[kind, repo_id]
        return [(commit.sha, commit.message) for commit in repo.history(repo.at(revision))]

    def variables(self, repo_id: str) -> dict[str, str]:
        """The variables of a Space."""
        return {key: item["value"] for key, item in self.repos["space", repo_id].variables.items()}

    def secrets(self, repo_id: str) -> list[str]:
        """The names of the secrets of a Space; their values are not kept."""
        return sorted(self.repos["space", repo_id].secrets)

    @contextmanager
    def fault(self, *faults: Fault) -> Iterator[Fault]:
        """Faults in force for a while; yields the first, whose `hits` tell how often it was met."""
        self._faults += faults
        try:
            yield faults[0]
        finally:
            self._faults = [fault for fault in self._faults if fault not in faults]

    def next_fault(self, line: str) -> Fault | None:
        """The first fault in force that matches "METHOD /path" and is not used up."""
        with self.lock:
            for fault in self._faults:
                if (fault.times is not None and fault.hits >= fault.times) or not re.search(fault.match, line):
                    continue
                if fault.skip == 0:
                    fault.hits += 1
                    return fault
                fault.skip -= 1
        return None

    def store(self, content: bytes, lfs: bool = False) -> Blob:
        """Keep content and name it."""
        sha256 = hashlib.sha256(content).hexdigest()
        with self.lock:
            if not (self.root / sha256).is_file():
                (self.root / sha256).write_bytes(content)
        return self.blob(sha256, lfs)

    def blob(self, sha256: str, lfs: bool = True) -> Blob:
        """Name content that was stored before."""
        if not (self.root / sha256).is_file():
            raise HubError(404, f"Object {sha256} was not uploaded")
        size = (self.root / sha256).stat().st_size
        in_git = pointer(sha256, size) if lfs else self.content(sha256)
        return Blob(sha256, size, lfs, hashlib.sha1(b"blob %d\0" % len(in_git) + in_git).hexdigest())

    def content(self, sha256: str) -> bytes:
        """Read the bytes of a blob."""
        return (self.root / sha256).read_bytes()

    def is_lfs(self, tree: Mapping[str, Blob], path: str, size: int) -> bool:
        """Whether the repository's own `.gitattributes`, or the size, makes this file an LFS file."""
        rules = self.content(tree[".gitattributes"].sha256).decode() if ".gitattributes" in tree else ""
        patterns = [line.split()[0] for line in rules.splitlines() if "filter=lfs" in line]
        name = PurePosixPath(path).name
        return size > LFS_BYTES or any(fnmatch.fnmatch(text, rule) for rule in patterns for text in (name, path))

    def advance(
        self, repo: Repo, branch: str, changes: Mapping[str, Blob | None], message: str, parent: str | None = None
    ) -> Commit:
        """Move a branch to a new commit; 412 if it is no longer at `parent`."""
        with self.lock:
            head = repo.at(branch) if repo.commits else None
            if head and branch not in repo.branches:
                raise HubError(404, f"Not a branch: {branch}", "RevisionNotFound")
            if parent and head and not head.sha.startswith(parent):
                raise HubError(412, "A commit has happened since. Please refresh and try again.")
            merged = {**(head.files if head else {}), **changes}
            files = {path: blob for path, blob in sorted(merged.items()) if blob}
            name = repr((repo.kind, repo.id, len(repo.commits), head and head.sha, message, files))
            repo.lfs |= {blob.sha256 for blob in files.values() if blob.lfs}
            commit = Commit(hashlib.sha1(name.encode()).hexdigest(), message, head and head.sha, now(), files)
            repo.commits[commit.sha], repo.branches[branch] = commit, commit.sha
            return commit
