"""Training lists of a reranker: a query's judged products with their gains, and unjudged ones of the encoder."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from datasets import Dataset

from space.data.scale import ESCI, LabelScale
from space.data.words import normalized
from space.errors import UserError
from space.retrieval.system import System
from space.training.examples import judged_texts

#: Ranks of the encoder's list, from 0, that unjudged products are drawn from. The first ten are left out: many of them
#: would be right answers that were not judged.
FROM, TO = 10, 50
#: Products of a list: more would not fit a batch.
LONGEST = 16
_BATCH = 256


def training_lists(
    judgments: pd.DataFrame,
    passages: Sequence[str],
    locales: np.ndarray,
    first: System,
    *,
    negatives: int,
    seed: int = 42,
    scale: LabelScale = ESCI,
) -> Dataset:
    """Lists with the columns that ``LambdaLoss`` reads: query, docs, labels.

    The label of a judged product is its gain, that of an unjudged one is 0. A query of more than ``LONGEST`` products
    has several lists. A list whose labels are all the same teaches no order, and is left out.

    Args:
        judgments: a checked train table of ``space.data.judgments``, with ``row``.
        passages: the text of every product of the catalogue, by row.
        locales: (n,) the locale of every product.
        first: the system whose products will be reordered.
        negatives: unjudged products for each query, drawn from ranks ``FROM`` to ``TO`` of ``first``.
        seed: of the draws.
        scale: of the labels.

    Raises:
        UserError: no list is left.
    """
    gains, rng = scale.gains, np.random.default_rng([seed, 5])
    known = judged_texts(judgments, passages)
    columns: dict[str, list[object]] = {"query": [], "docs": [], "labels": []}
    for locale, in_locale in judgments.groupby("product_locale"):
        mask = locales == locale
        groups = list(in_locale.groupby("query"))
        for start in range(0, len(groups), _BATCH):
            part = groups[start : start + _BATCH]
            found = first.retrieve([query for query, _ in part], TO, mask) if negatives else [None] * len(part)
            for (query, judged), ranking in zip(part, found, strict=True):
                labels = [gains[label] for label in judged["esci_label"].astype(str)]
                rows = judged["row"].tolist()
                if ranking is not None:
                    listed = known[normalized(query)]
                    unjudged = [row for row in ranking.rows[FROM:].tolist() if passages[row] not in listed]
                    drawn = rng.permutation(unjudged)[:negatives].astype(int).tolist()
                    rows, labels = rows + drawn, labels + [0.0] * len(drawn)
                order = rng.permutation(len(rows))
                for place in np.array_split(order, -(-len(rows) // LONGEST)):
                    if len({labels[one] for one in place}) > 1:
                        columns["query"].append(query)
                        columns["docs"].append([passages[rows[one]] for one in place])
                        columns["labels"].append([labels[one] for one in place])
    if not columns["query"]:
        raise UserError(
            "no query has products of different grades: a reranker learns from differences, so use --negatives 1 or "
            "more, or judgments of several grades"
        )
    return Dataset.from_dict(columns)
