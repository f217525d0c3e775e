"""Charts as inline SVG: intervals, shares, bars by query, the curve of the loss.

Drawn here instead of by a plotting component, so that there is nothing to load and nothing that moves the page when it
arrives, and colours come from the style sheet in light and dark. Positions along x are percentages and heights pixels:
a drawing stretches with the page while dots stay round and lines thin. Words are HTML beside it.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from space.ui.html.markup import EMPTY, Html, fill, join

#: More bars would be thinner than half a pixel, so evenly spaced ones of them are drawn.
MAX_BARS = 1_000
#: More places to point at would be too narrow to hit.
MAX_BANDS = 200
_MAX_POINTS = 400
_TALL = 1_000  # height of a drawing in its own units


@dataclass(frozen=True)
class Scale:
    """The range of numbers that the whole width shows."""

    low: float
    high: float

    def at(self, value: float) -> str:
        """The place of a value as a percentage; values outside of the range are at its ends."""
        share = (value - self.low) / (self.high - self.low)
        return f"{100 * min(max(share, 0.0), 1.0):.2f}%"


@dataclass(frozen=True)
class Band:
    """A group of neighbouring bars that a visitor can point at.

    Attributes:
        bars: how many.
        title: their description.
        link: to the comparison of one of their queries.
    """

    bars: int
    title: str
    link: str


def scale(values: Iterable[float], *, step: float = 0.1) -> Scale:
    """The narrowest scale between multiples of ``step`` that contains all values; at least one ``step`` wide."""
    known = list(values)
    # Rounded, because .3 / .1 is slightly more than 3.
    low = math.floor(round(min(known, default=0.0) / step, 6)) * step
    high = math.ceil(round(max(known, default=0.0) / step, 6)) * step
    return Scale(round(low, 6), round(max(high, low + step), 6))


def whisker(over: Scale, mean: float, low: float, high: float, kind: str = "", zero: bool = False) -> Html:
    """A dot with its interval; hidden from screen readers, since the numbers are beside it.

    Args:
        over: the scale that all comparable intervals share.
        mean: the dot.
        low: start of the interval.
        high: end of the interval.
        kind: a CSS class for the colour.
        zero: whether to mark zero.
    """
    mark = fill('<line class="zero" x1="{at}" x2="{at}" y1="0" y2="18"></line>', at=over.at(0.0)) if zero else EMPTY
    return fill(
        '<svg class="whisker {kind}" width="100%" height="18" aria-hidden="true" focusable="false">'
        '<line class="guide" x1="0" x2="100%" y1="9" y2="9"></line>{mark}'
        '<line class="range" x1="{low}" x2="{high}" y1="9" y2="9"></line>'
        '<circle cx="{mean}" cy="9" r="4"></circle></svg>',
        kind=kind,
        mark=mark,
        low=over.at(low),
        high=over.at(high),
        mean=over.at(mean),
    )


def shares(parts: Sequence[tuple[str, int]], title: str) -> Html:
    """One bar divided among (class, count) parts."""
    total, start, drawn = sum(count for _, count in parts), 0, []
    for kind, count in parts:
        if count:
            drawn.append(
                fill(
                    '<rect class="{kind}" x="{x}%" width="{width}%" height="12"></rect>',
                    kind=kind,
                    x=f"{100 * start / total:.2f}",
                    width=f"{100 * count / total:.2f}",
                )
            )
        start += count
    return fill(
        '<svg class="shares" width="100%" height="12" role="img" aria-label="{title}">{drawn}</svg>',
        title=title,
        drawn=join(drawn),
    )


def spread(count: int, most: int) -> np.ndarray:
    """Edges that divide ``count`` places nearly evenly into at most ``most`` parts: (parts + 1,) int64."""
    return np.linspace(0, count, min(count, most) + 1).round().astype(np.int64)


def bars(values: np.ndarray, over: Scale, bands: Sequence[Band], label: str) -> Html:
    """Bars up and down from zero, side by side.

    Two paths draw all bars, so that 2,000 take little more space than 200. Above them are invisible bands to point at.

    Args:
        values: (n,), from left to right.
        over: the scale of the heights; contains zero.
        bands: from left to right; their numbers of bars add up to n.
        label: the description for screen readers.
    """
    edges = spread(len(values), MAX_BARS)
    drawn = values[(edges[:-1] + edges[1:]) // 2]
    unit = _TALL / (over.high - over.low)
    wide = 80 if len(drawn) <= MAX_BANDS else 100  # of 100; very thin bars have no gaps, which would flicker
    up, down = (
        Html("".join(f"M{100 * x} 0V{-round(v * unit)}h{wide}V0z" for x, v in enumerate(drawn) if v * sign > 0))
        for sign in (1, -1)
    )
    places, start = [], 0
    for band in bands:
        places.append(
            fill(
                '<g class="band" data-link="{link}"><rect x="{x}%" width="{width}%" height="100%"></rect>'
                "<title>{title}</title></g>",
                link=band.link,
                x=f"{100 * start / len(values):.3f}",
                width=f"{100 * band.bars / len(values):.3f}",
                title=band.title,
            )
        )
        start += band.bars
    return fill(
        '<svg class="bars" width="100%" height="100%" role="img" aria-label="{label}">'
        '<svg viewBox="0 {top} {width} {tall}" preserveAspectRatio="none" width="100%" height="100%" '
        'aria-hidden="true"><path class="up" d="{up}"></path><path class="down" d="{down}"></path></svg>'
        '<line class="zero" x1="0" x2="100%" y1="{zero}" y2="{zero}"></line>{places}</svg>',
        label=label,
        top=-round(over.high * unit),
        width=100 * len(drawn),
        tall=_TALL,
        up=up,
        down=down,
        zero=f"{100 * over.high / (over.high - over.low):.2f}%",
        places=join(places),
    )


def curve(points: Sequence[tuple[float, float]], smooth: Sequence[float], over: Scale, label: str) -> Html:
    """A faint line through (x, y) points, and a strong one through their smoothed heights.

    Args:
        points: by rising x; at least two.
        smooth: (n,) smoothed heights at the same places.
        over: the scale of the heights.
        label: the description for screen readers.
    """
    kept = np.unique(np.linspace(0, len(points) - 1, min(len(points), _MAX_POINTS)).round().astype(int))
    first, last = points[0][0], points[-1][0]

    def path(heights: Sequence[float]) -> str:
        places = (
            (
                _TALL * (points[at][0] - first) / (last - first),
                _TALL * (over.high - heights[at]) / (over.high - over.low),
            )
            for at in kept
        )
        return "M" + "L".join(f"{x:.0f} {y:.0f}" for x, y in places)

    return fill(
        '<svg class="curve" width="100%" height="100%" viewBox="0 0 {tall} {tall}" preserveAspectRatio="none" '
        'role="img" aria-label="{label}"><path class="raw" d="{raw}"></path><path class="smooth" d="{smooth}"></path>'
        "</svg>",
        tall=_TALL,
        label=label,
        raw=path([y for _, y in points]),
        smooth=path(smooth),
    )
