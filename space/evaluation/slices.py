"""The held-out queries in slices: by locale, by length and by their mix of labels.

A slice is made of the figures that training measured query by query, so that slices add up to the whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from space.data.catalogue import NO_LOCALE
from space.data.scale import ESCI, LabelScale
from space.data.words import word_count
from space.encoding.description import BASE, TUNED
from space.evaluation import metrics
from space.evaluation.estimates import BeforeAfter
from space.evaluation.held_out_queries import Pair
from space.evaluation.schema import Evaluation
from space.evaluation.tables import HEADLINE_COLUMN
from space.i18n import N_

#: {column of ``PerQuery``: its name}: the metric to decide by, and the one that papers print.
FIGURES = {HEADLINE_COLUMN: N_("full-catalogue nDCG@10"), "judged/ndcg": N_("judged nDCG")}
LOCALE, LENGTH, MIX = N_("Locale"), N_("Query length"), N_("Label mix")
LENGTHS = (N_("1–2 words"), N_("3–4 words"), N_("5 words or more"))
MIXES = (N_("mostly relevant"), N_("mixed"), N_("few relevant"))
#: "mostly relevant" is a share of relevant products of at least 2/3, "few relevant" one below 1/3.
MOSTLY, FEW = 2 / 3, 1 / 3
#: The tables have 10,000. Here there are a dozen slices, and fewer move the ends of an interval by a few per cent.
RESAMPLES = 2_000


@dataclass(frozen=True)
class Slice:
    """Some of the queries.

    Attributes:
        by: ``LOCALE``, ``LENGTH`` or ``MIX``.
        name: a locale, or one of ``LENGTHS`` or ``MIXES``.
        figures: {column of ``FIGURES``: both systems over these queries}.
    """

    by: str
    name: str
    figures: Mapping[str, BeforeAfter]


def queries(measured: Evaluation, pair: Pair | None = None) -> pd.DataFrame | None:
    """The held-out queries with the figures of two systems.

    Args:
        measured: the evaluation.
        pair: the system that stands for "tuned" in the columns, and the one for "base"; None for the candidate and
            the reference.

    Returns:
        One row per query: product_locale, query (str), "base/…" and "tuned/…" for each of ``FIGURES`` (float64, NaN
        where undefined), and a float64 count for each label if the evaluation has them. None if it does not
        have the figures of single queries.
    """
    system, reference = pair or (measured.candidate, measured.reference)
    held = measured.per_query
    if held is None:
        return None
    columns = {
        f"{part}/{column}": held.values(name, column)
        for part, name in ((BASE, reference), (TUNED, system))
        for column in FIGURES
    }
    if any(values is None for values in columns.values()):
        return None
    labels = held.labels or {}
    counts = {
        label: np.array(labels[label], dtype=np.float64) for label in measured.label_scale.names if label in labels
    }
    return pd.DataFrame({"product_locale": held.product_locale, "query": held.query} | columns | counts)


def difference(frame: pd.DataFrame, column: str) -> pd.Series:
    """The difference of the two systems for each query, (n,) float64."""
    return frame[f"{TUNED}/{column}"] - frame[f"{BASE}/{column}"]


def cut(frame: pd.DataFrame, scale: LabelScale = ESCI) -> dict[str, list[Slice]]:
    """{``LOCALE``, ``LENGTH`` and ``MIX``: the slices that have queries}.

    A shop without locales has no ``LOCALE``. A ``frame`` without counts of labels has no ``MIX``, and nor has one in
    which all labels are relevant.
    """
    cuts: dict[str, tuple[pd.Series, Sequence[str]]] = {}
    if (locales := sorted(frame["product_locale"].unique())) != [NO_LOCALE]:
        cuts[LOCALE] = frame["product_locale"], locales
    cuts[LENGTH] = frame["query"].map(length), LENGTHS
    if set(scale.names) <= set(frame) and frame[list(scale.negatives)].to_numpy().any():
        cuts[MIX] = (mixes(frame, scale), MIXES)
    return {
        by: [Slice(by, name, figures(frame[of == name])) for name in names if (of == name).any()]
        for by, (of, names) in cuts.items()
    }


def length(query: str) -> str:
    """Which of ``LENGTHS`` a query has."""
    count = word_count(query)
    return LENGTHS[0] if count <= 2 else LENGTHS[1] if count <= 4 else LENGTHS[2]


def mixes(frame: pd.DataFrame, scale: LabelScale = ESCI) -> pd.Series:
    """Which of ``MIXES`` each query is, by the share of relevant ones among its judged products."""
    share = (frame[sorted(scale.relevant)].sum(axis=1) / frame[list(scale.names)].sum(axis=1)).fillna(0.0)
    named = np.select([share >= MOSTLY, share >= FEW], MIXES[:2], MIXES[2])
    return pd.Series(named, index=frame.index)


def figures(frame: pd.DataFrame) -> dict[str, BeforeAfter]:
    """{column of ``FIGURES``: both systems over the queries of ``frame``}."""
    return {
        column: metrics.before_after(frame[f"{BASE}/{column}"], frame[f"{TUNED}/{column}"], resamples=RESAMPLES)
        for column in FIGURES
    }
