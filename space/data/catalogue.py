"""The catalogue: an Arrow table with one row for each (locale, id); its columns, types and checks.

Products stay in Arrow: 1.2 million of them as Python objects would take several GB. The key has two parts because
ESCI uses the same id in several locales.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from space.errors import UserError, shown
from space.i18n import gettext as _
from space.i18n import number

KEY = ("product_locale", "product_id")
TEXT_COLUMNS = ("product_title", "product_brand", "product_color")
BULLETS = "product_bullet_point"
#: {locale: language code of its texts}, for locales that are not the code of their language.
LANGUAGES = dict.fromkeys(("us", "uk", "gb", "au", "nz", "ie"), "en")
LANGUAGES |= {
    "jp": "ja",
    "cn": "zh",
    "tw": "zh",
    "kr": "ko",
    "br": "pt",
    "mx": "es",
    "at": "de",
    "ua": "uk",
    "gr": "el",
}
LANGUAGES |= {"se": "sv", "dk": "da", "nb": "no", "cz": "cs", "vn": "vi", "il": "he", "ee": "et", "si": "sl"}
_OTHER_LANGUAGES = frozenset(
    "ar bg bn da de el en es et eu fa fi fr ga he hi hr hu hy id it ja ka kk ko lt lv ms nl no pl pt ro ru sk sl sr "
    "sv ta te th tr ur vi zh".split()
)
#: Columns that some catalogues have in addition to ESCI's, and that the cards can show.
EXTRA_COLUMNS = {
    "image_url": pa.string(),
    "price": pa.float64(),
    "category": pa.string(),
    "rating": pa.float64(),
    "rating_count": pa.float64(),
}
COLUMN_TYPES = dict.fromkeys((*KEY, *TEXT_COLUMNS, BULLETS), pa.string()) | EXTRA_COLUMNS


class DataError(UserError):
    """Data that cannot be used; the message names file, column and value."""


@dataclass(frozen=True)
class Source:
    """Where a table comes from, so that messages can name its lines and columns.

    Attributes:
        name: the file or data set.
        lines: (n,) line number of each row in the file, if known.
        columns: {column of ours: column of the file}, where they differ.
    """

    name: str
    lines: np.ndarray | None = None
    columns: Mapping[str, str] = field(default_factory=dict)

    def column(self, name: str) -> str:
        """A column of ours under its name in the file, quoted."""
        return shown(self.columns.get(name, name))

    def row(self, row: int) -> str:
        """A row, counted from 0, as ``row 3`` or ``line 5``."""
        return f"row {row}" if self.lines is None else _("line {n}").format(n=self.lines[row])


def language(locale: str) -> str:
    """The language code of the texts of a locale: "en" for us and en-GB, "" for an unknown one."""
    first = locale.casefold().replace("_", "-").split("-")[0]
    return LANGUAGES.get(first) or (first if first in _OTHER_LANGUAGES else "")


def as_catalogue(table: pa.Table, source: Source, *, bullets: bool) -> pa.Table:
    """A catalogue from a table of products: our columns and types, ids checked.

    Args:
        table: at least product_id, product_locale and product_title.
        source: for messages.
        bullets: keep the bullet points.

    Raises:
        DataError: no rows, a null or duplicate id, a value that does not fit the type of its column.
    """
    if not len(table):
        raise DataError(_("{source}: holds no product").format(source=source.name))
    need_columns(table.column_names, required_columns(bullets), source.name)
    table = typed(table.select(product_columns(table.schema, bullets)), source)
    refuse_nulls(table, KEY, source)
    _refuse_duplicates(table, source)
    return table.combine_chunks()


def in_locales(table: pa.Table, locales: Sequence[str], source: str) -> pa.Table:
    """The products of some locales.

    Raises:
        DataError: no product is left; the message names the locales of the table.
    """
    kept = table.filter(pc.is_in(table["product_locale"], pa.array(list(locales), pa.string())))
    if not len(kept):
        present = sorted(pc.unique(table["product_locale"]).to_pylist())
        raise DataError(f"{source}: no product in --locales {' '.join(locales)}; it has {' '.join(present)}")
    return kept.combine_chunks()


def product_keys(table: pa.Table) -> pa.Array:
    """(n,) texts ``locale + TAB + id``, by which rows are joined and duplicates found."""
    parts = [pc.cast(table[name], pa.large_string()) for name in KEY]
    joined = pc.binary_join_element_wise(*parts, pa.scalar("\t", pa.large_string()))
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined


def rows_of(catalogue: pa.Table, locales: Iterable[str], ids: Iterable[str]) -> np.ndarray:
    """(m,) int64: the row of each of m products in the catalogue, -1 for a product that is not in it."""
    wanted = pa.table({"product_locale": pa.array(locales, pa.string()), "product_id": pa.array(ids, pa.string())})
    found = pc.index_in(product_keys(wanted), product_keys(catalogue))
    return pc.fill_null(found, -1).to_numpy(zero_copy_only=False).astype(np.int64)


# -- columns and checks ----------------------------------------------------------------------------------------------


def required_columns(bullets: bool) -> tuple[str, ...]:
    """The columns that every product table must have."""
    return (*KEY, "product_title", *([BULLETS] if bullets else []))


def product_columns(schema: pa.Schema, bullets: bool) -> list[str]:
    """The columns of a table that a catalogue keeps."""
    wanted = [*KEY, *TEXT_COLUMNS, *([BULLETS] if bullets else []), *EXTRA_COLUMNS]
    return [name for name in wanted if name in schema.names]


def typed(table: pa.Table, source: Source) -> pa.Table:
    """Our column order and types; a missing brand or colour column becomes nulls.

    Raises:
        DataError: a value that does not fit its type, or text that is not UTF-8.
    """
    columns = {}
    for name, kind in COLUMN_TYPES.items():
        if name in table.column_names:
            try:
                columns[name] = pc.cast(table[name], kind)
            except pa.ArrowException as error:
                raise DataError(_misfit(table[name], name, error, source)) from error
        elif name in TEXT_COLUMNS:
            columns[name] = pa.nulls(len(table), kind)
    result = pa.table(columns)
    try:
        result.validate(full=True)  # Arrow reads and casts text without checking that it is UTF-8
    except pa.ArrowException as error:
        raise DataError(_("{source}: {error}; save it as UTF-8").format(source=source.name, error=error)) from error
    return result


def need_columns(have: Sequence[str], want: Iterable[str], source: str) -> None:
    """Raise a ``DataError`` if a column is missing."""
    missing = [name for name in want if name not in have]
    if missing:
        cure = "; --bullets 0 leaves bullet points out" if BULLETS in missing else ""
        raise DataError(f"{source}: missing column {', '.join(map(repr, missing))}; it has {list(have)}{cure}")


def refuse_nulls(table: pa.Table, columns: Iterable[str], source: Source) -> None:
    """Raise a ``DataError`` that names the first null if one of the columns has any."""
    for name in columns:
        if table[name].null_count:
            nulls = pc.is_null(table[name]).to_numpy(zero_copy_only=False)
            text = "{source}: column {column} is null in {n} rows, first in {first}"
            if source.lines is not None:
                text = _("{source}: column {column} is empty in {n} rows, first in {first}")
            first = source.row(int(nulls.argmax()))
            column = source.column(name)
            raise DataError(text.format(source=source.name, column=column, n=number(nulls.sum()), first=first))


def _refuse_duplicates(table: pa.Table, source: Source) -> None:
    keys = product_keys(table).dictionary_encode()
    if len(keys.dictionary) == len(table):
        return
    codes = keys.indices.to_numpy()
    counts = np.bincount(codes)
    most = int(counts.argmax())
    locale, product_id = keys.dictionary[most].as_py().split("\t", 1)
    first, second = (source.row(int(row)) for row in np.flatnonzero(codes == most)[:2])
    text = "{source}: {column} {id} of locale {locale} is in {n} rows; ids must be unique"
    if source.lines is not None:
        text = _("{source}: {column} {id} is in {n} rows, first in {first} and {second}; ids must be unique")
    raise DataError(
        text.format(
            source=source.name,
            column=source.columns.get("product_id", "product_id"),
            id=shown(product_id),
            locale=repr(locale),
            n=number(counts.max()),
            first=first,
            second=second,
        )
    )


def _misfit(column: pa.ChunkedArray, name: str, error: Exception, source: Source) -> str:
    """The message about the first value that does not fit the type of its column."""
    if source.lines is None:
        return f"{source.name}: column {name!r} does not fit {COLUMN_TYPES[name]}: {error}"
    row = next(row for row, value in enumerate(column) if not _fits(value, COLUMN_TYPES[name]))
    return _("{source}: {row}, column {column}: {value} is not a number").format(
        source=source.name, row=source.row(row), column=source.column(name), value=shown(column[row].as_py())
    )


def _fits(value: pa.Scalar, kind: pa.DataType) -> bool:
    try:
        pc.cast(value, kind)
    except pa.ArrowException:
        return False
    return True
