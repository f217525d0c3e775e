"""The two protocols of an evaluation as HTML: a section for each, and in it a table for every metric."""

from collections.abc import Mapping

from space.encoding.description import BASE
from space.evaluation.estimates import Estimate, PairedDifference
from space.evaluation.protocols import ONE_GRADE, PROTOCOLS, has_figures
from space.evaluation.schema import Evaluation
from space.evaluation.tables import HEADLINE, METRICS, ProtocolTable
from space.i18n import N_, ngettext
from space.i18n import gettext as _
from space.ui.html import charts, names, numbers
from space.ui.html.help import help_for
from space.ui.html.markup import EMPTY, Html, absent, fill, join

TITLES = {"full_catalogue": N_("Full catalogue"), "judged": N_("Judged products only")}
MEANINGS = {
    "ndcg": N_("How well all judged products are ordered; 1 is the best order possible."),
    "ndcg@10": N_("How much gain the first ten hold, the earlier the better; 1 is the best possible."),
    "recall@100": N_("Share of a query’s relevant products among the first hundred."),
    "mrr@10": N_("One over the rank of the first relevant product; 0 beyond the tenth."),
    "exact@1": N_("How often the very first product is relevant."),
}
#: {metric: its term in ``help.TERMS``}.
_HELP = {"ndcg": "quality", "ndcg@10": "quality", "recall@100": "recall", "mrr@10": "mrr", "exact@1": "first"}
#: A system without a row of differences. It is there for scale only, and its difference from the reference is so large
#: that those of the others would shrink to nothing.
_FLOOR = "random"


def section(protocol: str, measured: Evaluation) -> Html:
    """One protocol: what it measures in two sentences, and its tables.

    Args:
        protocol: one of ``TITLES``.
        measured: what training measured.
    """
    table = measured.protocols.get(protocol, ProtocolTable())
    tables = [_metric(protocol, name, table, measured.reference) for name in METRICS[protocol]]
    tables = tables if table.systems else []
    body = fill('<div class="metrics">{tables}</div>', tables=join(tables))
    if not tables:
        body = absent(_("This evaluation has no figures of this protocol."))
    elif protocol == "judged" and not has_figures(table):
        body = absent(_(ONE_GRADE))
    return fill(
        '<section class="protocol {protocol}"><h2>{title}</h2><p class="lead">{description}</p>{body}</section>',
        protocol=protocol,
        title=_(TITLES[protocol]),
        description=_(PROTOCOLS[protocol]),
        body=body,
    )


def _metric(protocol: str, metric: str, table: ProtocolTable, reference: str) -> Html:
    systems = {name: found.get(metric) for name, found in table.systems.items()}
    differences = {
        name: found[metric]
        for name, found in table.differences.items()
        if name not in (reference, _FLOOR) and metric in found
    }
    p_values = {name: found[metric] for name, found in table.p_values.items() if metric in found}
    decides = (protocol, metric) == HEADLINE
    mark = fill(' <span class="tag decider">{said}</span>', said=_("the number to decide by"))
    title, name = _(TITLES[protocol]), _(names.METRICS[metric])
    return fill(
        '<article class="metric{decides}"><h3>{name}{mark} {about}</h3><p class="meaning">{meaning}</p>{levels}'
        "{changes}</article>",
        decides=" decides" if decides else "",
        mark=mark if decides else EMPTY,
        name=name,
        about=help_for(_HELP[metric]) if metric in _HELP else EMPTY,
        meaning=_(MEANINGS[metric]),
        levels=_levels(_("{protocol}, {metric}: each system").format(protocol=title, metric=name), systems),
        changes=_changes(title, name, differences, reference, p_values) if differences else EMPTY,
    )


def _levels(caption: str, systems: Mapping[str, Estimate | None]) -> Html:
    """Mean and interval of each system."""
    known = {
        name: (found.mean, found.low, found.high)
        for name, found in systems.items()
        if found is not None and found.mean is not None
    }
    over = charts.scale(value for ends in known.values() for value in ends)
    rows = [
        _row(
            system,
            charts.whisker(over, *known[system], kind=names.kind(system)) if system in known else EMPTY,
            numbers.estimate(found),
        )
        for system, found in systems.items()
    ]
    return _table(caption, (_("System"), _("Mean [95 % interval]")), over, rows)


def _changes(
    title: str,
    metric: str,
    differences: Mapping[str, PairedDifference],
    reference: str,
    p_values: Mapping[str, float],
) -> Html:
    """Paired differences from the reference, and their p values, which many comparisons have made larger."""
    caption, first = _("{protocol}, {metric}: paired differences from base"), _("System − Base")
    if reference != BASE:
        caption, first = _("{protocol}, {metric}: paired differences from {reference}"), _("System − {reference}")
    shown = names.system_name(reference)
    wide = [found for found in differences.values() if found.outcome not in ("few", "none")]
    over = charts.scale([0.0, *(end for found in wide for end in (found.low, found.high))], step=0.05)
    rows = [
        _row(
            system,
            charts.whisker(over, found.mean, found.low, found.high, kind=names.kind(system), zero=True)
            if found in wide
            else EMPTY,
            join([numbers.change(found), _corrected(p_values.get(system), len(p_values))]),
        )
        for system, found in differences.items()
    ]
    caption = caption.format(protocol=title, metric=metric, reference=shown)
    return _table(caption, (first.format(reference=shown), _("Paired difference")), over, rows, signed=True)


def _corrected(p: float | None, comparisons: int) -> Html:
    """``p .012 (Holm, 3 comparisons)``; nothing where it was not computed."""
    if p is None:
        return EMPTY
    said = ngettext("p {p} (Holm, {n} comparison)", "p {p} (Holm, {n} comparisons)", comparisons)
    return fill('<span class="record">{said}</span>', said=said.format(p=numbers.p_value(p), n=comparisons))


def _row(system: str, plot: Html, figures: Html) -> Html:
    return fill(
        '<tr class="{kind}"><th scope="row">{name}</th><td class="plot">{plot}</td><td>{figures}</td></tr>',
        kind=names.kind(system),
        name=_("Random") if system == "random" else names.system_name(system),
        plot=plot,
        figures=figures,
    )


def _table(caption: str, columns: tuple[str, str], over: charts.Scale, rows: list[Html], signed: bool = False) -> Html:
    return fill(
        '<table><caption class="unseen">{caption}</caption><thead><tr><th scope="col">{first}</th>'
        '<td class="plot ends" aria-hidden="true"><span>{low}</span><span>{high}</span></td>'
        '<th scope="col">{last}</th></tr></thead><tbody>{rows}</tbody></table>',
        caption=caption,
        first=columns[0],
        low=numbers.short(over.low, signed),
        high=numbers.short(over.high, signed),
        last=columns[1],
        rows=join(rows),
    )
