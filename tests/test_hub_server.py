"""The real clients against `hub_server`, each in a process of its own, knowing nothing but four environment variables.

Importing the clients is slow, so one process makes many calls and prints what it saw as JSON; the tests look at that,
and at what the server then holds.
"""

import hashlib
import json
import subprocess
import sys
import textwrap
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hub_repos import add_defaults, e5_files, esci_rows
from hub_server import Fault, HubServer

TOKENS = {"hf_good": "alice", "hf_bob": "bob", "hf_read": "alice"}
WEIGHTS = bytes(range(256)) * 1200  # 300 kB: the client reads it in one chunk, a cut falls in the middle

PROLOGUE = """
import json, os, time
from pathlib import Path
out = {}

def failure(call, *args, **kwargs):
    "How a call fails: the names of the classes of the error, its status, its text."
    try:
        call(*args, **kwargs)
    except Exception as error:
        names = [kind.__module__.split(".")[0] + "." + kind.__name__ for kind in type(error).__mro__]
        response = getattr(error, "response", None)
        return {"classes": names, "status": response.status_code if response is not None else None, "text": str(error)}
    return {"classes": [], "status": None, "text": ""}
"""


def run_client(hub, home, script, token=None, **env):
    """Run a script in a fresh Python; it fills `out`."""
    code = PROLOGUE + textwrap.dedent(script) + "\nprint(json.dumps(out))\n"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=hub.env(home, token, **env),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return SimpleNamespace(**json.loads(done.stdout.splitlines()[-1]), stderr=done.stderr)


def raised(failed, name):
    """Whether a recorded failure is an error of that class."""
    return any(kind.endswith(f".{name}") for kind in failed["classes"])


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """One server for all tests; they use different repositories."""
    with HubServer(tmp_path_factory.mktemp("hub"), TOKENS, read_only={"hf_read"}) as server:
        add_defaults(server)
        yield server


# ---------------------------------------------------------------------------------------------- repositories and files

API_CALLS = """
    from huggingface_hub import CommitOperationAdd, CommitOperationCopy, HfApi, HfFileSystem, RepoCard
    from huggingface_hub import hf_hub_download, snapshot_download

    api, anyone, wrong, reader = HfApi(), HfApi(token=False), HfApi(token="hf_wrong"), HfApi(token="hf_read")
    weights = bytes(range(256)) * 1200
    out["user"] = api.whoami()["name"]

    # create
    out["created"] = api.create_repo("alice/m").repo_id
    out["bare_name"] = api.create_repo("bare", repo_type="dataset").repo_id
    out["exists"] = failure(api.create_repo, "alice/m")
    out["exist_ok"] = str(api.create_repo("alice/m", exist_ok=True))
    out["foreign"] = failure(api.create_repo, "bob/m")
    out["read_token"] = failure(reader.create_repo, "alice/new")

    # commit
    folder = Path("folder")
    (folder / "sub").mkdir(parents=True)
    (folder / "README.md").write_text("---\\nlicense: mit\\ntags: [shoes]\\n---\\n# One\\n")
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "sub/notes.txt").write_text("one")
    (folder / "sub/empty.txt").write_text("")
    first = api.upload_folder(repo_id="alice/m", folder_path=folder, commit_message="first").oid
    out["first"], out["again"] = first, api.upload_folder(repo_id="alice/m", folder_path=folder).oid
    second = api.upload_file(path_or_fileobj=b"two", path_in_repo="sub/notes.txt", repo_id="alice/m").oid
    add = CommitOperationAdd("late.txt", b"late")
    out["conflict"] = failure(
        api.create_commit, "alice/m", [add], commit_message="late", parent_commit=first
    )
    copy = CommitOperationCopy("model.safetensors", "copy.safetensors")
    api.create_commit("alice/m", [copy], commit_message="copy", parent_commit=second)
    api.delete_file("sub/empty.txt", "alice/m")
    out["delete_missing"] = failure(api.delete_file, "no.txt", "alice/m")
    out["bad_card"] = failure(
        api.upload_file, path_or_fileobj=b"---\\na: [\\n---\\n", path_in_repo="README.md", repo_id="alice/m"
    )
    out["bad_space_card"] = failure(
        RepoCard("---\\nsdk: gradio\\ncolorFrom: mauve\\n---\\n").validate, repo_type="space"
    )

    # refs
    api.create_tag("alice/m", tag="v1", revision=first)
    api.create_branch("alice/m", branch="try/it", revision="v1")
    api.upload_file(path_or_fileobj=b"branch", path_in_repo="b.txt", repo_id="alice/m", revision="try/it")
    refs = api.list_repo_refs("alice/m")
    out["refs"] = [sorted(ref.name for ref in refs.branches), {ref.name: ref.target_commit for ref in refs.tags}]
    api.create_tag("alice/m", tag="v1", exist_ok=True)
    out["branch_file"] = Path(hf_hub_download("alice/m", "b.txt", revision="try/it")).read_text()
    out["main_lacks_it"] = failure(hf_hub_download, "alice/m", "b.txt")
    api.delete_branch("alice/m", branch="try/it")
    api.create_tag("alice/m", tag="gone")
    api.delete_tag("alice/m", tag="gone")
    out["log"] = [commit.title for commit in api.list_repo_commits("alice/m")]

    # listings
    out["files"] = api.list_repo_files("alice/m")
    info = api.model_info("alice/m", files_metadata=True)
    out["info"] = [info.sha, info.private, info.card_data.license, info.tags]
    out["siblings"] = {file.rfilename: [file.size, file.lfs and file.lfs.sha256] for file in info.siblings}
    out["models"] = [model.id for model in api.list_models(author="alice")]
    tree = api.list_repo_tree("alice/m", recursive=True, expand=True)
    out["tree"] = {entry.path: entry.last_commit.title for entry in tree}
    out["paths"] = [entry.path for entry in api.get_paths_info("alice/m", ["sub", "model.safetensors", "no"])]
    fs = HfFileSystem()
    out["glob"] = fs.glob("alice/m/*.safetensors")
    with fs.open("alice/m/model.safetensors", block_size=1000) as file:
        file.seek(-6, 2)
        out["range"] = list(file.read(4))

    # download
    path = hf_hub_download("alice/m", "model.safetensors")
    out["weights"] = Path(path).read_bytes() == weights
    out["blob"] = Path(path).resolve().name
    out["second_time"] = hf_hub_download("alice/m", "model.safetensors") == path
    old, new = Path(snapshot_download("alice/m", revision=first)), Path(snapshot_download("alice/m"))
    out["snapshots"] = [old.name, (old / "sub/notes.txt").read_text(), new.name, (new / "sub/notes.txt").read_text()]
    out["by_tag"] = Path(snapshot_download("alice/m", revision="v1")).name
    out["intact"] = api.verify_repo_checksums("alice/m", local_dir=new).mismatches
    out["no_revision"] = failure(hf_hub_download, "alice/m", "README.md", revision="v9")
    out["no_repo"] = failure(hf_hub_download, "alice/nothing", "README.md")
    out["no_repo_anonymous"] = failure(anyone.model_info, "alice/nothing")
    out["exists_checks"] = [api.repo_exists("alice/m"), api.file_exists("alice/m", "no")]

    # access
    api.create_repo("alice/secret", private=True)
    api.upload_file(path_or_fileobj=weights[:100], path_in_repo="x.bin", repo_id="alice/secret")
    out["private"] = api.model_info("alice/secret").private
    out["private_owner"] = len(Path(hf_hub_download("alice/secret", "x.bin")).read_bytes())
    other = {"cache_dir": "other"}
    out["private_anonymous"] = failure(hf_hub_download, "alice/secret", "x.bin", token=False, **other)
    out["private_snapshot"] = failure(snapshot_download, "alice/secret", token=False, **other)
    out["private_foreign"] = failure(hf_hub_download, "alice/secret", "x.bin", token="hf_bob", **other)
    out["private_listed"] = [model.id for model in anyone.list_models(author="alice")]
    out["gated"] = failure(hf_hub_download, "bob/gated", "x.txt")
    out["gated_anonymous"] = failure(hf_hub_download, "bob/gated", "x.txt", token=False)
    out["gated_page"] = anyone.model_info("bob/gated").gated
    out["anonymous_write"] = failure(anyone.upload_file, path_or_fileobj=b"", path_in_repo="x", repo_id="alice/m")
    out["wrong_token"] = failure(wrong.whoami)
    out["wrong_token_public"] = failure(wrong.model_info, "alice/m")
    out["wrong_token_download"] = failure(hf_hub_download, "alice/m", "README.md", token="hf_wrong", **other)
    api.update_repo_settings("alice/secret", private=False)
    out["opened"] = anyone.model_info("alice/secret").private
    api.delete_repo("alice/secret")
    api.delete_repo("alice/secret", missing_ok=True)
    out["deleted"] = failure(api.delete_repo, "alice/secret")

    # Spaces
    space = "alice/demo"
    preset = [{"key": "E5_MODEL", "value": "alice/m"}]
    api.create_repo(space, repo_type="space", space_sdk="gradio", space_variables=preset)
    out["empty_space"] = api.get_space_runtime(space).stage
    api.upload_file(path_or_fileobj=b"print()", path_in_repo="app.py", repo_id=space, repo_type="space")
    api.add_space_variable(space, "E5_EMBEDDINGS", "alice/vectors", description="where")
    api.add_space_variable(space, "TYPO", "x")
    api.delete_space_variable(space, "TYPO")
    api.add_space_secret(space, "HF_TOKEN", "hf_hidden")
    out["variables"] = {key: item.value for key, item in api.get_space_variables(space).items()}
    out["secrets"] = list(api.get_space_secrets(space))
    api.request_space_hardware(space, "zero-a10g")
    out["runtime"] = [api.get_space_runtime(space).stage, api.get_space_runtime(space).requested_hardware]
    out["sdk"] = api.space_info(space).sdk
    out["foreign_variables"] = failure(HfApi(token="hf_bob").get_space_variables, space)
"""


@pytest.fixture(scope="module")
def calls(hub, tmp_path_factory):
    """What huggingface_hub saw; with small pages, so that every listing takes several."""
    hub.create_repo("model", "bob/gated", gated=True)
    hub.commit("model", "bob/gated", {"x.txt": b"x"})
    hub.page_size = 2
    start = len(hub.requests)
    seen = run_client(hub, tmp_path_factory.mktemp("calls"), API_CALLS, "hf_good")
    hub.page_size = 1000
    seen.requests = hub.requests[start:]
    return seen


def test_create_repo(calls):
    """A repository is made once; `exist_ok` forgives, another's namespace and a read-only token are refused."""
    assert calls.user == "alice"
    assert calls.created == "alice/m" and calls.bare_name == "alice/bare"
    assert calls.exists["status"] == 409
    assert calls.exist_ok.endswith("/alice/m")
    assert calls.foreign["status"] == 403 and calls.read_token["status"] == 403


def test_upload(hub, calls):
    """What was uploaded is there, byte for byte; weights went through LFS storage, small text through the commit."""
    at_first = hub.files("model", "alice/m", calls.first)
    assert at_first["model.safetensors"] == WEIGHTS
    assert at_first["sub/notes.txt"] == b"one" and at_first["sub/empty.txt"] == b""
    assert hub.files("model", "alice/m")["sub/notes.txt"] == b"two"
    uploads = [line for line in calls.requests if line.method == "PUT" and line.path.startswith("/cdn/")]
    assert [line.status for line in uploads] == [200, 200]  # model.safetensors and x.bin; the copy costs no upload
    assert calls.siblings["model.safetensors"] == calls.siblings["copy.safetensors"]
    assert calls.siblings["model.safetensors"][0] == len(WEIGHTS)
    assert calls.siblings["README.md"][1] is None


def test_commits(hub, calls):
    """Each upload is one commit; the same folder again is none; a commit on a stale parent is refused."""
    titles = [message for _, message in hub.commits("model", "alice/m")]
    assert titles[-3:] == ["Upload sub/notes.txt with huggingface_hub", "first", "initial commit"]
    assert calls.again == calls.first
    assert calls.conflict["status"] == 412
    assert "late.txt" not in hub.files("model", "alice/m")
    assert raised(calls.delete_missing, "RemoteEntryNotFoundError")
    assert calls.log == titles


def test_card_is_validated(calls):
    """A broken card stops the client before it uploads anything."""
    assert raised(calls.bad_card, "ValueError") and "YAML" in calls.bad_card["text"]
    assert raised(calls.bad_space_card, "ValueError") and "colorFrom" in calls.bad_space_card["text"]


def test_branches_and_tags(calls):
    """A branch with a slash in its name has files of its own; a tag stays where it was put."""
    assert calls.refs == [["main", "try/it"], {"v1": calls.first}]
    assert calls.branch_file == "branch"
    assert raised(calls.main_lacks_it, "RemoteEntryNotFoundError")


def test_listings(calls):
    """Names, sizes, last commits and card data, over several pages."""
    expected = [".gitattributes", "README.md", "copy.safetensors", "model.safetensors", "sub/notes.txt"]
    assert sorted(calls.files) == expected and sorted(calls.siblings) == expected
    assert calls.tree == {
        ".gitattributes": "initial commit",
        "README.md": "first",
        "copy.safetensors": "copy",
        "model.safetensors": "first",
        "sub": "Delete sub/empty.txt with huggingface_hub",
        "sub/notes.txt": "Upload sub/notes.txt with huggingface_hub",
    }
    assert calls.paths == ["sub", "model.safetensors"]
    assert calls.info[1:] == [False, "mit", ["shoes"]]
    assert calls.models == ["alice/m"]
    assert calls.glob == ["alice/m/copy.safetensors", "alice/m/model.safetensors"]


def test_download(hub, calls):
    """A file comes whole, is named by its sha256 in the cache, is not fetched again; ranges give the right bytes."""
    assert calls.weights and calls.second_time
    assert calls.blob == calls.siblings["model.safetensors"][1]
    assert calls.range == [250, 251, 252, 253]
    assert 206 in {line.status for line in calls.requests}
    gets = [line for line in calls.requests if line == ("GET", f"/cdn/{calls.blob}/model.safetensors", 200)]
    assert len(gets) == 1  # neither the second download nor the snapshots asked for it again


def test_revisions(hub, calls):
    """Every revision keeps its own content, by sha and by tag."""
    head = hub.commits("model", "alice/m")[0][0]
    assert calls.snapshots == [calls.first, "one", head, "two"]
    assert calls.by_tag == calls.first and calls.info[0] == head
    assert calls.intact == []
    assert calls.exists_checks == [True, False]


def test_what_is_missing(calls):
    """Repository, revision and file each fail with their own class; without a token a repository "may be private"."""
    assert raised(calls.no_revision, "RevisionNotFoundError") and calls.no_revision["status"] == 404
    assert raised(calls.no_repo, "RepositoryNotFoundError") and calls.no_repo["status"] == 404
    assert raised(calls.no_repo_anonymous, "RepositoryNotFoundError") and calls.no_repo_anonymous["status"] == 401
    assert raised(calls.deleted, "RepositoryNotFoundError")


def test_access(calls):
    """Private is hidden from strangers, gated is shown but not given, a wrong token fails even on what is public."""
    assert calls.private is True and calls.private_owner == 100
    for failed in (calls.private_anonymous, calls.private_snapshot, calls.private_foreign):
        assert raised(failed, "RepositoryNotFoundError")
    assert calls.private_foreign["status"] == 404 and calls.private_anonymous["status"] == 401
    assert calls.private_listed == ["alice/m"] and calls.opened is False
    assert raised(calls.gated, "GatedRepoError") and calls.gated["status"] == 403
    assert raised(calls.gated_anonymous, "GatedRepoError") and calls.gated_anonymous["status"] == 401
    assert calls.gated_page == "auto"
    assert calls.anonymous_write["status"] == 401
    for failed in (calls.wrong_token, calls.wrong_token_public, calls.wrong_token_download):
        assert failed["status"] == 401
        assert raised(failed, "HfHubHTTPError") and not raised(failed, "RepositoryNotFoundError")


def test_space(hub, calls):
    """Variables can be read back, secrets only by name."""
    expected = {"E5_MODEL": "alice/m", "E5_EMBEDDINGS": "alice/vectors"}
    assert calls.variables == expected and hub.variables("alice/demo") == expected
    assert calls.secrets == ["HF_TOKEN"] and hub.secrets("alice/demo") == ["HF_TOKEN"]
    assert calls.empty_space == "NO_APP_FILE" and calls.runtime == ["RUNNING", "zero-a10g"]
    assert calls.sdk == "gradio"
    assert calls.foreign_variables["status"] == 403


def test_tokens_stay_out_of_sight(hub, calls):
    """No token is in the log of requests, and none ever reached the CDN (it would have answered 400)."""
    assert not [line for line in hub.requests for token in TOKENS if token in line.path]
    assert {line.status for line in hub.requests if line.path.startswith("/cdn/")} <= {200, 206}


# ------------------------------------------------------------------------------------------------------------- faults

FAULT_CALLS = """
    from concurrent.futures import ThreadPoolExecutor
    from huggingface_hub import HfApi, hf_hub_download, snapshot_download

    api, weights = HfApi(), bytes(range(256)) * 1200

    def download(name, times=1):
        start = time.monotonic()
        content = Path(hf_hub_download("alice/f", name + ".bin")).read_bytes()
        seconds, expected = time.monotonic() - start, weights * times + name.encode()
        return {"intact": content == expected, "same_size": len(content) == len(expected), "seconds": seconds}

    def upload(name):
        content = weights + name.encode()
        return api.upload_file(path_or_fileobj=content, path_in_repo="a.bin", repo_id="alice/" + name).oid

    warm = snapshot_download("alice/warm")
    jobs = {name: (download, name) for name in ("limited", "busy", "slow", "cut", "corrupt")}
    jobs |= {name: (failure, download, name) for name in ("s401", "s403", "s404", "s500", "dropped")}
    jobs |= {name: (failure, upload, name) for name in ("no-commit", "bad-upload")}
    jobs |= {name: (upload, name) for name in ("put-again", "limited-upload")}
    jobs |= {"cold": (failure, snapshot_download, "alice/cold"), "warm": (snapshot_download, "alice/warm")}
    jobs |= {"large": (download, "large", 80)}
    with ThreadPoolExecutor(len(jobs)) as pool:
        running = {name: pool.submit(*job) for name, job in jobs.items()}
        out["impatient"] = failure(api.dataset_info, "alice/impatient", timeout=0.3)
        out |= {name: job.result() for name, job in running.items()}
    out["warm_again"] = out["warm"] == warm
    check = api.verify_repo_checksums("alice/f")
    out["mismatches"] = [item["path"] for item in check.mismatches]
"""


def content(name, times=1):
    """Contents differ by a name at the end: the cache would serve one file for another of the same bytes."""
    return WEIGHTS * times + name.encode()


def sha256(name):
    """Under which name the storage knows `content`."""
    return hashlib.sha256(content(name)).hexdigest()


@pytest.fixture(scope="module")
def faults(hub, tmp_path_factory):
    """What huggingface_hub makes of every kind of fault; all at once, because the client mostly sleeps."""
    injected = {
        "limited": Fault("^HEAD .*/limited.bin", 429, times=2, retry_after=1),
        "busy": Fault("^HEAD .*/busy.bin", 503, times=2),
        "slow": Fault("^HEAD .*/slow.bin", "slow", seconds=3),
        "cut": Fault("^GET /cdn/.*/cut.bin", "cut"),
        "large": Fault("^GET /cdn/.*/large.bin", "cut"),
        "corrupt": Fault("^GET /cdn/.*/corrupt.bin", "corrupt"),
        "s401": Fault("/s401.bin", 401, times=None),
        "s403": Fault("/s403.bin", 403, times=None),
        "s404": Fault("/s404.bin", 404, times=None),
        "s500": Fault("^GET /cdn/.*/s500.bin", 500, times=None),
        "dropped": Fault("^HEAD .*/dropped.bin", "cut"),
        "no-commit": Fault("^POST .*alice/no-commit/commit", 500, times=None),
        "bad-upload": Fault(f"^PUT .*{sha256('bad-upload')}", "corrupt"),
        "put-again": Fault(f"^PUT .*{sha256('put-again')}", 500),
        "limited-upload": Fault("^POST .*alice/limited-upload/preupload", 429, retry_after=1),
        "cold": Fault("^GET /api/models/alice/cold", 503, times=None),
        "warm": Fault("^GET /api/models/alice/warm/revision/main", 503, times=None, skip=1),
        "impatient": Fault("alice/impatient", "slow", seconds=1),
    }
    files = [name for name, fault in injected.items() if f"/{name}.bin" in fault.match]
    sizes = {"large": 80}  # 24 MB, cut after 12: the client keeps what has come in pieces of 10 MB
    hub.commit("model", "alice/f", {f"{name}.bin": content(name, sizes.get(name, 1)) for name in files})
    for name in ("no-commit", "bad-upload", "put-again", "limited-upload", "cold", "warm"):
        hub.create_repo("model", f"alice/{name}")
    hub.create_repo("dataset", "alice/impatient")
    start = len(hub.requests)
    with hub.fault(*injected.values()):
        home = tmp_path_factory.mktemp("faults")
        seen = run_client(hub, home, FAULT_CALLS, "hf_good", HF_HUB_ETAG_TIMEOUT="2")
    assert not [name for name, fault in injected.items() if fault.hits == 0]  # each was really met
    return vars(seen) | {"requests": hub.requests[start:]}


def statuses(faults, text):
    """The statuses of the requests whose "METHOD /path" holds a text, in order."""
    return [line.status for line in faults["requests"] if text in f"{line.method} {line.path}"]


def test_rate_limit(faults):
    """A 429 is waited out, one second longer than Retry-After says; only the very first HEAD is repeated at once."""
    assert statuses(faults, "HEAD /alice/f/resolve/main/limited.bin") == [429, 429, 302]
    assert faults["limited"]["intact"] and faults["limited"]["seconds"] >= 2
    assert statuses(faults, "limited-upload/preupload") == [429, 200] and faults["limited-upload"]


def test_server_error(hub, faults):
    """A HEAD and an LFS upload are tried again after a 5xx; the body of a file and a commit are not."""
    assert statuses(faults, "HEAD /alice/f/resolve/main/busy.bin") == [503, 503, 302] and faults["busy"]["intact"]
    assert statuses(faults, f"PUT /cdn/upload/{sha256('put-again')}") == [500, 200] and faults["put-again"]
    assert faults["s500"]["status"] == 500 and statuses(faults, "/s500.bin") == [302, 500]
    assert faults["no-commit"]["status"] == 500 and statuses(faults, "no-commit/commit") == [500]
    assert list(hub.files("model", "alice/no-commit")) == [".gitattributes"]


def test_refused(faults):
    """401 and 404 keep their meaning; a 403 reaches the caller as a file that is not in the cache."""
    assert faults["s401"]["status"] == 401 and raised(faults["s401"], "HfHubHTTPError")
    assert faults["s404"]["status"] == 404 and raised(faults["s404"], "RepositoryNotFoundError")
    assert raised(faults["s403"], "LocalEntryNotFoundError") and not raised(faults["s403"], "HfHubHTTPError")


def test_slow(faults):
    """A time-out of the metadata request is tried again with a longer one; elsewhere it is raised."""
    assert faults["slow"]["intact"] and faults["slow"]["seconds"] >= 2
    assert raised(faults["impatient"], "TimeoutException")


def test_cut(faults):
    """A body that ends early is noticed; what has come is kept in pieces of 10 MB, and a range asked for.

    A connection that is closed before the answer is not forgiven.
    """
    assert faults["cut"]["intact"] and statuses(faults, "/cut.bin") == [302, 200, 200]
    assert faults["large"]["intact"] and statuses(faults, "/large.bin") == [302, 200, 206]
    assert raised(faults["dropped"], "RemoteProtocolError") and not raised(faults["dropped"], "OSError")


def test_corrupt(hub, faults):
    """Wrong bytes of the right size pass as a download: only the checksums tell. As an upload they are refused."""
    assert faults["corrupt"]["same_size"] and not faults["corrupt"]["intact"]
    assert faults["mismatches"] == ["corrupt.bin"]
    assert raised(faults["bad-upload"], "RuntimeError")
    assert list(hub.files("model", "alice/bad-upload")) == [".gitattributes"]


def test_snapshot_without_the_hub(faults):
    """A snapshot is not asked for twice: what the cache has is returned, however old, and else it is an error."""
    assert faults["warm_again"] and statuses(faults, "alice/warm/revision") == [200, 503]
    assert raised(faults["cold"], "LocalEntryNotFoundError") and statuses(faults, "alice/cold/") == [503]


# ----------------------------------------------------------------------------------------------------------- data sets

DATASET_CALLS = """
    import datasets
    from datasets import Dataset, get_dataset_config_names, load_dataset

    esci = load_dataset("tasksource/esci")
    out["splits"] = {name: split.num_rows for name, split in esci.items()}
    out["columns"] = {name: str(feature.dtype) for name, feature in esci["train"].features.items()}
    out["rows"] = [row for split in ("train", "test") for row in esci[split]]
    out["streamed"] = next(iter(load_dataset("tasksource/esci", split="test", streaming=True)))["query"]

    out["configs"] = get_dataset_config_names("alice/store")
    tuned = load_dataset("alice/store", "tuned", split="train")
    out["tuned"] = [tuned.column_names, tuned[1]["embedding"], str(tuned.features["embedding"])]
    out["no_config"] = failure(load_dataset, "alice/store")
    out["pinned"] = load_dataset("alice/store", "tuned", split="train", revision=os.environ["FIRST"]).num_rows
    out["no_revision"] = failure(load_dataset, "alice/store", "tuned", revision="v9")
    out["absent"] = failure(load_dataset, "alice/absent")
    out["hidden"] = failure(load_dataset, "bob/hidden")

    Dataset.from_dict({"a": [1, 2, 3]}).push_to_hub("alice/pushed", "numbers", private=True)
    out["pushed"] = load_dataset("alice/pushed", "numbers", split="train")["a"][:]
"""


def parquet(rows, bias=0.0):
    """A part of a store: ids and float16 vectors of fixed length."""
    vectors = pa.array([[row + bias, 0.5] for row in range(rows)], pa.list_(pa.float16(), 2))
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"product_id": [f"p{row}" for row in range(rows)], "embedding": vectors}), sink)
    return sink.getvalue().to_pybytes()


@pytest.fixture(scope="module")
def tables(hub, tmp_path_factory):
    """What datasets saw."""
    names = ("products", "base", "tuned")
    card = "".join(f"- config_name: {name}\n  data_files: {name}/*.parquet\n" for name in names)
    files = {f"{name}/part-00000-of-00001.parquet": parquet(3) for name in names}
    first = hub.commit("dataset", "alice/store", {"README.md": f"---\nconfigs:\n{card}---\n".encode(), **files})
    hub.commit("dataset", "alice/store", {"tuned/part-00000-of-00001.parquet": parquet(4, bias=1.0)})
    hub.create_repo("dataset", "bob/hidden", private=True)
    start = len(hub.requests)
    seen = run_client(hub, tmp_path_factory.mktemp("tables"), DATASET_CALLS, "hf_good", FIRST=first)
    seen.requests = hub.requests[start:]
    return seen


def test_load_dataset(tables):
    """The default data set loads by its id alone, with the real columns and all labels in both splits."""
    assert tables.splits == {"train": 45, "test": 15}
    assert [column for column in tables.columns.items() if column[0] in ("query_id", "esci_label")] == [
        ("query_id", "int64"),
        ("esci_label", "string"),
    ]
    assert sorted(tables.rows, key=lambda row: row["example_id"]) == list(esci_rows())
    for rows in (tables.rows[:45], tables.rows[45:]):
        assert {row["esci_label"] for row in rows} == {"Exact", "Substitute", "Complement", "Irrelevant"}
        assert {row["product_locale"] for row in rows} == {"us", "es", "jp"}
    assert not {row["query_id"] for row in tables.rows[:45]} & {row["query_id"] for row in tables.rows[45:]}
    assert tables.streamed in {row["query"] for row in tables.rows[45:]}


def test_configs_and_revisions(tables):
    """Each part of a store is a config, named in the card; a revision has its own rows."""
    assert tables.configs == ["products", "base", "tuned"]
    assert tables.tuned[:2] == [["product_id", "embedding"], [2.0, 0.5]] and "float16" in tables.tuned[2]
    assert tables.pinned == 3
    assert raised(tables.no_config, "ValueError") and "tuned" in tables.no_config["text"]
    for failed in (tables.no_revision, tables.absent, tables.hidden):
        assert raised(failed, "DatasetNotFoundError")


def test_push_dataset(hub, tables):
    """A pushed data set is there, private, and loads again."""
    assert tables.pushed == [1, 2, 3]
    assert hub.repos["dataset", "alice/pushed"].private
    assert "numbers/train-00000-of-00001.parquet" in hub.files("dataset", "alice/pushed")


# -------------------------------------------------------------------------------------------------------------- models

MODEL_CALLS = """
    from sentence_transformers import SentenceTransformer
    from transformers import AutoModel, AutoTokenizer

    name = "intfloat/multilingual-e5-small"
    tokenizer = AutoTokenizer.from_pretrained(name)
    out["tokenizer"] = [type(tokenizer).__name__, tokenizer.pad_token_id, tokenizer.tokenize("query: red kettle")]
    out["network"] = [AutoModel.from_pretrained(name).config.model_type, len(tokenizer)]

    model = SentenceTransformer(name, device="cpu")
    texts = ["query: red kettle", "passage: Velmo blue kettle", "query: 赤い やかん"]
    vectors = model.encode(texts)
    out["modules"] = [type(module).__name__ for module in model]
    out["prompts"] = [text for text in model.prompts.values() if text]
    out["shape"] = list(vectors.shape)
    out["norms"] = (vectors**2).sum(1).tolist()
    out["apart"] = float(vectors[0] @ vectors[1])

    model.prompts = {"query": "query: ", "document": "passage: "}
    next(model.parameters()).data += 1
    out["pushed"] = model.push_to_hub("alice/tuned", private=True)
    again = SentenceTransformer("alice/tuned", device="cpu")
    out["kept_prompts"] = again.prompts
    out["same"] = bool((again.encode(texts, prompt="") == model.encode(texts, prompt="")).all())
    out["other_seed"] = float(abs(SentenceTransformer("alice/seed", device="cpu").encode(texts) - vectors).max())
    out["absent"] = failure(SentenceTransformer, "alice/absent")
    out["hidden"] = failure(SentenceTransformer, "alice/tuned", token=False, cache_folder="other")
"""


@pytest.fixture(scope="module")
def encoders(hub, tmp_path_factory):
    """What transformers and sentence-transformers saw."""
    hub.commit("model", "alice/seed", e5_files(seed=1))
    start = len(hub.requests)
    seen = run_client(hub, tmp_path_factory.mktemp("encoders"), MODEL_CALLS, "hf_good")
    seen.requests = hub.requests[start:]
    return seen


def test_from_pretrained(encoders):
    """The base model is what the real one is: a BERT network with XLM-R's tokenizer, which pads with 1."""
    assert encoders.tokenizer == ["XLMRobertaTokenizer", 1, ["▁query:", "▁red", "▁kettle"]]
    assert encoders.network[0] == "bert"


def test_sentence_transformer(encoders):
    """It loads with pooling and normalization and without prompts; texts do not all get one vector."""
    assert encoders.modules == ["Transformer", "Pooling", "Normalize"]
    assert encoders.prompts == []
    assert encoders.shape == [3, 32]
    assert encoders.norms == pytest.approx([1, 1, 1], abs=1e-5)
    assert encoders.apart < 0.99
    assert encoders.other_seed > 0.01


def test_push_model(hub, encoders):
    """A pushed model comes back with its weights and its prompts, in one commit, through LFS storage."""
    assert encoders.pushed.endswith(hub.commits("model", "alice/tuned")[0][0])
    assert len(hub.commits("model", "alice/tuned")) == 2
    assert hub.repos["model", "alice/tuned"].private
    assert encoders.kept_prompts == {"query": "query: ", "document": "passage: "} and encoders.same
    assert "PUT" in {line.method for line in encoders.requests if line.path.startswith("/cdn/upload/")}
    for failed in (encoders.absent, encoders.hidden):
        assert raised(failed, "RepositoryNotFoundError")


def test_same_bytes_at_every_call():
    """A fingerprint over the model must not depend on the run."""
    assert e5_files() == e5_files()
    assert e5_files()["model.safetensors"] != e5_files(seed=1)["model.safetensors"]


def test_no_request_was_unknown(hub, calls, faults, tables, encoders):
    """A new version of a client that asks for something else shows here (the list of agents is not needed)."""
    assert set(hub.unknown) <= {"GET /api/agent-harnesses"}
