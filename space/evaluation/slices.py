"""Where fine-tuning helped and where not: the held-out queries by locale, length and label mix.

Knows evaluation.json and no page. Reads figures that were measured and measures nothing itself, so that a slice adds
up to the whole it was cut from. A slice of fewer than ``MIN_QUERIES`` queries has figures, but says nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from space.data.judgments import LABELS
from space.data.words import word_count
from space.evaluation import metrics
from space.evaluation.protocols import BASE
from space.evaluation.schema import HEADLINE_COLUMN, MIN_QUERIES, BeforeAfter, Evaluation

TUNED = "tuned"
#: What a slice is measured by, as named in ``per_query``: the number to decide by, and the one papers print.
FIGURES = {HEADLINE_COLUMN: "full-catalogue nDCG@10", "judged/ndcg": "judged nDCG"}
LENGTHS = ("1–2 words", "3–4 words", "5 words or more")
MIXES = ("mostly Exact", "mixed", "few Exact")
#: A share of Exact products of at least this is mostly, below the other few; between them lies a third of all shares.
MOSTLY, FEW = 2 / 3, 1 / 3
#: Fewer than the tables' resamples, since a page has a dozen slices; moves an end of an interval by a few per cent.
RESAMPLES = 2_000


@dataclass(frozen=True)
class Slice:
    """Some of the queries.

    Attributes:
        by: what divides them: "Locale", "Query length" or "Label mix".
        name: which part this is.
        figures: {column of ``FIGURES``: base and tuned over these queries}.
    """

    by: str
    name: str
    figures: Mapping[str, BeforeAfter]

    def bearing(self, column: str) -> str:
        """What may be said of it, see ``PairedDifference.outcome``."""
        return self.figures[column].outcome


def queries(measured: Evaluation) -> pd.DataFrame | None:
    """The held-out queries with what was measured of each.

    Args:
        measured: what training measured.

    Returns:
        One row per query: product_locale, query (str), "base/…" and "tuned/…" for each of ``FIGURES`` (float64, NaN
        where undefined), and ``LABELS`` (float64 counts) if they were kept. None if base and tuned are not both there,
        query by query.
    """
    held = measured.per_query
    if held is None:
        return None
    columns = {f"{system}/{column}": held.values(system, column) for system in (BASE, TUNED) for column in FIGURES}
    if any(values is None for values in columns.values()):
        return None
    labels = held.labels or {}
    counts = {label: np.array(labels[label], dtype=np.float64) for label in LABELS if label in labels}
    return pd.DataFrame({"product_locale": held.product_locale, "query": held.query} | columns | counts)


def difference(frame: pd.DataFrame, column: str) -> pd.Series:
    """Fine-tuned minus base of each query, (n,) float64."""
    return frame[f"{TUNED}/{column}"] - frame[f"{BASE}/{column}"]


def cut(frame: pd.DataFrame) -> dict[str, list[Slice]]:
    """The slices by what divides the queries, each with those parts that have any; without counts no label mix."""
    cuts = {
        "Locale": (frame["product_locale"], sorted(frame["product_locale"].unique())),
        "Query length": (frame["query"].map(length), LENGTHS),
    }
    if set(LABELS) <= set(frame):
        cuts["Label mix"] = (mixes(frame), MIXES)
    return {
        by: [_slice(by, name, frame[of == name]) for name in names if (of == name).any()]
        for by, (of, names) in cuts.items()
    }


def length(query: str) -> str:
    """Which of ``LENGTHS``."""
    count = word_count(query)
    return LENGTHS[0] if count <= 2 else LENGTHS[1] if count <= 4 else LENGTHS[2]


def mixes(frame: pd.DataFrame) -> pd.Series:
    """Which of ``MIXES`` each query is, by the share of Exact among its judged products."""
    share = (frame["Exact"] / frame[list(LABELS)].sum(axis=1)).fillna(0.0)
    named = np.select([share >= MOSTLY, share >= FEW], MIXES[:2], MIXES[2])
    return pd.Series(named, index=frame.index)


def conclusions(frame: pd.DataFrame, cuts: Mapping[str, Sequence[Slice]]) -> list[str]:
    """What the slices say in plain sentences: who pays for the gain, and what must not be read into them."""
    parts = [one for slices in cuts.values() if len(slices) > 1 for one in slices]
    if not parts:
        return []
    wholes = {column: metrics.paired(difference(frame, column), resamples=RESAMPLES) for column in FIGURES}
    gained = [column for column, whole in wholes.items() if whole.n and whole.mean > 0]
    sentences = []
    for one in parts:
        lost = [column for column in gained if one.bearing(column) == "worse"]
        fell = ", ".join(
            f"{FIGURES[column]} fell by {_figure(-one.figures[column].mean)} there while it rose by "
            f"{_figure(wholes[column].mean)} over all queries"
            for column in lost
        )
        if fell:
            queries = one.figures[lost[0]].n
            sentences.append(f"The gain is paid for by {one.by.lower()} “{one.name}” ({queries:,} queries): {fell}.")
    headline, name = next(iter(FIGURES.items()))
    leaning = [one for one in parts if one.bearing(headline) == "unclear" and one.figures[headline].mean < 0]
    if headline in gained and leaning:
        listed = ", ".join(
            f"{one.by.lower()} “{one.name}” (−{_figure(-one.figures[headline].mean)})" for one in leaning
        )
        sentences.append(f"Lower than base there, though not clearly, while all queries gain in {name}: {listed}.")
    better = sorted(
        (one for one in parts if one.bearing(headline) == "better"), key=lambda one: -one.figures[headline].mean
    )
    if better:
        listed = ", ".join(f"{one.by.lower()} “{one.name}” (+{_figure(one.figures[headline].mean)})" for one in better)
        sentences.append(f"Clearly better in {name}: {listed}.")
    telling = [one for one in parts if one.bearing(headline) not in ("few", "none")]
    if telling and not any(one.bearing(column) == "worse" for one in parts for column in FIGURES):
        sentences.append(f"No slice of at least {MIN_QUERIES} queries is clearly worse than base.")
    if len(telling) < len(parts):
        sentences.append(
            f"Slices of fewer than {MIN_QUERIES} queries are too few to tell anything, and are not judged."
        )
    if len(telling) > 1:
        sentences.append(
            f"{len(telling)} slices are {len(telling)} chances to be wrong: of twenty 95 % intervals about one misses."
        )
    return sentences


def _slice(by: str, name: str, part: pd.DataFrame) -> Slice:
    def of(column: str) -> BeforeAfter:
        return metrics.before_after(part[f"{BASE}/{column}"], part[f"{TUNED}/{column}"], resamples=RESAMPLES)

    return Slice(by, name, {column: of(column) for column in FIGURES})


def _figure(value: float) -> str:
    """``.029``, as the tables of the page have it."""
    return f"{value:.3f}".removeprefix("0")
