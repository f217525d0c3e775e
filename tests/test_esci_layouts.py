"""Folders in the layouts of ESCI are read as they are, and what is missing or damaged is named."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from esci_rows import ALL, JUDGMENTS, PRODUCTS, TEST, TRAIN, joined, judged_pairs, keys, products, refused, writer

from space.data import judgments
from space.data.catalogue import BULLETS, DataError
from space.data.scale import ESCI
from space.pipelines.inputs import open_judged


@pytest.fixture
def folder(tmp_path):
    """``folder(train=…, test=…)`` writes a data folder of the given frames, or of those of ``esci_rows``."""
    return writer(tmp_path)


def test_joined_layout(folder):
    """One product per (locale, id), in order of first appearance, train before test; each judgment finds its own."""
    data = open_judged(folder(), ALL)
    assert keys(data.catalogue) == [("us", "01"), ("us", "03"), ("es", "01"), ("us", "05"), ("jp", "05")]
    assert data.catalogue["product_title"].to_pylist()[:3] == ["us title of 01", "us title of 03", "es title of 01"]
    assert judged_pairs(data.train) == judged_pairs(TRAIN)
    assert judged_pairs(data.test) == judged_pairs(TEST)
    assert (data.train["row"].tolist(), data.test["row"].tolist()) == ([0, 1, 2, 1], [3, 0, 4])
    assert data.train["row"].dtype == np.int64
    assert list(data.train["esci_label"].cat.categories) == list(ESCI.names)


def test_descriptions_are_not_read(folder):
    """They are by far the largest column, and no encoder reads them."""
    data = open_judged(folder(), ALL)
    assert data.catalogue.column_names == [
        "product_locale",
        "product_id",
        "product_title",
        "product_brand",
        "product_color",
    ]
    assert open_judged(folder(), ALL, bullets=True).catalogue[BULLETS].to_pylist() == ["soft"] * 5


def test_products_file(folder):
    """With products.parquet the catalogue is that file, unjudged products and extra columns included, in its order."""
    own = products(("us", "99"), ("us", "05"), ("us", "01"), ("us", "03"), ("es", "01"), ("jp", "05"), price=9.5)
    own["price"] = 9.5
    data = open_judged(folder(products=own), ALL)
    assert keys(data.catalogue)[0] == ("us", "99")
    assert data.train["row"].tolist() == [2, 3, 4, 3]
    assert data.catalogue["price"].to_pylist() == [9.5] * 6


def test_official_layout(tmp_path):
    """The two files of amazon-science/esci-data, labels as single letters, splits in a column."""
    examples = pd.concat([TRAIN.assign(split="train"), TEST.assign(split="test")])
    examples["esci_label"] = examples["esci_label"].str[0]
    examples[[*JUDGMENTS, "split"]].to_parquet(tmp_path / judgments.OFFICIAL_EXAMPLES, index=False)
    with pytest.raises(DataError, match=f"{judgments.OFFICIAL_PRODUCTS} is missing"):
        open_judged(str(tmp_path), ALL)
    pd.concat([TRAIN, TEST])[PRODUCTS].drop_duplicates(["product_locale", "product_id"]).to_parquet(
        tmp_path / judgments.OFFICIAL_PRODUCTS, index=False
    )
    data = open_judged(str(tmp_path), ALL)
    assert judged_pairs(data.train) == judged_pairs(TRAIN)
    assert judged_pairs(data.test) == judged_pairs(TEST)
    titles = np.array(data.catalogue["product_title"].to_pylist())
    assert titles[data.train["row"]].tolist() == TRAIN["product_title"].tolist()


def test_ids_as_numbers(folder):
    """A judgment's 5 and a product's "5" are the same product."""
    train = joined(("red shoes", "us", 5, "Exact"), ("red shoes", "us", 7, "Irrelevant"))
    data = open_judged(folder(train=train, test=joined(("hat", "us", 5, "Exact"))), ["us"])
    assert keys(data.catalogue) == [("us", "5"), ("us", "7")]
    assert data.test["row"].tolist() == [0]


def test_categorical_columns(folder):
    """What pandas writes for categories comes back as a dictionary type."""
    train = TRAIN.astype({"product_locale": "category", "esci_label": "category", "product_id": "category"})
    assert judged_pairs(open_judged(folder(train=train), ALL).train) == judged_pairs(TRAIN)


# -- missing and damaged files ----------------------------------------------------------------------------------------


def test_missing_file(folder):
    """The message names the file and the files that a folder should have."""
    dataset = folder()
    (Path(dataset) / "train.parquet").unlink()
    found = refused(dataset)
    assert found.startswith(f"{dataset}: no train.parquet; ")
    assert judgments.OFFICIAL_EXAMPLES in found


def test_train_parquet_alone_has_some_queries_held_out(folder):
    """As of train.csv alone."""
    dataset = folder()
    (Path(dataset) / "test.parquet").unlink()
    data = open_judged(dataset, ALL, test_share=0.4)
    assert set(judged_pairs(pd.concat([data.train, data.test]))) == set(judged_pairs(TRAIN))
    assert data.test_share == 0.4 and len(data.train) and len(data.test)


@pytest.mark.parametrize("column", ["query", "product_id", "product_locale", "product_title"])
@pytest.mark.parametrize("parts", [False, True])
def test_missing_column(folder, column, parts):
    """The message names file, column and flag; for one file a split and for parts alike."""
    dataset = Path(folder(test=joined(("hat", "us", "01", "Exact"), **{column: None})))
    name = "test.parquet"
    if parts:
        (dataset / "data").mkdir()
        for split in ("train", "test"):
            (dataset / f"{split}.parquet").rename(dataset / "data" / f"{split}-00000-of-00001.parquet")
        name = "test-00000-of-00001.parquet"
    found = refused(str(dataset))
    assert f"{name}: " in found and f"--columns {column}=" in found


def test_a_test_file_without_labels_is_left_out_as_of_a_csv(folder, caplog):
    """As competitions publish it; some of the train queries are held out instead, which is said."""
    dataset = folder(test=joined(("hat", "us", "01", "Exact"), esci_label=None))
    with caplog.at_level(logging.INFO):
        data = open_judged(dataset, ALL, test_share=0.4)
    assert "test.parquet is left out, it has no labels" in caplog.text
    assert set(data.train["query"]) | set(data.test["query"]) == set(TRAIN["query"])


def test_other_columns_than_escis_are_found_in_train_and_test_parquet(folder):
    """sku and relevance, and no locale, as in a csv; a folder of parquet files once had to be ESCI's."""
    names = {"product_id": "sku", "esci_label": "relevance", "product_title": "title"}
    frames = [
        frame[frame["product_locale"] == "us"].drop(columns="product_locale").rename(columns=names)
        for frame in (TRAIN, TEST)
    ]
    data = open_judged(folder(train=frames[0], test=frames[1]), ALL)
    assert data.train[["query", "product_id", "esci_label"]].to_numpy().tolist() == [
        ["red shoes", "01", "Exact"], ["red shoes", "03", "Substitute"], ["blue mug", "03", "Irrelevant"],
    ]  # fmt: skip
    assert set(data.test["query"]) == {"green hat"}


def test_a_csv_of_products_beside_joined_rows_is_the_catalogue(folder, tmp_path):
    """It was set aside without a word, and the catalogue was the judged products alone."""
    dataset = folder()
    everything = pd.concat([TRAIN, TEST]).drop_duplicates(["product_locale", "product_id"])
    more = pd.concat([everything, joined((None, "us", "99", None))])
    more[PRODUCTS].to_csv(tmp_path / "products.csv", index=False)
    assert ("us", "99") in keys(open_judged(dataset, ALL).catalogue)


@pytest.mark.parametrize("name", ["train", "test", "products"])
@pytest.mark.parametrize("damage", ["cut off", "no parquet", "pages"])
def test_broken_file(folder, name, damage):
    """The message names a damaged file, wherever the damage is."""
    many = products(*(("us", f"0{number}") for number in range(3000)), ("es", "01"), ("jp", "05"))
    dataset = folder(products=many)
    path = Path(dataset) / f"{name}.parquet"
    whole = path.read_bytes()
    # Behind the leading "PAR1" come the pages, before the footer; the footer stays whole.
    damaged = {
        "cut off": whole[: len(whole) // 2],
        "no parquet": b"id,title\n",
        "pages": whole[:4] + b"\xff" * 400 + whole[404:],
    }
    path.write_bytes(damaged[damage])
    found = refused(dataset)
    assert f"{name}.parquet: not a readable parquet file: " in found


def test_columns_for_splits_in_parts_are_refused(folder):
    """The message for a missing column names --columns, which then said that the folder has no judgments."""
    dataset = Path(folder())
    (dataset / "data").mkdir()
    for split in ("train", "test"):
        (dataset / f"{split}.parquet").rename(dataset / "data" / f"{split}-00000-of-00001.parquet")
    with pytest.raises(DataError, match=r"--columns does not read splits in parts; write train\.parquet and test"):
        open_judged(str(dataset), ALL, columns="query=search_term")
