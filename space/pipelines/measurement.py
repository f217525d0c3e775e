"""Encoders, BM25, their hybrids and a reranker, measured on the same held-out queries."""

import pandas as pd

from space.data.passages import passages
from space.encoding import lineup
from space.encoding.description import EncoderDescription
from space.encoding.reranker import Reranker
from space.evaluation import latency, protocols
from space.evaluation import smaller as smaller_vectors
from space.evaluation.tables import SmallerVectors
from space.index.bm25 import Bm25Index
from space.index.torch_index import TorchIndex
from space.pipelines.compared import Compared, EmbeddedCatalogue
from space.retrieval.baselines import Bm25System, RandomSystem
from space.retrieval.dense import DenseSystem
from space.retrieval.hybrid import HybridSystem, hybrid_of
from space.retrieval.remembered import RememberedQueries, remembered
from space.retrieval.reranked import RerankedSystem, texts_of
from space.retrieval.system import System
from space.settings.evaluate import EvaluateSettings


class Measurement:
    """Measures one encoder after the other, and keeps only figures of it.

    Args:
        compared: the data and the names of the encoders.
        settings: of the evaluation.
        test: the judgments of the held-out queries, from ``protocols.held_out``.

    Attributes:
        encoders: {name: its description}.
        smaller: the figures of smaller vectors.
        milliseconds: {system: {stage: median of a query}}; empty without a reranker.
        reranker: the cross-encoder, or None.
    """

    def __init__(self, compared: Compared, settings: EvaluateSettings, test: pd.DataFrame) -> None:
        """Load the reranker, build the index of BM25, and measure BM25 and a random order.

        Raises:
            UserError: the reranker cannot be loaded.
        """
        self._compared, self._settings, self._test = compared, settings, test
        self._names, self._queries = list(compared.encoders), test["query"].drop_duplicates().tolist()
        self.encoders: dict[str, EncoderDescription] = {}
        self.smaller: list[SmallerVectors] = []
        self.milliseconds: dict[str, dict[str, float]] = {}
        self._hybrids: dict[str, pd.DataFrame] = {}
        self._bm25 = Bm25System(_bm25_index(compared))
        self._remembered = remembered({"bm25": self._bm25})["bm25"]  # each hybrid asks it again
        baselines = (RandomSystem(len(compared.judged.catalogue), settings.seed), self._remembered)
        self._results = {system.name: self._per_query(system) for system in baselines}
        self.reranker = None if compared.reranker is None else Reranker.load(compared.reranker)
        if self.reranker:
            self._time(self._bm25)

    @property
    def results(self) -> dict[str, pd.DataFrame]:
        """{system: its figures by query}, the hybrids and the reranked list last."""
        return self._results | self._hybrids

    def encoder(self, name: str, embedded: EmbeddedCatalogue) -> None:
        """Measure an encoder, its hybrid, its smaller vectors, and the reranker if it reorders this encoder's list."""
        self.encoders[name] = embedded.encoder.describe()
        once = RememberedQueries(embedded.encoder)
        dense = DenseSystem(name, once, TorchIndex(embedded.vectors))
        hybrid = HybridSystem(dense, self._remembered, hybrid_of(name, self._names))
        self._results[name], self._hybrids[hybrid.name] = self._per_query(dense), self._per_query(hybrid)
        dims, codes = self._settings.dims, self._settings.codes
        self.smaller += smaller_vectors.measure(name, once, embedded.vectors, dims, codes, self._per_query)
        if self.reranker:
            self._rerank(self.reranker, dense, DenseSystem(name, embedded.encoder, dense.index))

    def _rerank(self, reranker: Reranker, dense: DenseSystem, timed: DenseSystem) -> None:
        """Time an encoder and its hybrid beside the reranker, which reorders the list of the candidate.

        Args:
            reranker: the cross-encoder.
            dense: the encoder, which encodes a query once.
            timed: the same, which encodes a query each time.
        """
        name, top = dense.name, self._settings.rerank_top
        self._time(timed)
        self._time(HybridSystem(timed, self._bm25, hybrid_of(name, self._names)))
        if name == lineup.candidate(self._names):
            texts = texts_of(self._compared.judged.catalogue, self._compared.bullets)
            self._hybrids["reranked"] = self._per_query(RerankedSystem(dense, reranker, texts, top))
            self._time(RerankedSystem(timed, reranker, texts, top))

    def _per_query(self, system: System) -> pd.DataFrame:
        judged = self._compared.judged
        return protocols.per_query(system, self._test, judged.catalogue, judged.scale)

    def _time(self, system: System) -> None:
        self.milliseconds[system.name] = latency.milliseconds(system, self._queries)


def _bm25_index(compared: Compared) -> Bm25Index:
    catalogue, chosen = compared.judged.catalogue, compared.bm25
    return Bm25Index(passages(catalogue), catalogue["product_locale"], k1=chosen.k1, b=chosen.b, stem=chosen.stem)
