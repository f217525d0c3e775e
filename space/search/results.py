"""What a search gives: hits, comparisons and moves, as values and as the JSON of the endpoints. Knows no engine."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from space.evaluation.metrics import overlap, rank_biased_overlap
from space.search.list_quality import ListQuality


@dataclass(frozen=True)
class Standing:
    """Where a score lies among reference scores of the same encoder.

    Attributes:
        share: of them that lie below, 0 to 1.
        among: what pairs they are of.
        pairs: how many they are.
    """

    share: float
    among: str
    pairs: int


@dataclass(frozen=True)
class Hit:
    """One product found.

    Attributes:
        rank: from 1.
        score: cosine, BM25 or fused score; comparable within one system and query only.
        esci_label: the gold label where this query and product were judged, else None.
        extra: what else the catalogue knows: image_url, price, category, rating, rating_count.
        standing: where the score lies among reference scores; None where there is nothing to compare it with.
        similar: near-duplicates that were folded under this one, best first; None where nothing was to be folded.
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
    standing: Standing | None = field(default=None, compare=False)
    similar: tuple["Hit", ...] | None = field(default=None, compare=False)

    @property
    def key(self) -> tuple[str, str]:
        """Which product it is, within a catalogue: (locale, id)."""
        return self.product_locale, self.product_id

    def to_json(self) -> dict[str, Any]:
        """The hit as the endpoints return it; "similar" only where near-duplicates were to be folded."""
        values = {part.name: getattr(self, part.name) for part in fields(self) if part.compare}
        return values if self.similar is None else values | {"similar": [hit.to_json() for hit in self.similar]}


_NAMED_BY = ("product_id", "product_locale", "title")


@dataclass(frozen=True)
class SearchResult:
    """Hits of one system, best first, with where the time went.

    Attributes:
        timings_ms: {"encode", "search", "total"} in milliseconds; total includes filters, labels and product columns,
            and the wait for a GPU that is shared.
        like: the product that the hits are like, its rank 0; None for the answer to a query.
    """

    query: str
    system: str
    hits: list[Hit]
    timings_ms: Mapping[str, float]
    like: Hit | None = None

    def to_json(self) -> dict[str, Any]:
        """The result as ``/search`` returns it; "like" only for ``/more_like``."""
        like = {} if self.like is None else {"like": {name: getattr(self.like, name) for name in _NAMED_BY}}
        return {
            "query": self.query,
            **like,
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
class Agreement:
    """How much the first k of two systems have in common.

    Attributes:
        overlap: share of the products, whatever their order, 0 to 1.
        rbo: rank-biased overlap, where the top weighs most, 0 to 1; None where both found nothing.
    """

    overlap: float
    rbo: float | None

    @classmethod
    def of(cls, first: Sequence[Any], second: Sequence[Any]) -> "Agreement":
        """Of two rankings, best first."""
        rbo = rank_biased_overlap(first, second)
        return cls(overlap(first, second), None if math.isnan(rbo) else round(rbo, 6))


@dataclass(frozen=True)
class Comparison:
    """The same query by several systems.

    Attributes:
        overlap: share of the first k that base and tuned have in common, 0 to 1; None unless both were asked.
        moves: tuned's hits in its order, then what left; none unless both were asked.
        agreement: {system: how it agrees with tuned}, for the others that were asked; none without tuned.
        quality: {system: how good its list is}; None for a query without judged products.
    """

    query: str
    systems: Mapping[str, SearchResult]
    overlap: float | None
    moves: Sequence[Move]
    agreement: Mapping[str, Agreement] = field(default_factory=dict)
    quality: Mapping[str, ListQuality | None] = field(default_factory=dict)

    @classmethod
    def of(
        cls, query: str, results: Mapping[str, SearchResult], quality: Mapping[str, ListQuality | None]
    ) -> "Comparison":
        """What the answers of several systems to one query have in common."""
        ranks = {name: {hit.key: hit.rank for hit in result.hits} for name, result in results.items()}
        others = [name for name in ranks if name != "tuned"] if "tuned" in ranks else []
        agreement = {name: Agreement.of(list(ranks[name]), list(ranks["tuned"])) for name in others}
        if "base" not in agreement:
            return cls(query, results, None, [], agreement, quality)
        base, tuned = ranks["base"], ranks["tuned"]
        keys = [*tuned, *(key for key in base if key not in tuned)]
        moves = [Move(key[1], key[0], base.get(key), tuned.get(key)) for key in keys]
        return cls(query, results, agreement["base"].overlap, moves, agreement, quality)

    def to_json(self) -> dict[str, Any]:
        """The comparison as ``/compare`` returns it; "rbo" is that of base and tuned, as "overlap" is."""
        return {
            "query": self.query,
            "systems": {
                name: result.to_json()
                | {"figures": quality.to_json() if (quality := self.quality.get(name)) else None}
                for name, result in self.systems.items()
            },
            "overlap": self.overlap,
            "rbo": self.agreement["base"].rbo if "base" in self.agreement else None,
            "agreement": {name: asdict(agreement) for name, agreement in self.agreement.items()},
            "moves": [move.to_json() for move in self.moves],
        }
