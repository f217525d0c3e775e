"""Values out of an evaluation of any age and origin, and figures to text. Knows no metric and no page.

Nothing is taken to be there, or a number, before it was looked at.
"""

import math
from collections.abc import Mapping
from typing import Any

MISSING = "–"


def number(value: object) -> float | None:
    """``value`` if it is a finite number, else None."""
    usable = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if usable else None


def part(value: object, *names: str) -> Mapping[str, Any]:
    """What stands at the end of ``names`` within nested mappings; empty where there is no mapping there."""
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def difference(value: object) -> dict[str, Any] | None:
    """A paired difference as ``evaluation.paired`` gives it, or None for what is no whole one."""
    found = part(value)
    counts = {name: number(found.get(name)) for name in ("n", "wins", "losses", "ties")}
    figures = {name: number(found.get(name)) for name in ("mean", "low", "high")}
    if None in counts.values() or (counts["n"] and None in figures.values()):
        return None
    return figures | {name: int(count) for name, count in counts.items() if count is not None}


def plain(value: object) -> str:
    """``.673``: all these metrics lie in 0 to 1, where the zero before the point says nothing."""
    figure = number(value)
    return MISSING if figure is None else f"{figure:.3f}".removeprefix("0")


def signed(value: object) -> str:
    """``+.029`` or ``−.003``; the sign stays where the digits round to nothing, unless there is nothing."""
    figure = number(value)
    if figure is None or figure == 0:
        return plain(figure)
    return f"{'+' if figure > 0 else '−'}{plain(abs(figure))}"
