"""Holds queries out for the test, where a data set has no held-out part."""

import numpy as np
import pandas as pd

from space.data.catalogue import DataError
from space.data.words import normalized_column

_SEED = 20


def held_out(judgments: pd.DataFrame, share: float, name: str) -> pd.DataFrame:
    """Judgments with column "split", which is the same in each run.

    Queries are held out whole, with all their spellings (``space.data.words.normalized``), in equal shares of those
    with few and those with many judgments.

    Args:
        judgments: with "query".
        share: of the queries, above 0 and below 1.
        name: the data set, for messages.

    Raises:
        DataError: too few queries.
    """
    queries = pd.Series(normalized_column(judgments["query"]), index=judgments.index)
    counts = queries.value_counts().sort_index()
    generator = np.random.default_rng(_SEED)
    order = np.lexsort([generator.random(len(counts)), counts.to_numpy()])
    steps = np.floor(np.arange(len(counts) + 1) * share + generator.random())
    test = counts.index[order[np.diff(steps) > 0]]
    if not 0 < len(test) < len(counts):
        raise DataError(
            f"{name}: --test-share {share:g} holds out {len(test)} of {len(counts)} queries; use another share"
        )
    return judgments.assign(split=np.where(queries.isin(test), "test", "train"))
