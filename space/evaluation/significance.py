"""Whether differences from a reference could be chance, corrected for comparing many systems."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from space.evaluation.tables import METRICS

_ROUNDS, _BLOCK = 10_000, 4_000_000
#: Not compared: it is the floor under every figure.
_FLOOR = "random"


def p_value(differences: np.ndarray, seed: int = 0) -> float:
    """Two-sided p of the paired randomization test (Smucker, Allan and Carterette 2007).

    If two systems were the same, each query's difference could as well have the other sign.

    Args:
        differences: (n,) of each query; NaN is left out.
        seed: of the signs that are drawn.

    Returns:
        The share of 10,001 draws, that of the data among them, whose mean is at least as far from 0; 1 without a
        query.
    """
    values = np.asarray(differences, dtype=np.float64)
    values = values[~np.isnan(values)]
    if not len(values):
        return 1.0
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK // len(values))
    observed, extreme = abs(values.sum()) - 1e-9, 1
    for start in range(0, _ROUNDS, block):
        signs = rng.integers(0, 2, (min(block, _ROUNDS - start), len(values)), dtype=np.int8)
        extreme += int((np.abs((2.0 * signs - 1.0) @ values) >= observed).sum())
    return extreme / (_ROUNDS + 1)


def holm(values: Sequence[float]) -> list[float]:
    """(m,) p values corrected for m comparisons (Holm 1979): of those below .05, all are right with 95 %."""
    order = np.argsort(values, kind="stable")
    factors = len(values) - np.arange(len(values))
    raised = np.minimum(np.maximum.accumulate(np.asarray(values, np.float64)[order] * factors), 1.0)
    found = np.empty(len(values))
    found[order] = raised
    return found.tolist()


def corrected(results: Mapping[str, pd.DataFrame], reference: str) -> dict[str, dict[str, dict[str, float]]]:
    """{protocol: {system: {metric: p of its difference from the reference}}}, a family of comparisons a metric.

    Args:
        results: {system: what ``protocols.per_query`` returned}, all over the same queries.
        reference: one of the systems.
    """
    others = [system for system in results if system not in (reference, _FLOOR)]
    found: dict[str, dict[str, dict[str, float]]] = {}
    for protocol, names in METRICS.items():
        found[protocol] = {system: {} for system in others}
        for name in names:
            column = f"{protocol}/{name}"
            raw = [p_value(results[system][column] - results[reference][column]) for system in others]
            for system, p in zip(others, holm(raw), strict=True):
                found[protocol][system][name] = round(p, 6)
    return found
