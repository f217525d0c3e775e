"""Messages about foreign data stay short: it may have 5,000 columns or names of a megabyte."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from space.data import judgments
from space.data.catalogue import DataError, in_locales
from space.encoding.weights import Snapshot
from space.hub import client
from space.hub.datasets import read_dataset

LONG = "x" * 100_000
MANY = [f"name {number} {'y' * 200}" for number in range(5_000)]


def catalogue(ids, locales):
    return pa.table({"product_id": ids, "product_locale": locales, "product_title": ["t"] * len(ids)})


def judged(rows):
    frame = pd.DataFrame(rows, columns=["query", "product_id", "product_locale", "esci_label"])
    return frame.assign(query_id=range(len(frame)))


def columns(tmp_path):
    for name in ("train", "test"):
        pq.write_table(pa.table({name: ["a"] for name in MANY}), tmp_path / f"{name}.parquet")
    judgments.read_folder(tmp_path, bullets=False)


def locales_of_products(tmp_path):
    in_locales(catalogue(MANY, MANY), ["us"], "d")


def locales_asked_for(tmp_path):
    products = catalogue(["p"], [MANY[0]])
    judgments.check("d", judged([]), judged([]), products, MANY)


def products(tmp_path):
    rows = judged([("q", LONG, "us", "Exact")])
    judgments.check("d", rows, rows, catalogue(["p"], ["us"]), ["us"])


def contradictions(tmp_path):
    rows = judged([(f"{number}{LONG}", "p", "us", label) for number in range(9) for label in ("Exact", "Irrelevant")])
    judgments.check("d", rows, rows, catalogue(["p"], ["us"]), ["us"])


def splits(tmp_path):
    for number in range(60):
        pq.write_table(pa.table({"a": ["b"]}), tmp_path / f"s{number}.parquet")
    files = "".join(f"  - split: s{number}{'z' * 90}\n    path: s{number}.parquet\n" for number in range(60))
    (tmp_path / "README.md").write_text(f"---\nconfigs:\n- config_name: default\n  data_files:\n{files}---\n")
    read_dataset("alice/d")


@pytest.mark.parametrize("case", [columns, locales_of_products, locales_asked_for, products, contradictions, splits])
def test_an_error_stays_short_however_much_there_is_to_list(case, tmp_path, monkeypatch):
    monkeypatch.setattr(client, "pull", lambda *_, **__: Snapshot(tmp_path, "c" * 40))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    with pytest.raises(DataError) as caught:
        case(tmp_path)
    said = str(caught.value)
    assert len(said) < 2_000, f"{len(said):,} characters: {said[:300]}"
    assert "more" in said or "…" in said
