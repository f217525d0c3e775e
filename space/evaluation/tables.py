"""The tables of an evaluation: the metrics, the figures of every system, and those of every query."""

from dataclasses import dataclass, field

import numpy as np

from space.evaluation.estimates import Estimate, PairedDifference

#: {protocol: its metrics}, see ``space.evaluation.protocols``.
METRICS = {
    "judged": ("ndcg", "ndcg@10"),
    "full_catalogue": ("ndcg@10", "recall@100", "mrr@10", "exact@1"),
}
#: The protocol and metric to decide by, and its column in ``PerQuery``.
HEADLINE = ("full_catalogue", "ndcg@10")
HEADLINE_COLUMN = "/".join(HEADLINE)


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
    """The figures of an encoder whose vectors take fewer bytes, or of its whole float16 vectors to compare with.

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
