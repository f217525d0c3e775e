"""The files that answers are kept in: whole lines, each read once, from every process."""

import errno
import json
import multiprocessing
import os

import pytest

from space.feedback.journal import Journal, Reader


def lines(journal, kind="votes"):
    return [record["n"] for record in Reader(journal, kind).new()]


def test_each_line_is_read_once_and_new_ones_follow(tmp_path):
    """A reader beside two writers, as two processes with one folder."""
    first, second = Journal(tmp_path), Journal(tmp_path)
    reader = Reader(first, "votes")
    first.append("votes", {"n": 1})
    second.append("votes", {"n": 2})
    second.append("judgments", {"n": 9})
    assert sorted(record["n"] for record in reader.new()) == [1, 2]
    assert list(reader.new()) == []
    second.append("votes", {"n": 3})
    assert [record["n"] for record in reader.new()] == [3]


def test_half_a_line_waits_for_its_end(tmp_path):
    """A kill leaves the start of a line; a writer that is still at work ends it."""
    path = tmp_path / "votes" / "2026-01-02-a.jsonl"
    path.parent.mkdir()
    path.write_text('{"n": 1}\n{"n": ')
    reader = Reader(Journal(tmp_path), "votes")
    assert [record["n"] for record in reader.new()] == [1]
    path.write_text('{"n": 1}\n{"n": 2}\n')
    assert [record["n"] for record in reader.new()] == [2]


def test_a_full_disk_leaves_no_half_line(tmp_path, monkeypatch):
    """Else the next line would be appended to the half of this one, and both would be lost."""
    journal = Journal(tmp_path)
    journal.append("votes", {"n": 1})
    (path,) = (tmp_path / "votes").iterdir()
    opened = type(path).open

    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def __getattr__(self, name):
            return getattr(self.file, name)

        def write(self, line):
            self.file.write(line[:4])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(type(path), "open", lambda self, *mode, **how: Full(opened(self, *mode, **how)))
        with pytest.raises(OSError, match="space"):
            journal.append("votes", {"n": 2})
    journal.append("votes", {"n": 3})
    assert lines(journal) == [1, 3] and path.read_text().count("\n") == 2


def test_a_pulled_copy_of_an_own_file_does_not_count_twice(tmp_path):
    """The data set has an older copy of this disk's file, a newer one of a disk that was restored, and another's."""
    own = Journal(tmp_path / "disk")
    own.append("votes", {"n": 1})
    (path,) = (tmp_path / "disk" / "votes").iterdir()
    pulled = tmp_path / "pulled" / "votes"
    pulled.mkdir(parents=True)
    (pulled / path.name).write_text(path.read_text())
    (pulled / "2026-01-01-other.jsonl").write_text('{"n": 5}\n')
    (tmp_path / "disk" / "votes" / "2026-01-02-restored.jsonl").write_text('{"n": 6}\n')
    (pulled / "2026-01-02-restored.jsonl").write_text('{"n": 6}\n{"n": 7}\n')
    reader = Reader(own, "votes")
    assert sorted(record["n"] for record in reader.new()) == [1, 6]
    own.add_pulled(tmp_path / "pulled", ["votes"])
    assert sorted(record["n"] for record in reader.new()) == [5, 7]
    own.append("votes", {"n": 2})
    assert [record["n"] for record in reader.new()] == [2]
    assert sorted(lines(own)) == [1, 2, 5, 6, 7]


def test_a_fork_writes_a_file_of_its_own(tmp_path):
    """Two processes that append to one file could cut each other's lines when one of them undoes half a line."""
    journal = Journal(tmp_path)
    journal.append("votes", {"n": 1})
    child = multiprocessing.get_context("fork").Process(target=journal.append, args=("votes", {"n": 2}))
    child.start()
    child.join()
    assert len(list((tmp_path / "votes").iterdir())) == 2 and sorted(lines(journal)) == [1, 2]


@pytest.mark.parametrize("text", ["\ud800", "line\nend", "\u2028", "a" * 100_000, "\x00"])
def test_any_text_is_one_line(tmp_path, text):
    """A visitor's query can hold anything; a lone surrogate cannot be stored and becomes a question mark."""
    journal = Journal(tmp_path)
    journal.append("votes", {"n": text})
    journal.append("votes", {"n": "next"})
    assert lines(journal) == [text.encode("utf-8", "replace").decode(), "next"]
    (path,) = (tmp_path / "votes").iterdir()
    assert [json.loads(line)["n"] for line in path.read_bytes().split(b"\n")[:-1]][1] == "next"
