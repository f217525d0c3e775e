"""How busy the machine was during a benchmark, and memory, by counters worked out by hand."""

import runpy

import pytest
from conftest import ROOT

MACHINE = runpy.run_path(str(ROOT / "benchmarks" / "machine.py"), run_name="machine")
load, Counters = MACHINE["load"], MACHINE["Counters"]
STAT = """cpu  {0} 0 0 {1} 0 0 0 {2} 0 0
cpu0 {0} 0 0 {1} 0 0 0 {2} 50 0
cpu1 9999999 0 0 0 0 0 0 0 0 0
intr 1 2 3
"""


def test_own_work_is_not_load():
    """Two cores for 100 s: 120 s of work, all of it the benchmark's and that of its children."""
    found = load(Counters(1000, 500, 0, 10, 0.1), Counters(1200, 580, 0, 130, 2.0))
    assert (found.others, found.steal, found.busy, found.load_before) == (0.0, 0.0, False, 0.1)


def test_work_of_others_and_of_the_host():
    found = load(Counters(1000, 500, 0, 10, 1.5), Counters(1200, 540, 20, 110, 2.0))
    assert (found.others, found.steal, found.busy) == (0.2, 0.1, True)
    assert load(Counters(1000, 500, 0, 10, 0), Counters(1200, 680, 20, 10, 0)).busy, "steal alone"


def test_a_child_that_ended_after_the_first_look_counts_as_own():
    """Its seconds since before the benchmark may exceed what the counters show; that is not negative load."""
    assert load(Counters(1000, 500, 0, 10, 0), Counters(1200, 600, 0, 190, 0)).others == 0.0


def test_only_the_cores_that_this_process_may_use_count(monkeypatch):
    """On a machine of 64 cores with two for the benchmark, the others may work."""
    read = Counters.now.__func__.__globals__
    monkeypatch.setitem(read, "_lines", lambda path: STAT.format(3000, 1000, 200).splitlines())
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0}, raising=False)
    monkeypatch.setitem(read, "_TICKS", 100)
    now = Counters.now()
    assert (now.all, now.idle, now.steal) == (42.0, 10.0, 2.0)


@pytest.mark.parametrize("busy", [True, False])
def test_a_busy_machine_is_said_and_kept(busy, monkeypatch, capsys):
    describe = MACHINE["describe"]
    after = Counters(1200, 540 if busy else 640, 20 if busy else 0, 70, 2.0)
    monkeypatch.setitem(describe.__globals__, "_BEFORE", Counters(1000, 500, 0, 10, 1.5))
    monkeypatch.setattr(Counters, "now", classmethod(lambda cls: after))
    assert describe()["load"]["busy"] is busy
    assert ("busy" in capsys.readouterr().err) is busy


def test_memory_of_a_process_in_megabytes(monkeypatch):
    """Linux counts in kB of 1,024 bytes; other systems have no such file."""
    memory = MACHINE["memory"]
    status = ["Name:\tpython", "VmHWM:\t  4000000 kB", "RssAnon:\t 2000000 kB", "RssFile:\t 1000 kB"]
    monkeypatch.setitem(memory.__globals__, "_lines", {"/proc/7/status": status, "/proc/8/status": []}.get)
    assert memory(7) == {"peak": 4096, "own": 2048, "mapped": 1}
    assert memory(8) == {}
