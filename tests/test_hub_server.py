"""huggingface_hub against the fake Hub of `hub_server`: it must behave as the real client needs.

Importing the client is slow, so one process makes all calls and prints what it saw as JSON.
"""

import hashlib
import json
import subprocess
import sys
import textwrap
from types import SimpleNamespace

import pytest
from hub_repos import add_defaults, e5_files
from hub_server import Fault, HubServer

TOKENS = {"hf_good": "alice", "hf_bob": "bob", "hf_read": "alice"}
WEIGHTS = bytes(range(256)) * 1200

PROLOGUE = """
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from huggingface_hub import CommitOperationAdd, HfApi, hf_hub_download, snapshot_download

api, out = HfApi(), {}

def failure(call, *args, **kwargs):
    "The class of the error that a call ends in, and its status; [\\"\\", None] if it succeeds."
    try:
        call(*args, **kwargs)
    except Exception as error:
        response = getattr(error, "response", None)
        return [type(error).__name__, response.status_code if response is not None else None]
    return ["", None]
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with HubServer(tmp_path_factory.mktemp("hub"), TOKENS, frozenset({"hf_read"})) as server:
        add_defaults(server)
        yield server


def run_client(hub, home, script):
    """Run a script in a fresh Python; it fills `out`."""
    code = PROLOGUE + textwrap.dedent(script) + "\nprint(json.dumps(out))\n"
    words = [sys.executable, "-c", code]
    done = subprocess.run(
        words, env=hub.env(home, "hf_good"), cwd=home, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return SimpleNamespace(**json.loads(done.stdout.splitlines()[-1]))


CALLS = """
    weights = bytes(range(256)) * 1200
    out["created"] = api.create_repo("alice/m").repo_id
    out["exists"] = failure(api.create_repo, "alice/m")
    out["exist_ok"] = str(api.create_repo("alice/m", exist_ok=True))
    out["foreign"] = failure(api.create_repo, "bob/m")
    out["read_only"] = failure(HfApi(token="hf_read").create_repo, "alice/new")

    Path("sub").mkdir()
    Path("sub/notes.txt").write_text("one")
    Path("model.safetensors").write_bytes(weights)
    adds = [CommitOperationAdd(name, name) for name in ("sub/notes.txt", "model.safetensors")]
    out["first"] = first = api.create_commit("alice/m", adds, commit_message="first").oid
    add = CommitOperationAdd("sub/notes.txt", b"two")
    out["second"] = second = api.create_commit("alice/m", [add], commit_message="second", parent_commit=first).oid
    late = CommitOperationAdd("late.txt", b"late")
    out["conflict"] = failure(api.create_commit, "alice/m", [late], commit_message="late", parent_commit=first)
    card = CommitOperationAdd("README.md", b"---\\na: [\\n---\\n")
    out["bad_card"] = failure(api.create_commit, "alice/m", [card], commit_message="card")
    out["tree"] = {entry.path: getattr(entry, "lfs", None) and entry.lfs.sha256
                   for entry in api.list_repo_tree("alice/m", recursive=True)}

    path = Path(hf_hub_download("alice/m", "model.safetensors"))
    out["weights"], out["blob"] = path.read_bytes() == weights, path.resolve().name
    folders = [Path(snapshot_download("alice/m", revision=revision)) for revision in (None, first)]
    out["snapshots"] = [[folder.name, (folder / "sub/notes.txt").read_text()] for folder in folders]
    out["no_file"] = failure(hf_hub_download, "alice/m", "no.txt")
    out["no_revision"] = failure(hf_hub_download, "alice/m", "model.safetensors", revision="v9")
    out["no_repo"] = failure(hf_hub_download, "alice/nothing", "README.md")

    api.create_repo("alice/secret", private=True)
    out["private"] = [failure(HfApi(token=token).model_info, "alice/secret") for token in ("hf_good", "hf_bob", False)]
    out["wrong_token"] = failure(HfApi(token="hf_wrong").model_info, "alice/m")

    api.create_repo("alice/demo", repo_type="space", space_sdk="gradio")
    api.add_space_variable("alice/demo", "E5_MODEL", "alice/m")
    out["variables"] = {name: item.value for name, item in api.get_space_variables("alice/demo").items()}
"""


@pytest.fixture(scope="module")
def calls(hub, tmp_path_factory):
    start = len(hub.requests)
    seen = run_client(hub, tmp_path_factory.mktemp("calls"), CALLS)
    seen.requests = hub.requests[start:]
    assert set(hub.unknown) <= {"GET /api/agent-harnesses"}  # the client goes on without it
    return seen


def test_repositories(calls):
    assert calls.created == "alice/m" and calls.exist_ok.endswith("/alice/m")
    assert calls.exists[1] == 409
    assert calls.foreign[1] == calls.read_only[1] == 403
    assert calls.variables == {"E5_MODEL": "alice/m"}


def test_commits(hub, calls):
    """Weights go through LFS storage, small text through the commit; each revision keeps its own content."""
    assert hub.files("model", "alice/m", calls.first)["model.safetensors"] == WEIGHTS
    assert [line.status for line in calls.requests if line.method == "PUT"] == [200]
    assert [message for _, message in hub.commits("model", "alice/m")] == ["second", "first", "initial commit"]
    assert calls.conflict[1] == 412
    assert calls.bad_card[0] == "ValueError"
    assert calls.snapshots == [[calls.second, "two"], [calls.first, "one"]]


def test_downloads(calls):
    """A large file is stored in the cache by its sha256; it is downloaded once."""
    assert calls.weights and calls.blob == calls.tree["model.safetensors"]
    assert set(calls.tree) == {".gitattributes", "model.safetensors", "sub", "sub/notes.txt"}
    assert len([line for line in calls.requests if line.method == "GET" and line.path.startswith("/cdn/")]) == 1


def test_what_is_missing_or_hidden_has_its_own_error(calls):
    assert calls.no_file == ["RemoteEntryNotFoundError", 404]
    assert calls.no_revision == ["RevisionNotFoundError", 404]
    assert calls.no_repo == ["RepositoryNotFoundError", 404]
    assert calls.private == [["", None], ["RepositoryNotFoundError", 404], ["RepositoryNotFoundError", 401]]
    assert calls.wrong_token == ["HfHubHTTPError", 401], "also for a public repository"


def test_no_token_reaches_the_storage(hub, calls):
    """It would have answered 400."""
    assert {line.status for line in calls.requests if line.path.startswith("/cdn/")} == {200}


# -- what the client repeats itself -----------------------------------------------------------------------------------

#: {repository: (requests that fail twice with 503, whether the client repeats them)}.
REPEATED = {
    "tree": ("GET /api/models/alice/tree/tree/", True),
    "preupload": ("POST /api/models/alice/preupload/preupload/", True),
    "batch": ("POST /alice/batch.git/", True),
    "upload": (f"PUT /cdn/upload/{hashlib.sha256(b'upload').hexdigest()}", True),
    "head": ("HEAD /alice/head/resolve/", True),
    "info": ("GET /api/models/alice/info$", False),
    "create": ("POST /api/repos/create", False),
    "commit": ("POST /api/models/alice/commit/commit/", False),
    "variables": ("GET /api/spaces/alice/variables/variables", False),
    "body": ("GET /alice/body/resolve/", False),
}
REPEATED_CALLS = """
    def commit(name):
        api.create_commit(f"alice/{name}", [CommitOperationAdd("a.bin", name.encode())], commit_message="a")

    jobs = {
        "tree": (lambda: list(api.list_repo_tree("alice/tree")),),
        "preupload": (commit, "preupload"),
        "batch": (commit, "batch"),
        "upload": (commit, "upload"),
        "head": (hf_hub_download, "alice/head", "a.txt"),
        "info": (api.repo_info, "alice/info"),
        "create": (api.create_repo, "alice/create"),
        "commit": (commit, "commit"),
        "variables": (api.get_space_variables, "alice/variables"),
        "body": (hf_hub_download, "alice/body", "a.txt"),
    }
    with ThreadPoolExecutor(len(jobs)) as pool:
        running = {name: pool.submit(failure, *job) for name, job in jobs.items()}
        out |= {name: job.result() for name, job in running.items()}
"""


def test_the_client_repeats_these_requests_and_not_those(hub, tmp_path):
    """`space.hub.faults.retried` is for the others; a new version of the client may change which they are."""
    for name in REPEATED:
        if name != "create":
            hub.commit("space" if name == "variables" else "model", f"alice/{name}", {"a.txt": name.encode()})
    with hub.fault(*(Fault(match, 503, times=2) for match, _ in REPEATED.values())):
        seen = vars(run_client(hub, tmp_path, REPEATED_CALLS))
    succeeded = {name: failed == ["", None] for name, failed in seen.items()}
    assert succeeded == {name: repeated for name, (_, repeated) in REPEATED.items()}


def test_the_same_bytes_at_every_call():
    """A fingerprint of the model must not depend on the run."""
    assert e5_files() == e5_files()
    assert e5_files()["model.safetensors"] != e5_files(seed=1)["model.safetensors"]
