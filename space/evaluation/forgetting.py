"""How far fine-tuning moved an encoder on what it was not trained for. Knows vectors, and no model.

Judgments of products say nothing of the rest of language, and an encoder can forget it while every figure of a shop
rises. The sentences are few and simple: they find a model that broke, not one that lost a nuance.
"""

import numpy as np
import pandas as pd
import torch

from space.evaluation import metrics
from space.evaluation.everyday import PAIRS
from space.evaluation.schema import Drift, SentenceCosines


def sentences() -> list[str]:
    """The texts to encode with either model, as queries: the two of a pair stand behind each other."""
    return [sentence for pairs in PAIRS.values() for pair in pairs for sentence in pair]


def measure(base: torch.Tensor, tuned: torch.Tensor) -> Drift:
    """What changed from base to tuned.

    Args:
        base: (2 n, d) float32, unit norm, the vectors of ``sentences``.
        tuned: likewise.
    """
    cosines = (base * tuned).sum(dim=1)
    similarities = [(vectors @ vectors.T).numpy() for vectors in (base, tuned)]
    above = np.triu_indices(len(base), k=1)
    ranks = [pd.Series(matrix[above]).rank().to_numpy() for matrix in similarities]
    correlation = float(np.corrcoef(ranks)[0, 1]) if all(np.ptp(one) for one in ranks) else None
    before, after = (_paraphrase_found(matrix) for matrix in similarities)
    return Drift(
        pairs=len(base) // 2,
        cosine=SentenceCosines(round(float(cosines.mean()), 6), round(float(cosines.min()), 6)),
        rank_correlation=None if correlation is None else round(correlation, 6),
        paraphrase=metrics.before_after(before, after),
    )


def _paraphrase_found(similarities: np.ndarray) -> np.ndarray:
    """(n,) of each pair: for none, one or both of its sentences the other is the nearest, as 0, .5 or 1."""
    others = similarities.copy()
    np.fill_diagonal(others, -np.inf)
    rows = np.arange(len(others))
    # Not argmax: where all sentences have one vector, none is the nearest.
    partner = others[rows, rows ^ 1]
    others[rows, rows ^ 1] = -np.inf
    return (partner > others.max(axis=1)).reshape(-1, 2).mean(axis=1)
