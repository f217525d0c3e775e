"""Judgments are checked and joined to the right products, and refused if they contradict."""

import logging

import pandas as pd
import pytest
from esci_rows import ALL, JUDGMENTS, TEST, TRAIN, joined, judged_pairs, products, refused, writer

from space.data.catalogue import BULLETS
from space.data.scale import ESCI
from space.pipelines.inputs import open_judged


@pytest.fixture
def folder(tmp_path):
    """``folder(train=…, test=…)`` writes a data folder of the given frames, or of those of ``esci_rows``."""
    return writer(tmp_path)


def test_same_id_in_two_locales_is_two_products(folder):
    """ESCI uses an id in several locales: by id alone, a Spanish product would get the American title."""
    data = open_judged(folder(), ALL)
    row = data.train.loc[data.train["product_locale"] == "es", "row"].item()
    assert data.catalogue["product_title"][row].as_py() == "es title of 01"


def test_locales(folder):
    """Other locales are removed from the catalogue and from the judgments."""
    data = open_judged(folder(), ["us"])
    assert set(data.catalogue["product_locale"].to_pylist()) == {"us"}
    assert set(data.train["product_locale"]) == set(data.test["product_locale"]) == {"us"}
    assert data.test["row"].tolist() == [2, 0]


def test_short_labels_are_the_long_ones(folder):
    """E, S, C, I; S is Substitute and worth .1, C is Complement and worth .01."""
    labels = {"E": "Exact", "S": "Substitute", "C": "Complement", "I": "Irrelevant"}
    train = joined(*(("red shoes", "us", f"0{place}", label) for place, label in enumerate(labels)))
    assert open_judged(folder(train=train), ALL).train["esci_label"].tolist() == list(labels.values())
    assert ESCI.gains == {"Exact": 1.0, "Substitute": 0.1, "Complement": 0.01, "Irrelevant": 0.0}


def test_repeated_judgment_counts_once(folder):
    """Twice the same pair would count double in training and have two ranks in evaluation."""
    train = pd.concat([TRAIN, TRAIN.iloc[[0]].assign(query_id=99)])
    assert judged_pairs(open_judged(folder(train=train), ALL).train) == judged_pairs(TRAIN)


def test_test_queries_leave_train(folder, caplog):
    """A held-out query must not be trained on. The same words in another locale are another query."""
    leak = joined(("green hat", "us", "05", "Exact"), ("green hat", "es", "01", "Exact"))
    with caplog.at_level(logging.WARNING):
        data = open_judged(folder(train=pd.concat([TRAIN, leak])), ALL)
    assert judged_pairs(data.train) == [*judged_pairs(TRAIN), ("green hat", "es", "01", "Exact")]
    assert data.train.index.tolist() == list(range(5))
    assert judged_pairs(data.test) == judged_pairs(TEST)
    assert "1 train rows left out, their queries are held out for the test" in caplog.text


SPELLINGS = ["Café  Mug", "CAFÉ MUG", " café\u00a0mug", "cafe\u0301 mug", "ｃａｆé\u3000mug", "ca\u00adfé\ufeff mug"]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_test_query_leaves_train_however_it_is_written(folder, spelling):
    """The app gives all of these the same labels, so a model that learned from one has seen the others."""
    train = joined((spelling, "us", "01", "Exact"), (spelling, "es", "01", "Exact"))
    test = joined(("café mug", "us", "05", "Exact"))
    data = open_judged(folder(train=pd.concat([TRAIN, train]), test=test), ALL)
    assert set(data.train.loc[data.train["query"] == spelling, "product_locale"]) == {"es"}


def test_nothing_is_said_without_a_leak(folder, caplog):
    """Without a leak there must be no warning, or users stop reading it."""
    with caplog.at_level(logging.INFO):
        open_judged(folder(), ALL)
    assert caplog.text == ""


# -- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", JUDGMENTS)
def test_null(folder, column):
    """The message names split, column and row."""
    test = TEST.astype({"query_id": object})
    test.loc[1, column] = None
    found = refused(folder(test=test))
    assert f"column {column!r} is empty in 1 rows, first in row 2" in found
    assert "test" in found.split(":")[0]


@pytest.mark.parametrize(
    ("frames", "options", "said"),
    [
        ({"train": TRAIN.drop(columns=BULLETS)}, {"bullets": True}, ["train.parquet", repr(BULLETS)]),
        ({"train": TRAIN.assign(esci_label=["Exact", "Perfect", "Exact", "Exact"])}, {},
         ["train", "'esci_label'", "'Perfect'", *ESCI.names, "E, S, C, I"]),
        ({"train": pd.concat([TRAIN, joined(("red shoes", "us", "03", "Exact"))])}, {},
         ["train", "'red shoes'", "'03' ('us')", "Exact / Substitute"]),
        # Left out, the product would make recall look better. The same id in another locale is another product.
        ({"products": products(("us", "01"), ("us", "03"), ("es", "01"), ("us", "05"), ("es", "05"))}, {},
         ["test", "1 judged products", "'05' of locale 'jp'"]),
        # In joined rows an id repeats with each judgment; in products.parquet it must be unique.
        ({"products": products(("us", "01"), ("es", "01"), ("us", "03"), ("us", "01"), product_brand=[*"abcd"])}, {},
         ["products.parquet", "'01'", "2 rows", "row 1 and row 4"]),
        ({}, {"locales": ["fr"]}, ["--locales 'fr'", "'es', 'jp', 'us'"]),
        ({}, {"locales": ["es"]}, ["test", "no judgment in locales 'es'"]),
        ({"train": TRAIN.iloc[:0]}, {}, ["train", "no judgment"]),
        ({"test": TRAIN.iloc[:0]}, {}, ["test", "no judgment"]),
        ({"train": TRAIN.iloc[:0], "test": TRAIN.iloc[:0]}, {}, ["'train.parquet', 'test.parquet'", "no product"]),
    ],
    ids=["no bullets", "unknown label", "two labels", "not in catalogue", "duplicate id",
         "unknown locale", "empty locale", "empty train", "empty test", "both empty"],
)  # fmt: skip
def test_what_is_wrong_is_named(folder, frames, options, said):
    """Before any training: the message names file or split, column and value."""
    found = refused(folder(**frames), **options)
    assert not [part for part in said if part not in found], found
