"""Counts: right under many threads and processes and after a kill, and without anything about visitors."""

import logging
import multiprocessing
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime

import pytest
import small_shop
from conftest import ROOT, environment

from space.errors import QueryError
from space.feedback import usage
from space.feedback.counts import Counts, TopProduct, begin_anew, fact, own, raise_to, take_over, transaction
from space.feedback.usage import Usage

A, B, C = ("us", "a"), ("us", "b"), ("jp", "a")


@pytest.fixture
def counts(tmp_path):
    made = Usage(tmp_path / "usage" / "counts.sqlite3", seconds=60)  # written when a test says so
    yield made
    made.close()


def top(report):
    return [(one.locale, one.product_id, one.shown, one.opened) for one in report.most_shown]


# -- what is counted -------------------------------------------------------------------------------------------------


def test_what_was_counted_is_reported(counts):
    """A product twice in one answer, as in two columns of a comparison, counts once; the same id in another locale is
    another product; opening a product that was never shown does not count."""
    counts.shown([A, B, A], "mug")
    counts.shown([A, C], "cup")
    counts.opened("us", "b")
    counts.opened("us", "b")
    counts.opened("us", "c")
    report = counts.report()
    assert top(report) == [("us", "a", 2, 0), ("us", "b", 1, 2), ("jp", "a", 1, 0)]
    assert report.most_opened == [TopProduct("us", "b", 1, 2)]
    assert (report.searches, report.shown, report.opened) == (2, 4, 2)
    assert report.since == datetime.now(UTC).date().isoformat() and report.days == [(report.since, 2)]


def test_nothing_counted_is_nothing_written(counts):
    """A page without visitors, or a look at its statistics, must not leave a file."""
    report = counts.report()
    assert (report.since, report.searches, report.most_shown, report.queries) == ("", 0, [], None)
    assert not counts.path.parent.exists()


def test_an_answer_without_hits_is_a_search(counts):
    counts.shown([], "xyzzy")
    assert (counts.report().searches, counts.report().shown) == (1, 0)


def test_counts_add_up_over_restarts(counts):
    """Opening the file again must add to it, not begin at zero."""
    for _ in range(3):
        again = Usage(counts.path, seconds=60)
        again.shown([A], "mug")
        again.close()
    assert top(counts.report()) == [("us", "a", 3, 0)]


@pytest.mark.parametrize("value", [None, 7, ["us"], "x" * 10_000, "\ud800", {"a": 1}])
def test_what_a_visitor_invents_is_not_kept(counts, value):
    """A visitor can send the event of an opened product with any value; it must not be stored nor stop the writer."""
    counts.shown([A], "mug")
    counts.opened(value, "a")
    counts.opened("us", value)
    assert counts.flush()
    assert top(counts.report()) == [("us", "a", 1, 0)] and counts.report().opened == 0


# -- privacy ---------------------------------------------------------------------------------------------------------


def bytes_of(folder):
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_query_texts_are_not_in_the_file_unless_turned_on(tmp_path):
    """In no table, index, freed page or log of the file."""
    for log_queries in (False, True):
        kept = Usage(tmp_path / str(log_queries) / "counts.sqlite3", log_queries=log_queries, seconds=60)
        kept.shown([A], "My SECRET   illness")
        kept.flush()
        assert (b"secret illness" in bytes_of(kept.path.parent).lower()) is log_queries
        assert kept.report().queries == ([("my secret illness", 1)] if log_queries else None)
        kept.close()
        assert (b"secret" in bytes_of(kept.path.parent).lower()) is log_queries


def test_there_is_no_column_for_a_visitor(counts):
    """A new column is a decision about privacy: change this test with it, and the page's promise too."""
    counts.shown([A], "mug")
    counts.flush()
    with closing(sqlite3.connect(counts.path)) as file:
        tables = [name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        columns = {name: [row[1] for row in file.execute(f"PRAGMA table_info({name})")] for name in tables}
        facts = [name for (name,) in file.execute("SELECT name FROM facts")]
    assert columns == {
        "facts": ["name", "value"],
        "products": ["part", "locale", "product_id", "shown", "opened"],
        "queries": ["part", "query", "asked"],
        "days": ["part", "day", "searches", "shown", "opened"],
    }
    assert facts == ["lineage"]


# -- bounds ----------------------------------------------------------------------------------------------------------


def test_the_file_is_bounded_and_the_totals_stay_right(tmp_path, monkeypatch):
    """A flood of junk queries must neither fill the disk nor push out what people often asked."""
    monkeypatch.setattr(usage, "MAX_PRODUCTS", 20)
    monkeypatch.setattr(usage, "MAX_QUERIES", 10)
    counts = Usage(tmp_path / "counts.sqlite3", log_queries=True, seconds=60)
    for _ in range(3):
        counts.shown([A, B], "red shoes")
    for number in range(200):
        counts.shown([("us", f"p{number:03}")], f"junk {number} " + "x" * 1000)
        if number % 7 == 0:
            counts.flush()
    report = counts.report(top=100)
    counts.close()
    assert len(report.most_shown) <= 20 and len(report.queries) <= 10
    assert top(report)[:2] == [("us", "a", 3, 0), ("us", "b", 3, 0)] and report.queries[0] == ("red shoes", 3)
    assert max(len(text) for text, _ in report.queries) <= usage.MAX_QUERY_CHARACTERS
    assert (report.searches, report.shown) == (203, 206)


def test_what_waits_for_a_failing_disk_is_bounded(tmp_path, monkeypatch):
    """If the disk is full for days, the memory must not fill up."""
    monkeypatch.setattr(usage, "MAX_WAITING", 50)
    (tmp_path / "file").write_text("in the way")
    counts = Usage(tmp_path / "file" / "counts.sqlite3", log_queries=True, seconds=60)
    for number in range(300):
        counts.shown([("us", str(number)), A], f"query {number}")
        if number % 20 == 0:
            assert not counts.flush()
    assert not counts.flush()
    waiting = counts._waiting
    assert len(waiting.shown) + len(waiting.queries) + len(waiting.openings) <= 50
    assert waiting.shown[A] == 300 and waiting.searches.total() == 300
    counts._waiting = type(waiting)()  # nothing for close() to try


# -- failures --------------------------------------------------------------------------------------------------------


def test_a_folder_that_cannot_be_written_warns_once_and_loses_nothing_when_cured(tmp_path, caplog):
    """A full disk or a read-only folder must not break a search."""
    (tmp_path / "usage").write_text("in the way")
    counts = Usage(tmp_path / "usage" / "counts.sqlite3", seconds=60)
    with caplog.at_level(logging.INFO, "space.feedback.usage"):
        for _ in range(3):
            counts.shown([A], "mug")
            assert not counts.flush()
        assert counts.report() is None
        warnings = [record.message for record in caplog.records if "cannot be written" in record.message]
        assert len(warnings) == 1 and "the search goes on" in warnings[0]
        (tmp_path / "usage").unlink()
        assert top(counts.report()) == [("us", "a", 3, 0)]
        assert "is written again" in caplog.text
    counts.close()


def test_another_file_is_not_overwritten(tmp_path):
    """--usage-file names another file by mistake: its content must stay."""
    path = tmp_path / "thesis.txt"
    path.write_text("years of work " * 1000)
    counts = Usage(path, seconds=60)
    counts.shown([A], "mug")
    counts.close()
    assert counts.report() is None and path.read_text() == "years of work " * 1000


def test_a_locked_file_does_not_delay_a_search(counts):
    """Another process may lock the file for seconds; counting only adds to memory."""
    counts.shown([A], "mug")
    counts.flush()
    with closing(sqlite3.connect(counts.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        writer = threading.Thread(target=counts.flush)
        counts.shown([A], "mug")
        writer.start()
        time.sleep(0.1)  # it waits for the lock now
        begun = time.perf_counter()
        counts.shown([A, B], "mug")
        assert time.perf_counter() - begun < 0.1
        other.execute("ROLLBACK")
    writer.join()
    assert counts.report().searches == 3


def test_the_first_count_starts_the_thread_that_writes(tmp_path):
    counts = Usage(tmp_path / "counts.sqlite3", seconds=0.05)
    counts.shown([A], "mug")
    for _ in range(100):
        time.sleep(0.05)
        if counts.path.exists() and Usage(counts.path).report().searches:
            break
    assert top(Usage(counts.path).report()) == [("us", "a", 1, 0)]
    counts.close()


# -- many at once ----------------------------------------------------------------------------------------------------


def test_threads_lose_nothing(tmp_path):
    """Counts that come while others are being written."""
    counts = Usage(tmp_path / "counts.sqlite3", seconds=0.005)

    def ask():
        for _ in range(200):
            counts.shown([A, B], "mug")
            counts.opened(*B)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert top(counts.report()) == [("us", "b", 1600, 1600), ("us", "a", 1600, 0)]
    counts.close()


WORKER = """
import sys
from pathlib import Path
from space.feedback.usage import Usage
counts = Usage(Path(sys.argv[1]), seconds=60)
for number in range(int(sys.argv[2])):
    counts.shown([("us", "shared"), ("us", sys.argv[3])], "mug")
    if number % 5 == 4:
        while not counts.flush():
            pass
        print(number + 1, flush=True)
counts.close()
"""


def test_processes_share_a_file_and_a_kill_in_the_middle_harms_no_other(tmp_path):
    """After SIGKILL while writing, the confirmed counts are there, other processes' too, and the file is sound."""
    path = tmp_path / "counts.sqlite3"

    def start(name, number):
        words = [sys.executable, "-c", WORKER, str(path), str(number), name]
        return subprocess.Popen(words, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True)

    lasting = [start("lasting", 60), start("lasting", 60)]
    doomed = [start("doomed", 10**9), start("doomed", 10**9)]
    confirmed = 0
    for place, process in enumerate(doomed):
        for _ in range(8 + 5 * place):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.communicate()
        confirmed += 5 * (8 + 5 * place)
    assert [process.wait() for process in lasting] == [0, 0]
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    found = {one.product_id: one.shown for one in Usage(path).report().most_shown}
    assert found["lasting"] == 120 and found["doomed"] >= confirmed
    assert found["shared"] == found["lasting"] + found["doomed"] == Usage(path).report().searches


def test_a_fork_does_not_write_what_its_parent_will(counts):
    """ZeroGPU forks the process for each search, with the counts in its memory."""
    counts.shown([A], "mug")
    child = multiprocessing.get_context("fork").Process(target=counts.close)
    child.start()
    child.join()
    assert child.exitcode == 0 and not counts.path.exists()
    assert top(counts.report()) == [("us", "a", 1, 0)]


# -- the engine ------------------------------------------------------------------------------------------------------


def test_the_engine_counts_answers_once_and_refusals_never(counts):
    """A comparison is one search, however many systems answer it."""
    engine = small_shop.engine(usage=counts)
    found = engine.search("red shoes", 5)
    compared = engine.compare("red shoes", 5)
    for wrong in ({"query": ""}, {"query": "x", "k": 0}, {"query": "x", "brand": "nobody"}):
        with pytest.raises(QueryError):
            engine.search(**wrong)
    first = {(hit.product_locale, hit.product_id) for hit in found.hits}
    second = {(hit.product_locale, hit.product_id) for one in compared.systems.values() for hit in one.hits}
    assert len(second) < sum(len(one.hits) for one in compared.systems.values())
    report = counts.report(top=100)
    assert report.searches == 2
    assert {(one.locale, one.product_id): one.shown for one in report.most_shown} == {
        key: (key in first) + (key in second) for key in first | second
    }


def test_the_engine_under_a_fork_counts_in_the_parent(counts):
    """On ZeroGPU, counts in the forked process would be lost."""
    from test_spaces import forked

    engine = small_shop.engine(usage=counts, gpu=forked([]))
    engine.search("red shoes", 3)
    assert (counts.report().searches, counts.report().shown) == (1, 3)


# -- other copies ----------------------------------------------------------------------------------------------------


def test_taking_over_and_beginning_anew_keep_the_sums(counts):
    """The steps of the backup: after each one the sums that a visitor sees are right."""
    counts.shown([A], "mug")
    counts.flush()
    today = counts.report().since
    other = Counts({A: (5, 2), C: (1, 0)}, {}, {("2026-01-02",): (5, 6, 2)})
    with transaction(counts.path) as file:
        take_over(file, Counts(), other)
        assert own(file) == Counts({A: (1, 0)}, {}, {(today,): (1, 1, 0)})
    assert top(counts.report()) == [("us", "a", 6, 2), ("jp", "a", 1, 0)]
    with transaction(counts.path) as file:
        take_over(file, other, Counts())
        assert own(file).products == {A: (6, 2), C: (1, 0)}
    assert top(counts.report()) == [("us", "a", 6, 2), ("jp", "a", 1, 0)] and counts.report().since == "2026-01-02"
    with transaction(counts.path) as file:
        raise_to(file, Counts({A: (7, 1), B: (1, 0)}))
        assert own(file).products == {A: (7, 2), B: (1, 0), C: (1, 0)}
        lineage = fact(file, "lineage")
        begin_anew(file)
        assert own(file) == Counts() and fact(file, "lineage") != lineage
    assert top(counts.report()) == [("us", "a", 7, 2), ("jp", "a", 1, 0), ("us", "b", 1, 0)]
