"""Hits to HTML: cards, badges, pictures, timings, messages. Pure functions; knows neither gradio nor how to search.

Scores are shown small and never as a per cent: cosines of E5 lie in .7 to 1 by design, so that a "92 % match" would
say nothing. What stands out instead is the rank and, where people judged the pair, their label.
"""

import math
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from space.esci import LABELS
from space.results import Hit, SearchResult
from space.ui.markup import EMPTY, Html, fill, join

NAMES = {"tuned": "Fine-tuned", "base": "Base", "bm25": "BM25", "hybrid": "Hybrid"}
SCORES = {"tuned": "cosine", "base": "cosine", "bm25": "BM25 score", "hybrid": "fused score"}
MEANINGS = {
    "Exact": "Judged Exact: fulfils the query",
    "Substitute": "Judged Substitute: not quite what was asked for, but could do",
    "Complement": "Judged Complement: is used together with what was asked for",
    "Irrelevant": "Judged Irrelevant: something else",
}
#: Languages of the ESCI locales, so that a screen reader and the browser's fonts read a title in its own language.
LANGUAGES = {"us": "en", "es": "es", "jp": "ja"}


def results(found: SearchResult) -> Html:
    """A summary line, and the hits as cards."""
    if not found.hits:
        return no_hits(found.system)
    judged = is_judged(found.hits)
    return fill(
        '<div class="results"><p class="summary" role="status"><strong>{count}</strong> for <q>{query}</q> by '
        '{system}{tally} {timings}</p><ol class="cards">{cards}</ol></div>',
        count=counted(len(found.hits), "product"),
        query=found.query,
        system=NAMES.get(found.system, found.system),
        tally=fill(' <span class="tally">{tally}</span>', tally=tally(found.hits)) if judged else EMPTY,
        timings=timings(found.timings_ms),
        cards=join(card(hit, found.system, judged=judged) for hit in found.hits),
    )


def card(hit: Hit, system: str, *, judged: bool, mark: Html = EMPTY, brief: bool = False) -> Html:
    """One hit as a list item.

    Args:
        hit: the product.
        system: who found it; says what the score is.
        judged: whether the query was judged at all; only then is a missing label worth a word.
        mark: what stands beside the label, such as how far the product moved.
        brief: for narrow columns: no price, rating and category, and only the number of the score.
    """
    return fill(
        '<li class="card"><span class="rank"><span class="unseen">Rank </span>{rank}</span>{picture}'
        '<div class="facts"><p class="title" lang="{language}" title="{title}">{title}</p>{about}{extra}'
        '<p class="tail">{mark}{badge}'
        '<span class="score" title="{kind}; compares within this list only"><span class="{seen}">{kind} </span>{score}'
        "</span>"
        '<span class="id">{locale} · {product_id}</span></p></div></li>',
        rank=hit.rank,
        picture=picture(hit),
        language=LANGUAGES.get(hit.product_locale, ""),
        title=hit.title or "(no title)",
        about=_line("about", [hit.brand, hit.color]),
        extra=EMPTY if brief else _line("extra", _extras(hit.extra)),
        mark=mark,
        badge=badge(hit.esci_label) if judged else EMPTY,
        kind=SCORES.get(system, "score"),
        seen="unseen" if brief else "kind",
        score=f"{hit.score:.3f}",
        locale=hit.product_locale,
        product_id=hit.product_id,
    )


def badge(label: str | None) -> Html:
    """The gold label: a colour and a word, since a colour alone does not reach everyone."""
    if label not in LABELS:
        return Html('<span class="badge unjudged" title="Nobody judged this product for this query">unjudged</span>')
    return fill(
        '<span class="badge {kind}" title="{meaning}">{label}</span>',
        kind=label.lower(),
        meaning=MEANINGS[label],
        label=label,
    )


def picture(hit: Hit) -> Html:
    """The product's image over a placeholder, which also stands in while the image loads and where it cannot."""
    letter = next((character for character in hit.title if character.isalnum()), "?").upper()
    url = image_url(hit.extra.get("image_url"))
    image = (
        fill(
            '<img src="{url}" alt="{title}" loading="lazy" decoding="async" referrerpolicy="no-referrer">',
            url=url,
            title=hit.title,
        )
        if url
        else EMPTY
    )
    return fill(
        '<span class="picture" style="--hue:{hue}"><span aria-hidden="true">{letter}</span>{image}</span>',
        hue=zlib.crc32(hit.title.encode("utf-8", "replace")) % 360,
        letter=letter,
        image=image,
    )


def image_url(value: object) -> str | None:
    """``value`` if it is an http(s) address with a host, else None: no javascript:, no data:, nothing of this site."""
    if not isinstance(value, str) or any(character.isspace() or not character.isprintable() for character in value):
        return None
    try:
        parts = urlsplit(value)
    except ValueError:  # such as a bracket left open in the host
        return None
    return value if parts.scheme in ("http", "https") and parts.hostname else None


def timings(milliseconds: Mapping[str, float]) -> Html:
    """Where the time went, as one line; BM25 has nothing to encode, so that stage is left out."""
    return fill(
        '<span class="timings">{stages}</span>',
        stages=" · ".join(f"{stage} {value:.1f} ms" for stage, value in milliseconds.items() if value),
    )


def tally(hits: Iterable[Hit]) -> str:
    """How many hits have which label: ``4 Exact · 2 Substitute · 4 unjudged``."""
    counts = Counter(hit.esci_label for hit in hits)
    shown = [f"{counts[label]} {label}" for label in LABELS if counts[label]]
    return " · ".join([*shown, *([f"{counts[None]} unjudged"] if counts[None] else [])])


def is_judged(hits: Iterable[Hit]) -> bool:
    """Whether any of the hits has a label, so that labels are worth showing."""
    return any(hit.esci_label for hit in hits)


def message(text: str) -> Html:
    """What went wrong, in the visitor's words, where the results would be."""
    return fill('<div class="panel problem" role="alert"><p>{text}</p></div>', text=text[:1].upper() + text[1:])


def welcome(text: str) -> Html:
    """What will be here once there is a query."""
    return fill('<div class="panel"><p>{text}</p></div>', text=text)


def no_hits(system: str) -> Html:
    """Why nothing came back; only BM25 can find nothing without a filter."""
    why = (
        "No product shares a word with this query. The encoders do not need shared words: try Fine-tuned."
        if system == "bm25"
        else "No product is left by these filters. Set one of them back to “Any”."
    )
    return fill('<div class="panel" role="status"><p><strong>Nothing found.</strong> {why}</p></div>', why=why)


def counted(number: int, noun: str) -> str:
    """``1 product``, ``1,024 products``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _extras(extra: Mapping[str, Any]) -> list[str]:
    rating, votes, price = (_number(extra.get(name)) for name in ("rating", "rating_count", "price"))
    stars = f"★ {rating:.1f}" + (f" ({votes:,.0f})" if votes else "") if rating is not None else ""
    # The data has no currency, so none is claimed.
    return [stars, f"price {price:,.2f}" if price is not None else "", str(extra.get("category") or "")]


def _number(value: object) -> float | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if usable else None


def _line(kind: str, parts: Sequence[str | None]) -> Html:
    text = " · ".join(part for part in parts if part)
    return fill('<p class="{kind}">{text}</p>', kind=kind, text=text) if text else EMPTY
