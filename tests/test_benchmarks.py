"""The command that runs all benchmarks, and the pages that two of them print."""

import json
import re
import runpy
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT

from space import settings

FOLDER = ROOT / "benchmarks"
ALL = runpy.run_path(str(FOLDER / "all.py"), run_name="all")
SCRIPTS = {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.py")}
RUNS = ALL["RUNS"]


def test_every_benchmark_is_run_or_left_out_with_a_reason():
    """A new script that is missing here would have results that cannot be repeated."""
    started = {name for name, text in SCRIPTS.items() if '__name__ == "__main__"' in text}
    assert started >= {"all", "topk"}
    assert set(RUNS) <= started <= set(RUNS) | set(ALL["LEFT_OUT"])


@pytest.mark.parametrize("name", RUNS)
def test_flags_are_known_to_the_script(name):
    """They are read from the source, since importing a script would need the peers."""
    known = set(re.findall(r'add_argument\(\s*"(--[\w-]+)"', SCRIPTS[name]))
    given = {word for word in RUNS[name].words(1.0) if word.startswith("--")}
    assert given <= known
    assert RUNS[name].measures == ("json.dumps" in SCRIPTS[name])


def test_sizes_go_down_to_a_least_one():
    assert RUNS["topk"].words(1) == ["--rows", "1215854", "--products", "10000", "--rounds", "5"]
    assert RUNS["topk"].words(0.1) == ["--rows", "121585", "--products", "1000", "--rounds", "2"]
    assert RUNS["topk"].words(0.001) == ["--rows", "2000", "--products", "100", "--rounds", "2"]


@pytest.mark.parametrize("name", ["plan", "capacity"])
def test_a_page_has_the_table_that_its_script_prints(name):
    """An assumption that is changed in the script alone would leave old hours and dollars on the page."""
    page = (FOLDER / f"{name.upper()}.md").read_text(encoding="utf-8")
    assert runpy.run_path(str(FOLDER / f"{name}.py"))["table"]() in page


def test_the_commands_of_the_plan_are_taken():
    page = (FOLDER / "PLAN.md").read_text(encoding="utf-8")
    commands = re.findall(r"^(?:accelerate launch .*|python )(train|build_embeddings)\.py (.+)$", page, re.M)
    assert [script for script, _ in commands] == 2 * ["train", "build_embeddings"]
    kinds = {"train": settings.TrainSettings, "build_embeddings": settings.BuildSettings}
    for script, arguments in commands:
        assert settings.parse(kinds[script], shlex.split(arguments)).dataset == "tasksource/esci"


@pytest.fixture
def scripts(tmp_path, monkeypatch):
    """Quick benchmarks: one fails, one ends without JSON, one only prints a table, one works."""
    texts = {
        "broken": "import sys; sys.exit(3)",
        "silent": "print('no figures')",
        "table": "print('| a |')",
        "good": 'import sys; print(\'at work\'); print(\'{"benchmark": "good", "flags": "\' + sys.argv[2] + \'"}\')',
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text)
    run = ALL["Run"]
    runs = {"broken": run(1), "silent": run(1), "table": run(1, measures=False), "good": run(1, {"--n": (10, 1)})}
    for name, value in (("FOLDER", tmp_path), ("RUNS", runs)):
        monkeypatch.setitem(ALL["main"].__globals__, name, value)
    before = signal.getsignal(signal.SIGTERM)
    yield tmp_path
    signal.signal(signal.SIGTERM, before)


def test_a_failed_one_is_reported_and_the_others_run(scripts, capfd):
    results = scripts / "results"
    assert ALL["main"](["--scale", "0.5", "--results", str(results)]) == 1
    assert [path.name for path in results.iterdir()] == ["good.json"]
    assert json.loads((results / "good.json").read_text()) == {"benchmark": "good", "flags": "5", "scale": 0.5}
    said = capfd.readouterr().out
    assert "   at work\n" in said
    for line in (
        "broken .* failed: exit status 3",
        "silent .* failed: its last line",
        "table .* done",
        "good .* done",
    ):
        assert re.search(line, said)
    assert ALL["main"](["--only", "good", "--results", str(results)]) == 0


def test_a_stop_reaches_the_benchmark_at_work(scripts):
    """It runs in its own session: left alone it would go on for minutes and slow down the next measurement."""
    (scripts / "good.py").write_text("import os, time; print(os.getpid(), flush=True); time.sleep(60)")
    code = f"""
import runpy, sys
all = runpy.run_path({str(FOLDER / "all.py")!r})
run = all["Run"]
from pathlib import Path
all["main"].__globals__.update(FOLDER=Path({str(scripts)!r}), RUNS={{"good": run(1)}})
all["main"](["--results", {str(scripts / "results")!r}])
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "== good\n"
    worker = int(process.stdout.readline())
    process.terminate()
    assert process.wait(20) == 143
    for _ in range(100):
        if not alive(worker):
            break
        time.sleep(0.1)
    assert not alive(worker)


def alive(number):
    """Whether a process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_one_that_hangs_is_stopped(monkeypatch, tmp_path):
    monkeypatch.setitem(ALL["echoed"].__globals__, "LIMIT", 0.3)
    code, _ = ALL["echoed"]([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path)
    assert code == -9


@pytest.mark.parametrize("scale", ["0", "2", "-1"])
def test_a_scale_that_cannot_be_meant(scale, capsys):
    with pytest.raises(SystemExit):
        ALL["main"](["--scale", scale])
    assert "use more than 0 and at most 1" in capsys.readouterr().err
