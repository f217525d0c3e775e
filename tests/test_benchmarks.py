"""The command that runs all benchmarks: its table against the scripts, and what it does with one that fails."""

import json
import re
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT

FOLDER = ROOT / "benchmarks"
ALL = runpy.run_path(str(FOLDER / "all.py"), run_name="all")
SCRIPTS = {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.py")}
RUNS = ALL["RUNS"]


def test_every_benchmark_is_run_or_left_out_with_a_reason():
    """A script that somebody adds and forgets here would have results that nobody can make again."""
    started = {name for name, text in SCRIPTS.items() if '__name__ == "__main__"' in text}
    assert started >= {"all", "topk"}
    assert set(RUNS) <= started <= set(RUNS) | set(ALL["LEFT_OUT"])


@pytest.mark.parametrize("name", RUNS)
def test_flags_are_the_script_s(name):
    """Read from the source: to import a script would need the peers."""
    known = set(re.findall(r'add_argument\(\s*"(--[\w-]+)"', SCRIPTS[name]))
    given = {word for word in RUNS[name].words(1.0) if word.startswith("--")}
    assert given <= known
    assert RUNS[name].measures == ("json.dumps" in SCRIPTS[name])


def test_sizes_go_down_to_a_least_one():
    assert RUNS["topk"].words(1) == ["--rows", "1215854", "--products", "10000", "--rounds", "5"]
    assert RUNS["topk"].words(0.1) == ["--rows", "121585", "--products", "1000", "--rounds", "2"]
    assert RUNS["topk"].words(0.001) == ["--rows", "2000", "--products", "100", "--rounds", "2"]


def test_half_an_hour_is_enough_at_scale_one():
    assert sum(run.about for run in RUNS.values()) < 30 * 60


@pytest.fixture
def scripts(tmp_path, monkeypatch):
    """Benchmarks that are quick: one that fails, one whose last line is no JSON, one that only prints a table."""
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


def test_one_that_fails_does_not_stop_the_others_and_is_told(scripts, capfd):
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
    """It runs in a session of its own: left alone it would go on for minutes, and spoil what is measured next."""
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
    """Whether a process runs; one that has ended and that nobody has waited for does not."""
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
