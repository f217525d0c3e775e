"""Filters on products, and how many products each value of a filter would leave.

Columns are kept as numbers, so that a filter or a count over 1.2 million products is one pass over an array. A product
without a price or rating passes no filter on it.
"""

import difflib
import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from space.data.numbers import read_number
from space.data.words import normalized
from space.errors import FilterError, QueryError, same_rows, shown
from space.i18n import gettext as _

#: {filter: the column it looks at}, in the order in which they are shown.
FILTERS = {
    "locale": "product_locale",
    "brand": "product_brand",
    "color": "product_color",
    "category": "category",
    "min_price": "price",
    "max_price": "price",
    "min_rating": "rating",
}
#: Separates the levels of a category.
LEVEL = " > "
RATINGS = (4.5, 4.0, 3.5, 3.0)
#: A filter on a column with values for a smaller share of the products is not offered: it would hide most products.
MIN_KNOWN = 0.05
_HINT_VALUES = 5_000
_SHOWN = 80


class Facet(Protocol):
    """A filter on one column.

    Attributes:
        known: number of products with a value.
    """

    known: int

    def mask(self, name: str, value: Any) -> np.ndarray:
        """(n,) bool, the products that pass; a ``QueryError`` for a value that no product could pass."""

    def counts(self, mask: np.ndarray | None, chosen: Any, limit: int | None) -> list[tuple[str, int]]:
        """(value, products) among those in the (n,) bool ``mask``; see ``Facets.counts``."""


class Facets:
    """All filters of a catalogue.

    Args:
        catalogue: (n) rows of product columns; there is no filter on a column it does not have.
    """

    def __init__(self, catalogue: pa.Table) -> None:
        """Turn each column into numbers."""
        self.rows = len(catalogue)
        self._facets: dict[str, Facet] = {}
        for name, column in FILTERS.items():
            if column in catalogue.column_names:
                self._facets[name] = _KINDS.get(name, _Values)(catalogue[column])

    def known(self, name: str) -> int:
        """Number of products with a value in the column of a filter."""
        return self._facets[name].known if name in self._facets else 0

    def offered(self, name: str) -> bool:
        """Whether enough products have a value in the column of a filter, see ``MIN_KNOWN``."""
        return self.known(name) > 0 and (name not in _KINDS or self.known(name) >= MIN_KNOWN * self.rows)

    def as_offered(self, name: str, value: Any) -> Any:
        """A filter's value as its menu writes it: "4.0" and 4 become "4", "ACME" becomes "Acme".

        Raises:
            QueryError: unknown filter, or a value that no product could pass; the message suggests similar values.
        """
        self._facet(name).mask(name, value)
        if name == "min_rating":
            return f"{_number(value):g}"
        facet = self._facets[name]
        return facet.written(value) if isinstance(facet, _Values) else value

    def mask(self, filters: Mapping[str, Any]) -> np.ndarray | None:
        """(n,) bool, the products that pass every filter; None if no filter has a value.

        Args:
            filters: {name: value}; None and "" allow all.

        Raises:
            QueryError: see ``as_offered``; or the lowest price is above the highest.
        """
        mask = None
        for name, value in filters.items():
            if name in FILTERS and not given(value):
                continue
            part = self._facet(name).mask(name, value)
            same_rows(f"filter {name}", products=self.rows, filtered=len(part))
            mask = part if mask is None else mask & part
        low, high = filters.get("min_price"), filters.get("max_price")
        if given(low) and given(high) and _number(low) > _number(high):
            fields = {"name": "min_price", "other": "max_price"}
            raise FilterError(_("{name} ({low}) is above {other} ({high})"), fields, low=low, high=high)
        return mask

    def emptied_by(self, filters: Mapping[str, Any]) -> dict[str, Any]:
        """The filters that leave no product: those that alone leave none, else all if they do together, else none.

        Args:
            filters: {name: value}; None and "" allow all.

        Raises:
            QueryError: see ``as_offered``.
        """
        asked = in_force(filters)
        alone = {name: value for name, value in asked.items() if not self._facet(name).mask(name, value).any()}
        mask = self.mask(asked)
        return alone or ({} if mask is None or mask.any() else asked)

    def counts(
        self, name: str, filters: Mapping[str, Any] | None = None, limit: int | None = None
    ) -> list[tuple[str, int]]:
        """(value, products) for a menu: each value with the number of products that choosing it would leave.

        The other filters apply, the filter's own value does not. Values without a product are left out, except for the
        chosen one.

        Args:
            name: the filter. locale, brand and color: most products first, ties by the alphabet. category: the top
                levels as a tree, opened at the chosen category. min_rating: lower bounds, highest first.
            filters: {name: value}; None and "" allow all.
            limit: how many values besides the chosen one; for a category, how many of each level.

        Raises:
            QueryError: see ``mask``.
        """
        filters = dict(filters or {})
        chosen = filters.pop(name, None)
        return self._facet(name).counts(self.mask(filters), chosen if given(chosen) else None, limit)

    def _facet(self, name: str) -> Facet:
        if name not in FILTERS:
            text = _("no filter {name}; there are {filters}")
            raise QueryError(text.format(name=shown(name), filters=", ".join(self._facets)))
        if name not in self._facets:
            text = _("no filter {name} here: the products have no column {column}; leave it empty")
            raise QueryError(text.format(name=repr(name), column=repr(FILTERS[name])))
        return self._facets[name]


def given(value: Any) -> bool:
    """Whether a filter has a value: 0 is a value; None, "" and blanks are not."""
    return value is not None and not (isinstance(value, str) and not value.strip())


def in_force(filters: Mapping[str, Any]) -> dict[str, Any]:
    """The filters that have a value, see ``given``."""
    return {name: value for name, value in filters.items() if given(value)}


def _no_product(name: str, value: Any, similar: Sequence[str]) -> QueryError:
    text = _("no product with {name} {value}")
    if similar:
        text = _("no product with {name} {value}; did you mean {similar}?")
    hints = [one if len(one) <= _SHOWN else f"{one[:_SHOWN]}…" for one in similar]
    return FilterError(text, {"name": name}, value=shown(value), similar=", ".join(hints))


def _number(value: Any) -> float:
    """A bound as a visitor writes it: 50.5, 50,5 or $50; NaN for text that is not a number."""
    try:
        return math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        found = read_number(value, "price") if isinstance(value, str) and len(value) <= _SHOWN else None
        return math.nan if found is None else found


class _Codes:
    """A text column as (n,) int32: the index of each value in the sorted list of values, -1 for none.

    Spellings with the same ``key`` are one value, written as most products have it: "Acme" for "ACME ".
    """

    #: The same for all spellings of a value; Milvus compares by it too, see ``milvus_collections``.
    key = staticmethod(normalized)

    def __init__(self, column: pa.ChunkedArray) -> None:
        encoded = column.combine_chunks().dictionary_encode()
        spellings: list[str] = encoded.dictionary.to_pylist()
        indices = encoded.indices.fill_null(len(spellings)).to_numpy(zero_copy_only=False)
        tally = np.bincount(indices, minlength=len(spellings)).tolist()
        keys = [self.key(spelling) for spelling in spellings]
        usual: dict[str, int] = {}
        for place, key in enumerate(keys):
            best = usual.setdefault(key, place)
            # Of equally frequent spellings the first of the alphabet, so that the order of the rows does not matter.
            if (-tally[place], spellings[place]) < (-tally[best], spellings[best]):
                usual[key] = place
        usual.pop("", None)
        #: Sorted, what stands for each value, and how it is written.
        self.keys = sorted(usual)
        self.values = [spellings[usual[key]].strip() for key in self.keys]
        codes = {key: code for code, key in enumerate(self.keys)}
        code = np.array([*(codes.get(key, -1) for key in keys), -1], np.int32)
        self._codes = code[indices]
        self.known = int((self._codes >= 0).sum())

    def tally(self, mask: np.ndarray | None) -> np.ndarray:
        """(v,) int64, the number of products in ``mask`` with each value."""
        codes = self._codes if mask is None else self._codes[mask]
        return np.bincount(codes[codes >= 0], minlength=len(self.values))


class _Values(_Codes):
    """A filter that names one value, such as a brand."""

    def mask(self, name: str, value: Any) -> np.ndarray:
        place = self._place(value)
        if place is None:
            raise _no_product(name, value, self._similar(value))
        return self._codes == place

    def counts(self, mask: np.ndarray | None, chosen: Any, limit: int | None) -> list[tuple[str, int]]:
        tally = self.tally(mask)
        best = np.argsort(-tally, kind="stable")[:limit]
        found = {self.values[place]: int(tally[place]) for place in best if tally[place]}
        place = self._place(chosen)
        if place is not None:
            found.setdefault(self.values[place], int(tally[place]))
        return list(found.items())

    def written(self, value: str) -> str:
        """A value as the menu writes it."""
        place = self._place(value)
        return value if place is None else self.values[place]

    def _place(self, value: Any) -> int | None:
        if not isinstance(value, str):
            return None
        key = self.key(value)
        place = bisect_left(self.keys, key)
        return place if place < len(self.keys) and self.keys[place] == key else None

    def _similar(self, value: Any) -> list[str]:
        value = value[:_SHOWN] if isinstance(value, str) else ""
        # Only among the most frequent values: comparing with 200,000 brands takes a second.
        frequent = {self.key(known): known for known, _ in self.counts(None, None, _HINT_VALUES)}
        return [frequent[near] for near in difflib.get_close_matches(self.key(value), frequent, n=3)]


class _Paths(_Codes):
    """A filter on categories such as "Shoes > Boots": it names the first levels, exactly as products have them."""

    key = staticmethod(lambda path: path if given(path) else "")

    def __init__(self, column: pa.ChunkedArray) -> None:
        super().__init__(column)
        self._levels = [tuple(path.split(LEVEL)) for path in self.values]

    def mask(self, name: str, value: Any) -> np.ndarray:
        wanted = tuple(value.split(LEVEL)) if isinstance(value, str) else ()
        passing = [levels[: len(wanted)] == wanted for levels in self._levels] if wanted else []
        if not any(passing):
            # Only among the most frequent values, as for brands: comparing with 200,000 takes a second.
            tops = [path for path, _ in self.counts(None, None, _HINT_VALUES)]
            near = difflib.get_close_matches(value[:_SHOWN] if isinstance(value, str) else "", tops, n=3)
            raise _no_product(name, value, near)
        # The last item is for products without a category, whose code is -1.
        return np.array([*passing, False])[self._codes]

    def counts(self, mask: np.ndarray | None, chosen: Any, limit: int | None) -> list[tuple[str, int]]:
        opened = tuple(chosen.split(LEVEL)) if isinstance(chosen, str) else ()
        totals = Counter({opened[:depth]: 0 for depth in range(1, len(opened) + 1)})
        for levels, count in zip(self._levels, self.tally(mask).tolist(), strict=True):
            for depth in range(1, min(len(levels), len(opened) + 1) + 1 if count else 0):
                if levels[: depth - 1] == opened[: depth - 1]:
                    totals[levels[:depth]] += count
        return [(LEVEL.join(levels), totals[levels]) for levels in _tree(totals, (), opened, limit)]


class _Bound:
    """A filter that is a bound on a column of numbers, (n,) float64 with NaN for unknown."""

    upper = False
    steps: Sequence[float] = ()
    highest = math.inf

    def __init__(self, column: pa.ChunkedArray) -> None:
        self._numbers = pc.cast(column, pa.float64()).fill_null(math.nan).to_numpy()
        self.known = int(np.isfinite(self._numbers).sum())

    def mask(self, name: str, value: Any) -> np.ndarray:
        bound = self._checked(name, value)
        return self._numbers <= bound if self.upper else self._numbers >= bound

    def counts(self, mask: np.ndarray | None, chosen: Any, limit: int | None) -> list[tuple[str, int]]:
        numbers = self._numbers if mask is None else self._numbers[mask]
        bounds = {f"{step:g}": int((numbers >= step).sum()) for step in self.steps[:limit]}
        found = {bound: count for bound, count in bounds.items() if count}
        if chosen is not None:
            number = self._checked("bound", chosen)
            found[f"{number:g}"] = int((numbers >= number).sum())
        return sorted(found.items(), key=lambda pair: -float(pair[0]))

    def _checked(self, name: str, value: Any) -> float:
        number = _number(value)
        if not (math.isfinite(number) and 0 <= number <= self.highest):
            text = _("{name} should be a number >= 0, is {value}")
            if math.isfinite(self.highest):
                text = _("{name} should be a number from 0 to {most}, is {value}")
            raise FilterError(text, {"name": name}, value=shown(value), most=f"{self.highest:g}")
        return number


class _Upper(_Bound):
    upper = True


class _Rating(_Bound):
    steps, highest = RATINGS, 5.0


#: Filters that are not ``_Values``. Most catalogues lack their columns.
_KINDS: dict[str, type[_Paths] | type[_Bound]] = {
    "category": _Paths,
    "min_price": _Bound,
    "max_price": _Upper,
    "min_rating": _Rating,
}


def _tree(
    totals: Mapping[tuple[str, ...], int], at: tuple[str, ...], opened: tuple[str, ...], limit: int | None
) -> Iterator[tuple[str, ...]]:
    """Paths below ``at`` in the order of a tree, most products first; ``opened`` and its siblings go deeper."""
    below = [levels for levels in totals if len(levels) == len(at) + 1 and levels[:-1] == at]
    below.sort(key=lambda levels: (-totals[levels], levels))
    for place, levels in enumerate(below):
        on_the_way = opened[: len(levels)] == levels
        if limit is None or place < limit or on_the_way:
            yield levels
        if on_the_way:
            yield from _tree(totals, levels, opened, limit)
