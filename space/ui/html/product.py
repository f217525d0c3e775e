"""What unfolds under a product's title: all that the catalogue says of it. Pure functions; knows no system."""

import math
from collections.abc import Iterator

from space.search.results import Hit
from space.ui.html.markup import Html, fill, join

#: Columns of ``Hit.extra`` that can be read, in this order.
_NAMES = {
    "category": "Category",
    "price": "Price",
    "rating": "Rating",
    "rating_count": "Ratings",
    "product_bullet_point": "In points",
}
_MAX_CHARACTERS = 2_000


def details(hit: Hit) -> Html:
    """Every column that has a value, as a list of names and values."""
    rows = join(
        fill('<dt>{name}</dt><dd class="{kind}" translate="no">{value}</dd>', name=name, kind=kind, value=value)
        for name, kind, value in _rows(hit)
    )
    return fill('<dl class="columns">{rows}</dl>', rows=rows)


def _rows(hit: Hit) -> Iterator[tuple[str, str, str]]:
    """(name, class, value)."""
    yield "Product", "key", hit.product_id
    yield "Locale", "", hit.product_locale
    fields = {"Brand": hit.brand, "Colour": hit.color} | {name: hit.extra.get(key) for key, name in _NAMES.items()}
    for name, value in fields.items():
        if text := _text(value):
            yield name, "long" if "\n" in text else "", text


def _text(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:,.10g}" if math.isfinite(value) else ""
    text = str(value or "").strip()
    return text if len(text) <= _MAX_CHARACTERS else text[:_MAX_CHARACTERS] + "…"
