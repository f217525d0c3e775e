"""Results of a search: hits, comparisons and moves, and their JSON for the endpoints."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from space.data.catalogue import NO_LOCALE
from space.data.scale import Grade
from space.encoding.description import BASE, TUNED
from space.evaluation.metrics import overlap, rank_biased_overlap
from space.search.list_quality import ListQuality
from space.search.roles import Contrast

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
    """The rank of a product in two lists, that of the reference and that of another system.

    Attributes:
        before: its rank with the reference, such as base; None where it is not among the first k.
        after: its rank with the other system, such as tuned; likewise.
    """

    product_id: str
    product_locale: str
    before: int | None
    after: int | None

    @property
    def key(self) -> ProductKey:
        """(locale, id)."""
        return self.product_locale, self.product_id

    @property
    def state(self) -> str:
        """One of "entered", "left", "up", "down", "same"."""
        if self.before is None:
            return "entered"
        if self.after is None:
            return "left"
        return "same" if self.after == self.before else "up" if self.after < self.before else "down"

    @property
    def by(self) -> int | None:
        """Ranks gained, negative for ranks lost; None for a product that entered or left."""
        return None if self.before is None or self.after is None else self.before - self.after


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
        reference: the system that ``moves`` and differences of quality are from; None where there is none.
        beside: the system that ``agreement`` is with; None where there is none. See ``roles.Contrast`` for both.
        moves: {system: its products in its order, then those of the reference that it lacks}.
        agreement: {system: its agreement with ``beside``} of the others.
        quality: {system: how good its list is}; None for a query without judged products.
    """

    query: str
    systems: Mapping[str, SearchResult]
    reference: str | None = None
    beside: str | None = None
    moves: Mapping[str, Sequence[Move]] = field(default_factory=dict)
    agreement: Mapping[str, Agreement] = field(default_factory=dict)
    quality: Mapping[str, ListQuality | None] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        query: str,
        results: Mapping[str, SearchResult],
        contrast: Contrast,
        quality: Mapping[str, ListQuality | None],
    ) -> "Comparison":
        """Compare the answers of several systems to one query."""
        ranks = {name: {hit.key: hit.rank for hit in result.hits} for name, result in results.items()}
        beside, reference = contrast.beside, contrast.reference
        others = [name for name in ranks if name != beside] if beside else []
        agreement = {name: Agreement.of(list(ranks[name]), list(ranks[beside])) for name in others}
        moves = {name: _moves(ranks[reference], ranks[name]) for name in contrast.moved}
        return cls(query, results, reference, beside, moves, agreement, quality)

    @property
    def is_tuning(self) -> bool:
        """Whether it asks what fine-tuning moved, from base to tuned; else all are compared with the reference."""
        return self.reference is None or self.reference != self.beside

    @property
    def shared(self) -> Agreement | None:
        """The agreement of the reference with the one system that moved; None where there are several or none."""
        if self.reference is None or len(self.moves) != 1:
            return None
        return self.agreement[self.reference if self.is_tuning else next(iter(self.moves))]

    def to_json(self) -> dict[str, object]:
        """The comparison as ``/compare`` returns it; "overlap" and "rbo" are those of ``shared``."""
        systems = {}
        for name, result in self.systems.items():
            quality = self.quality.get(name)
            systems[name] = result.to_json() | {"figures": asdict(quality) if quality else None}
        return {
            "query": self.query,
            "systems": systems,
            **({} if self.is_tuning else {"reference": self.reference}),
            "overlap": self.shared.overlap if self.shared else None,
            "rbo": self.shared.rbo if self.shared else None,
            "agreement": {name: asdict(agreement) for name, agreement in self.agreement.items()},
            "moves": [self._move_json(name, move) for name, moves in self.moves.items() for move in moves],
        }

    def _move_json(self, system: str, move: Move) -> dict[str, object]:
        product = {"product_id": move.product_id, "product_locale": locale_json(move.product_locale)}
        ranks = (
            {BASE: move.before, TUNED: move.after}
            if self.is_tuning
            else {"system": system, "before": move.before, "after": move.after}
        )
        return product | ranks | {"state": move.state, "by": move.by}


def _moves(before: Mapping[ProductKey, int], after: Mapping[ProductKey, int]) -> list[Move]:
    """Of {product: rank} in two lists."""
    keys = [*after, *(key for key in before if key not in after)]
    return [Move(key[1], key[0], before.get(key), after.get(key)) for key in keys]
