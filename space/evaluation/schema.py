"""evaluation.json as dataclasses: what training measured, read from the file and written to it.

The field names are the keys of the file.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

import numpy as np

from space.data.checksums import Checksums
from space.data.scale import ESCI, LabelScale
from space.encoding.description import BASE, TUNED, EncoderDescription, RerankerDescription
from space.errors import UserError
from space.index.bm25 import K1, STEM, B
from space.io.typed_json import read

FORMAT = 1
#: {protocol: its metrics}, see ``space.evaluation.protocols``.
METRICS = {
    "judged": ("ndcg", "ndcg@10"),
    "full_catalogue": ("ndcg@10", "recall@100", "mrr@10", "exact@1"),
}
#: The protocol and metric to decide by, and its column in ``PerQuery``.
HEADLINE = ("full_catalogue", "ndcg@10")
HEADLINE_COLUMN = "/".join(HEADLINE)
#: Systems of a table that are no encoder, beside the hybrids, whose names end with "+bm25".
_NO_ENCODERS = ("random", "bm25", "hybrid", "reranked")
#: Objects inside objects. What train.py writes has 7.
_DEEPEST = 30
#: Fewer queries give a bootstrap interval that says more about those queries than about the encoder.
MIN_QUERIES = 10

Outcome = Literal["better", "worse", "unclear", "few", "none"]


class EvaluationError(UserError):
    """A text that is not an evaluation; the message is one sentence."""


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % bootstrap interval, rounded to 6 digits.

    Attributes:
        mean: over ``n`` queries; None where no query has the metric, as ``low`` and ``high`` then are.
        low: 2.5th percentile of the resampled means.
        high: 97.5th percentile.
        n: queries that have the metric.
    """

    mean: float | None
    low: float | None
    high: float | None
    n: int

    def __post_init__(self) -> None:
        """Check that there is a mean with an interval, or neither."""
        if len({value is None for value in (self.mean, self.low, self.high)}) > 1:
            raise ValueError("an estimate should have mean, low and high, or none of them")


@dataclass(frozen=True)
class PairedDifference(Estimate):
    """The mean difference of two systems on the same queries, and how many queries went which way.

    Attributes:
        wins: queries with a difference above zero.
        losses: queries with a difference below zero.
        ties: the other queries.
    """

    wins: int
    losses: int
    ties: int

    def __post_init__(self) -> None:
        """Check that a difference over some queries has a mean."""
        super().__post_init__()
        if self.n and self.mean is None:
            raise ValueError(f"a difference over {self.n} queries should have a mean")

    @property
    def outcome(self) -> Outcome:
        """What may be said of it: the interval is above zero, below it, or holds it ("unclear").

        "few" where there are fewer than ``MIN_QUERIES`` queries, "none" where there are none. Verdict, tables and
        slices all decide by this.
        """
        if not self.n:
            return "none"
        if self.n < MIN_QUERIES:
            return "few"
        return "better" if self.low > 0 else "worse" if self.high < 0 else "unclear"


@dataclass(frozen=True)
class BeforeAfter(PairedDifference):
    """A paired difference of the fine-tuned encoder from base, with both means.

    Attributes:
        base: mean of base over the ``n`` queries (or pairs of sentences); None where there are none.
        tuned: mean of the fine-tuned encoder.
    """

    base: float | None
    tuned: float | None

    def __post_init__(self) -> None:
        """Check that a difference over some queries has its means."""
        super().__post_init__()
        if self.n and None in (self.base, self.tuned):
            raise ValueError(f"a difference over {self.n} queries should have the means of base and tuned")


@dataclass(frozen=True)
class ProtocolTable:
    """The figures of one protocol.

    Attributes:
        description: what the protocol asks, in two sentences.
        systems: {system: {metric: estimate}}.
        differences: {system: {metric: system minus the reference}}.
        contrasts: {system: {other: {metric: system minus other}}}.
        p_values: {system: {metric: p of its difference, corrected for the number of systems}}; empty after a training.
    """

    description: str = ""
    systems: dict[str, dict[str, Estimate]] = field(default_factory=dict)
    differences: dict[str, dict[str, PairedDifference]] = field(default_factory=dict)
    contrasts: dict[str, dict[str, dict[str, PairedDifference]]] = field(default_factory=dict)
    p_values: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class SmallerVectors:
    """The figures of an encoder whose vectors take fewer bytes, or of its whole float16 vectors beside them.

    Attributes:
        encoder: its name.
        dim: how many of the first dimensions are kept.
        code: what a number is kept in, see ``space.index.small_vectors.Code``.
        rescored: whether the best binary codes are ordered once more by the whole query.
        bytes: of the vector of one product.
        figures: {protocol: {metric: estimate}}.
        differences: {protocol: {metric: minus that of the encoder's whole float16 vectors}}; empty for these.
    """

    encoder: str
    dim: int
    code: str
    rescored: bool
    bytes: int
    figures: dict[str, dict[str, Estimate]]
    differences: dict[str, dict[str, PairedDifference]] = field(default_factory=dict)


@dataclass(frozen=True)
class PerQuery:
    """The figures of every evaluated query; all lists have one entry a query.

    Attributes:
        product_locale: the locale of each query.
        query: its text.
        systems: {system: {"protocol/metric": values}}; None where the metric is undefined.
        labels: {label: how many judged products of the query have it}; None in older files.
    """

    product_locale: list[str]
    query: list[str]
    systems: dict[str, dict[str, list[float | None]]] = field(default_factory=dict)
    labels: dict[str, list[int]] | None = None

    def __post_init__(self) -> None:
        """Check the lengths: a list that lacks one query would put later figures beside the wrong query."""
        columns = [values for columns in self.systems.values() for values in columns.values()]
        lists = [self.product_locale, *columns, *(self.labels or {}).values()]
        if not self.query or any(len(one) != len(self.query) for one in lists):
            raise ValueError("every list of per_query should have one entry a query")

    def values(self, system: str, column: str) -> np.ndarray | None:
        """(n,) float64 of one system and "protocol/metric", NaN where undefined; None where it was not measured."""
        found = self.systems.get(system, {}).get(column)
        return None if found is None else np.array(found, dtype=np.float64)


@dataclass(frozen=True)
class DatasetInfo:
    """What was learned from and evaluated on.

    Attributes:
        name: the data set as the user named it; a Hub data set as ID@COMMIT.
        locales: of the catalogue.
        products: in the catalogue.
        train_judgments: judgments to learn from.
        queries: held-out queries.
        queries_evaluated: how many of them were evaluated.
        judgments_evaluated: their judgments.
        notice: what must be said wherever the data is shown, or "".
        checksums: of the catalogue and of all held-out judgments; None in older files.
    """

    name: str
    locales: list[str]
    products: int
    train_judgments: int
    queries: int
    queries_evaluated: int
    judgments_evaluated: int
    notice: str = ""
    checksums: Checksums | None = None


@dataclass(frozen=True)
class SentenceCosines:
    """Cosines between the vectors that two encoders give to the same sentence."""

    mean: float
    lowest: float


@dataclass(frozen=True)
class Drift:
    """How far fine-tuning moved the encoder on everyday sentences, see ``space.evaluation.forgetting``.

    Attributes:
        pairs: pairs of sentences that mean the same.
        cosine: between a sentence's vectors before and after.
        rank_correlation: Spearman's, of the similarities of all sentences before and after; None where they are all
            equal.
        paraphrase: the share of sentences whose nearest other sentence is their paraphrase, over pairs.
    """

    pairs: int
    cosine: SentenceCosines
    rank_correlation: float | None
    paraphrase: BeforeAfter


@dataclass(frozen=True)
class Bm25Parameters:
    """k1, b and stemming of BM25, and how they were chosen, see ``space.evaluation.bm25_tuning``.

    Attributes:
        k1: term-frequency saturation, 0 to 100.
        b: length normalisation, 0 to 1.
        stem: whether words are stemmed.
        queries: train queries they were chosen on; 0 where the usual values were taken without a choice.
        products: how many products these queries searched.
        train: full-catalogue nDCG@10 on those queries minus that of the usual values. It flatters: it is the best of
            the grid. None without a choice.
        test: the same on the held-out queries; None for the usual values.
    """

    k1: float = K1
    b: float = B
    queries: int = 0
    products: int = 0
    train: PairedDifference | None = None
    test: PairedDifference | None = None
    stem: bool = STEM

    def __post_init__(self) -> None:
        """Check that BM25 can work with the values."""
        if not (0 <= self.k1 <= 100 and 0 <= self.b <= 1):
            raise ValueError(f"k1 should be in 0 to 100 and b in 0 to 1, they are {self.k1} and {self.b}")

    @property
    def usual(self) -> bool:
        """Whether these are the usual values for short texts: ``K1``, ``B`` and ``STEM`` of ``space.index.bm25``."""
        return (self.k1, self.b, self.stem) == (K1, B, STEM)


@dataclass(frozen=True)
class TrainingLog:
    """What a training run did.

    Attributes:
        examples: training examples.
        steps: optimizer steps, those before a resume included.
        seconds: of this process's training loop.
        examples_per_second: over the steps this process did; None where it was resumed at its end and did none.
        peak_memory_gb: the most this process held: on the GPU if there is one, else resident.
        history: the trainer's log: step, loss, learning_rate.
        device: where it ran.
        precision: what it computed in, "float32" or "bfloat16".
        run: name of its folder among the TensorBoard events.
        best_step: the step whose weights were kept, with early stopping.
        dev_scores: {step: nDCG@10 of the dev queries}, with early stopping.
    """

    examples: int
    steps: int
    seconds: float
    examples_per_second: float | None
    peak_memory_gb: float
    history: list[dict[str, float]]
    device: str
    precision: str
    run: str
    best_step: int | None = None
    dev_scores: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Evaluation:
    """The content of evaluation.json. A part that a file does not have, or not as it should be, is None or empty.

    Attributes:
        verdict: whether fine-tuning helped, in one sentence.
        dataset: what was learned from and evaluated on.
        gains: {label: its gain}.
        scale: of the labels; None in older files, which have ESCI's, see ``label_scale``.
        encoders: {system: its encoder}; after a training "base" and "tuned".
        drift: what happened outside the shop.
        bm25: the parameters of BM25.
        settings: every setting of train.py.
        training: what the run did.
        protocols: {protocol: its tables}.
        per_query: the figures of every query.
        smaller: the encoders with smaller vectors, if they were measured.
        format: of the file.
        reference: the system that the others are compared with.
        reranker: the cross-encoder of the system "reranked"; None without.
        milliseconds: {system: {stage: median of a query}}, see ``space.evaluation.latency``; empty where not measured.
    """

    verdict: str = ""
    dataset: DatasetInfo | None = None
    gains: dict[str, float] = field(default_factory=dict)
    scale: LabelScale | None = None
    encoders: dict[str, EncoderDescription] = field(default_factory=dict)
    drift: Drift | None = None
    bm25: Bm25Parameters | None = None
    settings: dict[str, object] = field(default_factory=dict)
    training: TrainingLog | None = None
    protocols: dict[str, ProtocolTable] = field(default_factory=dict)
    per_query: PerQuery | None = None
    smaller: list[SmallerVectors] = field(default_factory=list)
    format: int = FORMAT
    reference: str = BASE
    reranker: RerankerDescription | None = None
    milliseconds: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def label_scale(self) -> LabelScale:
        """The scale of the labels."""
        return self.scale or ESCI

    @property
    def compared(self) -> tuple[str, ...]:
        """The encoders that were compared with the reference, in their order."""
        table = self.protocols.get(HEADLINE[0], ProtocolTable())
        names = self.encoders or table.systems or (self.per_query.systems if self.per_query else {})
        others = (self.reference, *_NO_ENCODERS)
        return tuple(name for name in names if name not in others and not name.endswith("+bm25"))

    @property
    def candidate(self) -> str:
        """The encoder that the verdict is about: tuned, else the last of ``compared``."""
        return TUNED if TUNED in self.compared or not self.compared else self.compared[-1]

    @property
    def is_tuning(self) -> bool:
        """Whether the verdict is about fine-tuning: the difference of tuned from base."""
        return (self.candidate, self.reference) == (TUNED, BASE)

    @classmethod
    def from_json(cls, content: str | bytes | Mapping[str, object]) -> "Evaluation":
        """Read an evaluation of any age and origin.

        Args:
            content: text of evaluation.json, or what ``json.loads`` made of it.

        Raises:
            EvaluationError: it is not a JSON object, or nested deeper than ``_DEEPEST``.
        """
        try:
            found = json.loads(content) if isinstance(content, str | bytes) else content
            _check_depth(found)
            return read(cls, found)
        except (ValueError, RecursionError) as error:
            raise EvaluationError(f"not an evaluation: {error}") from error

    def to_json(self) -> str:
        """Text of evaluation.json, readable and without NaN."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def difference(self, system: str, other: str | None = None) -> PairedDifference | None:
        """The headline metric of a system minus the reference, or minus ``other``; None where it was not measured."""
        protocol, metric = HEADLINE
        table = self.protocols.get(protocol, ProtocolTable())
        if other is None:
            return table.differences.get(system, {}).get(metric)
        return table.contrasts.get(system, {}).get(other, {}).get(metric)


def _check_depth(content: object) -> None:
    """Refuse what is nested so deep that writing or showing it would fail later."""
    level = [content] if isinstance(content, Mapping | list) else []
    for _ in range(_DEEPEST):
        inner = [one.values() if isinstance(one, Mapping) else one for one in level]
        level = [value for values in inner for value in values if isinstance(value, Mapping | list)]
        if not level:
            return
    raise ValueError(f"it is nested deeper than {_DEEPEST} levels")
