"""Exports: read back as a spreadsheet or a program reads them, whatever the titles hold."""

import base64
import csv
import io
import json
import re

import pytest

from space.search.results import Comparison, Hit, Move, SearchResult
from space.ui.events import export


def hit(rank, product_id="p", **fields):
    fields = {"title": "Red shoes", "brand": None, "color": "red", "grade": None, "score": -0.5} | fields
    return Hit(rank=rank, product_id=product_id, product_locale="us", **fields)


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_csv_has_a_row_for_each_system_and_rank(engine):
    found = engine.compare("red sneakers", 5)
    rows = rows_of(export.csv_of(found))
    assert [(row["system"], int(row["rank"])) for row in rows] == [
        (name, rank) for name, n in (("base", 5), ("tuned", 5), ("bm25", 4)) for rank in range(1, n + 1)
    ]
    for row, expected in zip(rows, [hit for part in found.systems.values() for hit in part.hits], strict=True):
        assert row["query"] == "red sneakers" and row["title"] == expected.title
        assert (row["product_locale"], row["product_id"]) == (expected.product_locale, expected.product_id)
        assert float(row["score"]) == expected.score and row["esci_label"] == (expected.esci_label or "unjudged")
    assert {row["esci_label"] for row in rows} >= {"Exact", "unjudged"}


def test_csv_has_moves_in_rows_of_tuned_and_left_in_rows_of_base():
    base, tuned, bm25 = [hit(1, "a"), hit(2, "b")], [hit(1, "b"), hit(2, "c")], [hit(1, "b")]
    systems = {
        name: SearchResult("q", name, hits, {"total": 1.0})
        for name, hits in (("base", base), ("tuned", tuned), ("bm25", bm25))
    }
    moves = [Move("b", "us", 2, 1), Move("c", "us", None, 2), Move("a", "us", 1, None)]
    rows = rows_of(export.csv_of(Comparison("q", systems, "base", "tuned", {"tuned": moves})))
    assert [(row["move"], row["places"]) for row in rows] == [
        ("left", ""), ("", ""), ("up", "1"), ("entered", ""), ("", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "evil", ["=1+1", '=HYPERLINK("http://x.example","y")', "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"]
)
def test_no_cell_is_a_formula(evil):
    """A title that begins with = would run as a formula in the spreadsheet."""
    found = Comparison(
        evil,
        {"tuned": SearchResult(evil, "tuned", [hit(1, evil, title=evil, brand=evil, color=evil)], {"total": 1.0})},
    )
    (row,) = rows_of(export.csv_of(found))
    for name in ("query", "product_id", "title", "brand", "color"):
        assert row[name] == f"'{evil}"
    assert row["score"] == "-0.5", "a score stays a number"


@pytest.mark.parametrize("title", ["a,b", 'a "quoted" b', "two\nlines", "ランニング 赤", "a;b", "", "1=1"])
def test_other_titles_are_unchanged(title):
    found = Comparison("q", {"tuned": SearchResult("q", "tuned", [hit(1, title=title)], {"total": 1.0})})
    assert rows_of(export.csv_of(found))[0]["title"] == title


def test_json_is_the_response_of_compare(engine):
    found = engine.compare("red sneakers", 5, ["tuned", "bm25"])
    assert json.loads(export.json_of(found)) == found.to_json()


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("Red shoes", "compare-red-shoes.csv"),
        ("../../etc/passwd\0", "compare-etc-passwd.csv"),
        ('a"b<c>|d:*?', "compare-a-b-c-d.csv"),
        ("ランニング 赤", "compare-ランニング-赤.csv"),
        ("İPHONE KILIFI", "compare-iphone-kilifi.csv"),
        ("???", "compare-query.csv"),
        ("x" * 500, f"compare-{'x' * 60}.csv"),
    ],
)
def test_files_are_named_after_the_query(query, name):
    """By its letters and digits: "/" and ":" mean something to a file system."""
    assert export.file_name(query, "csv") == name


def test_downloads_hold_the_files_themselves(engine):
    """The links hold the files, so nothing is written on the server. The CSV begins with a BOM."""
    found = engine.compare("ランニングシューズ", 3)
    links = re.findall(r'download="([^"]+)" href="data:([^;]+);charset=utf-8;base64,([^"]+)"', export.downloads(found))
    (table, record) = [(name, kind, base64.b64decode(content)) for name, kind, content in links]
    assert table[:2] == ("compare-ランニングシューズ.csv", "text/csv")
    assert table[2].startswith(b"\xef\xbb\xbf") and table[2].decode("utf-8-sig") == export.csv_of(found)
    assert record[:2] == ("compare-ランニングシューズ.json", "application/json")
    assert json.loads(record[2]) == found.to_json()
