"""A shop's own catalogue from a csv, jsonl or parquet file: for --catalogue and "Try your own"."""

import logging
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from space.data.catalogue import BULLETS, NO_LOCALE, DataError, Source
from space.data.column_names import columns_used, find_columns
from space.data.file_tables import FileTable, read_table
from space.data.product_table import catalogue_of
from space.data.text_files import ENCODINGS
from space.errors import listed

logger = logging.getLogger(__name__)


def load_catalogue(
    path: Path,
    columns: Mapping[str, str] | None = None,
    *,
    bullets: bool = False,
    locale: str | None = None,
    encoding: str = "",
) -> pa.Table:
    """A shop's own catalogue; it needs an id and a title. The log says which columns are used.

    Args:
        path: the file.
        columns: {column of ours: column of the file}; the others are found by the names that shops give them, and ""
            leaves a column out.
        bullets: read the bullet points.
        locale: of every product, if the file has no such column; None for ``NO_LOCALE``.
        encoding: of a text file, see ``space.data.text_files.open_text``.

    Raises:
        DataError: a file that cannot be read, a missing column, or a null or duplicate id.
    """
    if not path.is_file():
        raise DataError(f"--catalogue {path}: no such file")
    if encoding and encoding not in ENCODINGS:
        raise DataError(f"--encoding {encoding}: use one of {', '.join(ENCODINGS)}")
    given = dict(columns or {})
    table = read_table(path, frozenset(given.values()), encoding)
    places = find_columns(table.header, given if bullets else {**given, BULLETS: ""}, str(path))
    for name in ("product_id", "product_title", *([BULLETS] if bullets else [])):
        if name not in places:
            cure = "; --bullets 0 leaves bullet points out" if name == BULLETS else ""
            cure = f"name it with --columns {name}=…{cure}"
            raise DataError(f"{path}: no column {name!r}, only {listed(table.header)}; {cure}")
    products, notes = read_catalogue(table, places, path.name, locale or NO_LOCALE)
    if "product_locale" not in places and locale is None:
        notes.append("no column says which language it is in: name it with --locale, such as --locale de")
    for note in notes:
        logger.info("%s: %s", path.name, note)
    return products


def read_catalogue(table: FileTable, places: Mapping[str, int], name: str, locale: str) -> tuple[pa.Table, list[str]]:
    """The catalogue in a table, and sentences about the columns used, left empty and left out.

    Without a column for the id, a product's id is its line.

    Args:
        table: as the file has it.
        places: see ``find_columns``.
        name: of the file, for messages.
        locale: of every product, if the file has no such column.

    Raises:
        DataError: no product, or a null or duplicate id.
    """
    found = {ours: table.column(place) for ours, place in places.items()}
    if "product_id" not in found and table.lines is not None:
        found["product_id"] = [pa.array(map(str, table.lines.tolist()), pa.string())]
    if "product_locale" not in found:
        found["product_locale"] = [pa.array([locale] * table.rows, pa.string())]
    source = Source(name, table.lines, {ours: table.header[place] for ours, place in places.items()})
    products, notes = catalogue_of(found, source)
    return products, [columns_used(table.header, places), *notes]
