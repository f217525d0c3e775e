"""Training pairs of a reranker: judged products with their gains, and unjudged ones that the encoder found."""

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
_BATCH = 256


def training_pairs(
    judgments: pd.DataFrame,
    passages: Sequence[str],
    locales: np.ndarray,
    first: System,
    *,
    negatives: int,
    seed: int = 42,
    scale: LabelScale = ESCI,
) -> Dataset:
    """Pairs with the columns that ``BinaryCrossEntropyLoss`` reads: query, passage, label.

    The label of a judged pair is its gain, that of an unjudged one is 0.

    Args:
        judgments: a checked train table of ``space.data.judgments``, with ``row``.
        passages: the text of every product of the catalogue, by row.
        locales: (n,) the locale of every product.
        first: the system whose products will be reordered.
        negatives: unjudged products for each query, drawn from ranks ``FROM`` to ``TO`` of ``first``.
        seed: of the draws.
        scale: of the labels.

    Raises:
        UserError: all labels would be the same.
    """
    gains = scale.gains
    queries, rows = judgments["query"].tolist(), judgments["row"].tolist()
    labels = [gains[label] for label in judgments["esci_label"].astype(str)]
    rng = np.random.default_rng([seed, 5])
    judged = judged_texts(judgments, passages)
    asked = judgments[["product_locale", "query"]].drop_duplicates().sort_values(["product_locale", "query"])
    for locale, group in asked.groupby("product_locale") if negatives else ():
        mask = locales == locale
        texts = group["query"].tolist()
        for start in range(0, len(texts), _BATCH):
            part = texts[start : start + _BATCH]
            for query, found in zip(part, first.retrieve(part, TO, mask), strict=True):
                known = judged[normalized(query)]
                unjudged = [row for row in found.rows[FROM:].tolist() if passages[row] not in known]
                drawn = rng.permutation(unjudged)[:negatives].tolist()
                queries += [query] * len(drawn)
                rows += [int(row) for row in drawn]
                labels += [0.0] * len(drawn)
    if len(set(labels)) < 2:
        raise UserError(
            f"every training pair has the label {labels[0]:g}: a reranker learns from differences, so use --negatives "
            "1 or more, or judgments of several grades"
        )
    return Dataset.from_dict({"query": queries, "passage": [passages[row] for row in rows], "label": labels})
