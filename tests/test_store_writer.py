"""A build that was interrupted or repeated writes the same bytes, in the layout that other versions read."""

import hashlib
import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from test_store_reader import DIM, ENCODERS, ROWS, SHARDS, build, catalogue, content, judgments, vectors

from space.io.files import sha256
from space.store import manifest
from space.store.reader import JOURNAL, Store, StoreError
from space.store.writer import Plan, StoreWriter


@pytest.mark.parametrize("stop", range(6))
def test_an_interrupted_build_ends_in_the_same_bytes(tmp_path, stop):
    build(tmp_path / "whole")
    build(tmp_path / "broken", only=stop)
    with pytest.raises(StoreError, match="has not finished"):
        Store(tmp_path / "broken")
    assert build(tmp_path / "broken") == 6 - stop
    assert content(tmp_path / "broken") == content(tmp_path / "whole")


def test_a_second_build_makes_nothing_and_no_resume_makes_all(tmp_path):
    assert build(tmp_path / "s") == 6
    assert build(tmp_path / "s") == 0
    assert build(tmp_path / "s", resume=False) == 6


def test_only_the_retrained_encoder_is_embedded_again(tmp_path):
    build(tmp_path / "s")
    retrained = ENCODERS | {"tuned": replace(ENCODERS["tuned"], fingerprint="other")}
    assert build(tmp_path / "s", encoders=retrained) == 3
    assert Store(tmp_path / "s").encoders["tuned"].fingerprint == "other"


def test_encoders_come_and_go_without_embedding_the_others_again(tmp_path):
    """Each may have its own dimension. The folder of one that went is gone, and the order is that of the build."""
    build(tmp_path / "s")
    before = content(tmp_path / "s")
    small = replace(ENCODERS["base"], fingerprint="small", dim=2)
    three = {"bge-small": small} | ENCODERS
    assert (
        build(tmp_path / "s", encoders=three, drawn=lambda part, rows: vectors(part, rows)[:, : three[part].dim]) == 3
    )
    store = Store(tmp_path / "s")
    assert list(store.encoders) == ["bge-small", "base", "tuned"]
    assert store.vectors("bge-small").shape == (ROWS, 2) and store.vectors("base").shape == (ROWS, DIM)
    assert [set(found) for _, _, found in store.shards(parts=["bge-small"])] == [{"bge-small"}] * 3
    assert json.loads((tmp_path / "s" / "manifest.json").read_text())["format"] == 2
    assert build(tmp_path / "s") == 0
    assert content(tmp_path / "s") == before and not (tmp_path / "s" / "bge-small").exists()


def test_a_build_that_leaves_an_encoder_out_deletes_its_vectors_last(tmp_path, monkeypatch):
    """Killed before the new manifest, it had deleted them already: the build with that encoder embedded them again."""
    three = {"bge-small": replace(ENCODERS["base"], fingerprint="small")} | ENCODERS
    build(tmp_path / "s", encoders=three)
    before = content(tmp_path / "s")

    def killed(*_given, **_named):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(manifest.Manifest, "to_bytes", killed)  # all but the manifest is there
        build(tmp_path / "s")
    assert build(tmp_path / "s", encoders=three) == 0
    assert content(tmp_path / "s") == before
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "rmdir", killed)  # the first folder of vectors that went is empty
        build(tmp_path / "s")
    store = Store(tmp_path / "s")
    assert list(store.encoders) == list(ENCODERS) and store.vectors("base").shape == (ROWS, DIM)
    assert build(tmp_path / "s") == 0
    assert not [name for name in content(tmp_path / "s") if "bge-small" in name]


def test_a_changed_product_embeds_only_its_shard_again(tmp_path):
    build(tmp_path / "s")
    assert build(tmp_path / "s", last="renamed") == 2  # the last shard of base and of tuned
    assert Store(tmp_path / "s").products()["product_title"].to_pylist()[-1] == "renamed"


def test_another_shard_size_leaves_no_stale_file(tmp_path):
    build(tmp_path / "s", shard_size=3)
    build(tmp_path / "s", shard_size=4)
    build(tmp_path / "fresh", shard_size=4)
    assert content(tmp_path / "s") == content(tmp_path / "fresh")


def test_the_next_build_makes_only_a_damaged_shard_again(tmp_path):
    build(tmp_path / "s")
    whole = content(tmp_path / "s")
    path = tmp_path / "s" / "tuned/part-00002-of-00003.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    assert build(tmp_path / "s") == 1
    assert content(tmp_path / "s") == whole


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(StoreError, match="not empty and not a store"):
        build(tmp_path)
    assert content(tmp_path) == {"README.md": b"mine"}


def test_a_store_without_its_journal_can_be_read_but_is_built_anew(tmp_path):
    """Such as one pulled from the Hub: the journal is not pushed."""
    build(tmp_path / "s")
    shutil.rmtree(tmp_path / "s" / JOURNAL)
    assert Store(tmp_path / "s").rows == ROWS
    assert build(tmp_path / "s") == 6


def test_the_layout_is_that_of_the_stores_on_the_hub(tmp_path):
    """Readers of other versions rely on these names, entries and encodings."""
    build(tmp_path / "s", judged=judgments(), figures='{"verdict": "© fine"}\n')
    said = json.loads((tmp_path / "s" / "manifest.json").read_text("utf-8"))
    parts = [f"{part}/{shard}" for part in ("base", "products", "tuned") for shard in SHARDS]
    files = [*parts, "evaluation.json", "judgments/test.parquet"]
    journal = [f".build/{name}.json" for name in parts if not name.startswith("products")]
    assert sorted(content(tmp_path / "s")) == sorted([*files, *journal, "manifest.json", "README.md"])
    expected = {"format": 1, "dataset": "toy", "notice": "Only for tests. © Acme", "rows": 7, "shard_size": 3}
    expected |= {
        "text": "{title}",
        "encoders": {part: asdict(encoder) for part, encoder in ENCODERS.items()},
        "files": said["files"],
        "checksums": None,
    }
    assert said == manifest.signed(expected) and list(said["files"]) == sorted(files)
    for name, entry in said["files"].items():
        data = (tmp_path / "s" / name).read_bytes()
        assert entry == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    text = (tmp_path / "s" / "manifest.json").read_bytes()
    assert text.decode() == json.dumps(said, indent=1, ensure_ascii=False) + "\n"
    assert (tmp_path / "s" / "evaluation.json").read_text("utf-8") == '{"verdict": "© fine"}\n'
    assert (tmp_path / "s" / "README.md").read_text("utf-8") == "a card, © Acme"
    assert Store(tmp_path / "s").identity == hashlib.sha256(text).hexdigest()
    for name, packed in (("products", "ZSTD"), ("base", "UNCOMPRESSED")):
        group = pq.read_metadata(tmp_path / "s" / name / SHARDS[0]).row_group(0)
        columns = [group.column(place) for place in range(group.num_columns)]
        assert {column.compression for column in columns} == {packed}
        assert name == "products" or not any("DICTIONARY" in str(column.encodings) for column in columns)
    assert pq.read_metadata(tmp_path / "s" / "judgments/test.parquet").row_group(0).column(0).compression == "ZSTD"


def test_the_manifest_goes_first_and_half_written_files_with_it(tmp_path):
    build(tmp_path / "s")
    left = [f"{place}x.parquet.tmp-7" for place in ("", "base/", ".build/base/")]
    for name in left:
        (tmp_path / "s" / name).write_bytes(b"half")
    before = content(tmp_path / "s")
    StoreWriter(tmp_path / "s", Plan(ROWS, 3, "{title}", "toy")).begin(resume=True)
    assert set(before) - set(content(tmp_path / "s")) == {"manifest.json", *left}
    StoreWriter(tmp_path / "s", Plan(ROWS, 3, "{title}", "toy")).begin(resume=False)
    assert not [name for name in content(tmp_path / "s") if name.startswith(".build")]
    with pytest.raises(
        StoreError, match=r"no manifest.json, the build has not finished; run build_embeddings.py --out"
    ):
        Store(tmp_path / "s")


@pytest.mark.parametrize("there", [None, "empty", "manifest.json", ".build"])
def test_a_build_begins_where_there_is_nothing_or_a_store(tmp_path, there):
    folder = tmp_path / "deep" / "s"
    if there:
        folder.mkdir(parents=True)
        (folder / "other").write_text("x") if there != "empty" else None
        (folder / ".build").mkdir() if there == ".build" else None
        (folder / "manifest.json").write_text("{}") if there == "manifest.json" else None
    assert build(folder) == 6


def test_a_damaged_journal_entry_does_not_count(tmp_path):
    build(tmp_path / "s")
    journal = tmp_path / "s" / ".build" / "base"
    (journal / f"{SHARDS[0]}.json").write_text("{")
    (journal / f"{SHARDS[1]}.json").unlink()
    (tmp_path / "s" / "tuned" / SHARDS[2]).unlink()
    writer = StoreWriter(tmp_path / "s", Plan(ROWS, 3, "{title}", "toy"))
    key = writer.key(2, ENCODERS["base"])
    done = [writer.is_done(part, shard, key) for part, shard in (("base", 2), ("base", 0), ("base", 1), ("tuned", 2))]
    assert done == [True, False, False, False]
    assert build(tmp_path / "s") == 3


@pytest.mark.parametrize("name", ["fingerprint", "max_seq_length", "precision"])
def test_another_way_to_embed_is_another_key(tmp_path, name):
    """A shard made in another way must not be kept, and the key must be the same in every process."""
    writer = StoreWriter(tmp_path, Plan(ROWS, 3, "{title}", "toy"))
    writer.write_products(catalogue())
    key = writer.key(0, ENCODERS["base"])
    assert key == writer.key(0, replace(ENCODERS["base"], id="renamed"))
    # Journals of existing stores have keys of this form: with another one all shards would be made again.
    parts = {said: getattr(ENCODERS["base"], said) for said in ("fingerprint", "max_seq_length", "precision")}
    parts |= {"products": sha256(tmp_path / writer.plan.file("products", 0)), "template": "{title}"}
    assert key == hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    others = [writer.key(0, replace(ENCODERS["base"], **{name: "other"})), writer.key(1, ENCODERS["base"])]
    others += [StoreWriter(tmp_path, Plan(ROWS, 3, "{brand}", "toy")).key(0, ENCODERS["base"])]
    assert len({key, *others}) == 4 and len(key) == 64
