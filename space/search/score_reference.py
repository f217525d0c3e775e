"""Score references: which share of an encoder's scores for known pairs lies below the score of a hit.

A cosine by itself says little: those of E5 lie between .7 and 1 by design. Its place among the scores of the same
query is its rank again. So it is compared with scores of other queries: held-out queries and products judged
relevant for them. Where too few pairs are judged, it is compared with random pairs: titles in place of queries, and
products drawn at random.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import torch

from space.data.catalogue import rows_of
from space.data.scale import ESCI, LabelScale
from space.io.threads import in_parallel
from space.retrieval.dense import DenseSystem
from space.retrieval.system import System
from space.search.results import RANDOM, RELEVANT, Standing

#: Few enough for the start of the app: 100 queries are encoded in about a second on two cores.
QUERIES, PAIRS = 100, 500
#: With fewer pairs, one pair would be more than 2 %; with fewer queries, a few would stand for all.
MIN_QUERIES, MIN_PAIRS = 10, 50
RANDOM_PRODUCTS = 10


@dataclass(frozen=True)
class ScoreReference:
    """Scores of one encoder to compare others with.

    Attributes:
        scores: (m,) float32, ascending.
        among: which pairs they are of, ``RELEVANT`` or ``RANDOM``.
    """

    scores: np.ndarray
    among: str

    def standing(self, score: float) -> Standing:
        """The share of the reference scores below ``score``."""
        below = int(np.searchsorted(self.scores, score, side="left"))
        return Standing(below / len(self.scores), self.among, len(self.scores))


@dataclass(frozen=True)
class Pairs:
    """Pairs of a query and a product.

    Attributes:
        queries: (q,) texts.
        places: (m,) int64, the position in ``queries`` of each pair's query.
        rows: (m,) int64, the row in the catalogue of each pair's product.
        among: ``RELEVANT`` or ``RANDOM``.
    """

    queries: list[str]
    places: np.ndarray
    rows: np.ndarray
    among: str


def score_references(
    systems: Mapping[str, System], judgments: pd.DataFrame | None, catalogue: pa.Table, scale: LabelScale = ESCI
) -> dict[str, ScoreReference]:
    """{name: reference} of the systems whose score is a cosine; empty for a catalogue without two titles."""
    pairs = reference_pairs(judgments, catalogue, scale=scale)
    if pairs is None:
        return {}
    dense = {name: system for name, system in systems.items() if isinstance(system, DenseSystem)}
    found = in_parallel(lambda system: score_reference(system, pairs), dense.values())
    return dict(zip(dense, found, strict=True))


def score_reference(system: DenseSystem, pairs: Pairs) -> ScoreReference:
    """The scores of the pairs by one encoder."""
    vectors = system.encoder.encode_queries(pairs.queries)
    scores = system.index.pair_scores(vectors[torch.from_numpy(pairs.places)], torch.from_numpy(pairs.rows))
    return ScoreReference(np.sort(scores.cpu().numpy()), pairs.among)


def reference_pairs(
    judgments: pd.DataFrame | None, catalogue: pa.Table, seed: int = 0, scale: LabelScale = ESCI
) -> Pairs | None:
    """Pairs to compare with, the same at every start; None for a catalogue without two titles.

    Args:
        judgments: of held-out queries, or None.
        catalogue: product columns, row-aligned with the systems.
        seed: of the draw.
        scale: of the labels.
    """
    rng = np.random.default_rng(seed)
    return _relevant_pairs(judgments, catalogue, rng, scale) or _random_pairs(catalogue, rng)


def _relevant_pairs(
    judgments: pd.DataFrame | None, catalogue: pa.Table, rng: np.random.Generator, scale: LabelScale
) -> Pairs | None:
    if judgments is None or judgments.empty:
        return None
    exact = judgments[judgments["esci_label"].astype(str).isin(scale.relevant)]
    exact = exact.assign(row=rows_of(catalogue, exact["product_locale"], exact["product_id"]))
    exact = exact[exact["row"] >= 0].sort_values(["product_locale", "query"], kind="stable")
    starts = np.flatnonzero(~exact.duplicated(["product_locale", "query"]))
    rows_by_query = np.split(exact["row"].to_numpy(), starts[1:])
    chosen = np.sort(rng.permutation(len(starts))[:QUERIES])
    # The same number of products from each query: else a query with 200 of them would count as much as 20 others.
    each = -(-PAIRS // max(len(chosen), 1))
    rows = [rng.permutation(rows_by_query[place])[:each] for place in chosen]
    if len(rows) < MIN_QUERIES or sum(map(len, rows)) < MIN_PAIRS:
        return None
    return Pairs(
        queries=exact["query"].iloc[starts[chosen]].tolist(),
        places=np.repeat(np.arange(len(rows)), [len(part) for part in rows]),
        rows=np.concatenate(rows).astype(np.int64),
        among=RELEVANT,
    )


def _random_pairs(catalogue: pa.Table, rng: np.random.Generator) -> Pairs | None:
    drawn = rng.permutation(len(catalogue))[: 2 * QUERIES]
    titles = catalogue["product_title"].take(pa.array(drawn)).to_pylist()
    titled = [(row, title) for row, title in zip(drawn, titles, strict=True) if title and title.strip()][:QUERIES]
    if len(catalogue) < 2 or not titled:
        return None
    # The product is 1 to n - 1 rows further on than the title's own, so it is never the title's own.
    steps = rng.integers(1, len(catalogue), (len(titled), RANDOM_PRODUCTS))
    rows = (np.array([row for row, _ in titled])[:, None] + steps) % len(catalogue)
    return Pairs(
        queries=[title for _, title in titled],
        places=np.repeat(np.arange(len(titled)), RANDOM_PRODUCTS),
        rows=rows.ravel().astype(np.int64),
        among=RANDOM,
    )
