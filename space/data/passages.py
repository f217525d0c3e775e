"""The passage of a product: the text that encoders and BM25 read."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from space.data.catalogue import BULLETS, TEXT_COLUMNS, DataError
from space.errors import same_rows
from space.i18n import gettext as _
from space.i18n import ngettext, number


def passages(catalogue: pa.Table, bullets: int = 0) -> list[str]:
    """Title, brand, colour and, if asked, the start of the bullet points of each product.

    Args:
        catalogue: (n) rows of product columns; a null or blank field is left out.
        bullets: how many characters of the bullet points to add.

    Returns:
        n texts; "" for a product that has none of these fields.
    """
    return passage_column(catalogue, bullets).to_pylist()


def passage_column(catalogue: pa.Table, bullets: int = 0) -> pa.ChunkedArray:
    """``passages`` as (n,) string, for BM25."""
    parts = [_column(catalogue, name) for name in TEXT_COLUMNS]
    if bullets:
        parts.append(pc.utf8_slice_codeunits(_column(catalogue, BULLETS), 0, bullets))
    texts, *others = map(pc.utf8_trim_whitespace, parts)
    for part in others:
        both = pc.and_(pc.not_equal(texts, ""), pc.not_equal(part, ""))
        # Arrow's null_handling="skip" drops a row whose parts are all null, so there are no nulls here.
        texts = pc.binary_join_element_wise(texts, part, pc.if_else(both, " ", ""))
    same_rows("passages", products=len(catalogue), texts=len(texts) - texts.null_count)
    return texts


def passage(title: str | None, brand: str | None, color: str | None, bullets: str = "") -> str:
    """The passage of one product; see ``passages``."""
    parts = [(part or "").strip() for part in (title, brand, color, bullets)]
    return " ".join(filter(None, parts))


def has_text(catalogue: pa.Table) -> np.ndarray:
    """(n,) bool: which products have a title, brand or colour, so that encoders and BM25 have something to read."""
    return pc.not_equal(passage_column(catalogue), "").to_numpy()


def with_text(catalogue: pa.Table, source: str) -> tuple[pa.Table, int]:
    """The products that have something to embed (see ``has_text``), and how many were left out.

    Raises:
        DataError: no product is left.
    """
    kept = has_text(catalogue)
    if not kept.any():
        raise DataError(_("{source}: no product has a title, brand or colour").format(source=source))
    return (catalogue if kept.all() else catalogue.filter(pa.array(kept))).combine_chunks(), int((~kept).sum())


def left_out(count: int) -> str:
    """The sentence about products that were left out."""
    text = ngettext(
        "{n} product without title, brand and colour is left out",
        "{n} products without title, brand and colour are left out",
        count,
    )
    return text.format(n=number(count))


def _column(catalogue: pa.Table, name: str) -> pa.ChunkedArray:
    """(n,) string, "" for null."""
    return pc.cast(catalogue[name], pa.string()).fill_null("")


def template(bullets: int) -> str:
    """The passage in words, such as ``{title} {brand} {color}``: a manifest holds it."""
    return "{title} {brand} {color}" + (f" {{bullet_point[:{bullets}]}}" if bullets else "")


def bullets_of(text: str) -> int:
    """The ``bullets`` that ``template`` was called with."""
    found = re.search(r"{bullet_point\[:(\d+)\]}", text)
    return int(found[1]) if found else 0
