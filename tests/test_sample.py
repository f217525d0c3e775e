"""The bundled sample is the same on every machine, and its labels follow from its products and queries."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pyarrow as pa
import pytest

from space.data import sample
from space.data.sample_kinds import kinds

ROOT = Path(__file__).parent.parent
COLUMNS = (
    "product_id product_locale product_title product_description product_bullet_point product_brand product_color "
    "image_url price category rating rating_count"
).split()


@pytest.fixture(scope="module")
def products():
    return sample.catalogue().to_pandas()


@pytest.fixture(scope="module")
def judged():
    return sample.judgments()


@pytest.fixture(scope="module")
def queries(judged):
    return judged.drop_duplicates("query_id")


def fingerprint():
    texts = [json.dumps(sample.catalogue().to_pylist()), sample.judgments().to_csv(index=False)]
    return hashlib.sha256("".join(texts).encode()).hexdigest()


#: README, docs and the golden run quote figures of this sample: change it on purpose only, and measure them again.
FINGERPRINT = "e048060c0d4f08f9531ea48a2600559f089776afb124a2a4fda05d3665df2f23"


def test_the_sample_is_the_same_in_every_process():
    """The order of a set or the hash of a text would change the sample with PYTHONHASHSEED."""
    code = "import sys; sys.path[:0] = ['.', 'tests']; import test_sample; print(test_sample.fingerprint())"
    environment = {**os.environ, "PYTHONHASHSEED": "4242"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (done.stdout.strip(), fingerprint()) == (FINGERPRINT, FINGERPRINT), done.stderr


def test_calls_do_not_share_state():
    """A caller that edits its frame must not change what the next caller gets."""
    before, edited = sample.judgments(), sample.judgments()
    edited["esci_label"] = "Exact"
    assert sample.judgments().equals(before)
    assert sample.catalogue().equals(sample.catalogue())


def test_catalogue_schema(products):
    table = sample.catalogue()
    assert table.column_names == COLUMNS
    numbers = {"price", "rating", "rating_count"}
    assert all(table.schema.field(c).type == (pa.float64() if c in numbers else pa.string()) for c in COLUMNS)
    assert table["image_url"].null_count == len(table)
    assert not products[["product_id", "product_locale", "product_title", "price", "category"]].isna().any().any()


def test_size_and_mix(products, judged, queries):
    """What README and docs say of it: about 2,500 products and 350 queries in two languages, all four labels."""
    assert Counter(products.product_locale).keys() == {"us", "es"} and 2_400 <= len(products) <= 2_600
    assert 55 <= products.product_brand.nunique() <= 75
    assert products.product_title.duplicated().sum() >= 5, "real catalogues list some products twice"
    assert 0.18 < products.product_color.isna().mean() < 0.33
    sizes = Counter(queries.split)
    assert sizes["train"] >= 260 and sizes["test"] >= 80
    mix = judged.esci_label.value_counts(normalize=True)
    assert 0.4 <= mix["Exact"] <= 0.6 and 0.2 <= mix["Substitute"] <= 0.35
    assert 0.02 <= mix["Complement"] <= 0.08 and 0.1 <= mix["Irrelevant"] <= 0.25


def test_ids_are_unique_and_made_up(products):
    """They must not look like ids of a real shop, such as an ASIN of ten letters and digits."""
    assert not products.duplicated(["product_locale", "product_id"]).any()
    assert products.product_id.str.fullmatch(r"S\d{6}").all()


def test_brands_keep_to_their_departments():
    homes = defaultdict(set)
    for kind in kinds():
        for brand in kind.brands if kind.locale == "us" else ():
            homes[brand].add(kind.department)
    assert max(map(len, homes.values())) <= 2


def test_texts_are_clean(products, judged):
    texts = [*judged["query"].unique()]
    for column in COLUMNS[2:7] + ["category"]:
        texts += products[column].dropna().tolist()
    odd = re.compile(r"[<>\"`|{}\t\r]|&\w+;|  |^\s|\s$|,,| ,|\( |\(\)|^[-,]|None|nan\b")
    assert [text for text in texts if odd.search(text.replace(" > ", " / "))] == []


def test_no_title_says_a_word_twice_in_a_row(products):
    twice = re.compile(r"\b(\w+) \1\b", re.IGNORECASE)
    assert [title for title in products.product_title if twice.search(title)] == []


def test_no_real_trademarks(products, judged):
    """Trademarks that people use like common words."""
    names = "velcro lego frisbee tupperware iphone macbook yeti stanley kindle bluetooth airpods earpods sharpie"
    texts = [*products.product_title, *products.product_bullet_point, *judged["query"].unique()]
    assert set(names.split()) & set(re.findall(r"\w+", " ".join(texts).lower())) == set()


def test_judged_products_exist_in_the_locale_of_the_query(products, judged):
    known = set(zip(products.product_locale, products.product_id, strict=True))
    assert set(zip(judged.product_locale, judged.product_id, strict=True)) <= known
    assert (judged.groupby("query_id").product_locale.nunique() == 1).all()


def test_no_pair_is_judged_twice(judged):
    assert not judged.duplicated(["query_id", "product_id"]).any()
    assert judged.groupby("query_id").size().between(12, 24).all()


def test_split_is_by_query(judged, queries):
    """Training must not see the answers of a test query."""
    assert not queries.duplicated(["product_locale", "query"]).any()
    train, test = (judged[judged.split == split] for split in ("train", "test"))
    assert not set(train["query"]) & set(test["query"])
    assert not set(train.query_id) & set(test.query_id)


def test_splits_differ_in_constraints():
    """The same constraints in other words are the same question."""
    asked = defaultdict(set)
    for query in sample._queries():
        asked[query.kind, query.wants].add(query.split)
    assert all(len(splits) == 1 for splits in asked.values())


def test_most_test_kinds_are_trained_on_and_some_are_not():
    kinds = defaultdict(set)
    for query in sample._queries():
        kinds[query.split].add(query.kind)
    unseen = {kind.key for kind in kinds["test"] - kinds["train"]}
    assert unseen == sample.UNSEEN_KINDS


def test_labels_follow_from_the_traits(judged):
    """The labels, worked out again from the definitions without the generator's helpers."""
    by_id = {product.product_id: product for product in sample._products()}
    by_query = {query.query_id: query for query in sample._queries()}
    for row in judged.itertuples():
        product, query = by_id[row.product_id], by_query[row.query_id]
        met = [(product.traits.get(want.slot) == want.value) == want.wanted for want in query.wants]
        if product.kind is query.kind:
            expected = "Exact" if all(met) else "Substitute"
            assert met.count(False) <= 1, (
                "with two broken constraints the label is not clear, so such a pair is not judged"
            )
        else:
            goes = product.kind.key in query.kind.goes_with or query.kind.key in product.kind.goes_with
            expected = "Complement" if goes else "Irrelevant"
            assert product.kind.key not in query.kind.alike, (row.query, product.row["product_title"])
        assert row.esci_label == expected, (row.query, product.row["product_title"])


def test_every_exact_product_is_judged(judged):
    """In the full catalogue unjudged products count 0, which would punish a right answer."""
    exact = judged[judged.esci_label == "Exact"].groupby("query_id").product_id.agg(set)
    shelves = defaultdict(list)
    for product in sample._products():
        shelves[product.kind].append(product)
    for query in sample._queries():
        assert exact[query.query_id] == {p.product_id for p in shelves[query.kind] if query.label(p) == "Exact"}
        assert 3 <= len(exact[query.query_id]) <= sample.MAX_EXACT, query.text


def test_titles_show_what_the_labels_rest_on():
    """A search over titles cannot find a trait that no title mentions."""
    for product in sample._products():
        told = " ".join(str(product.row[c]) for c in ("product_title", "product_color")).lower()
        for slot, name in product.traits.items():
            value = next(value for value in product.kind.values[slot] if value.name == name)
            assert any(form.lower() in told for form in value.titles), (told, slot, name)


def test_words_of_queries_often_miss_the_titles(products, judged):
    """Words alone must fail on many queries, but not on all: the sample shows why one searches by meaning."""
    titles = dict(zip(products.product_id, products.product_title.str.lower(), strict=True))
    exact = judged[judged.esci_label == "Exact"]
    missing = []
    for _, group in exact.groupby("query_id"):
        found = set(re.findall(r"\w+", " ".join(titles[i] for i in group.product_id)))
        missing.append(bool(set(re.findall(r"\w{4,}", group["query"].iloc[0].lower())) - found))
    assert 0.5 < sum(missing) / len(missing) < 0.9


def test_tables_refer_to_kinds_that_exist():
    """With a misspelt ``goes_with`` a kind would have no Complements, and no error."""
    for locale in ("us", "es"):
        table = [kind for kind in kinds() if kind.locale == locale]
        keys = {kind.key for kind in table}
        assert len(keys) == len(table)
        for kind in table:
            named = {*kind.goes_with, *kind.alike}
            assert named <= keys, (kind.key, named - keys)
            for slot, value in (item for wants in kind.said.values() for item in wants.items()):
                assert value in {v.name for v in kind.values[slot]}, (kind.key, slot, value)
