"""A store with anything wrong is refused, and the message names the file; test_store_writer.py writes stores."""

import json
from dataclasses import asdict, replace

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from conftest import ROOT, flip_bit

from space.encoding.description import MAX_DIM, EncoderDescription
from space.io.files import sha256
from space.store import manifest
from space.store.manifest import MANIFEST
from space.store.reader import Store, StoreError
from space.store.writer import Plan, StoreWriter

ROWS, DIM = 7, 5
ENCODERS = {
    part: EncoderDescription(id="some/model", fingerprint=f"{part}-" * 4, dim=DIM, max_seq_length=64)
    for part in ("base", "tuned")
}


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


def judgments():
    row = {"query": "thing", "query_id": 1, "product_id": "P0", "product_locale": "us", "esci_label": "Exact"}
    return pd.DataFrame([row], index=[5])


def build(
    folder,
    *,
    shard_size=3,
    rows=ROWS,
    resume=True,
    encoders=ENCODERS,
    only=None,
    last=None,
    judged=None,
    figures=None,
    drawn=None,
):
    """Write a store; returns how many shards of vectors were made. ``only`` stops after that many."""
    writer = StoreWriter(folder, Plan(rows, shard_size, "{title}", "toy", "Only for tests. © Acme"))
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
            made_up = (drawn or vectors)(part, rows)[start : start + count]
            writer.write_vectors(part, shard, key, writer.products(shard), made_up)
            made += 1
    writer.finish(encoders, judged, figures, "a card, © Acme")
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


def test_a_store_half_pushed_is_called_so(tmp_path):
    """In the cache of the Hub build_embeddings.py is no cure, and a path into it tells the user nothing."""
    with pytest.raises(
        StoreError,
        match=r"^user/d@abc: no manifest\.json, .* being pushed; wait for the push, or pin an earlier revision$",
    ):
        Store(tmp_path, name="user/d@abc")


def test_an_edited_card_is_no_damage(tmp_path):
    """People edit the card on the Hub; the store must still load."""
    build(tmp_path / "s")
    (tmp_path / "s" / "README.md").write_text("another card")
    assert Store(tmp_path / "s").rows == ROWS


@pytest.mark.parametrize("name", ["base/part-00001-of-00003.parquet", "products/part-00000-of-00003.parquet"])
def test_one_flipped_bit_is_refused_and_named(tmp_path, name):
    build(tmp_path / "s")
    flip_bit(tmp_path / "s" / name)
    with pytest.raises(StoreError, match=f"{name}.*run build_embeddings.py again, it replaces what is damaged$"):
        Store(tmp_path / "s")


def rewrite_manifest(folder, **changes):
    kept = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest.signed(kept | changes)))


def test_rows_are_counted_before_memory_is_taken_for_them(tmp_path):
    """The manifest says 131 TB: the message must be about the store and not about memory."""
    build(tmp_path / "s")
    encoders = {part: asdict(encoder) | {"dim": MAX_DIM} for part, encoder in ENCODERS.items()}
    rewrite_manifest(tmp_path / "s", rows=manifest.MAX_ROWS, encoders=encoders)
    with pytest.raises(StoreError, match="7 rows in base, the manifest says 1000000000"):
        Store(tmp_path / "s").vectors("base")


@pytest.mark.parametrize("name", ["../../etc", "products", "bm25", "Base", "a" * 41, ""])
def test_a_foreign_manifest_names_no_other_folder(tmp_path, name):
    build(tmp_path / "s")
    rewrite_manifest(
        tmp_path / "s", format=2, encoders={"base": asdict(ENCODERS["base"]), name: asdict(ENCODERS["tuned"])}
    )
    with pytest.raises(StoreError, match=f"encoders has the name {name[:9]!r}".rstrip("'")):
        Store(tmp_path / "s")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": 1}'])
def test_a_broken_manifest_is_refused(tmp_path, text):
    build(tmp_path / "s")
    (tmp_path / "s" / MANIFEST).write_text(text)
    with pytest.raises(StoreError, match="manifest"):
        Store(tmp_path / "s")


def test_vectors_of_other_products_are_refused(tmp_path):
    """Two shards swapped, and the manifest changed to match: only the product keys beside the vectors can tell."""
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
    store.require("base", ENCODERS["base"].fingerprint, "some/model")
    with pytest.raises(
        StoreError, match=r"made by some/model \(fingerprint base-base-ba\), not by my/model \(abcabcabcabc\)"
    ):
        store.require("base", "abc" * 9, "my/model")


def test_no_store_at_all(tmp_path):
    with pytest.raises(
        StoreError, match=f"no manifest.json, so it is not a store; run build_embeddings.py --output-dir {tmp_path}$"
    ):
        Store(tmp_path)


# -- what is in it ---------------------------------------------------------------------------------------------------


SHARDS = [f"part-0000{shard}-of-00003.parquet" for shard in range(3)]


def test_judgments_and_figures_are_read_back_and_go_with_the_next_build(tmp_path):
    build(tmp_path / "s", judged=judgments(), figures="{}")
    store = Store(tmp_path / "s")
    assert store.judgments().to_dict("list") == judgments().to_dict("list") and list(store.judgments().index) == [0]
    assert store.evaluation() == b"{}"
    build(tmp_path / "s")
    assert (Store(tmp_path / "s").judgments(), Store(tmp_path / "s").evaluation()) == (None, None)
    assert not {"evaluation.json", "judgments/test.parquet"} & set(content(tmp_path / "s"))


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


def test_a_store_of_one_product(tmp_path):
    """A first shard of one row must not be skipped unless asked for."""
    build(tmp_path / "s", rows=1, shard_size=1)
    store = Store(tmp_path / "s")
    assert [start for start, _, _ in store.shards()] == [0] and list(store.shards(1)) == []
    assert torch.equal(store.vectors("base").float(), vectors("base", 1))


READERS = {
    "products": lambda store: store.products(),
    "vectors": lambda store: store.vectors("base"),
    "shards": lambda store: list(store.shards()),
    "vector_blocks": lambda store: list(store.vector_blocks("base")),
}


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("rows", [6, 9])
def test_another_number_of_rows_than_the_manifest_says(tmp_path, read, rows):
    build(tmp_path / "s")
    rewrite_manifest(tmp_path / "s", rows=rows)
    with pytest.raises(StoreError, match=f"/s: 7 rows in (products|base), the manifest says {rows}; run build_embed"):
        READERS[read](Store(tmp_path / "s"))


@pytest.mark.parametrize("size", [-1, 1])
def test_a_truncated_or_longer_file_is_refused_without_reading_it(tmp_path, size):
    build(tmp_path / "s")
    path = tmp_path / "s" / "base" / SHARDS[1]
    path.write_bytes(path.read_bytes()[:-1] if size < 0 else path.read_bytes() + b"x")
    with pytest.raises(StoreError, match=f"base/{SHARDS[1]}: differs from the manifest, .*; run build_embeddings"):
        Store(tmp_path / "s", verify=False)


def test_what_is_checked_is_what_was_asked_for(tmp_path):
    build(tmp_path / "s")
    path = tmp_path / "s" / "base" / SHARDS[1]
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    store = Store(tmp_path / "s", verify=False)
    store.check([f"tuned/{SHARDS[1]}", f"base/{SHARDS[0]}"])
    for names in (None, [f"base/{SHARDS[1]}"]):
        with pytest.raises(StoreError, match=f"base/{SHARDS[1]}: differs from the manifest"):
            store.check(names)


def test_of_a_half_cached_store_the_data_set_is_named_and_not_the_cache(tmp_path):
    """Building the store again would not repair the cache, and a path into the cache is of no use."""
    build(tmp_path / "s")
    (tmp_path / "s" / "base" / SHARDS[1]).unlink()
    with pytest.raises(StoreError) as refused:
        Store(tmp_path / "s", name="user/d@abc")
    said = f"user/d@abc: base/{SHARDS[1]}: missing; start again with the Hub in reach to fetch it again"
    assert str(refused.value) == said
    with pytest.raises(StoreError, match=f"{tmp_path}.*missing; run build_embeddings.py again"):
        Store(tmp_path / "s")


def test_a_file_that_goes_away_later_is_named(tmp_path):
    build(tmp_path / "s")
    store = Store(tmp_path / "s", name="user/d@abc")
    (tmp_path / "s" / "products" / SHARDS[2]).unlink()
    with pytest.raises(
        StoreError, match=f"products/{SHARDS[2]}: not a readable parquet file .*; run build_embeddings"
    ):
        store.products()


def test_a_store_of_a_revision_names_its_maker(tmp_path):
    build(tmp_path / "s", encoders={part: replace(encoder, revision="a" * 40) for part, encoder in ENCODERS.items()})
    with pytest.raises(
        StoreError, match=r"^there: its tuned vectors were made by some/model@aaaaaaaaaaaa \(finger.* not"
    ):
        Store(tmp_path / "s", name="there").require("tuned", "x" * 20, "mine")


# -- the files it names ----------------------------------------------------------------------------------------------


def replaced(folder, name, table, **options):
    """The store with another table as the file ``name``, checksums changed to match."""
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
        (b"", "bytes should be"),
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


@pytest.mark.parametrize("size", [1, 2])
def test_a_shard_of_many_row_groups(tmp_path, size):
    """Arrow reads long tables as several chunks, from about 131,000 rows on; here row groups make small ones."""
    build(tmp_path / "s")
    rows = vectors("base")[:3].tolist()
    store = replaced(tmp_path / "s", BASE, embedded(rows), row_group_size=size)
    assert store.vectors("base")[:3].tolist() == rows


def test_products_without_a_title_column(tmp_path):
    build(tmp_path / "s")
    table = catalogue().slice(0, 3).drop_columns(["product_title"])
    with pytest.raises(StoreError, match=r"part-00000-of-00003.parquet: no column 'product_"):
        replaced(tmp_path / "s", FIRST, table).products()


def test_text_that_is_no_utf_8(tmp_path):
    """Arrow reads it without an error, and the page would fail later on it."""
    build(tmp_path / "s")
    table = catalogue().slice(0, 3)
    titles = pa.array([b"m\xf4g"] * 3).view(pa.string())
    table = table.set_column(table.column_names.index("product_title"), "product_title", titles)
    with pytest.raises(StoreError, match=r"part-00000-of-00003.parquet: not a readable parquet file.*Invalid UTF8"):
        replaced(tmp_path / "s", FIRST, table).products()
    # Vectors can be read without reading titles.
    assert torch.equal(Store(tmp_path / "s").vectors("base").float(), vectors("base"))


def test_metadata_in_a_parquet_file_is_ignored(tmp_path):
    """pandas metadata can name a missing index; old versions of Arrow unpickled extension types from metadata."""
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
