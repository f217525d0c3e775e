"""A Hugging Face Hub on 127.0.0.1, so that tests can run the real clients over real HTTP.

It answers the documented HTTP API for model, data set and Space repositories: creation, commits, branches, tags,
listings, git-LFS uploads (`basic` transfer), downloads with ranges and redirects to a CDN, private and gated access,
Space variables and secrets, card validation. Every revision keeps its own content. Nothing in a client is patched:
start it in a subprocess with the environment that `HubServer.env` returns, because the clients read those variables
when they are imported.

Not here: Xet transfers (hence `HF_HUB_DISABLE_XET=1`), pull requests, discussions, multipart LFS, `.gitignore`,
organizations, collections, jobs, buckets, rate limits other than a `Fault`, and the data set viewer (its host name
cannot be resolved, and the clients go on without it). Where the real Hub redirects a small file to a cache of its
own, this one answers at once.

Only the standard library is needed, and PyYAML (a dependency of huggingface_hub) for the front matter of cards.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import sys
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from urllib.parse import parse_qs, quote, unquote

from hub_state import Blob, Commit, Fault, HubError, HubState, Repo, Request, front_matter, now, pointer

__all__ = ["Fault", "HubError", "HubServer", "Request"]

URL_PREFIX = {"model": "", "dataset": "datasets/", "space": "spaces/"}
SPACE_COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}


class HubServer(HubState):
    """The Hub on two ports: API and CDN are different hosts, as they are in life, so no token may reach the CDN."""

    def __init__(
        self, root: Path, tokens: Mapping[str, str] | None = None, read_only: frozenset[str] = frozenset()
    ) -> None:
        super().__init__(root, tokens, read_only)
        self.closing, self._key = threading.Event(), os.urandom(16)
        self._servers = [_Server(self, is_cdn) for is_cdn in (False, True)]
        self.url, self.cdn_url = (f"http://127.0.0.1:{server.server_port}" for server in self._servers)

    def __enter__(self) -> HubServer:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def env(self, home: Path, token: str | None = None, **more: str) -> dict[str, str]:
        """The environment of a client process: this one's, less all settings of the clients and any proxy."""
        dropped = ("HF_", "HUGGINGFACE_", "TRANSFORMERS_", "SENTENCE_TRANSFORMERS_")
        env = {key: value for key, value in os.environ.items() if not key.startswith(dropped)}
        env = {key: value for key, value in env.items() if not key.lower().endswith("_proxy")}
        env |= {"HF_ENDPOINT": self.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(home)}
        return env | ({"HF_TOKEN": token} if token else {}) | more

    def sign(self, path: str) -> str:
        """The CDN's URL of a path: who has it needs no token."""
        signature = hmac.new(self._key, path.encode(), "sha256").hexdigest()
        return f"{self.cdn_url}{quote(path)}?signature={signature}"


class _Server(ThreadingHTTPServer):
    """One of the two ports."""

    request_queue_size = 64

    def __init__(self, hub: HubServer, is_cdn: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hub, self.is_cdn = hub, is_cdn

    def handle_error(self, request: object, address: object) -> None:
        """A client that hangs up is no fault of ours; anything else is shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, address)


Access = Literal["", "see", "read", "write", "cdn"]
ROUTES: list[tuple[str, re.Pattern[str], Access, Callable]] = []
REPO = r"(?P<repo_id>[^/]+/[^/]+)"
GIT = rf"/(?:(?P<kind>dataset|space)s/)?{REPO}"
API = rf"/api/(?P<kind>model|dataset|space)s/{REPO}"
SPACE = rf"/api/(?P<kind>space)s/{REPO}"
REV = r"(?P<revision>[^/]+)"  # always one quoted segment, so a branch may hold slashes


def route(methods: str, pattern: str, access: Access = "") -> Callable[[Callable], Callable]:
    """Let a handler answer a path. With `access`, `kind` and `repo_id` of the path become `repo`, if the user may.

    "see": the page of a repository, also if it is gated; "read": its files; "write": changes; "cdn": the other port.
    """

    def register(handler: Callable) -> Callable:
        ROUTES.append((methods, re.compile(pattern), access, handler))
        return handler

    return register


class _Handler(BaseHTTPRequestHandler):
    """The HTTP side: one method a route; the comment above each names the client calls that need it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # header and body are two writes: without this each answer costs 40 ms
    server: _Server

    def log_message(self, *_: object) -> None:
        """Nothing on stderr; see `HubServer.requests`."""

    def _serve(self) -> None:
        raw, _, query = self.path.partition("?")
        self.hub, self.query, self.name, self.body = self.server.hub, parse_qs(query), unquote(raw), self._read_body()
        self.fault = self.hub.next_fault(f"{self.command} {self.name}")
        try:
            if self.fault and isinstance(self.fault.kind, int):
                raise _fault_answer(self.fault)
            if self.fault and self.fault.kind == "slow":
                self.hub.closing.wait(self.fault.seconds)
            for methods, pattern, access, handler in ROUTES:
                match = pattern.fullmatch(raw)
                if match and self.command in methods.split() and self.server.is_cdn == (access == "cdn"):
                    groups = {key: unquote(value) for key, value in match.groupdict().items() if value is not None}
                    if access not in ("", "cdn"):
                        groups["repo"] = self._repo(groups.pop("kind", "model"), groups.pop("repo_id"), access)
                    return handler(self, **groups)
            self.hub.unknown.append(f"{self.command} {self.name}")
            raise HubError(404, f"This server does not know {self.command} {self.name}")
        except HubError as error:
            self._json({"error": str(error)}, error.status, error.headers)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    @property
    def _token(self) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ").strip()

    def _user(self) -> str | None:
        """Who asks. A token that is not known fails every request, also for what is public."""
        if self._token and self._token not in self.hub.tokens:
            raise HubError(401, "Invalid credentials in Authorization header")
        return self.hub.tokens.get(self._token)

    def _writer(self, owner: str | None) -> str:
        """Who asks, if they may write under `owner` (None: under their own name)."""
        user = self._user()
        if user is None:
            raise HubError(401, "Invalid username or password.")
        if self._token in self.hub.read_only or (owner or user) != user:
            raise HubError(403, f"You don't have the rights to write under the namespace {owner!r}")
        return user

    def _repo(self, kind: str, repo_id: str, access: Access) -> Repo:
        user, repo = self._user(), self.hub.repos.get((kind, repo_id))
        if repo is None or (repo.private and not repo.may_read(user)):
            # What is private is hidden. Without the code the client takes a 401 for this from https URLs only.
            raise HubError(404 if user else 401, "Repository not found", "RepoNotFound")
        if access == "read" and repo.gated and not repo.may_read(user):
            raise HubError(403 if user else 401, f"Access to {kind} {repo_id} is restricted.", "GatedRepo")
        if access == "write":
            self._writer(repo_id.split("/")[0])
        return repo

    def _send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        cut = self.fault is not None and self.fault.kind == "cut"
        if self.fault and self.fault.kind == "corrupt" and self.command != "PUT":
            body = _flip(body)
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

    def _send_file(self, content: bytes, headers: Mapping[str, str]) -> None:
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        headers, size = {"Accept-Ranges": "bytes", "Content-Type": "application/octet-stream", **headers}, len(content)
        if not wanted or wanted[0] == "bytes=-":
            return self._send(200, headers, content)
        start = int(wanted[1]) if wanted[1] else max(size - int(wanted[2]), 0)
        stop = min(int(wanted[2]) + 1, size) if wanted[1] and wanted[2] else size
        if start >= stop:
            raise HubError(416, "Requested range not satisfiable", **{"Content-Range": f"bytes */{size}"})
        self._send(206, headers | {"Content-Range": f"bytes {start}-{stop - 1}/{size}"}, content[start:stop])

    def _load(self) -> Any:
        try:
            return json.loads(self.body or b"{}")
        except ValueError as error:
            raise HubError(400, f"Body is not JSON: {error}") from error

    # A browser's or a probe's first look.
    @route("GET HEAD", "/")
    def index(self) -> None:
        self._send(200, {"Content-Type": "text/plain"}, b"A Hub for tests\n")

    # whoami, get_token_permission, push_to_hub with a bare repository name.
    @route("GET", "/api/whoami-v2")
    def whoami(self) -> None:
        user = self._user()
        if user is None:
            raise HubError(401, "Invalid username or password.")
        role = "read" if self._token in self.hub.read_only else "write"
        auth = {"type": "access_token", "accessToken": {"displayName": "test", "role": role}}
        self._json({"type": "user", "id": user, "name": user, "fullname": user, "orgs": [], "auth": auth})

    # create_repo, delete_repo.
    @route("POST DELETE", "/api/repos/(?P<action>create|delete)")
    def repos(self, action: str) -> None:
        data = self._load()
        kind, owner = data.get("type") or "model", data.get("organization")
        repo_id = f"{self._writer(owner)}/{data['name']}"
        if action == "delete":
            self._repo(kind, repo_id, "write")
            del self.hub.repos[kind, repo_id]
            return self._json({})
        private = data.get("visibility") == "private" or bool(data.get("private"))
        url = f"{self.hub.url}/{URL_PREFIX[kind]}{repo_id}"
        if (kind, repo_id) in self.hub.repos:  # the client with exist_ok=True reads the URL from the 409
            return self._json({"error": f"You already created this {kind} repo", "url": url}, 409)
        repo = self.hub.create_repo(kind, repo_id, private, sdk=data.get("sdk"))
        repo.variables |= {item["key"]: {**item, "updatedAt": now()} for item in data.get("variables") or []}
        repo.secrets |= {item["key"]: {"updatedAt": now()} for item in data.get("secrets") or []}
        repo.runtime["hardware"] = data.get("hardware") or repo.runtime["hardware"]
        self._json({"url": url, "name": repo_id, "id": repo_id})

    # metadata check of a README.md before create_commit sends it: ModelCard.push_to_hub, upload_file, upload_folder.
    @route("POST", "/api/validate-yaml")
    def validate_yaml(self) -> None:
        data = self._load()
        try:
            card, errors = front_matter(data["content"]), []
        except ValueError as error:
            card, errors = {}, [str(error)]
        if card and data.get("repoType") == "space":
            colours = {key: card[key] for key in ("colorFrom", "colorTo") if key in card}
            errors += [f'"{key}" must be a colour' for key, value in colours.items() if value not in SPACE_COLOURS]
            errors += ['"sdk" is required'] if card.get("sdk") not in {"gradio", "docker", "static"} else []
            errors += ['"short_description" is longer than 60'] if len(card.get("short_description", "")) > 60 else []
        warnings = [{"message": "empty or missing yaml metadata in repo card"}] if card is None else []
        self._json({"errors": [{"message": text} for text in errors], "warnings": warnings}, 400 if errors else 200)

    # list_models, list_datasets, list_spaces.
    @route("GET", "/api/(?P<kind>model|dataset|space)s")
    def listing(self, kind: str) -> None:
        user, author, search = self._user(), *(self.query.get(key, [""])[0] for key in ("author", "search"))
        found = [repo for repo in self.hub.repos.values() if repo.kind == kind and search in repo.id]
        found = [repo for repo in found if repo.id.startswith(f"{author}/" if author else "")]
        self._json([self._info(repo, repo.at("main")) for repo in found if not repo.private or repo.may_read(user)])

    # repo_info, model_info, dataset_info, space_info, repo_exists, resolve_revision; snapshot_download of a branch.
    @route("GET", API + f"(?:/revision/{REV})?", "see")
    def info(self, repo: Repo, revision: str = "main") -> None:
        self._json(self._info(repo, repo.at(revision), blobs="blobs" in self.query))

    def _info(self, repo: Repo, commit: Commit, blobs: bool = False) -> dict:
        readme = commit.files.get("README.md")
        try:
            card = front_matter(self.hub.content(readme.sha256).decode()) if readme else None
        except ValueError:
            card = None
        siblings = [{"rfilename": path} for path in commit.files]
        if blobs:
            for item, (path, blob) in zip(siblings, commit.files.items(), strict=True):
                entry = self._entry(repo, commit, path, expand=False)
                item |= {"size": blob.size, "blobId": blob.git_oid}
                item |= {"lfs": {**entry["lfs"], "sha256": blob.sha256}} if blob.lfs else {}
        first = repo.history(commit)[-1]
        tags, extra = list((card or {}).get("tags") or []), {}
        if repo.kind == "model":
            extra = {"modelId": repo.id, **{key: (card or {}).get(key) for key in ("library_name", "pipeline_tag")}}
        elif repo.kind == "space":
            extra = {"sdk": repo.sdk or (card or {}).get("sdk"), "runtime": self._runtime(repo)}
        return {
            "_id": first.sha[:24], "id": repo.id, "author": repo.id.split("/")[0], "sha": commit.sha,
            "lastModified": commit.date, "createdAt": first.date, "private": repo.private,
            "gated": "auto" if repo.gated else False, "disabled": False, "downloads": 0, "likes": 0,
            "tags": tags, "cardData": card, "siblings": siblings, **extra,
        }  # fmt: skip

    # auth_check.
    @route("GET", API + "/auth-check", "read")
    def auth_check(self, repo: Repo) -> None:
        self._json({"ok": repo.id})

    # update_repo_settings.
    @route("PUT", API + "/settings", "write")
    def settings(self, repo: Repo) -> None:
        data = self._load()
        repo.private = data["visibility"] == "private" if "visibility" in data else data.get("private", repo.private)
        repo.gated = bool(data.get("gated", repo.gated))
        self._json({"private": repo.private, "gated": repo.gated})

    # list_repo_tree, list_repo_files, snapshot_download, HfFileSystem.find; data_files patterns of load_dataset.
    @route("GET", API + f"/tree/{REV}(?:/(?P<folder>.+))?", "read")
    def tree(self, repo: Repo, revision: str, folder: str = "") -> None:
        commit, start = repo.at(revision), f"{folder}/" if folder else ""
        options = [key for key in ("recursive", "expand") if self.query.get(key) == ["true"]]
        inside = [path for path in commit.files if path.startswith(start)]
        if folder and not inside:
            raise HubError(404, f"{folder} does not exist on {revision}", "EntryNotFound")
        parents = {str(parent) for path in inside for parent in PurePosixPath(path).parents} - {".", folder}
        paths = sorted(path for path in {*inside, *parents} if path.startswith(start))
        paths = [path for path in paths if "recursive" in options or "/" not in path[len(start) :]]
        offset = int(self.query.get("cursor", ["0"])[0])
        page, headers = paths[offset : offset + self.hub.page_size], {}
        if offset + len(page) < len(paths):
            after = "&".join([f"cursor={offset + len(page)}", *(f"{key}=true" for key in options)])
            headers = {"Link": f'<{self.hub.url}{self.path.partition("?")[0]}?{after}>; rel="next"'}
        self._json([self._entry(repo, commit, path, "expand" in options) for path in page], headers=headers)

    # get_paths_info, HfFileSystem.info, copies in create_commit.
    @route("POST", API + f"/paths-info/{REV}", "read")
    def paths_info(self, repo: Repo, revision: str) -> None:
        form = parse_qs(self.body.decode())
        commit, expand = repo.at(revision), form.get("expand", [""])[0].lower() == "true"
        known = [p for p in form.get("paths", []) if any(f == p or f.startswith(f"{p}/") for f in commit.files)]
        self._json([self._entry(repo, commit, path, expand) for path in known])

    def _entry(self, repo: Repo, commit: Commit, path: str, expand: bool) -> dict:
        blob = commit.files.get(path)
        entry: dict = {"type": "directory", "oid": hashlib.sha1(path.encode()).hexdigest(), "size": 0, "path": path}
        if blob:
            entry |= {"type": "file", "oid": blob.git_oid, "size": blob.size}
        if blob and blob.lfs:
            entry["lfs"] = {"oid": blob.sha256, "size": blob.size, "pointerSize": len(pointer(blob.sha256, blob.size))}
        if expand:

            def below(of: Commit) -> dict[str, Blob]:
                return {key: value for key, value in of.files.items() if key == path or key.startswith(f"{path}/")}

            line = repo.history(commit)
            last = next(c for c in line if c.parent is None or below(c) != below(repo.commits[c.parent]))
            entry["lastCommit"] = {"id": last.sha, "title": last.message, "date": last.date}
        return entry

    # list_repo_commits.
    @route("GET", API + f"/commits/{REV}", "see")
    def log(self, repo: Repo, revision: str) -> None:
        line = repo.history(repo.at(revision))
        rest = {"message": "", "authors": [{"user": repo.id.split("/")[0]}]}
        self._json([{"id": commit.sha, "title": commit.message, "date": commit.date, **rest} for commit in line])

    # list_repo_refs.
    @route("GET", API + "/refs", "see")
    def refs(self, repo: Repo) -> None:
        def items(kind: str, of: dict[str, str]) -> list[dict]:
            return [{"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": sha} for name, sha in of.items()]

        branches, tags = items("heads", repo.branches), items("tags", repo.tags)
        self._json({"branches": branches, "tags": tags, "converts": [], "pullRequests": []})

    # create_branch, delete_branch, create_tag, delete_tag (`name` is the tagged revision when a tag is created).
    @route("POST DELETE", API + "/(?P<what>branch|tag)/(?P<name>[^/]+)", "write")
    def ref(self, repo: Repo, what: str, name: str) -> None:
        refs, data = repo.branches if what == "branch" else repo.tags, self._load()
        if self.command == "DELETE":
            if name not in refs or refs.pop(name) is None:
                raise HubError(404, f"No {what} {name}", "RevisionNotFound")
            return self._json({})
        start, name = (data.get("startingPoint", "main"), name) if what == "branch" else (name, data["tag"])
        if name in refs:
            raise HubError(409, f"Reference already exists: {name}")
        refs[name] = repo.at(start).sha
        self._json({})

    # create_commit, first step: which files go through LFS, and which are there already.
    @route("POST", API + f"/preupload/{REV}", "write")
    def preupload(self, repo: Repo, revision: str) -> None:
        tree, answer = repo.at(revision).files, []
        for item in self._load()["files"]:
            mode = "lfs" if self.hub.is_lfs(tree, item["path"], item["size"]) else "regular"
            old = tree.get(item["path"])
            oid = (old.sha256 if old.lfs else old.git_oid) if old else None
            answer.append({"path": item["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        self._json({"files": answer})

    # create_commit, second step: where to put the LFS files (no "actions": it is there), and whether they arrived.
    @route("POST", GIT + r"\.git/info/lfs/objects/(?P<step>batch|verify)", "write")
    def lfs(self, repo: Repo, step: str) -> None:
        data = self._load()
        if step == "verify":
            if self.hub.blob(data["oid"]).size != data["size"]:
                raise HubError(422, f"Size of {data['oid']} is not {data['size']}")
            repo.lfs.add(data["oid"])
            return self._json({})
        verify, objects = f"{self.hub.url}{quote(self.name.removesuffix('batch'))}verify", []
        for item in data["objects"]:
            actions = {"upload": {"href": self.hub.sign(f"/cdn/upload/{item['oid']}")}, "verify": {"href": verify}}
            objects.append(item if item["oid"] in repo.lfs else {**item, "actions": actions})
        self._json({"transfer": "basic", "objects": objects})

    # create_commit, last step; upload_file, upload_folder, delete_file and push_to_hub all end here.
    @route("POST", API + f"/commit/{REV}", "write")
    def commit(self, repo: Repo, revision: str) -> None:
        if "create_pr" in self.query:
            raise HubError(403, "Pull requests are not implemented")
        header, changes, tree = {}, {}, repo.at(revision).files
        for line in self.body.splitlines():
            item = json.loads(line)
            key, value = item["key"], item["value"]
            if key == "header":
                header = value
            elif key == "file":
                changes[value["path"]] = self.hub.store(base64.b64decode(value["content"]))
            elif key == "lfsFile":
                if value["oid"] not in repo.lfs:
                    raise HubError(400, f"LFS object of {value['path']} was not uploaded")
                changes[value["path"]] = self.hub.blob(value["oid"])
            else:
                gone = [p for p in tree if p == value["path"] or p.startswith(value["path"].rstrip("/") + "/")]
                if not gone:
                    raise HubError(404, f"A file with this name doesn't exist: {value['path']}", "EntryNotFound")
                changes |= dict.fromkeys(gone)
        done = self.hub.advance(repo, revision, changes, header["summary"], header.get("parentCommit"))
        url = f"{self.hub.url}/{URL_PREFIX[repo.kind]}{repo.id}/commit/{done.sha}"
        self._json({"success": True, "commitOid": done.sha, "commitUrl": url, "hookOutput": ""})

    # hf_hub_download, snapshot_download, from_pretrained, load_dataset, HfFileSystem: HEAD for metadata, then GET.
    @route("GET HEAD", GIT + f"/resolve/{REV}/(?P<path>.+)", "read")
    def resolve(self, repo: Repo, revision: str, path: str) -> None:
        commit = repo.at(revision)
        blob, headers = commit.files.get(path), {"X-Repo-Commit": commit.sha}
        if blob is None:  # with the sha the client remembers that this file does not exist
            raise HubError(404, f"Entry not found: {path}", "EntryNotFound", **headers)
        if not blob.lfs:
            return self._send_file(self.hub.content(blob.sha256), headers | {"ETag": f'"{blob.git_oid}"'})
        linked = {"X-Linked-Size": str(blob.size), "X-Linked-ETag": f'"{blob.sha256}"'}
        self._send(302, headers | linked | {"Location": self.hub.sign(f"/cdn/{blob.sha256}/{path}")}, b"")

    # The storage behind LFS: signed URLs on another host; a token that arrives here was leaked.
    @route("GET HEAD PUT", "/cdn/(?:upload/)?(?P<oid>[0-9a-f]{64})(?:/.+)?", "cdn")
    def cdn(self, oid: str) -> None:
        if self.hub.sign(self.name).rpartition("=")[2] != self.query.get("signature", [""])[0]:
            raise HubError(403, "Signature does not match")
        if self.headers.get("Authorization"):
            raise HubError(400, "Only one way to authenticate is allowed, and the URL is signed")
        if self.command != "PUT":
            return self._send_file(self.hub.content(oid), {"ETag": f'"{oid}"'})
        content = _flip(self.body) if self.fault and self.fault.kind == "corrupt" else self.body
        if hashlib.sha256(content).hexdigest() != oid:
            raise HubError(400, "The sha256 of the content is not the one in the URL")
        self.hub.store(content)
        self._send(200, {"ETag": f'"{oid}"'}, b"")

    # add_space_variable, get_space_variables, delete_space_variable, and the same three for secrets.
    @route("GET POST DELETE", SPACE + "/(?P<what>variables|secrets)", "write")
    def space_settings(self, repo: Repo, what: str) -> None:
        kept, data = repo.variables if what == "variables" else repo.secrets, self._load()
        if self.command == "DELETE":
            kept.pop(data["key"], None)
        elif self.command == "POST":
            shown = ("value", "description") if what == "variables" else ("description",)
            kept[data["key"]] = {key: data.get(key) for key in shown} | {"key": data["key"], "updatedAt": now()}
        self._json(kept)

    # get_space_runtime, request_space_hardware, set_space_sleep_time, pause_space, restart_space.
    @route("GET", SPACE + "/(?P<what>runtime)", "see")
    @route("POST", SPACE + "/(?P<what>hardware|sleeptime|pause|restart)", "write")
    def space_runtime(self, repo: Repo, what: str) -> None:
        data = self._load()
        repo.runtime["hardware"] = data.get("flavor", repo.runtime["hardware"])
        repo.runtime["gcTimeout"] = data.get("seconds", data.get("sleepTimeSeconds", repo.runtime["gcTimeout"]))
        repo.runtime["stage"] = {"pause": "PAUSED", "restart": None}.get(what, repo.runtime["stage"])
        self._json(self._runtime(repo))

    def _runtime(self, repo: Repo) -> dict:
        stage = repo.runtime["stage"] or ("RUNNING" if "app.py" in repo.at("main").files else "NO_APP_FILE")
        flavour = repo.runtime["hardware"]
        hardware = {"current": flavour if stage == "RUNNING" else None, "requested": flavour}
        return {"stage": stage, "hardware": hardware, "gcTimeout": repo.runtime["gcTimeout"], "storage": None}


def _flip(body: bytes) -> bytes:
    """One byte in the middle changed."""
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 0xFF]) + body[middle + 1 :] if body else body


def _fault_answer(fault: Fault) -> HubError:
    """The Hub's own words for a status that a fault asks for."""
    words = {401: "Invalid credentials in Authorization header", 404: "Repository not found", 429: "Too many requests"}
    code = "RepoNotFound" if fault.kind == 404 else None
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    return HubError(fault.kind, words.get(fault.kind, "Injected fault"), code, **headers)
