"""A query to hits and comparisons: encoders, index, catalogue and judgments put together.

Knows no web page. Everything a visitor can get wrong rises here as a ``QueryError``, one sentence fit to be shown.
"""

import difflib
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from space import hub
from space.bm25 import Bm25Index
from space.catalogue import passages, rows_of
from space.config import split_revision
from space.encoder import DEFAULT_MAX_SEQ_LENGTH, TextEncoder
from space.errors import UserError
from space.index import TorchIndex
from space.results import Comparison, Hit, Move, SearchResult
from space.store import ENCODERS, Store
from space.systems import Bm25System, DenseSystem, HybridSystem, Ranking, Stopwatch, System
from space.weights import locate

logger = logging.getLogger(__name__)

SYSTEMS = ("tuned", "base", "bm25", "hybrid")
COMPARED = ("base", "tuned", "bm25")
FILTERS = {"locale": "product_locale", "brand": "product_brand", "color": "product_color"}
MAX_K = 100
MAX_QUERY_CHARACTERS = 500
HINT_VALUES = 5_000
#: What is wrapped around the work of the encoders, such as ``spaces.GPU``.
Wrapper = Callable[[Callable[..., Any]], Callable[..., Any]]


class QueryError(UserError):
    """A request that cannot be answered; the message is for the visitor."""


class SearchEngine:
    """Answers queries over one catalogue with every system.

    Args:
        catalogue: product columns, row-aligned with the systems.
        systems: {name: system}.
        judgments: judged pairs to take gold labels and examples from; None where there are none.
        notice: what must be said wherever the data is shown, or "".
        description: encoders, device and the like, for the header.
        evaluation: what training measured, or None.
        gpu: put around the one method that computes on the device. Under ZeroGPU (``spaces.GPU``) that method runs in
            a forked process which holds the GPU for as long: only what can be pickled goes in and out, and whatever
            it changed in here is lost. So everything that can be refused is checked before, and one comparison waits
            for the GPU once.
    """

    def __init__(
        self,
        catalogue: pa.Table,
        systems: Mapping[str, System],
        *,
        judgments: pd.DataFrame | None = None,
        notice: str = "",
        description: Mapping[str, Any] | None = None,
        evaluation: Mapping[str, Any] | None = None,
        gpu: Wrapper | None = None,
    ) -> None:
        """Build the filters and the labels."""
        self.catalogue = catalogue
        self.systems = dict(systems)
        self.notice = notice
        self.description = dict(description or {})
        self.evaluation = evaluation
        self._facets = {name: _Facet(catalogue[column]) for name, column in FILTERS.items()}
        self._labels, self.examples = _labels_and_examples(judgments, catalogue)
        self._retrieve_on_device = gpu(self._retrieve) if gpu else self._retrieve

    @classmethod
    def load(
        cls, model: str, base_model: str, embeddings: str, *, offline: bool = False, gpu: Wrapper | None = None
    ) -> "SearchEngine":
        """The engine of a store and the two encoders that made it.

        Args:
            model: the fine-tuned encoder, a Hub id (ID@REVISION pins) or a folder.
            base_model: the encoder before that.
            embeddings: the store, likewise.
            offline: take what is on the Hub from the cache only.
            gpu: see the class.

        Raises:
            WeightsError, HubError, StoreError: something is missing, damaged, or does not belong together.
        """
        store = _open_store(embeddings, offline)
        encoders = {}
        for part, name in zip(ENCODERS, (base_model, model), strict=True):
            limit = store.encoders[part].get("max_seq_length", DEFAULT_MAX_SEQ_LENGTH)
            weights = locate(name, offline=offline)
            logger.info("%s: %s", part, weights.notice)
            encoders[part] = TextEncoder(weights, max_seq_length=limit)
            store.require(part, encoders[part].fingerprint, name)
        catalogue = store.products()
        systems: dict[str, System] = {
            part: DenseSystem(part, encoder, TorchIndex(store.vectors(part))) for part, encoder in encoders.items()
        }
        # The text of a store with bullets cannot be told from its template alone, and BM25 does well without them.
        systems["bm25"] = Bm25System(Bm25Index(passages(catalogue)))
        systems["hybrid"] = HybridSystem(systems["tuned"], systems["bm25"])
        for system in systems.values():
            system.retrieve(["warm up"], 1)  # the first call allocates; that should not be a visitor's
        description = {
            "dataset": store.manifest["dataset"],
            "device": str(encoders["tuned"].device),
            "encoders": {part: encoder.describe() for part, encoder in encoders.items()},
        }
        return cls(
            catalogue,
            systems,
            judgments=store.judgments(),
            notice=store.manifest["notice"],
            description=description,
            evaluation=store.evaluation(),
            gpu=gpu,
        )

    def __len__(self) -> int:
        return len(self.catalogue)

    def choices(self, name: str) -> list[tuple[str, int]]:
        """Values of a filter with their number of products, most first."""
        return self._facets[name].counts()

    def check_filter(self, name: str, value: str) -> None:
        """Whether a filter can have this value.

        Raises:
            QueryError: no product has it; the message names what is near.
        """
        self._facets[name].code(name, value)

    def search(self, query: str, k: int = 10, system: str = "tuned", **filters: str | None) -> SearchResult:
        """The best products of one system.

        Args:
            query: free text, at most ``MAX_QUERY_CHARACTERS``.
            k: 1 to ``MAX_K``; fewer come back where the filters or, with BM25, the words leave fewer.
            system: one of ``SYSTEMS``.
            **filters: locale, brand, color; applied before the top k is taken. None and "" allow all.

        Raises:
            QueryError: any of these out of bounds.
        """
        start = time.perf_counter()
        query = _checked_query(query)
        k = _checked_k(k)
        if not isinstance(system, str) or system not in self.systems:
            raise QueryError(f"system should be one of {', '.join(self.systems)}, is {system!r}")
        return self._search(query, k, [system], self._mask(filters), start)[system]

    def compare(self, query: str, k: int = 10, systems: Sequence[str] = COMPARED, **filters: str | None) -> Comparison:
        """The same query by several systems, and what fine-tuning moved.

        Args:
            query: see ``search``.
            k: see ``search``.
            systems: which; overlap and moves are between base and tuned.
            **filters: see ``search``.

        Raises:
            QueryError: see ``search``.
        """
        start = time.perf_counter()
        query, k, mask = _checked_query(query), _checked_k(k), self._mask(filters)
        results = self._search(query, k, systems, mask, start)
        base, tuned = ({_key(hit): hit.rank for hit in results[name].hits} for name in ENCODERS)
        keys = [*tuned, *(key for key in base if key not in tuned)]
        shared = len(base.keys() & tuned.keys())
        return Comparison(
            query,
            results,
            overlap=shared / max(len(base), len(tuned), 1),
            moves=[Move(key[1], key[0], base.get(key), tuned.get(key)) for key in keys],
        )

    def _search(
        self, query: str, k: int, names: Sequence[str], mask: np.ndarray | None, start: float
    ) -> dict[str, SearchResult]:
        """Each system's answer; ``start`` is when the request came, by ``time.perf_counter``."""
        before = _milliseconds_since(start)
        # Who needs no encoder does not wait for the GPU, nor takes of a visitor's share of it.
        dense = [name for name in names if self.systems[name].dense]
        found = self._retrieve([name for name in names if name not in dense], query, k, mask)
        if dense:
            asked = time.perf_counter()
            answers = self._retrieve_on_device(dense, query, k, mask)
            before += _milliseconds_since(asked) - sum(spent for _, _, spent in answers.values())
            found |= answers
        return {name: self._result(query, name, *found[name], before) for name in names}

    def _retrieve(
        self, names: Iterable[str], query: str, k: int, mask: np.ndarray | None
    ) -> dict[str, tuple[Ranking, dict[str, float], float]]:
        """{name: (ranking, milliseconds by stage, milliseconds)}: plain values, see ``gpu``."""
        found = {}
        for name in names:
            start, clock = time.perf_counter(), Stopwatch()
            ranking = self.systems[name].retrieve([query], k, mask, clock)[0]
            found[name] = ranking, clock.milliseconds, _milliseconds_since(start)
        return found

    def _result(
        self, query: str, system: str, ranking: Ranking, stages: Mapping[str, float], spent: float, before: float
    ) -> SearchResult:
        start = time.perf_counter()
        hits = self._hits(query, ranking)
        timings = {stage: round(stages.get(stage, 0.0), 3) for stage in ("encode", "search")}
        timings["total"] = round(before + spent + _milliseconds_since(start), 3)
        return SearchResult(query, system, hits, timings)

    def _hits(self, query: str, ranking: Ranking) -> list[Hit]:
        labels = self._labels.get(_normalized(query), {})
        products = self.catalogue.take(pa.array(ranking.rows)).to_pylist()
        return [
            Hit(
                rank=rank,
                product_id=product.pop("product_id"),
                product_locale=product.pop("product_locale"),
                title=product.pop("product_title") or "",
                brand=product.pop("product_brand"),
                color=product.pop("product_color"),
                score=round(float(score), 6),
                esci_label=labels.get(int(row)),
                extra=product,
            )
            for rank, (row, score, product) in enumerate(
                zip(ranking.rows, ranking.scores, products, strict=True), start=1
            )
        ]

    def _mask(self, filters: Mapping[str, str | None]) -> np.ndarray | None:
        mask = None
        for name, value in filters.items():
            if name not in self._facets:
                raise QueryError(f"no filter {name!r}; there are {', '.join(self._facets)}")
            if value:
                part = self._facets[name].mask(name, value)
                mask = part if mask is None else mask & part
        return mask


class _Facet:
    """One column as codes, so that a filter is one comparison of integers."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        encoded = column.combine_chunks().dictionary_encode()
        self._codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        self._values: list[str] = encoded.dictionary.to_pylist()
        self._code = {value: code for code, value in enumerate(self._values)}

    def counts(self) -> list[tuple[str, int]]:
        counts = np.bincount(self._codes[self._codes >= 0], minlength=len(self._values))
        return sorted(zip(self._values, counts.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0]))

    def code(self, name: str, value: str) -> int:
        if not isinstance(value, str) or value not in self._code:
            raise QueryError(f"no product with {name} {str(value)[:80]!r}{self._hint(str(value)[:80])}")
        return self._code[value]

    def mask(self, name: str, value: str) -> np.ndarray:
        return self._codes == self.code(name, value)

    def _hint(self, value: str) -> str:
        near = [known for known in self._values if known.casefold() == value.casefold()]
        # Among the most frequent only: comparing with 200,000 brands takes a second, and every visitor waits for it.
        near = near or difflib.get_close_matches(value, [known for known, _ in self.counts()[:HINT_VALUES]], n=3)
        return f"; did you mean {', '.join(near[:3])}?" if near else ""


def _open_store(name: str, offline: bool) -> Store:
    folder = Path(name)
    if folder.is_dir():
        return Store(folder)
    repo, revision = split_revision(name)
    found = hub.pull(repo, "dataset", revision=revision, offline=offline)
    at = f"{repo}@{found.revision[:12]}"
    logger.info("embeddings: %s%s", at, f" ({found.note})" if found.note else "")
    return Store(found.folder, name=at)


def _labels_and_examples(
    judgments: pd.DataFrame | None, catalogue: pa.Table
) -> tuple[dict[str, dict[int, str]], list[str]]:
    """{query: {row: label}} and eight of the judged queries, spread over the alphabet."""
    if judgments is None or judgments.empty:
        return {}, []
    rows = rows_of(catalogue, judgments["product_locale"], judgments["product_id"])
    labels: dict[str, dict[int, str]] = {}
    for query, row, label in zip(judgments["query"], rows, judgments["esci_label"], strict=True):
        labels.setdefault(_normalized(query), {})[int(row)] = str(label)
    queries = sorted(judgments.loc[rows >= 0, "query"].unique())
    return labels, [queries[place] for place in np.linspace(0, len(queries) - 1, min(8, len(queries)), dtype=int)]


def _normalized(query: str) -> str:
    """How a typed query is matched to a judged one: case and spacing do not make another query."""
    return " ".join(query.casefold().split())


def _checked_query(query: str) -> str:
    if not isinstance(query, str) or not query.strip():
        raise QueryError("query is empty: type what you are looking for")
    if len(query) > MAX_QUERY_CHARACTERS:
        raise QueryError(f"query has {len(query):,} characters; use at most {MAX_QUERY_CHARACTERS}")
    # Lone surrogates cannot be encoded as UTF-8, and control characters mean nothing to a tokenizer.
    return " ".join(query.encode("utf-8", "replace").decode("utf-8").replace("\0", " ").split()) or "?"


def _checked_k(k: int) -> int:
    number = isinstance(k, int | float) and not isinstance(k, bool)
    if not (number and 1 <= k <= MAX_K and float(k).is_integer()):
        raise QueryError(f"k should be a whole number from 1 to {MAX_K}, is {k!r}")
    return int(k)


def _milliseconds_since(start: float) -> float:
    return (time.perf_counter() - start) * 1e3


def _key(hit: Hit) -> tuple[str, str]:
    return hit.product_locale, hit.product_id
