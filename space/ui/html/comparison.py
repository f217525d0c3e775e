"""A comparison as columns: a list for each system, how good each list is, and what moved from the reference.

Each card carries its product, so that static/results.js can point out the same product in the other lists.
``rank_table`` shows the same comparison as one table.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from space.encoding.description import BASE, TUNED
from space.i18n import N_, fraction, ngettext, number
from space.i18n import gettext as _
from space.search.list_quality import ListQuality
from space.search.results import Comparison, Hit, ProductKey, SearchResult
from space.ui.html import cards, moves, names
from space.ui.html.help import help_for, with_help
from space.ui.html.labels import is_judged, tally
from space.ui.html.markup import EMPTY, Html, fill, join
from space.ui.html.names import system_name
from space.ui.html.panels import no_hits
from space.ui.html.rank_table import rank_table, ranks_of

#: {what was searched, see ``list_quality.Scope``: whether the figures compare with the evaluation}.
_SCOPES = {
    "locale": N_("As in the evaluation, all products of one shop were searched."),
    "catalogue": N_("All locales were searched at once. The evaluation searches one; so does the filter “Locale”."),
    "filtered": N_("Only products that pass the filters count, so these figures do not compare with the evaluation."),
}


def comparison(
    found: Comparison,
    emptied: Mapping[str, object] = MappingProxyType({}),
    more: Callable[[Hit], Html] = lambda hit: EMPTY,
    candidate: str = TUNED,
) -> Html:
    """What changed in a sentence or two, and a column for each system.

    Args:
        found: what was compared.
        emptied: {filter: value} of those that leave no product.
        more: makes what stands at the end of each product.
        candidate: the encoder that the hybrid fuses with BM25.
    """
    hits = [hit for result in found.systems.values() for hit in result.hits]
    if not hits:
        return no_hits("bm25" if list(found.systems) == ["bm25"] else "", emptied, candidate)
    judged = is_judged(hits)
    ranks = ranks_of(found)
    marks = moves.marks(found, ranks)
    return fill(
        '<div class="comparison">{summary}{basis}<div class="sides n{n}">{columns}</div>{table}</div>',
        summary=moves.summary(found),
        basis=basis(found.quality),
        n=len(found.systems),
        columns=join(
            _column(found, result, marks[name], judged, more, candidate) for name, result in found.systems.items()
        ),
        table=rank_table(found, marks, judged=judged, more=more),
    )


def basis(quality: Mapping[str, ListQuality | None]) -> Html:
    """What the figures above the lists are measured on, or why there are none."""
    known = next((one for one in quality.values() if one), None)
    if known is None:
        text = _("No score: none of the products searched was rated for this query.")
    else:
        counts = ngettext(
            "{n} product was rated for this query, {exact} as fitting; one without a rating counts as 0.",
            "{n} products were rated for this query, {exact} as fitting; one without a rating counts as 0.",
            known.judged,
        )
        text = f"{counts.format(n=number(known.judged), exact=known.exact)} {_(_SCOPES[known.scope])}"
    if not quality:
        return EMPTY
    return fill('<p class="basis">{text}</p>', text=with_help(text, help_for("unrated")) if known else text)


def _column(
    found: Comparison,
    result: SearchResult,
    marks: Mapping[ProductKey, Html],
    judged: bool,
    more: Callable[[Hit], Html],
    candidate: str,
) -> Html:
    look = {"judged": judged, "brief": True}
    listed = [
        cards.card(hit, result.system, **look, mark=marks[hit.key], attributes=_attributes(hit), more=more(hit))
        for hit in result.hits
    ]
    nothing = (
        _("No product shares a word with this query.")
        if result.system == "bm25"
        else _("No product passes the filters.")
    )
    return fill(
        '<section class="side {css}" aria-label="{name}"><header><div class="head"><h2>{name}</h2>{kind}</div>'
        "{figures}{tally}"
        "{timings}</header>{poor}{body}</section>",
        css=names.kind(result.system),
        name=system_name(result.system),
        kind=_kind(result.system, candidate),
        figures=_figures(found, result.system),
        tally=fill('<p class="tally">{tally}</p>', tally=tally(result.hits)) if judged and listed else EMPTY,
        timings=cards.timings(result, _agreement(found, result) if listed else EMPTY),
        poor=cards.poor_fit(result),
        body=fill('<ol class="cards">{listed}</ol>', listed=join(listed))
        if listed
        else fill('<p class="panel">{nothing}</p>', nothing=nothing),
    )


def _attributes(hit: Hit) -> Html:
    """Makes a card focusable and names its product, for static/results.js."""
    return fill(' tabindex="0" data-same="{locale}/{id}"', locale=hit.product_locale, id=hit.product_id)


def _figures(found: Comparison, system: str) -> Html:
    """nDCG@k and recall@k with their difference from the reference, and hit@1."""
    own, reference = found.quality.get(system), found.reference
    if own is None:
        return EMPTY
    before = found.quality.get(reference) if reference and system != reference else None
    against = _("Against base") if reference == BASE else _("Against {reference}")
    against = against.format(reference=system_name(reference or ""))
    ndcg, recall = (before.ndcg, before.recall) if before else (None, None)
    exact = {None: "–", 0.0: _("no"), 1.0: _("yes")}[own.exact_at_1]
    return fill(
        '<dl class="figures">{ndcg}{recall}<div><dt>{first}</dt><dd>{exact}</dd></div></dl>',
        ndcg=_figure(_("Quality"), help_for("quality", f"nDCG@{own.k}"), own.ndcg, ndcg, against),
        recall=_figure(_("Found"), help_for("recall", f"Recall@{own.k}"), own.recall, recall, against),
        first=with_help(_("First fits"), help_for("first")),
        exact=exact,
    )


def _figure(name: str, about: Html, value: float | None, before: float | None, against: str) -> Html:
    change = EMPTY
    if value is not None and before is not None:
        by = round(value - before, 6)
        change = fill(
            ' <span class="change {kind}" title="{title}">{by}</span>',
            kind="up" if by > 0 else "down" if by < 0 else "same",
            title=against,
            by=fraction(by, signed=True),
        )
    return fill(
        "<div><dt>{name}</dt><dd>{value}{change}</dd></div>",
        name=with_help(name, about),
        value="–" if value is None else fraction(value),
        change=change,
    )


def _agreement(found: Comparison, result: SearchResult) -> Html:
    """What a list shares with that of ``found.beside``; not where ``moves.summary`` says it."""
    own, beside = found.agreement.get(result.system), found.beside
    if own is None or beside is None or (found.is_tuning and result.system == BASE):
        return EMPTY
    size = max(len(result.hits), len(found.systems[beside].hits))
    return fill(
        '<p class="overlap"><span>{against} {shared}</span></p>',
        against=_("Beside Fine-tuned:")
        if beside == TUNED
        else _("Beside {system}:").format(system=system_name(beside)),
        shared=moves.alike(round(own.overlap * size), size, own.rbo),
    )


def _kind(system: str, candidate: str) -> Html:
    """What a column is, where its name does not say it."""
    fused = _("{encoder} and keyword search, merged").format(encoder=system_name(candidate))
    if candidate == TUNED:
        fused = _("Fine-tuned and keyword search, merged")
    words = {
        "bm25": _("Plain keyword search, for comparison"),
        "hybrid": fused,
        "reranked": _("The best products, ordered again by a cross-encoder"),
    }
    if system not in words:
        return EMPTY
    about = help_for("fused" if system == "hybrid" and candidate != TUNED else system)
    return fill('<p class="kind"><span>{words}</span> {about}</p>', words=words[system], about=about)
