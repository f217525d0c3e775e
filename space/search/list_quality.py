"""Quality of one query's result list: nDCG@k, recall@k and hit@1, as the full-catalogue protocol defines them.

An unjudged product counts as 0, and the ideal list is made of all judged products that the search could return. At
k = 10 the values equal those of ``space.evaluation.protocols``; a test compares the two.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from space.data.filters import in_force
from space.data.scale import ESCI, LabelScale
from space.evaluation import metrics

#: What was searched: all products of one locale, as in the evaluation; all locales at once; or what filters leave.
#: Only "locale" compares with evaluation.json.
Scope = Literal["locale", "catalogue", "filtered"]


@dataclass(frozen=True)
class ListQuality:
    """How good one list is, as ``/compare`` returns it under "figures".

    Attributes:
        k: cut-off of nDCG and recall.
        ndcg: nDCG@k, 0 to 1; None where all judged products have a gain of 0.
        recall: share of the relevant products among the first k, 0 to 1; None where no product is relevant.
        exact_at_1: 1.0 if the first hit is relevant, else 0.0; None where no product is relevant.
        judged: how many judged products the search could return.
        exact: how many of those are relevant.
        scope: what was searched.
    """

    k: int
    ndcg: float | None
    recall: float | None
    exact_at_1: float | None
    judged: int
    exact: int
    scope: Scope


def scope_of(filters: Mapping[str, object], *, several_locales: bool) -> Scope:
    """What a search with these filters searches, in a catalogue of one locale or of several."""
    names = in_force(filters).keys()
    if names - {"locale"}:
        return "filtered"
    return "locale" if names or not several_locales else "catalogue"


def list_quality(
    found: Sequence[str | None], judged: Sequence[str], k: int, scope: Scope = "locale", scale: LabelScale = ESCI
) -> ListQuality | None:
    """The quality of a list, or None where no product that the search could return is judged.

    Args:
        found: label of each product in the list, best first; None for an unjudged one.
        judged: labels of all judged products that the search could return, in any order.
        k: how many products were asked for.
        scope: what was searched.
        scale: of the labels.
    """
    if not judged:
        return None
    worth, relevant = scale.gains, scale.relevant
    gains = np.array([worth.get(label, 0.0) for label in found])
    is_exact = np.array([label in relevant for label in found], dtype=bool)
    exact = sum(label in relevant for label in judged)
    return ListQuality(
        k=k,
        ndcg=_rounded(metrics.ndcg(gains, np.array([worth.get(label, 0.0) for label in judged]), k)),
        recall=_rounded(metrics.recall(is_exact, exact, k)),
        exact_at_1=float(is_exact[:1].any()) if exact else None,
        judged=len(judged),
        exact=exact,
        scope=scope,
    )


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 6)
