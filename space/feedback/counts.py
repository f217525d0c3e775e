"""Adds up the lines of counts: how often products were shown and opened, and how often was searched."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from space.feedback.journal import Record

#: At most so many products and queries in memory; the smallest counts go first. The totals by day stay right.
MAX_PRODUCTS, MAX_QUERIES = 200_000, 10_000
_LARGEST = 2**53


@dataclass(frozen=True)
class TopProduct:
    """A product with its counts."""

    locale: str
    product_id: str
    shown: int
    opened: int


@dataclass(frozen=True)
class Report:
    """Totals and the most frequent products, queries and days.

    Attributes:
        since: the first day with counts, ISO, UTC; "" if there is none.
        searches: number of answers; a comparison is one.
        shown: number of products in them.
        opened: how often a product's details were opened.
        most_shown: the products shown most often, most first, ties by locale and id.
        most_opened: the products opened most often, without those that were never opened.
        queries: (text, how often asked), most first; None if query texts are not kept.
        days: (ISO day, searches), oldest first.
    """

    since: str
    searches: int
    shown: int
    opened: int
    most_shown: list[TopProduct]
    most_opened: list[TopProduct]
    queries: list[tuple[str, int]] | None
    days: list[tuple[str, int]]


class Counts:
    """The sums over all lines that were added."""

    def __init__(self) -> None:
        """Nothing was counted yet."""
        self.shown: Counter[tuple[str, str]] = Counter()  # by (locale, product id)
        self.opened: Counter[tuple[str, str]] = Counter()
        self.queries: Counter[str] = Counter()
        self.searches: Counter[str] = Counter()  # by ISO day
        self._delivered: Counter[str] = Counter()
        self._openings: Counter[str] = Counter()

    def add(self, record: Record) -> None:
        """Add a line of the kind "counts". What is not a count is left out: files can be edited by hand."""
        day = record.get("day")
        if not isinstance(day, str):
            return
        self.searches[day] += _count(record.get("searches"))
        self._delivered[day] += _count(record.get("delivered"))
        for counter, name in ((self.shown, "shown"), (self.opened, "opened")):
            for locale, products in _object(record.get(name)).items():
                for product, count in _object(products).items():
                    counter[locale, product] += _count(count)
        self._openings[day] += _count(record.get("openings"))
        _shrink(self.shown, MAX_PRODUCTS)
        _shrink(self.opened, MAX_PRODUCTS)

    def add_queries(self, record: Record) -> None:
        """Add a line of the kind "queries"."""
        for query, count in _object(record.get("queries")).items():
            self.queries[query] += _count(count)
        _shrink(self.queries, MAX_QUERIES)

    def report(self, top: int, days: int, *, queries: bool) -> Report:
        """The sums; see ``space.feedback.usage.Usage.report``."""
        products = [TopProduct(*key, shown, self.opened[key]) for key, shown in self.shown.items() if shown]
        by_shown = sorted(products, key=lambda one: (-one.shown, -one.opened, one.locale, one.product_id))
        by_opened = sorted(products, key=lambda one: (-one.opened, -one.shown, one.locale, one.product_id))
        known = sorted(day for day in self.searches if self.searches[day] or self._openings[day])
        asked = sorted(self.queries.items(), key=lambda item: (-item[1], item[0]))
        return Report(
            known[0] if known else "",
            self.searches.total(),
            self._delivered.total(),
            self._openings.total(),
            by_shown[:top],
            [one for one in by_opened[:top] if one.opened],
            asked[:top] if queries else None,
            [(day, self.searches[day]) for day in known[-days:]],
        )


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST else 0


def _shrink(counter: Counter, most: int) -> None:
    """Drop the smallest counts if there are more than ``most``, down to 90 % of it."""
    if len(counter) > most:
        for key, _ in sorted(counter.items(), key=lambda item: (item[1], item[0]))[: len(counter) - most * 9 // 10]:
            del counter[key]
