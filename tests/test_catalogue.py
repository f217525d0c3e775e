"""A shop's own file becomes a catalogue with unique ids, or it is refused in one sentence."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from space.data import catalogue
from space.data.catalogue import BULLETS, DataError
from space.data.passages import passages, template
from space.data.product_files import load_catalogue

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


# -- formats ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["c.csv", "c.parquet", "c.jsonl", "c.NDJSON", "c.CSV"])
def test_formats(tmp_path, name):
    """The same rows from every format: leading zeros, quotes, line breaks, Japanese and missing values intact."""
    found = load_catalogue(write(tmp_path / name.lower(), ROWS).rename(tmp_path / name))
    assert found.column_names == OURS
    assert found.drop_columns("product_locale").to_pylist() == ROWS
    assert found["product_locale"].to_pylist() == ["us"] * 3


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
        path = write(tmp_path / name, [{"product_id": one, "product_title": "nan"} for one in ids])
        found = load_catalogue(path)
        assert found["product_id"].to_pylist() == ids
        assert found["product_title"].to_pylist() == ["nan"] * 5
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
    assert load_catalogue(path, default_locale="es")["product_locale"].to_pylist() == ["us", "jp"]
    path = write(tmp_path / "d.csv", [{"product_id": "1", "product_title": "a"}])
    assert load_catalogue(path, default_locale="es")["product_locale"].to_pylist() == ["es"]


def test_bullets_are_opt_in(tmp_path):
    """They are most of the bytes, so they are only read if the passage needs them."""
    path = write(tmp_path / "c.csv", [{"product_id": "1", "product_title": "a", BULLETS: "soft"}])
    assert BULLETS not in load_catalogue(path).column_names
    assert load_catalogue(path, bullets=True)[BULLETS].to_pylist() == ["soft"]


# -- refusals --------------------------------------------------------------------------------------------------------


def test_no_such_file(tmp_path):
    assert message(tmp_path / "c.csv") == f"--catalogue {tmp_path / 'c.csv'}: no such file"


def test_unknown_format(tmp_path):
    """A spreadsheet is a zip, not a csv."""
    path = tmp_path / "c.xlsx"
    path.write_bytes(b"PK")
    assert message(path) == f"{path}: unknown format '.xlsx'; use .csv, .parquet or .jsonl"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("c.csv", b""),
        ("c.csv", b"product_id,product_title\n1,a,b\n"),
        ("c.csv", "product_id,product_title\n1,café\n".encode("latin-1")),
        ("c.parquet", b"PAR1 but no more"),
        ("c.jsonl", b""),
        ("c.jsonl", b'{"product_id": "1"\n'),
        ("c.jsonl", b'{"product_id": "1"}\n{"product_id": {"a": 1}}\n'),
    ],
)
def test_broken_file(tmp_path, name, content):
    """Every error of a reader becomes one that names the file."""
    path = tmp_path / name
    path.write_bytes(content)
    assert message(path).startswith(f"{path}: cannot be read as {path.suffix[1:]}: ")


@pytest.mark.parametrize("name", ["product_id", "product_title"])
def test_missing_column(tmp_path, name):
    """The message names the column, the columns there are, and the flag that maps one to it."""
    path = write(tmp_path / "c.csv", [{"sku": "1", "product_id": "1", "product_title": "a"}])
    table = [
        {key: value for key, value in {"sku": "1", "product_id": "1", "product_title": "a"}.items() if key != name}
    ]
    found = message(write(path, table))
    assert found.startswith(f"{path}: no column {name!r}; map one of ['sku', ")
    assert found.endswith(f"--columns {name}=…")


def test_mapped_column_that_is_not_there(tmp_path):
    """The message names what was typed and the columns there are."""
    path = write(tmp_path / "c.csv", [{"product_id": "1", "name": "a"}])
    found = message(path, {"product_title": "nmae"})
    assert found == f"{path}: no column 'nmae' (--columns product_title=nmae); it has ['product_id', 'name']"


def test_mapping_to_a_column_that_is_not_ours(tmp_path):
    """A misspelt product_colour would otherwise be ignored, and the colour be missing from every passage."""
    path = write(tmp_path / "c.csv", [{"product_id": "1", "product_title": "a", "farbe": "rot"}])
    found = message(path, {"product_colour": "farbe"})
    assert found.startswith(
        "--columns product_colour=farbe: 'product_colour' is not one of product_locale, product_id,"
    )
    assert "product_color" in found


def test_the_same_column_twice(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("product_id,product_title,product_title\n1,a,b\n", encoding="utf-8")
    assert message(path) == f"{path}: more than one column 'product_title'; give each its own name"


def test_no_rows(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("product_id,product_title\n", encoding="utf-8")
    assert message(path) == "c.csv: holds no product"


def test_duplicate_id(tmp_path):
    """The message names the id, its locale and the number of rows."""
    rows = [{"product_id": one, "product_title": "t"} for one in ("1", "2", "3", "2", "2")]
    found = message(write(tmp_path / "c.jsonl", rows))
    assert found == "c.jsonl: product_id '2' of locale 'us' is in 3 rows; ids must be unique"
    found = message(write(tmp_path / "c.csv", rows))
    assert found == "c.csv: product_id '2' is in 3 rows, first in line 3 and line 5; ids must be unique"


@pytest.mark.parametrize("name", ["c.csv", "c.parquet", "c.jsonl"])
def test_null_id(tmp_path, name):
    """The message names the column and the first row."""
    rows = [{"product_id": one, "product_title": "t"} for one in ("1", None, "3", None)]
    found = message(write(tmp_path / name, rows))
    said = "empty in 2 rows, first in line 3" if name == "c.csv" else "null in 2 rows, first in row 1"
    assert found == f"{name}: column 'product_id' is {said}"


def test_null_locale(tmp_path):
    """No search in a locale could find a product without one."""
    rows = [{"product_id": str(n), "product_title": "t", "product_locale": "us" if n else None} for n in range(2)]
    found = message(write(tmp_path / "c.csv", rows))
    assert found == "c.csv: column 'product_locale' is empty in 1 rows, first in line 2"


def test_text_in_a_number_column(tmp_path):
    """The message names value and column, and for a csv the line and the file's own column name."""
    rows = [{"sku": str(row), "name": "two\nlines", "cost": cost} for row, cost in enumerate(["1", "2.5", "$12", "x"])]
    columns = {"product_id": "sku", "product_title": "name", "price": "cost"}
    assert message(write(tmp_path / "c.csv", rows), columns) == "c.csv: line 6, column 'cost': '$12' is not a number"
    found = message(write(tmp_path / "c.jsonl", [{"product_id": "1", "product_title": "t", "price": "$12"}]))
    assert found.startswith("c.jsonl: column 'price' does not fit double: ") and "$12" in found


def test_bullets_that_are_not_there(tmp_path):
    """``--bullets 200`` on a file without bullet points is refused when the file is read."""
    path = write(tmp_path / "c.csv", [{"product_id": "1", "product_title": "t"}])
    assert message(path, bullets=True).startswith("c.csv: missing column 'product_bullet_point'; it has [")


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
    with pytest.raises(DataError, match="^c.csv: no product in --locales es fr; it has jp us$"):
        catalogue.in_locales(table, ["es", "fr"], "c.csv")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("shop.jsonl", b'{"product_id": "1", "product_title": "m\xf4g"}\n', "Invalid UTF8.*save it as UTF-8"),
        ("shop.jsonl", b'{"product_id": "1", "product_title": "mug", "a\xf4b": 1}\n', "name of a column is not UTF-8"),
        ("shop.parquet", None, "Invalid UTF8.*save it as UTF-8"),
    ],
)
def test_text_that_is_no_utf_8(tmp_path, name, content, says):
    """Found by fuzzing: Arrow reads it without an error, and Python fails on it much later."""
    if content is None:
        titles = pa.array([b"m\xf4g"]).view(pa.string())
        pq.write_table(pa.table({"product_id": ["1"], "product_title": titles}), tmp_path / name)
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name}: .*{says}"):
        load_catalogue(tmp_path / name)
