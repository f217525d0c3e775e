"""Milliseconds of one query by each system, one query at a time, on this machine."""

import time
from collections.abc import Mapping, Sequence

import numpy as np

from space.retrieval.system import Stopwatch, System

#: Products asked for, as the page does; queries that are timed; and queries before, which allocate memory.
_K, _QUERIES, _WARM_UP = 10, 50, 3


def milliseconds(system: System, queries: Sequence[str]) -> dict[str, float]:
    """The median milliseconds of each stage ("encode", "search", "rerank") and in "total", over at most 50 queries.

    Args:
        system: what is timed.
        queries: at least one; each is asked alone, over the whole catalogue.
    """
    for query in queries[:_WARM_UP]:
        system.retrieve([query], _K)
    spent: dict[str, list[float]] = {}
    for query in queries[:_QUERIES]:
        clock, start = Stopwatch(), time.perf_counter()
        system.retrieve([query], _K, clock=clock)
        for stage, found in {**clock.milliseconds, "total": (time.perf_counter() - start) * 1e3}.items():
            spent.setdefault(stage, []).append(found)
    return {stage: round(float(np.median(found)), 2) for stage, found in spent.items()}


def to_markdown(found: Mapping[str, Mapping[str, float]]) -> str:
    """The milliseconds as a Markdown table."""
    stages = [
        stage for stage in ("encode", "search", "rerank", "total") if any(stage in one for one in found.values())
    ]
    rows = [f"| {name} | " + " | ".join(f"{one[s]:.1f}" if s in one else "–" for s in stages) + " |"
            for name, one in found.items()]  # fmt: skip
    head = "| system | " + " | ".join(f"{stage}, ms" for stage in stages) + " |\n" + "| --- " * (len(stages) + 1) + "|"
    return "\n".join(["**Milliseconds a query**, the median, one query at a time on this machine.\n", head, *rows])
