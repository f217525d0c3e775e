"""An uploaded catalogue: which csv files are read, which are refused and why, and how they are searched."""

import base64
import io
import math
import re

import pytest
import small_shop

from space.data.catalogue import DataError
from space.data.csv_reader import CsvError, read_csv
from space.errors import UserError
from space.i18n import language
from space.search import own_judgments, uploaded_catalogue
from space.search.engine import SearchEngine
from space.ui.tabs import judging, uploaded


def refusal(data):
    with pytest.raises(DataError) as refused:
        uploaded_catalogue.parse(data if isinstance(data, bytes) else data.encode(), "shop.csv")
    return str(refused.value)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("begin", ["", "\ufeff", "\n \r\n"])
def test_usual_csv_files_are_read(delimiter, begin):
    """Excel writes semicolons in half of Europe, a paste from a sheet has tabs, and some files start with a BOM."""
    rows = [["SKU", "Product Name", "Colour", "Price", ""], ["007", '"Mug, blue; \n big"', "", "3.5", "x"]]
    text = begin + "\r\n".join(delimiter.join(row) for row in rows)
    (product,) = uploaded_catalogue.parse(text.encode(), "shop.csv").products.to_pylist()
    assert product == {
        "product_id": "007", "product_locale": "own", "product_title": "Mug, blue; \n big", "product_brand": None,
        "product_color": None, "price": 3.5,
    }  # fmt: skip


def test_a_title_is_enough():
    """Without an id column the id is the line, by which a visitor finds the product in the file."""
    found = uploaded_catalogue.parse(b'name\n\nMug\n"two\nlines"\nBowl\n', "x").products
    assert found["product_id"].to_pylist() == ["3", "4", "6"]


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        (b"", ["empty"]),
        (b"\n \n", ["empty"]),
        (b";;\n \n;\n", ["every line", "empty"]),
        (b"title\n", ["no product"]),
        (b"PK\x03\x04rest", [".xlsx", "CSV"]),
        ("title\nMug\n".encode("utf-16"), ["UTF-16", "UTF-8"]),
        (b"a,b\nMug,1\n", ["line 1", "title", "'a', 'b'"]),
        (b"title,title\na,b\n", ["more than one", "'title'"]),
        (b"title,a,b,c\n1,2,3,4\n1,2,3,4,5\n", ["line 3", "5 cells", "4"]),
        (b'title,a\n"two\nlines",1\nx\n', ["line 4", "1 cell", "2"]),
        (b"title,brand\nMug,ok\nCaf\xe9,x\n", ["line 3", "'title'", "0xE9", "UTF-8"]),
        (b"title\nMug\nBo\0wl\n", ["line 3", "character 3"]),
        (b'title\nMug\n"Bowl\nCup\n', ["line 3", "quote"]),
        (b'title\n"A 5" screen"\n', ["line 2", "quote", "twice"]),
        (b"name,sku\nMug,\n", ["'sku'", "line 2"]),
        (b"name,sku\n,2\n  ,3\n", ["no product has a title"]),
        (b"name,sku\na,1\nb,2\nc,1\n", ["sku '1'", "line 2", "line 4"]),
        (b"title\n" + b"x" * 2_001, ["line 2", "'title'", "2,001", "2,000"]),
        (b"title\n" + b"x\n" * 2_001, ["line 2002", "2,000 rows"]),
        (b"t" * 2_000_001, ["2,000,001", "2,000,000"]),
    ],
)
def test_a_bad_file_is_refused_with_line_and_column(data, parts):
    """The line is that of the visitor's editor, the column that of the header."""
    message = refusal(data)
    assert message.startswith("shop.csv: ") and all(part in message for part in parts), message


def test_limits_apply_to_uploads_only():
    """The same reader reads ``--catalogue`` files of a million rows."""
    many = b"title\n" + b"x" * 5_000 + b"\n" + b"y\n" * 70_000
    found = read_csv(io.BytesIO(many))
    assert len(found.columns) == 70_001 and found.lines[-1] == 70_002
    assert uploaded_catalogue.parse(b"title\n" + b"x\n" * 2_000, "x").products.num_rows == uploaded_catalogue.MAX_ROWS
    with pytest.raises(CsvError, match="line 70002"):
        read_csv(io.BytesIO(many[:-2] + b"\xff\n"))


def test_an_uploaded_catalogue_is_searched_like_any_other():
    """The shop's own products uploaded: the same hits, scores, moves and explanations."""
    engine, steps = small_shop.engine(), []
    mine = uploaded_catalogue.embed(engine, small_shop.catalogue(), lambda done, total: steps.append((done, total)))
    assert steps == [(0, 30), (30, 30)]
    for system in ("base", "tuned", "bm25"):
        expected = engine.search("red sneakers", 10, system).hits
        for hit, other in zip(mine.search("red sneakers", 10, system).hits, expected, strict=True):
            assert (hit.product_id, hit.rank) == (other.product_id, other.rank)
            assert hit.score == pytest.approx(other.score, abs=1e-3)  # kept in float16
    assert mine.compare("red sneakers", 5).to_json()["moves"] == engine.compare("red sneakers", 5).to_json()["moves"]
    assert mine.explain("red sneakers", "us", "p01") == engine.explain("red sneakers", "us", "p01")


@pytest.mark.parametrize(("bullets", "found"), [(0, []), (12, ["3"])])
def test_an_upload_has_the_text_of_the_store(bullets, found):
    """With a store whose encoders read bullet points, those of an uploaded file were not embedded."""
    engine = small_shop.engine()
    engine.bullets = bullets
    products = uploaded_catalogue.parse(
        b"title,bullets\nBowl,\nMug,dishwasher safe\nPot,keeps dishwasher\n", "x"
    ).products
    mine = uploaded_catalogue.embed(engine, products)
    hits = [hit for hit in mine.search("dishwasher", 3, "base").hits if hit.score > 0.1]
    assert [hit.product_id for hit in hits] == found
    without = uploaded_catalogue.parse(b"title\nMug\n", "x").products
    assert uploaded_catalogue.embed(engine, without).bullets == 0


def test_passages_are_encoded_in_steps_and_on_zerogpu_in_one_call(monkeypatch):
    """Between two steps the progress bar moves and other searches run; on ZeroGPU each call waits for a GPU."""
    monkeypatch.setattr(uploaded_catalogue, "_STEP", 8)
    done, calls = [], []

    def counted(task):
        def run(*arguments):
            calls.append(len(arguments[-1]))
            return task(*arguments)

        return run

    uploaded_catalogue.embed(small_shop.engine(), small_shop.catalogue(), lambda now, of: done.append(now))
    assert done == [0, 8, 16, 24, 30]
    uploaded_catalogue.embed(small_shop.engine(gpu=counted), small_shop.catalogue())
    assert calls == [30]


def test_an_upload_is_searched_by_two_encoders_at_most():
    systems = small_shop.engine().systems
    one = SearchEngine(small_shop.catalogue(), {"bge": systems["tuned"], "bm25": systems["bm25"]})
    assert list(uploaded_catalogue.embed(one, small_shop.catalogue()).systems) == ["bge", "bm25"]
    four = {name: systems["base"] for name in ("first", "second", "base", "third")}
    many = SearchEngine(small_shop.catalogue(), four)
    assert list(uploaded_catalogue.embed(many, small_shop.catalogue()).systems) == ["base", "third", "bm25"]
    assert not uploaded_catalogue.can_search(SearchEngine(small_shop.catalogue(), {"bm25": systems["bm25"]}))


def test_the_example_can_be_loaded_and_searched():
    found = uploaded_catalogue.parse(uploaded_catalogue.EXAMPLE.encode(), uploaded_catalogue.EXAMPLE_NAME).products
    assert len(found) >= 12
    shown = uploaded.answer(uploaded_catalogue.embed(small_shop.engine(), found), uploaded_catalogue.EXAMPLE_QUERY)
    assert "Base" in shown and "BM25" in shown and "ask-why" in shown


def test_what_the_page_sends_of_a_file():
    """A file that is too large comes as its size alone, and one that was cut on the way is not guessed at."""
    data = "data:text/csv;base64," + base64.b64encode(b"abc").decode()
    assert uploaded.contents("a", "3", data) == b"abc"
    assert uploaded.contents("a", "0", "data:") == b""
    with pytest.raises(UserError, match="“a.csv”: 3,000,000 bytes; use at most 2,000,000"):
        uploaded.contents(uploaded.file_name("a.csv"), "3000000", "")
    for broken in ("data:;base64,@@", "unreadable"):
        with pytest.raises(UserError, match="did not arrive whole"):
            uploaded.contents("a.csv", "4", broken)


def test_a_catalogue_that_is_gone_and_a_query_that_is_wrong():
    assert "no longer kept: it was not used for 60 minutes" in uploaded.answer(None, "mug")
    mine = uploaded_catalogue.embed(
        small_shop.engine(), uploaded_catalogue.parse(b"title\n<script>alert(1)</script> mug\n", "x").products
    )
    assert "Query is empty" in uploaded.answer(mine, " ")
    shown = uploaded.answer(mine, '"><script>alert(2)</script> mug')
    assert "<script>" not in shown and 'data-query="&quot;&gt;&lt;script&gt;' in shown


@pytest.mark.parametrize(
    "data",
    [
        b"title,price\na," + b"9" * 1_900 + b"x\n",  # found by the fuzzer
        b"id,title\n" + b"i" * 1_900 + b",a\n" + b"i" * 1_900 + b",b\n",
        b"title," + b"n" * 50_000 + b"," + b"n" * 50_000 + b"\na,b,c\n",
        b"title\n" + b"x" * 3_000 + b"\n",
        b"title," + b",".join(b"n%d" % number * 50 for number in range(190)) + b"\nmug" + b"," * 190 + b"\n",
    ],
)
def test_a_long_foreign_value_does_not_fill_what_is_said(data):
    try:
        said = uploaded_catalogue.parse(data, "file").notes
    except UserError as error:
        said = [str(error)]
    assert said and max(map(len, said)) < 900


def test_a_table_of_many_columns_is_refused_at_once():
    """Before there was a limit, 300,000 names in 2 MB kept a core busy for a quarter of an hour."""
    header = b",".join(b"a%d" % number for number in range(250_000))
    with pytest.raises(UserError, match="line 1 has 250,000 columns; use at most 200"):
        uploaded_catalogue.parse(header, "file")


JUDGED = """query;product;rating
mug;Red mug;3
mug;p2;2,33
mug;Lamp;1
lamp;LAMP;3
lamp;Red mug;1
"""


def own_shop():
    data = b"id,title\np1,Red mug\np2,Blue mug\np3,Lamp\np4,Twin\np5,Twin\n"
    return uploaded_catalogue.embed(small_shop.engine(), uploaded_catalogue.parse(data, "x").products)


def test_a_visitors_judgments_measure_every_system():
    """BM25 finds "Lamp" first for lamp, and for mug both mugs before the lamp: its nDCG can be worked out."""
    found = own_judgments.measure(own_shop(), JUDGED, "yours")
    assert found.queries == 2 and set(found.systems) == {"base", "tuned", "bm25"}
    assert set(found.differences) == {"tuned", "bm25"}
    ideal = 1 + 0.5 / math.log2(3)
    best = {(1 + ideal / ideal) / 2, (1 + (0.5 + 1 / math.log2(3)) / ideal) / 2}
    assert any(found.systems["bm25"].mean == pytest.approx(one, abs=1e-5) for one in best)
    hits = {hit.product_id: hit.esci_label for hit in found.engine.search("mug", 3, "bm25").hits}
    assert hits["p1"] == "3" and hits["p2"] == "2"
    shown = judging.measured(found)
    assert "nDCG@10" in shown and shown.count("<tr>") == 4


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "empty"),
        ("query,product\nmug,p1\n", "rating is missing"),
        ("query,product,rating\nmug,Sofa,3\n", "'Sofa' is neither"),
        ("query,product,rating\nmug,p1,3\nmug,p1,\n", "line 3: give"),
        ("query,product,rating\nmug,p1,good\nmug,p2,bad\n", "line 2: column 'rating' holds 'good'"),
        ("query,product,rating\nmug,p1,E\nmug,p2,??\n", "line 3: column 'rating' holds '\\?\\?'.*Exact"),
        ("query,product,rating\nmug,p1,E\nmug,p1,I\n", "contradicting.*Exact / Irrelevant"),
        ("query,product,rating\nmug,p1,1\nmug,p2,900\n", "numbers from 1 to 900"),
        ("query,product,rating,label\nmug,p1,1,2\n", "'label' and 'rating'|'label', 'rating'"),
        ("query,product,rating\nmug,Lamp,3\nmug,Twin,1\n", "line 3: 2 products are called 'Twin'"),
        ("query,product,rating\nmug,p1\n", "line 2 has 2 cells"),
    ],
)
def test_judgments_that_cannot_be_used_are_refused_in_one_sentence(text, part):
    """It names line, column and value and no flag, in the visitor's language."""
    with pytest.raises(UserError, match=part) as refused:
        own_judgments.measure(own_shop(), text, "yours")
    assert "--" not in str(refused.value)
    with language("ru"), pytest.raises(UserError) as refused:
        own_judgments.measure(own_shop(), text, "")
    ours = re.sub(r"'[^']*'|query, product|query|product|rating|Exact|Substitute|Complement|Irrelevant|p1", "",
                  str(refused.value))  # fmt: skip
    assert not re.findall("[A-Za-z]+", ours)


def test_judgments_have_the_names_that_files_have_and_find_products_in_any_case(caplog):
    """Ids go before titles; a click log works too; what a visitor pasted is not logged."""
    found = own_judgments.measure(own_shop(), "search_term,product_uid,relevance\nmug,P1,3\nmug,p1,1\nmug,p3,1\n", "x")
    assert {hit.product_id: hit.esci_label for hit in found.engine.search("mug", 5, "bm25").hits}["p1"] == "2"
    clicks = own_judgments.measure(own_shop(), "keyword,title,clicks\nmug,red  MUG,120\nmug,Lamp,0\n", "x")
    assert clicks.engine.scale.names == ("clicked", "not clicked")
    assert "mug" not in caplog.text


def test_a_product_is_found_by_its_id_as_written_first():
    """Ids may differ in case only, and a title may be another product's id."""
    products = uploaded_catalogue.parse(b"id,title\nAb,Red mug\nab,Blue mug\nx,AB\n", "x").products
    shop = uploaded_catalogue.embed(small_shop.engine(), products)
    found = own_judgments.measure(shop, "query,product,rating\nmug,ab,3\nmug,Ab,1\nmug,AB,2\n", "x")
    judged = {hit.product_id: hit.esci_label for hit in found.engine.search("mug", 5, "base").hits}
    assert judged == {"ab": "3", "Ab": "1", "x": "2"}
