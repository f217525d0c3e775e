"""Explanations: how much each field of a product and each word of a query adds to a score.

For an encoder or a cross-encoder a part adds the score minus the score without the part, both computed now. They read
all words together, so these contributions do not add up to the score. Those of BM25 and of a fusion do.
"""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, replace

import numpy as np

from space.data.catalogue import BULLETS
from space.data.passages import passage
from space.data.words import word_spans
from space.i18n import gettext as _
from space.index.bm25 import Term
from space.retrieval.hybrid import RRF_K
from space.search.results import Product, locale_json

#: Each word costs one more encoded query, so only the first words of a long query are explained.
MAX_WORDS = 20


@dataclass(frozen=True)
class Part:
    """What one part adds to a score.

    Attributes:
        name: a field of the product, a word of the query, a term of BM25, or a fused system.
        contribution: in units of the score; negative where the product would score higher without the part.
        text: for a field its text.
        fields: for a term the fields of the product that hold it.
        products: for a term how many products of the catalogue hold it.
        rank: for a system the product's rank in its list; None below the first ``FUSION_DEPTH``.
    """

    name: str
    contribution: float
    text: str | None = None
    fields: Sequence[str] | None = None
    products: int | None = None
    rank: int | None = None


@dataclass(frozen=True)
class Explanation:
    """Why one product has its score for one query.

    Attributes:
        score: of an encoder the cosine of texts encoded now. The stored vectors are float16, so the score of a search
            may differ in the fourth digit. Of a cross-encoder its score.
        fields: of an encoder or a cross-encoder what each field of the product adds.
        words: of an encoder or a cross-encoder what each word of the query adds.
        terms: of BM25 what each term adds; the sum is the score.
        lists: of a fusion what each system's rank adds; the sum is the score.
        notes: sentences about what could not be measured.
    """

    query: str
    system: str
    product_id: str
    product_locale: str
    title: str
    score: float
    fields: Sequence[Part] = ()
    words: Sequence[Part] = ()
    terms: Sequence[Part] = ()
    lists: Sequence[Part] = ()
    notes: Sequence[str] = ()

    def to_json(self) -> dict[str, object]:
        """The explanation as ``/explain`` returns it."""
        return asdict(self) | {
            "product_locale": locale_json(self.product_locale),
            "score": round(self.score, 6),
            "fields": _parts_json(self.fields, "text"),
            "words": _parts_json(self.words),
            "terms": _parts_json(self.terms, "fields", "products"),
            "lists": _parts_json(self.lists, "rank"),
        }


@dataclass(frozen=True)
class Variants:
    """Texts to encode, each but the first with one part left out.

    Attributes:
        fields: {field: text}, the f fields that are left out in turn.
        words: (w,) words that are left out in turn.
        queries: (1 + w,) the query, then the query without each word.
        passages: (1 + f,) the product's passage, then the passage without each field.
        notes: sentences about what could not be left out.
    """

    fields: Mapping[str, str]
    words: Sequence[str]
    queries: Sequence[str]
    passages: Sequence[str]
    notes: Sequence[str]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """(1 + w + f,) query and passage, then without each word, then without each field: for a cross-encoder."""
        query, passage = self.queries[0], self.passages[0]
        return [(one, passage) for one in self.queries] + [(query, one) for one in self.passages[1:]]


def variants(query: str, product: Product, bullets: int = 0) -> Variants:
    """The texts to encode for a query and a product.

    Args:
        query: as it was searched.
        product: the product to explain.
        bullets: characters of the bullet points in the passage, as the store was made with.
    """
    fields = fields_of(product, bullets)
    known = {name: text for name, text in fields.items() if text.strip()}
    left_out = known if len(known) > 1 else {}
    spans = word_spans(query)
    words = spans[:MAX_WORDS] if len(spans) > 1 else []
    notes = []
    if len(spans) > MAX_WORDS:
        note = _("Only the first {most} of the query's {count} words were left out in turn.")
        notes.append(note.format(most=MAX_WORDS, count=len(spans)))
    if len(spans) == 1:
        notes.append(_("The query is a single word: without it there would be nothing to search for."))
    elif any(query[:start][-1:].strip() for start, _end in words):
        notes.append(
            _("Where a script has no spaces, words are guessed: cut where the script changes, long runs into pairs.")
        )
    if len(known) == 1:
        notes.append(_("This product has a single field with text, so no field can be left out."))
    return Variants(
        fields=left_out,
        words=[query[start:end] for start, end in words],
        queries=[query, *(" ".join(f"{query[:start]} {query[end:]}".split()) for start, end in words)],
        passages=[passage(**fields), *(passage(**fields | {name: ""}) for name in left_out)],
        notes=notes,
    )


def fields_of(product: Product, bullets: int = 0) -> dict[str, str]:
    """{field: text} in the order of the passage; "" for a field that the product does not have."""
    return {
        "title": product.title,
        "brand": product.brand or "",
        "color": product.color or "",
        "bullets": str(product.extra.get(BULLETS) or "")[:bullets],
    }


def explain_encoder(
    query: str, system: str, product: Product, texts: Variants, queries: np.ndarray, passages: np.ndarray, *, cut: bool
) -> Explanation:
    """The cosine of an encoder, and what each field and word adds.

    Args:
        query: as it was searched.
        system: name of the system.
        product: the product to explain.
        texts: from ``variants``.
        queries: (1 + w, d) float32 unit vectors of ``texts.queries``.
        passages: (1 + f, d) float32 unit vectors of ``texts.passages``.
        cut: whether the product's passage is longer than what the encoder reads.
    """
    found = _left_out(
        query, system, product, texts, np.concatenate([queries @ passages[0], passages[1:] @ queries[0]])
    )
    note = _("This product's text is longer than what the encoder reads; its end is cut off.")
    return replace(found, notes=[*found.notes, note]) if cut else found


def explain_reranked(
    query: str, system: str, product: Product, texts: Variants, scores: np.ndarray, top: int
) -> Explanation:
    """The score of a cross-encoder, and what each field and word adds.

    Args:
        query: as it was searched.
        system: name of the system.
        product: the product to explain.
        texts: from ``variants``.
        scores: (1 + w + f,) float32 of ``texts.pairs``.
        top: how many products are reordered.
    """
    found = _left_out(query, system, product, texts, scores)
    note = _("Only the best {top} products are reordered; those below keep their order.")
    return replace(found, notes=[*found.notes, note.format(top=top)])


def _left_out(query: str, system: str, product: Product, texts: Variants, scores: np.ndarray) -> Explanation:
    """The explanation of (1 + w + f,) scores: that of the whole, without each word, and without each field."""
    score, rest = float(scores[0]), [float(one) for one in scores[1:]]
    words = [Part(word, score - one) for word, one in zip(texts.words, rest[: len(texts.words)], strict=True)]
    fields = [
        Part(name, score - one, text=text)
        for (name, text), one in zip(texts.fields.items(), rest[len(texts.words) :], strict=True)
    ]
    return Explanation(query, system, *_named(product), score, fields=fields, words=words, notes=texts.notes)


def explain_bm25(
    query: str, system: str, product: Product, found: Sequence[Term], terms_of: Callable[[str, str], Set[str]]
) -> Explanation:
    """The BM25 score, and what each term of the query adds; a term that the product does not have adds 0.

    Args:
        query: as it was searched.
        system: name of the system.
        product: the product to explain.
        found: what each term adds, see ``Bm25Index.terms``.
        terms_of: ``Bm25Index.terms_of``.
    """
    terms_by_field = {name: terms_of(text, product.product_locale) for name, text in fields_of(product).items()}
    parts = [
        Part(
            term.text,
            term.score,
            fields=[name for name, held in terms_by_field.items() if not held.isdisjoint(term.keys)],
            products=term.products,
        )
        for term in found
    ]
    return Explanation(query, system, *_named(product), _sum(parts), terms=parts)


def explain_fusion(query: str, system: str, product: Product, ranks: Mapping[str, int | None]) -> Explanation:
    """The score of a reciprocal rank fusion, and what each list adds.

    Args:
        query: as it was searched.
        system: name of the fusion.
        product: the product to explain.
        ranks: {fused system: rank of the product from 1, or None}.
    """
    parts = [Part(name, 0.0 if rank is None else 1.0 / (RRF_K + rank), rank=rank) for name, rank in ranks.items()]
    return Explanation(query, system, *_named(product), _sum(parts), lists=parts)


def _named(product: Product) -> tuple[str, str, str]:
    return product.product_id, product.product_locale, product.title


def _sum(parts: Sequence[Part]) -> float:
    return sum(part.contribution for part in parts)


def _parts_json(parts: Sequence[Part], *more: str) -> list[dict[str, object]]:
    return [
        {"name": part.name, "contribution": round(part.contribution, 6)} | {name: getattr(part, name) for name in more}
        for part in parts
    ]
