"""Files as shops export them: numbers, missing values, lists, headers and rows that no one wrote by hand for us."""

import json
import logging

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from space.data.catalogue import BULLETS, NO_LOCALE, DataError, language
from space.data.catalogue_file import load_catalogue
from space.data.numbers import decimal_mark, number_column, read_number
from space.data.texts import image_address, text_column, unescaped
from space.pipelines.inputs import open_judged
from space.search import uploaded_catalogue
from space.settings import BuildSettings


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def texts(values, name="product_brand"):
    return text_column([pa.array(values)], name)[0].to_pylist()


# -- prices, ratings, counts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "price"),
    {
        "24.90": 24.9, "24,90": 24.9, "1.299,00 €": 1299, "$24.99": 24.99, "15.00 USD": 15, "1,299.00": 1299,
        "1 299 ₽": 1299, "1\u202f299,50 €": 1299.5, "1'299.50": 1299.5, "CHF 1’299.-": 1299, "24,-": 24, ".99": 0.99,
        "Rs. 1,29,999.00": 129999, "R$ 1.299,90": 1299.9, "￥１，２９９": 1299, "1.299 €": 1299, "1,299": 1299,
        "1.299.000": 1299000, "2 euro": 2, "1e3": 1000, "24.99 руб.": 24.99, "0": 0,
        # not clear
        "N/A": None, "10-20": None, "$10 – $20": None, "from $5": None, "12 for 5": None, "5%": None, "-1": None,
        "1.299": None, "1,2,3": None, "12.34.56": None, "1 29 9": None, "24.99/kg": None, "cheap": None, "": None,
    }.items(),
)  # fmt: skip
def test_prices(text, price):
    assert read_number(text, "price") == price


def test_the_other_prices_of_a_column_say_what_a_mark_is():
    """1.299 may be either; beside 24,90 it is 1299, and beside 24.90 it is not."""
    assert number_column([pa.array(["1.299", "24,90"])], "price")[0].to_pylist() == [1299, 24.9]
    assert number_column([pa.array(["1.299", "24.90"])], "price")[0].to_pylist() == [1.299, 24.9]
    assert [decimal_mark(column) for column in (["1.299", "1,299"], ["24,90", "24.90"], ["1.299,00"])] == ["", "", ","]


@pytest.mark.parametrize(
    ("text", "rating"),
    {"4.5": 4.5, "4,5": 4.5, "4.567": 4.567, "4.5 out of 5 stars": 4.5, "4,5 von 5 Sternen": 4.5, "4.5/5": 4.5,
     "★ 4.5": 4.5, "4 из 5": 4, "9/10": None, "4.5 (12)": None, "good": None}.items(),
)  # fmt: skip
def test_ratings(text, rating):
    assert read_number(text, "rating") == rating


@pytest.mark.parametrize(
    ("text", "count"),
    {"1024": 1024, "1,024": 1024, "1.024": 1024, "1 024": 1024, "1024.0": 1024, "(1,024)": 1024, "0": 0,
     "1,024 ratings": 1024, "1.2K": 1200, "10k+": 10000, "1,2 тыс.": 1200, "many": None}.items(),
)  # fmt: skip
def test_counts(text, count):
    assert read_number(text, "rating_count") == count


@given(st.floats(0, 1e9).map(lambda value: round(value, 2)))
def test_a_price_comes_back_however_it_is_written(value):
    english = f"{value:,.2f}"
    german = english.translate(str.maketrans(",.", ".,"))
    for text in (english, f"${english}", f"{english} USD", german, f"{german} €", german.replace(".", "\u00a0")):
        assert read_number(text, "price") == value


@given(st.text(max_size=30), st.sampled_from(["price", "rating", "rating_count"]))
def test_no_text_stops_the_reader(text, name):
    number = read_number(text, name)
    assert number is None or number >= 0


def test_what_is_not_clear_is_left_empty_and_counted(tmp_path, caplog):
    """It used to refuse the whole file."""
    path = write(
        tmp_path / "shop.csv",
        "id,title,price,rating\n1,a,$24.99,4.5 out of 5 stars\n2,b,10 - 20,N/A\n3,c,N/A,\n4,d,-1,x\n",
    )
    with caplog.at_level(logging.INFO):
        found = load_catalogue(path)
    assert found["price"].to_pylist() == [24.99, None, None, None]
    assert found["rating"].to_pylist() == [4.5, None, None, None]
    assert "column 'price': 2 values are not clear and left empty, the first is '10 - 20' in line 3" in caplog.text
    assert "column 'rating': 1 value is not clear and left empty: 'x' in line 5" in caplog.text
    assert (
        "price" not in load_catalogue(path, BuildSettings(catalogue=path, columns="price=").column_map()).column_names
    )


def test_numbers_of_any_type():
    """A parquet file may have decimals, lists and objects where another has floats."""
    for values, wanted in (
        (pa.array([1, -1, None]), [1, None, None]),
        (pa.array([1.5, float("nan"), float("inf")]), [1.5, None, None]),
        (pa.array([[2.5], [], [1.0, 2.0]]), [2.5, None, None]),
        (pa.array([{"amount": 1}, None]), [None, None]),
        (pa.array(["2,50", "3,10"]).dictionary_encode(), [2.5, 3.1]),
        (pa.array([True, False]), [None, None]),
    ):
        assert number_column([values], "price")[0].to_pylist() == wanted


# -- texts -----------------------------------------------------------------------------------------------------------


def test_missing_values_are_no_brands():
    missing = ["nan", "NaN", "None", "NULL", "null", "N/A", "NA", "<NA>", "-", " ", "", "undefined", None]
    assert texts(missing) == [None] * len(missing)
    assert texts(["Nana", "Nonesuch", "Null & Co", "na", " Acme "]) == ["Nana", "Nonesuch", "Null & Co", "na", "Acme"]
    assert texts(["NA", "null"], "product_id") == ["NA", "null"]  # ids of some shops


def test_ids_that_were_saved_as_floats():
    """A gap in a column of numbers makes floats of them: 1001.0, and 123456789012.0 as 1.23456789012e+11."""
    assert texts([1001.0, 123456789012.0, float("nan"), None], "product_id") == ["1001", "123456789012", None, None]
    assert texts(pa.array([1001, 5], pa.int32()).cast(pa.decimal128(12, 2)), "product_id") == ["1001", "5"]
    assert texts([5, 10**15], "product_id") == ["5", "1000000000000000"]
    assert texts([1.5], "product_id") == ["1.5"]


def test_float_ids_without_room_for_all_digits_are_refused(tmp_path):
    """4006381333931000001.0 is 4006381333931000320 as a float: another product."""
    frame = pd.DataFrame({"product_id": [4006381333931000001.0], "title": ["Pen"]})
    frame.to_parquet(tmp_path / "shop.parquet", index=False)
    with pytest.raises(DataError, match="'product_id' holds .*save ids as text"):
        load_catalogue(tmp_path / "shop.parquet")


def test_ids_in_a_csv_that_was_written_from_floats(tmp_path):
    found = load_catalogue(write(tmp_path / "shop.csv", "id,title\n1001.0,a\n1002.0,b\n"))
    assert found["product_id"].to_pylist() == ["1001", "1002"]


@pytest.mark.parametrize(
    ("text", "clean"),
    {"Men&#39;s Q&amp;A": "Men's Q&A", "5&quot; &ndash; Caf&eacute;": '5" – Café', "&amp;amp; twice": "& twice",
     "AT&T; R&D": "AT&T; R&D", "Salt & Pepper;": "Salt & Pepper;", "&#x1F600;": "😀", "&bogus;": "&bogus;",
     "&notit;": "&notit;", "1 &lt; 2": "1 < 2"}.items(),
)  # fmt: skip
def test_html_entities(text, clean):
    assert unescaped(text) == clean
    assert texts([text, "x"], "product_title") == [clean, "x"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("//cdn.example/1.jpg", "https://cdn.example/1.jpg"),
        (" https://e.example/1.jpg ", "https://e.example/1.jpg"),
        ("https://e.example/a.jpg, https://e.example/b.jpg", "https://e.example/a.jpg"),
        ("https://e.example/a.jpg|//e.example/b.jpg", "https://e.example/a.jpg"),
        ("['https://e.example/a.jpg', 'https://e.example/b.jpg']", "https://e.example/a.jpg"),
        ('["//e.example/a.jpg"]', "https://e.example/a.jpg"),
        ("https://e.example/w_100,h_100/a.jpg", "https://e.example/w_100,h_100/a.jpg"),
        ("https://e.example/a.jpg?x=1&amp;y=2", "https://e.example/a.jpg?x=1&y=2"),
    ],
)
def test_image_addresses(text, address):
    assert image_address(text) == address
    assert texts([text, "https://e.example/1"], "image_url") == [address, "https://e.example/1"]


def test_lists_become_texts():
    assert texts([["Home", "Mugs"], [], None], "category") == ["Home > Mugs", None, None]
    assert texts(["['Home', 'Mugs']", "Home > Cups"], "category") == ["Home > Mugs", "Home > Cups"]
    assert texts([["//a.example/1.jpg", "x"]], "image_url") == ["https://a.example/1.jpg"]
    assert texts([["red", "nan", "blue"]], "product_color") == ["red, blue"]


# -- formats ---------------------------------------------------------------------------------------------------------


def test_jsonl_of_mixed_types(tmp_path, caplog):
    """Every line may have its own types and keys; a key that no one uses may hold anything."""
    lines = [
        {"id": 1, "name": "Mug", "price": 24.9, "category": ["Home", "Mugs"], "image_url": ["//a.example/1"], "x": {}},
        {"id": "b", "name": 501, "price": "24,90", "category": "Home", "x": [1, {"y": None}], "brand": {"name": "A"}},
        {"id": 3.0, "name": "Cup", "x": "text", "brand": "Acme"},
    ]
    path = write(tmp_path / "shop.jsonl", "\ufeff\n" + "\n".join(map(json.dumps, lines)) + "\n\n")
    with caplog.at_level(logging.INFO):
        found = load_catalogue(path)
    assert found["product_id"].to_pylist() == ["1", "b", "3"]
    assert found["product_title"].to_pylist() == ["Mug", "501", "Cup"]
    assert found["product_brand"].to_pylist() == [None, None, "Acme"]
    assert found["price"].to_pylist() == [24.9, 24.9, None]
    assert found["category"].to_pylist() == ["Home > Mugs", "Home", None]
    assert found["image_url"].to_pylist() == ["https://a.example/1", None, None]
    assert "column 'brand': 1 value is not clear and left empty: {'name': 'A'} in line 3" in caplog.text
    assert "ignored: 'x'" in caplog.text


@pytest.mark.parametrize(
    ("text", "said"), [('{"id": 1}\n\n{"id": \n', "line 3"), ('{"id": 1}\n[1]\n', "line 2: .* one object a line")]
)
def test_a_broken_line_of_a_jsonl_is_named(tmp_path, text, said):
    with pytest.raises(DataError, match=said):
        load_catalogue(write(tmp_path / "shop.jsonl", text))


def test_parquet_with_odd_columns(tmp_path):
    table = pa.table(
        {
            "ID": [1.0, None, 3.0], "Title": pa.array(["a", None, "c"]).dictionary_encode(),
            "category": [["x", "y"], None, []], "odd": [{"a": [1]}, None, {"a": []}], "map": [None, None, None],
        }
    )  # fmt: skip
    pq.write_table(table, tmp_path / "shop.parquet")
    found = load_catalogue(tmp_path / "shop.parquet")
    assert found.select(["product_id", "product_title", "category"]).to_pylist() == [
        {"product_id": "1", "product_title": "a", "category": "x > y"},
        {"product_id": "3", "product_title": "c", "category": None},
    ]


@pytest.mark.parametrize(
    "text",
    [
        "id,title,body\n1,Mug," + "x" * 200_000 + "\n",
        'id,title,body\n1,Mug,"' + "<p>\n" * 60_000 + '"\n',
        "sep=;\nid;title\n1;Mug\n",
        '"sep=,"\r\nid,title\r\n1,Mug\r\n',
        "\ufeffsep=|\nid|title\n1|Mug\n",
        "id,title,tag,tag,\n1,Mug,a,b,c\n",
        "SKU,Product Name,Brand,COLOUR\n1,Mug,,\n",
        "Item-ID,Item Name\n1,Mug\n",
        "id\ttitle\n1\tMug\n",
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".txt"])
def test_csv_files_of_shops(tmp_path, text, suffix):
    """The same files are read by build_embeddings.py --catalogue and by "Try your own"."""
    path = write(tmp_path / f"shop{suffix}", text)
    for found in (load_catalogue(path), uploaded_catalogue.parse(path.read_bytes(), "shop").products):
        assert found.select(["product_id", "product_title"]).to_pylist() == [
            {"product_id": "1", "product_title": "Mug"}
        ]


def test_lines_are_counted_with_the_line_that_names_the_delimiter(tmp_path):
    with pytest.raises(DataError, match="line 4 has 1 cell"):
        load_catalogue(write(tmp_path / "shop.csv", "sep=;\nid;title\n1;Mug\n2\n"))


def test_a_column_that_is_used_must_be_there_once(tmp_path):
    path = write(tmp_path / "shop.csv", "id,Title,title\n1,a,b\n")
    assert load_catalogue(path, {"product_title": "Title"})["product_title"].to_pylist() == ["a"]
    with pytest.raises(DataError, match="more than one column 'name'"):
        load_catalogue(write(tmp_path / "other.csv", "id,name,Name,name\n1,a,b,c\n"), {"product_title": "name"})


SHOPIFY = """Handle,Title,Body (HTML),Vendor,Type,Option1 Value,Variant Price,Image Src
mug,Travel mug,<p>Hot &amp; cold</p>,Norrwick,Mugs,red,24.90,https://cdn.example/1.jpg
mug,,,,,blue,24.90,https://cdn.example/2.jpg
cup,Espresso cup,,Norrwick,Cups,white,"1,024.00",//cdn.example/3.jpg
cup,,,Norrwick,,black,19.50,
"""


def test_variant_rows_of_a_shopify_export(tmp_path, caplog):
    """A product's further rows have its handle and no title."""
    with caplog.at_level(logging.INFO):
        found = load_catalogue(write(tmp_path / "shop.csv", SHOPIFY))
    assert found.select(["product_id", "product_title", "product_brand", "price", "image_url"]).to_pylist() == [
        {"product_id": "mug", "product_title": "Travel mug", "product_brand": "Norrwick", "price": 24.9,
         "image_url": "https://cdn.example/1.jpg"},
        {"product_id": "cup", "product_title": "Espresso cup", "product_brand": "Norrwick", "price": 1024.0,
         "image_url": "https://cdn.example/3.jpg"},
    ]  # fmt: skip
    assert "1 product without title, brand and colour is left out" in caplog.text
    assert "1 row without a title, a variant of a product, is left out" in caplog.text


def test_columns_used_and_ignored_are_said(tmp_path, caplog):
    """For both ways to read a file, under the names that the file has."""
    text = "SKU,Name,Colour,Stock\n1,Mug,red,3\n"
    with caplog.at_level(logging.INFO):
        load_catalogue(write(tmp_path / "shop.csv", text))
    said = "columns used: product_id = 'SKU', product_title = 'Name', product_color = 'Colour'; ignored: 'Stock'"
    assert said in caplog.text and "--locale" in caplog.text
    assert said in uploaded_catalogue.parse(text.encode(), "shop.csv").notes


def test_bullets_are_named_as_shops_name_them(tmp_path):
    path = write(tmp_path / "shop.csv", "id,title,Bullet Points\n1,Mug,soft\n")
    assert load_catalogue(path, bullets=True)[BULLETS].to_pylist() == ["soft"]


# -- locales ---------------------------------------------------------------------------------------------------------


def test_the_locale_of_a_file_without_one(tmp_path):
    """It was called "us", so Russian titles were read out as English."""
    path = write(tmp_path / "shop.csv", "id,title\n1,Кружка\n")
    assert load_catalogue(path)["product_locale"].to_pylist() == [NO_LOCALE]
    assert load_catalogue(path, locale="ru")["product_locale"].to_pylist() == ["ru"]


def test_the_language_of_a_locale():
    known = {"us": "en", "jp": "ja", "es": "es", "ru": "ru", "de": "de", "pt_BR": "pt", NO_LOCALE: "", "": ""}
    assert {locale: language(locale) for locale in known} == known


# -- folders of judgments --------------------------------------------------------------------------------------------


def joined(rows):
    return pd.DataFrame(rows, columns=["query", "query_locale", "product_id", "esci_label", "product_title"])


def test_a_folder_as_downloaded_from_the_hub(tmp_path):
    """Parts below data/, labels in any case with spaces, query_locale, float ids with a gap, and an exact repeat."""
    rows = [("mug", "us", 1001.0, " exact ", "Mug"), ("mug", "us", 1002.0, "SUBSTITUTE", "Cup")]
    (tmp_path / "data").mkdir()
    for part, row in enumerate(rows):
        joined([row, row]).to_parquet(tmp_path / "data" / f"train-0000{part}-of-00002.parquet", index=False)
    joined([("cup", "us", 1002.0, "e", "Cup")]).to_parquet(tmp_path / "data" / "test-00000-of-00001.parquet")
    data = open_judged(str(tmp_path), ["us"])
    assert data.catalogue["product_id"].to_pylist() == ["1001", "1002"]
    assert data.train["esci_label"].tolist() == ["Exact", "Substitute"]
    assert (data.test["row"].tolist(), data.test["esci_label"].tolist()) == ([1], ["Exact"])


def test_ids_of_judgments_and_products_may_be_of_different_types(tmp_path):
    """Judgments whose ids became floats, and products whose ids are texts, are joined."""
    judged = joined([("mug", "us", 1001.0, "Exact", "")]).drop(columns="product_title")
    for split, kind in (("train", float), ("test", str)):
        judged.assign(query=split, product_id=judged["product_id"].astype(kind)).to_parquet(
            tmp_path / f"{split}.parquet"
        )
    products = pd.DataFrame({"product_id": ["1001"] * 2, "product_locale": "us", "product_title": "Mug"})
    products.to_parquet(tmp_path / "products.parquet")
    data = open_judged(str(tmp_path), ["us"])
    assert (data.train["row"].tolist(), data.test["row"].tolist(), len(data.catalogue)) == ([0], [0], 1)
