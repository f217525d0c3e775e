"""The repositories of the fake Hub in `hub_server`: commits, files, and the faults that tests inject."""

import fnmatch
import hashlib
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

LFS_BYTES = 10_000_000  # larger files are always LFS files
LFS_PATTERNS = "*.arrow *.bin *.gz *.jpg *.model *.npy *.npz *.onnx *.parquet *.png *.pt *.safetensors *.zip"
GIT_ATTRIBUTES = "".join(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in LFS_PATTERNS.split())


class HubError(Exception):
    """An error answer. The client chooses its exception by `code` (X-Error-Code) first, then by the status."""

    def __init__(self, status: int, message: str, code: str | None = None, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = {"X-Error-Message": message, **headers} | ({"X-Error-Code": code} if code else {})


class Request(NamedTuple):
    """A request that was answered, without its token and query string. Status 0: the connection was dropped."""

    method: str
    path: str
    status: int


@dataclass(eq=False)
class Fault:
    """What goes wrong with the requests whose "METHOD /path" matches a regex.

    Attributes:
        match: the regex.
        kind: a status to answer; "slow" waits `seconds` first; "cut" closes the connection in the middle of the body
            of an upload or of the answer, or before an answer without one; "short" sends half of the body and says
            so; "corrupt" changes one byte of an upload on arrival, else of the answer.
        times: how many requests it hits; None is all.
        retry_after: seconds for the header `Retry-After`.
        reset: seconds for the header `RateLimit`, which the Hub sends instead since 2025.
        message: what the Hub says, for a status.
        seconds: see "slow".
        skip: how many matching requests pass before it hits one.
        hits: how many requests it has hit.
    """

    match: str
    kind: int | Literal["slow", "cut", "short", "corrupt"]
    times: int | None = 1
    retry_after: int | None = None
    reset: int | None = None
    message: str = ""
    seconds: float = 3.0
    skip: int = 0
    hits: int = 0


@dataclass(frozen=True)
class Blob:
    """A file's content, by its hashes. The bytes are in the server's folder."""

    sha256: str
    size: int
    lfs: bool
    git_oid: str  # of the pointer file if it is an LFS file


@dataclass(frozen=True)
class Commit:
    """A commit with all files of the repository at it."""

    sha: str
    message: str
    date: str
    files: Mapping[str, Blob]


@dataclass
class Repo:
    """A repository with one branch, `main`, and tags. Only its owner sees a private one."""

    kind: str
    id: str
    private: bool = False
    commits: list[Commit] = field(default_factory=list)  # oldest first
    tags: dict[str, str] = field(default_factory=dict)  # {name: sha}
    variables: dict[str, str] = field(default_factory=dict)  # of a Space
    hardware: str | None = None  # of a Space

    @property
    def owner(self) -> str:
        return self.id.split("/")[0]

    def at(self, revision: str) -> Commit:
        """The commit of `main`, of a tag or of a sha."""
        found = [commit for commit in self.commits if commit.sha == self.tags.get(revision, revision)]
        if revision == "main":
            found = self.commits[-1:]
        if not found:
            raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return found[0]


class HubState:
    """All repositories and faults.

    Args:
        root: folder for the files' bytes.
        tokens: {token: user}.
        read_only: tokens that may not write.
    """

    def __init__(
        self, root: Path, tokens: Mapping[str, str] | None = None, read_only: frozenset[str] = frozenset()
    ) -> None:
        self.root, self.tokens, self.read_only = root, dict(tokens or {}), frozenset(read_only)
        self.root.mkdir(parents=True, exist_ok=True)
        self.orgs: dict[str, dict[str, str]] = {}  # {organization: {user: role}}
        self.token_roles: dict[str, str] = {}  # where it is neither "write" nor that of a read-only token
        self.token_scopes: dict[str, dict] = {}  # "fineGrained" of whoami, where a token has it
        self.repos: dict[tuple[str, str], Repo] = {}
        self.renamed: dict[tuple[str, str], str] = {}  # (kind, old name) to the name now
        self.requests: list[Request] = []
        self.unknown: list[str] = []  # "METHOD /path" of requests for which there is no route
        self.lock = threading.RLock()
        self._faults: list[Fault] = []

    def create_repo(self, kind: str, repo_id: str, private: bool = False) -> Repo:
        """Create a repository with the first commit that the Hub makes itself."""
        repo = self.repos[kind, repo_id] = Repo(kind, repo_id, private)
        self.advance(repo, {".gitattributes": self.store(GIT_ATTRIBUTES.encode())}, "initial commit")
        return repo

    def commit(self, kind: str, repo_id: str, files: Mapping[str, bytes], message: str = "Upload files") -> str:
        """Commit files without HTTP, creating the repository if it is absent; the commit's sha."""
        repo = self.repos.get((kind, repo_id)) or self.create_repo(kind, repo_id)
        tree = repo.at("main").files
        blobs = {path: self.store(content, self.is_lfs(tree, path, len(content))) for path, content in files.items()}
        return self.advance(repo, blobs, message).sha

    def files(self, kind: str, repo_id: str, revision: str = "main") -> dict[str, bytes]:
        """{path: content} at a revision, `.gitattributes` included."""
        return {path: self.content(blob.sha256) for path, blob in self.repos[kind, repo_id].at(revision).files.items()}

    def commits(self, kind: str, repo_id: str) -> list[tuple[str, str]]:
        """(sha, message) of all commits, newest first."""
        return [(commit.sha, commit.message) for commit in reversed(self.repos[kind, repo_id].commits)]

    @contextmanager
    def fault(self, *faults: Fault) -> Iterator[None]:
        """Inject faults for a while."""
        self._faults += faults
        try:
            yield
        finally:
            self._faults = [fault for fault in self._faults if fault not in faults]

    def next_fault(self, line: str) -> Fault | None:
        """The fault that hits the request "METHOD /path" now."""
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
        """Keep a file's content."""
        sha256 = hashlib.sha256(content).hexdigest()
        with self.lock:
            if not self.has(sha256):
                (self.root / sha256).write_bytes(content)
        return self.blob(sha256, lfs)

    def store_parts(self, parts: Sequence[Path], sha256: str) -> bool:
        """Keep the content that parts make up, and delete them; False if its sha256 is another one."""
        digest, whole = hashlib.sha256(), parts[0].with_suffix(".whole")
        with whole.open("wb") as file:
            for part in parts:
                content = part.read_bytes()
                digest.update(content)
                file.write(content)
                part.unlink()
        if digest.hexdigest() == sha256:
            whole.replace(self.root / sha256)
        whole.unlink(missing_ok=True)
        return digest.hexdigest() == sha256

    def has(self, sha256: str) -> bool:
        """Whether some content is stored, in any repository."""
        return (self.root / sha256).is_file()

    def blob(self, sha256: str, lfs: bool = True) -> Blob:
        """The blob of stored content."""
        size = (self.root / sha256).stat().st_size
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n"
        in_git = pointer.encode() if lfs else self.content(sha256)
        return Blob(sha256, size, lfs, hashlib.sha1(b"blob %d\0" % len(in_git) + in_git).hexdigest())

    def content(self, sha256: str) -> bytes:
        """The bytes of a blob."""
        return (self.root / sha256).read_bytes()

    def is_lfs(self, tree: Mapping[str, Blob], path: str, size: int) -> bool:
        """Whether the repository's `.gitattributes`, or the size, makes a file an LFS file."""
        rules = self.content(tree[".gitattributes"].sha256).decode() if ".gitattributes" in tree else ""
        patterns = [line.split()[0] for line in rules.splitlines() if "filter=lfs" in line]
        return size > LFS_BYTES or any(fnmatch.fnmatch(PurePosixPath(path).name, rule) for rule in patterns)

    def is_ignored(self, tree: Mapping[str, Blob], path: str, sent: str | None = None) -> bool:
        """Whether a `.gitignore` above a file names it or a folder it is in; `sent` replaces the topmost one."""
        file, found = PurePosixPath(path), False
        for folder in reversed(file.parents):
            rules = tree.get((folder / ".gitignore").as_posix())
            text = self.content(rules.sha256).decode() if rules else ""
            inside = file.relative_to(folder)
            for line in (sent if sent is not None and folder == PurePosixPath() else text).splitlines():
                rule = line.strip().lstrip("!").rstrip("/")
                named = [
                    fnmatch.fnmatch(str(part) if "/" in rule else part.name, rule.lstrip("/"))
                    for part in [inside, *inside.parents][:-1]
                ]
                if rule and not rule.startswith("#") and any(named):
                    found = not line.startswith("!")
        return found

    def advance(
        self, repo: Repo, changes: Mapping[str, Blob | None], message: str, parent: str | None = None
    ) -> Commit:
        """Add a commit, in which None deletes a file; 412 if the newest commit is not `parent`."""
        with self.lock:
            head = repo.commits[-1] if repo.commits else None
            if parent and head and head.sha != parent:
                raise HubError(412, "A commit has happened since. Please refresh and try again.")
            merged = {**(head.files if head else {}), **changes}
            files = {path: blob for path, blob in sorted(merged.items()) if blob}
            name = repr((repo.kind, repo.id, len(repo.commits), head and head.sha, message, files))
            date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
            commit = Commit(hashlib.sha1(name.encode()).hexdigest(), message, date, files)
            repo.commits.append(commit)
            return commit
