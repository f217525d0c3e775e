"""Drawn pictures of the bundled sample's products, which have no photographs: a shape for the kind, in its colour.

The shapes are in static/drawings.json and were made for this project. Nothing of a product goes into the markup: its
category and colour only choose from that file.
"""

import json
import re
from functools import lru_cache
from typing import NamedTuple

from space.search.results import Product
from space.ui.html.markup import EMPTY, Html, fill
from space.ui.static import DRAWINGS

_SAMPLE_ID = re.compile(r"S\d{6}")


class Drawings(NamedTuple):
    """What drawings.json holds.

    Attributes:
        shapes: {name: {"color": the usual colour as #rrggbb, "svg": elements on a field of 48 x 48}}.
        categories: {category of the sample: name of a shape, or {word of a title, or "": name of a shape}}.
        colors: {colour as the sample writes it: #rrggbb}.
    """

    shapes: dict[str, dict[str, str]]
    categories: dict[str, str | dict[str, str]]
    colors: dict[str, str]


@lru_cache(maxsize=1)
def drawings() -> Drawings:
    """The file, read once."""
    return Drawings(**json.loads(DRAWINGS.read_text(encoding="utf-8")))


def drawing(product: Product) -> Html:
    """The picture of a product of the sample as inline SVG; nothing for a product of another catalogue."""
    category = product.extra.get("category")
    if not isinstance(category, str) or not _SAMPLE_ID.fullmatch(product.product_id):
        return EMPTY
    name = drawings().categories.get(category)
    if isinstance(name, dict):
        name = next(shape for word, shape in name.items() if word in product.title)
    if name is None:
        return EMPTY
    shape = drawings().shapes[name]
    return fill(
        '<svg class="drawn" viewBox="0 0 48 48" aria-hidden="true" style="--c:{color}">{shape}</svg>',
        color=_color(product) or shape["color"],
        shape=Html(shape["svg"]),
    )


def _color(product: Product) -> str | None:
    """The colour of a product; some products of the sample have it in the title only."""
    colors = drawings().colors
    if product.color in colors:
        return colors[product.color]
    named = [name for name in colors if name in product.title]
    return colors[max(named, key=len)] if named else None
