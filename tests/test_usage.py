"""Counts: right under many threads and processes and after a kill, and without anything about visitors."""

import logging
import multiprocessing
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime

import pytest
import small_shop
from conftest import ROOT, environment

from space.errors import QueryError
from space.feedback import counts as sums
from space.feedback import usage
from space.feedback.counts import TopProduct
from space.feedback.journal import Journal, Reader
from space.feedback.usage import Usage

A, B, C = ("us", "a"), ("us", "b"), ("jp", "a")


@pytest.fixture
def counts(tmp_path):
    made = Usage(tmp_path / "feedback", seconds=60)  # written when a test says so
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
    assert not counts.journal.folder.exists()


def test_an_answer_without_hits_is_a_search(counts):
    counts.shown([], "xyzzy")
    assert (counts.report().searches, counts.report().shown) == (1, 0)


def test_counts_add_up_over_restarts(counts):
    """Opening the file again must add to it, not begin at zero."""
    for _ in range(3):
        again = Usage(counts.journal.folder, seconds=60)
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
        kept = Usage(tmp_path / str(log_queries), log_queries=log_queries, seconds=60)
        kept.shown([A], "My SECRET   illness")
        kept.flush()
        assert (b"secret illness" in bytes_of(kept.journal.folder).lower()) is log_queries
        assert kept.report().queries == ([("my secret illness", 1)] if log_queries else None)
        kept.close()
        assert (b"secret" in bytes_of(kept.journal.folder).lower()) is log_queries


def test_there_is_no_column_for_a_visitor(tmp_path):
    """A new name in a line is a decision about privacy: change this test with it, and the page's promise too."""
    counts = Usage(tmp_path, log_queries=True, seconds=60)
    counts.shown([A], "mug")
    counts.opened(*A)
    counts.close()
    lines = {kind: list(Reader(counts.journal, kind).new()) for kind in ("counts", "queries")}
    day = datetime.now(UTC).date().isoformat()
    shown = {"day": day, "searches": 1, "delivered": 1, "openings": 1, "shown": {"us": {"a": 1}}}
    assert lines == {"counts": [shown | {"opened": {"us": {"a": 1}}}], "queries": [{"queries": {"mug": 1}}]}
    assert {path.name for path in tmp_path.iterdir()} == {"counts", "queries"}


# -- bounds ----------------------------------------------------------------------------------------------------------


def test_the_memory_is_bounded_and_the_totals_stay_right(tmp_path, monkeypatch):
    """A flood of junk queries must neither fill the memory nor push out what people often asked."""
    monkeypatch.setattr(sums, "MAX_PRODUCTS", 20)
    monkeypatch.setattr(sums, "MAX_QUERIES", 10)
    counts = Usage(tmp_path / "feedback", log_queries=True, seconds=60)
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


def test_a_flood_does_not_fill_the_disk(tmp_path, monkeypatch):
    """Beyond the limit only the totals by day are written, which are right."""
    monkeypatch.setattr(usage, "MAX_BYTES", 5_000)
    counts = Usage(tmp_path, log_queries=True, seconds=60)
    for number in range(300):
        counts.shown([("us", f"p{number:03}{'x' * 20}")], f"junk {number} " + "x" * 50)
        counts.flush()
    assert counts.report().searches == counts.report().shown == 300
    details = [line for line in Reader(counts.journal, "counts").new() if "shown" in line]
    assert 20 < len(details) < 60
    counts.close()


def test_what_waits_for_a_failing_disk_is_bounded(tmp_path, monkeypatch):
    """If the disk is full for days, the memory must not fill up."""
    monkeypatch.setattr(usage, "MAX_WAITING", 50)
    (tmp_path / "file").write_text("in the way")
    counts = Usage(tmp_path / "file" / "feedback", log_queries=True, seconds=60)
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
    (tmp_path / "feedback").write_text("in the way")
    counts = Usage(tmp_path / "feedback", seconds=60)
    with caplog.at_level(logging.INFO, "space.feedback.usage"):
        for _ in range(3):
            counts.shown([A], "mug")
            assert not counts.flush()
        assert counts.report() is None
        warnings = [record.message for record in caplog.records if "cannot be written" in record.message]
        assert len(warnings) == 1 and "the search goes on" in warnings[0]
        (tmp_path / "feedback").unlink()
        assert top(counts.report()) == [("us", "a", 3, 0)]
        assert "is written again" in caplog.text
    counts.close()


def test_another_file_is_not_overwritten(tmp_path):
    """--feedback names another file by mistake: its content must stay."""
    path = tmp_path / "thesis.txt"
    path.write_text("years of work " * 1000)
    counts = Usage(path, seconds=60)
    counts.shown([A], "mug")
    counts.close()
    assert counts.report() is None and path.read_text() == "years of work " * 1000


def test_a_slow_disk_does_not_delay_a_search(counts, monkeypatch):
    """Counting only adds to memory; what comes while a line is written is in the next one."""
    begun, go_on = threading.Event(), threading.Event()

    def slow(self, kind, record):
        begun.set()
        go_on.wait(30)
        append(self, kind, record)

    append = Journal.append
    monkeypatch.setattr(Journal, "append", slow)
    counts.shown([A], "mug")
    writer = threading.Thread(target=counts.flush)
    writer.start()
    assert begun.wait(30)
    start = time.perf_counter()
    counts.shown([A, B], "mug")
    assert time.perf_counter() - start < 0.1
    go_on.set()
    writer.join()
    assert counts.report().searches == 2


def test_an_edited_file_loses_only_the_lines_that_cannot_be_read(counts, caplog):
    """The rest counts, and the file is named, once."""
    counts.shown([A], "mug")
    counts.flush()
    odd = ["no JSON", "[1]", '{"day": 7}', '{"day": "2026-01-02", "searches": -5, "shown": {"us": {"b": "many"}}}']
    odd += ["[" * 100_000, '{"day": "2026-01-03", "searches": 2, "shown": [1]}', '{"half": ']
    (counts.journal.folder / "counts" / "edited.jsonl").write_text("\n".join(odd))
    assert (counts.report().searches, top(counts.report())) == (3, [("us", "a", 1, 0)])
    assert caplog.text.count("counts/edited.jsonl") == 1


def test_the_first_count_starts_the_thread_that_writes(tmp_path):
    counts = Usage(tmp_path, seconds=0.05)
    counts.shown([A], "mug")
    for _ in range(100):
        time.sleep(0.05)
        if Usage(counts.journal.folder).report().searches:
            break
    assert top(Usage(counts.journal.folder).report()) == [("us", "a", 1, 0)]
    counts.close()


# -- many at once ----------------------------------------------------------------------------------------------------


def test_threads_lose_nothing(tmp_path):
    """Counts that come while others are being written."""
    counts = Usage(tmp_path, seconds=0.005)

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


def test_processes_share_a_folder_and_a_kill_in_the_middle_harms_no_other(tmp_path):
    """After SIGKILL while writing, the confirmed counts are there, and other processes' too."""
    path = tmp_path / "feedback"

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
    found = {one.product_id: one.shown for one in Usage(path).report().most_shown}
    assert found["lasting"] == 120 and found["doomed"] >= confirmed
    assert found["shared"] == found["lasting"] + found["doomed"] == Usage(path).report().searches


def test_a_fork_does_not_write_what_its_parent_will(counts):
    """ZeroGPU forks the process for each search, with the counts in its memory."""
    counts.shown([A], "mug")
    child = multiprocessing.get_context("fork").Process(target=counts.close)
    child.start()
    child.join()
    assert child.exitcode == 0 and not counts.journal.folder.exists()
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
