"""Contestants timed against each other: medians over rounds, so that a busy moment hits all of them."""

import time
from collections.abc import Callable, Mapping

import numpy as np


def medians(runs: Mapping[str, Callable[[], object]], rounds: int, *, twice: bool = True) -> dict[str, float]:
    """Milliseconds of each, all of them once a round; the first round warms up and does not count.

    Args:
        runs: what is timed, by name.
        rounds: that count.
        twice: let each run once untimed before it is timed. Threads of one library spin for a while after their work,
            in the way of the next; what takes seconds hardly notices.
    """
    took: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds + 1):
        for name, run in runs.items():
            if twice:
                run()
            begun = time.perf_counter()
            run()
            took[name].append(1000 * (time.perf_counter() - begun))
    return {name: float(np.median(values[1:])) for name, values in took.items()}
