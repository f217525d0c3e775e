"""The colours of grades, computed from the style sheet: readable, told apart, and in order from green to red."""

import itertools
import re

import numpy as np
import pandas as pd
import pytest

from space.data.scale import COLOURS, MOST_GRADES, LabelScale, scale, scale_of
from space.evaluation.schema import Evaluation
from space.ui.html.labels import badge
from space.ui.static import STYLE

CSS = STYLE.read_text(encoding="utf-8")
THEMES = ("light", "dark")


def variables(theme: str) -> dict[str, str]:
    """{name: colour} of a theme; what dark does not set is as in light."""
    found: dict[str, str] = {}
    for selector in (r":root", r"\.dark")[: 1 + (theme == "dark")]:
        block = re.search(rf"^{selector} \{{(.*?)^\}}", CSS, re.DOTALL | re.MULTILINE)
        assert block, selector
        found |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block[1]))
    return found


def linear(colour: str) -> np.ndarray:
    """(3,) linear sRGB of #rrggbb, as WCAG 2 defines it."""
    rgb = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(first: str, second: str) -> float:
    """WCAG 2's ratio, 1 to 21."""
    low, high = sorted(float(linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (first, second))
    return (high + 0.05) / (low + 0.05)


def oklab(colour: str) -> np.ndarray:
    """(3,) lightness and two axes in which equal distances look equally different (Ottosson 2020)."""
    cones = np.array(
        [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
         [0.0883024619, 0.2817188376, 0.6299787005]]
    ) @ linear(colour)  # fmt: skip
    return np.array(
        [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
         [0.0259040371, 0.7827717662, -0.8086757660]]
    ) @ np.cbrt(cones)  # fmt: skip


def of(count: int) -> LabelScale:
    """A scale of so many grades, the better half relevant."""
    return scale([(f"grade {place}", 1 - place / count, place < count / 2) for place in range(count)])


COUNTS = pytest.mark.parametrize("count", range(2, MOST_GRADES + 1))


def test_every_colour_has_rules() -> None:
    """A class that the style sheet lacks would be text without a background."""
    for colour in COLOURS:
        assert re.search(rf"\.badge\.{colour} \{{ background: var\(--{colour}-bg\); color: var\(--{colour}\)", CSS)
        assert f".e5-out .parts .{colour}, .e5-out .dot.{colour} {{ background: " in CSS


@pytest.mark.parametrize("theme", THEMES)
def test_text_can_be_read_on_every_colour(theme: str) -> None:
    """At least 4.5 to 1, WCAG AA for text of any size."""
    known = variables(theme)
    ratios = {colour: round(contrast(known[colour], known[f"{colour}-bg"]), 2) for colour in COLOURS}
    assert not {colour: ratio for colour, ratio in ratios.items() if ratio < 4.5}


@COUNTS
@pytest.mark.parametrize("theme", THEMES)
def test_grades_of_a_scale_can_be_told_apart(theme: str, count: int) -> None:
    """No two of them share a colour, or have nearly the same; .02 is about a just noticeable difference in OKLab."""
    known = variables(theme)
    colours = [oklab(known[f"{grade.colour}-bg"]) for grade in of(count).grades]
    nearest = min(np.linalg.norm(one - other) for one, other in itertools.combinations(colours, 2))
    assert nearest > 0.045


@pytest.mark.parametrize("count", range(5, MOST_GRADES + 1))
def test_many_grades_go_from_green_over_yellow_to_red(count: int) -> None:
    """The hue falls from grade to grade, so a better one is always greener."""
    known = variables("light")
    hues = [np.degrees(np.arctan2(*oklab(known[f"{grade.colour}-bg"])[:0:-1])) for grade in of(count).grades]
    assert (np.diff(hues) < 0).all() and hues[0] > 140 and hues[-1] < 40


@COUNTS
def test_the_owners_words_are_on_the_badges(count: int) -> None:
    """Colours alone say nothing to a reader who cannot see them."""
    grades = of(count).grades
    assert len({grade.colour for grade in grades}) == count
    for grade in grades:
        assert f'class="badge {grade.colour}"' in badge(grade) and f">{grade.name}</span>" in badge(grade)


def test_a_scale_with_ten_steps_is_read_and_kept() -> None:
    """Ratings of 0 to 10 as they are in a file, and after a way through JSON as text."""

    found = scale_of(pd.Series(range(11)))
    assert found.names == tuple(str(value) for value in range(10, -1, -1))
    assert Evaluation.from_json(Evaluation(scale=found).to_json()).label_scale == found
