"""Pushes over a local Hub: stores of many files, two pushes at once, files that do not arrive, Ctrl-C."""

import json
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pandas as pd
import pyarrow as pa
import pytest
import torch
from conftest import ROOT
from hub_commands import READ_ONLY, TOKEN, run
from hub_repos import e5_files, write_files
from hub_server import Fault, HubServer
from huggingface_hub import CommitOperationAdd, HfApi

from space.encoding.description import EncoderDescription
from space.store.writer import Plan, StoreWriter


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with HubServer(tmp_path_factory.mktemp("hub"), {TOKEN: "alice", READ_ONLY: "alice"}, {READ_ONLY}) as server:
        yield server


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "saved_e5_model"
    write_files(folder, e5_files())
    return folder


# -- a store of many files -------------------------------------------------------------------------------------------


def make_store(folder, rows, start=0):
    """Write a store with one product a shard, so that forty products make 120 files."""
    writer = StoreWriter(folder, Plan(rows, 1, "{title}", "toy"))
    writer.begin(resume=True)
    ids = [f"p{row}" for row in range(rows)]
    writer.write_products(pa.table({"product_locale": ["us"] * rows, "product_id": ids, "product_title": ids}))
    encoder = EncoderDescription(id="toy", fingerprint="f", dim=2, max_seq_length=8)
    for place, part in enumerate(("base", "tuned")):
        for shard in range(rows):
            vectors = torch.tensor([[float(shard + start), float(place)]])
            writer.write_vectors(part, shard, "key", writer.products(shard), vectors)
    judged = {"query": ["q"], "query_id": [1], "product_id": ["p0"], "product_locale": ["us"], "esci_label": ["Exact"]}
    writer.finish(
        dict.fromkeys(("base", "tuned"), encoder), pd.DataFrame(judged), None, "---\nlicense: mit\n---\ncard"
    )


def is_whole(files):
    """Whether all files are as the manifest says; None without a manifest, when no reader takes the store."""
    if "manifest.json" not in files:
        return None
    from hashlib import sha256 as digest

    manifest = json.loads(files["manifest.json"])["files"]
    return all(digest(files.get(name, b"")).hexdigest() == entry["sha256"] for name, entry in manifest.items())


def test_a_large_store_comes_in_parts_whose_last_makes_it_readable(hub, tmp_path):
    """Broken off and pushed again, no file is sent twice, and at no commit can half a store be read."""
    store, words = tmp_path / "artifacts", ("-m", "space", "push-store", "alice/large", str(tmp_path / "artifacts"))
    make_store(store, 40)
    start = len(hub.requests)
    with hub.fault(Fault("POST .*alice/large/commit", 403, times=None, skip=1)):
        done = run(hub, tmp_path, *words, code=1)
    assert "The store is safe in" in done.stderr and "push it without embedding again: python -m space" in done.stderr
    assert is_whole(hub.files("dataset", "alice/large")) is None
    run(hub, tmp_path, *words)
    sent = [line.path for line in hub.requests[start:] if line.method == "PUT"]
    assert len(sent) == len(set(sent)) == 121, "a file was sent twice"
    assert [message for _, message in hub.commits("dataset", "alice/large")] == [
        "Embeddings of 40 products",  # the rest fits into one commit
        "Embeddings of 40 products, 100 of 122 files",
        "initial commit",
    ]

    # Two updates of a store in use: other vectors, then fewer products.
    make_store(store, 40, start=100)
    run(hub, tmp_path, *words)
    make_store(store, 3)
    run(hub, tmp_path, *words)
    states = [is_whole(hub.files("dataset", "alice/large", sha)) for sha, _ in hub.commits("dataset", "alice/large")]
    assert False not in states and states[0] is True
    left = {name for name in hub.files("dataset", "alice/large") if name.endswith(".parquet")}
    assert len(left) == 10


def test_a_commit_of_somebody_else_in_between_is_not_overrun(hub, tmp_path, monkeypatch):
    """The later of two pushes on the same commit must not undo the earlier one."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    make_store(tmp_path / "artifacts", 3, start=7)  # new files, so that there is an upload to wait for
    api = HfApi(endpoint=hub.url, token=TOKEN)
    api.create_repo("alice/race", repo_type="dataset")

    def interfere():
        # Commit after the push has looked at the repository, and before it commits.
        while not (over.is_set() or any("alice/race/preupload" in line.path for line in list(hub.requests))):
            time.sleep(0.02)
        add = CommitOperationAdd("theirs.txt", b"quicker")
        api.create_commit("alice/race", [add], commit_message="theirs", repo_type="dataset")

    over, rival = threading.Event(), threading.Thread(target=interfere)
    rival.start()
    try:
        with hub.fault(Fault("PUT /cdn/", "slow", seconds=2)):
            done = run(hub, tmp_path, "-m", "space", "push-store", "alice/race", str(tmp_path / "artifacts"), code=1)
    finally:  # also if the command failed before its first request
        over.set()
        rival.join()
    assert "somebody else pushed at the same time (412): push again" in done.stderr
    assert [message for _, message in hub.commits("dataset", "alice/race")] == ["theirs", "initial commit"]
    run(hub, tmp_path, "-m", "space", "push-store", "alice/race", str(tmp_path / "artifacts"))
    assert hub.files("dataset", "alice/race")["theirs.txt"] == b"quicker"


# -- one model --------------------------------------------------------------------------------------------------------


def test_a_hub_without_xet_storage_is_said_with_the_variable_that_helps(hub, model, tmp_path):
    done = run(hub, tmp_path, "-m", "space", "push-model", "alice/no-xet", str(model), code=1, HF_HUB_DISABLE_XET="0")
    hub.unknown[:] = [path for path in hub.unknown if "/xet-" not in path and "agent-harnesses" not in path]
    assert "HF_HUB_DISABLE_XET=1" in done.stderr.splitlines()[-1] and "Traceback" not in done.output


def test_ctrl_c_while_a_file_is_sent_ends_in_one_sentence(hub, model, tmp_path):
    with hub.fault(Fault("POST .*alice/stopped/commit", "slow", times=None, seconds=20)):
        process = subprocess.Popen(
            [sys.executable, "-m", "space", "push-model", "alice/stopped", str(model)],
            cwd=tmp_path, env=hub.env(tmp_path, TOKEN, PYTHONPATH=str(ROOT)), stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        while not any("alice/stopped/preupload" in one.path for one in hub.requests):
            time.sleep(0.05)
        time.sleep(3)  # by then the client waits for the commit's answer, which takes 20 seconds
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130 and "Traceback" not in said
    assert said.strip().splitlines()[-1].startswith("push-model: stopped; start it again")


# -- a hosted .gitignore ----------------------------------------------------------------------------------------------

IGNORED = """
    import json
    from space.errors import HubError
    from space.hub.push import SpaceSettings, Upload, push
    out = {}
    for kind, files in json.loads(FILES).items():
        space = SpaceSettings("cpu-basic", {}) if kind == "space" else None
        content = {name: name.encode() * 9 for name in files}
        upload = Upload(f"alice/ignored-{kind}", kind, content, "Upload", space=space)
        said = []
        for _ in range(2):
            try:
                said.append(push(upload).revision)
            except HubError as error:
                said.append(str(error))
        out[kind] = said
    print(json.dumps(out))
"""
IGNORED_BY = {
    "model": (".gitignore", "*.safetensors\n", ["a.txt", "model.safetensors"]),
    "dataset": (".gitignore", "*.parquet\n", ["a.txt", "tuned/part.parquet"]),
    "space": (".gitignore", "*.py\n!app.py\n", ["app.py", "space/a.py", "space/b.py"]),
}


def test_files_that_a_gitignore_of_the_repository_names_are_pushed(hub, tmp_path):
    """The client leaves them out and reports success: a model without weights, a Space without its scripts."""
    for kind, (path, rules, _) in IGNORED_BY.items():
        hub.commit(kind, f"alice/ignored-{kind}", {path: rules.encode()})
    files = {kind: files for kind, (_, _, files) in IGNORED_BY.items()}
    script = f"FILES = {json.dumps(json.dumps(files))}\n" + textwrap.dedent(IGNORED)
    found = json.loads(run(hub, tmp_path, "-c", script).stdout.splitlines()[-1])
    for kind, (_, _, sent) in IGNORED_BY.items():
        assert set(sent) <= set(hub.files(kind, f"alice/ignored-{kind}"))
        assert found[kind] == [hub.commits(kind, f"alice/ignored-{kind}")[0][0]] * 2


@pytest.mark.parametrize("parts", [1, 120])
def test_what_the_hub_ignores_all_the_same_is_said_before_anything_is_sent(hub, tmp_path, parts):
    """The Hub may read those of folders, or one day take no rules from the client."""
    repo = f"alice/folder-{parts}"
    hub.commit("dataset", repo, {"tuned/.gitignore": b"*7.parquet\n"})
    before, sent = hub.commits("dataset", repo), len(hub.requests)
    script = textwrap.dedent(f"""
        from space.hub.push import Upload, push
        parts = {{f"tuned/{{number}}7.parquet": b"%d" % number for number in range({parts})}}
        push(Upload("{repo}", "dataset", parts | {{"manifest.json": b"{{}}"}}, "Upload", last="manifest.json"))
    """)
    output = run(hub, tmp_path, "-c", script, code=1).output
    assert "tuned/07.parquet" in output and "tuned/.gitignore" in output and "delete that file" in output
    assert ("108 more" in output) == (parts > 1)
    assert hub.commits("dataset", repo) == before
    assert not [one for one in hub.requests[sent:] if one.method == "PUT" or "/commit/" in one.path]


def test_a_file_that_the_commit_left_out_is_noticed(hub, tmp_path):
    """Whatever the reason; and the file that completes an upload of several commits is not sent then."""
    script = textwrap.dedent("""
        from huggingface_hub import HfApi
        from space.hub.push import Upload, push
        made = HfApi.create_commit
        def lossy(api, repo, operations, **rest):
            return made(api, repo, [one for one in operations if "17" not in one.path_in_repo], **rest)
        HfApi.create_commit = lossy
        parts = {f"tuned/{number}.parquet": b"%d" % number for number in range(120)}
        push(Upload("alice/lossy", "dataset", parts | {"manifest.json": b"{}"}, "Upload", last="manifest.json"))
    """)
    output = run(hub, tmp_path, "-c", script, code=1).output
    assert "the Hub left out 'tuned/17.parquet'" in output
    assert "manifest.json" not in hub.files("dataset", "alice/lossy")


def test_a_file_that_arrives_with_another_size_is_noticed(hub, tmp_path):
    script = textwrap.dedent("""
        from huggingface_hub import CommitOperationAdd, HfApi
        from space.hub.push import commit
        made = HfApi.create_commit
        def cut(api, repo, operations, **rest):
            return made(api, repo, [CommitOperationAdd(one.path_in_repo, b"a") for one in operations], **rest)
        HfApi.create_commit = cut
        HfApi().create_repo("alice/cut", exist_ok=True)
        commit("alice/cut", "model", [CommitOperationAdd("notes.txt", b"abc")], "Upload", None)
    """)
    assert "'notes.txt' arrived with another size" in run(hub, tmp_path, "-c", script, code=1).output
