"""The profile of a data set: counted by hand on thirty products, and by the slow way on the sample."""

import re
import subprocess
import sys
from collections import Counter

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import small_shop
from conftest import environment
from result_pages import EVIL, Elements, assert_inert

from space.__main__ import main
from space.data import profile
from space.data.scale import ESCI
from space.evaluation.estimates import Estimate
from space.evaluation.lexical_baseline import lexical_baseline
from space.evaluation.tables import ProtocolTable
from space.pipelines import inputs
from space.ui.html import bars, profile_report


@pytest.fixture(scope="module")
def figures():
    return profile.describe(small_shop.catalogue(), {"train": None, "test": small_shop.judgments()})


def test_products_by_hand(figures):
    """small_shop.catalogue(): p23 has NaN for price and rating, p24 no title and a blank picture address."""
    assert figures.products == 30
    assert figures.locales == [("us", 24), ("es", 3), ("jp", 3)]
    assert figures.missing == {
        "product_title": 1,
        "product_brand": 2,
        "product_color": 6,
        "image_url": 23,
        "price": 3,
        "rating": 5,
    }
    assert figures.brands.top[:4] == [("Acme", 5), ("Dulcet", 5), ("Borealis", 4), ("Coppice", 4)]
    assert figures.brands.distinct == 10 and figures.brands.rest == 0
    assert figures.title_characters.largest == len(small_shop.LONG_WORD) and sum(figures.title_words.counts) == 29


def test_judgments_by_hand(figures):
    """small_shop.judgments(): six queries with 5, 4, 3, 3, 2 and 2 judgments; a split that is None is left out."""
    assert list(figures.splits) == ["test"]
    split = figures.splits["test"]
    assert (split.judgments, split.queries) == (19, 6)
    assert split.products == 17  # p01 and p02 of us are judged twice; p01 of es is another product
    assert split.labels["Exact"] == {"us": 4, "es": 1, "jp": 1}
    assert split.labels["Complement"] == {"us": 4, "es": 0, "jp": 0}
    assert (split.per_query.median, split.per_query.largest) == (3, 5)
    assert split.per_query.edges == [2, 3, 4, 5, 6] and split.per_query.counts == [2, 2, 1, 1]
    assert split.query_words.counts == [2, 3, 1]


def test_examples_cover_every_label_that_there_is(figures):
    """Only "red running shoes" has all four labels."""
    (example,) = figures.splits["test"].examples
    assert (example.query, example.locale) == ("red running shoes", "us")
    assert dict(example.titles) == {
        "Exact": "Red running shoes",
        "Substitute": "Blue running shoes",
        "Complement": "Shoe laces, pair",
        "Irrelevant": "Red leather boots",
    }


def test_a_label_that_no_chosen_query_has_gets_a_query_of_its_own():
    rows = [("a", "p01", "Exact"), ("a", "p02", "Substitute"), ("b", "p24", "Irrelevant"), ("b", "nope", "Irrelevant")]
    table = pd.DataFrame(rows, columns=["query", "product_id", "esci_label"]).assign(query_id=1, product_locale="us")
    examples = profile.describe(small_shop.catalogue(), {"test": table}).splits["test"].examples
    assert [(one.query, list(one.titles)) for one in examples] == [
        ("a", ["Exact", "Substitute"]),
        ("b", ["Irrelevant"]),
    ]
    assert examples[1].titles["Irrelevant"] == "(no title)"


def test_the_sample_against_the_slow_answer():
    """Arrow's group-bys and lengths against plain Python, with both splits and two locales."""
    judged = inputs.open_judged("sample", ["us", "es"])
    figures = profile.describe(judged.catalogue, {"train": judged.train, "test": judged.test})
    rows = judged.catalogue.to_pylist()
    assert dict(figures.missing) == {
        name: sum(row[name] is None or row[name] != row[name] or str(row[name]).strip() == "" for row in rows)
        for name in figures.missing
    }
    colors = Counter(row["product_color"] for row in rows if (row["product_color"] or "").strip())
    assert figures.colors.top == sorted(colors.items(), key=lambda item: (-item[1], item[0]))[: profile.TOP]
    lengths = sorted(len(row["product_title"]) for row in rows)
    assert figures.title_characters.median == lengths[(len(lengths) - 1) // 2]
    words = Counter(len(row["product_title"].split()) for row in rows)
    assert max(words) == figures.title_words.largest
    for name, table in (("train", judged.train), ("test", judged.test)):
        split = figures.splits[name]
        pairs = list(zip(table["product_locale"], table["query"], strict=True))
        sizes = Counter(pairs)
        assert split.queries == len(sizes) and split.per_query.largest == max(sizes.values())
        assert sum(split.per_query.counts) == len(sizes) == sum(split.query_characters.counts)
        labels = Counter(zip(table["esci_label"].astype(str), table["product_locale"], strict=True))
        assert {(label, place): n for label, part in split.labels.items() for place, n in part.items() if n} == labels
        assert all(set(example.titles) == set(ESCI.names) for example in split.examples) and len(split.examples) == 3


@pytest.mark.parametrize("numbers", [[], [0], [3, 3, 3], [1, 2, 1000], list(range(500)), [7] * 99 + [10**6]])
def test_a_histogram_counts_every_number(numbers):
    """Numbers beyond the last edge are in the last bar, and one huge number must not flatten the others."""
    spread = profile.spread(np.array(numbers, dtype=np.int64))
    assert sum(spread.counts) == len(numbers) and len(spread.counts) <= 21
    assert len(spread.edges) == (len(spread.counts) + 1 if numbers else 0)
    if numbers:
        assert spread.edges[0] == min(numbers) and spread.largest == max(numbers)
        assert spread.median == sorted(numbers)[(len(numbers) - 1) // 2]


def test_a_bare_catalogue_without_judgments():
    """A shop's own catalogue may have no brand, no colour, no judgments and no titles."""
    nulls = pa.nulls(2, pa.string())
    table = pa.table({"product_id": ["1", "2"], "product_locale": ["us", "us"], "product_title": nulls})
    table = table.append_column("product_brand", nulls).append_column("product_color", nulls)
    figures = profile.describe(table, {"test": None})
    assert figures.title_words.counts == [] and figures.brands.distinct == 0 and not figures.splits
    assert "No product has one." in profile_report.report(figures)


# -- the page --------------------------------------------------------------------------------------------------------


def test_no_foreign_text_becomes_markup():
    """Names and titles come from the data set and may hold markup."""
    table = small_shop.judgments().assign(query=EVIL)
    products = small_shop.catalogue()
    for column in ("product_title", "product_brand", "product_color"):
        place = products.column_names.index(column)
        products = products.set_column(place, column, pa.array([EVIL] * len(products)))
    page = profile_report.report(
        profile.describe(products, {EVIL: table}),
        protocols={"judged": ProtocolTable(EVIL, {"bm25": {EVIL: Estimate(1, 1, 1, 1)}})},
        notice=EVIL,
        remark=EVIL,
    )
    seen = assert_inert(page)
    assert EVIL in seen.text and "img" not in seen.tags


def test_shares_are_not_rounded_to_nothing_or_all():
    """0.3 % of a million products are thousands: they must not show as 0 %."""
    said = {(0, 5): "0 %", (1, 5000): "< 0.1 %", (4999, 5000): "> 99.9 %", (5, 5): "100 %", (1, 8): "12.5 %"}
    assert {pair: bars.share(*pair) for pair in said} == said
    assert bars.share(0, 0) == "0 %"


def test_protocols_are_never_in_one_table(figures):
    """The two protocols do not compare; systems other than the baseline are left out."""
    number = Estimate(0.5, 0.25, 0.75, 3)
    table = ProtocolTable(systems={"bm25": {"ndcg@10": number}, "tuned": {"ndcg@10": number}})
    page = profile_report.report(figures, protocols=dict.fromkeys(("judged", "full_catalogue"), table))
    tables = re.findall(r"<table>.*?</table>", page)
    assert len(tables) == 2 and all(">.500<" in table and "Fine-tuned" not in table for table in tables)
    assert "lexical baseline" not in profile_report.report(figures, protocols={"judged": ProtocolTable()})


# -- the baseline and the command ------------------------------------------------------------------------------------


def test_the_baseline_is_left_out_where_it_takes_minutes(monkeypatch):
    judged = inputs.open_judged("sample", ["es"])
    monkeypatch.setattr("space.evaluation.lexical_baseline.LARGE", 100)
    protocols, why = lexical_baseline(judged, None)
    assert protocols == {} and "--baseline-queries 500" in why
    protocols, said = lexical_baseline(judged, 3)
    assert protocols["judged"].systems["bm25"]["ndcg"].n == 3 and "3 held-out queries" in said
    assert lexical_baseline(judged, 0)[0] == {}


SPANISH = ["eda", "--dataset", "sample", "--locales", "es", "--output", "report.html"]


def test_the_command_as_a_user_starts_it(tmp_path):
    """Without the baseline it imports neither torch nor gradio."""
    code = "import sys; from space.__main__ import main; main(sys.argv[1:]);"
    code += "print({'torch', 'gradio'} & set(sys.modules))"
    words = [sys.executable, "-c", code, *SPANISH, "--baseline-queries", "0"]
    done = subprocess.run(words, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["written: report.html", "set()"]


def test_the_report_is_one_file_that_needs_nothing(tmp_path, monkeypatch, capsys):
    """It loads nothing from elsewhere and runs no script; no half-written file is left."""
    monkeypatch.chdir(tmp_path)
    main(SPANISH)
    assert "written: report.html" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in text and not re.search(r"<script|<link|@import|url\(|src=", text)
    page = Elements(re.sub(r"<meta[^>]*>|<!doctype html>|<style>.*?</style>", "", text, flags=re.S))
    for said in ("made-up sample", "Labels, train", "Labels, test", "Missing fields", "BM25", "nDCG@10"):
        assert said in page.text
    assert not page.open and "prefers-color-scheme: dark" in text and "--ink: #e8edf2" in text.split("<body>")[0]


def test_the_report_s_settings_are_refused_in_one_sentence(tmp_path):
    """A folder without data, an unknown locale, a negative number of queries, an output that is a folder."""
    for given, said in (
        (["--dataset", str(tmp_path)], f"{tmp_path}: no judgments; a folder holds"),
        (["--baseline-queries", "-2"], "--baseline-queries is -2"),
        (["--output", str(tmp_path)], "that is a folder"),
        (["--dataset", "sample", "--locales", "xx"], "no product in --locales 'xx'"),
    ):
        with pytest.raises(SystemExit, match=re.escape(said)):
            main(["eda", "--offline", *given])
    assert list(tmp_path.iterdir()) == []
