"""Hits to HTML: cards, badges, pictures, timings, messages. Pure functions; knows neither gradio nor how to search.

Scores are shown small and never as a per cent: cosines of E5 lie in .7 to 1 by design, so that a "92 % match" would
say nothing. What stands out instead is the rank and, where people judged the pair, their label; and where reference
scores of the same encoder are known, how many of them the score exceeds.
"""

import math
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from space.data.filters import LEVEL
from space.data.judgments import LABELS
from space.search.results import Hit, Product, SearchResult, Standing
from space.ui.html.markup import EMPTY, Html, fill, join
from space.ui.html.product import details

NAMES = {"tuned": "Fine-tuned", "base": "Base", "bm25": "BM25", "hybrid": "Hybrid"}
SCORES = {"tuned": "cosine", "base": "cosine", "bm25": "BM25 score", "hybrid": "fused score"}
MEANINGS = {
    "Exact": "Judged Exact: fulfils the query",
    "Substitute": "Judged Substitute: not quite what was asked for, but could do",
    "Complement": "Judged Complement: is used together with what was asked for",
    "Irrelevant": "Judged Irrelevant: something else",
}
#: What the pairs are that a score is compared with, see ``space.search.score_reference``.
REFERENCES = {
    "Exact pairs": "the same encoder's cosines of held-out queries and products judged Exact for them",
    "random pairs": "the same encoder's cosines of titles and products that have nothing to do with them",
}
_HOST = re.compile(r"[a-z0-9._-]+")
#: Last labels of names that no public name server knows.
_LOCAL = {
    "arpa",
    "corp",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "onion",
}
#: Languages of the ESCI locales, so that a screen reader and the browser's fonts read a title in its own language.
LANGUAGES = {"us": "en", "es": "es", "jp": "ja"}


def results(found: SearchResult, more: Callable[[Hit], Html] = lambda hit: EMPTY) -> Html:
    """A summary line, and the hits as cards; ``more`` gives what stands at the end of each."""
    if not found.hits:
        return join([likened(found.like) if found.like else EMPTY, no_hits(found.system)])
    judged = is_judged(found.hits)
    folded = sum(len(hit.similar or ()) for hit in found.hits)
    return fill(
        '<div class="results">{like}<p class="summary" role="status"><strong>{count}</strong>{folded} {asked} by '
        '{system}{tally} {timings}</p><ol class="cards">{cards}</ol></div>',
        like=likened(found.like) if found.like else EMPTY,
        count=counted(len(found.hits), "product"),
        folded=f" and {folded:,} near-duplicate{'' if folded == 1 else 's'}" if folded else "",
        asked="like it" if found.like else fill("for <q>{query}</q>", query=found.query),
        system=NAMES.get(found.system, found.system),
        tally=fill(' <span class="tally">{tally}</span>', tally=tally(found.hits)) if judged else EMPTY,
        timings=timings(found.timings_ms),
        cards=join(
            card(hit, found.system, judged=judged, more=more(hit), asked=found.like is None) for hit in found.hits
        ),
    )


def likened(product: Product) -> Html:
    """The product whose like was searched, above the others."""
    return fill(
        '<div class="likened">{picture}<div class="facts"><p class="kind">More like</p>'
        '<p class="title" lang="{language}">{title}</p>{about}</div></div>',
        picture=picture(product),
        language=LANGUAGES.get(product.product_locale, ""),
        title=product.title or "(no title)",
        about=_line("about", [product.brand, product.color, f"{product.product_locale} · {product.product_id}"]),
    )


def card(
    hit: Hit,
    system: str,
    *,
    judged: bool,
    mark: Html = EMPTY,
    brief: bool = False,
    also: Html = EMPTY,
    more: Html = EMPTY,
    asked: bool = True,
) -> Html:
    """One hit as a list item.

    Args:
        hit: the product.
        system: who found it; says what the score is.
        judged: whether the query was judged at all; only then is a missing label worth a word.
        mark: what stands beside the label, such as how far the product moved.
        brief: for narrow columns: no price, rating and category, and only the number of the score.
        also: further attributes of the item, with a space before each.
        more: what stands at the end.
        asked: whether a query found it, so that one can ask why.
    """
    return fill(
        '<li class="card"{also}><span class="rank"><span class="unseen">Rank </span>{rank}</span>'
        '<div class="thumb">{picture}{why}</div>'
        '<div class="facts"><details class="product" data-locale="{locale}" data-product="{product_id}">'
        '<summary class="title" lang="{language}" title="{title}">{title}</summary>{details}</details>{about}{extra}'
        '<p class="tail">{mark}{badge}{score}<span class="id">{locale} · {product_id}</span>{more}</p>{similar}'
        "</div></li>",
        also=also,
        rank=hit.rank,
        picture=picture(hit),
        language=LANGUAGES.get(hit.product_locale, ""),
        title=hit.title or "(no title)",
        details=details(hit),
        about=_line("about", [hit.brand, hit.color]),
        extra=EMPTY if brief else join([_line("extra", _extras(hit.extra)), _shelf(hit.extra.get("category"))]),
        mark=mark,
        badge=badge(hit.esci_label) if judged else EMPTY,
        score=score(hit, system, brief=brief),
        locale=hit.product_locale,
        product_id=hit.product_id,
        why=why_button(hit, system) if asked else EMPTY,
        more=more,
        similar=similar(hit.similar, judged) if hit.similar else EMPTY,
    )


def why_button(hit: Hit, system: str) -> Html:
    """What asks why this product is here; space/ui/why.js answers a click. Nothing for a list of no system's."""
    if system not in NAMES:
        return EMPTY
    return fill(
        '<button type="button" class="ask-why" aria-haspopup="dialog" aria-label="Why? {title}" '
        'data-system="{system}" data-locale="{locale}" data-product="{product_id}">Why?</button>',
        title=hit.title,
        system=system,
        locale=hit.product_locale,
        product_id=hit.product_id,
    )


def score(hit: Hit, system: str, *, brief: bool = False) -> Html:
    """The score, or where it lies among reference scores, which says more; then the score itself is on hovering."""
    kind = SCORES.get(system, "score")
    if hit.standing is None or brief:
        return fill(
            '<span class="score" title="{kind}; compares within this list only"><span class="{seen}">{kind} </span>'
            "{score}</span>",
            kind=kind,
            seen="unseen" if brief else "kind",
            score=f"{hit.score:.3f}",
        )
    return fill(
        '<span class="standing" title="{kind} {score}: above {share} of {pairs} {among} ({meaning})">'
        '<span class="meter" aria-hidden="true" style="--share:{width}%"></span>above {share} of {among}</span>',
        kind=kind,
        score=f"{hit.score:.4f}",
        share=_share(hit.standing),
        pairs=f"{hit.standing.pairs:,}",
        among=hit.standing.among,
        meaning=REFERENCES.get(hit.standing.among, "scores of the same encoder"),
        width=f"{100 * hit.standing.share:.1f}",
    )


def similar(hits: Sequence[Hit], judged: bool) -> Html:
    """Near-duplicates folded under a card, to be unfolded."""
    listed = join(
        fill(
            '<li><span class="rank"><span class="unseen">Rank </span>{rank}</span>'
            '<span><span lang="{language}">{title}</span>{about} {badge}</span></li>',
            rank=hit.rank,
            language=LANGUAGES.get(hit.product_locale, ""),
            title=hit.title or "(no title)",
            about=fill(' <span class="extra" translate="no">{color}</span>', color=hit.color) if hit.color else EMPTY,
            badge=badge(hit.esci_label) if judged else EMPTY,
        )
        for hit in hits
    )
    return fill(
        '<details class="similar"><summary>+{count} similar</summary><ol>{listed}</ol></details>',
        count=len(hits),
        listed=listed,
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


def picture(hit: Product) -> Html:
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
        # One hue for a brand, so that colours mean something in a list without pictures.
        hue=zlib.crc32((hit.brand or hit.title).encode("utf-8", "replace")) % 360,
        letter=letter,
        image=image,
    )


def image_url(value: object) -> str | None:
    """``value`` if it is an http(s) address of a host with a public name, else None.

    No javascript:, no data:, nothing of this site; and no address or name within somebody's own network, at which a
    catalogue could make its visitors' browsers knock.
    """
    if not isinstance(value, str) or any(one.isspace() or not one.isprintable() or one == "\\" for one in value):
        return None
    try:
        parts = urlsplit(value)
        usual = parts.port in (None, 80, 443) and parts.username is None
    except ValueError:  # such as a bracket left open in the host, or a port that is no number
        return None
    return value if parts.scheme in ("http", "https") and usual and _is_public(parts.hostname or "") else None


def _is_public(host: str) -> bool:
    """Whether a host has a name and not a number, in a domain that is not kept for local networks.

    In plain letters: what a browser takes other characters for may be another name.
    """
    *above, last = host.rstrip(".").split(".")
    named = bool(above) and all(above) and last[:1].isalpha() and _HOST.fullmatch(host) is not None
    return named and last not in _LOCAL


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
        "No product searched shares a word with this. The encoders do not need shared words: try Fine-tuned."
        if system == "bm25"
        else "No product is left by these filters. Set one of them back to “Any”."
    )
    return fill('<div class="panel" role="status"><p><strong>Nothing found.</strong> {why}</p></div>', why=why)


def counted(number: int, noun: str) -> str:
    """``1 product``, ``1,024 products``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _share(standing: Standing) -> str:
    """A share in words that does not round some to none or most to all."""
    if standing.share in (0.0, 1.0):
        return "all" if standing.share else "none"
    return f"{min(max(round(100 * standing.share), 1), 99)} %"


def _extras(extra: Mapping[str, Any]) -> list[str]:
    rating, votes, price = (_number(extra.get(name)) for name in ("rating", "rating_count", "price"))
    stars = f"★ {rating:.1f}" + (f" ({votes:,.0f})" if votes else "") if rating is not None else ""
    # The data has no currency, so none is claimed.
    return [stars, f"price {price:,.2f}" if price is not None else ""]


def _number(value: object) -> float | None:
    """``value`` if it is a finite number: the columns beyond the required ones may hold anything."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _shelf(category: object) -> Html:
    """The last two levels of a category, which say most; all of them on hovering."""
    levels = str(category or "").split(LEVEL)
    if not levels[0]:
        return EMPTY
    return fill(
        '<p class="extra shelf" translate="no" title="{all}">{above}<span>{own}</span></p>',
        all=" › ".join(levels),
        above=fill("<span>{level}</span> › ", level=levels[-2]) if len(levels) > 1 else EMPTY,
        own=levels[-1],
    )


def _line(kind: str, parts: Sequence[str | None]) -> Html:
    text = " · ".join(part for part in parts if part)
    return (
        fill(
            '<p class="{kind}"{data}>{text}</p>',
            data=Html(' translate="no"') if kind == "about" else EMPTY,
            kind=kind,
            text=text,
        )
        if text
        else EMPTY
    )
