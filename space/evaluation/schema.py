"""evaluation.json as dataclasses: what training measured, read from the file and written to it.

The field names are the keys of the file.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from space.data.checksums import Checksums
from space.data.scale import ESCI, LabelScale
from space.encoding.description import BASE, TUNED, EncoderDescription, RerankerDescription
from space.errors import UserError
from space.evaluation.estimates import BeforeAfter, PairedDifference
from space.evaluation.tables import HEADLINE, PerQuery, ProtocolTable, SmallerVectors
from space.index.bm25 import K1, STEM, B
from space.io.typed_json import read

FORMAT = 1
#: Systems of a table that are no encoder. So are the hybrids whose names end with "+bm25".
_NO_ENCODERS = ("random", "bm25", "hybrid", "reranked")
#: Objects inside objects. What train.py writes has 7.
_DEEPEST = 30


class EvaluationError(UserError):
    """A text that is not an evaluation; the message is one sentence."""


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
