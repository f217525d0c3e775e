"""Parquet files that are small and would fill the memory are refused before they are read."""

import resource

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_store_reader import build, replaced

from space.data.catalogue import DataError
from space.data.catalogue_file import load_catalogue
from space.data.judgments import read_folder
from space.data.parquet import check_parquet, read_parquet
from space.store.reader import JUDGMENTS, StoreError

ROWS = 1_300_000


def repeated(text, rows=ROWS):
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([text]))


def bomb(path, plain=False):
    """A file of about 300 kB, whose titles take 2.6 GB."""
    ids = repeated("p")
    table = pa.table(
        {
            "product_id": ids, "product_locale": ids, "product_title": repeated("x" * 2_000), "product_brand": ids,
            "product_color": ids, "query": ids, "query_id": ids, "esci_label": repeated("Exact"),
        }
    )  # fmt: skip
    pq.write_table(table, path, store_schema=not plain)
    assert path.stat().st_size < 2_000_000
    return path


@pytest.mark.parametrize("plain", [True, False])
def test_a_catalogue(tmp_path, plain):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError, match=r"c\.parquet: .*more than 0\.5 GB in memory.*in parts"):
        load_catalogue(bomb(tmp_path / "c.parquet", plain))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 800_000  # kB


@pytest.mark.parametrize("own", [True, False])
def test_a_folder_of_judgments(tmp_path, own):
    for name in ("train", "test", *(["products"] if own else [])):
        bomb(tmp_path / f"{name}.parquet")
    with pytest.raises(DataError, match=r"\.parquet: .*more than 0\.5 GB in memory.*in parts"):
        read_folder(tmp_path, bullets=False)


def test_a_store(tmp_path):
    build(tmp_path / "s")
    (tmp_path / "s" / JUDGMENTS).parent.mkdir(exist_ok=True)
    store = replaced(tmp_path / "s", JUDGMENTS, bomb(tmp_path / "bomb.parquet").read_bytes())
    with pytest.raises(StoreError, match=r"more than 0\.5 GB in memory"):
        store.judgments()


@pytest.mark.parametrize("kind", ["nulls", "lists", "zeros", "compressed", "wide", "wide and null"])
def test_other_shapes(tmp_path, kind):
    values = {
        "nulls": lambda: pa.nulls(70_000_000, pa.int8()),
        "lists": lambda: pa.FixedSizeListArray.from_arrays(pa.array(["x" * 2_000] * 400_000), 4),
        "zeros": lambda: pa.array(np.zeros(70_000_000, np.int8)),
        "wide": lambda: pa.array([b"x" * 1_000_000] * 600, pa.binary(1_000_000)),
        "wide and null": lambda: pa.array([b"x" * 1_000_000] + [None] * 600, pa.binary(1_000_000)),
        "compressed": lambda: pa.array(["x" * 1_000_000] * 600),
    }[kind]()
    pq.write_table(
        pa.table({"a": values}), tmp_path / "a.parquet", compression="zstd", use_dictionary=kind != "compressed"
    )
    with pytest.raises(pa.ArrowInvalid, match="in memory"):
        check_parquet(tmp_path / "a.parquet")


def test_texts_written_as_differences(tmp_path):
    """Each text takes a few bytes, however long the beginning that it shares with the one before."""
    texts = ["x" * 100_000 + str(number) for number in range(6_000)]
    pq.write_table(
        pa.table({"a": texts}), tmp_path / "a.parquet", use_dictionary=False, column_encoding="DELTA_BYTE_ARRAY"
    )
    assert (tmp_path / "a.parquet").stat().st_size < 1_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(pa.ArrowInvalid, match="in memory"):
        read_parquet(tmp_path / "a.parquet")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_000_000  # kB


@pytest.mark.parametrize("rows", [0, 1, 3, 70_000])
@pytest.mark.parametrize("group", [1_000, 100_000])
def test_what_is_read_equals_what_arrow_reads(tmp_path, rows, group):
    """With columns in another order, few or all, and types of every kind that a store has."""
    table = pa.table(
        {
            "id": [f"p{number}" for number in range(rows)],
            "locale": pa.array([["us", "jp", None][number % 3] for number in range(rows)], pa.string()),
            "brand": pa.array(["b" * (number % 7) for number in range(rows)], pa.string()).dictionary_encode(),
            "price": pa.array(np.arange(rows) / 7, pa.float64()),
            "embedding": pa.FixedSizeListArray.from_arrays(pa.array(np.ones(4 * rows, np.float16)), 4),
            "notes": pa.array([["a", "b"][: number % 3] for number in range(rows)], pa.list_(pa.string())),
            "empty": pa.nulls(rows, pa.string()),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=group)
    assert read_parquet(tmp_path / "a.parquet").equals(pq.read_table(tmp_path / "a.parquet"))
    for columns in (["price", "id"], ["notes"], ["embedding", "locale"], ["brand"], ["empty"]):
        expected = pq.read_table(tmp_path / "a.parquet", columns=columns)
        assert read_parquet(tmp_path / "a.parquet", columns).equals(expected)
        check_parquet(tmp_path / "a.parquet", columns)


def test_usual_files_pass(tmp_path):
    table = pa.table({"a": [f"text {n}" for n in range(50_000)], "b": ["us"] * 50_000, "c": [["x"], None] * 25_000})
    pq.write_table(table, tmp_path / "a.parquet")
    check_parquet(tmp_path / "a.parquet")
    check_parquet(tmp_path / "a.parquet", ["b"])
    pq.write_table(table.slice(0, 0), tmp_path / "a.parquet")
    check_parquet(tmp_path / "a.parquet")
