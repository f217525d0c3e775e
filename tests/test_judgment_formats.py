"""Judgments in the formats that people have are read as they were meant, and refused where they are not clear."""

import gzip
import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from conftest import ROOT

from space.__main__ import main
from space.data.catalogue import DataError
from space.data.file_tables import read_table
from space.data.judgments import Judged
from space.pipelines.inputs import open_judged

DATA = ROOT / "tests" / "data" / "judgments"
#: What each file of ``DATA`` holds, whatever its format: (query, product id, title), best first.
PAIRS = {
    ("red mug", "007", "Becher rot"),
    ("red mug", "012", "Zelt groß"),
    ("tent", "012", "Zelt groß"),
    ("tent", "007", "Becher rot"),
    ("lamp", "030", "Лампа"),
}


def pairs(judged: Judged) -> set[tuple[str, str, str]]:
    """(query, product id, title) of each judgment."""
    both = pd.concat([judged.train, judged.test])
    titles = judged.catalogue["product_title"].to_pylist()
    return {(row.query, row.product_id, titles[row.row]) for row in both.itertuples()}


def labels(judged: Judged) -> dict[tuple[str, str], str]:
    """{(query, product id): grade}."""
    both = pd.concat([judged.train, judged.test])
    return {(row.query, row.product_id): row.esci_label for row in both.itertuples()}


def gz(path: Path, target: Path) -> Path:
    """A gzipped copy."""
    target.write_bytes(gzip.compress(path.read_bytes()))
    return target


def parquet(path: Path, target: Path) -> Path:
    """A copy as parquet."""
    pd.read_csv(path, dtype={"sku": str}).to_parquet(target)
    return target


def encoded(path: Path, target: Path, encoding: str, mark: bytes = b"") -> Path:
    """A copy in another encoding."""
    target.write_bytes(mark + path.read_text(encoding="utf-8").encode(encoding))
    return target


WORDS = {("red mug", "007"): "Exact", ("red mug", "012"): "Irrelevant", ("lamp", "030"): "Exact"}
STARS = {("red mug", "007"): "3", ("red mug", "012"): "1", ("lamp", "030"): "3"}
ONES = {("red mug", "007"): "relevant", ("red mug", "012"): "not relevant", ("lamp", "030"): "relevant"}
CLICKED = {("red mug", "007"): "clicked", ("red mug", "012"): "not clicked", ("lamp", "030"): "clicked"}
MARK = b"\xef\xbb\xbf"
#: {format: (its path, flags, what is said, some grades)}.
FORMATS: dict[str, tuple[Callable[[Path], Path], dict[str, str], str, dict[tuple[str, str], str]]] = {
    "csv": (lambda _: DATA / "joined.csv", {}, "one joined table", STARS),
    "csv.gz": (lambda tmp: gz(DATA / "joined.csv", tmp / "j.csv.gz"), {}, "one joined table", STARS),
    "parquet": (lambda tmp: parquet(DATA / "joined.csv", tmp / "j.parquet"), {}, "one joined table", STARS),
    "tsv": (lambda _: DATA / "joined.tsv", {}, "label = 'median_relevance'", STARS),
    "jsonl": (lambda _: DATA / "joined.jsonl", {}, "one joined table", WORDS),
    "jsonl.gz": (lambda tmp: gz(DATA / "joined.jsonl", tmp / "j.jsonl.gz"), {}, "one joined table", WORDS),
    "own names": (
        lambda _: DATA / "own_names.csv",
        {"columns": "query=suche,product_id=nr,label=note,product_title=ware"},
        "query = 'suche', product_id = 'nr', label = 'note'",
        STARS,
    ),
    "semicolons and decimal commas": (lambda _: DATA / "semicolon.csv", {}, "label = 'relevance'", STARS),
    "clicks": (lambda _: DATA / "clicks.csv", {}, "label = 'clicks'", CLICKED),
    "apart": (lambda _: DATA / "apart", {}, "judgments judgments.csv", STARS),
    "Quepid": (lambda _: DATA / "quepid", {}, "product_id = 'docid', label = 'rating'", STARS),
    "WANDS": (lambda _: DATA / "wands", {}, "WANDS", WORDS),
    "TREC qrels": (lambda _: DATA / "trec", {}, "TREC qrels", STARS),
    "Search Relevance Workbench": (lambda _: DATA / "workbench", {}, "a Search Relevance Workbench export", STARS),
    "BEIR": (lambda _: DATA / "beir", {}, "a BEIR folder", ONES),
    "Home Depot": (lambda _: DATA / "home_depot", {}, "test.csv is left out, it has no labels", STARS),
    "CrowdFlower": (lambda _: DATA / "crowdflower", {}, "a product's id is the id of its first row", STARS),
    "CrowdFlower in one file": (
        lambda _: DATA / "crowdflower" / "train.csv", {}, "label = 'median_relevance'", STARS,
    ),
    "train alone": (
        lambda tmp: gz(DATA / "home_depot" / "train.csv", tmp / "train.csv.gz").parent, {}, "'search_term'", STARS,
    ),
    "UTF-8 with a mark": (
        lambda tmp: encoded(DATA / "joined.csv", tmp / "j.csv", "utf-8", MARK), {}, "joined", STARS,
    ),
    "UTF-16": (lambda tmp: encoded(DATA / "joined.tsv", tmp / "j.tsv", "utf-16"), {}, "joined", STARS),
    "gb18030": (
        lambda tmp: encoded(DATA / "joined.csv", tmp / "j.csv", "gb18030"), {"encoding": "gb18030"}, "joined", STARS,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_read_and_said(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The same five judgments of three products come from each; ids keep their zeros, every query is in one split."""
    make, flags, said, some = FORMATS[name]
    with caplog.at_level(logging.INFO):
        found = open_judged(str(make(tmp_path)), ["us"], test_share=None if name == "BEIR" else 0.4, **flags)
    assert pairs(found) == PAIRS
    assert {pair: labels(found)[pair] for pair in some} == some
    assert [said in record.message for record in caplog.records if "recognised as" in record.message] == [True]
    assert len(found.train) and len(found.test) and not set(found.train["query"]) & set(found.test["query"])


def test_home_depots_attributes_and_descriptions_complete_the_products() -> None:
    """Brand and colour come from attributes.csv; bullet points from there, or else from the descriptions."""
    plain = open_judged(str(DATA / "home_depot"), ["us"], test_share=0.4).catalogue
    assert plain["product_brand"].to_pylist() == ["Kestrel & Sons", "Norlund", None]
    assert (
        plain["product_color"].to_pylist() == ["Red", None, None] and "product_bullet_point" not in plain.schema.names
    )
    whole = open_judged(str(DATA / "home_depot"), ["us"], test_share=0.4, bullets=True).catalogue
    assert whole["product_bullet_point"].to_pylist() == ["Stoneware Hand painted", "For four people.", None]
    assert whole.drop_columns("product_bullet_point").equals(plain)


def test_the_example_of_the_docs_is_what_they_say() -> None:
    """docs/your-own-data.md names its sizes; its ratings are thirds, of which a few pairs have two."""
    found = open_judged(str(ROOT / "docs" / "ratings.csv"), [])
    both = pd.concat([found.train, found.test])
    said = (ROOT / "docs" / "your-own-data.md").read_text(encoding="utf-8")
    sizes = (
        f"{len(found.catalogue)} products, {both['query'].nunique()} queries and {both['ratings'].fillna(1).sum():.0f}"
    )
    assert sizes in " ".join(said.split()) and str(found.scale) == "3=1!,2=0.5,1=0"
    assert (both["ratings"] > 1).sum() == 3 and 10 <= found.test["query"].nunique() <= 14


def test_a_column_of_counts_says_how_many_ratings_a_label_is_the_mean_of(tmp_path: Path) -> None:
    """3 from four people and 1 from one are 2.6; the number of ratings stays with the pair."""
    path = tmp_path / "j.csv"
    path.write_text("query,sku,title,relevance,num_judges\na,1,x,3,4\na,1,x,1,1\nb,2,y,1,2\n")
    found = open_judged(str(path), ["us"], test_share=0.5)
    both = pd.concat([found.train, found.test]).set_index("product_id")
    assert both["esci_label"].to_dict() == {"1": "3", "2": "1"} and both["ratings"].to_dict() == {"1": 5, "2": 2}


@pytest.mark.parametrize(("encoding", "word"), [("cp1252", "grün"), ("latin-1", "grün"), ("cp1251", "Лампа")])
def test_an_encoding_is_asked_for_and_not_guessed(encoding: str, word: str, tmp_path: Path) -> None:
    """Without the flag the line, the column and the flag are named; with it the text is right."""
    path = tmp_path / "j.csv"
    path.write_bytes(f"query,sku,title,label\na,1,cup,1\nb,2,{word},0\n".encode(encoding))
    with pytest.raises(DataError, match=r"j\.csv.* line 3, column 'title': byte 0x.*--encoding cp1251"):
        open_judged(str(path), ["us"], test_share=0.5)
    found = open_judged(str(path), ["us"], test_share=0.5, encoding=encoding)
    assert found.catalogue["product_title"].to_pylist() == ["cup", word]


REFUSED = {
    "two labels": ({"j.csv": "query,sku,title,label,grade\na,1,x,1,2\n"}, r"'label', 'grade' may.*--columns label="),
    "no label": ({"j.csv": "query,sku,title\na,1,x\n"}, r"no column for the label.*--columns label="),
    "no id": ({"j.csv": "query,title,label\na,x,1\n"}, r"no column for the product_id.*--columns product_id="),
    "no title": ({"j.csv": "query,docid,rating\na,1,1\n"}, r"product_title.*put a file of products beside it"),
    "empty query": ({"j.csv": "query,sku,title,label\na,1,x,1\n,2,y,0\n"}, r"line 3: column 'query' is empty"),
    "split": ({"j.csv": "query,sku,title,label,split\na,1,x,1,dev\n"}, r"line 2: column 'split' holds 'dev'"),
    "one query": ({"j.csv": "query,sku,title,label\na,1,x,1\n"}, r"--test-share 0.5 holds out . of 1 queries"),
    "absent column": ({"j.csv": "query,sku,title,label\na,1,x,1\n"}, r"no column .x. \(--columns label=x"),
    "two absent columns": (
        {"j.csv": "query,sku,title,label\na,1,x,1\n"}, r"no column .x., .y. \(--columns label=x,query=y\)",
    ),
    "cut gzip": ({"j.csv.gz": gzip.compress(b"query,sku,title,label\n" * 99)[:30]}, r"not a whole gzip file.*end"),
    "damaged gzip": (
        {"j.csv.gz": gzip.compress(b"query,sku,title,label\n" * 99)[:12] + b"\xff" * 40}, r"not a whole gzip file",
    ),
    "not gzip": ({"j.csv.gz": "query,sku,title,label\n"}, r"not a whole gzip file"),
    "cut qrels": (
        {"qrels.txt.gz": gzip.compress(b"1 0 5 1\n" * 99)[:-30], "products.csv": "sku,title\n5,x\n"},
        r"qrels\.txt\.gz: not a whole gzip file",
    ),
    "qrels in another encoding": (
        {"qrels": "\u043a 0 5 1\n".encode("cp1251"), "products.csv": "sku,title\n5,x\n"}, r"byte 0xEA.*--encoding",
    ),
    "workbench of another shape": (
        {"labels.json": '{"judgmentRatings": [{"query": "a", "ratings": [{}]}]}', "items.csv": "id,title\n5,x"},
        r"labels\.json: query 1: .*docId.*write",
    ),
    "a word among numbers": (
        {"j.csv": "query,sku,title,relevance\na,1,x,3\nb,2,y,1\nb,3,z,great\n"},
        r"line 4, column 'relevance' holds 'great'.*--labels",
    ),
    "a judged product that is not there": (
        {"labels.csv": "query,sku,rating\na,5,1\nb,6,0\n", "products.csv": "sku,title\n5,x\n"},
        r"product_id '6' in line 3",
    ),
    "header alone": ({"j.csv": "query,sku,title,label\n"}, r"j\.csv: holds no judgment, only a header"),
    "other suffix": ({"j.xlsx": "x"}, r"unknown format '\.xlsx'"),
    "qrels line": (
        {"qrels.txt": "1 0 5 1\n1 0 5\n", "queries.csv": "id,query\n1,a\n", "products.csv": "sku,title\n5,x\n"},
        r"qrels\.txt: line 2: '1 0 5' is not QUERY_ID 0 PRODUCT_ID GRADE",
    ),
    "unknown query id": (
        {"qrels.txt": "1 0 5 1\n2 0 5 1\n", "queries.csv": "id,query\n1,a\n", "products.csv": "sku,title\n5,x\n"},
        r"qrels\.txt: line 2: query id '2' is not in queries\.csv",
    ),
    "no queries": ({"qrels": "1 0 5 1\n", "products.csv": "sku,title\n5,x\n"}, r"put queries\.csv"),
    "two files of judgments": (
        {"labels.csv": "a\n", "ratings.csv": "a\n", "products.csv": "sku\n5\n"}, r"labels\.csv and ratings\.csv",
    ),
    "ratings that are no counts": (
        {"j.csv": "query,sku,title,label,raters\na,1,x,1,3\na,2,y,1,many\n"}, r"line 3: column 'raters' holds 'many'",
    ),
    "a test file alone": ({"test.csv": "query,sku,title,label\na,1,x,1\n", "x": ""}, r"only test\.csv.*call it train"),
    "names that say nothing": (
        {"export.csv": "query,sku,title,label\na,1,x,1\n", "b": ""},
        r"no judgments, it has 'b', 'export\.csv'; a folder holds .*or name one file",
    ),
    "ids that Excel cut": (
        {"j.csv": "query,sku,title,label\na,1.23E+17,x,1\nb,1.23E+17,y,1\n"},
        r"column 'sku' holds '1.23E\+17', without all",
    ),
    "ids that Excel cut in products": (
        {"ratings.csv": "query,sku,rating\na,1,1\n", "products.csv": "sku,title\n1,x\n\"1,2E+12\",y\n"},
        r"products\.csv: column 'sku' holds '1,2E\+12', .*save ids as text",
    ),
    "a grade of qrels": (
        {"qrels.txt": "1 0 5 x\n", "queries.csv": "id,query\n1,a\n", "products.csv": "sku,title\n5,x\n"},
        r"qrels\.txt: line 1: '1 0 5 x' is not QUERY_ID 0 PRODUCT_ID GRADE",
    ),
    "a product that is not there": (
        {"ratings.csv": "query,sku,rating\na,1,1\nb,9,0\n", "products.csv": "sku,title\n1,x\n"},
        r"/ratings\.csv (test|train): 1 judged .*'9' in line 3; add them to the products, or delete",
    ),
    "judgments and qrels": (
        {"labels.csv": "a\n", "qrels/test.tsv": "a\n", "products.csv": "sku\n5\n"}, r"labels\.csv and qrels/test\.tsv",
    ),
    "one locale": (
        {"train.csv": "query,sku,title,label,locale\na,1,x,1,us\n", "test.csv": "query,sku,title,label\nb,1,x,1\n"},
        r"test\.csv: no column 'product_locale', which the other file has; name it with --columns product_locale=",
    ),
    "no judgments": ({"products.csv": "sku,title\n5,x\n"}, r"no judgments, it has 'products.csv'; a folder holds"),
}  # fmt: skip


@pytest.mark.parametrize("columns", ["qery=query", "label=label,tittle=title"])
def test_a_column_of_ours_that_is_misspelt_is_refused(columns: str, tmp_path: Path) -> None:
    """It was passed over, and the usual name was taken instead."""
    (tmp_path / "j.csv").write_text("query,sku,title,label\na,1,x,1\nb,2,y,0\n")
    with pytest.raises(DataError, match=r"--columns (qery|tittle)=.* is not one of query, .*label.*product_title"):
        open_judged(str(tmp_path / "j.csv"), [], columns=columns)


def test_the_label_may_be_called_as_in_esci(tmp_path: Path) -> None:
    """esci_label=… was passed over, too."""
    (tmp_path / "j.csv").write_text("query,sku,title,label,stars\na,1,x,1,3\nb,2,y,1,1\na,2,y,1,2\n")
    found = open_judged(str(tmp_path / "j.csv"), [], columns="esci_label=stars", test_share=0.5)
    assert found.scale.names == ("3", "2", "1")


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_clear_is_refused_with_its_cure(name: str, tmp_path: Path) -> None:
    """One sentence names the file, the place and the cure."""
    files, said = REFUSED[name]
    for file, content in files.items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    path = tmp_path / next(iter(files)) if len(files) == 1 and "products.csv" not in files else tmp_path
    columns = {"absent column": "label=x", "two absent columns": "label=x,query=y"}.get(name)
    flags = {"columns": columns} if columns else {}
    with pytest.raises(DataError, match=said):
        open_judged(str(path), ["us"], test_share=0.5, **flags)


@pytest.mark.parametrize("suffix", [".csv.gz", ".jsonl"])
def test_a_long_file_says_how_far_it_was_read(
    suffix: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two batches and a half of rows give two messages; a file that is read at once gives none."""
    rows = [(f"query {number // 9}", number % 99, number % 2) for number in range(160_000)]
    if suffix == ".csv.gz":
        text = "query,sku,label,title\n" + "".join(f"{query},{sku},{label},t{sku}\n" for query, sku, label in rows)
        (tmp_path / "j.csv.gz").write_bytes(gzip.compress(text.encode(), 1))
    else:
        lines = [
            json.dumps({"query": q, "sku": str(sku), "label": label, "title": f"t{sku}"}) for q, sku, label in rows
        ]
        (tmp_path / "j.jsonl").write_text("\n".join(lines))
    with caplog.at_level(logging.INFO):
        table = read_table(tmp_path / f"j{suffix}")
        assert table.rows == len(rows) and "rows read" not in caplog.text
        monkeypatch.setattr("space.data.file_tables.PROGRESS_SECONDS", 0.0)
        read_table(tmp_path / f"j{suffix}")
    said = [record.message for record in caplog.records if "rows read" in record.message]
    assert said == [f"j{suffix}: 65,536 rows read", f"j{suffix}: 131,072 rows read"]


def test_files_that_are_not_read_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """BEIR's dev.tsv, notes, a second file of ratings: nothing is set aside without a word."""
    shutil.copytree(DATA / "beir", tmp_path / "beir")
    shutil.copytree(DATA / "apart", tmp_path / "apart")
    (tmp_path / "beir" / "qrels" / "dev.tsv").write_text("query-id\tcorpus-id\tscore\n")
    (tmp_path / "apart" / "ratings_2023.csv").write_text("query,product_id,rating\n")
    (tmp_path / "apart" / "archive").mkdir()
    (tmp_path / "apart" / ".hidden").write_text("")
    with caplog.at_level(logging.INFO):
        for name, left_out in (("beir", "'qrels/dev.tsv'"), ("apart", "'archive/', 'ratings_2023.csv'")):
            open_judged(str(tmp_path / name), ["us"])
            assert f"{name}: left out {left_out}: " in caplog.text
    assert "hidden" not in caplog.text and caplog.text.count("left out") == 2


def test_files_beside_escis_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A dev.parquet is not read either; the files that are read are not named as left out."""
    main(["convert", "sample", str(tmp_path / "out"), "--locales", "es"])
    shutil.copy(tmp_path / "out" / "test.parquet", tmp_path / "out" / "dev.parquet")
    with caplog.at_level(logging.INFO):
        open_judged(str(tmp_path / "out"), ["es"])
    assert "out: left out 'dev.parquet': " in caplog.text


def test_grades_below_zero_of_trec_are_not_relevant_and_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """-1 and -2 mark junk: the gain is 0, they are never relevant, and they make no grades of their own."""
    (tmp_path / "qrels.txt").write_text("1 0 5 2\n1 0 6 -2\n1 0 7 1\n2 0 5 -1\n2 0 6 1\n")
    (tmp_path / "queries.tsv").write_text("qid\tquery\n1\tred mug\n2\ttent\n")
    (tmp_path / "products.csv").write_text("docid,title\n5,a\n6,b\n7,c\n")
    with caplog.at_level(logging.INFO):
        found = open_judged(str(tmp_path), ["us"], test_share=0.5)
    assert labels(found) == {
        ("red mug", "5"): "2", ("red mug", "6"): "0", ("red mug", "7"): "1", ("tent", "5"): "0", ("tent", "6"): "1",
    }  # fmt: skip
    assert found.scale.names == ("2", "1", "0") and found.scale.gains["0"] == 0 and "0" not in found.scale.relevant
    assert "2 grades below 0, which mark junk, count as 0" in caplog.text


def test_ratings_below_zero_in_a_table_have_no_gain(tmp_path: Path) -> None:
    """A csv says what -1 means no better than qrels do: it keeps its name, and is worth nothing."""
    (tmp_path / "j.csv").write_text("query,sku,title,rating\na,1,x,2\na,2,y,-1\nb,1,x,1\nb,2,y,0\n")
    scale = open_judged(str(tmp_path / "j.csv"), ["us"], test_share=0.5).scale
    assert scale.gains == {"2": 1.0, "1": 0.5, "0": 0.0, "-1": 0.0} and scale.relevant == {"2"}


def test_train_rows_of_a_held_out_query_in_another_spelling_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file with its own split is not trusted to keep them apart."""
    rows = [("Red  MUG", 1, "train"), ("red mug", 1, "test"), ("tent", 1, "train"), ("tent", 0, "train")]
    path = tmp_path / "j.jsonl"
    path.write_text(
        "\n".join(
            json.dumps({"query": query, "sku": f"{n}", "title": f"title {n}", "label": label, "split": split})
            for n, (query, label, split) in enumerate(rows)
        )
    )
    with caplog.at_level(logging.WARNING):
        found = open_judged(str(path), ["us"])
    assert set(found.train["query"]) == {"tent"} and "1 train rows left out" in caplog.text
