"""The profile of a data set (EDA): sizes, missing values, lengths, most frequent brands, labels, examples.

Arrow counts whole columns: 1.8 million products and 2 million judgments take a few seconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from space.data.catalogue import KEY, TEXT_COLUMNS, rows_of
from space.data.judgments import RATING_COLUMNS
from space.data.scale import ESCI, LabelScale

TOP = 12
EXAMPLES = 3
CONTRADICTIONS = 10
_BARS = 20


@dataclass(frozen=True)
class Spread:
    """How whole numbers are distributed, for a histogram.

    Attributes:
        median: half of the numbers are at most this.
        high: 95 % of the numbers are at most this.
        largest: the maximum.
        edges: (b + 1,) limits of the bars. The last bar also counts the numbers beyond its upper limit.
        counts: (b,) how many numbers each bar has.
    """

    median: int
    high: int
    largest: int
    edges: list[int]
    counts: list[int]


@dataclass(frozen=True)
class Values:
    """The values of a text column, such as brands.

    Attributes:
        distinct: how many different values there are.
        top: (value, products) of the ``TOP`` most frequent, most frequent first, ties by value.
        rest: products with any other value.
    """

    distinct: int
    top: list[tuple[str, int]]
    rest: int


@dataclass(frozen=True)
class Example:
    """A query, and for each of its labels one judged product.

    Attributes:
        query: its text.
        locale: its locale.
        titles: {label: title of the product}.
    """

    query: str
    locale: str
    titles: Mapping[str, str]


@dataclass(frozen=True)
class SeveralRatings:
    """The judged pairs with more than one rating.

    Attributes:
        pairs: how many there are.
        ratings: their ratings together.
        contradicting: pairs whose ratings are of different grades.
        examples: (query, product id, its grades) of the first ``CONTRADICTIONS`` of these.
    """

    pairs: int
    ratings: int
    contradicting: int
    examples: list[tuple[str, str, str]]


@dataclass(frozen=True)
class Split:
    """The judgments of one split, such as train.

    Attributes:
        judgments: judged pairs.
        queries: distinct (locale, query).
        products: distinct judged products.
        labels: {label: {locale: pairs}}, every label and every locale.
        per_query: judgments per query.
        query_characters: length of each distinct query.
        query_words: likewise in words between spaces; Japanese queries have no spaces, so they count as few words.
        examples: a few queries with many different labels.
        several: the pairs with more than one rating; None if there are none.
    """

    judgments: int
    queries: int
    products: int
    labels: Mapping[str, Mapping[str, int]]
    per_query: Spread
    query_characters: Spread
    query_words: Spread
    examples: list[Example]
    several: SeveralRatings | None = None


@dataclass(frozen=True)
class DataProfile:
    """What is in a catalogue and its judgments.

    Attributes:
        products: rows of the catalogue.
        locales: (locale, products), most products first.
        missing: {column: products without a value}, in the order of the table; blank text and NaN are no value.
        title_characters: length of the titles.
        title_words: likewise in words.
        brands: brands of the products.
        colors: colours of the products.
        splits: {name: judgments of that split}.
        scale: of their labels.
    """

    products: int
    locales: list[tuple[str, int]]
    missing: Mapping[str, int]
    title_characters: Spread
    title_words: Spread
    brands: Values
    colors: Values
    splits: Mapping[str, Split] = field(default_factory=dict)
    scale: LabelScale = ESCI


def describe(catalogue: pa.Table, splits: Mapping[str, pd.DataFrame | None], scale: LabelScale = ESCI) -> DataProfile:
    """The profile of a data set.

    Args:
        catalogue: product columns, one row per (locale, id).
        splits: {"train", "test" or the like: judgments with ``JUDGMENT_COLUMNS``}; None and empty ones are left out.
        scale: of their labels.
    """
    titles = _present(catalogue["product_title"])
    described = [*TEXT_COLUMNS, *(name for name in catalogue.column_names if name not in (*KEY, *TEXT_COLUMNS))]
    return DataProfile(
        products=len(catalogue),
        locales=_most_frequent(catalogue["product_locale"]),
        missing={name: len(catalogue) - len(_present(catalogue[name])) for name in described},
        title_characters=spread(_characters(titles)),
        title_words=spread(_words(titles)),
        brands=_values(catalogue["product_brand"]),
        colors=_values(catalogue["product_color"]),
        splits={
            name: _split(table, catalogue, scale) for name, table in splits.items() if table is not None and len(table)
        },
        scale=scale,
    )


def spread(numbers: np.ndarray) -> Spread:
    """Median, 95th percentile and a histogram of up to about 20 bars of equal width.

    Args:
        numbers: (n,) whole numbers >= 0; for n = 0 all figures are 0 and there are no bars.
    """
    if not len(numbers):
        return Spread(0, 0, 0, [], [])
    # inverted_cdf returns one of the numbers: no title has 80.8 characters.
    median, high, reach = np.percentile(numbers, [50, 95, 99], method="inverted_cdf")
    low = int(numbers.min())
    span = int(reach - low + 1)  # the bars end at the 99th percentile: one huge number must not flatten all others
    width = max(1, -(-span // _BARS))
    bars = max(1, -(-span // width))
    counts = np.bincount(np.minimum((numbers - low) // width, bars - 1), minlength=bars)
    edges = [low + width * bar for bar in range(bars + 1)]
    return Spread(int(median), int(high), int(numbers.max()), edges, counts.tolist())


def _present(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values without nulls, NaN and blank texts."""
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


def _most_frequent(column: pa.ChunkedArray, limit: int | None = None) -> list[tuple[str, int]]:
    """(value, how often) of the most frequent values, most frequent first, ties by value."""
    counts = pc.value_counts(column.combine_chunks())
    table = pa.table({"value": counts.field("values"), "count": counts.field("counts")})
    table = table.sort_by([("count", "descending"), ("value", "ascending")]).slice(0, limit)
    return list(zip(table["value"].to_pylist(), table["count"].to_pylist(), strict=True))


def _values(column: pa.ChunkedArray) -> Values:
    present = _present(column)
    top = _most_frequent(present, TOP)
    return Values(pc.count_distinct(present).as_py(), top, len(present) - sum(count for _, count in top))


def _split(judgments: pd.DataFrame, catalogue: pa.Table, scale: LabelScale) -> Split:
    names = ["product_locale", "query", "product_id"]
    table = pa.table({name: pa.array(judgments[name].astype(str), pa.string()) for name in names})
    table = table.append_column("label", pa.array(judgments["esci_label"].astype(str), pa.string()))
    queries = table.group_by(["product_locale", "query"]).aggregate([([], "count_all")])
    cells = table.group_by(["label", "product_locale"]).aggregate([([], "count_all")]).to_pylist()
    locales = [locale for locale, _ in _most_frequent(table["product_locale"])]
    counts = {(cell["label"], cell["product_locale"]): cell["count_all"] for cell in cells}
    return Split(
        judgments=len(table),
        queries=len(queries),
        products=len(table.group_by(["product_locale", "product_id"]).aggregate([])),
        labels={label: {locale: counts.get((label, locale), 0) for locale in locales} for label in scale.names},
        per_query=spread(queries["count_all"].to_numpy()),
        query_characters=spread(_characters(queries["query"])),
        query_words=spread(_words(queries["query"])),
        examples=_examples(table, catalogue, scale.names),
        several=_several_ratings(judgments),
    )


def _several_ratings(judgments: pd.DataFrame) -> SeveralRatings | None:
    if any(name not in judgments for name in RATING_COLUMNS) or not (judgments["ratings"] > 1).any():
        return None
    counts = judgments["ratings"].to_numpy()
    apart = judgments[judgments["contradiction"] != ""]
    examples = apart[["query", "product_id", "contradiction"]].head(CONTRADICTIONS)
    return SeveralRatings(
        int((counts > 1).sum()),
        int(counts[counts > 1].sum()),
        len(apart),
        list(examples.itertuples(index=False, name=None)),
    )


def _examples(table: pa.Table, catalogue: pa.Table, names: Sequence[str]) -> list[Example]:
    """``EXAMPLES`` of the queries with the most different labels, spread over the alphabet.

    A label that none of them has adds the first query that has it. Each label shows its first judged product.
    """
    key = ["product_locale", "query"]
    first = (  # the first row of each label of each query
        table.append_column("row", pa.array(np.arange(len(table))))
        .group_by([*key, "label"])
        .aggregate([("row", "min")])
    )
    labels = first.group_by(key).aggregate([([], "count_all")])
    rich = labels.filter(pc.equal(labels["count_all"], pc.max(labels["count_all"])))
    rich = rich.sort_by([("query", "ascending"), ("product_locale", "ascending")])
    # Neither the first nor the last of the alphabet: those are often numbers and stray characters.
    places = np.linspace(0, len(rich) - 1, min(EXAMPLES, len(rich)) + 2).round().astype(int)[1:-1]
    chosen = rich.take(pa.array(sorted(set(places.tolist())))).select(key)
    covered = set(chosen.join(first, key)["label"].to_pylist())
    for label in names:
        having = first.filter(pc.equal(first["label"], label)).sort_by("row_min")
        if label not in covered and len(having):
            chosen = pa.concat_tables([chosen, having.slice(0, 1).select(key)])
    shown = chosen.join(first, key, join_type="inner")
    judged = table.take(shown["row_min"])
    products = rows_of(catalogue, judged["product_locale"], judged["product_id"])
    titles = catalogue["product_title"].take(pa.array(np.maximum(products, 0))).to_pylist()
    found: dict[tuple[str, str], dict[str, str]] = {
        (one["product_locale"], one["query"]): {} for one in chosen.to_pylist()
    }
    for one, product, title in zip(shown.to_pylist(), products, titles, strict=True):
        found[one["product_locale"], one["query"]][one["label"]] = (title if product >= 0 else None) or "(no title)"
    return [
        Example(query, locale, {label: by_label[label] for label in names if label in by_label})
        for (locale, query), by_label in found.items()
    ]
