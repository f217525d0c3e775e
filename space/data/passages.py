"""The passage of a product: the text that encoders and BM25 read."""

import re

import pyarrow as pa
import pyarrow.compute as pc

from space.data.catalogue import BULLETS, TEXT_COLUMNS


def passages(catalogue: pa.Table, bullets: int = 0) -> list[str]:
    """Title, brand, colour and, if asked, the start of the bullet points of each product.

    Args:
        catalogue: (n) rows of product columns; a missing brand, colour or bullet point is left out.
        bullets: how many characters of the bullet points to add.

    Returns:
        n texts.
    """
    columns = [catalogue[name].to_pylist() for name in TEXT_COLUMNS]
    points = catalogue[BULLETS].to_pylist() if bullets else [None] * len(catalogue)
    return [
        passage(title, brand, color, (point or "")[:bullets])
        for title, brand, color, point in zip(*columns, points, strict=True)
    ]


def passage(title: str | None, brand: str | None, color: str | None, bullets: str = "") -> str:
    """The passage of one product; see ``passages``."""
    return " ".join(part for part in ((title or "").strip(), brand, color, bullets) if part)


def passage_column(catalogue: pa.Table) -> pa.ChunkedArray:
    """``passages`` without bullet points as an Arrow column, for BM25: only spaces may differ."""
    columns = [pc.cast(catalogue[name], pa.string()) for name in TEXT_COLUMNS]
    return pc.binary_join_element_wise(*columns, " ", null_handling="skip")


def template(bullets: int) -> str:
    """The passage in words, such as ``{title} {brand} {color}``: a manifest holds it."""
    return "{title} {brand} {color}" + (f" {{bullet_point[:{bullets}]}}" if bullets else "")


def bullets_of(text: str) -> int:
    """The ``bullets`` that ``template`` was called with."""
    found = re.search(r"{bullet_point\[:(\d+)\]}", text)
    return int(found[1]) if found else 0
