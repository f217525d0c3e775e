"""What a cosine is worth: where it lies among scores that the same encoder gives to pairs of a known kind.

A cosine alone says little: those of E5 lie in .7 to 1 by design. Nor does its place among this query's scores over
the catalogue, which is its rank again. So it is compared with the scores of other queries' pairs: held-out queries and
products that people judged Exact for them. Where too few were judged, with random pairs: titles in place of queries,
and products that have nothing to do with them. Knows no page, and of an encoder only what it scores.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import torch

from space.data.catalogue import rows_of
from space.io.threads import side_by_side
from space.retrieval.systems import DenseSystem
from space.search.results import Standing

#: Few enough for a start: 100 queries are encoded in about a second on two cores.
QUERIES, PAIRS = 100, 500
#: With fewer, a per cent would be one pair or less, and a few queries would speak for all.
MIN_QUERIES, MIN_PAIRS = 10, 50
RANDOM_PRODUCTS = 10
EXACT, RANDOM = "Exact pairs", "random pairs"


@dataclass(frozen=True)
class Calibration:
    """Reference scores of one encoder.

    Attributes:
        scores: (m,) float32, ascending.
        among: what pairs they are of, ``EXACT`` or ``RANDOM``.
    """

    scores: np.ndarray
    among: str

    def standing(self, score: float) -> Standing:
        """The share of the reference scores that lie below ``score``."""
        below = int(np.searchsorted(self.scores, score, side="left"))
        return Standing(below / len(self.scores), self.among, len(self.scores))


@dataclass(frozen=True)
class Pairs:
    """Queries and rows to score.

    Attributes:
        queries: (q,) texts.
        places: (m,) int64, which query each pair has.
        rows: (m,) int64, its row in the catalogue.
        among: what they are.
    """

    queries: list[str]
    places: np.ndarray
    rows: np.ndarray
    among: str


def reference_pairs(judgments: pd.DataFrame | None, catalogue: pa.Table, seed: int = 0) -> Pairs | None:
    """Pairs to compare with, the same at every start; None where a catalogue has not even two titles.

    Args:
        judgments: of held-out queries, or None.
        catalogue: row-aligned with the systems.
        seed: of the draw.
    """
    rng = np.random.default_rng(seed)
    return _exact(judgments, catalogue, rng) or _random(catalogue, rng)


def calibrate(system: DenseSystem, pairs: Pairs) -> Calibration:
    """The scores of the pairs by one encoder."""
    vectors = system.encoder.encode_queries(pairs.queries)
    scores = system.index.pair_scores(vectors[torch.from_numpy(pairs.places)], torch.from_numpy(pairs.rows))
    return Calibration(np.sort(scores.cpu().numpy()), pairs.among)


def calibrations(
    systems: Mapping[str, object], judgments: pd.DataFrame | None, catalogue: pa.Table
) -> dict[str, Calibration]:
    """{name: calibration} of those systems whose score is a cosine."""
    pairs = reference_pairs(judgments, catalogue)
    dense = {name: system for name, system in systems.items() if isinstance(system, DenseSystem)}
    if pairs is None:
        return {}
    return dict(zip(dense, side_by_side(lambda system: calibrate(system, pairs), dense.values()), strict=True))


def _exact(judgments: pd.DataFrame | None, catalogue: pa.Table, rng: np.random.Generator) -> Pairs | None:
    if judgments is None or judgments.empty:
        return None
    exact = judgments[judgments["esci_label"].astype(str) == "Exact"]
    exact = exact.assign(row=rows_of(catalogue, exact["product_locale"], exact["product_id"]))
    exact = exact[exact["row"] >= 0].sort_values(["product_locale", "query"], kind="stable")
    first = np.flatnonzero(~exact.duplicated(["product_locale", "query"]))
    groups = np.split(exact["row"].to_numpy(), first[1:])
    chosen = np.sort(rng.permutation(len(first))[:QUERIES])
    # The same number from each, so that a few queries with many products do not speak for all.
    each = -(-PAIRS // max(len(chosen), 1))
    rows = [rng.permutation(groups[place])[:each] for place in chosen]
    if len(rows) < MIN_QUERIES or sum(map(len, rows)) < MIN_PAIRS:
        return None
    return Pairs(
        exact["query"].iloc[first[chosen]].tolist(),
        np.repeat(np.arange(len(rows)), [len(part) for part in rows]),
        np.concatenate(rows).astype(np.int64),
        EXACT,
    )


def _random(catalogue: pa.Table, rng: np.random.Generator) -> Pairs | None:
    drawn = rng.permutation(len(catalogue))[: 2 * QUERIES]
    titles = catalogue["product_title"].take(pa.array(drawn)).to_pylist()
    titled = [(row, title) for row, title in zip(drawn, titles, strict=True) if title and title.strip()][:QUERIES]
    if len(catalogue) < 2 or not titled:
        return None
    # A step of 1 to n - 1 from its own row, so that no title meets its own product.
    steps = rng.integers(1, len(catalogue), (len(titled), RANDOM_PRODUCTS))
    rows = (np.array([row for row, _ in titled])[:, None] + steps) % len(catalogue)
    return Pairs(
        [title for _, title in titled],
        np.repeat(np.arange(len(titled)), RANDOM_PRODUCTS),
        rows.ravel().astype(np.int64),
        RANDOM,
    )
