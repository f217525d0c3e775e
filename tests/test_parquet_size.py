"""Parquet files that are small and would fill the memory are refused before they are read."""

import resource

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_store_reader import FIRST, build, replaced

from space.data.catalogue import DataError
from space.data.catalogue_file import load_catalogue
from space.data.judgments import read_folder
from space.data.parquet_size import check_parquet
from space.store.reader import StoreError

ROWS = 1_300_000


def repeated(text, rows=ROWS):
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([text]))


def bomb(path, plain=False):
    """A file of about 300 kB, whose titles take 2.6 GB."""
    ids = repeated("p")
    table = pa.table(
        {
            "product_id": ids, "product_locale": ids, "product_title": repeated("x" * 2_000), "product_brand": ids,
            "product_color": ids, "query": ids, "esci_label": repeated("Exact"),
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
    store = replaced(tmp_path / "s", FIRST, bomb(tmp_path / "bomb.parquet").read_bytes())
    with pytest.raises(StoreError, match=r"more than 0\.5 GB in memory"):
        store._table(FIRST, ("product_id",))


@pytest.mark.parametrize("kind", ["nulls", "lists", "zeros", "compressed"])
def test_other_shapes(tmp_path, kind):
    values = {
        "nulls": lambda: pa.nulls(70_000_000, pa.int8()),
        "lists": lambda: pa.FixedSizeListArray.from_arrays(pa.array(["x" * 2_000] * 400_000), 4),
        "zeros": lambda: pa.array(np.zeros(70_000_000, np.int8)),
        "compressed": lambda: pa.array(["x" * 1_000_000] * 600),
    }[kind]()
    pq.write_table(
        pa.table({"a": values}), tmp_path / "a.parquet", compression="zstd", use_dictionary=kind != "compressed"
    )
    with pytest.raises(pa.ArrowInvalid, match="in memory"):
        check_parquet(tmp_path / "a.parquet")


def test_usual_files_pass(tmp_path):
    table = pa.table({"a": [f"text {n}" for n in range(50_000)], "b": ["us"] * 50_000, "c": [["x"], None] * 25_000})
    pq.write_table(table, tmp_path / "a.parquet")
    check_parquet(tmp_path / "a.parquet")
    check_parquet(tmp_path / "a.parquet", ["b"])
    pq.write_table(table.slice(0, 0), tmp_path / "a.parquet")
    check_parquet(tmp_path / "a.parquet")
