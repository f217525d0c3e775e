"""Two folds of the train queries, so that every query with many judgments is a dev query once."""

from typing import Any

import numpy as np

FOLDS = (0, 1)
#: A rich query has at least this many judgments, enough to say something about a ranking.
RICH = 10
#: How many of the other, thin queries to evaluate on; the rest is learned from in both folds.
THIN = 600


def split(train: Any, fold: int) -> tuple[Any, Any]:
    """Judgments to learn from and judgments to evaluate on, with no query in both."""
    counts = train.groupby("query", sort=True).size()
    rng = np.random.default_rng(0)
    rich = rng.permutation(counts.index[counts >= RICH].to_numpy())
    thin = rng.permutation(counts.index[counts < RICH].to_numpy())[:THIN]
    dev = set(rich[fold :: len(FOLDS)]) | set(thin[fold :: len(FOLDS)])
    held = train["query"].isin(dev)
    return train[~held].reset_index(drop=True), train[held].reset_index(drop=True)


def some(train: Any, share: float, seed: int) -> Any:
    """The judgments of a share of the queries."""
    names = np.random.default_rng(seed).permutation(np.sort(train["query"].unique()))
    return train[train["query"].isin(set(names[: round(share * len(names))]))].reset_index(drop=True)
