"""Why a product scores what it scores: what each part of product and query adds, found by leaving the part out.

Knows no index, no encoder and no engine: texts to compare go out, vectors and ranks come in. What an encoder makes of
a text is not the sum of its words, so the parts of a cosine do not add up to it; those of BM25 and of a fusion do.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from space.data.catalogue import BULLETS, passage
from space.index.bm25 import Term, tokenize
from space.retrieval.fusion import RRF_K

#: Each word costs one more encoded query; a longer one is explained by its beginning.
MAX_WORDS = 20
FIELDS = {"title": "product_title", "brand": "product_brand", "color": "product_color", "bullets": BULLETS}
# Japanese has no spaces: it is cut where the script changes, which is close to its words without a dictionary.
_HIRAGANA, _KATAKANA, _KANJI = "\u3040-\u309f", "\u30a0-\u30ff\uff66-\uff9f", "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_JAPANESE = _HIRAGANA + _KATAKANA + _KANJI
_PIECES = re.compile(rf"[{_HIRAGANA}]+|[{_KATAKANA}]+|[{_KANJI}]+|[^\s{_JAPANESE}]+")


@dataclass(frozen=True)
class Part:
    """What one part adds to a score.

    Attributes:
        name: a field of the product, a word of the query, a term of BM25, or a system whose ranks are fused.
        contribution: in units of the score; negative where the product would score higher without the part.
        text: what the product has in that field.
        fields: of a term: the fields of the product that hold it.
        products: of a term: how many products of the catalogue hold it.
        rank: of a system: the rank in its list; None where it is not among the first.
    """

    name: str
    contribution: float
    text: str | None = None
    fields: Sequence[str] | None = None
    products: int | None = None
    rank: int | None = None


@dataclass(frozen=True)
class Explanation:
    """Why one product scores what it scores for one query.

    Attributes:
        score: of texts encoded now, so that all differences are of one kind; from the stored float16 vectors it may
            differ in the fourth digit.
        fields, words: of an encoder: score − score without the part, in order of appearance.
        terms: of BM25: parts that add up to the score.
        lists: of a fusion: likewise.
        notes: what must be said with the figures.
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
    notes: Sequence[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The explanation as ``/explain`` returns it."""
        return asdict(self) | {
            "score": round(self.score, 6),
            "fields": _parts(self.fields, "text"),
            "words": _parts(self.words),
            "terms": _parts(self.terms, "fields", "products"),
            "lists": _parts(self.lists, "rank"),
        }


@dataclass(frozen=True)
class Variants:
    """The texts whose scores tell what each part adds.

    Attributes:
        fields: {name: what the product has there}, those it has.
        words: the words that are left out in turn.
        queries: the query, then it without each of ``words``.
        passages: the product's text, then it without each of ``fields``.
        notes: what could not be left out, and why.
    """

    fields: Mapping[str, str]
    words: Sequence[str]
    queries: Sequence[str]
    passages: Sequence[str]
    notes: Sequence[str]


def variants(query: str, product: Mapping[str, Any], bullets: int = 0) -> Variants:
    """What to encode for a query and a row of the catalogue.

    Args:
        query: as it was searched.
        product: columns of the catalogue.
        bullets: characters of the bullet points in the passage, as the store was made with.
    """
    had = {name: product.get(column) or "" for name, column in FIELDS.items()}
    had["bullets"] = had["bullets"][:bullets]
    fields = {name: text for name, text in had.items() if text.strip()}
    found = list(_words(query))
    words, notes = found[:MAX_WORDS], []
    if len(found) > MAX_WORDS:
        notes.append(f"Of the query's {len(found)} words the first {MAX_WORDS} were left out in turn.")
    if len(found) == 1:
        words = []
        notes.append("The query is a single word: without it there would be nothing to search for.")
    elif any(re.search(f"[{_JAPANESE}]", query[start:end]) for start, end in words):
        notes.append("Japanese is cut where the script changes.")
    if len(fields) == 1:
        notes.append(f"Of this product only the {next(iter(fields))} was read: it cannot be left out.")
    left_out = list(fields) if len(fields) > 1 else []
    return Variants(
        {name: fields[name] for name in left_out},
        [query[start:end] for start, end in words],
        [query, *(" ".join(f"{query[:start]} {query[end:]}".split()) for start, end in words)],
        [_passage(fields), *(_passage({**fields, name: ""}) for name in left_out)],
        notes,
    )


def dense(asked: Variants, queries: np.ndarray, passages: np.ndarray) -> dict[str, Any]:
    """Score and parts of an encoder.

    Args:
        asked: from ``variants``.
        queries: (1 + words, d) unit vectors of ``asked.queries``.
        passages: (1 + fields, d) unit vectors of ``asked.passages``.

    Returns:
        score, fields, words and notes of an ``Explanation``.
    """
    score = float(queries[0] @ passages[0])
    without_words, without_fields = queries[1:] @ passages[0], passages[1:] @ queries[0]
    return {
        "score": score,
        "fields": [
            Part(name, score - float(rest), text=text)
            for (name, text), rest in zip(asked.fields.items(), without_fields, strict=True)
        ],
        "words": [Part(word, score - float(rest)) for word, rest in zip(asked.words, without_words, strict=True)],
        "notes": list(asked.notes),
    }


def lexical(terms: Sequence[Term], product: Mapping[str, Any]) -> dict[str, Any]:
    """Score and parts of BM25; a term that the product does not have adds 0."""
    has = {name: set(tokenize(product.get(column) or "")) for name, column in FIELDS.items() if name != "bullets"}
    parts = [
        Part(
            term.text,
            term.score,
            fields=[name for name, tokens in has.items() if term.text in tokens],
            products=term.products,
        )
        for term in terms
    ]
    return {"score": sum(part.contribution for part in parts), "terms": parts}


def fused(ranks: Mapping[str, int | None]) -> dict[str, Any]:
    """Score and parts of a reciprocal rank fusion, of {system: rank from 1, or None}."""
    parts = [Part(name, 0.0 if rank is None else 1.0 / (RRF_K + rank), rank=rank) for name, rank in ranks.items()]
    return {"score": sum(part.contribution for part in parts), "lists": parts}


def _passage(fields: Mapping[str, str]) -> str:
    return passage(*(fields.get(name, "") for name in FIELDS))


def _words(query: str) -> list[tuple[int, int]]:
    """Where each word stands; signs alone are none."""
    return [found.span() for found in _PIECES.finditer(query) if re.search(r"\w", found[0])]


def _parts(parts: Sequence[Part], *more: str) -> list[dict[str, Any]]:
    return [
        {"name": part.name, "contribution": round(part.contribution, 6)} | {name: getattr(part, name) for name in more}
        for part in parts
    ]
