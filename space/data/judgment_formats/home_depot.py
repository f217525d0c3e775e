"""Adds brand, colour and bullet points to products, from the attributes and descriptions of Home Depot's data."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa

from space.data.catalogue import BULLETS, COLUMN_TYPES, Source
from space.data.column_names import plain_name
from space.data.file_tables import FileTable
from space.data.judgment_formats.columns import NAMES
from space.data.judgment_formats.raw import Wanted
from space.data.judgment_formats.tables import open_table
from space.data.product_table import typed, whole_ids

#: {column of ours: names of attributes, in lower case; the first one that a product has counts}.
_ATTRIBUTES = {"product_brand": ("mfg brand name",), "product_color": ("color family", "color", "color/finish")}


def with_details(products: pa.Table, files: Mapping[str, Path], wanted: Wanted) -> tuple[pa.Table, list[str]]:
    """Products with the values that they lack, and a sentence about each file.

    Args:
        products: the catalogue, one row per (locale, id).
        files: {"attributes": rows of product id, name and value; "descriptions": rows of product id and
            product_description}; each may be missing.
        wanted: for encoding and bullet points.

    Raises:
        DataError: a file that cannot be read.
    """
    ids = products["product_id"].to_pandas()
    found: dict[str, pd.Series] = {}
    notes = []
    for role, read in (("attributes", _attributes), ("descriptions", _descriptions)):
        if role not in files:
            continue
        path = files[role]
        table = open_table(path, wanted)
        details = read(table, path, wanted.bullets)
        used = [name for name, values in details.items() if len(values)]
        for name in used:
            values = ids.map(details[name])
            found[name] = found[name].fillna(values) if name in found else values
        notes.append(f"{path.name}: {', '.join(used)}" if used else f"{path.name} is not used")
    for name, values in found.items():
        if name in products.column_names:
            values = products[name].to_pandas().fillna(values)
            products = products.drop_columns(name)
        products = products.append_column(name, pa.array(values, pa.string(), from_pandas=True))
    return products.select([name for name in COLUMN_TYPES if name in products.column_names]), notes


def _attributes(table: FileTable, path: Path, bullets: bool) -> dict[str, pd.Series]:
    """{column of ours: its text by product id} of rows of product id, name and value."""
    rows = _rows(table, path, ("name", "value"))
    if rows.empty:
        return {}
    rows["name"] = rows["name"].str.lower()
    found = {}
    for ours, names in _ATTRIBUTES.items():
        order = rows["name"].map({name: place for place, name in enumerate(names)})
        some = rows[order.notna()].assign(order=order).sort_values("order", kind="stable")
        found[ours] = some.drop_duplicates("id").set_index("id")["value"]
    if bullets:
        some = rows[rows["name"].str.fullmatch(r"bullet\d+")]
        found[BULLETS] = some.sort_values("name", kind="stable").groupby("id", sort=False)["value"].agg(" ".join)
    return found


def _descriptions(table: FileTable, path: Path, bullets: bool) -> dict[str, pd.Series]:
    """{the column of bullet points: the description by product id}, or nothing where they are not wanted."""
    rows = _rows(table, path, ("product_description",)) if bullets else pd.DataFrame()
    return {} if rows.empty else {BULLETS: rows.drop_duplicates("id").set_index("id")["product_description"]}


def _rows(table: FileTable, path: Path, names: tuple[str, ...]) -> pd.DataFrame:
    """Columns "id" and ``names`` as clean text, without incomplete rows; empty if the table has other columns."""
    plain = [plain_name(name) for name in table.header]
    ids = [place for place, name in enumerate(plain) if name in NAMES["product_id"]]
    if len(ids) != 1 or any(plain.count(name) != 1 for name in names):
        return pd.DataFrame()
    columns = {"product_id": table.column(ids[0])}
    # Cleaned as titles are: entities are read, and "N/A" is no value.
    source = Source(path.name, table.lines)
    texts = {name: typed(columns | {"product_title": table.column(plain.index(name))}, source)[0] for name in names}
    rows = pd.DataFrame({name: one["product_title"].to_pandas() for name, one in texts.items()})
    return rows.assign(id=whole_ids(texts[names[0]])["product_id"].to_pandas()).dropna()
