"""What a search gives: hits, comparisons and moves, as values and as the JSON of the endpoints. Knows no engine."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Hit:
    """One product found.

    Attributes:
        rank: from 1.
        score: cosine, BM25 or fused score; comparable within one system and query only.
        esci_label: the gold label where this query and product were judged, else None.
        extra: what else the catalogue knows: image_url, price, category, rating, rating_count.
    """

    rank: int
    product_id: str
    product_locale: str
    title: str
    brand: str | None
    color: str | None
    score: float
    esci_label: str | None
    extra: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def to_json(self) -> dict[str, Any]:
        """The hit as the endpoints return it."""
        fields = asdict(self)
        del fields["extra"]
        return fields


@dataclass(frozen=True)
class SearchResult:
    """Hits of one system, best first, with where the time went.

    Attributes:
        timings_ms: {"encode", "search", "total"} in milliseconds; total includes filters, labels and product columns,
            and the wait for a GPU that is shared.
    """

    query: str
    system: str
    hits: list[Hit]
    timings_ms: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """The result as ``/search`` returns it."""
        return {
            "query": self.query,
            "system": self.system,
            "hits": [hit.to_json() for hit in self.hits],
            "timings_ms": dict(self.timings_ms),
        }


@dataclass(frozen=True)
class Move:
    """Where a product stands before and after fine-tuning, among the first k of each.

    Attributes:
        base: rank, or None where it is not among the first k.
        tuned: likewise.
    """

    product_id: str
    product_locale: str
    base: int | None
    tuned: int | None

    @property
    def state(self) -> str:
        """One of "entered", "left", "up", "down", "same"."""
        if self.base is None:
            return "entered"
        if self.tuned is None:
            return "left"
        return "same" if self.tuned == self.base else "up" if self.tuned < self.base else "down"

    def to_json(self) -> dict[str, Any]:
        """The move as ``/compare`` returns it; "by" counts places gained, None for one that entered or left."""
        by = None if self.base is None or self.tuned is None else self.base - self.tuned
        return asdict(self) | {"state": self.state, "by": by}


@dataclass(frozen=True)
class Comparison:
    """The same query by several systems.

    Attributes:
        overlap: share of the first k that base and tuned have in common, 0 to 1.
        moves: tuned's hits in its order, then what left.
    """

    query: str
    systems: Mapping[str, SearchResult]
    overlap: float
    moves: Sequence[Move]

    def to_json(self) -> dict[str, Any]:
        """The comparison as ``/compare`` returns it."""
        return {
            "query": self.query,
            "systems": {name: result.to_json() for name, result in self.systems.items()},
            "overlap": self.overlap,
            "moves": [move.to_json() for move in self.moves],
        }
