"""A pair to judge, the progress of judging, and a rater's own judgments as HTML."""

from collections.abc import Mapping, Sequence

from space.data.scale import LabelScale
from space.feedback.agreement import Agreement
from space.feedback.judgments import CANNOT_TELL, Judgment
from space.i18n import fraction, ngettext, number
from space.i18n import gettext as _
from space.search.results import Hit
from space.ui.html.cards import details
from space.ui.html.labels import badge
from space.ui.html.markup import EMPTY, Html, fill, join
from space.ui.html.names import language_of, system_name
from space.ui.html.picture import picture


def question(query: str, product: Hit, rank: int | None, last: str | None = None) -> Html:
    """A query and a product, without the system that found it.

    Args:
        query: the query.
        product: what is to be judged.
        rank: the best rank in any list, shown on request; None for a pair outside the queue.
        last: the rater's own judgment, if it is to be changed.
    """
    on_request = (
        fill(
            "<details><summary>{ask}</summary><p>{said}</p></details>",
            ask=_("Where was it found?"),
            said=_("At rank {rank} of a list, at best.").format(rank=rank),
        )
        if rank
        else EMPTY
    )
    about = " · ".join(part for part in (product.brand, product.color) if part)
    return fill(
        '<div class="judged"><h2 tabindex="-1" data-focus>{ask} <q>{query}</q></h2>{last}<div class="judged-product">'
        '{picture}<div><p class="name" lang="{language}">{title}</p><p class="about">{about}</p>{details}{rank}</div>'
        "</div></div>",
        ask=_("How well does this product answer"),
        query=query,
        last=fill("<p>{said}</p>", said=_("You said: {grade}").format(grade=grade_name(last))) if last else EMPTY,
        picture=picture(product),
        language=language_of(product.product_locale),
        title=product.title or _("(no title)"),
        about=about,
        details=details(product),
        rank=on_request,
    )


def judge_here(query: str, hit: Hit) -> Html:
    """Opens the dialog that judges a hit without a label; static/judge_here.js answers a click."""
    if hit.grade:
        return EMPTY
    return fill(
        '<button type="button" class="judge-here" aria-haspopup="dialog" aria-label="{label}" data-query="{query}" '
        'data-locale="{locale}" data-product="{product}" data-title="{title}">{judge}</button>',
        label=_("Judge: {title}").format(title=hit.title or hit.product_id),
        query=query,
        locale=hit.product_locale,
        product=hit.product_id,
        title=hit.title or _("(no title)"),
        judge=_("Judge this"),
    )


def grade_name(grade: str) -> str:
    """A grade as the owner writes it, or "cannot tell"."""
    return _("cannot tell") if grade == CANNOT_TELL else grade


def overview(
    shares: Mapping[str, float],
    mine: Sequence[Judgment],
    titles: Mapping[tuple[str, str], str],
    agreed: Agreement | None,
    scale: LabelScale,
    reranked: tuple[int, int] | None = None,
) -> Html:
    """Progress, agreement, and the rater's own judgments with a button to change each.

    Args:
        shares: {system: judged@10}.
        mine: the rater's judgments, the last first.
        titles: {(locale, id): title} of their products.
        agreed: how far raters agree, if it is known.
        scale: of the grades.
        reranked: for how many queries the reranker's list is there, and of how many; None where it is there for all.
    """
    rows = join(
        fill(
            '<tr><th scope="row">{name}</th><td>{share} %</td><td><meter min="0" max="1" value="{value}" '
            'aria-label="{name}"></meter></td></tr>',
            name=system_name(system),
            share=number(100 * share, 1),
            value=f"{share:.3f}",
        )
        for system, share in shares.items()
    )
    parts = [
        fill("<h2>{title}</h2><table><tbody>{rows}</tbody></table>", title=_("Judged of the top ten"), rows=rows),
        fill("<p>{said}</p>", said=_lists_so_far(*reranked)) if reranked else EMPTY,
        fill("<p>{said}</p>", said=_agreement(agreed)) if agreed else EMPTY,
        _own(mine, titles, scale),
    ]
    return fill('<section class="judging-overview">{parts}</section>', parts=join(parts))


def _lists_so_far(made: int, queries: int) -> str:
    said = _("The reranker has answered {made} of {queries} queries so far. It answers each when you come to it.")
    return said.format(made=number(made), queries=number(queries))


def _agreement(found: Agreement) -> str:
    name = {"cohen": _("Cohen's kappa"), "fleiss": _("Fleiss' kappa")}[found.kind]
    pairs = ngettext("{n} pair", "{n} pairs", found.pairs).format(n=number(found.pairs))
    if found.kappa is None:
        return _("Raters agree on all of {pairs}, with one grade only.").format(pairs=pairs)
    said = _("Agreement of {raters} raters on {pairs}: {kappa} {value}.")
    return said.format(raters=found.raters, pairs=pairs, kappa=name, value=fraction(found.kappa, signed=True))


def _own(mine: Sequence[Judgment], titles: Mapping[tuple[str, str], str], scale: LabelScale) -> Html:
    if not mine:
        return EMPTY
    items = join(
        fill(
            "<li><q>{query}</q> <span>{title}</span> {grade} "
            '<button type="button" class="again" data-locale="{locale}" data-product="{product}" data-query="{query}">'
            "{change}</button></li>",
            query=one.query,
            title=titles.get((one.locale, one.product_id)) or one.product_id,
            grade=badge(found) if (found := scale.grade(one.grade)) else grade_name(one.grade),
            locale=one.locale,
            product=one.product_id,
            change=_("Change"),
        )
        for one in mine
    )
    return fill("<h2>{title}</h2><ol class='own-judgments'>{items}</ol>", title=_("Your last judgments"), items=items)
