"""Queries made of titles: examples from the catalogue alone, for shops with many products and few judgments.

A searcher types some of the words of what he wants, so a random part of a title is a query for its product. Knows no
judgment beyond what is Exact, and no model.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from datasets import Dataset, concatenate_datasets

from space.errors import UserError

#: Titles begin with what the product is; what comes after so many words is sizes and keywords.
WORDS = 14
KEPT = 0.4
#: Where the draw leaves no word at all, so many of the first ones are the query.
LEAST = 3
#: How many ``--title-queries -1`` takes at most: they help where labels are few, and cost as much as those do.
MOST = 10_000
_AROUND = ",;:|()[]-&"
_DRAWS = 20


def add(
    examples: Dataset,
    exact: Mapping[str, frozenset[str]],
    catalogue: pa.Table,
    passages: Sequence[str],
    count: int,
    seed: int,
) -> tuple[Dataset, dict[str, frozenset[str]]]:
    """The examples and ``count`` more: anchor (part of a title), positive (its product), negative (another product).

    Args:
        examples: with columns anchor, positive, negative, and label where margins are graded.
        exact: what ``exact_texts`` of ``space.training.examples`` returns; a judged query that a title also gives
            keeps its own texts.
        catalogue: the products, for titles and locales.
        passages: the text of every product, by row.
        count: each product gives one before any gives two.
        seed: of what is drawn.

    Returns:
        The longer data set, and ``exact`` with what each new query was made from: no such text is its negative.

    Raises:
        UserError: fewer than two products of a locale to tell apart, or no title.
    """
    rng = np.random.default_rng([seed, 1])
    titles = catalogue["product_title"].to_pylist()
    locales = np.asarray(catalogue["product_locale"].to_pylist())
    pools = {locale: np.flatnonzero(locales == locale) for locale in np.unique(locales)}
    sources = np.flatnonzero([bool(_words(title)) for title in titles])
    if not len(sources):
        raise UserError("--title-queries: no product of the catalogue has a title to make a query of")
    rounds = -(-count // len(sources))
    drawn = np.concatenate([rng.permutation(sources) for _ in range(rounds)])[:count].tolist()
    queries = [_part(titles[row], rng) for row in drawn]
    known: dict[str, set[str]] = defaultdict(set)
    for query, row in zip(queries, drawn, strict=True):
        known[query].add(passages[row])
    merged = dict(exact) | {query: exact.get(query, frozenset()) | texts for query, texts in known.items()}
    columns = defaultdict(list)
    for query, row in zip(queries, drawn, strict=True):
        negative = _another(passages, pools[locales[row]], merged[query], rng)
        if negative is not None:
            columns["anchor"].append(query)
            columns["positive"].append(passages[row])
            columns["negative"].append(negative)
            if "label" in examples.column_names:
                columns["label"].append(1.0)
    if not columns:
        raise UserError("--title-queries: no locale has two products that differ, so that there is nothing to compare")
    return concatenate_datasets([examples, Dataset.from_dict(dict(columns))]), merged


def _words(title: str | None) -> list[str]:
    return [word for word in (piece.strip(_AROUND) for piece in (title or "").split()) if word]


def _part(title: str, rng: np.random.Generator) -> str:
    words = _words(title)[:WORDS]
    kept = [word for word, draw in zip(words, rng.random(len(words)), strict=True) if draw < KEPT]
    return " ".join(kept or words[:LEAST])


def _another(passages: Sequence[str], pool: np.ndarray, own: frozenset[str], rng: np.random.Generator) -> str | None:
    for _ in range(_DRAWS):
        text = passages[pool[rng.integers(len(pool))]]
        if text not in own:
            return text
    return None
