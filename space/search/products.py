"""Rows of the catalogue as products and hits."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from space.data.catalogue import NO_LOCALE, TEXT_COLUMNS
from space.data.filters import given
from space.data.scale import ESCI, LabelScale
from space.errors import QueryError
from space.i18n import gettext as _
from space.retrieval.system import Ranking
from space.search.results import Hit, Product
from space.search.score_reference import ScoreReference


def row_of(catalogue: pa.Table, product_locale: object, product_id: object) -> int:
    """The row of a product; one without a locale is found under any.

    Raises:
        QueryError: the catalogue has no such product.
    """
    # A lone surrogate cannot be encoded as UTF-8.
    locale, identifier = (str(value).encode("utf-8", "replace").decode() for value in (product_locale, product_id))
    # Not by ``rows_of``, which builds the keys of the whole catalogue.
    has_id = pc.equal(catalogue["product_id"], identifier)
    for name in (locale, NO_LOCALE):
        row = pc.index(pc.and_(pc.equal(catalogue["product_locale"], name), has_id), True).as_py()
        if row >= 0:
            return row
    text = _("no product {product_id}")
    if locale not in ("", str(None), NO_LOCALE):
        text = _("no product {product_id} in locale {locale}")
    raise QueryError(text.format(product_id=repr(identifier[:80]), locale=repr(locale[:80])))


def product_at(catalogue: pa.Table, row: int) -> Product:
    """The product of a row."""
    return Product(**_fields(catalogue.slice(row, 1).to_pylist()[0]))


def hits_of(
    catalogue: pa.Table,
    ranking: Ranking,
    labels: Mapping[int, str],
    reference: ScoreReference | None,
    scale: LabelScale = ESCI,
) -> list[Hit]:
    """The products of a ranking.

    Args:
        catalogue: product columns.
        ranking: its rows, best first.
        labels: {row: gold label} of the query.
        reference: what the scores are compared with, or None.
        scale: of the labels.
    """
    columns = catalogue.take(pa.array(ranking.rows)).to_pylist()
    return [
        Hit(
            rank=rank,
            score=round(float(score), 6),
            grade=scale.grade(labels.get(int(row))),
            standing=reference.standing(float(score)) if reference else None,
            **_fields(values),
        )
        for rank, (row, score, values) in enumerate(zip(ranking.rows, ranking.scores, columns, strict=True), start=1)
    ]


def rank_in(ranking: Ranking, row: int) -> int | None:
    """The rank of a row, from 1; None where the ranking does not hold it."""
    places = np.flatnonzero(ranking.rows == row)
    return int(places[0]) + 1 if len(places) else None


def _fields(values: dict[str, object]) -> dict[str, object]:
    """Columns of the catalogue as fields of ``Product``; blank texts are missing ones."""
    texts = {name: values.pop(name) for name in TEXT_COLUMNS}
    title, brand, color = (text if given(text) else None for text in texts.values())
    return {
        "product_id": values.pop("product_id"),
        "product_locale": values.pop("product_locale"),
        "title": title or "",
        "brand": brand,
        "color": color,
        "extra": values,
    }
