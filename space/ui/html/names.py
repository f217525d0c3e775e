"""Words that many parts of the page share: names of systems, scores and fields, and counted nouns."""

import re
from collections.abc import Sequence
from pathlib import Path

from space.data.catalogue import NO_LOCALE, language
from space.encoding.weights import PACKAGED_NAME
from space.i18n import N_, ngettext, number
from space.i18n import gettext as _

SYSTEMS = {
    "tuned": N_("Fine-tuned"),
    "base": N_("Base"),
    "bm25": N_("BM25"),
    "hybrid": N_("Hybrid"),
    "reranked": N_("Reranked"),
}
#: {system that is no encoder: what its scores are}; those of an encoder are cosines.
SCORES = {"bm25": N_("BM25 score"), "hybrid": N_("fused score"), "reranked": N_("reranker score")}
_COSINE = N_("cosine")
#: How the names of the hybrids of an evaluation end, see ``space.retrieval.hybrid``.
FUSED = "+bm25"
#: {filter: its label on the page}.
FIELDS = {
    "locale": N_("Locale"),
    "brand": N_("Brand"),
    "color": N_("Colour"),
    "category": N_("Category"),
    "min_price": N_("Price from"),
    "max_price": N_("Price to"),
    "min_rating": N_("Rating"),
}
#: {metric of an evaluation: its name in the field}.
METRICS = {
    "ndcg": "nDCG",
    "ndcg@10": "nDCG@10",
    "recall@100": N_("recall of relevant @100"),
    "mrr@10": "MRR@10",
    "exact@1": "hit@1",
}


def system_name(system: str) -> str:
    """``Fine-tuned`` for "tuned"; an encoder that its owner named has that name, and fused ``NAME + BM25``."""
    if system.endswith(FUSED):
        return f"{system_name(system.removesuffix(FUSED))} + BM25"
    return _(SYSTEMS[system]) if system in SYSTEMS else system


def kind(system: str) -> str:
    """The class for style.css. It never is a name that an owner chose, which could be that of another class."""
    return system if system in SYSTEMS or system == "random" else "other"


def score_name(system: str) -> str:
    """What the scores of a system are called: cosine, BM25 score, fused score."""
    return _(SCORES.get(system, _COSINE))


def field_labels() -> dict[str, str]:
    """{filter: its label} in the current language."""
    return {name: _(label) for name, label in FIELDS.items()}


def language_of(locale: str) -> str:
    """The ``lang`` attribute for texts of a locale: "en" for us, "" for an unknown one. Screen readers use it."""
    return language(locale)


def locale_shown(locale: str) -> str:
    """A locale as a visitor sees it; "" in a catalogue without locales, which never shows the word."""
    return "" if locale == NO_LOCALE else locale


def id_shown(locale: str, product_id: str) -> str:
    """``us · B00X``; the id alone in a catalogue without locales."""
    return " · ".join(part for part in (locale_shown(locale), product_id) if part)


def products(count: int) -> str:
    """``1 product``, ``1,024 products``."""
    return ngettext("{n} product", "{n} products", count).format(n=number(count))


def queries(count: int) -> str:
    """``1 query``, ``1,024 queries``."""
    return ngettext("{n} query", "{n} queries", count).format(n=number(count))


def judgments(count: int) -> str:
    """``1 judgment``, ``1,024 judgments``."""
    return ngettext("{n} judgment", "{n} judgments", count).format(n=number(count))


def listed(items: Sequence[str]) -> str:
    """``a, b and c``."""
    return (
        items[-1] if len(items) == 1 else _("{items} and {last}").format(items=", ".join(items[:-1]), last=items[-1])
    )


def short_name(name: str) -> str:
    """The last part of a path, and ID@COMMIT with the first seven digits of the commit."""
    if name == PACKAGED_NAME:
        return _("multilingual-e5-small, 4-bit weights from a package")
    if Path(name).is_absolute() or name.startswith("."):
        return Path(name).name
    return re.sub(r"@([0-9a-f]{7})[0-9a-f]{33}$", r"@\1", name)
