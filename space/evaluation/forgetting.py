"""How far fine-tuning moved an encoder on everyday sentences, which have nothing to do with a shop.

An encoder can forget the rest of language while every figure of a shop rises. The sentences are few and simple: they
find an encoder that is broken, not one that lost a nuance.
"""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from space.evaluation import metrics
from space.evaluation.schema import Drift, SentenceCosines

_FILE = Path(__file__).with_name("everyday_sentences.json")


@cache
def pairs() -> dict[str, list[list[str]]]:
    """{subject: pairs of sentences that mean the same}, written for this project.

    Each of the twelve subjects has three pairs in English and one in Spanish or Japanese. The two sentences of a pair
    share few words, so that words alone do not find it.
    """
    return json.loads(_FILE.read_text(encoding="utf-8"))


def sentences() -> list[str]:
    """The 96 texts to encode as queries with either model; each is followed or preceded by its paraphrase."""
    return [sentence for of_subject in pairs().values() for pair in of_subject for sentence in pair]


def measure(base: torch.Tensor, tuned: torch.Tensor) -> Drift:
    """Compare the vectors before and after fine-tuning.

    Args:
        base: (2 n, d) float32, unit norm, the vectors of ``sentences`` before.
        tuned: the same after.
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
    """(n,) share of each pair's two sentences whose nearest other sentence is the paraphrase: 0, .5 or 1."""
    others = similarities.copy()
    np.fill_diagonal(others, -np.inf)
    rows = np.arange(len(others))
    # Not argmax: where all sentences have the same vector, none is the nearest.
    partner = others[rows, rows ^ 1]
    others[rows, rows ^ 1] = -np.inf
    return (partner > others.max(axis=1)).reshape(-1, 2).mean(axis=1)
