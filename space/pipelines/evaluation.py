"""The evaluation of a training run: the same held-out queries before and after, for every system."""

import logging
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import torch
from tqdm import tqdm

from space.data.checksums import checksums
from space.data.judgments import Judged
from space.data.passages import passages
from space.encoding.description import EncoderDescription
from space.encoding.encoder import TextEncoder
from space.evaluation import bm25_tuning, findings, forgetting, metrics, protocols, smaller
from space.evaluation.estimates import PairedDifference
from space.evaluation.schema import Bm25Parameters, DatasetInfo, Evaluation, TrainingLog
from space.evaluation.tables import HEADLINE_COLUMN, SmallerVectors
from space.index.bm25 import Bm25Index
from space.index.torch_index import TorchIndex
from space.retrieval.baselines import Bm25System, RandomSystem
from space.retrieval.dense import DenseSystem
from space.retrieval.hybrid import HybridSystem
from space.retrieval.remembered import RememberedQueries
from space.retrieval.system import System
from space.settings import TrainSettings
from space.store.vector_cache import VectorCache

logger = logging.getLogger(__name__)


class RunEvaluation:
    """Call ``before`` with the base model and ``after`` with the fine-tuned one."""

    def __init__(self, judged: Judged, texts: list[str], settings: TrainSettings) -> None:
        """Draw the held-out queries and choose the parameters of BM25 on train queries.

        Args:
            judged: all judgments, and the catalogue.
            texts: the passage of every product, by row.
            settings: of the run.
        """
        self.judged, self.texts, self.settings = judged, texts, settings
        self.test = protocols.held_out(judged.test, settings.eval_queries, settings.seed)
        #: What BM25 reads, as in the app: never bullet points.
        self.words = passages(judged.catalogue) if settings.bullets else texts
        self.bm25_parameters = bm25_tuning.choose(
            judged.train, self.words, judged.catalogue, settings.seed, judged.scale
        )
        self.bm25 = self._bm25(self.bm25_parameters)
        #: By system: one row a query, one column a metric.
        self.results: dict[str, pd.DataFrame] = {}
        #: By encoder: (n, dim) vectors of everyday sentences.
        self.everyday: dict[str, torch.Tensor] = {}
        self.encoders: dict[str, EncoderDescription] = {}
        #: With --matryoshka, both encoders with their first dimensions.
        self.smaller: list[SmallerVectors] = []
        if self.test["esci_label"].nunique() < 2:
            logger.warning(
                f"{judged.name}: every held-out label is {self.test['esci_label'].iloc[0]!r}, so any order of the "
                "judged products is perfect: no judged nDCG is given; full-catalogue figures are"
            )
        logger.info(
            f"data: {judged.name}, {len(texts):,} products, {len(judged.train):,} judgments to learn from, "
            f"{_queries(self.test):,} of {_queries(judged.test):,} held-out queries"
            + (f"\n{judged.notice}" if judged.notice else "")
        )

    def before(self, encoder: TextEncoder) -> TorchIndex:
        """Evaluate random order, BM25 and the base model; returns the index of the base model's vectors."""
        self._measure(RandomSystem(len(self.texts), self.settings.seed))
        self._measure(self.bm25)
        with encoder.frozen():
            self.encoders["base"] = encoder.describe()
            base = self._measure_encoder("base", encoder)
        logger.info("\nBefore training\n\n%s", protocols.to_markdown(protocols.summarize(self.results)))
        return base.index

    def after(self, encoder: TextEncoder, log: TrainingLog) -> Evaluation:
        """Evaluate the fine-tuned model and the hybrid of it and BM25; returns all figures of the run."""
        name = self.settings.push_to_hub or self.settings.output_dir.resolve().name
        with encoder.frozen():
            # First the new fingerprint, since the cache keeps vectors under it.
            self.encoders["tuned"] = replace(encoder.describe(refresh=True), id=name, revision=None, reason="")
            tuned = self._measure_encoder("tuned", encoder)
            self._measure(HybridSystem(tuned, self.bm25))
        evaluation = self._figures(log)
        table = protocols.to_markdown(evaluation.protocols)
        if evaluation.smaller:
            table += f"\n{smaller.to_markdown(evaluation.smaller)}"
        sentences = "\n".join([evaluation.verdict, *findings.everything(evaluation)])
        logger.info("\nAfter training\n\n%s\n%s\n", table, sentences)
        return evaluation

    def _bm25(self, chosen: Bm25Parameters) -> Bm25System:
        locales = self.judged.catalogue["product_locale"]
        return Bm25System(Bm25Index(self.words, locales, k1=chosen.k1, b=chosen.b, stem=chosen.stem))

    def _measure(self, system: System) -> None:
        self.results[system.name] = self._per_query_of(system)

    def _per_query_of(self, system: System) -> pd.DataFrame:
        return protocols.per_query(system, self.test, self.judged.catalogue, self.judged.scale)

    def _measure_encoder(self, name: str, encoder: TextEncoder) -> DenseSystem:
        vectors = vectors_of(name, encoder, self.texts)
        system = DenseSystem(name, RememberedQueries(encoder), TorchIndex(vectors))
        self._measure(system)
        self.smaller += smaller.measure(
            name, system.encoder, vectors, self.settings.matryoshka, (), self._per_query_of
        )
        self.everyday[name] = encoder.encode_queries(forgetting.sentences())
        return system

    def _figures(self, log: TrainingLog) -> Evaluation:
        figures = Evaluation(
            dataset=dataset_info(self.judged, self.test),
            gains=self.judged.scale.gains,
            scale=self.judged.scale,
            encoders=self.encoders,
            drift=forgetting.measure(**self.everyday),
            bm25=replace(self.bm25_parameters, test=self._gain_of_bm25_parameters()),
            settings=self.settings.to_json(),
            training=log,
            protocols=protocols.summarize(self.results),
            smaller=self.smaller,
            per_query=protocols.by_query(self.results, protocols.label_counts(self.test, self.judged.scale)),
        )
        return replace(figures, verdict=findings.verdict(figures))

    def _gain_of_bm25_parameters(self) -> PairedDifference | None:
        """The headline metric of BM25 with the chosen k1, b and stemming minus that with the usual ones."""
        if self.bm25_parameters.usual:
            return None
        usual = self._per_query_of(self._bm25(Bm25Parameters()))
        return metrics.paired((self.results["bm25"] - usual)[HEADLINE_COLUMN])


def vectors_of(name: str, encoder: TextEncoder, texts: Sequence[str]) -> torch.Tensor:
    """(n, d) float16: the vectors of passages, as a store of them has; those that were kept before are taken."""
    cache = VectorCache.of_user()
    with tqdm(total=len(texts), desc=f"embed {name}", unit=" products", dynamic_ncols=True) as bar:
        vectors = cache.embed(encoder, texts, bar.update)
    if cache.taken:
        logger.info(f"{name}: {cache.taken:,} of {len(texts):,} vectors were kept before")
    return vectors


def dataset_info(judged: Judged, test: pd.DataFrame) -> DatasetInfo:
    """What was learned from and evaluated on.

    Args:
        judged: the whole data.
        test: the held-out judgments that were evaluated.
    """
    return DatasetInfo(
        name=judged.name,
        notice=judged.notice,
        locales=sorted(judged.catalogue["product_locale"].unique().to_pylist()),
        products=len(judged.catalogue),
        train_judgments=len(judged.train),
        queries=_queries(judged.test),
        queries_evaluated=_queries(test),
        judgments_evaluated=len(test),
        checksums=checksums(judged.catalogue, judged.test),
    )


def _queries(judgments: pd.DataFrame) -> int:
    return len(judgments[["product_locale", "query"]].drop_duplicates())
