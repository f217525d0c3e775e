"""The search engine: a query to hits of one system, to a comparison of several, or to an explanation of one score."""

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa

from space.data.filters import Facets, in_force
from space.data.gold_labels import GoldLabels
from space.data.scale import ESCI, LabelScale
from space.errors import same_rows
from space.evaluation.held_out_queries import HeldOut, judged_queries
from space.evaluation.provenance import Measured
from space.evaluation.schema import Evaluation
from space.feedback.usage import Usage
from space.retrieval.baselines import Bm25System
from space.retrieval.dense import DenseSystem
from space.retrieval.hybrid import FUSION_DEPTH, HybridSystem
from space.retrieval.reranked import RerankedSystem
from space.retrieval.system import System
from space.search.batching import Answer, retrieve
from space.search.description import EngineDescription
from space.search.device import Device, Vectors, Wrapper
from space.search.explanation import (
    Explanation,
    explain_bm25,
    explain_encoder,
    explain_fusion,
    explain_reranked,
    variants,
)
from space.search.kept_answers import KeptAnswers
from space.search.list_quality import ListQuality, list_quality, scope_of
from space.search.near_duplicates import group_near_duplicates
from space.search.products import hits_of, product_at, rank_in, row_of
from space.search.request import (
    Request,
    checked_k,
    checked_query,
    checked_reference,
    checked_system,
    checked_systems,
)
from space.search.results import Comparison, SearchResult
from space.search.roles import Roles
from space.search.score_reference import ScoreReference

#: To return k groups of near-duplicates, 10 k hits are read, and 50 k if those make fewer groups; at most MAX_FOLDED.
FOLD_DEPTHS, MAX_FOLDED = (10, 50), 1_000
#: {system: scores to compare its scores with}.
References = Mapping[str, ScoreReference]


class SearchEngine:
    """Answers queries over one catalogue with every system. Threads may share it.

    Args:
        catalogue: (n) rows of product columns, row-aligned with the systems.
        systems: {name: system}.
        judgments: judged pairs, for gold labels and example queries; None where there are none.
        scale: of their labels.
        notice: what must be said wherever the data is shown, or "".
        description: where the answers come from, for the page.
        evaluation: what training measured on this catalogue, or None.
        elsewhere: what it measured on another catalogue, or on one that is not known; None without.
        references: {system: scores to compare its scores with}, or its future; hits of other systems have no standing.
        gpu: ``spaces.GPU`` on ZeroGPU, see ``Device``.
        usage: counts searches and the products shown, or None.
        bullets: characters of the bullet points in the passages, see ``space.data.passages.passages``.
        kept_answers: how many answers to keep for equal requests, see ``KeptAnswers``.
    """

    def __init__(
        self,
        catalogue: pa.Table,
        systems: Mapping[str, System],
        *,
        judgments: pd.DataFrame | None = None,
        scale: LabelScale = ESCI,
        notice: str = "",
        description: EngineDescription | None = None,
        evaluation: Evaluation | None = None,
        elsewhere: Measured | None = None,
        references: References | Future[References] | None = None,
        gpu: Wrapper | None = None,
        usage: Usage | None = None,
        bullets: int = 0,
        kept_answers: int = 0,
    ) -> None:
        """Build the filters and the labels."""
        same_rows("search", products=len(catalogue), **{name: len(system) for name, system in systems.items()})
        self.catalogue = catalogue
        self.systems = dict(systems)
        self.judgments = judgments
        self.scale = scale
        self.notice = notice
        self.description = description or EngineDescription()
        self.evaluation = evaluation
        self.elsewhere = elsewhere
        self.usage = usage
        self.facets = Facets(catalogue)
        #: Whether the catalogue has several locales, so that a held-out query comes with its own.
        self.several_locales = len(self.facets.counts("locale")) > 1
        self.held_out = HeldOut.of(evaluation, judged_queries(judgments))
        self._labels = GoldLabels(judgments, catalogue)
        self.examples = self._labels.examples
        self._references = references or {}
        self._device = Device(self.systems, gpu)
        self.bullets = bullets
        self._kept = KeptAnswers(kept_answers)

    def __len__(self) -> int:
        return len(self.catalogue)

    @property
    def roles(self) -> Roles:
        """The names of the systems, and which is compared with which."""
        return Roles.of(self.systems, [name for name, one in self.systems.items() if isinstance(one, DenseSystem)])

    @property
    def gpu_per_call(self) -> bool:
        """Whether every call of an encoder takes a GPU from its visitor's quota, as on ZeroGPU."""
        return self._device.gpu_per_call

    def search(
        self, query: str, k: int = 10, system: str = "tuned", *, fold: bool = False, **filters: object
    ) -> SearchResult:
        """The best products by one system.

        Args:
            query: free text, at most ``MAX_QUERY_CHARACTERS``.
            k: 1 to ``MAX_K``. Fewer hits come back where fewer products pass the filters or, with BM25, share a word.
            system: one of ``systems``.
            fold: group near-duplicates under the best-ranked of them. k then counts groups, and ranks have gaps.
            **filters: of ``space.data.filters.FILTERS``, applied before the top k is taken. None and "" allow all.

        Raises:
            QueryError: a value out of bounds.
        """
        start = time.perf_counter()
        query, k, system = checked_query(query), checked_k(k), checked_system(system, self.systems)
        request = Request([system], query, k, in_force(filters), self.facets.mask(filters))
        result = self._folded(request, start) if fold else self._results(request, start)[system]
        self._count(query, [result])
        return result

    def more_like(
        self,
        product_locale: str,
        product_id: str,
        k: int = 10,
        system: str = "tuned",
        *,
        fold: bool = False,
        **filters: object,
    ) -> SearchResult:
        """The products most similar to one of the catalogue, without that product.

        Args:
            product_locale: of the product.
            product_id: of the product.
            k: see ``search``.
            system: encoders compare the vectors of products; BM25 and hybrid search for the words of the title.
            fold: see ``search``.
            **filters: see ``search``.

        Returns:
            Hits without a label, since labels are for a query, and without a standing, since two products score higher
            than a query and a product.

        Raises:
            QueryError: no such product, or see ``search``.
        """
        start = time.perf_counter()
        row = row_of(self.catalogue, product_locale, product_id)
        k, system, mask = checked_k(k), checked_system(system, self.systems), self.facets.mask(filters)
        mask = np.ones(len(self), bool) if mask is None else mask
        mask[row] = False
        product = product_at(self.catalogue, row)
        request = Request([system], product.title or "?", k, in_force(filters), mask, row)
        result = self._folded(request, start) if fold else self._results(request, start)[system]
        self._count("", [result])  # the visitor typed no query
        return replace(result, like=product)

    def compare(
        self,
        query: str,
        k: int = 10,
        systems: Sequence[str] | None = None,
        reference: str = "",
        *,
        counted: bool = True,
        **filters: object,
    ) -> Comparison:
        """The same query by several systems, how good each list is, and what moved from the reference to the others.

        Args:
            query: see ``search``.
            k: see ``search``.
            systems: their names, in the order of the answer; None for ``Roles.usual``.
            reference: the one of them that the others are compared with; "" is explained at ``Roles.contrast``.
            counted: whether it counts in the statistics; not for a query that no visitor asked.
            **filters: see ``search``.

        Raises:
            QueryError: see ``search``.
        """
        start = time.perf_counter()
        roles = self.roles
        query, k, names = checked_query(query), checked_k(k), checked_systems(systems, self.systems, roles.usual)
        contrast = roles.contrast(names, checked_reference(reference, names))
        request = Request(names, query, k, in_force(filters), self.facets.mask(filters))
        results = self._results(request, start)
        if counted:
            self._count(query, results.values())
        return Comparison.of(query, results, contrast, self._quality(request, results))

    def explain(
        self, query: str, product_locale: str, product_id: str, system: str = "tuned", **filters: object
    ) -> Explanation:
        """Why one product has its score with one system.

        Args:
            query: see ``search``.
            product_locale: of the product, which need not be among the hits.
            product_id: of the product.
            system: see ``search``.
            **filters: those of the search. They change hybrid's ranks, which count only products that pass.

        Raises:
            QueryError: a value out of bounds, or no such product.
        """
        query, mask = checked_query(query), self.facets.mask(filters)
        name = checked_system(system, self.systems)
        row = row_of(self.catalogue, product_locale, product_id)
        product, asked = product_at(self.catalogue, row), self.systems[name]
        if isinstance(asked, HybridSystem):
            names = [part.name for part in asked.parts]
            request = Request(names, query, FUSION_DEPTH, in_force(filters), mask)
            ranks = {part: rank_in(answer.ranking, row) for part, answer in self._retrieve(request).items()}
            return explain_fusion(query, name, product, ranks)
        if isinstance(asked, Bm25System):
            return explain_bm25(query, name, product, asked.index.terms(query, row), asked.index.terms_of)
        texts = variants(query, product, self.bullets)
        if isinstance(asked, RerankedSystem):
            return explain_reranked(query, name, product, texts, self._device.score(name, texts.pairs), asked.top)
        queries, passages = self.encode([name], texts.queries, texts.passages)[name]
        cut = asked.encoder.is_cut(texts.passages[0])
        return explain_encoder(query, name, product, texts, queries, passages, cut=cut)

    def encode(self, names: Sequence[str], queries: Sequence[str], passages: Sequence[str]) -> Vectors:
        """Vectors of texts by the encoders of the named systems, in one GPU call on ZeroGPU."""
        return self._device.encode(names, queries, passages)

    def _retrieve(self, request: Request) -> dict[str, Answer]:
        """{system: answer}. BM25 runs without a GPU slot; the systems with an encoder share one."""
        answers = self._kept.of(request)
        new = [name for name in request.systems if name not in answers]
        dense = [name for name in new if self.systems[name].dense]
        found = retrieve(self.systems, [replace(request, systems=[name for name in new if name not in dense])])[0]
        if dense:
            found |= self._device.search(replace(request, systems=dense))
        # A database can get other products while the app runs.
        self._kept.keep(request, {name: found[name] for name in new if not self.systems[name].in_database})
        answers |= found
        return {name: answers[name] for name in request.systems}

    def _results(self, request: Request, start: float) -> dict[str, SearchResult]:
        """{system: result}; ``start`` is when the request came, by ``time.perf_counter``."""
        answers = self._retrieve(request)
        # What every system of the request had to wait for: checks, filters, the other requests of a batch, the GPU.
        shared_ms = _milliseconds_since(start) - sum(answer.total_ms for answer in answers.values())
        is_query = request.row is None
        labels = self._labels.of(request.query) if is_query else {}
        references = self._references.result() if isinstance(self._references, Future) else self._references
        results = {}
        for name, answer in answers.items():
            began = time.perf_counter()
            reference = references.get(name) if is_query else None
            hits = hits_of(self.catalogue, answer.ranking, labels, reference, self.scale)
            total_ms = shared_ms + answer.total_ms + _milliseconds_since(began)
            reranking = {} if answer.rerank_ms is None else {"rerank": answer.rerank_ms}
            timings = {"encode": answer.encode_ms, "search": answer.search_ms, **reranking, "total": total_ms}
            rounded = {stage: round(spent, 3) for stage, spent in timings.items()}
            results[name] = SearchResult(request.query, name, hits, rounded, kept=answer.kept)
        return results

    def _folded(self, request: Request, start: float) -> SearchResult:
        """One system's hits, near-duplicates grouped; reads deeper until there are k groups or no more hits."""
        (name,) = request.systems
        for depth in sorted({min(factor * request.k, MAX_FOLDED) for factor in FOLD_DEPTHS}):
            result = self._results(replace(request, k=depth), start)[name]
            groups = group_near_duplicates(result.hits)
            if len(groups) >= request.k or len(result.hits) < depth:
                break
        timings = {**result.timings_ms, "total": round(_milliseconds_since(start), 3)}
        return replace(result, hits=groups[: request.k], timings_ms=timings)

    def _quality(self, request: Request, results: Mapping[str, SearchResult]) -> dict[str, ListQuality | None]:
        """How good each list is against the judged products that pass the filters."""
        labels, mask = self._labels.of(request.query), request.mask
        # Row -1 stands for judged products that the catalogue does not have.
        judged = [label for row, label in labels.items() if row >= 0 and (mask is None or mask[row])]
        scope = scope_of(request.filters, several_locales=self.several_locales)
        return {
            name: list_quality([hit.esci_label for hit in result.hits], judged, request.k, scope, self.scale)
            for name, result in results.items()
        }

    def _count(self, query: str, results: Iterable[SearchResult]) -> None:
        """One search in the statistics, however many systems answered it."""
        if self.usage:
            self.usage.shown((hit.key for result in results for hit in result.hits), query)


def _milliseconds_since(start: float) -> float:
    return (time.perf_counter() - start) * 1e3
