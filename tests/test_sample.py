"""The bundled sample is what every newcomer and most tests see first: it must be the same everywhere and honest."""

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
from space.data.sample_draws import Dice, misspelt
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


def test_the_sample_is_the_one_that_published_figures_were_measured_on():
    """README, docs and the golden run quote figures of it: change it on purpose only, and measure them again."""
    assert fingerprint() == "e048060c0d4f08f9531ea48a2600559f089776afb124a2a4fda05d3665df2f23"


@pytest.mark.parametrize("seed", ["0", "4242"])
def test_same_in_every_process(seed):
    """A set's order or `hash` of a string would change the sample with PYTHONHASHSEED, and figures with it."""
    code = "import sys; sys.path[:0] = ['.', 'tests']; import test_sample; print(test_sample.fingerprint())"
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == fingerprint(), done.stderr


def test_calls_do_not_share_state():
    """A caller that edits its frame must not edit everybody's."""
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


def test_catalogue_size_and_variety(products):
    sizes = Counter(products.product_locale)
    assert 2200 <= sizes["us"] <= 2400
    assert 180 <= sizes["es"] <= 220
    assert len({kind.department for kind in kinds() if kind.locale == "us"}) == 8
    assert sum(kind.locale == "us" for kind in kinds()) >= 60
    assert 55 <= products.product_brand.nunique() <= 75
    assert products.product_title.nunique() > 0.98 * len(products)
    assert products.product_title.duplicated().sum() >= 5, "real catalogues list some products twice"
    missing = products.isna().mean()
    assert 0.03 < missing.product_brand < 0.08
    assert 0.18 < missing.product_color < 0.33
    assert 0.05 < missing.product_description < 0.2


def test_values_are_plausible(products):
    assert products.price.between(3, 450).all()
    assert products.rating.dropna().between(2.5, 5).all()
    assert (products.rating_count.dropna() >= 1).all()
    assert products.product_bullet_point.str.split("\n").map(len).between(2, 4).all()
    assert products.category.str.count(" > ").between(1, 3).all()
    assert products.product_title.str.len().between(15, 130).all()


def test_ids_are_unique_and_made_up(products):
    """Ids must not be taken for those of a real shop (ten letters and digits, as an ASIN)."""
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
    """Words that shoppers use like common ones, but which belong to somebody."""
    names = "velcro lego frisbee tupperware iphone macbook yeti stanley kindle bluetooth airpods earpods sharpie"
    texts = [*products.product_title, *products.product_bullet_point, *judged["query"].unique()]
    assert set(names.split()) & set(re.findall(r"\w+", " ".join(texts).lower())) == set()


def test_judgment_columns(judged):
    assert judged.columns.tolist() == ("example_id query query_id product_id product_locale esci_label split".split())
    assert judged.example_id.is_unique
    assert set(judged.esci_label) == {"Exact", "Substitute", "Complement", "Irrelevant"}
    assert set(judged.split) == {"train", "test"}


def test_query_counts(queries):
    sizes = Counter(queries.split)
    assert sizes["train"] >= 260
    assert sizes["test"] >= 80
    assert 25 <= (queries.product_locale == "es").sum() <= 35


def test_judged_products_exist_in_the_locale_of_the_query(products, judged):
    known = set(zip(products.product_locale, products.product_id, strict=True))
    assert set(zip(judged.product_locale, judged.product_id, strict=True)) <= known
    assert (judged.groupby("query_id").product_locale.nunique() == 1).all()


def test_no_pair_is_judged_twice(judged):
    assert not judged.duplicated(["query_id", "product_id"]).any()
    assert judged.groupby("query_id").size().between(12, 24).all()


def test_split_is_by_query(judged, queries):
    """A query in both splits would let training see the test's answers."""
    assert not queries.duplicated(["product_locale", "query"]).any()
    train, test = (judged[judged.split == split] for split in ("train", "test"))
    assert not set(train["query"]) & set(test["query"])
    assert not set(train.query_id) & set(test.query_id)


def test_splits_differ_in_constraints():
    """Text alone would not do: the same question in other words is the same question."""
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


def test_label_mix(judged):
    mix = judged.esci_label.value_counts(normalize=True)
    assert 0.4 <= mix["Exact"] <= 0.6
    assert 0.2 <= mix["Substitute"] <= 0.35
    assert 0.02 <= mix["Complement"] <= 0.08
    assert 0.1 <= mix["Irrelevant"] <= 0.25


def test_labels_follow_from_the_traits(judged):
    """The labels again, from the definitions, with none of the generator's own helpers."""
    by_id = {product.product_id: product for product in sample._products()}
    by_query = {query.query_id: query for query in sample._queries()}
    for row in judged.itertuples():
        product, query = by_id[row.product_id], by_query[row.query_id]
        met = [(product.traits.get(want.slot) == want.value) == want.wanted for want in query.wants]
        if product.kind is query.kind:
            expected = "Exact" if all(met) else "Substitute"
            assert met.count(False) <= 1, "two broken constraints are neither one nor the other: better not judged"
        else:
            goes = product.kind.key in query.kind.goes_with or query.kind.key in product.kind.goes_with
            expected = "Complement" if goes else "Irrelevant"
            assert product.kind.key not in query.kind.alike, (row.query, product.row["product_title"])
        assert row.esci_label == expected, (row.query, product.row["product_title"])


def test_every_exact_product_is_judged(judged):
    """Otherwise counting unjudged products as 0 in the full catalogue would punish a right answer."""
    exact = judged[judged.esci_label == "Exact"].groupby("query_id").product_id.agg(set)
    shelves = defaultdict(list)
    for product in sample._products():
        shelves[product.kind].append(product)
    for query in sample._queries():
        assert exact[query.query_id] == {p.product_id for p in shelves[query.kind] if query.label(p) == "Exact"}
        assert 3 <= len(exact[query.query_id]) <= sample.MAX_EXACT, query.text


def test_titles_show_what_the_labels_rest_on():
    """A trait that no title form tells could not be found by any search over titles."""
    for product in sample._products():
        told = " ".join(str(product.row[c]) for c in ("product_title", "product_color")).lower()
        for slot, name in product.traits.items():
            value = next(value for value in product.kind.values[slot] if value.name == name)
            assert any(form.lower() in told for form in value.titles), (told, slot, name)


def test_words_of_queries_often_miss_the_titles(products, judged):
    """The sample should show why one searches by meaning: words alone must fail on a good part, not on everything."""
    titles = dict(zip(products.product_id, products.product_title.str.lower(), strict=True))
    exact = judged[judged.esci_label == "Exact"]
    missing = []
    for _, group in exact.groupby("query_id"):
        found = set(re.findall(r"\w+", " ".join(titles[i] for i in group.product_id)))
        missing.append(bool(set(re.findall(r"\w{4,}", group["query"].iloc[0].lower())) - found))
    assert 0.5 < sum(missing) / len(missing) < 0.9


def test_queries_are_of_many_kinds(queries):
    texts = queries["query"]
    lengths = texts.str.split().map(len)
    assert (lengths <= 2).sum() >= 25
    assert (lengths >= 7).sum() >= 40
    assert texts.str.contains(r"\b(?:without|not|sin|que no sea)\b").sum() >= 10


def test_tables_refer_to_kinds_that_exist():
    """A misspelt `goes_with` would silently cost a kind its Complements."""
    for locale in ("us", "es"):
        table = [kind for kind in kinds() if kind.locale == locale]
        keys = {kind.key for kind in table}
        assert len(keys) == len(table)
        for kind in table:
            named = {*kind.goes_with, *kind.alike}
            assert named <= keys, (kind.key, named - keys)
            for slot, value in (item for wants in kind.said.values() for item in wants.items()):
                assert value in {v.name for v in kind.values[slot]}, (kind.key, slot, value)


def test_misspelling_changes_one_word_a_little():
    dice = Dice("slips")
    assert {misspelt(dice, "water bottle") for _ in range(50)} == {"water botttle", "water botle"}
    assert {misspelt(dice, "tumbler") for _ in range(50)} == {"tummbler", "tubler", "tubmler"}
    assert misspelt(dice, "mug") == "mug"


def test_notice_says_made_up():
    assert "made-up" in sample.NOTICE
    assert sample.NOTICE.endswith(".")
