"""p values against all sign patterns, and Holm's correction against its definition."""

import itertools

import numpy as np
import pytest

from space.evaluation.significance import holm, p_value


@pytest.mark.parametrize("seed", range(6))
def test_p_is_the_share_of_sign_patterns_that_are_as_extreme(seed: int) -> None:
    """Against all 2^9 patterns; the draw of 10,000 is within four standard errors of it."""
    values = np.random.default_rng(seed).normal(0.3, 1, 9).round(2)
    sums = np.array([np.dot(signs, values) for signs in itertools.product((-1, 1), repeat=9)])
    exact = (abs(sums) >= abs(values.sum()) - 1e-9).mean()
    assert p_value(values) == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 10_000) + 1e-4)


def test_p_of_no_difference_and_of_a_clear_one() -> None:
    """Ties say nothing, a missing value counts nowhere, and no p is 0."""
    assert p_value(np.zeros(50)) == 1 and p_value(np.array([])) == 1 and p_value(np.array([np.nan])) == 1
    assert p_value(np.full(50, 0.01)) == 1 / 10_001
    some = np.random.default_rng(0).normal(0, 1, 30)
    assert p_value(np.append(some, [np.nan] * 5)) == p_value(some) == p_value(-some)


@pytest.mark.parametrize(
    ("raw", "corrected"),
    [
        ([0.01], [0.01]),
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.04, 0.01], [0.04, 0.02]),
        ([0.6, 0.5, 0.5], [1.0, 1.0, 1.0]),
        ([], []),
    ],
)
def test_holm_multiplies_the_smallest_by_most_and_keeps_the_order(raw: list[float], corrected: list[float]) -> None:
    """Worked out by hand: the k-th smallest of m times m - k + 1, and never less than the one before."""
    assert holm(raw) == pytest.approx(corrected)
