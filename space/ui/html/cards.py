"""Search results as cards: title, picture, gold label, score, price, and details that unfold.

Scores are shown small and never as a percentage: cosines of E5 lie between .7 and 1 by design, so "92 % match" would
be said of every product. Each card shows the rank, the gold label if the pair was judged, and, if reference scores of
the same encoder are known, the share of them that the score exceeds.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

from space.data.filters import LEVEL
from space.encoding.description import TUNED
from space.i18n import N_, fraction, ngettext, number
from space.i18n import gettext as _
from space.search.results import RANDOM, RELEVANT, Hit, Product, SearchResult, Standing
from space.ui.html.help import help_for, with_help
from space.ui.html.labels import badge, is_judged, tally
from space.ui.html.markup import EMPTY, Html, fill, join
from space.ui.html.names import id_shown, language_of, locale_shown, products, score_name, system_name
from space.ui.html.panels import no_hits
from space.ui.html.picture import picture

#: {the pairs a score is compared with, see ``space.search.score_reference``: (their plain name, what they are)}.
REFERENCES = {
    RELEVANT: (
        N_("known good matches"),
        N_("cosines of the same encoder for held-out queries and products judged relevant for them"),
    ),
    RANDOM: (N_("random pairs"), N_("cosines of the same encoder for titles and unrelated products")),
}
#: {column of ``Hit.extra``: its name}, in the order in which the details list them.
_DETAILS = {
    "category": N_("Category"),
    "price": N_("Price"),
    "rating": N_("Rating"),
    "rating_count": N_("Ratings"),
    "product_bullet_point": N_("Bullet points"),
}
_MAX_CHARACTERS = 2_000


def results(
    found: SearchResult,
    more: Callable[[Hit], Html] = lambda hit: EMPTY,
    emptied: Mapping[str, object] = MappingProxyType({}),
    candidate: str = TUNED,
) -> Html:
    """A summary line, and the hits as cards.

    Args:
        found: the answer.
        more: makes what stands at the end of each card.
        emptied: {filter: value} of those that leave no product.
        candidate: an encoder that can be tried where BM25 finds nothing.
    """
    like = _likened(found.like) if found.like else EMPTY
    if not found.hits:
        return join([like, no_hits(found.system, emptied, candidate)])
    judged = is_judged(found.hits)
    return fill(
        '<div class="results">{like}<div class="summary"><p role="status">{summary}{tally}</p>{timings}</div>'
        '{poor}<ol class="cards">{cards}</ol></div>',
        like=like,
        summary=_summary(found),
        tally=fill(' <span class="tally">{tally}</span>', tally=_tally(found)) if judged else EMPTY,
        timings=timings(found),
        poor=poor_fit(found),
        cards=join(
            card(hit, found.system, judged=judged, more=more(hit), asked=found.like is None) for hit in found.hits
        ),
    )


def poor_fit(found: SearchResult) -> Html:
    """That nothing fits well, where even the best score is low among those of known good matches."""
    if not found.fits_poorly:
        return EMPTY
    share = _("its score is above only {percent} % of known good matches").format(
        percent=number(100 * found.hits[0].standing.share) if found.hits[0].standing else ""
    )
    return fill(
        '<p class="poor" role="note"><strong>{said}</strong> {why}</p>',
        said=_("Nothing here fits well."),
        why=_("This is the closest there is, but {share}.").format(share=share),
    )


def card(
    hit: Hit,
    system: str,
    *,
    judged: bool,
    mark: Html = EMPTY,
    brief: bool = False,
    attributes: Html = EMPTY,
    more: Html = EMPTY,
    asked: bool = True,
) -> Html:
    """One hit as a list item.

    Args:
        hit: the product.
        system: which system found it; says what the score is.
        judged: whether any hit of the query has a gold label; only then a missing label is shown as "unjudged".
        mark: what stands beside the label, such as how far the product moved.
        brief: for narrow columns: without price, rating, category and score, which the details have.
        attributes: further attributes of the item, with a space before each.
        more: what stands at the end.
        asked: whether a query found it, so that "Why?" has an answer.
    """
    return fill(
        '<li class="card"{attributes}>{rank}<div class="thumb">{picture}{why}</div>'
        '<div class="facts"><details class="product" data-locale="{locale}" data-product="{product_id}">'
        '<summary class="title" lang="{language}" title="{title}">{title}</summary>{details}</details>{about}{extra}'
        '<p class="tail">{mark}{badge}{score}{more}</p>{similar}'
        "</div></li>",
        attributes=attributes,
        rank=_rank(hit),
        picture=picture(hit),
        language=language_of(hit.product_locale),
        title=hit.title or _("(no title)"),
        details=details(hit, system),
        about=_about([hit.brand, hit.color]),
        extra=EMPTY if brief else join([_extras(hit), _shelf(hit.extra.get("category"))]),
        mark=mark,
        badge=badge(hit.grade) if judged else EMPTY,
        score=EMPTY if brief else score(hit, system),
        locale=hit.product_locale,
        product_id=hit.product_id,
        why=_why_button(hit, system) if asked else EMPTY,
        more=more,
        similar=_similar(hit.similar, judged) if hit.similar else EMPTY,
    )


def details(hit: Hit, system: str = "") -> Html:
    """What unfolds under the title: every column that has a value, and the score, as a list of names and values.

    Args:
        hit: the product.
        system: which found it; "" leaves out the score.
    """
    found = [(score_name(system), "key", fraction(hit.score, 4))] if system else []
    rows = join(
        fill('<dt>{name}</dt><dd class="{kind}" translate="no">{value}</dd>', name=name, kind=kind, value=value)
        for name, kind, value in (*_detail_rows(hit), *found)
    )
    return fill('<dl class="columns">{rows}</dl>', rows=rows)


def score(hit: Hit, system: str) -> Html:
    """The score, or, where reference scores are known, the share of them below it, with the score in the tooltip."""
    name = score_name(system)
    if hit.standing is None:
        return fill(
            '<span class="score" title="{title}"><span class="kind">{name} </span>{score}</span>',
            title=_("{score_name}; can be compared within this list only").format(score_name=name),
            name=name,
            score=fraction(hit.score),
        )
    name_of, meaning = REFERENCES.get(hit.standing.among, (hit.standing.among, N_("scores of the same encoder")))
    pairs = _(name_of)
    shown = fill(
        '<span class="standing" title="{title}">'
        '<span class="meter" aria-hidden="true" style="--share:{width}%"></span>{standing}</span>',
        title=_("{score_name} {score}: {standing} ({meaning})").format(
            score_name=name,
            score=fraction(hit.score, 4),
            standing=_standing(hit.standing, f"{number(hit.standing.pairs)} {pairs}"),
            meaning=_(meaning),
        ),
        standing=_standing(hit.standing, pairs),
        width=f"{100 * hit.standing.share:.1f}",
    )
    if hit.rank > 1:  # once in a list is enough
        return shown
    return fill('<span class="explained">{shown}{about}</span>', shown=shown, about=help_for("matches"))


def timings(found: SearchResult, also: Html = EMPTY) -> Html:
    """Behind "Details", ``encode 8.1 ms · search 1.0 ms``: no stage that took no time, since BM25 encodes nothing.

    Args:
        found: the answer.
        also: what else stands in the details.
    """
    names = {
        "encode": _("encode {n} ms"),
        "search": _("search {n} ms"),
        "rerank": _("rerank {n} ms"),
        "total": _("total {n} ms"),
    }
    stages = [names[stage].format(n=number(value, 1)) for stage, value in found.timings_ms.items() if value]
    if found.kept:
        stages.append(_("found for an earlier, equal search"))
    return fill(
        '<details class="technical"><summary>{details}</summary>{also}<span class="timings">{stages}</span></details>',
        details=_("Details"),
        also=also,
        stages=" · ".join(stages),
    )


def _tally(found: SearchResult) -> Html:
    """How many hits have which label, and what it means that some have none."""
    said = tally(found.hits)
    if all(hit.grade for hit in found.hits):
        return fill("{said}", said=said)
    return with_help(said, help_for("unrated"))


def _summary(found: SearchResult) -> Html:
    count = fill("<strong>{products}</strong>", products=products(len(found.hits)))
    folded = sum(len(hit.similar or ()) for hit in found.hits)
    if folded:
        both = ngettext("{products} and {n} near-duplicate", "{products} and {n} near-duplicates", folded)
        count = fill(both, products=count, n=number(folded))
    name = system_name(found.system)
    if found.like:
        return fill(_("{products} like it by {system}"), products=count, system=name)
    query = fill("<q>{query}</q>", query=found.query)
    return fill(_("{products} for {query} by {system}"), products=count, query=query, system=name)


def _likened(product: Product) -> Html:
    """The product whose like was searched, above the others."""
    return fill(
        '<div class="likened">{picture}<div class="facts"><p class="kind">{kind}</p>'
        '<p class="title" lang="{language}">{title}</p>{about}</div></div>',
        kind=_("More like"),
        picture=picture(product),
        language=language_of(product.product_locale),
        title=product.title or _("(no title)"),
        about=_about([product.brand, product.color, id_shown(product.product_locale, product.product_id)]),
    )


def _why_button(hit: Hit, system: str) -> Html:
    """Asks why this product is here; static/why.js answers a click."""
    return fill(
        '<button type="button" class="ask-why" aria-haspopup="dialog" aria-label="{label}" '
        'data-system="{system}" data-locale="{locale}" data-product="{product_id}">{why}</button>',
        label=_("Why? {title}").format(title=hit.title),
        why=_("Why?"),
        system=system,
        locale=hit.product_locale,
        product_id=hit.product_id,
    )


def _similar(hits: Sequence[Hit], judged: bool) -> Html:
    """Near-duplicates folded under a card."""
    rows = join(
        fill(
            '<li>{rank}<span><span lang="{language}">{title}</span>{color} {badge}</span></li>',
            rank=_rank(hit),
            language=language_of(hit.product_locale),
            title=hit.title or _("(no title)"),
            color=fill(' <span class="extra" translate="no">{color}</span>', color=hit.color) if hit.color else EMPTY,
            badge=badge(hit.grade) if judged else EMPTY,
        )
        for hit in hits
    )
    return fill(
        '<details class="similar"><summary>{count}</summary><ol>{rows}</ol></details>',
        count=_("+{n} similar").format(n=len(hits)),
        rows=rows,
    )


def _rank(hit: Hit) -> Html:
    return fill('<span class="rank"><span class="unseen">{word} </span>{rank}</span>', word=_("Rank"), rank=hit.rank)


def _standing(standing: Standing, pairs: str) -> str:
    """A share is not rounded up to all or down to none."""
    if standing.share == 1.0:
        return _("closer than all {pairs}").format(pairs=pairs)
    if standing.share == 0.0:
        return _("less close than all {pairs}").format(pairs=pairs)
    percent = min(max(round(100 * standing.share), 1), 99)
    return _("closer than {percent} % of {pairs}").format(percent=percent, pairs=pairs)


def _detail_rows(hit: Hit) -> Iterator[tuple[str, str, str]]:
    """(name, class, value)."""
    yield _("Product"), "key", hit.product_id
    if locale := locale_shown(hit.product_locale):
        yield _("Locale"), "", locale
    columns = [(_("Brand"), hit.brand), (_("Colour"), hit.color)]
    columns += [(_(name), hit.extra.get(column)) for column, name in _DETAILS.items()]
    for name, value in columns:
        if text := _detail(value):
            yield name, "long" if "\n" in text else "", text


def _detail(value: object) -> str:
    """A value of the catalogue as text, "" for a missing one; long texts are cut."""
    if isinstance(value, int | float):
        shown = f"{value:.10g}"
        return number(value, len(shown.partition(".")[2])) if _is_number(value) and "e" not in shown else ""
    text = str(value or "").strip()
    return text if len(text) <= _MAX_CHARACTERS else text[:_MAX_CHARACTERS] + "…"


def _is_number(value: object) -> bool:
    """Whether a value of the catalogue is there: pandas and Arrow write a missing number as NaN or None."""
    return isinstance(value, int | float) and math.isfinite(value)


def _extras(hit: Hit) -> Html:
    """``★ 4.5 (12,345) · price 1,299.50``; the data names no currency, so none is shown."""
    rating, votes, price = (hit.extra.get(name) for name in ("rating", "rating_count", "price"))
    parts = []
    if _is_number(rating):
        parts.append(f"★ {number(rating, 1)}" + (f" ({number(votes)})" if _is_number(votes) and votes else ""))
    if _is_number(price):
        parts.append(_("price {price}").format(price=number(price, 2)))
    return fill('<p class="extra">{text}</p>', text=" · ".join(parts)) if parts else EMPTY


def _shelf(category: object) -> Html:
    """The last two levels of a category; all of them in the tooltip."""
    levels = str(category or "").split(LEVEL)
    if not levels[0]:
        return EMPTY
    return fill(
        '<p class="extra shelf" translate="no" title="{all}">{above}<span>{own}</span></p>',
        all=" › ".join(levels),
        above=fill("<span>{level}</span> › ", level=levels[-2]) if len(levels) > 1 else EMPTY,
        own=levels[-1],
    )


def _about(parts: Sequence[str | None]) -> Html:
    text = " · ".join(part for part in parts if part)
    return fill('<p class="about" translate="no">{text}</p>', text=text) if text else EMPTY
