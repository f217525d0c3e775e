"""Training examples made from titles, for shops with many products and few judgments.

People type some of the words of what they want. So a random part of a title is a query, and its product the answer.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa
from datasets import Dataset, concatenate_datasets

from space.data.words import normalized, without_signs, word_spans, words
from space.errors import UserError
from space.training.examples import draw_other

#: Words of a title that are used: it begins with the product, and ends with sizes and keywords.
WORDS = 14
#: The chance of each word to be in the query.
KEPT = 0.4
#: The first words that are the query if no word was drawn.
LEAST = 3
#: The most that ``--title-queries -1`` takes: they help where labels are few, and each costs as much as a label does.
MOST = 10_000


def add(
    examples: Dataset,
    exact: Mapping[str, frozenset[str]],
    catalogue: pa.Table,
    passages: Sequence[str],
    count: int,
    seed: int,
    held_out: Iterable[str] = (),
) -> tuple[Dataset, dict[str, frozenset[str]]]:
    """Append ``count`` examples: anchor (part of a title), positive (its product), negative (another product).

    Args:
        examples: with columns anchor, positive and negative.
        exact: {normalized query: texts that are right for it}, from ``space.training.examples.exact_texts``.
        catalogue: the products, for titles and locales.
        passages: the text of every product, by row.
        count: examples to make, fewer if titles give held-out queries. Each product gives one before any gives two.
        seed: of the random draws.
        held_out: queries that must not be learned from, however they are written.

    Returns:
        The longer data set, and ``exact`` with the product of each new query added.

    Raises:
        UserError: no product has a title, or no locale has two different products.
    """
    rng = np.random.default_rng([seed, 1])
    titles = catalogue["product_title"].to_pylist()
    locales = np.asarray(catalogue["product_locale"].to_pylist())
    pools = {locale: np.flatnonzero(locales == locale) for locale in np.unique(locales)}
    sources = np.flatnonzero([bool(words(title or "")) for title in titles])
    if not len(sources):
        raise UserError("--title-queries: no product of the catalogue has a title to make a query from")
    rounds = -(-count // len(sources))
    drawn = np.concatenate([rng.permutation(sources) for _ in range(rounds)])[:count].tolist()
    queries = [_part(titles[row], rng) for row in drawn]
    keys = [normalized(query) for query in queries]
    forbidden = {normalized(query) for query in set(held_out)}
    known: dict[str, set[str]] = defaultdict(set)
    for key, row in zip(keys, drawn, strict=True):
        known[key].add(passages[row])
    merged = dict(exact) | {query: exact.get(query, frozenset()) | texts for query, texts in known.items()}
    columns = defaultdict(list)
    for query, key, row in zip(queries, keys, drawn, strict=True):
        negative = draw_other(passages, pools[locales[row]], merged[key], rng)
        if negative is not None and key not in forbidden:
            columns["anchor"].append(query)
            columns["positive"].append(passages[row])
            columns["negative"].append(negative)
    if not columns:
        raise UserError(
            "--title-queries: no locale has two different products to compare, or each title is a held-out query"
        )
    return concatenate_datasets([examples, Dataset.from_dict(dict(columns))]), merged


def _part(title: str, rng: np.random.Generator) -> str:
    spans = word_spans(title)[:WORDS]
    kept = [span for span, draw in zip(spans, rng.random(len(spans)), strict=True) if draw < KEPT] or spans[:LEAST]
    query, last = "", kept[0][0]
    for start, end in kept:
        # Words that touch in the title, as in Japanese, touch in the query.
        query += ("" if start == last else " ") + without_signs(title[start:end])
        last = end
    return query
