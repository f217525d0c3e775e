"""Gives ids to the products of CrowdFlower's search relevance data, which has ids of rows only."""

import pandas as pd
import pyarrow as pa

from space.data.column_names import plain_name
from space.data.file_tables import FileTable
from space.data.judgment_formats.columns import NAMES
from space.data.texts import text_column

_COLUMNS = frozenset(("id", "query", "product_title", "median_relevance"))


def has_no_product_ids(table: FileTable) -> bool:
    """Whether a table is CrowdFlower's: rows with an id, query, title and median rating, and no id of the product."""
    plain = {plain_name(name) for name in table.header}
    return plain >= _COLUMNS and plain.isdisjoint(NAMES["product_id"])


def with_product_ids(table: FileTable) -> FileTable:
    """The table with a column "product_id": rows of one title and description have the id of their first row."""
    plain = [plain_name(name) for name in table.header]
    parts = {
        name: text_column(table.column(plain.index(name)), "product_id" if name == "id" else "product_title")[0]
        for name in ("id", "product_title", "product_description")
        if name in plain
    }
    rows = pd.DataFrame({name: part.to_pandas() for name, part in parts.items()})
    same = [name for name in parts if name != "id"]
    ids = rows.groupby(same, sort=False, dropna=False)["id"].transform("first")
    made = len(table.header)
    return FileTable(
        [*table.header, "product_id"],
        table.rows,
        lambda place: [pa.array(ids, pa.string())] if place == made else table.column(place),
        table.lines,
    )
