"""What visitors left in a data set on a local Hub; each run is a process with a folder as its disk."""

import json
import subprocess
import sys
import textwrap

import pytest
import yaml
from conftest import ROOT
from hub_server import Fault, HubServer

OWNER = "hf_" + "Cn3" * 11

# Forks a process for each run, so that there is one import. A run counts so many searches for a product, starts the
# sync, and prints the report after its first turn.
RUNS = textwrap.dedent("""
    import json, logging, os, signal, sys, time
    from pathlib import Path
    from space.feedback.remote import ANSWERS
    from space.feedback.sync import Sync
    from space.feedback.usage import Usage
    from space.feedback.votes import Vote, Votes

    def run(folder, repo, product, number, end, flags):
        logging.basicConfig(format="%(message)s", level=logging.WARNING)
        if "no token" in flags:
            del os.environ["HF_TOKEN"]
        usage = Usage(Path(folder), log_queries="queries" in flags)
        for _ in range(number):
            usage.shown([("us", product)], f"secret {product}")
        if number:
            usage.opened("us", product)
        votes = Votes(usage.journal)
        if "vote" in flags:
            votes.add(Vote("2026-01-02T03:04:05+00:00", product, "us", "mug", "base", "tuned", "first", "m", True))
        kinds = ["counts", *ANSWERS, *(["queries"] if "queries" in flags else [])]
        minutes = 0.005 if "removed" in flags else 60
        backup = Sync(usage.journal, repo, minutes=minutes, kinds=kinds, flush=usage.flush)
        backup.start()
        for _ in range(400):
            time.sleep(0.02)
            if backup.turns:
                break
        if "later" in flags:
            usage.shown([("us", product)], f"secret {product}")
        report = usage.report()
        said = {one.product_id: [one.shown, one.opened] for one in report.most_shown}
        answer = [said, report.searches, report.queries]
        answer += [sorted(vote.rater for vote in votes.all())] if "vote" in flags else []
        if "removed" in flags:  # by the owner's command, on another machine
            from space.feedback.collecting import remove
            remove(repo, product)
            for _ in range(500):
                if not votes.all():
                    break
                time.sleep(0.02)
            answer += [[vote.rater for vote in votes.all()]]
        print(json.dumps(answer), flush=True)
        if end == "kill":
            os.kill(os.getpid(), signal.SIGKILL)

    for line in sys.stdin:
        child = os.fork()
        if not child:
            run(*json.loads(line))
            sys.exit()
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
""")


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with HubServer(tmp_path_factory.mktemp("hub"), {OWNER: "alice"}) as server:
        yield server


@pytest.fixture(scope="module")
def process(hub, tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    env = hub.env(folder, OWNER, PYTHONPATH=str(ROOT))
    with (folder / "said").open("w") as said:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": said, "text": True}
        process = subprocess.Popen([sys.executable, "-c", RUNS], cwd=ROOT, env=env, **pipes)
        process.said = folder / "said"
        yield process
        process.communicate()


@pytest.fixture
def run(process, tmp_path):
    """Makes one run with ``disk`` as its folder; returns [{product: [shown, opened]}, searches, queries]."""

    def once(disk, product, number, end="finish", *flags, repo):
        before = len(process.said.read_text())
        process.stdin.write(json.dumps([str(tmp_path / disk), f"alice/{repo}", product, number, end, flags]) + "\n")
        process.stdin.flush()
        answer, code = process.stdout.readline(), int(process.stdout.readline())
        once.said = process.said.read_text()[before:]
        assert code == (-9 if end == "kill" else 0), once.said
        assert OWNER not in answer + once.said and "Traceback" not in once.said, once.said
        return json.loads(answer)

    return once


def lines(hub, repo, kind="counts"):
    """[line] of the files of a kind in the data set."""
    files = hub.files("dataset", f"alice/{repo}")
    return [
        json.loads(line)
        for name in sorted(files)
        if name.startswith(f"{kind}/")
        for line in files[name].decode().splitlines()
    ]


def test_counts_outlive_disks_and_kills_and_none_counts_twice(hub, run):
    """On a Space each run starts with an empty disk. The first run ends in order, the second brings it back and is
    killed, the third runs beside what the second left. Then they run again with their disks, as on other machines.
    """
    repo = "kept"
    assert run("first", "a", 3, "finish", "later", repo=repo) == [{"a": [4, 1]}, 4, None]
    assert sum(line["searches"] for line in lines(hub, repo)) == 4  # the last one came with the commit at the end
    assert run("second", "b", 2, "kill", repo=repo) == [{"a": [4, 1], "b": [2, 1]}, 6, None]
    assert run("third", "a", 1, repo=repo) == [{"a": [5, 2], "b": [2, 1]}, 7, None]
    assert run("second", "c", 1, repo=repo) == [{"a": [5, 2], "b": [2, 1], "c": [1, 1]}, 8, None]
    for disk in ("fourth", "second"):
        assert run(disk, "a", 0, repo=repo) == [{"a": [5, 2], "b": [2, 1], "c": [1, 1]}, 8, None]
    assert sum(line["searches"] for line in lines(hub, repo)) == 8


def test_votes_outlive_disks_and_kills_and_none_counts_twice(hub, run):
    """Two disks of which one comes back, and a rater who votes again: the first vote counts, on every machine."""
    repo = "votes"
    assert run("first", "ann", 1, "finish", "vote", repo=repo)[3] == ["ann"]
    assert run("second", "bob", 1, "kill", "vote", repo=repo)[3] == ["ann", "bob"]
    assert run("third", "ann", 1, "kill", "vote", repo=repo)[3] == ["ann", "bob"]
    assert run("first", "cid", 0, "finish", "vote", repo=repo)[3] == ["ann", "bob", "cid"]


def test_a_running_page_hears_of_a_removal(hub, run):
    """The owner removes a rater from the data set. The page reads it with its next commit, without a restart."""
    assert run("first", "ann", 1, "kill", "vote", "removed", repo="removed")[3:] == [["ann"], []]
    assert run("second", "bob", 0, "kill", "vote", repo="removed")[3] == ["bob"]


def test_the_card_names_what_other_machines_have_committed(hub, run):
    """A model's grades come from the owner's machine; a page with an empty disk must not take them off the card."""
    repo = "card"
    run("first", "a", 1, repo=repo)
    hub.commit("dataset", f"alice/{repo}", {"machine/2026-01-02-x.jsonl": b"{}\n"})
    run("second", "b", 1, repo=repo)
    card = yaml.safe_load(hub.files("dataset", f"alice/{repo}")["README.md"].decode().split("---")[1])
    assert [one["config_name"] for one in card["configs"]] == ["counts", "machine"]


def test_what_is_committed(hub, run):
    """A private data set with the configs that load_dataset needs, without query texts and local files."""
    run("disk", "a", 2, repo="seen")
    files = hub.files("dataset", "alice/seen")
    assert hub.repos["dataset", "alice/seen"].private
    assert not [name for name, content in files.items() if b"secret" in content or name.startswith("queries/")]
    assert {name.split("/")[0] for name in files} - {".gitattributes"} == {"README.md", "counts"}
    assert [line["shown"] for line in lines(hub, "seen")] == [{"us": {"a": 2}}]
    card = yaml.safe_load(files["README.md"].decode().split("---")[1])
    assert card["configs"] == [{"config_name": "counts", "data_files": "counts/*.jsonl"}]


def test_a_run_without_a_search_commits_nothing(hub, run):
    """A Space that sleeps and wakes would otherwise fill its data set with empty files."""
    run("disk", "a", 0, repo="idle")
    assert set(hub.files("dataset", "alice/idle")) <= {".gitattributes"}


def test_query_texts_are_committed_only_if_turned_on(hub, run, tmp_path):
    """When that is turned off again, they are neither copied to a disk nor committed."""
    run("disk", "a", 3, "kill", "queries", repo="asked")
    assert lines(hub, "asked", "queries") == [{"queries": {"secret a": 3}}]
    assert run("other", "b", 1, "kill", "queries", repo="asked")[2] == [["secret a", 3], ["secret b", 1]]
    assert run("third", "b", 1, repo="asked")[0] == {"a": [3, 1], "b": [2, 2]}
    assert not [path for path in (tmp_path / "third").rglob("*") if path.is_file() and b"secret" in path.read_bytes()]


def test_nothing_goes_to_a_public_data_set(hub, run):
    """What visitors left is not for everyone; the log says so, and the counts stay on the disk."""
    hub.create_repo("dataset", "alice/open", private=False)
    assert run("disk", "a", 3, "finish", "queries", repo="open")[0] == {"a": [3, 1]}
    assert "alice/open is public" in run.said
    assert set(hub.files("dataset", "alice/open")) <= {".gitattributes"}


@pytest.mark.parametrize("broken", ["no token", "forbidden"])
def test_a_hub_that_refuses_stops_nothing_and_is_said_once(hub, run, broken):
    """The counts stay on the disk, the process ends in order, and the next run brings them up to date."""
    repo = broken.replace(" ", "-")
    with hub.fault(Fault("/api/" if broken == "forbidden" else "^$", 403, times=None)):
        assert run("disk", "a", 2, "finish", broken, repo=repo)[:2] == [{"a": [2, 1]}, 2]
    assert run.said.count("is not brought up to date") == 1
    assert ("dataset", f"alice/{repo}") not in hub.repos
    assert run("disk", "a", 1, repo=repo)[:2] == [{"a": [3, 2]}, 3]
    assert sum(line["searches"] for line in lines(hub, repo)) == 3


def test_a_commit_that_fails_is_made_up_for(hub, run):
    """The Hub answers at the start and refuses the commit: said once, and the next run commits what is on the disk."""
    with hub.fault(Fault("/commit/", 403, times=None)):
        assert run("disk", "a", 2, repo="refused")[:2] == [{"a": [2, 1]}, 2]
    assert run.said.count("is not brought up to date") == 1
    assert lines(hub, "refused") == []
    run("disk", "a", 0, repo="refused")
    assert sum(line["searches"] for line in lines(hub, "refused")) == 2


def test_a_line_that_cannot_be_read_is_left_out_and_left_alone(hub, run):
    """After an edit by hand the rest counts, the file is named, and it is not overwritten."""
    run("disk", "a", 2, repo="edited")
    (name,) = [name for name in hub.files("dataset", "alice/edited") if name.startswith("counts/")]
    edited = b'no JSON\n{"day": "2026-01-02", "searches": 5, "shown": {"us": {"a": 5}}}\n'
    hub.commit("dataset", "alice/edited", {name: edited})
    assert run("other", "b", 1, repo="edited")[:2] == [{"a": [5, 0], "b": [1, 1]}, 6]
    assert f"{name}: a line" in run.said
    assert hub.files("dataset", "alice/edited")[name] == edited
