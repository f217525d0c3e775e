"""A shop's own file becomes a catalogue with unique ids, or it is refused in one sentence."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from space.data import catalogue
from space.data.catalogue import BULLETS, DataError
from space.data.catalogue_file import load_catalogue
from space.data.passages import passages, template

OURS = ["product_locale", "product_id", "product_title", "product_brand", "product_color"]
ROWS = [
    {"product_id": "00123", "product_title": "Red shoes", "product_brand": "Acme", "product_color": "red"},
    {"product_id": "7", "product_title": 'Mug, "blue"\nlarge', "product_brand": None, "product_color": "blue"},
    {"product_id": "x-1", "product_title": "水筒 500ml", "product_brand": "アース", "product_color": None},
]
NAMED_BY_SHOP = {
    "product_id": "sku",
    "product_title": "Item name",
    "product_brand": "maker",
    "product_color": "colour",
}


def write(path, rows):
    """Rows as csv, parquet or jsonl, by the suffix; None is an empty field of a csv."""
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".csv":
        quoted = [
            ["" if value is None else '"' + value.replace('"', '""') + '"' for value in row.values()] for row in rows
        ]
        path.write_text("\n".join(",".join(row) for row in [list(rows[0]), *quoted]) + "\n", encoding="utf-8")
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def message(path, columns=None, **options):
    with pytest.raises(DataError) as refused:
        load_catalogue(path, columns, **options)
    return str(refused.value)


def assert_says(text, *parts):
    assert not [part for part in parts if part not in text], text


# -- formats ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["c.csv", "c.parquet", "c.jsonl", "c.NDJSON", "c.CSV"])
def test_formats(tmp_path, name):
    """The same rows from every format: leading zeros, quotes, line breaks, Japanese and missing values intact."""
    found = load_catalogue(write(tmp_path / name.lower(), ROWS).rename(tmp_path / name))
    assert found.column_names == OURS
    assert found.drop_columns("product_locale").to_pylist() == ROWS
    assert found["product_locale"].to_pylist() == [catalogue.NO_LOCALE] * 3


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_column_map(tmp_path, suffix):
    """``--columns`` renames columns; other columns of the file are left out."""
    rows = [{theirs: row[ours] for ours, theirs in NAMED_BY_SHOP.items()} | {"stock": "3"} for row in ROWS]
    found = load_catalogue(write(tmp_path / f"c{suffix}", rows), NAMED_BY_SHOP)
    assert found.drop_columns("product_locale").to_pylist() == ROWS


def test_column_map_goes_before_a_column_of_our_name(tmp_path):
    """A file may have a product_title that should not be used, or two columns with swapped names."""
    path = write(tmp_path / "c.csv", [{"product_id": "1", "product_title": "old", "name": "new"}])
    assert load_catalogue(path, {"product_title": "name"})["product_title"].to_pylist() == ["new"]
    swapped = load_catalogue(path, {"product_id": "product_title", "product_title": "product_id"})
    assert swapped.select(["product_id", "product_title"]).to_pylist() == [{"product_id": "old", "product_title": "1"}]


def test_csv_of_a_spreadsheet(tmp_path):
    """Excel puts a byte order mark before the first name and ends lines with CR LF."""
    path = tmp_path / "c.csv"
    path.write_bytes("\ufeffproduct_id,product_title\r\n007,Mug\r\n".encode())
    assert load_catalogue(path)["product_id"].to_pylist() == ["007"]


def test_numbers_and_dates_stay_as_written(tmp_path):
    """Readers guess types: 00123 would become 123, NA a missing value, 2024-01-05 a time of day."""
    ids = ["1", "1.0", "NA", "null", "2024-01-05"]
    for name in ("c.csv", "c.jsonl"):
        path = write(tmp_path / name, [{"product_id": one, "product_title": "1.50"} for one in ids])
        found = load_catalogue(path)
        assert found["product_id"].to_pylist() == ids
        assert found["product_title"].to_pylist() == ["1.50"] * 5
    path = write(tmp_path / "dates.jsonl", [{"product_id": "2024-01-05", "product_title": "2024-01-06 10:00:00"}])
    assert load_catalogue(path).to_pylist()[0]["product_id"] == "2024-01-05"
    assert load_catalogue(path).to_pylist()[0]["product_title"] == "2024-01-06 10:00:00"


def test_whole_numbers_as_ids(tmp_path):
    """Many files have ids as numbers: 5 must become "5" and not "5.0"."""
    for name in ("c.parquet", "c.jsonl"):
        path = write(
            tmp_path / name, [{"product_id": 5, "product_title": "a"}, {"product_id": 10**15, "product_title": "b"}]
        )
        assert load_catalogue(path)["product_id"].to_pylist() == ["5", "1000000000000000"]


def test_extra_columns_are_typed(tmp_path):
    """The cards show price and rating as numbers; from a csv they come as text."""
    path = write(
        tmp_path / "c.csv",
        [
            {
                "product_id": "1",
                "product_title": "a",
                "price": "12.50",
                "rating": None,
                "image_url": "https://e.example/1",
            },
            {"product_id": "2", "product_title": "b", "price": "3", "rating": "4.5", "image_url": None},
        ],
    )
    found = load_catalogue(path)
    assert found["price"].to_pylist() == [12.5, 3.0]
    assert found["rating"].to_pylist() == [None, 4.5]
    assert found["image_url"].to_pylist() == ["https://e.example/1", None]
    assert "category" not in found.column_names


def test_locales(tmp_path):
    """The same id may be in two locales; the default locale is only for files without the column."""
    rows = [{"product_id": "1", "product_locale": locale, "product_title": locale} for locale in ("us", "jp")]
    path = write(tmp_path / "c.csv", rows)
    assert load_catalogue(path, locale="es")["product_locale"].to_pylist() == ["us", "jp"]
    path = write(tmp_path / "d.csv", [{"product_id": "1", "product_title": "a"}])
    assert load_catalogue(path, locale="es")["product_locale"].to_pylist() == ["es"]


def test_bullets_are_opt_in(tmp_path):
    """They are most of the bytes, so they are only read if the passage needs them."""
    path = write(tmp_path / "c.csv", [{"product_id": "1", "product_title": "a", BULLETS: "soft"}])
    assert BULLETS not in load_catalogue(path).column_names
    assert load_catalogue(path, bullets=True)[BULLETS].to_pylist() == ["soft"]


# -- refusals --------------------------------------------------------------------------------------------------------


def test_a_file_that_is_missing_or_of_an_unknown_format(tmp_path):
    """A spreadsheet is not a csv, though people call it one."""
    (tmp_path / "c.xlsx").write_bytes(b"PK")
    assert_says(message(tmp_path / "c.csv"), "--catalogue", "c.csv", "no such file")
    assert_says(message(tmp_path / "c.xlsx"), "c.xlsx", "'.xlsx'", ".csv", ".parquet", ".jsonl")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("c.csv", b""),
        ("c.csv", b"product_id,product_title\n1,a,b\n"),
        ("c.csv", "product_id,product_title\n1,café\n".encode("latin-1")),
        ("c.parquet", b"PAR1 but no more"),
        ("c.jsonl", b""),
        ("c.jsonl", b'{"product_id": "1"\n'),
        ("c.jsonl", b'{"product_id": "1"}\n["product_id"]\n'),
        ("c.jsonl", b'{"product_id": "1", "product_title": "m\xf4g"}\n'),
    ],
)
def test_broken_file(tmp_path, name, content):
    """Every error of a reader becomes one that names the file."""
    path = tmp_path / name
    path.write_bytes(content)
    assert message(path).startswith(f"{path}: cannot be read as {path.suffix[1:]}: ")


@pytest.mark.parametrize(
    ("text", "columns", "said"),
    [
        ("code,product_title\n1,a\n", {}, ["'product_id'", "'code', 'product_title'", "--columns product_id="]),
        ("product_id,label\n1,a\n", {}, ["'product_title'", "'product_id', 'label'", "--columns product_title="]),
        ("product_id,name\n1,a\n", {"product_title": "nmae"}, ["product_title=nmae", "'product_id', 'name'"]),
        ("product_id,farbe\n1,rot\n", {"product_colour": "farbe"}, ["'product_colour'", "product_color,"]),
        ("product_id,product_title,product_title\n1,a,b\n", {}, ["more than one column 'product_title'"]),
        ("product_id,product_title\n", {}, ["no product"]),
        ("sku,name,n\n1,a,\n2,b,\n3,c,\n2,d,\n2,e,\n", {"product_id": "sku", "product_title": "name"},
         ["sku '2'", "3 rows", "line 3 and line 5", "unique"]),
        ("product_id,product_title,n\n1,a,\n,b,\n3,c,\n,d,\n", {}, ["'product_id'", "2 rows", "line 3"]),
        ("product_id,product_title,product_locale\n1,a,\n2,b,us\n", {}, ["'product_locale'", "1 rows", "line 2"]),
    ],
    ids=["no id", "no title", "column not there", "not one of ours", "twice", "no rows", "duplicate id", "null id",
         "null locale"],
)  # fmt: skip
def test_what_is_wrong_in_a_csv_is_named(tmp_path, text, columns, said):
    """File, column under its own name, line, value, and what to do: a misspelt column must not be ignored."""
    (tmp_path / "c.csv").write_text(text, encoding="utf-8")
    assert_says(message(tmp_path / "c.csv", columns), *said)


def test_what_is_wrong_elsewhere_is_named(tmp_path):
    """A jsonl has lines; rows of a parquet are counted from 1, also behind one that was left out."""
    titles = {"1": "t", "2": "t", "3": None, "2 ": "u"}
    rows = [{"product_id": one, "product_title": title} for one, title in titles.items()]
    nulls = [{"product_id": one, "product_title": "t" if one != "1" else None} for one in ("1", "2", None, None)]
    for name, row in (("c.parquet", "row"), ("c.jsonl", "line")):
        assert_says(message(write(tmp_path / name, rows)), name, "'2'", "2 rows", f"{row} 2 and {row} 4", "unique")
        assert_says(message(write(tmp_path / name, nulls)), name, "'product_id'", "empty in 2 rows", f"{row} 3")


def test_bullets_that_are_not_there(tmp_path):
    """``--bullets 200`` on a file without bullet points is refused when the file is read."""
    path = write(tmp_path / "c.csv", [{"product_id": "1", "product_title": "t"}])
    assert_says(message(path, bullets=True), "c.csv", "'product_bullet_point'", "product_title")


# -- passages and keys -----------------------------------------------------------------------------------------------


def test_passages():
    """A missing part must not become the word None or a double space."""
    table = pa.table(
        {
            "product_title": pa.array([" Red shoes ", None, "Mug", ""], pa.string()),
            "product_brand": pa.array(["Acme", "Acme", None, None], pa.string()),
            "product_color": pa.array(["red", None, "blue", None], pa.string()),
            BULLETS: pa.array(["soft sole", None, "", "x"], pa.string()),
        }
    )
    assert passages(table) == ["Red shoes Acme red", "Acme", "Mug blue", ""]
    assert passages(table, bullets=4) == ["Red shoes Acme red soft", "Acme", "Mug blue", "x"]


def test_template_names_the_passage():
    """Stores with different passages must have different templates."""
    assert template(0) == "{title} {brand} {color}"
    assert len({template(bullets) for bullets in (0, 100, 200)}) == 3


def test_rows_of():
    """Products are found by locale and id together; an absent one is -1 and not row 0."""
    table = pa.table(
        {"product_locale": ["us", "jp", "us"], "product_id": ["1", "1", "2"], "product_title": ["a", "b", "c"]}
    )
    found = catalogue.rows_of(table, ["us", "jp", "us", "es", "us"], ["2", "1", "1", "1", "us"])
    assert (found.dtype, found.tolist()) == ("int64", [2, 1, 0, -1, -1])


def test_in_locales():
    """If no product is left, the message names the locales there are."""
    table = pa.table({"product_locale": ["us", "jp", "us"], "product_id": ["1", "1", "2"]})
    assert catalogue.in_locales(table, ["us", "es"], "c.csv")["product_id"].to_pylist() == ["1", "2"]
    with pytest.raises(DataError, match="^c.csv: no product in --locales 'es', 'fr'; it has 'jp', 'us'$"):
        catalogue.in_locales(table, ["es", "fr"], "c.csv")


def test_text_that_is_no_utf_8(tmp_path):
    """Found by fuzzing: Arrow reads it without an error, and Python fails on it much later."""
    titles = pa.array([b"m\xf4g"]).view(pa.string())
    pq.write_table(pa.table({"product_id": ["1"], "product_title": titles}), tmp_path / "shop.parquet")
    assert_says(message(tmp_path / "shop.parquet"), "shop.parquet", "Invalid UTF8", "save it as UTF-8")
