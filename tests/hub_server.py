"""A fake Hugging Face Hub on 127.0.0.1, so that tests can run the real client over HTTP.

It answers what this project asks: creating repositories, commits with git-LFS uploads, listings, downloads from a CDN
on another port, private repositories, Space variables, card validation. A request for anything else is answered with
404 and noted in `unknown`. Start a client in a process of its own with the environment of `HubServer.env`, since the
clients read these variables when they are imported. Xet is switched off there.
"""

import base64
import hashlib
import hmac
import json
import mmap
import os
import re
import sys
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from urllib.parse import parse_qs, quote, unquote

import yaml
from hub_state import Blob, Commit, Fault, HubError, HubState, Repo, Request

__all__ = ["Fault", "HubServer"]

URL_PREFIX = {"model": "", "dataset": "datasets/", "space": "spaces/"}
SPACE_COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}


class HubServer(HubState):
    """The Hub on two ports: API and CDN are different hosts, as in reality, so that no token may reach the CDN.

    Larger LFS files than ``part_bytes`` are uploaded in parts of that size. The real Hub chooses the size itself.
    """

    def __init__(
        self,
        root: Path,
        tokens: Mapping[str, str] | None = None,
        read_only: frozenset[str] = frozenset(),
        part_bytes: int = 16_000_000,
    ) -> None:
        super().__init__(root, tokens, read_only)
        self.part_bytes = part_bytes
        self.uploads: dict[str, tuple[str, int]] = {}  # {id of an upload in parts: (oid, number of parts)}
        self.closing, self._key = threading.Event(), os.urandom(16)
        self._servers = [_Server(self, is_cdn) for is_cdn in (False, True)]
        self.url, self.cdn_url = (f"http://127.0.0.1:{server.server_port}" for server in self._servers)

    def __enter__(self) -> "HubServer":
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def env(self, home: Path, token: str | None = None, **more: str) -> dict[str, str]:
        """The environment of a client process: this one's without settings of the clients and proxies."""
        dropped = ("HF_", "HUGGINGFACE_", "TRANSFORMERS_", "SENTENCE_TRANSFORMERS_")
        env = {key: value for key, value in os.environ.items() if not key.startswith(dropped)}
        env = {key: value for key, value in env.items() if not key.lower().endswith("_proxy")}
        env |= {"HF_ENDPOINT": self.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(home)}
        return env | ({"HF_TOKEN": token} if token else {}) | more

    def sign(self, path: str, url: str | None = None) -> str:
        """The CDN's URL of a path, or that of another host, with a signature in place of a token."""
        signature = hmac.new(self._key, path.encode(), "sha256").hexdigest()
        return f"{url or self.cdn_url}{quote(path)}?signature={signature}"


class _Server(ThreadingHTTPServer):
    """One of the two ports."""

    request_queue_size = 64

    def __init__(self, hub: HubServer, is_cdn: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hub, self.is_cdn = hub, is_cdn

    def handle_error(self, request: object, address: object) -> None:
        """Ignore a client that hangs up; print every other error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, address)


Access = Literal["", "read", "write", "cdn"]
ROUTES: list[tuple[str, re.Pattern[str], Access, Callable]] = []
REPO = r"(?P<repo_id>[^/]+/[^/]+)"
GIT = rf"/(?:(?P<kind>dataset|space)s/)?{REPO}"
API = rf"/api/(?P<kind>model|dataset|space)s/{REPO}"
REV = r"(?P<revision>[^/]+)"


def route(methods: str, pattern: str, access: Access = "") -> Callable[[Callable], Callable]:
    """Let a handler answer a path.

    With "read" and "write", `kind` and `repo_id` of the path become `repo`, if the user may read or write it. "cdn" is
    the other port.
    """

    def register(handler: Callable) -> Callable:
        ROUTES.append((methods, re.compile(pattern), access, handler))
        return handler

    return register


class _Handler(BaseHTTPRequestHandler):
    """One method a route; the comment above each names the calls of the client that need it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # header and body are two writes: without this each answer takes 40 ms
    server: _Server

    def log_message(self, *_: object) -> None:
        """Print nothing; see `HubServer.requests`."""

    def _serve(self) -> None:
        raw, _, query = self.path.partition("?")
        self.hub, self.query, self.name = self.server.hub, parse_qs(query), unquote(raw)
        self.fault = self.hub.next_fault(f"{self.command} {self.name}")
        length = int(self.headers.get("Content-Length") or 0)
        if self.fault and self.fault.kind == "cut" and self.command == "PUT":
            self.rfile.read(length // 2)
            self.hub.requests.append(Request("PUT", self.name, 0))
            self.close_connection = True
            return None
        self.body = self.rfile.read(length)
        try:
            if self.fault and isinstance(self.fault.kind, int):
                raise _fault_answer(self.fault)
            if self.fault and self.fault.kind == "slow":
                self.hub.closing.wait(self.fault.seconds)
            for methods, pattern, access, handler in ROUTES:
                match = pattern.fullmatch(raw)
                if match and self.command in methods.split() and self.server.is_cdn == (access == "cdn"):
                    groups = {key: unquote(value) for key, value in match.groupdict().items() if value is not None}
                    if access in ("read", "write"):
                        groups["repo"] = self._repo(groups.pop("kind", "model"), groups.pop("repo_id"), access)
                    return handler(self, **groups)
            self.hub.unknown.append(f"{self.command} {self.name}")
            raise HubError(404, f"This server does not know {self.command} {self.name}")
        except HubError as error:
            if self.server.is_cdn:  # as S3 and CloudFront do
                body = f"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>{error}</Message></Error>"
                return self._send(error.status, {"Content-Type": "application/xml"}, body.encode())
            self._json({"error": str(error)}, error.status, error.headers)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve

    def _user(self) -> str | None:
        """The token's user. An unknown token is refused, also for public repositories."""
        token = self.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        if token and token not in self.hub.tokens:
            raise HubError(401, "Invalid credentials in Authorization header")
        return self.hub.tokens.get(token)

    def _writer(self, owner: str) -> None:
        """Refuse a user who may not write under `owner`."""
        user = self._user()
        if user is None:
            raise HubError(401, "Invalid username or password.")
        writes = user == owner or self.hub.orgs.get(owner, {}).get(user) in ("admin", "write", "contributor")
        if not writes or self.headers["Authorization"].removeprefix("Bearer ") in self.hub.read_only:
            raise HubError(403, f"You don't have the rights to write under the namespace {owner!r}")

    def _repo(self, kind: str, repo_id: str, access: Access) -> Repo:
        if (kind, repo_id) in self.hub.renamed:
            now = self.path.replace(repo_id, self.hub.renamed[kind, repo_id], 1)
            raise HubError(307, "Temporary Redirect", Location=now)
        user, repo = self._user(), self.hub.repos.get((kind, repo_id))
        if repo is None or (repo.private and user != repo.owner):
            # A private repository is hidden. From an http URL the client takes a 401 for this only with the code.
            raise HubError(404 if user else 401, "Repository not found", "RepoNotFound")
        if access == "write":
            self._writer(repo.owner)
        return repo

    def _send(self, status: int, headers: Mapping[str, str], body: bytes | memoryview) -> None:
        cut = self.fault is not None and self.fault.kind == "cut"
        if self.fault and self.fault.kind == "corrupt" and self.command != "PUT":
            body = _flip(body)
        if self.fault and self.fault.kind == "short" and self.command != "HEAD":
            body = body[: len(body) // 2]
        drop = cut and (self.command == "HEAD" or not body)
        self.hub.requests.append(Request(self.command, self.name, 0 if drop else status))
        self.close_connection = self.close_connection or cut
        if drop:
            return
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(key, value.replace("\n", " "))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if cut else body)

    def _json(self, payload: object, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self._send(status, {"Content-Type": "application/json", **(headers or {})}, json.dumps(payload).encode())

    def _load(self) -> Any:
        return json.loads(self.body or b"{}")

    # The probe.
    @route("GET HEAD", "/")
    def index(self) -> None:
        self._send(200, {"Content-Type": "text/plain"}, b"A Hub for tests\n")

    # whoami.
    @route("GET", "/api/whoami-v2")
    def whoami(self) -> None:
        user = self._user()
        if user is None:
            raise HubError(401, "Invalid username or password.")
        token = self.headers["Authorization"].removeprefix("Bearer ")
        role = self.hub.token_roles.get(token) or ("read" if token in self.hub.read_only else "write")
        orgs = [{"name": org, "roleInOrg": roles[user]} for org, roles in self.hub.orgs.items() if user in roles]
        scopes = {"fineGrained": self.hub.token_scopes[token]} if token in self.hub.token_scopes else {}
        auth = {"type": "access_token", "accessToken": {"displayName": "t", "role": role, **scopes}}
        self._json(
            {"type": "user", "id": user, "name": user, "fullname": user, "auth": auth}
            | {"orgs": [] if role == "fineGrained" else orgs}
        )

    # create_repo.
    @route("POST", "/api/repos/create")
    def create(self) -> None:
        data = self._load()
        kind, repo_id = data.get("type") or "model", f"{data['organization']}/{data['name']}"
        self._writer(data["organization"])
        url = f"{self.hub.url}/{URL_PREFIX[kind]}{repo_id}"
        with self.hub.lock:
            if (kind, repo_id) in self.hub.repos:  # with exist_ok=True the client reads the URL from the 409
                return self._json({"error": f"You already created this {kind} repo", "url": url}, 409)
            private = data.get("visibility") == "private" or bool(data.get("private"))
            self.hub.create_repo(kind, repo_id, private).hardware = data.get("hardware")
        self._json({"url": url, "name": repo_id, "id": repo_id})

    # create_commit, before it sends a README.md.
    @route("POST", "/api/validate-yaml")
    def validate_yaml(self) -> None:
        data = self._load()
        try:
            card, errors = front_matter(data["content"]), []
        except yaml.YAMLError as error:
            card, errors = {}, [f"YAML Metadata Error: {error}"]
        if data.get("repoType") == "space":
            colours = {key: card[key] for key in ("colorFrom", "colorTo") if key in card}
            errors += [f'"{key}" must be a colour' for key, value in colours.items() if value not in SPACE_COLOURS]
            errors += ['"sdk" is required'] if card.get("sdk") not in {"gradio", "docker", "static"} else []
            errors += ['"short_description" is longer than 60'] if len(card.get("short_description", "")) > 60 else []
        self._json({"errors": [{"message": text} for text in errors], "warnings": []}, 400 if errors else 200)

    # repo_info, snapshot_download of a branch.
    @route("GET", API + f"(?:/revision/{REV})?", "read")
    def info(self, repo: Repo, revision: str = "main") -> None:
        commit = repo.at(revision)
        self._json(
            {
                "id": repo.id,
                "author": repo.owner,
                "sha": commit.sha,
                "lastModified": commit.date,
                "private": repo.private,
                "gated": False,
                "disabled": False,
                "downloads": 0,
                "likes": 0,
                "tags": [],
                "siblings": [{"rfilename": path} for path in commit.files],
            }
        )

    # list_repo_refs.
    @route("GET", API + "/refs", "read")
    def refs(self, repo: Repo) -> None:
        branches = {"main": repo.at("main").sha}
        named = [
            [{"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": sha} for name, sha in found.items()]
            for kind, found in (("heads", branches), ("tags", repo.tags))
        ]
        self._json({"branches": named[0], "converts": [], "tags": named[1]})

    # list_repo_tree, snapshot_download, data files of load_dataset.
    @route("GET", API + f"/tree/{REV}(?:/(?P<folder>.+))?", "read")
    def tree(self, repo: Repo, revision: str, folder: str = "") -> None:
        commit, start = repo.at(revision), f"{folder}/" if folder else ""
        inside = [path for path in commit.files if path.startswith(start)]
        if folder and not inside:
            raise HubError(404, f"{folder} does not exist on {revision}", "EntryNotFound")
        parents = {str(parent) for path in inside for parent in PurePosixPath(path).parents} - {".", folder}
        paths = sorted(path for path in {*inside, *parents} if path.startswith(start))
        if self.query.get("recursive") != ["true"]:
            paths = [path for path in paths if "/" not in path[len(start) :]]
        self._json([_entry(commit, path) for path in paths])

    # get_paths_info: the client sends a form, not JSON.
    @route("POST", API + f"/paths-info/{REV}", "read")
    def paths_info(self, repo: Repo, revision: str) -> None:
        commit, asked = repo.at(revision), parse_qs(self.body.decode())["paths"]
        self._json([_entry(commit, path) for path in asked if path in commit.files])

    # create_commit, first step: which files go through LFS, and which are there already.
    @route("POST", API + f"/preupload/{REV}", "write")
    def preupload(self, repo: Repo, revision: str) -> None:
        tree, answer, data = repo.at(revision).files, [], self._load()
        for item in data["files"]:
            ignored = self.hub.is_ignored(tree, item["path"], data.get("gitIgnore"))
            mode = "lfs" if self.hub.is_lfs(tree, item["path"], item["size"]) else "regular"
            old = tree.get(item["path"])
            oid = (old.sha256 if old.lfs else old.git_oid) if old else None
            answer.append({"path": item["path"], "uploadMode": mode, "shouldIgnore": ignored, "oid": oid})
        self._json({"files": answer})

    # create_commit, second step: where to put the LFS files; without "actions" the file is there.
    @route("POST", GIT + r"\.git/info/lfs/objects/batch", "write")
    def lfs(self, repo: Repo) -> None:
        asked, objects = self._load(), []
        large = max((item["size"] for item in asked["objects"]), default=0) > self.hub.part_bytes
        in_parts = large and "multipart" in asked["transfers"]
        for item in asked["objects"]:
            # In one batch some files go in parts and some do not; the client looks for "chunk_size".
            divided = in_parts and item["size"] > self.hub.part_bytes
            upload = self._parts(item) if divided else {"href": self.hub.sign(f"/cdn/upload/{item['oid']}")}
            objects.append(item if self.hub.has(item["oid"]) else {**item, "actions": {"upload": upload}})
        self._json({"transfer": "multipart" if in_parts else "basic", "objects": objects})

    def _parts(self, item: dict[str, Any]) -> dict[str, Any]:
        """A new upload: the address of each part by its number, and where to say that all have arrived."""
        upload, count = os.urandom(8).hex(), -(-item["size"] // self.hub.part_bytes)
        self.hub.uploads[upload] = item["oid"], count
        parts = {f"{part:05d}": self.hub.sign(f"/cdn/part/{upload}/{part}") for part in range(1, count + 1)}
        href = self.hub.sign(f"/api/complete_multipart/{upload}", self.hub.url)
        return {"href": href, "header": {"chunk_size": str(self.hub.part_bytes), **parts}}

    # create_commit: all parts of a file have arrived. The URL is signed, and the client sends no token.
    @route("POST", "/api/complete_multipart/(?P<upload>[0-9a-f]{16})")
    def complete(self, upload: str) -> None:
        self._signed()
        oid, count = self.hub.uploads[upload]
        told, paths = self._load(), [self._part_file(upload, part) for part in range(1, count + 1)]
        here = [
            {"partNumber": part + 1, "etag": f'"{_md5(path)}"'} for part, path in enumerate(paths) if path.is_file()
        ]
        if told != {"oid": oid, "parts": here} or len(here) != count:
            raise HubError(400, "InvalidPart: a part is missing or its ETag is another one")
        if not self.hub.store_parts(paths, oid):
            raise HubError(400, "The sha256 of the content is not the one in the URL")
        self._json({"success": True})

    def _part_file(self, upload: str, part: int) -> Path:
        return self.hub.root / f"{upload}.{part}"

    def _signed(self) -> None:
        """Refuse a URL with another signature than ours, or with a token."""
        if self.hub.sign(self.name).rpartition("=")[2] != self.query.get("signature", [""])[0]:
            raise HubError(403, "Signature does not match")
        if self.headers.get("Authorization"):
            raise HubError(400, "Only one way to authenticate is allowed, and the URL is signed")

    # create_commit, last step.
    @route("POST", API + f"/commit/{REV}", "write")
    def commit(self, repo: Repo, revision: str) -> None:
        header: dict[str, str] = {}
        changes: dict[str, Blob | None] = {}
        for item in map(json.loads, self.body.splitlines()):
            key, value = item["key"], item["value"]
            if key == "header":
                header = value
            elif key == "file":
                changes[value["path"]] = self.hub.store(base64.b64decode(value["content"]))
            elif key == "lfsFile":
                if not self.hub.has(value["oid"]):
                    raise HubError(400, f"LFS object of {value['path']} was not uploaded")
                changes[value["path"]] = self.hub.blob(value["oid"])
            elif value["path"] in repo.at(revision).files:
                changes[value["path"]] = None
            else:
                raise HubError(404, f"A file with this name doesn't exist: {value['path']}", "EntryNotFound")
        done = self.hub.advance(repo, changes, header["summary"], header.get("parentCommit"))
        url = f"{self.hub.url}/{URL_PREFIX[repo.kind]}{repo.id}/commit/{done.sha}"
        self._json({"success": True, "commitOid": done.sha, "commitUrl": url, "hookOutput": ""})

    # hf_hub_download, snapshot_download, from_pretrained: HEAD for metadata, then GET.
    @route("GET HEAD", GIT + f"/resolve/{REV}/(?P<path>.+)", "read")
    def resolve(self, repo: Repo, revision: str, path: str) -> None:
        commit = repo.at(revision)
        blob, headers = commit.files.get(path), {"X-Repo-Commit": commit.sha}
        if blob is None:  # with the sha the client remembers that this file does not exist
            raise HubError(404, f"Entry not found: {path}", "EntryNotFound", **headers)
        if not blob.lfs:
            return self._send(200, headers | {"ETag": f'"{blob.git_oid}"'}, self.hub.content(blob.sha256))
        linked = {"X-Linked-Size": str(blob.size), "X-Linked-ETag": f'"{blob.sha256}"'}
        self._send(302, headers | linked | {"Location": self.hub.sign(f"/cdn/{blob.sha256}/{path}")}, b"")

    # The storage of LFS files: signed URLs on another host. A token that arrives here was leaked.
    @route("GET PUT", "/cdn/(?:upload/)?(?P<oid>[0-9a-f]{64})(?:/.+)?", "cdn")
    def cdn(self, oid: str) -> None:
        self._signed()
        if self.command != "PUT":
            return self._send_file(self.hub.root / oid, {"ETag": f'"{oid}"'})
        content = _flip(self.body) if self.fault and self.fault.kind == "corrupt" else self.body
        if hashlib.sha256(content).hexdigest() != oid:
            raise HubError(400, "The sha256 of the content is not the one in the URL")
        self.hub.store(content)
        self._send(200, {"ETag": f'"{oid}"'}, b"")

    # A part of an LFS file. Storage names it by its md5; the client hands the names back in the end.
    @route("PUT", "/cdn/part/(?P<upload>[0-9a-f]{16})/(?P<part>[0-9]+)", "cdn")
    def part(self, upload: str, part: str) -> None:
        self._signed()
        content = _flip(self.body) if self.fault and self.fault.kind == "corrupt" else self.body
        path = self._part_file(upload, int(part))
        path.write_bytes(content)
        self._send(200, {"ETag": f'"{_md5(path)}"'}, b"")

    def _send_file(self, path: Path, headers: Mapping[str, str]) -> None:
        """A file, or the rest of it from where ``Range`` says: a client goes on with a download so."""
        size = path.stat().st_size
        if not size:
            return self._send(200, headers, b"")
        start = int((re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")) or [0, "0"])[1])
        if start >= size:
            raise HubError(416, "Range Not Satisfiable")
        with path.open("rb") as file:  # closed by Python with the last view of it
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if self.fault and self.fault.kind == "corrupt":
            return self._send(200, headers, content[:])
        if start:
            headers = {**headers, "Content-Range": f"bytes {start}-{size - 1}/{size}"}
        self._send(206 if start else 200, headers, memoryview(content)[start:])

    # add_space_variable, delete_space_variable, get_space_variables.
    @route("GET POST DELETE", rf"/api/(?P<kind>space)s/{REPO}/variables", "write")
    def variables(self, repo: Repo) -> None:
        if self.command == "POST":
            data = self._load()
            repo.variables[data["key"]] = data["value"]
        elif self.command == "DELETE":
            repo.variables.pop(self._load()["key"], None)
        self._json({key: {"key": key, "value": value} for key, value in repo.variables.items()})


def front_matter(text: str) -> dict[str, Any]:
    """The YAML header of a card, {} if it has none."""
    match = re.match(r"\s*---[ \t]*\n(.*?)\n---[ \t]*(\n|$)", text, re.DOTALL)
    return (yaml.safe_load(match[1]) if match else None) or {}


def _entry(commit: Commit, path: str) -> dict[str, Any]:
    """A file or folder in a listing."""
    blob = commit.files.get(path)
    if blob is None:
        return {"type": "directory", "oid": hashlib.sha1(path.encode()).hexdigest(), "size": 0, "path": path}
    lfs = {"lfs": {"oid": blob.sha256, "size": blob.size, "pointerSize": 134}} if blob.lfs else {}
    return {"type": "file", "oid": blob.git_oid, "size": blob.size, "path": path, **lfs}


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _flip(body: bytes) -> bytes:
    """The body with one byte in the middle changed."""
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 0xFF]) + body[middle + 1 :] if body else body


def _fault_answer(fault: Fault) -> HubError:
    """The answer of the Hub for the status of a fault."""
    words = {401: "Invalid credentials in Authorization header", 404: "Repository not found", 429: "Too many requests"}
    code = "RepoNotFound" if fault.kind == 404 else None
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    if fault.reset is not None:
        headers |= {"RateLimit": f'"api";r=0;t={fault.reset}', "RateLimit-Policy": '"fixed window";"api";q=500;w=300'}
    said = fault.message or words.get(int(fault.kind), "Injected fault")
    return HubError(int(fault.kind), said, code, **headers)
