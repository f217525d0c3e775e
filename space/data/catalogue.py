"""The catalogue: an Arrow table with one row for each (locale, id); its columns, keys and locales.

Products stay in Arrow: 1.2 million of them as Python objects would take several GB. The key has two parts because
ESCI uses the same id in several locales.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from space.errors import UserError, listed, shown
from space.i18n import gettext as _

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
#: Another name for the column of the locale, in some copies of ESCI on the Hub.
OTHER_LOCALE = "query_locale"
#: The locale of products whose file has no such column: nothing is known about their language.
NO_LOCALE = "own"
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
    """Where a table comes from, so that messages can name its rows and columns.

    Attributes:
        name: the file or data set.
        lines: (n,) line of each row in the file; None for a table whose rows are counted.
        columns: {column of ours: column of the file}, where they differ.
        rows: (n,) int64, which rows of the table these are, from 0; None for all of them.
    """

    name: str
    lines: np.ndarray | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    rows: np.ndarray | None = None

    def column(self, name: str) -> str:
        """A column of ours under its name in the file, quoted."""
        return shown(self.columns.get(name, name))

    def row(self, row: int) -> str:
        """A row, counted from 0 here, as ``row 3`` or ``line 5``."""
        if self.lines is None:
            return _("row {n}").format(n=(row if self.rows is None else int(self.rows[row])) + 1)
        return _("line {n}").format(n=self.lines[row])


def language(locale: str) -> str:
    """The language code of the texts of a locale: "en" for us and en-GB, "" for an unknown one."""
    first = locale.casefold().replace("_", "-").split("-")[0]
    return LANGUAGES.get(first) or (first if first in _OTHER_LANGUAGES else "")


def in_locales(table: pa.Table, locales: Sequence[str], source: str) -> pa.Table:
    """The products of some locales; all of them without locales.

    Raises:
        DataError: no product is left; the message names the locales of the table.
    """
    if not locales:
        return table
    kept = table.filter(pc.is_in(table["product_locale"], pa.array(list(locales), pa.string())))
    if not len(kept):
        present = sorted(pc.unique(table["product_locale"]).to_pylist())
        asked = listed([one for one in locales if one != NO_LOCALE])
        raise DataError(f"{source}: no product in --locales {asked}; it has {listed(present)}")
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


def product_columns(header: Sequence[str], bullets: bool, source: str) -> dict[str, str]:
    """{column of ours: column of the table} of the columns of a table that a catalogue keeps.

    Raises:
        DataError: a column is missing.
    """
    found = {name: name for name in (*KEY, *TEXT_COLUMNS, *([BULLETS] if bullets else []), *EXTRA_COLUMNS)}
    if "product_locale" not in header and OTHER_LOCALE in header:
        found["product_locale"] = OTHER_LOCALE
    required = (*KEY, "product_title", *([BULLETS] if bullets else []))
    need_columns(header, (found[name] for name in required), source)
    return {ours: theirs for ours, theirs in found.items() if theirs in header}


def need_columns(have: Sequence[str], want: Iterable[str], source: str) -> None:
    """Raise a ``DataError`` if a column is missing; it has the flag that names the column."""
    missing = [name for name in want if name not in have]
    if missing:
        flags = ",".join(f"{name.removeprefix('esci_')}=…" for name in missing)
        cure = f"; name it with --columns {flags}"
        cure += ", or leave bullet points out with --bullets 0" if BULLETS in missing else ""
        raise DataError(f"{source}: missing column {', '.join(map(repr, missing))}; it has {listed(list(have))}{cure}")
