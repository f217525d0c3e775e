"""The counts in a data set on a local Hub; each run is a process with a folder as its disk."""

import json
import subprocess
import sys
import textwrap
from datetime import date, timedelta

import pytest
import yaml
from conftest import ROOT
from hub_server import Fault, HubServer

from space.feedback import lineages

OWNER = "hf_" + "Cn3" * 11

# Forks a process for each run, so that there is one import. A run counts so many searches for a product, starts the
# backup, and prints the report after its first turn.
RUNS = textwrap.dedent("""
    import json, logging, os, signal, sys, time
    from pathlib import Path
    from space.feedback.backup import Backup
    from space.feedback.usage import Usage

    def run(folder, repo, product, number, end, flags):
        logging.basicConfig(format="%(message)s", level=logging.WARNING)
        if "no token" in flags:
            del os.environ["HF_TOKEN"]
        usage = Usage(Path(folder) / "counts.sqlite3", log_queries="queries" in flags)
        for _ in range(number):
            usage.shown([("us", product)], f"secret {product}")
        if number:
            usage.opened("us", product)
        backup = Backup(usage, repo, minutes=60)
        backup.start()
        for _ in range(400):
            time.sleep(0.02)
            if backup.turns:
                break
        if "later" in flags:
            usage.shown([("us", product)], f"secret {product}")
        report = usage.report()
        said = {one.product_id: [one.shown, one.opened] for one in report.most_shown}
        print(json.dumps([said, report.searches, report.queries]), flush=True)
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


def notes(hub, repo):
    """{id: note} of the lineages in the data set."""
    files = hub.files("dataset", f"alice/{repo}")
    return {name.split("/")[1][:-5]: json.loads(files[name]) for name in files if name.startswith("lineages/")}


def test_counts_outlive_disks_and_kills_and_none_counts_twice(hub, run):
    """On a Space each run starts with an empty disk. The first run ends in order, the second takes it over and is
    killed, the third runs beside what the second left. Then they run again with their disks, as on other machines.
    """
    repo = "kept"
    assert run("first", "a", 3, "finish", "later", repo=repo) == [{"a": [4, 1]}, 4, None]
    assert [note["finished"] for note in notes(hub, repo).values()] == [True]
    assert run("second", "b", 2, "kill", repo=repo) == [{"a": [4, 1], "b": [2, 1]}, 6, None]
    assert [note["finished"] for note in notes(hub, repo).values()] == [False]  # the first one's files are gone
    assert len([name for name in hub.files("dataset", "alice/kept") if name.endswith(".csv")]) == 2
    assert run("third", "a", 1, repo=repo) == [{"a": [5, 2], "b": [2, 1]}, 7, None]
    assert len(notes(hub, repo)) == 2
    assert run("second", "c", 1, repo=repo) == [{"a": [5, 2], "b": [2, 1], "c": [1, 1]}, 8, None]
    for disk in ("fourth", "second"):
        assert run(disk, "a", 0, repo=repo) == [{"a": [5, 2], "b": [2, 1], "c": [1, 1]}, 8, None]


def test_an_abandoned_run_is_taken_over(hub, run):
    """Otherwise every kill would leave its files for ever. Before a week a live run could be counted twice."""
    run("disk", "a", 2, "kill", repo="left")
    (lineage,) = notes(hub, "left")
    for days in (6, 8):
        note = {"finished": False, "written": (date.today() - timedelta(days)).isoformat()}
        hub.commit("dataset", "alice/left", {f"lineages/{lineage}.json": json.dumps(note).encode()})
        assert run(f"disk {days}", "b", 1, "kill", repo="left")[0]["a"] == [2, 1]
        assert (lineage in notes(hub, "left")) is (days == 6)


def test_what_is_committed(hub, run):
    """A private data set with the configs that load_dataset needs, without query texts and local files."""
    run("disk", "a", 2, repo="seen")
    files = hub.files("dataset", "alice/seen")
    assert hub.repos["dataset", "alice/seen"].private
    assert not [name for name, content in files.items() if b"secret" in content or name.startswith("queries/")]
    assert not [name for name in files if "sqlite" in name or name.endswith(".lock")]
    (lineage,) = notes(hub, "seen")
    assert files[f"products/{lineage}.csv"] == b'"locale","product_id","shown","opened"\n"us","a",2,1\n'
    card = yaml.safe_load(files["README.md"].decode().split("---")[1])
    assert [config["config_name"] for config in card["configs"]] == ["products", "days"]


def test_a_run_without_a_search_commits_nothing(hub, run):
    """A Space that sleeps and wakes would otherwise fill its data set with empty files."""
    run("disk", "a", 0, repo="idle")
    assert notes(hub, "idle") == {}


def test_query_texts_go_to_a_private_data_set_and_only_if_turned_on(hub, run, tmp_path):
    """When that is turned off again, they are not copied to a disk. A public data set never gets them."""
    run("disk", "a", 3, "kill", "queries", repo="asked")
    texts = [content for name, content in hub.files("dataset", "alice/asked").items() if name.startswith("queries/")]
    assert texts == [b'"query","asked"\n"secret a",3\n']
    assert run("other", "b", 1, "kill", "queries", repo="asked")[2] == [["secret a", 3], ["secret b", 1]]
    assert run("third", "b", 1, repo="asked")[0] == {"a": [3, 1], "b": [2, 2]}
    assert not [path for path in (tmp_path / "third").iterdir() if b"secret" in path.read_bytes()]
    hub.create_repo("dataset", "alice/open", private=False)
    run("fourth", "a", 3, "finish", "queries", repo="open")
    assert "alice/open is public" in run.said
    assert notes(hub, "open")
    assert not [name for name in hub.files("dataset", "alice/open") if name.startswith("queries/")]


@pytest.mark.parametrize("broken", ["no token", "forbidden"])
def test_a_hub_that_refuses_stops_nothing_and_is_said_once(hub, run, broken):
    """The counts stay on the disk, the process ends in order, and the next run brings them up to date."""
    repo = broken.replace(" ", "-")
    with hub.fault(Fault("/api/" if broken == "forbidden" else "^$", 403, times=None)):
        assert run("disk", "a", 2, "finish", broken, repo=repo)[:2] == [{"a": [2, 1]}, 2]
    assert run.said.count("is not brought up to date") == 1
    assert ("dataset", f"alice/{repo}") not in hub.repos
    assert run("disk", "a", 1, repo=repo)[:2] == [{"a": [3, 2]}, 3]


def test_counts_that_cannot_be_read_are_left_alone(hub, run):
    """After an edit by hand a guess could lose or double counts: nothing is committed, and the file is named."""
    run("disk", "a", 2, repo="edited")
    (lineage,) = notes(hub, "edited")
    edited = b"locale,product_id,shown,opened\nus,a,many,1\n"
    hub.commit("dataset", "alice/edited", {f"products/{lineage}.csv": edited})
    before = hub.commits("dataset", "alice/edited")
    assert run("other", "b", 1, repo="edited")[0] == {"b": [1, 1]}
    assert f"the counts of {lineage} in the data set cannot be read" in run.said
    assert hub.commits("dataset", "alice/edited") == before


def test_csv_keeps_what_a_product_id_can_be(tmp_path):
    """Zeros in front, commas, quotes and line ends."""
    rows = {("us", value): (1, 2) for value in ("00123", 'a,"b"', "line\nend", "line\rend", "", " ", "é", "=1+1")}
    (tmp_path / "a.csv").write_bytes(lineages.to_csv("products", rows))
    assert lineages.from_csv("products", tmp_path / "a.csv") == rows
