"""A query to hits and comparisons: encoders, index, catalogue and judgments put together.

Knows no web page. Everything a visitor can get wrong rises here as a ``QueryError``, one sentence fit to be shown.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from space.data.filters import Facets
from space.data.gold_labels import GoldLabels
from space.errors import QueryError, shown
from space.evaluation.held_out_queries import HeldOut, judged_queries
from space.feedback.usage import Usage
from space.retrieval.systems import FUSION_DEPTH, Bm25System, DenseSystem, HybridSystem, Ranking, System, is_elsewhere
from space.search import explanation
from space.search.batching import Batches
from space.search.explanation import Explanation
from space.search.list_quality import ListQuality, Scope, list_quality
from space.search.near_duplicates import Listing, fold
from space.search.results import Comparison, Hit, SearchResult
from space.search.retrieval import Answers, Asked, Request, retrieve
from space.search.score_reference import Calibration

SYSTEMS = ("tuned", "base", "bm25", "hybrid")
COMPARED = ("base", "tuned", "bm25")
#: What can be compared, in the order in which it is shown.
COLUMNS = (*COMPARED, "hybrid")
MAX_K = 100
MAX_QUERY_CHARACTERS = 500
#: Visitors whose queries are encoded and searched in one go, of those who wait at the same time. With more, each would
#: wait longer than the sharing saves.
TOGETHER = 32
#: How many hits are read to fold them into k groups, times k, and once more where those are too few; no more than
#: ``MAX_FOLDED``, since every title is read.
FOLD_DEPTHS, MAX_FOLDED = (10, 50), 1_000
#: What is wrapped around the work of the encoders, such as ``spaces.GPU``.
Wrapper = Callable[[Callable[..., Any]], Callable[..., Any]]


class SearchEngine:
    """Answers queries over one catalogue with every system.

    Args:
        catalogue: product columns, row-aligned with the systems.
        systems: {name: system}.
        judgments: judged pairs to take gold labels and examples from; None where there are none.
        notice: what must be said wherever the data is shown, or "".
        description: encoders, device and the like, for the header.
        evaluation: what training measured, or None.
        calibrations: {system: what its scores are compared with}; a system without one has hits without a standing.
        gpu: put around the methods that compute on the device. Under ZeroGPU (``spaces.GPU``) such a method runs in
            a forked process which holds the GPU for as long: only what can be pickled goes in and out, and whatever
            it changed in here is lost. So everything that can be refused is checked before, and one comparison waits
            for the GPU once.
        usage: counts the products of each answer, or None. An engine that is asked for anything but an answer to a
            visitor or a program should have none.
        bullets: characters of the bullet points in the passages, see ``space.data.catalogue.passages``.
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
        calibrations: Mapping[str, Calibration] | None = None,
        gpu: Wrapper | None = None,
        usage: Usage | None = None,
        bullets: int = 0,
    ) -> None:
        """Build the filters and the labels."""
        self.usage = usage
        self.catalogue = catalogue
        self.systems = dict(systems)
        self.notice = notice
        self.description = dict(description or {})
        self.evaluation = evaluation
        self.judgments = judgments
        self.facets = Facets(catalogue)
        self._calibrations = dict(calibrations or {})
        self._labels = GoldLabels(judgments, catalogue)
        self.examples = self._labels.examples
        #: Whether the catalogue has several locales, so that a held-out query comes with its own.
        self.several_locales = len(self.facets.counts("locale")) > 1
        self.held_out = HeldOut.of(evaluation, judged_queries(judgments))
        self._bullets = bullets
        # Whose GPU is borrowed is each visitor's own affair, and who asks elsewhere must not keep others waiting for a
        # place that does not answer; on what is here, those who wait are served together.
        self._waiting: dict[tuple[str, ...], Batches[Request, Answers]] = {}
        self._lent = gpu is not None
        self._retrieve_on_device = self._retrieve_together
        if gpu or any(is_elsewhere(system) for system in self.systems.values()):
            self._retrieve_on_device = gpu(self._retrieve) if gpu else self._retrieve
        self._encode_on_device = gpu(self._encode) if gpu else self._encode

    def __len__(self) -> int:
        return len(self.catalogue)

    def search(
        self, query: str, k: int = 10, system: str = "tuned", *, fold: bool = False, **filters: Any
    ) -> SearchResult:
        """The best products of one system.

        Args:
            query: free text, at most ``MAX_QUERY_CHARACTERS``.
            k: 1 to ``MAX_K``; fewer come back where the filters or, with BM25, the words leave fewer.
            system: one of ``SYSTEMS``.
            fold: put near-duplicates under the best-ranked of them; k then counts what is left, and ranks are those
                of the list before, so that they have gaps.
            **filters: of ``space.data.filters.FILTERS``; applied before the top k is taken. None and "" allow all.

        Raises:
            QueryError: any of these out of bounds.
        """
        start = time.perf_counter()
        asked, k, system = Asked(_checked_query(query), None, filters), _checked_k(k), self._checked_system(system)
        found = self._found(asked, k, system, self.facets.mask(filters), start, fold)
        self._count(asked.text, {system: found})
        return found

    def more_like(
        self,
        product_locale: str,
        product_id: str,
        k: int = 10,
        system: str = "tuned",
        *,
        fold: bool = False,
        **filters: Any,
    ) -> SearchResult:
        """The products nearest to one of the catalogue, itself left out.

        Args:
            product_locale: with ``product_id`` the product.
            product_id: see there.
            k: see ``search``.
            system: an encoder compares the vectors of products; BM25 and the fused systems search the title's words.
            fold: see ``search``.
            **filters: see ``search``.

        Returns:
            Hits without a label, since nobody judged products for a product, and without a standing, since scores of
            two products lie higher than those of a query and a product.

        Raises:
            QueryError: no such product, or see ``search``.
        """
        start = time.perf_counter()
        row = self.row_of(product_locale, product_id)
        k, system, mask = _checked_k(k), self._checked_system(system), self.facets.mask(filters)
        mask = np.ones(len(self), bool) if mask is None else mask
        mask[row] = False
        (like,) = self._hits(Ranking(np.zeros(1, np.float32), np.array([row])))
        found = self._found(Asked(like.title or "?", row, filters), k, system, mask, start, fold)
        self._count("", {system: found})  # nobody typed anything
        return replace(found, like=replace(like, rank=0))

    def compare(self, query: str, k: int = 10, systems: Sequence[str] | None = None, **filters: Any) -> Comparison:
        """The same query by several systems, how good each is, and what fine-tuning moved.

        Args:
            query: see ``search``.
            k: see ``search``.
            systems: which, in their order; None: those of ``COMPARED`` that there are. Overlap and moves are between
                base and tuned.
            **filters: see ``search``.

        Raises:
            QueryError: see ``search``.
        """
        start = time.perf_counter()
        query, k = _checked_query(query), _checked_k(k)
        names = self._checked_systems(systems)
        mask = self.facets.mask(filters)
        results = self._search(Asked(query, None, filters), k, names, mask, start)
        self._count(query, results)
        return Comparison.of(query, results, self._quality(query, k, results, mask, filters))

    def _quality(
        self,
        query: str,
        k: int,
        results: Mapping[str, SearchResult],
        mask: np.ndarray | None,
        filters: Mapping[str, Any],
    ) -> dict[str, ListQuality | None]:
        """How good each list is against the judged products that it could hold."""
        labels = self._labels.of(query)
        judged = [label for row, label in labels.items() if row >= 0 and (mask is None or mask[row])]
        if any(value for name, value in filters.items() if name != "locale"):
            scope: Scope = "filtered"
        else:
            scope = "locale" if filters.get("locale") or not self.several_locales else "catalogue"
        return {
            name: list_quality([hit.esci_label for hit in result.hits], judged, k, scope)
            for name, result in results.items()
        }

    def _checked_systems(self, systems: Sequence[str] | None) -> list[str]:
        if systems is None:
            return [name for name in COMPARED if name in self.systems] or list(self.systems)
        wanted = [systems] if isinstance(systems, str) else list(systems)
        if not wanted:
            raise QueryError(f"systems is empty: name at least one of {', '.join(self.systems)}")
        for name in wanted:
            if not isinstance(name, str) or name not in self.systems:
                raise QueryError(f"systems should be among {', '.join(self.systems)}, has {shown(name)}")
        return list(dict.fromkeys(wanted))

    def explain(
        self, query: str, product_locale: str, product_id: str, system: str = "tuned", **filters: Any
    ) -> Explanation:
        """Why one product scores what it scores with one system.

        Args:
            query: see ``search``.
            product_locale: with ``product_id`` says which product; it need not be among the hits.
            product_id: see ``product_locale``.
            system: see ``search``.
            **filters: those of the search: the ranks that hybrid fuses are ranks among what they leave.

        Raises:
            QueryError: any of these out of bounds, or no such product.
        """
        query, mask = _checked_query(query), self.facets.mask(filters)
        asked = self.systems.get(system) if isinstance(system, str) else None
        if not isinstance(asked, DenseSystem | Bm25System | HybridSystem):
            raise QueryError(f"system should be one of {', '.join(self.systems)}, is {shown(system)}")
        row = self.row_of(product_locale, product_id)
        product = self.catalogue.slice(row, 1).to_pylist()[0]
        if isinstance(asked, HybridSystem):
            names = [part.name for part in asked.parts]
            found = self._search(Asked(query, None, filters), FUSION_DEPTH, names, mask, time.perf_counter())
            parts = explanation.fused({name: _rank_in(result, product) for name, result in found.items()})
        elif isinstance(asked, Bm25System):
            parts = explanation.lexical(asked.index.terms(query, row), product)
        else:
            texts = explanation.variants(query, product, self._bullets)
            parts = explanation.dense(texts, *self.encode([system], texts.queries, texts.passages)[system])
            if asked.encoder.is_cut(texts.passages[0]):
                parts["notes"].append("This product's text is longer than what the encoder reads; its end is cut off.")
        title = product["product_title"] or ""
        return Explanation(query, system, product["product_id"], product["product_locale"], title, **parts)

    def row_of(self, product_locale: str, product_id: str) -> int:
        """Where a product stands in the catalogue.

        Raises:
            QueryError: nowhere.
        """
        # Lone surrogates cannot be encoded as UTF-8.
        given = {
            name: str(value).encode("utf-8", "replace").decode()
            for name, value in (("product_locale", product_locale), ("product_id", product_id))
        }
        # Not by rows_of, which builds the keys of the whole catalogue.
        here = [pc.equal(self.catalogue[name], value) for name, value in given.items()]
        row = pc.index(pc.and_(*here), True).as_py()
        if row < 0:
            raise QueryError(f"no product {given['product_id'][:80]!r} in locale {given['product_locale'][:80]!r}")
        return row

    def encode(
        self, names: Sequence[str], queries: Sequence[str], texts: Sequence[str]
    ) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Vectors of free texts, in one turn on the device.

        Args:
            names: of dense systems.
            queries: texts to encode as queries.
            texts: texts to encode as passages.

        Returns:
            {name: ((q, d) float32, (p, d) float32)}, unit norm.
        """
        return self._encode_on_device(list(names), list(queries), list(texts))

    @property
    def borrows_gpu(self) -> bool:
        """Whether each call for an encoder must come by a GPU first, at its visitor's expense."""
        return self._lent and self.description.get("device", "cpu") != "cpu"

    def _encode(
        self, names: Sequence[str], queries: Sequence[str], texts: Sequence[str]
    ) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        encoders = {name: self.systems[name].encoder for name in names}
        return {
            name: (encoder.encode_queries(queries).numpy(), encoder.encode_passages(texts).numpy())
            for name, encoder in encoders.items()
        }

    def _checked_system(self, system: str) -> str:
        if not isinstance(system, str) or system not in self.systems:
            raise QueryError(f"system should be one of {', '.join(self.systems)}, is {shown(system)}")
        return system

    def _found(
        self, asked: Asked, k: int, system: str, mask: np.ndarray | None, start: float, folded: bool
    ) -> SearchResult:
        """One system's answer; folded, it is read deeper until there are k groups, or no more to read."""
        if not folded:
            return self._search(asked, k, [system], mask, start)[system]
        for depth in sorted({min(factor * k, MAX_FOLDED) for factor in FOLD_DEPTHS}):
            found = self._search(asked, depth, [system], mask, start)[system]
            hits = _folded(found.hits)
            if len(hits) >= k or len(found.hits) < depth:
                break
        timings = {**found.timings_ms, "total": round(_milliseconds_since(start), 3)}
        return replace(found, hits=hits[:k], timings_ms=timings)

    def _search(
        self, asked: Asked, k: int, names: Sequence[str], mask: np.ndarray | None, start: float
    ) -> dict[str, SearchResult]:
        """Each system's answer; ``start`` is when the request came, by ``time.perf_counter``."""
        before = _milliseconds_since(start)
        # Who needs no encoder does not wait for the GPU, nor takes of a visitor's share of it.
        dense = [name for name in names if self.systems[name].dense]
        found = self._retrieve(Request([name for name in names if name not in dense], asked, k, mask))
        if dense:
            queued = time.perf_counter()
            answers = self._retrieve_on_device(Request(dense, asked, k, mask))
            before += _milliseconds_since(queued) - sum(spent for _, _, spent in answers.values())
            found |= answers
        return {name: self._result(asked, name, *found[name], before) for name in names}

    def _count(self, query: str, results: Mapping[str, SearchResult]) -> None:
        """One answer, however many systems gave it."""
        if self.usage:
            self.usage.shown((hit.key for result in results.values() for hit in result.hits), query)

    def _retrieve(self, request: Request) -> Answers:
        return self._retrieve_all([request])[0]

    def _retrieve_together(self, request: Request) -> Answers:
        """With those who ask the same systems: a search by one does not wait for a comparison by all."""
        new = Batches[Request, Answers](self._retrieve_all, TOGETHER)
        return self._waiting.setdefault(tuple(request.names), new).ask(request)

    def _retrieve_all(self, requests: Sequence[Request]) -> list[Answers]:
        return retrieve(self.systems, requests)

    def _result(
        self, asked: Asked, system: str, ranking: Ranking, stages: Mapping[str, float], spent: float, before: float
    ) -> SearchResult:
        start = time.perf_counter()
        hits = self._hits(ranking, *([asked.text, system] if asked.row is None else []))
        timings = {stage: round(stages.get(stage, 0.0), 3) for stage in ("encode", "search")}
        timings["total"] = round(before + spent + _milliseconds_since(start), 3)
        return SearchResult(asked.text, system, hits, timings)

    def _hits(self, ranking: Ranking, query: str = "", system: str = "") -> list[Hit]:
        labels = self._labels.of(query)
        calibration = self._calibrations.get(system)
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
                standing=calibration.standing(float(score)) if calibration else None,
            )
            for rank, (row, score, product) in enumerate(
                zip(ranking.rows, ranking.scores, products, strict=True), start=1
            )
        ]


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
        raise QueryError(f"k should be a whole number from 1 to {MAX_K}, is {shown(k)}")
    return int(k)


def _milliseconds_since(start: float) -> float:
    return (time.perf_counter() - start) * 1e3


def _rank_in(result: SearchResult, product: Mapping[str, Any]) -> int | None:
    key = product["product_locale"], product["product_id"]
    return next((hit.rank for hit in result.hits if hit.key == key), None)


def _folded(hits: Sequence[Hit]) -> list[Hit]:
    """The leaders of the groups, each with the others of its group."""
    groups = fold([Listing(hit.title, hit.brand, hit.color, hit.product_locale) for hit in hits])
    return [replace(hits[first], similar=tuple(hits[place] for place in rest)) for first, *rest in groups]
