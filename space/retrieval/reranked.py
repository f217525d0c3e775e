"""Reranked retrieval: a cross-encoder reorders the best products of another system."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from space.data.catalogue import BULLETS, TEXT_COLUMNS
from space.data.passages import passages
from space.retrieval.system import Ranking, Stopwatch, System

#: How many of the best products are reordered: fewer miss good ones, and each costs a forward pass.
RERANK_TOP = 50

#: Query and passage.
Pair = tuple[str, str]
#: (m,) int64 rows of the catalogue to the m texts that a cross-encoder reads of them.
TextsOf = Callable[[np.ndarray], list[str]]


class PairScorer(Protocol):
    """What reranking needs of a cross-encoder; ``space.encoding.reranker.Reranker`` is one."""

    def scores(self, pairs: Sequence[Pair]) -> np.ndarray:
        """(n,) float32, higher for a better passage; they compare within one query only."""


def texts_of(catalogue: pa.Table, bullets: int = 0) -> TextsOf:
    """The passages of a catalogue, made when they are needed.

    Args:
        catalogue: (n) rows of product columns.
        bullets: characters of the bullet points, see ``space.data.passages.passages``.
    """
    known = [*TEXT_COLUMNS, *([BULLETS] if bullets and BULLETS in catalogue.column_names else [])]
    columns = catalogue.select(known)
    return lambda rows: passages(columns.take(pa.array(rows)), bullets if BULLETS in known else 0)


class RerankedSystem(System):
    """The best ``top`` products of a system in the order of a cross-encoder, then the others as they were.

    Of equal scores the product that was ahead stays ahead.

    Args:
        first: finds the products.
        scorer: scores pairs of a query and a text.
        texts_of: the passages of products, without the prompts of encoders.
        top: how many of the best products are reordered.
    """

    name, dense = "reranked", True

    def __init__(self, first: System, scorer: PairScorer, texts_of: TextsOf, top: int = RERANK_TOP) -> None:
        """Keep them; nothing is scored yet."""
        self.first, self.scorer, self.texts_of, self.top = first, scorer, texts_of, top
        self.in_database = first.in_database

    def __len__(self) -> int:
        return len(self.first)

    def retrieve(
        self, queries: Sequence[str], k: int, mask: np.ndarray | None = None, clock: Stopwatch | None = None
    ) -> list[Ranking]:
        """See ``System``; the stage "rerank" is the cross-encoder's time.

        It reorders the best ``top`` for any k: else the first ten of k=20 would differ from those of k=10. Scores are
        the cross-encoder's. The products below keep their distances from each other, moved down so that the best of
        them has the score of the last one above.
        """
        clock = clock or Stopwatch()
        found = self.first.retrieve(queries, max(k, self.top), mask, clock)
        with clock.stage("rerank"):
            orders = self._orders(queries, [one.rows[: self.top] for one in found])
        rankings = []
        for one, (order, scores) in zip(found, orders, strict=True):
            rest = one.scores[self.top :]
            lowest = scores[-1] - rest[0] if len(rest) else 0.0
            rankings.append(
                Ranking(
                    np.concatenate([scores, rest + lowest]).astype(np.float32)[:k],
                    np.concatenate([one.rows[: self.top][order], one.rows[self.top :]])[:k],
                )
            )
        return rankings

    def rank(self, queries: Sequence[str], rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """See ``System``; as in ``retrieve`` the best ``top`` of the given rows are reordered."""
        before = self.first.rank(queries, rows)
        best = [given[order[: self.top]] for given, order in zip(rows, before, strict=True)]
        orders = [order for order, _ in self._orders(queries, best)]
        return [
            np.concatenate([old[: self.top][new], old[self.top :]]) for old, new in zip(before, orders, strict=True)
        ]

    def within(self, filters: Mapping[str, Any]) -> System:
        """See ``System``."""
        if not self.in_database:
            return self
        return RerankedSystem(self.first.within(filters), self.scorer, self.texts_of, self.top)

    def _orders(self, queries: Sequence[str], rows: Sequence[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each query the new order of its rows, (m,) int64 positions, and (m,) float32 scores in that order.

        The pairs of all queries are scored in one call.
        """
        flat = np.concatenate([np.empty(0, np.int64), *rows])
        texts = self.texts_of(flat)
        asked = [query for query, part in zip(queries, rows, strict=True) for _ in part]
        scores = self.scorer.scores(list(zip(asked, texts, strict=True)))
        parts = np.split(scores, np.cumsum([len(part) for part in rows])[:-1])
        orders = [np.argsort(-part, kind="stable") for part in parts]
        return [(order, part[order]) for order, part in zip(orders, parts, strict=True)]
