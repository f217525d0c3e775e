"""Choose BM25's k1, b and stemming on the train queries: a baseline with its default values is easier to beat."""

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from space.data.scale import ESCI, LabelScale
from space.data.search_terms import can_stem
from space.evaluation import metrics, protocols
from space.evaluation.estimates import MIN_QUERIES
from space.evaluation.schema import Bm25Parameters
from space.evaluation.tables import HEADLINE_COLUMN
from space.index.bm25 import K1, STEM, B, Bm25Index, TermCounts
from space.retrieval.baselines import Bm25System

#: The pairs (k1, b) to try, with and without stems. The usual values come first: of equally good ones the first is
#: taken.
GRID = tuple(dict.fromkeys([(K1, B), *itertools.product((0.4, 0.9, 1.2, 1.6), (0.2, 0.4, 0.75, 0.9))]))
#: Judgments that a query needs. With fewer, its nDCG depends on which products happened to be judged.
MIN_JUDGMENTS = 10
#: At most so many queries search at most so many products, so that the choice takes seconds for any catalogue.
QUERIES, PRODUCTS = 200, 20_000
_KEY = ["product_locale", "query"]


def choose(
    train: pd.DataFrame, texts: Sequence[str], catalogue: pa.Table, seed: int = 42, scale: LabelScale = ESCI
) -> Bm25Parameters:
    """The pair of ``GRID``, with or without stems, with the best full-catalogue nDCG@10 on train queries.

    Args:
        train: checked train judgments with ``row``, see ``space.data.judgments``.
        texts: (n,) the passage of every product, by row.
        catalogue: (n) the products; only ``product_locale`` is read.
        seed: draws the queries, and products in addition to the judged ones.
        scale: of the labels.

    Returns:
        The usual parameters if fewer than ``MIN_QUERIES`` queries have enough judgments.
    """
    asked = _well_judged(train, seed, scale)
    if len(asked[_KEY].drop_duplicates()) < MIN_QUERIES:
        return Bm25Parameters()
    rows = _sampled(asked["row"].unique(), len(texts), seed)
    asked = asked.assign(row=np.searchsorted(rows, asked["row"]))
    products = catalogue.take(pa.array(rows))
    locales = products["product_locale"]
    found: dict[tuple[float, float, bool], pd.Series] = {}
    for stem in (STEM, not STEM) if can_stem(locales.unique().to_pylist()) else (STEM,):
        counts = TermCounts.of([texts[row] for row in rows], locales, stem)
        for k1, b in GRID:
            index = Bm25Index(counts.weighted(k1, b), locales, k1=k1, b=b, stem=stem)
            found[k1, b, stem] = protocols.per_query(Bm25System(index), asked, products, scale)[HEADLINE_COLUMN]
    best = max(found, key=lambda choice: found[choice].mean())
    gain = metrics.paired(found[best] - found[K1, B, STEM])
    k1, b, stem = best
    return Bm25Parameters(k1, b, queries=gain.n, products=len(rows), train=gain, stem=stem)


def _well_judged(train: pd.DataFrame, seed: int, scale: LabelScale) -> pd.DataFrame:
    """The judgments of ``QUERIES`` queries with a relevant product and at least ``MIN_JUDGMENTS`` judgments."""
    groups = train.groupby(_KEY, sort=False)
    exact = train["esci_label"].isin(scale.relevant).groupby([train[name] for name in _KEY], sort=False).any()
    keys = exact.index[(groups.size() >= MIN_JUDGMENTS) & exact]
    judgments = train.merge(keys.to_frame(index=False), on=_KEY, how="inner")
    return protocols.held_out(judgments, QUERIES, seed)


def _sampled(judged: np.ndarray, products: int, seed: int) -> np.ndarray:
    """(m,) ascending rows of the catalogue: the judged ones, and others up to ``PRODUCTS``."""
    if products <= PRODUCTS:
        return np.arange(products)
    others = np.setdiff1d(np.arange(products), judged, assume_unique=True)
    drawn = np.random.default_rng(seed).choice(others, max(0, PRODUCTS - len(judged)), replace=False)
    return np.sort(np.concatenate([judged, drawn]))
