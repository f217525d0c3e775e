"""Finds the columns of a file by the names that shops give them, and says which are used."""

from collections.abc import Mapping, Sequence

from space.data.catalogue import BULLETS, COLUMN_TYPES, DataError
from space.data.words import normalized
from space.errors import listed, shown
from space.i18n import gettext as _

#: {column of a catalogue: names in files, without case; the first one found is used}.
NAMES = {
    "product_id": ("product_id", "id", "handle", "url_handle", "sku", "asin", "article", "item_id"),
    "product_title": ("product_title", "title", "name", "product_name", "item_name", "product", "item", "description"),
    "product_brand": ("product_brand", "brand", "brand_name", "manufacturer", "vendor", "maker"),
    "product_color": ("product_color", "color", "colour", "product_colour"),
    "product_locale": ("product_locale", "locale"),
    BULLETS: (BULLETS, "bullet_point", "bullet_points", "bullets"),
    "image_url": ("image_url", "image_link", "image_src", "product_image_url", "image", "images", "image_urls"),
    "price": ("price", "variant_price", "regular_price"),
    "category": ("category", "categories", "product_category", "product_type", "google_product_category"),
    "rating": ("rating", "average_rating", "stars"),
    "rating_count": ("rating_count", "ratings_count", "review_count", "reviews_count", "ratings", "reviews"),
}


def find_columns(header: Sequence[str], given: Mapping[str, str], source: str) -> dict[str, int]:
    """Which column of a file is which of a catalogue.

    Args:
        header: the file's names.
        given: {column of ours: the file's name}, which goes before ``NAMES``; "" leaves a column out.
        source: for messages.

    Returns:
        {column of ours: position in ``header``}.

    Raises:
        DataError: ``given`` names a column that is not there, or a name that is used is there twice.
    """
    plain = [plain_name(name) for name in header]
    require_columns(given, plain, header, source)
    places = {}
    for ours, theirs in given.items():
        if ours not in COLUMN_TYPES:
            raise DataError(f"--columns {ours}={theirs}: {ours!r} is not one of {', '.join(COLUMN_TYPES)}")
        if theirs:
            places[ours] = _place(theirs, header, plain, source)
    taken = set(places.values())
    for ours, names in NAMES.items():
        if ours in given:
            continue
        for name in names:
            if (place := _place(name, header, plain, source)) >= 0 and place not in taken:
                places[ours] = place
                break
    return places


def require_columns(given: Mapping[str, str], plain: Sequence[str], header: Sequence[str], source: str) -> None:
    """Refuse names of --columns that a file does not have, all of them at once.

    Args:
        given: {column of ours: name in the file}; "" leaves a column out.
        plain: the file's names as ``plain_name`` writes them.
        header: the file's names.
        source: for the message.

    Raises:
        DataError: a name is not there.
    """
    missing = {ours: theirs for ours, theirs in given.items() if theirs and plain_name(theirs) not in plain}
    if missing:
        flag = ",".join(f"{ours}={theirs}" for ours, theirs in missing.items())
        names = listed(list(missing.values()))
        raise DataError(f"{source}: no column {names} (--columns {flag}); it has {listed(header)}")


def columns_used(header: Sequence[str], places: Mapping[str, int]) -> str:
    """The sentence that says which columns of a file are used, and which are not."""
    order = [ours for ours in NAMES if ours in places]
    used = ", ".join(
        ours if header[places[ours]] == ours else f"{ours} = {shown(header[places[ours]])}" for ours in order
    )
    ignored = [name for place, name in enumerate(header) if place not in places.values()]
    text = _("columns used: {used}")
    if ignored:
        text = _("columns used: {used}; ignored: {ignored}")
    return text.format(used=used, ignored=listed(ignored))


def _place(name: str, header: Sequence[str], plain: Sequence[str], source: str) -> int:
    """The position of a name: as it is written, else in any case; -1 if it is not there."""
    for wanted, names in ((name, header), (plain_name(name), plain)):
        if (count := names.count(wanted)) > 1:
            text = _("{source}: more than one column {name}; give each its own name")
            raise DataError(text.format(source=source, name=shown(name)))
        if count:
            return names.index(wanted)
    return -1


def plain_name(name: str) -> str:
    """A name without case: "Product Name" is "product_name"."""
    return normalized(name).replace(" ", "_").replace("-", "_")
