"""Catalogue and judgments to the figures one looks at before training. Tables in, figures out.

Knows no page and no file. Columns are counted whole, by Arrow: 1.8 million products and 2 million judgments take some
seconds, and no text is ever turned into a Python object but the few that are shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from space.data.catalogue import KEY, TEXT_COLUMNS, rows_of
from space.data.judgments import LABELS

TOP = 12
EXAMPLES = 3
_BINS = 20


@dataclass(frozen=True)
class Spread:
    """How numbers are distributed.

    Attributes:
        median: half of them are at most this.
        high: 95 % of them are at most this.
        largest: the largest.
        edges: (b + 1,) limits of the bars, whole numbers; the last bar also holds what lies beyond.
        counts: (b,) how many lie in each.
    """

    median: int
    high: int
    largest: int
    edges: list[int]
    counts: list[int]


@dataclass(frozen=True)
class Values:
    """What stands in a column of names, such as brands.

    Attributes:
        distinct: how many different names.
        top: (name, products), most first, ties by name.
        rest: products with any other name.
    """

    distinct: int
    top: list[tuple[str, int]]
    rest: int


@dataclass(frozen=True)
class Example:
    """One query with a judged product for each label it has one for.

    Attributes:
        titles: {label: title}.
    """

    query: str
    locale: str
    titles: Mapping[str, str]


@dataclass(frozen=True)
class Split:
    """Figures of one set of judgments.

    Attributes:
        judgments: judged pairs.
        queries: distinct (locale, query).
        products: distinct judged products.
        labels: {label: {locale: pairs}}, every label and every locale.
        per_query: judgments per query.
        query_characters: of each distinct query, how long it is.
        query_words: likewise; Japanese has no spaces, so its queries count as few words.
        examples: a few queries with as many different labels as there are.
    """

    judgments: int
    queries: int
    products: int
    labels: Mapping[str, Mapping[str, int]]
    per_query: Spread
    query_characters: Spread
    query_words: Spread
    examples: list[Example]


@dataclass(frozen=True)
class Figures:
    """All of it.

    Attributes:
        products: size of the catalogue.
        locales: (locale, products), most first.
        missing: {column: products without a value}, in the order of the table; blank text and NaN count as none.
        title_characters: length of the titles there are.
        title_words: likewise.
        brands: of the products.
        colors: likewise.
        splits: {name: its figures}.
    """

    products: int
    locales: list[tuple[str, int]]
    missing: Mapping[str, int]
    title_characters: Spread
    title_words: Spread
    brands: Values
    colors: Values
    splits: Mapping[str, Split] = field(default_factory=dict)


def describe(catalogue: pa.Table, splits: Mapping[str, pd.DataFrame | None]) -> Figures:
    """The figures of a data set.

    Args:
        catalogue: product columns, one row per (locale, id).
        splits: {"train", "test" or the like: judgments with ``JUDGMENT_COLUMNS``}; None and empty ones are left out.
    """
    titles = _present(catalogue["product_title"])
    return Figures(
        products=len(catalogue),
        locales=_counted(catalogue["product_locale"]),
        missing={name: len(catalogue) - len(_present(catalogue[name])) for name in _describing(catalogue)},
        title_characters=spread(_characters(titles)),
        title_words=spread(_words(titles)),
        brands=_values(catalogue["product_brand"]),
        colors=_values(catalogue["product_color"]),
        splits={name: _split(table, catalogue) for name, table in splits.items() if table is not None and len(table)},
    )


def spread(numbers: np.ndarray) -> Spread:
    """Median, 95th percentile and bars of whole numbers >= 0; bars of one width, up to where few lie beyond.

    Args:
        numbers: (n,) integers; none give a spread of zeros without bars.
    """
    if not len(numbers):
        return Spread(0, 0, 0, [], [])
    # The method that gives one of the numbers: no title has 80.8 characters.
    median, high, reach = np.percentile(numbers, [50, 95, 99], method="inverted_cdf")
    low = int(numbers.min())
    width = max(1, -(-int(reach - low + 1) // _BINS))
    bins = max(1, -(-int(reach - low + 1) // width))
    places = np.minimum((numbers - low) // width, bins - 1)
    counts = np.bincount(places, minlength=bins)
    edges = [low + width * place for place in range(bins + 1)]
    return Spread(int(median), int(high), int(numbers.max()), edges, counts.tolist())


def _describing(catalogue: pa.Table) -> list[str]:
    """Columns whose gaps are worth a word: what is read and shown, not the key."""
    return [*TEXT_COLUMNS, *(name for name in catalogue.column_names if name not in (*KEY, *TEXT_COLUMNS))]


def _present(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values that say something."""
    column = column.drop_null()
    if pa.types.is_floating(column.type):
        return column.filter(pc.invert(pc.is_nan(column)))
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return column.filter(pc.not_equal(pc.utf8_trim_whitespace(column), ""))
    return column


def _characters(texts: pa.ChunkedArray) -> np.ndarray:
    return pc.utf8_length(texts).to_numpy().astype(np.int64)


def _words(texts: pa.ChunkedArray) -> np.ndarray:
    return pc.count_substring_regex(texts, r"[^\s\p{Z}]+").to_numpy().astype(np.int64)


def _counted(column: pa.ChunkedArray) -> list[tuple[str, int]]:
    """(value, how often), most first, ties by value."""
    counts = pc.value_counts(column.combine_chunks())
    table = pa.table({"value": counts.field("values"), "count": counts.field("counts")})
    table = table.sort_by([("count", "descending"), ("value", "ascending")])
    return list(zip(table["value"].to_pylist(), table["count"].to_pylist(), strict=True))


def _values(column: pa.ChunkedArray) -> Values:
    present = _present(column)
    counts = pc.value_counts(present.combine_chunks())
    table = pa.table({"value": counts.field("values"), "count": counts.field("counts")})
    top = table.sort_by([("count", "descending"), ("value", "ascending")]).slice(0, TOP)
    numbers = top["count"].to_pylist()
    return Values(len(table), list(zip(top["value"].to_pylist(), numbers, strict=True)), len(present) - sum(numbers))


def _split(judgments: pd.DataFrame, catalogue: pa.Table) -> Split:
    names = ["product_locale", "query", "product_id"]
    table = pa.table({name: pa.array(judgments[name].astype(str), pa.string()) for name in names})
    table = table.append_column("label", pa.array(judgments["esci_label"].astype(str), pa.string()))
    queries = table.group_by(["product_locale", "query"]).aggregate([([], "count_all")])
    cells = table.group_by(["label", "product_locale"]).aggregate([([], "count_all")]).to_pylist()
    locales = [locale for locale, _ in _counted(table["product_locale"])]
    counts = {(cell["label"], cell["product_locale"]): cell["count_all"] for cell in cells}
    return Split(
        judgments=len(table),
        queries=len(queries),
        products=len(table.group_by(["product_locale", "product_id"]).aggregate([])),
        labels={label: {locale: counts.get((label, locale), 0) for locale in locales} for label in LABELS},
        per_query=spread(queries["count_all"].to_numpy()),
        query_characters=spread(_characters(queries["query"])),
        query_words=spread(_words(queries["query"])),
        examples=_examples(table, catalogue),
    )


def _examples(table: pa.Table, catalogue: pa.Table) -> list[Example]:
    """Queries with as many labels as any has, spread over the alphabet; each label comes with its first product.

    A label that none of those queries has gets the first query that has it.
    """
    first = (
        table.append_column("place", pa.array(np.arange(len(table))))
        .group_by(["product_locale", "query", "label"])
        .aggregate([("place", "min")])
    )
    variety = first.group_by(["product_locale", "query"]).aggregate([([], "count_all")])
    most = pc.max(variety["count_all"])
    rich = variety.filter(pc.equal(variety["count_all"], most)).sort_by(
        [("query", "ascending"), ("product_locale", "ascending")]
    )
    # Not the first and the last of the alphabet: those are often numbers and stray signs.
    places = np.linspace(0, len(rich) - 1, min(EXAMPLES, len(rich)) + 2).round().astype(int)[1:-1]
    chosen = rich.take(pa.array(sorted(set(places.tolist())))).select(["product_locale", "query"])
    covered = set(chosen.join(first, ["product_locale", "query"])["label"].to_pylist())
    extra = []
    for label in LABELS:
        having = first.filter(pc.equal(first["label"], label)).sort_by("place_min")
        if label not in covered and len(having):
            extra.append(having.slice(0, 1).select(["product_locale", "query"]))
    wanted = pa.concat_tables([chosen, *extra])
    rows = wanted.join(first, ["product_locale", "query"], join_type="inner").to_pylist()
    shown = table.take(pa.array([row["place_min"] for row in rows], pa.int64()))
    at = rows_of(catalogue, shown["product_locale"], shown["product_id"])
    titles = catalogue["product_title"].take(pa.array(np.maximum(at, 0))).to_pylist()
    found: dict[tuple[str, str], dict[str, str]] = {}
    for query in wanted.to_pylist():
        found[query["product_locale"], query["query"]] = {}
    for row, place, title in zip(rows, at, titles, strict=True):
        found[row["product_locale"], row["query"]][row["label"]] = (title if place >= 0 else None) or "(no title)"
    return [
        Example(query, locale, {label: titles[label] for label in LABELS if label in titles})
        for (locale, query), titles in found.items()
    ]
