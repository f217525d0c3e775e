"""The vectors of a store in Milvus: where it is, what its collections are called, and the search in one of them.

Knows vectors, row numbers and filters; products and texts are others'. The only module that imports pymilvus, and only
when Milvus is asked for. A collection is named after what is in it, and has that name only once it is whole: so one of
other products, of another encoder, or half loaded is never searched.
"""

import copy
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np
import torch

from space.data.filters import FILTERS, given
from space.errors import QueryError, ServiceError
from space.settings.names import is_local, without_secret

logger = logging.getLogger(__name__)

KEY = "row"
METRIC = "IP"
#: {kind of index: (parameters to build it with, parameters to search it with)}. FLAT compares with every row. The
#: other two look at some of them, HNSW along a graph over float32 vectors, IVF_SQ8 in cells of int8 codes.
KINDS: dict[str, tuple[dict[str, int], dict[str, int]]] = {
    "FLAT": ({}, {}),
    "HNSW": ({"M": 16, "efConstruction": 200}, {"ef": 128}),
    "IVF_SQ8": ({"nlist": 1024}, {"nprobe": 64}),
}
#: More than k rows are asked for, since whose score is that of the last, in other rounding, is not settled; and where
#: the scores are those of codes, several times as many.
_SPARE, _CODED = 16, 4
#: How far the scores that Milvus computed may be from ours: rounding of float32 sums.
_ROUNDING = 1e-4
#: What Milvus gives at most for one query; and what is fetched by row in one go.
_MOST, _FETCH = 16_384, 1_000
#: Seconds until a request is given up; without them pymilvus would try for minutes.
PATIENCE = 10.0
INSTALL = "pip install -r requirements-milvus.txt"


class MilvusError(ServiceError):
    """Milvus cannot be used as asked; the message says why, and how that can be cured."""


class Place(NamedTuple):
    """A Milvus as it was named.

    Attributes:
        uri: a file ending in .db, for Milvus Lite in this process, or http(s)://….
        client: of pymilvus.
    """

    uri: str
    client: Any

    @property
    def name(self) -> str:
        """As it may be shown."""
        return without_secret(self.uri)


def connect(uri: str) -> Place:
    """A Milvus that answers.

    Raises:
        MilvusError: pymilvus is not installed, nothing answers there, or it does not let us in.
    """
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # tracebacks of what is said here in a sentence
    logging.getLogger("milvus_lite").setLevel(logging.CRITICAL)
    pymilvus = package()
    if is_local(uri):
        Path(uri).parent.mkdir(parents=True, exist_ok=True)
        try:
            return Place(uri, pymilvus.MilvusClient(uri, timeout=PATIENCE))
        except pymilvus.MilvusException as error:
            raise MilvusError(
                f"{uri} cannot be opened: another process has it (Milvus Lite is for one), or it is something else"
            ) from error
    with answering(uri):
        return Place(uri, pymilvus.MilvusClient(uri, timeout=PATIENCE))


def package() -> Any:
    """pymilvus, imported where it is used: whoever does without Milvus need not have it.

    Raises:
        MilvusError: it, or what it needs for a file, is not installed.
    """
    try:
        import milvus_lite  # noqa: F401
        import pymilvus
    except ImportError as error:
        raise MilvusError(f"Milvus needs the packages pymilvus and milvus-lite ({error}): {INSTALL}") from error
    return pymilvus


@contextmanager
def answering(uri: str) -> Iterator[None]:
    """A ``MilvusError`` for what goes wrong inside the ``with``, without the password that the address may hold."""
    pymilvus = package()
    import grpc  # pymilvus lets some of its errors through

    try:
        yield
    except (pymilvus.MilvusException, grpc.RpcError) as error:
        said = error.message if isinstance(error, pymilvus.MilvusException) else error.details() or repr(error.code())
        parts = urlsplit(uri)
        for secret in () if is_local(uri) else (parts.netloc.rpartition("@")[0], parts.username, parts.password):
            said = said.replace(secret, "…") if secret else said
        raise MilvusError(f"Milvus at {without_secret(uri)} says: {said}") from None


def others(place: Place, name: str) -> str:
    """The collections of other stores, for a message; "" where there are none."""
    ours = (name, unfinished(name))
    found = sorted(
        one for one in place.client.list_collections(timeout=PATIENCE) if one.startswith("e5_") and one not in ours
    )
    return ", ".join(found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")


def count(place: Place, name: str, below: int | None = None) -> int:
    """The rows of a loaded collection, each once; of those from 0 to less than ``below`` if that is given."""
    some = "" if below is None else f"{KEY} >= 0 and {KEY} < {below}"
    found = place.client.query(name, filter=some, output_fields=["count(*)"], timeout=60)
    return int(found[0]["count(*)"])


def unfinished(name: str) -> str:
    """What a collection is called until it is whole."""
    return f"{name}_loading"


def kind_of(place: Place, name: str, part: str) -> str:
    """Which of ``KINDS`` the vectors of a part were indexed with."""
    return str(place.client.describe_index(name, part, timeout=PATIENCE)["index_type"])


def condition(filters: Mapping[str, Any]) -> str:
    """Filters in Milvus's words, "" where all products pass.

    Args:
        filters: of ``space.data.filters.FILTERS``, checked; None and "" allow all.
    """
    signs = {"min_price": ">=", "max_price": "<=", "min_rating": ">="}
    parts = []
    for name, value in filters.items():
        if not given(value):
            continue
        column = FILTERS[name]
        if name in signs:
            parts.append(f"{column} {signs[name]} {float(value)!r}")
        elif name == "category":  # each product has all the paths above it, see milvus_collections
            parts.append(f"array_contains({column}, {_literal(value)})")
        else:
            parts.append(f"{column} == {_literal(value)}")
    return " and ".join(parts)


def _literal(text: str) -> str:
    """A text in quotes. Milvus Lite knows these escapes and no others; what else there is may stand as it is."""
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        text = text.replace(plain, escaped)
    return f'"{text}"'


class MilvusIndex:
    """One encoder's vectors in a collection, with the methods of ``TorchIndex``.

    What Milvus finds is scored here, from the vectors it holds: so scores and order are those of ``TorchIndex``, ties
    by lower row. With FLAT the rows are so as well, save where over 16,000 products have one and the same score.

    Args:
        place: where it is.
        name: of the collection, loaded.
        part: the field of the vectors.
        shape: (n, d).
        kind: of its index, see ``KINDS``.
    """

    device = torch.device("cpu")

    def __init__(self, place: Place, name: str, part: str, shape: tuple[int, int], kind: str) -> None:
        """Asks nothing yet."""
        self._place, self._name, self._part, self._shape = place, name, part, shape
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
        """The same among the products that pass ``filters``, which Milvus applies while it searches."""
        narrowed = copy.copy(self)
        narrowed._condition = condition(filters)
        return narrowed

    def pair_scores(self, queries: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """(p,) float32: the inner product of query i with row ``rows[i]``, for (p, d) queries and (p,) int64 rows."""
        return (self._checked(queries) * self.vectors(rows)).sum(dim=1)

    def vectors(self, rows: torch.Tensor) -> torch.Tensor:
        """(m, d) float32: the vectors of (m,) int64 rows.

        Raises:
            QueryError: Milvus does not answer, or has no such row.
        """
        wanted = [int(row) for row in rows]
        found: dict[int, np.ndarray] = {}
        distinct = sorted(set(wanted))
        for start in range(0, len(distinct), _FETCH):
            ids = distinct[start : start + _FETCH]
            got = self._ask("get", ids=ids, output_fields=[self._part])
            found |= {int(one[KEY]): np.asarray(one[self._part], np.float32) for one in got}
        if len(found) < len(distinct):
            logger.warning("%s of %s lacks rows that were asked for", self._name, self._place.name)
            raise QueryError("the vector database lacks a product: have it loaded again")
        return torch.from_numpy(np.stack([found[row] for row in wanted]))

    def search(
        self, queries: torch.Tensor, k: int, mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The rows with the largest inner products, see ``TorchIndex.search``.

        Args:
            queries: (q, d).
            k: how many per query.
            mask: (n,) or (q, n) bool. Cannot be sent along, so that what it forbids is dropped here: ``within`` is
                told the filters that it stands for, or most of what is found may be in vain.

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
                    raise QueryError(f"the filters leave too few of the {_MOST:,} products that Milvus gives")
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
            anns_field=self._part,
            filter=self._condition,
            limit=limit,
            output_fields=[self._part],
            search_params={"metric_type": METRIC, "params": params},
        )
        return [_Found.of(query, hits, self._part) for query, hits in zip(queries, answers, strict=True)]

    def _ask(self, method: str, **asked: Any) -> Any:
        """An answer of the client; a visitor is not told where the database is."""
        try:
            with answering(self._place.uri):
                return getattr(self._place.client, method)(self._name, timeout=PATIENCE, **asked)
        except MilvusError as error:
            logger.warning("%s", error)
            raise QueryError("the vector database does not answer: try again in a minute") from error

    def _checked(self, queries: torch.Tensor) -> torch.Tensor:
        if queries.ndim != 2 or queries.shape[1] != self.dim:
            raise ValueError(f"queries should be (q, {self.dim}), are {tuple(queries.shape)}")
        return queries.to("cpu", torch.float32)


class _Found(NamedTuple):
    """What Milvus gave for one query: (m,) rows with our scores, and its own score of the last."""

    rows: np.ndarray
    scores: np.ndarray
    least: float

    @classmethod
    def of(cls, query: torch.Tensor, hits: Sequence[Mapping[str, Any]], part: str) -> "_Found":
        """Score the vectors of the hits."""
        rows = np.array([hit[KEY] for hit in hits], np.int64)
        if not len(rows):
            return cls(rows, np.empty(0, np.float32), 0.0)
        vectors = torch.from_numpy(np.array([hit["entity"][part] for hit in hits], np.float32))
        return cls(rows, (query * vectors).sum(dim=1).numpy(), min(float(hit["distance"]) for hit in hits))

    def only(self, mask: torch.Tensor | None) -> "_Found":
        """Without what a (n,) bool mask forbids."""
        if mask is None:
            return self
        kept = mask.cpu().numpy()[self.rows]
        return self._replace(rows=self.rows[kept], scores=self.scores[kept])
