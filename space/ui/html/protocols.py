"""The two protocols of an evaluation to HTML: a section each, and in it a table for every metric. Pure functions."""

from collections.abc import Mapping

from space.evaluation.protocols import BASE, PROTOCOLS
from space.evaluation.schema import HEADLINE, METRICS, Estimate, Evaluation, PairedDifference, ProtocolTable
from space.i18n import gettext as _
from space.ui.html import cards, charts, numbers
from space.ui.html.markup import EMPTY, Html, fill, join

TITLES = {"full_catalogue": "Full catalogue", "judged": "Judged products only"}
NAMES = {"random": "Random", **cards.NAMES}
#: {metric: (name, what it says)}
METRIC_NAMES = {
    "ndcg": ("nDCG", "How well all judged products are ordered; 1 is the best order possible."),
    "ndcg@10": ("nDCG@10", "How much gain the first ten hold, the earlier the better; 1 is the best possible."),
    "recall@100": ("Exact recall@100", "Share of a query’s Exact products among the first hundred."),
    "mrr@10": ("MRR@10", "One over the rank of the first Exact product; 0 beyond the tenth."),
    "exact@1": ("Exact@1", "How often the very first product is Exact."),
}
#: The floor under the figures, not a rival: its difference from base would only squeeze the scale of the others.
_NO_RIVALS = (BASE, "random")


def section(protocol: str, measured: Evaluation) -> Html:
    """One protocol: what it asks in two sentences, and its tables.

    Args:
        protocol: one of ``TITLES``.
        measured: what training measured.
    """
    table = measured.protocols.get(protocol, ProtocolTable())
    tables = [_metric(protocol, name, table) for name in METRICS[protocol]] if table.systems else []
    body = (
        fill('<div class="metrics">{tables}</div>', tables=join(tables))
        if tables
        else Html('<p class="absent">This evaluation holds no figures of this protocol.</p>')
    )
    return fill(
        '<section class="protocol {protocol}"><h2>{title}</h2><p class="lead">{description}</p>{body}</section>',
        protocol=protocol,
        title=TITLES[protocol],
        description=_(PROTOCOLS[protocol]),
        body=body,
    )


def _metric(protocol: str, metric: str, table: ProtocolTable) -> Html:
    systems = {name: found.get(metric) for name, found in table.systems.items()}
    differences = {
        name: found[metric] for name, found in table.differences.items() if name not in _NO_RIVALS and metric in found
    }
    name, meaning = METRIC_NAMES[metric]
    decides = (protocol, metric) == HEADLINE
    return fill(
        '<article class="metric{decides}"><h3>{name}{mark}</h3><p class="meaning">{meaning}</p>{levels}{changes}'
        "</article>",
        decides=" decides" if decides else "",
        mark=Html(' <span class="tag decider">the number to decide by</span>') if decides else EMPTY,
        name=name,
        meaning=meaning,
        levels=_levels(f"{TITLES[protocol]}, {name}", systems),
        changes=_changes(f"{TITLES[protocol]}, {name}", differences) if differences else EMPTY,
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
        fill(
            '<tr class="{kind}"><th scope="row">{name}</th><td class="plot">{plot}</td><td>{figures}</td></tr>',
            kind=system,
            name=NAMES.get(system, system),
            plot=charts.whisker(over, *known[system], kind=system) if system in known else EMPTY,
            figures=numbers.estimate(found),
        )
        for system, found in systems.items()
    ]
    columns = "System", "Mean [95 % interval]"
    return _table(f"{caption}: each system", columns, over, rows)


def _changes(caption: str, differences: Mapping[str, PairedDifference]) -> Html:
    """Paired differences from base."""
    wide = [found for found in differences.values() if found.outcome not in ("few", "none")]
    over = charts.scale([0.0, *(end for found in wide for end in (found.low, found.high))], step=0.05)
    rows = [
        fill(
            '<tr class="{kind}"><th scope="row">{name}</th><td class="plot">{plot}</td><td>{figures}</td></tr>',
            kind=system,
            name=NAMES.get(system, system),
            plot=charts.whisker(over, found.mean, found.low, found.high, kind=system, zero=True)
            if found in wide
            else EMPTY,
            figures=numbers.change(found),
        )
        for system, found in differences.items()
    ]
    columns = "System − Base", "Paired difference"
    return _table(f"{caption}: paired differences from base", columns, over, rows, signed=True)


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
