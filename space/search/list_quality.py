"""The figures of one query's list, by the full-catalogue protocol. Knows labels only: no product, no engine, no page.

The same figures as in ``space.evaluation.protocols``, for any k: an unjudged product counts as 0, and
the ideal list is made of all judged products that could have been found.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from space.data.judgments import GAINS
from space.evaluation import metrics

#: Of what the figures are: as in the evaluation, all products of one locale; of all locales at once; or of what
#: filters left, which makes another task of it.
SCOPES = ("locale", "catalogue", "filtered")


@dataclass(frozen=True)
class Figures:
    """How good one list is.

    Attributes:
        k: cut-off of nDCG and recall.
        ndcg: nDCG@k, 0 to 1; None where no judged product has a gain.
        recall: share of the Exact products among the first k; None where there is none.
        exact_at_1: 1.0 if the first is Exact, else 0.0; None where no product is.
        judged: how many judged products could have been found.
        exact: how many of them are Exact.
        scope: one of ``SCOPES``.
    """

    k: int
    ndcg: float | None
    recall: float | None
    exact_at_1: float | None
    judged: int
    exact: int
    scope: str

    def to_json(self) -> dict[str, Any]:
        """The figures as ``/compare`` returns them."""
        return asdict(self)


def measure(found: Sequence[str | None], judged: Sequence[str], k: int, scope: str = SCOPES[0]) -> Figures | None:
    """The figures of a list, or None where nothing that could have been found was judged.

    Args:
        found: label of each product found, best first; None for one that nobody judged.
        judged: labels of all judged products that could have been found, in any order.
        k: how many were asked for.
        scope: of what they are the figures.
    """
    if not judged:
        return None
    gains = np.array([GAINS.get(label, 0.0) for label in found])
    exact = list(judged).count("Exact")
    relevant = np.array([label == "Exact" for label in found], dtype=bool)
    return Figures(
        k=k,
        ndcg=_number(metrics.ndcg(gains, np.array([GAINS[label] for label in judged]), k)),
        recall=_number(metrics.recall(relevant, exact, k)),
        exact_at_1=float(relevant[:1].any()) if exact else None,
        judged=len(judged),
        exact=exact,
        scope=scope,
    )


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 6)
