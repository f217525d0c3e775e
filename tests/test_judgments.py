"""Judgments are read as they were judged, joined to the right products, and refused if they contradict."""

import html
import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from space.data import judgments
from space.data.catalogue import BULLETS, DataError
from space.data.scale import ESCI
from space.pipelines.inputs import open_judged

ROOT = Path(__file__).parents[1]
REAL = ROOT.parent / "shared" / "esci"
needs_real = pytest.mark.skipif(
    not (REAL / "products.parquet").is_file(), reason="the ESCI sample is not beside the repository (../shared/esci)"
)
ALL = ["us", "es", "jp"]
JUDGMENTS = list(judgments.JUDGMENT_COLUMNS)
PRODUCTS = [
    "product_id",
    "product_locale",
    "product_title",
    "product_description",
    BULLETS,
    "product_brand",
    "product_color",
]


def joined(*rows, **changed):
    """Joined rows of (query, locale, id, label); ``changed`` sets whole columns, None leaves a column out."""
    frame = pd.DataFrame(rows, columns=["query", "product_locale", "product_id", "esci_label"])
    frame["query_id"] = frame["query"].factorize()[0] + 1
    frame["product_title"] = frame["product_locale"] + " title of " + frame["product_id"].astype(str)
    frame["product_description"] = "long"
    frame[BULLETS] = "soft"
    frame["product_brand"] = "Acme"
    frame["product_color"] = None
    for name, value in changed.items():
        frame = frame.drop(columns=name) if value is None else frame.assign(**{name: value})
    return frame


TRAIN = joined(
    ("red shoes", "us", "01", "Exact"),
    ("red shoes", "us", "03", "Substitute"),
    ("zapatos", "es", "01", "Exact"),
    ("blue mug", "us", "03", "Irrelevant"),
)
TEST = joined(
    ("green hat", "us", "05", "Exact"), ("green hat", "us", "01", "Complement"), ("帽子", "jp", "05", "Exact")
)


@pytest.fixture
def folder(tmp_path):
    """``folder(train=…, test=…)`` writes a data folder of the given frames, or of those above."""

    def make(**frames):
        for name, frame in ({"train": TRAIN, "test": TEST} | frames).items():
            frame.to_parquet(tmp_path / f"{name}.parquet", index=False)
        return str(tmp_path)

    return make


def products(*keys, **changed):
    """Rows of products.parquet for (locale, id)."""
    return joined(*((None, locale, product_id, None) for locale, product_id in keys), **changed)[PRODUCTS]


def refused(dataset, locales=ALL, **options):
    with pytest.raises(DataError) as error:
        open_judged(dataset, locales, **options)
    return str(error.value)


def keys(table):
    return list(zip(table["product_locale"].to_pylist(), table["product_id"].to_pylist(), strict=True))


def judged_pairs(frame):
    return list(frame[["query", "product_locale", "product_id", "esci_label"]].itertuples(index=False, name=None))


# -- layouts ---------------------------------------------------------------------------------------------------------


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


# -- locales, labels, leaks ------------------------------------------------------------------------------------------


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


# -- refusals --------------------------------------------------------------------------------------------------------


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


# -- real rows -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real():
    return open_judged(str(REAL), ALL)


@needs_real
def test_real_sizes(real):
    """The numbers of the sample's own description."""
    locales = pd.Series(real.catalogue["product_locale"].to_pylist()).value_counts().to_dict()
    assert locales == {"us": 9113, "jp": 510, "es": 412}
    assert (len(real.train), len(real.test), real.test["query"].nunique()) == (6876, 1604, 35)
    assert real.test["esci_label"].value_counts().to_dict() == {
        "Exact": 828,
        "Substitute": 459,
        "Irrelevant": 183,
        "Complement": 134,
    }


@needs_real
@pytest.mark.parametrize("split", ["train", "test"])
def test_real_rows_are_the_judged_ones(real, split):
    """The title at a judgment's row is the title that was judged, without HTML entities and spaces around it."""
    source = pq.read_table(REAL / f"{split}.parquet", columns=[*JUDGMENTS, "product_title"]).to_pandas()
    frame = getattr(real, split)
    titles = np.array(real.catalogue["product_title"].to_pylist(), dtype=object)[frame["row"]]
    found = frame.assign(found=titles).merge(source, on=["product_locale", "query", "product_id"])
    assert len(found) == len(source)
    assert found["found"].tolist() == [html.unescape(title).strip() for title in found["product_title"]]
    assert found["esci_label_x"].astype(str).tolist() == found["esci_label_y"].tolist()


@needs_real
def test_real_joined_rows_without_the_products_file(real, tmp_path):
    """Joined rows give the same products as products.parquet."""
    for name in ("train.parquet", "test.parquet"):
        (tmp_path / name).symlink_to(REAL / name)
    picked = open_judged(str(tmp_path), ALL)
    judged = set(map(tuple, pd.concat([real.train, real.test])[["product_locale", "product_id"]].to_numpy()))
    assert set(keys(picked.catalogue)) == judged
    titles = np.array(real.catalogue["product_title"].to_pylist(), dtype=object)[real.test["row"]]
    assert (
        np.array(picked.catalogue["product_title"].to_pylist(), dtype=object)[picked.test["row"]].tolist()
        == titles.tolist()
    )


# -- memory ----------------------------------------------------------------------------------------------------------

LOAD = """
import sys
from space.pipelines.inputs import open_judged
def megabytes(line):
    with open("/proc/self/status") as status:
        return next(int(text.split()[1]) for text in status if text.startswith(line)) / 1000
before = megabytes("VmRSS")
data = open_judged(sys.argv[1], ["us"])
print(len(data.catalogue), len(data.train), len(data.test), megabytes("VmHWM") - before)
"""


def write_many(path, rows, first_query):
    """Joined rows with a title of 72 characters, and a description and bullet points of 1,800 each."""
    number = np.arange(rows)
    ids = pc.utf8_lpad(pa.array(number % (rows * 2 // 3) + first_query).cast(pa.string()), 10, "B")
    queries = pa.array(number // 20 + first_query)
    long = pa.array([f"{place} " + "description " * 150 for place in range(50)])
    texts = pa.DictionaryArray.from_arrays(pa.array((number % 50).astype(np.int32)), long)
    table = {
        "query": pc.binary_join_element_wise(pa.scalar("a query of some words"), queries.cast(pa.string()), " "),
        "query_id": queries,
        "product_id": ids,
        "product_locale": pa.array(["us"] * rows),
        "esci_label": pa.array(["Exact", "Substitute", "Irrelevant"] * (rows // 3)),
        "product_title": pc.binary_join_element_wise(
            pa.scalar("A title of about seventy characters, as they have" + "." * 12), ids, ""
        ),
        "product_description": texts,
        BULLETS: texts,
        "product_brand": pa.array(["Acme"] * rows),
        "product_color": pa.nulls(rows, pa.string()),
    }
    # Without Arrow's own schema the long texts, few and repeated in the file, are whole strings again when read.
    pq.write_table(pa.table(table), path, row_group_size=50_000, store_schema=False)


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="peak memory is read from /proc")
def test_memory_of_the_joined_reader(tmp_path):
    """Descriptions, and the texts of repeated rows, must never be in memory together.

    300,000 rows are 11 % of the 2.68 million rows of ``tasksource/esci``, so the peak must be below 11 % of 4 GB. It
    was 230 MB; reading all columns takes over 1 GB.
    """
    rows = {"train": 240_000, "test": 60_000}
    for place, (split, count) in enumerate(rows.items()):
        write_many(tmp_path / f"{split}.parquet", count, place * 1_000_000)
    command = [sys.executable, "-c", LOAD, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    catalogue, train, test, grown = map(float, done.stdout.split())
    assert (catalogue, train, test) == (200_000, 240_000, 60_000)
    assert grown < 4000 * sum(rows.values()) / 2_680_364
