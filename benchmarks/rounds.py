"""Time functions: medians over rounds, so that a busy moment slows down all of them; seconds; percentiles."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from threadpoolctl import threadpool_limits


def medians(
    runs: Mapping[str, Callable[[], object]],
    rounds: int,
    *,
    twice: bool = True,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """The median milliseconds of each function.

    Args:
        runs: {name: function}. Every round calls all of them.
        rounds: to measure; one more before them warms up.
        twice: call each function once untimed before it is timed. The threads of one library keep spinning for a while
            after its work and slow down the next one. Functions that take seconds do not need this.
        clock: seconds. ``time.thread_time`` counts only what this thread computes, see ``one_core``.
    """
    took: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds + 1):
        for name, run in runs.items():
            if twice:
                run()
            took[name].append(1000 * timed(run, clock))
    return {name: float(np.median(values[1:])) for name, values in took.items()}


def timed(run: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of a call."""
    begun = clock()
    run()
    return clock() - begun


@contextmanager
def one_core() -> Iterator[None]:
    """Within, torch, numpy and OpenMP use one thread: the time of the thread is then all that a call computes."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def spread(milliseconds: Sequence[float]) -> dict[str, float]:
    """Median and 95th percentile, and of how many values."""
    found = {name: round(float(np.percentile(milliseconds, at)), 2) for name, at in (("median", 50), ("p95", 95))}
    return found | {"n": len(milliseconds)}
