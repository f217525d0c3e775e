"""Vector search in Milvus, with the methods and the scores of ``TorchIndex``."""

import copy
import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from space.data.filters import FILTERS, given
from space.data.words import normalized
from space.errors import QueryError
from space.i18n import gettext as _
from space.i18n import number
from space.index.milvus_client import (
    KEY,
    KINDS,
    METRIC,
    NO_NUMBER,
    PATIENCE,
    VECTOR,
    MilvusConnection,
    MilvusError,
    answering,
)

logger = logging.getLogger(__name__)

#: Rows asked for beyond k, because Milvus rounds scores differently and may order the last ones otherwise. With scores
#: of int8 codes several times as many are asked for.
_SPARE, _CODED = 16, 4
#: How far Milvus' scores may be from ours: rounding of float32 sums.
_ROUNDING = 1e-4
#: What a search may miss: rows written in the last seconds, by default 5 (``common.gracefulTime``). ``open_indexes``
#: has counted all rows with "Strong" before, and they never change, so nothing is missed. A search with "Strong" would
#: wait for the server's next time tick, up to .2 s. "Session" and "Eventually" have no limit: after a restart of the
#: server they could miss rows that were written long ago.
CONSISTENCY = "Bounded"
#: The most rows Milvus returns for a query, and the most that are fetched by row at a time.
_MOST, _FETCH = 16_384, 1_000


def condition(filters: Mapping[str, Any]) -> str:
    """Filters as an expression of Milvus; "" if all products pass.

    Args:
        filters: of ``space.data.filters.FILTERS``, checked; None and "" allow all.
    """
    lowest, highest = ("min_price", "min_rating"), ("max_price",)
    parts = []
    for name, value in filters.items():
        if not given(value):
            continue
        column = FILTERS[name]
        if name in lowest:
            parts.append(f"{column} >= {float(value)!r}")
        elif name in highest:  # a product without a price is not cheap
            parts.append(f"{column} <= {float(value)!r} and {column} > {NO_NUMBER!r}")
        elif name == "category":  # each product has all the paths above it, see milvus_collections
            parts.append(f"array_contains({column}, {_literal(value)})")
        else:  # a collection holds the normalized text, so that all spellings of a brand are one
            parts.append(f"{column} == {_literal(normalized(value))}")
    return " and ".join(parts)


def _literal(text: str) -> str:
    """A text in quotes. These are the escapes of Milvus Lite; it takes all other characters as they are."""
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        text = text.replace(plain, escaped)
    return f'"{text}"'


class MilvusIndex:
    """One encoder's vectors in a collection, with the methods of ``TorchIndex``.

    Rows that Milvus finds are scored here, from the vectors it returns, so scores and order are those of
    ``TorchIndex``, ties by lower row. With FLAT it also finds the same rows, unless more than 16,000 products have the
    same score.

    Args:
        place: the connection.
        name: the loaded collection.
        shape: (n, d).
        kind: type of the index, see ``KINDS``.
    """

    device = torch.device("cpu")

    def __init__(self, place: MilvusConnection, name: str, shape: tuple[int, int], kind: str) -> None:
        """Keep them; Milvus is not asked yet."""
        self._place, self._name, self._shape = place, name, shape
        self._condition = ""
        self._params = KINDS.get(kind, ({}, {}))[1]
        self._times = _CODED if kind == "IVF_SQ8" else 1

    def __len__(self) -> int:
        return self._shape[0]

    @property
    def dim(self) -> int:
        """Length of each vector."""
        return self._shape[1]

    def within(self, filters: Mapping[str, Any]) -> "MilvusIndex":
        """The same index for products that pass ``filters``; Milvus applies them while it searches."""
        narrowed = copy.copy(self)
        narrowed._condition = condition(filters)
        return narrowed

    def pair_scores(self, queries: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """(p,) float32: the inner product of query i with row ``rows[i]``, for (p, d) queries and (p,) int64 rows."""
        return (self._checked(queries) * self.vectors(rows)).sum(dim=1)

    def vectors(self, rows: torch.Tensor) -> torch.Tensor:
        """(m, d) float32: the vectors of (m,) int64 rows.

        Raises:
            QueryError: Milvus does not answer, or lacks a row.
        """
        wanted = [int(row) for row in rows]
        found: dict[int, np.ndarray] = {}
        distinct = sorted(set(wanted))
        for start in range(0, len(distinct), _FETCH):
            ids = distinct[start : start + _FETCH]
            got = self._ask("get", ids=ids, output_fields=[VECTOR])
            found |= {int(one[KEY]): np.asarray(one[VECTOR], np.float32) for one in got}
        if len(found) < len(distinct):
            logger.warning("%s of %s lacks rows that were asked for", self._name, self._place.name)
            raise QueryError(_("the vector database lacks a product: have it loaded again"))
        return torch.from_numpy(np.stack([found[row] for row in wanted]))

    def search(
        self, queries: torch.Tensor, k: int, mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The rows with the largest inner products, see ``TorchIndex.search``.

        Args:
            queries: (q, d).
            k: how many per query.
            mask: (n,) or (q, n) bool. Milvus does not take a mask, so rows that it forbids are dropped here. Use
                ``within`` with the filters behind the mask as well, or most rows found may be dropped.

        Raises:
            ValueError: k below 1, a query of another dimension.
            QueryError: Milvus does not answer, or the mask leaves too little of what it finds.
        """
        if k < 1:
            raise ValueError(f"k should be >= 1, is {k}")
        queries, k = self._checked(queries), min(k, len(self))
        scores = torch.full((len(queries), k), float("-inf"))
        best = torch.full((len(queries), k), -1)
        open_, limit = list(range(len(queries))), k * self._times + _SPARE
        while open_:
            limit = min(limit, len(self), _MOST)
            unsettled = []
            for place, found in zip(open_, self._nearest(queries[open_], limit), strict=True):
                allowed = found.only(mask[place] if mask is not None and mask.ndim == 2 else mask)
                order = np.lexsort((allowed.rows, -allowed.scores))[:k]
                whole = len(found.rows) < limit or limit == len(self)
                settled = len(order) == k and allowed.scores[order[-1]] > found.least + _ROUNDING
                if not (whole or settled) and limit < _MOST:
                    unsettled.append(place)
                    continue
                if len(order) < k and not whole:
                    text = _("the filters leave too few of the {n} products that Milvus gives")
                    raise QueryError(text.format(n=number(_MOST)))
                scores[place, : len(order)] = torch.from_numpy(allowed.scores[order])
                best[place, : len(order)] = torch.from_numpy(allowed.rows[order])
            open_, limit = unsettled, 4 * limit
        return scores, best

    def _nearest(self, queries: torch.Tensor, limit: int) -> "list[_Found]":
        params = dict(self._params)
        if "ef" in params:
            params["ef"] = max(params["ef"], 2 * limit)
        answers = self._ask(
            "search",
            data=list(queries.numpy()),
            anns_field=VECTOR,
            filter=self._condition,
            limit=limit,
            output_fields=[KEY, VECTOR],
            search_params={"metric_type": METRIC, "params": params},
        )
        return [_Found.of(query, hits) for query, hits in zip(queries, answers, strict=True)]

    def _ask(self, method: str, **asked: Any) -> Any:
        """Call the client. A visitor is not told the address of the database, which is logged."""
        try:
            with answering(self._place.uri):
                call = getattr(self._place.client, method)
                return call(self._name, timeout=PATIENCE, consistency_level=CONSISTENCY, **asked)
        except MilvusError as error:
            logger.warning("%s", error)
            raise QueryError(_("the vector database does not answer: try again in a minute")) from error

    def _checked(self, queries: torch.Tensor) -> torch.Tensor:
        if queries.ndim != 2 or queries.shape[1] != self.dim:
            raise ValueError(f"queries should be (q, {self.dim}), are {tuple(queries.shape)}")
        return queries.to("cpu", torch.float32)


class _Found(NamedTuple):
    """Rows found for one query (m,), with our scores (m,), and the lowest score that Milvus gave."""

    rows: np.ndarray
    scores: np.ndarray
    least: float

    @classmethod
    def of(cls, query: torch.Tensor, hits: Sequence[Mapping[str, Any]]) -> "_Found":
        """Score the vectors of the hits."""
        # Servers of 2.3 call the primary key "id" beside "entity"; inside it, all use the field's name.
        rows = np.array([hit["entity"][KEY] for hit in hits], np.int64)
        if not len(rows):
            return cls(rows, np.empty(0, np.float32), 0.0)
        vectors = torch.from_numpy(np.array([hit["entity"][VECTOR] for hit in hits], np.float32))
        return cls(rows, (query * vectors).sum(dim=1).numpy(), min(float(hit["distance"]) for hit in hits))

    def only(self, mask: torch.Tensor | None) -> "_Found":
        """Without the rows that a (n,) bool mask forbids."""
        if mask is None:
            return self
        kept = mask.cpu().numpy()[self.rows]
        return self._replace(rows=self.rows[kept], scores=self.scores[kept])
