"""The mapped files are used only if they are complete and of this store; without them the answers are the same."""

import json
import os
from unittest import mock

import pytest
import torch
from conftest import flip_bit
from test_store_reader import ROWS, build, content, vectors

from space.encoding.description import BASE, TUNED
from space.index.bm25 import K1, STEM, B
from space.store import mapped_files
from space.store.mapped_files import LISTS, PRODUCTS, TERMS, MappedFiles
from space.store.reader import Store, StoreError

NAMES = ["base.f16", LISTS, PRODUCTS, TERMS, "tuned.f16"]


@pytest.fixture
def folder(tmp_path):
    build(tmp_path / "s")
    return tmp_path / "s"


def files(folder, k1=K1, parts=(BASE, TUNED)):
    return MappedFiles(Store(folder, verify=False), folder.with_name("beside"), k1, B, STEM, parts)


def load(folder, k1=K1, mapped_from=1, parts=(BASE, TUNED)):
    with mock.patch.object(mapped_files, "MAPPED_FROM", mapped_from):
        return files(folder, k1, parts).load()


def answers(served):
    return (
        served.products.to_pylist(),
        {part: rows.tolist() for part, rows in served.vectors.items()},
        served.bm25.scores("acme thing 3").tolist(),
    )


def stamps(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_mapped_and_read_are_the_same(folder):
    read, mapped = load(folder, mapped_from=ROWS + 1), None
    assert not folder.with_name("beside").exists()
    for _ in ("made", "found"):
        mapped = load(folder)
        assert answers(mapped) == answers(read)
    for part in (BASE, TUNED):
        mapped.release(part)
        assert torch.equal(mapped.vectors[part].float(), vectors(part))


def test_they_are_made_once(folder):
    load(folder)
    before = stamps(folder.with_name("beside"))
    load(folder)
    assert stamps(folder.with_name("beside")) == before


def test_the_store_is_left_as_it_was(folder):
    before = content(folder)
    load(folder)
    assert content(folder) == before


def test_vectors_that_were_not_asked_for_are_neither_made_nor_read(folder):
    """Those of a million products take gigabytes of disk; if they are there already they stay."""
    beside = folder.with_name("beside")
    products, _, scores = answers(load(folder, mapped_from=ROWS + 1))
    for mapped_from in (1, ROWS + 1):
        assert answers(load(folder, mapped_from=mapped_from, parts=())) == (products, {}, scores)
    assert not list(beside.glob("*.f16"))
    load(folder)
    before = stamps(beside)
    assert len(list(beside.glob("*.f16"))) == 2
    load(folder, parts=())
    assert stamps(beside) == before
    build(folder, last="renamed")
    load(folder, parts=())
    assert not list(beside.glob("*.f16")), "those of another store"


def test_apps_with_other_encoders_leave_each_other_their_vectors(folder):
    """Else each start with another ``--only`` would write gigabytes again, and take them from under the other app."""
    load(folder, parts=(BASE,))
    load(folder, parts=(TUNED,))
    assert sorted(stamps(folder.with_name("beside"))) == sorted([*NAMES, "manifest.json"])
    assert all(files(folder, parts=parts).are_current() for parts in ((BASE,), (TUNED,), (BASE, TUNED)))
    load(folder, k1=K1 + 1, parts=(TUNED,))  # of other files: what is left of the first ones goes
    assert "base.f16" not in stamps(folder.with_name("beside"))


def test_another_store_or_other_parameters_are_served_anew(folder):
    load(folder)
    scores = load(folder, k1=2.0).bm25.scores("thing").tolist()
    assert scores == load(folder, k1=2.0, mapped_from=99).bm25.scores("thing").tolist()
    build(folder, last="renamed")
    assert load(folder).products["product_title"].to_pylist()[-1] == "renamed"
    assert load(folder).bm25.scores("renamed").tolist()[-1] > 0


@pytest.mark.parametrize("name", NAMES)
def test_one_flipped_bit_is_found_and_mended(folder, name, caplog):
    expected = answers(load(folder))
    flip_bit(folder.with_name("beside") / name)
    assert answers(load(folder)) == expected
    assert f"{name} is damaged" in caplog.text


def test_a_file_that_cannot_be_read_is_made_again(folder, monkeypatch, caplog):
    """A bad sector in a mapped file must not stop the app: the file can be made again."""
    expected = answers(load(folder))

    def unreadable(paths):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(mapped_files, "checksums_of_all", unreadable)
    assert not files(folder).are_current()
    assert "Input/output error; making the files again" in caplog.text
    monkeypatch.undo()
    assert answers(load(folder)) == expected


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"files": {}}'])
def test_a_broken_manifest_counts_as_none(folder, text):
    expected = answers(load(folder))
    (folder.with_name("beside") / "manifest.json").write_text(text)
    assert answers(load(folder)) == expected


def test_files_named_elsewhere_are_not_read(folder):
    load(folder)
    path = folder.with_name("beside") / "manifest.json"
    kept = json.loads(path.read_text())
    kept["files"]["../s/manifest.json"] = kept["files"].pop("terms.arrow")
    path.write_text(json.dumps(kept))
    load(folder)
    assert set(json.loads(path.read_text())["files"]) == set(NAMES)


class Killed(BaseException):
    """No ``except`` clause of the code catches it."""


@pytest.mark.parametrize("at", range(6))
def test_killed_at_any_file_nothing_half_written_is_used(folder, monkeypatch, at):
    """Files of another store are there, so that a mixture would be noticed, and a half-written one."""
    load(folder)
    build(folder, last="renamed")
    real, calls = os.fsync, []

    def stop(number):
        calls.append(number)
        if len(calls) > at:
            raise Killed
        real(number)

    monkeypatch.setattr(os, "fsync", stop)
    with pytest.raises(Killed):
        load(folder)
    monkeypatch.undo()
    beside = folder.with_name("beside")
    assert not (beside / "manifest.json").exists()
    (beside / "base.f16.tmp-1").write_bytes(b"half")
    assert answers(load(folder)) == answers(load(folder, mapped_from=99))
    assert not list(beside.glob("*.tmp-*"))


def test_where_nothing_can_be_written_the_store_is_read(folder, monkeypatch, caplog):
    def refuse(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    assert answers(load(folder)) == answers(load(folder, mapped_from=99))
    assert "the disk is full" in caplog.text and "into memory" in caplog.text


@pytest.mark.parametrize("mapped_from", [1, 99])
def test_a_damaged_store_is_refused(folder, mapped_from):
    flip_bit(folder / "base/part-00001-of-00003.parquet")
    with pytest.raises(StoreError, match="part-00001.*damaged or half-copied; run build_embeddings.py again"):
        load(folder, mapped_from=mapped_from)
