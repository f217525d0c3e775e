"""Choose BM25's k1 and b on the train queries: a baseline with its default values is easier to beat."""

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from space.evaluation import metrics, protocols
from space.evaluation.schema import HEADLINE_COLUMN, MIN_QUERIES, Bm25Parameters
from space.index.bm25 import K1, B, Bm25Index, TermCounts
from space.retrieval.baselines import Bm25System

#: The usual values, which every other pair has to beat, come first: the first of the best is taken.
GRID = tuple(dict.fromkeys([(K1, B), *itertools.product((0.4, 0.9, 1.2, 1.6), (0.2, 0.4, 0.75, 0.9))]))
#: With fewer judgments a query says which products were shown to a judge rather than how well a ranking is ordered.
RICH = 10
QUERIES = 200
#: The grid runs over at most so many products, so that it takes seconds whatever the catalogue.
PRODUCTS = 20_000
_KEY = ["product_locale", "query"]


def choose(train: pd.DataFrame, texts: Sequence[str], catalogue: pa.Table, seed: int = 42) -> Bm25Parameters:
    """The pair of ``GRID`` with the best full-catalogue nDCG@10 over train queries.

    Args:
        train: a checked train table of ``space.data.judgments``, with ``row``.
        texts: the passage of every product, by row.
        catalogue: the products, for their locales.
        seed: which ``QUERIES`` of those with ``RICH`` judgments and a gain, and which products beside theirs.

    Returns:
        The usual parameters where fewer than ``MIN_QUERIES`` queries can tell.
    """
    asked = _rich(train, seed)
    if len(asked[_KEY].drop_duplicates()) < MIN_QUERIES:
        return Bm25Parameters()
    rows = _some(asked["row"].unique(), len(texts), seed)
    asked = asked.assign(row=np.searchsorted(rows, asked["row"]))
    products = catalogue.take(pa.array(rows))
    counts = TermCounts.of([texts[row] for row in rows])
    found = {pair: _figures(counts, *pair, asked, products) for pair in GRID}
    best = max(found, key=lambda pair: found[pair].mean())
    gain = metrics.paired(found[best] - found[K1, B])
    return Bm25Parameters(*best, queries=gain.n, products=len(rows), train=gain)


def _rich(train: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The judgments of at most ``QUERIES`` queries that can tell one ranking from another."""
    groups = train.groupby(_KEY, sort=False)
    exact = (train["esci_label"] == "Exact").groupby([train[name] for name in _KEY], sort=False).any()
    keys = exact.index[(groups.size() >= RICH) & exact]
    rich = train.merge(keys.to_frame(index=False), on=_KEY, how="inner")
    return protocols.held_out(rich, QUERIES, seed)


def _some(needed: np.ndarray, products: int, seed: int) -> np.ndarray:
    """Rows of the catalogue, rising: those that were judged, and others drawn up to ``PRODUCTS``."""
    if products <= PRODUCTS:
        return np.arange(products)
    others = np.setdiff1d(np.arange(products), needed, assume_unique=True)
    drawn = np.random.default_rng(seed).choice(others, max(0, PRODUCTS - len(needed)), replace=False)
    return np.sort(np.concatenate([needed, drawn]))


def _figures(counts: TermCounts, k1: float, b: float, asked: pd.DataFrame, products: pa.Table) -> pd.Series:
    system = Bm25System(Bm25Index(counts.weighted(k1, b), k1=k1, b=b))
    return protocols.per_query(system, asked, products)[HEADLINE_COLUMN]
