"""Results of a search: hits, comparisons and moves, and their JSON for the endpoints."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from space.data.catalogue import NO_LOCALE
from space.data.scale import Grade
from space.evaluation.metrics import overlap, rank_biased_overlap
from space.search.list_quality import ListQuality

#: What reference scores are of, see ``space.search.score_reference``.
RELEVANT, RANDOM = "relevant pairs", "random pairs"
#: A list fits poorly if its best score is above a smaller share of the scores of relevant pairs. Chosen on the sample
#: with E5, see ``benchmarks/nothing_fits.py`` and docs/evaluation.md.
FITS_FROM = 0.25
#: (locale, id).
ProductKey = tuple[str, str]


@dataclass(frozen=True)
class Standing:
    """Where a score lies among reference scores of the same encoder.

    Attributes:
        share: share of the reference scores below it, 0 to 1.
        among: which pairs the reference scores are of, see ``space.search.score_reference``.
        pairs: how many reference scores there are.
    """

    share: float
    among: str
    pairs: int


def locale_json(locale: str) -> str | None:
    """A locale as the endpoints return it; null in a catalogue without locales."""
    return None if locale == NO_LOCALE else locale


@dataclass(frozen=True, kw_only=True)
class Product:
    """One product of the catalogue.

    Attributes:
        title: "" where the catalogue has none.
        extra: the other columns of the catalogue: image_url, price, category, rating, rating_count, bullet points.
    """

    product_id: str
    product_locale: str
    title: str
    brand: str | None
    color: str | None
    extra: Mapping[str, object] = field(default_factory=dict)

    @property
    def key(self) -> ProductKey:
        """(locale, id): ESCI uses the same id in several locales."""
        return self.product_locale, self.product_id


@dataclass(frozen=True, kw_only=True)
class Hit(Product):
    """One product found.

    Attributes:
        rank: from 1.
        score: cosine, BM25 or fused score; compares within one system and query only.
        grade: the gold label of query and product; None where the pair is not judged.
        standing: where the score lies among reference scores; None for a system without a reference.
        similar: near-duplicates grouped under this hit, best first; None where grouping was not asked for.
    """

    rank: int
    score: float
    grade: Grade | None = None
    standing: Standing | None = None
    similar: tuple["Hit", ...] | None = None

    @property
    def esci_label(self) -> str | None:
        """The name of the grade, whatever the scale: the endpoints keep the name of the field."""
        return self.grade.name if self.grade else None

    def to_json(self) -> dict[str, object]:
        """The hit as the endpoints return it; "similar" only where grouping was asked for."""
        values: dict[str, object] = {
            "rank": self.rank,
            "product_id": self.product_id,
            "product_locale": locale_json(self.product_locale),
            "title": self.title,
            "brand": self.brand,
            "color": self.color,
            "score": self.score,
            "esci_label": self.esci_label,
        }
        if self.similar is not None:
            values["similar"] = [hit.to_json() for hit in self.similar]
        return values


@dataclass(frozen=True)
class SearchResult:
    """Hits of one system, best first, with the time it took.

    Attributes:
        query: the text as it was searched.
        timings_ms: {"encode", "search", "total"} in milliseconds, and "rerank" where a cross-encoder ran; total
            includes filters, labels, product columns and the wait for a batch or a GPU.
        like: the product that the hits are similar to; None for the answer to a query.
        kept: whether the hits were found for an earlier, equal request; nothing was encoded and searched then.
    """

    query: str
    system: str
    hits: Sequence[Hit]
    timings_ms: Mapping[str, float]
    like: Product | None = None
    kept: bool = False

    @property
    def fits_poorly(self) -> bool:
        """Whether even the best hit scores low among relevant pairs; False where that is not known."""
        best = self.hits[0].standing if self.hits else None
        is_known = best is not None and best.among == RELEVANT
        return is_known and best.share < FITS_FROM and not any(hit.grade and hit.grade.relevant for hit in self.hits)

    def to_json(self) -> dict[str, object]:
        """The result as ``/search`` and ``/more_like`` return it; "like" only for the latter."""
        values: dict[str, object] = {
            "query": self.query,
            "system": self.system,
            "hits": [hit.to_json() for hit in self.hits],
            "timings_ms": {**self.timings_ms, **({"cached": True} if self.kept else {})},
        }
        if self.like is not None:
            values["like"] = {
                "product_id": self.like.product_id,
                "product_locale": locale_json(self.like.product_locale),
                "title": self.like.title,
            }
        return values


@dataclass(frozen=True)
class Move:
    """The rank of a product before and after fine-tuning.

    Attributes:
        base: its rank with base; None where it is not among the first k.
        tuned: its rank with tuned; likewise.
    """

    product_id: str
    product_locale: str
    base: int | None
    tuned: int | None

    @property
    def key(self) -> ProductKey:
        """(locale, id)."""
        return self.product_locale, self.product_id

    @property
    def state(self) -> str:
        """One of "entered", "left", "up", "down", "same"."""
        if self.base is None:
            return "entered"
        if self.tuned is None:
            return "left"
        return "same" if self.tuned == self.base else "up" if self.tuned < self.base else "down"

    @property
    def by(self) -> int | None:
        """Ranks gained, negative for ranks lost; None for a product that entered or left."""
        return None if self.base is None or self.tuned is None else self.base - self.tuned

    def to_json(self) -> dict[str, object]:
        """The move as ``/compare`` returns it."""
        locale = locale_json(self.product_locale)
        return asdict(self) | {"product_locale": locale, "state": self.state, "by": self.by}


@dataclass(frozen=True)
class Agreement:
    """How much the first k of two systems have in common.

    Attributes:
        overlap: share of the products that both have, in any order, 0 to 1.
        rbo: rank-biased overlap, in which the top weighs most, 0 to 1; None where no list has two products, since one
            product has no order.
    """

    overlap: float
    rbo: float | None

    @classmethod
    def of(cls, first: Sequence[ProductKey], second: Sequence[ProductKey]) -> "Agreement":
        """The agreement of two rankings, best first."""
        rbo = rank_biased_overlap(first, second) if max(len(first), len(second)) > 1 else math.nan
        return cls(overlap(first, second), None if math.isnan(rbo) else round(rbo, 6))


@dataclass(frozen=True)
class Comparison:
    """The same query by several systems.

    Attributes:
        overlap: share of the first k that base and tuned have in common, 0 to 1; None unless both were asked.
        moves: tuned's products in its order, then those that left; empty unless base and tuned were asked.
        agreement: {system: its agreement with tuned} of the others; empty unless tuned was asked.
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
        """Compare the answers of several systems to one query."""
        ranks = {name: {hit.key: hit.rank for hit in result.hits} for name, result in results.items()}
        others = [name for name in ranks if name != "tuned"] if "tuned" in ranks else []
        agreement = {name: Agreement.of(list(ranks[name]), list(ranks["tuned"])) for name in others}
        if "base" not in agreement:
            return cls(query, results, None, [], agreement, quality)
        base, tuned = ranks["base"], ranks["tuned"]
        keys = [*tuned, *(key for key in base if key not in tuned)]
        moves = [Move(key[1], key[0], base.get(key), tuned.get(key)) for key in keys]
        return cls(query, results, agreement["base"].overlap, moves, agreement, quality)

    def to_json(self) -> dict[str, object]:
        """The comparison as ``/compare`` returns it; "overlap" and "rbo" are those of base and tuned."""
        systems = {}
        for name, result in self.systems.items():
            quality = self.quality.get(name)
            systems[name] = result.to_json() | {"figures": asdict(quality) if quality else None}
        return {
            "query": self.query,
            "systems": systems,
            "overlap": self.overlap,
            "rbo": self.agreement["base"].rbo if "base" in self.agreement else None,
            "agreement": {name: asdict(agreement) for name, agreement in self.agreement.items()},
            "moves": [move.to_json() for move in self.moves],
        }
