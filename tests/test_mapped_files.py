"""The files beside a store: whole, of this store and only then used; without them the answers are the same."""

import json
import os

import pytest
import torch
from test_store_reader import ENCODERS, ROWS, build, content, vectors

from space.index.bm25 import K1, B
from space.store import mapped_files
from space.store.reader import Store, StoreError


@pytest.fixture
def folder(tmp_path):
    build(tmp_path / "s")
    return tmp_path / "s"


def serve(folder, k1=K1, mapped_from=1, parts=("base", "tuned")):
    store, beside = Store(folder, verify=False), folder.with_name("beside")
    return mapped_files.serve(store, beside, k1, B, parts=parts, mapped_from=mapped_from)


def answers(served):
    return (
        served.products.to_pylist(),
        {part: rows.tolist() for part, rows in served.vectors.items()},
        served.bm25.scores("acme thing 3").tolist(),
    )


def stamps(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_mapped_and_read_are_the_same(folder):
    read, mapped = serve(folder, mapped_from=ROWS + 1), None
    assert not folder.with_name("beside").exists()
    for _ in ("made", "found"):
        mapped = serve(folder)
        assert answers(mapped) == answers(read)
    for part in ENCODERS:
        mapped.release(part)
        assert torch.equal(mapped.vectors[part].float(), vectors(part))


def test_they_are_made_once(folder):
    serve(folder)
    before = stamps(folder.with_name("beside"))
    serve(folder)
    assert stamps(folder.with_name("beside")) == before


def test_the_store_is_left_as_it_was(folder):
    before = content(folder)
    serve(folder)
    assert content(folder) == before


def test_vectors_that_nobody_searches_here_are_neither_made_nor_read(folder):
    """Those of a million products are gigabytes on the disk; where they are made already they are left for later."""
    beside = folder.with_name("beside")
    products, _, scores = answers(serve(folder, mapped_from=ROWS + 1))
    for mapped_from in (1, ROWS + 1):
        assert answers(serve(folder, mapped_from=mapped_from, parts=())) == (products, {}, scores)
    assert not list(beside.glob("*.f16"))
    serve(folder)
    before = stamps(beside)
    assert len(list(beside.glob("*.f16"))) == 2
    serve(folder, parts=())
    assert stamps(beside) == before
    build(folder, last="renamed")
    serve(folder, parts=())
    assert not list(beside.glob("*.f16")), "those of another store"


def test_another_store_or_other_parameters_are_served_anew(folder):
    serve(folder)
    scores = serve(folder, k1=2.0).bm25.scores("thing").tolist()
    assert scores == serve(folder, k1=2.0, mapped_from=99).bm25.scores("thing").tolist()
    build(folder, last="renamed")
    assert serve(folder).products["product_title"].to_pylist()[-1] == "renamed"
    assert serve(folder).bm25.scores("renamed").tolist()[-1] > 0


@pytest.mark.parametrize("name", sorted(mapped_files._names(ENCODERS)))
def test_one_flipped_bit_is_found_and_mended(folder, name, caplog):
    expected = answers(serve(folder))
    path = folder.with_name("beside") / name
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    assert answers(serve(folder)) == expected
    assert f"{name} is damaged" in caplog.text


def test_a_file_that_cannot_be_read_is_made_again(folder, monkeypatch, caplog):
    """A bad sector beside the store must not end a start that can do without."""
    expected, store = answers(serve(folder)), Store(folder, verify=False)

    def unreadable(paths):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(mapped_files, "hashes", unreadable)
    assert not mapped_files.stands(store, folder.with_name("beside"), K1, B)
    assert "Input/output error; making it again" in caplog.text
    monkeypatch.undo()
    assert answers(serve(folder)) == expected


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"files": {}}'])
def test_a_broken_manifest_counts_as_none(folder, text):
    expected = answers(serve(folder))
    (folder.with_name("beside") / "manifest.json").write_text(text)
    assert answers(serve(folder)) == expected


def test_files_named_elsewhere_are_not_read(folder):
    serve(folder)
    path = folder.with_name("beside") / "manifest.json"
    kept = json.loads(path.read_text())
    kept["files"]["../s/manifest.json"] = kept["files"].pop("terms.arrow")
    path.write_text(json.dumps(kept))
    serve(folder)
    assert set(json.loads(path.read_text())["files"]) == set(mapped_files._names(ENCODERS))


class Killed(BaseException):
    """Neither an error nor an exit: nothing may catch it."""


@pytest.mark.parametrize("at", range(6))
def test_killed_at_any_file_nothing_half_written_is_used(folder, monkeypatch, at):
    """The old files stand from another store, so that a mixture would be noticed; and a half-written one is left."""
    serve(folder)
    build(folder, last="renamed")
    real, calls = os.fsync, []

    def stop(number):
        calls.append(number)
        if len(calls) > at:
            raise Killed
        real(number)

    monkeypatch.setattr(os, "fsync", stop)
    with pytest.raises(Killed):
        serve(folder)
    monkeypatch.undo()
    beside = folder.with_name("beside")
    assert not (beside / "manifest.json").exists()
    (beside / "base.f16.tmp-1").write_bytes(b"half")
    assert answers(serve(folder)) == answers(serve(folder, mapped_from=99))
    assert not list(beside.glob("*.tmp-*"))


def test_where_nothing_can_be_written_the_store_is_read(folder, monkeypatch, caplog):
    def refuse(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    assert answers(serve(folder)) == answers(serve(folder, mapped_from=99))
    assert "the disk is full" in caplog.text and "into memory" in caplog.text


@pytest.mark.parametrize("mapped_from", [1, 99])
def test_a_damaged_store_is_refused(folder, mapped_from):
    path = folder / "base/part-00001-of-00003.parquet"
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(StoreError, match="part-00001.*damaged or half-copied; run build_embeddings.py again"):
        serve(folder, mapped_from=mapped_from)
