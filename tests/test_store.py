"""A store is whole or it is refused: every way to damage one must be noticed and named."""

import hashlib
import json
import shutil

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from conftest import ROOT

from space import manifest
from space.store import JOURNAL, MANIFEST, Store, StoreError, sha256
from space.store_writer import Plan, StoreWriter

ROWS, DIM = 7, 5
ENCODER = {"id": "some/model", "revision": None, "dim": DIM, "max_seq_length": 64, "precision": "float32"}
ENCODERS = {part: ENCODER | {"fingerprint": f"{part}-" * 4} for part in ("base", "tuned")}


def catalogue(rows=ROWS, last=None):
    titles = [f"thing {row}" for row in range(rows)]
    return pa.table(
        {
            "product_locale": ["us"] * rows,
            "product_id": [f"P{row}" for row in range(rows)],
            "product_title": [*titles[:-1], last or titles[-1]],
            "product_brand": ["Acme", *[None] * (rows - 1)],
            "product_color": pa.nulls(rows, pa.string()),
        }
    )


def vectors(part, rows=ROWS):
    return torch.arange(rows * DIM, dtype=torch.float32).reshape(rows, DIM) / (2 if part == "base" else 4)


def build(folder, *, shard_size=3, rows=ROWS, resume=True, encoders=ENCODERS, only=None, last=None):
    """Write a store; returns how many vector shards were made anew. ``only`` stops after so many."""
    writer = StoreWriter(folder, Plan(rows, shard_size, "{title}", "toy"))
    writer.begin(resume=resume)
    writer.write_products(catalogue(rows, last))
    made = 0
    for part, encoder in encoders.items():
        for shard in range(writer.plan.shards):
            key = writer.key(shard, encoder)
            if writer.is_done(part, shard, key):
                continue
            if only is not None and made == only:
                return made
            start, count = writer.plan.span(shard)
            writer.write_vectors(part, shard, key, writer.products(shard), vectors(part, rows)[start : start + count])
            made += 1
    writer.finish(encoders, None, None, "a card")
    return made


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_was_written_is_read_back(tmp_path):
    build(tmp_path / "s")
    store = Store(tmp_path / "s")
    assert store.rows == ROWS
    assert store.products().equals(catalogue())
    for part in ENCODERS:
        assert store.vectors(part).dtype == torch.float16
        assert torch.equal(store.vectors(part).float(), vectors(part))
    assert store.judgments() is None
    assert store.evaluation() is None


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
    retrained = ENCODERS | {"tuned": ENCODER | {"fingerprint": "other"}}
    assert build(tmp_path / "s", encoders=retrained) == 3
    assert Store(tmp_path / "s").encoders["tuned"]["fingerprint"] == "other"


def test_a_changed_product_embeds_only_its_shard_again(tmp_path):
    build(tmp_path / "s")
    assert build(tmp_path / "s", last="renamed") == 2  # the last shard of base and of tuned
    assert Store(tmp_path / "s").products()["product_title"].to_pylist()[-1] == "renamed"


def test_another_shard_size_leaves_no_stale_file(tmp_path):
    build(tmp_path / "s", shard_size=3)
    build(tmp_path / "s", shard_size=4)
    build(tmp_path / "fresh", shard_size=4)
    assert content(tmp_path / "s") == content(tmp_path / "fresh")


def test_a_store_half_pushed_is_called_so(tmp_path):
    """In the cache nobody can run build_embeddings.py, and its path means nothing."""
    with pytest.raises(
        StoreError, match=r"^user/d@abc: no manifest\.json, .* being pushed; wait for the push, or pin"
    ):
        Store(tmp_path, name="user/d@abc")


def test_an_edited_card_is_no_damage(tmp_path):
    """On the Hub people edit the card in the browser; the store must not be refused for it."""
    build(tmp_path / "s")
    (tmp_path / "s" / "README.md").write_text("another card")
    assert Store(tmp_path / "s").rows == ROWS


@pytest.mark.parametrize("name", ["base/part-00001-of-00003.parquet", "products/part-00000-of-00003.parquet"])
def test_one_flipped_bit_is_refused_and_named(tmp_path, name):
    build(tmp_path / "s")
    path = tmp_path / "s" / name
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(StoreError, match=f"{name}.*run build_embeddings.py again"):
        Store(tmp_path / "s")


def test_the_next_build_redoes_a_damaged_shard_and_only_that(tmp_path):
    build(tmp_path / "s")
    whole = content(tmp_path / "s")
    path = tmp_path / "s" / "tuned/part-00002-of-00003.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    assert build(tmp_path / "s") == 1
    assert content(tmp_path / "s") == whole


def test_a_missing_file_is_named(tmp_path):
    build(tmp_path / "s")
    (tmp_path / "s" / "tuned/part-00000-of-00003.parquet").unlink()
    with pytest.raises(StoreError, match="tuned/part-00000-of-00003.parquet: missing"):
        Store(tmp_path / "s")


def rewrite_manifest(folder, **changes):
    kept = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest.signed(kept | changes)))


def test_fewer_rows_than_the_manifest_says(tmp_path):
    build(tmp_path / "s")
    rewrite_manifest(tmp_path / "s", rows=9)
    with pytest.raises(StoreError, match="manifest says 9"):
        Store(tmp_path / "s").products()
    with pytest.raises(StoreError, match="manifest says 9"):
        Store(tmp_path / "s").vectors("base")


def test_a_newer_format_is_refused(tmp_path):
    build(tmp_path / "s")
    rewrite_manifest(tmp_path / "s", format=99)
    with pytest.raises(StoreError, match="format 99"):
        Store(tmp_path / "s")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": 1}'])
def test_a_broken_manifest_is_refused(tmp_path, text):
    build(tmp_path / "s")
    (tmp_path / "s" / MANIFEST).write_text(text)
    with pytest.raises(StoreError, match="manifest"):
        Store(tmp_path / "s")


def test_vectors_of_other_products_are_refused_though_their_checksum_is_right(tmp_path):
    """Two whole shards swapped, with the manifest to match: only the keys beside the vectors can tell."""
    build(tmp_path / "s")
    first, second = (tmp_path / "s" / f"base/part-0000{shard}-of-00003.parquet" for shard in (0, 1))
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)
    files = json.loads((tmp_path / "s" / MANIFEST).read_text())["files"]
    names = [str(path.relative_to(tmp_path / "s")) for path in (first, second)]
    files[names[0]], files[names[1]] = files[names[1]], files[names[0]]
    rewrite_manifest(tmp_path / "s", files=files)
    with pytest.raises(StoreError, match="its rows are not those of products"):
        Store(tmp_path / "s").vectors("base")


def test_another_encoder_is_refused_with_both_named(tmp_path):
    build(tmp_path / "s")
    store = Store(tmp_path / "s")
    store.require("base", ENCODERS["base"]["fingerprint"], "some/model")
    with pytest.raises(
        StoreError, match=r"made by some/model \(fingerprint base-base-ba\), not by my/model \(abcabcabcabc\)"
    ):
        store.require("base", "abc" * 9, "my/model")


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(StoreError, match="not empty and not a store"):
        build(tmp_path)
    assert content(tmp_path) == {"README.md": b"mine"}


def test_no_store_at_all(tmp_path):
    with pytest.raises(StoreError, match=r"no manifest.json, no store; run build_embeddings.py --output-dir"):
        Store(tmp_path)


def test_a_store_without_its_journal_can_be_read_but_is_built_anew(tmp_path):
    """As pulled from the Hub, where the journal does not go."""
    build(tmp_path / "s")
    shutil.rmtree(tmp_path / "s" / JOURNAL)
    assert Store(tmp_path / "s").rows == ROWS
    assert build(tmp_path / "s") == 6


# -- what is in it ---------------------------------------------------------------------------------------------------


def whole(folder, evaluation=None, judged=True, notice="Only for tests. © Acme"):
    """A store with everything in it: 7 rows in shards of 3."""
    writer = StoreWriter(folder, Plan(ROWS, 3, "{title}", "toy", notice))
    writer.begin(resume=True)
    writer.write_products(catalogue())
    for part, encoder in ENCODERS.items():
        for shard in range(3):
            start, count = writer.plan.span(shard)
            key, rows = writer.key(shard, encoder), vectors(part)[start : start + count]
            writer.write_vectors(part, shard, key, writer.products(shard), rows)
    return writer.finish(ENCODERS, judgments() if judged else None, evaluation, "a card, © Acme")


def judgments():
    row = {"query": "thing", "query_id": 1, "product_id": "P0", "product_locale": "us", "esci_label": "Exact"}
    return pd.DataFrame([row], index=[5])


SHARDS = [f"part-0000{shard}-of-00003.parquet" for shard in range(3)]


def test_the_layout_is_that_of_the_stores_on_the_hub(tmp_path):
    """Names, entries and encodings which readers of other versions count on."""
    said = whole(tmp_path / "s", {"verdict": "© fine"})
    parts = [f"{part}/{shard}" for part in ("base", "products", "tuned") for shard in SHARDS]
    files = [*parts, "evaluation.json", "judgments/test.parquet"]
    journal = [f".build/{name}.json" for name in parts if not name.startswith("products")]
    assert sorted(content(tmp_path / "s")) == sorted([*files, *journal, "manifest.json", "README.md"])
    expected = {"format": 1, "dataset": "toy", "notice": "Only for tests. © Acme", "rows": 7, "shard_size": 3}
    expected |= {"text": "{title}", "encoders": ENCODERS, "files": said["files"]}
    assert said == manifest.signed(expected) and list(said["files"]) == sorted(files)
    for name, entry in said["files"].items():
        data = (tmp_path / "s" / name).read_bytes()
        assert entry == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    text = (tmp_path / "s" / "manifest.json").read_bytes()
    assert text.decode() == json.dumps(said, indent=1, ensure_ascii=False) + "\n"
    assert (tmp_path / "s" / "evaluation.json").read_text("utf-8") == '{\n "verdict": "© fine"\n}\n'
    assert (tmp_path / "s" / "README.md").read_text("utf-8") == "a card, © Acme"
    assert Store(tmp_path / "s").identity == hashlib.sha256(text).hexdigest()
    for name, packed in (("products", "ZSTD"), ("base", "UNCOMPRESSED")):
        group = pq.read_metadata(tmp_path / "s" / name / SHARDS[0]).row_group(0)
        columns = [group.column(place) for place in range(group.num_columns)]
        assert {column.compression for column in columns} == {packed}
        assert name == "products" or not any("DICTIONARY" in str(column.encodings) for column in columns)
    assert pq.read_metadata(tmp_path / "s" / "judgments/test.parquet").row_group(0).column(0).compression == "ZSTD"


def test_judgments_and_figures_are_read_back_and_go_with_the_next_build(tmp_path):
    whole(tmp_path / "s", {"verdict": "fine"})
    store = Store(tmp_path / "s")
    assert store.judgments().to_dict("list") == judgments().to_dict("list") and list(store.judgments().index) == [0]
    assert store.evaluation() == {"verdict": "fine"}
    whole(tmp_path / "s", judged=False)
    assert (Store(tmp_path / "s").judgments(), Store(tmp_path / "s").evaluation()) == (None, None)
    assert not {"evaluation.json", "judgments/test.parquet"} & set(content(tmp_path / "s"))


def test_figures_that_are_no_numbers_are_not_written(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        whole(tmp_path / "s", {"nDCG@10": float("nan")})


@pytest.mark.parametrize(
    ("skip", "first"), [(0, [0, 3, 6]), (2, [0, 3, 6]), (3, [3, 6]), (5, [3, 6]), (6, [6]), (7, [])]
)
def test_shard_by_shard_and_block_by_block_it_is_the_same(tmp_path, skip, first):
    build(tmp_path / "s")
    store = Store(tmp_path / "s")
    found = list(store.shards(skip))
    assert [start for start, _, _ in found] == first
    for start, products, rows in found:
        assert products.equals(catalogue().slice(start, 3)) and set(rows) == set(ENCODERS)
        for part, block in rows.items():
            assert block.tolist() == vectors(part)[start : start + 3].half().tolist()
    blocks = list(store.vector_blocks("tuned"))
    assert [len(block) for block in blocks] == [3, 3, 1] and blocks[2].dtype.name == "float16"


@pytest.mark.parametrize("read", [lambda store: list(store.shards()), lambda store: list(store.vector_blocks("base"))])
def test_fewer_rows_are_noticed_shard_by_shard_too(tmp_path, read):
    build(tmp_path / "s")
    rewrite_manifest(tmp_path / "s", rows=6)
    with pytest.raises(StoreError, match=r"/s: 7 rows in (products|base), the manifest says 6; run build_embeddings"):
        read(Store(tmp_path / "s"))


@pytest.mark.parametrize("size", [-1, 1])
def test_a_truncated_or_longer_file_is_refused_without_reading_it(tmp_path, size):
    build(tmp_path / "s")
    path = tmp_path / "s" / "base" / SHARDS[1]
    path.write_bytes(path.read_bytes()[:-1] if size < 0 else path.read_bytes() + b"x")
    with pytest.raises(StoreError, match=f"base/{SHARDS[1]}: not what the manifest says, damaged or half-copied; run"):
        Store(tmp_path / "s", verify=False)


def test_what_is_checked_is_what_was_asked_for(tmp_path):
    build(tmp_path / "s")
    path = tmp_path / "s" / "base" / SHARDS[1]
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    store = Store(tmp_path / "s", verify=False)
    store.check([f"tuned/{SHARDS[1]}", f"base/{SHARDS[0]}"])
    for names in (None, [f"base/{SHARDS[1]}"]):
        with pytest.raises(StoreError, match=f"base/{SHARDS[1]}: not what the manifest says"):
            store.check(names)


def test_a_file_that_goes_away_later_is_named(tmp_path):
    build(tmp_path / "s")
    store = Store(tmp_path / "s", name="user/d@abc")
    (tmp_path / "s" / "products" / SHARDS[2]).unlink()
    with pytest.raises(
        StoreError, match=f"products/{SHARDS[2]}: not a readable parquet file .*; run build_embeddings"
    ):
        store.products()


def test_a_store_of_a_revision_names_its_maker(tmp_path):
    build(tmp_path / "s", encoders={part: encoder | {"revision": "a" * 40} for part, encoder in ENCODERS.items()})
    with pytest.raises(
        StoreError, match=r"^there: its tuned vectors were made by some/model@aaaaaaaaaaaa \(finger.* not"
    ):
        Store(tmp_path / "s", name="there").require("tuned", "x" * 20, "mine")


# -- beginning again -------------------------------------------------------------------------------------------------


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


def test_a_damaged_journal_is_no_proof(tmp_path):
    build(tmp_path / "s")
    journal = tmp_path / "s" / ".build" / "base"
    (journal / f"{SHARDS[0]}.json").write_text("{")
    (journal / f"{SHARDS[1]}.json").unlink()
    (tmp_path / "s" / "tuned" / SHARDS[2]).unlink()
    assert build(tmp_path / "s") == 3


@pytest.mark.parametrize("name", ["fingerprint", "max_seq_length", "precision"])
def test_another_way_to_embed_is_another_key(tmp_path, name):
    """A shard made otherwise must not be kept; and the same is the same in every process."""
    writer = StoreWriter(tmp_path, Plan(ROWS, 3, "{title}", "toy"))
    writer.write_products(catalogue())
    key = writer.key(0, ENCODERS["base"])
    assert key == writer.key(0, dict(reversed(ENCODERS["base"].items())) | {"id": "renamed"})
    others = [writer.key(0, ENCODERS["base"] | {name: "other"}), writer.key(1, ENCODERS["base"])]
    others += [StoreWriter(tmp_path, Plan(ROWS, 3, "{brand}", "toy")).key(0, ENCODERS["base"])]
    assert len({key, *others}) == 4 and len(key) == 64


# -- the files it names ----------------------------------------------------------------------------------------------


def replaced(folder, name, table, **options):
    """A store with another table in a file's place, checksums to match."""
    if isinstance(table, bytes):
        (folder / name).write_bytes(table)
    else:
        pq.write_table(table, folder / name, **options)
    files = json.loads((folder / MANIFEST).read_text())["files"]
    files[name] = {"bytes": (folder / name).stat().st_size, "sha256": sha256(folder / name)}
    rewrite_manifest(folder, files=files)
    return Store(folder)


BASE, FIRST = "base/part-00000-of-00003.parquet", "products/part-00000-of-00003.parquet"


def embedded(values, kind=None, keys=True):
    part = catalogue().slice(0, 3)
    columns = {"embedding": pa.array(values, kind or pa.list_(pa.float16(), 5))}
    return pa.table({name: part[name] for name in ("product_id", "product_locale") if keys} | columns)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (b"PAR1 but not really PAR1", "not a readable parquet file"),
        (b"", "files cannot be"),
        (embedded([[1.0] * 5] * 3, keys=False), "no column 'product_"),
        (
            embedded([[1.0] * 4] * 3, pa.list_(pa.float16(), 4)),
            r"fixed_size_list.*\[4\], the manifest says dimension 5",
        ),
        (embedded([[1.0] * 5] * 3, pa.list_(pa.float64())), "embedding is list"),
        (embedded([None, [1.0] * 5, [1.0] * 5]), "embedding is fixed"),
        (embedded([[1.0] * 5] * 3).slice(0, 2), "6 rows in base, the manifest says 7"),
    ],
)
def test_a_file_that_is_signed_and_wrong(tmp_path, table, said):
    build(tmp_path / "s")
    with pytest.raises(StoreError, match=f"{said}.*run build_embeddings.py again"):
        replaced(tmp_path / "s", BASE, table).vectors("base")


def test_products_without_a_title_column(tmp_path):
    build(tmp_path / "s")
    table = catalogue().slice(0, 3).drop_columns(["product_title"])
    with pytest.raises(StoreError, match=r"part-00000-of-00003.parquet: no column 'product_"):
        replaced(tmp_path / "s", FIRST, table).products()


def test_text_that_is_no_utf_8(tmp_path):
    """Arrow reads it without a word, and the page would fail on it in the middle of an answer."""
    build(tmp_path / "s")
    table = catalogue().slice(0, 3)
    titles = pa.array([b"m\xf4g"] * 3).view(pa.string())
    table = table.set_column(table.column_names.index("product_title"), "product_title", titles)
    with pytest.raises(StoreError, match=r"part-00000-of-00003.parquet: not a readable parquet file.*Invalid UTF8"):
        replaced(tmp_path / "s", FIRST, table).products()


def test_metadata_in_a_parquet_file_is_not_believed(tmp_path):
    """pandas' own note can name an index that is not there, and Arrow's an extension type that was once unpickled."""
    build(tmp_path / "s")
    columns = ("query", "query_id", "product_id", "product_locale", "esci_label")
    evil = b"\x80\x04cposix\nsystem\nX\x0b\x00\x00\x00touch hackedtR."
    hostile = pa.field("query", pa.string(), metadata={b"ARROW:extension:name": b"arrow.py_extension_type",
                                                       b"ARROW:extension:metadata": evil})  # fmt: skip
    fields = [hostile, *(pa.field(name, pa.string()) for name in columns[1:])]
    schema = pa.schema(fields, {b"pandas": b'{"index_columns": ["absent"], "columns": []}'})
    (tmp_path / "s" / "judgments").mkdir()
    table = pa.table([pa.array(["x"])] * 5, schema=schema)
    found = replaced(tmp_path / "s", "judgments/test.parquet", table).judgments()
    assert list(found.columns) == list(columns) and found["query"].tolist() == ["x"]
    assert not list(tmp_path.rglob("hacked")) and not (ROOT / "hacked").exists()
