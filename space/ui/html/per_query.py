"""The held-out queries one by one and in slices, as HTML."""

from collections.abc import Iterable, Sequence

import pandas as pd

from space.data.scale import ESCI, LabelScale
from space.encoding.description import BASE, TUNED
from space.evaluation import findings, slices
from space.evaluation.estimates import MIN_QUERIES, BeforeAfter
from space.evaluation.held_out_queries import Pair
from space.evaluation.slices import FIGURES, Slice
from space.i18n import N_, ngettext, number
from space.i18n import gettext as _
from space.ui import links
from space.ui.html import charts, numbers
from space.ui.html.help import help_for, with_help
from space.ui.html.markup import EMPTY, Html, absent, conclusions, fill, join, section
from space.ui.html.names import language_of, queries, system_name
from space.ui.links import Link

LISTED = 5
_HEADLINE = next(iter(FIGURES))
_SHOWN = 80
#: The heads of the table of slices, in the order of ``FIGURES``.
_HEADS = (N_("Full-catalogue nDCG@10"), N_("Judged nDCG"))


def chart(
    frame: pd.DataFrame | None, pair: Pair = (TUNED, BASE), choices: Sequence[str] = (), *, several: bool = False
) -> Html:
    """The difference of every query as a bar, a slider to read them, and the largest gains and losses as lists.

    Args:
        frame: from ``slices.queries``.
        pair: the systems of ``frame``.
        choices: the systems of which two can be chosen.
        several: whether the catalogue has several locales, so that a link to a query also sets its locale.
    """
    known = None if frame is None else _sorted(frame)
    chooser = _chooser(pair, choices) if choices else EMPTY
    if pair[0] == pair[1]:
        return section("queries", _("Query by query"), join([chooser, absent(_("Choose two different systems."))]))
    if known is None or known.empty:
        return section("queries", _("Query by query"), join([chooser, _nothing()]))
    values = known["difference"].to_numpy()
    locales = known["product_locale"].nunique() > 1
    keys = zip(known["query"], known["product_locale"], strict=True)
    known["link"] = [_link(query, locale if several or locales else "", pair) for query, locale in keys]
    over = charts.scale([0.0, *values])
    bands = _bands(known, locales)
    n, metric = number(len(known)), _(FIGURES[_HEADLINE])
    if pair == (TUNED, BASE):
        lead = ngettext(
            "Each bar is one of {n} held-out query: fine-tuned minus base in {metric}, the largest gain first. Pick a "
            "bar, or move the slider, to read its query.",
            "Each bar is one of {n} held-out queries: fine-tuned minus base in {metric}, the largest gain first. Pick "
            "a bar, or move the slider, to read its query.",
            len(known),
        )
    else:
        lead = ngettext(
            "Each bar is one of {n} held-out query: {system} minus {reference} in {metric}, the largest gain first. "
            "Pick a bar, or move the slider, to read its query.",
            "Each bar is one of {n} held-out queries: {system} minus {reference} in {metric}, the largest gain first. "
            "Pick a bar, or move the slider, to read its query.",
            len(known),
        )
    system, reference = map(system_name, pair)
    lead = lead.format(n=n, metric=metric, system=system, reference=reference)
    whole = _("Differences of held-out queries ({n}): {above} above zero, {below} below.").format(
        n=n, above=number((values > 0).sum()), below=number((values < 0).sum())
    )
    drawing = fill(
        '<p class="lead">{lead}</p>'
        '<div class="drawing" style="--zero:{zero}"><div class="ends" aria-hidden="true"><span>{high}</span>'
        '<span class="middle">0</span><span>{low}</span></div>{bars}</div>'
        '<input class="pick" type="range" min="1" max="{last}" value="1" aria-label="{slider}" '
        'aria-valuetext="{first}" /><p class="readout"><span class="said">{first}</span> '
        '<a class="carry" href="{link}">{compare}</a></p>'
        '<div class="ends-in-words">{gains}{falls}</div>',
        lead=lead,
        zero=f"{100 * over.high / (over.high - over.low):.2f}%",
        high=numbers.short(over.high, signed=True),
        low=numbers.short(over.low, signed=True),
        bars=charts.bars(values, over, bands, whole),
        last=len(bands),
        slider=_("Query, by its difference"),
        first=bands[0].title,
        link=bands[0].link,
        compare=_("Compare"),
        gains=_list(_("Largest gains"), known[known["difference"] > 0].head(LISTED), locales),
        falls=_list(_("Largest losses"), known[known["difference"] < 0].tail(LISTED)[::-1], locales),
    )
    return section("queries", _("Query by query"), join([chooser, drawing]))


def sliced(frame: pd.DataFrame | None, scale: LabelScale = ESCI, pair: Pair = (TUNED, BASE)) -> Html:
    """The slices as a table, below sentences that sum them up.

    Args:
        frame: from ``slices.queries``.
        scale: of the labels.
        pair: the systems of ``frame``.
    """
    if frame is None:
        return section("slices", _("By kind of query"), _nothing())
    cuts = slices.cut(frame, scale)
    system, reference = map(system_name, pair)
    sentences = findings.of_slices(slices.figures(frame), cuts, "" if pair == (TUNED, BASE) else reference)
    caption = _("Fine-tuned minus base by slice")
    if pair != (TUNED, BASE):
        caption = _("{system} minus {reference} by slice")
    lead = _(
        "The same queries by length and by how many of their judged products are relevant (two thirds or more, less "
        "than a third, or between). In Japanese, which has no spaces, words are estimated from changes of script."
    )
    with_locales = _(
        "The same queries by locale, by length and by how many of their judged products are relevant (two thirds or "
        "more, less than a third, or between). In Japanese, which has no spaces, words are estimated from "
        "changes of script."
    )
    missing = _(
        "No slices by label mix: this evaluation was made before the labels of each query were kept. Train again to "
        "have them."
    )
    over = _scale(one for parts in cuts.values() for one in parts)
    body = fill(
        '<p class="lead">{lead}</p>{said}<table><caption class="unseen">{caption}</caption><thead><tr>'
        '<th scope="col">{slice}</th>{columns}</tr></thead>{groups}</table>{missing}',
        lead=with_help(with_locales if slices.LOCALE in cuts else lead, help_for("slices")),
        said=conclusions(sentences) if sentences else EMPTY,
        caption=caption.format(system=system, reference=reference),
        slice=_("Slice"),
        columns=join(fill('<th scope="col">{name}</th>', name=_(name)) for name in _HEADS),
        groups=join(_group(by, parts, over) for by, parts in cuts.items()),
        missing=EMPTY if set(scale.names) <= set(frame) else absent(missing),
    )
    return section("slices", _("By kind of query"), body)


def _chooser(pair: Pair, choices: Sequence[str]) -> Html:
    """Two menus, which static/evaluation.js sends: the system, and the one whose figures are subtracted."""

    def menu(kind: str, label: str, chosen: str) -> Html:
        options = join(
            fill(
                '<option value="{name}"{selected}>{shown}</option>',
                name=name,
                selected=Html(" selected") if name == chosen else EMPTY,
                shown=system_name(name),
            )
            for name in choices
        )
        return fill(
            '<label>{label} <select class="{kind}">{options}</select></label>', label=label, kind=kind, options=options
        )

    return fill(
        '<div class="pair-of">{system}{reference}</div>',
        system=menu("system", _("System"), pair[0]),
        reference=menu("reference", _("minus"), pair[1]),
    )


def _nothing() -> Html:
    return absent(_("This evaluation has no figures of single queries."))


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    """Queries with a difference, the largest gain first; ties by locale and query."""
    known = frame.assign(difference=slices.difference(frame, _HEADLINE)).dropna(subset="difference")
    keys = ["difference", "product_locale", "query"]
    return known.sort_values(keys, ascending=[False, True, True], kind="stable").reset_index(drop=True)


def _bands(known: pd.DataFrame, locales: bool) -> list[charts.Band]:
    edges = charts.spread(len(known), charts.MAX_BANDS)
    n, bands = number(len(known)), []
    for start, end in zip(edges[:-1], edges[1:], strict=True):
        row = known.iloc[(start + end - 1) // 2]
        query = f"{_named(row, locales)} {_moved(row)}"
        if end - start == 1:
            title = _("{at} of {n}: {query}").format(at=number(start + 1), n=n, query=query)
        else:
            title = _("{first} to {last} of {n}: {high} to {low}, among them {query}").format(
                first=number(start + 1),
                last=number(end),
                n=n,
                high=numbers.signed(known["difference"].iloc[start]),
                low=numbers.signed(known["difference"].iloc[end - 1]),
                query=query,
            )
        bands.append(charts.Band(int(end - start), title, row["link"]))
    return bands


def _list(title: str, rows: pd.DataFrame, locales: bool) -> Html:
    items = [
        fill(
            '<li><a class="carry" href="{link}" lang="{language}" title="{compare}">{query}</a>'
            '<span class="moved">{moved}</span></li>',
            link=row["link"],
            language=language_of(row["product_locale"]),
            compare=_("Compare this query"),
            query=_named(row, locales, quotes=False),
            moved=_moved(row),
        )
        for _place, row in rows.iterrows()
    ]
    body = fill("<ol>{items}</ol>", items=join(items)) if items else fill("<p>{none}</p>", none=_("No query."))
    return fill("<div><h3>{title}</h3>{body}</div>", title=title, body=body)


def _named(row: pd.Series, locales: bool, quotes: bool = True) -> str:
    query = row["query"] if len(row["query"]) <= _SHOWN else row["query"][:_SHOWN] + "…"
    return (f"“{query}”" if quotes else query) + (f" ({row['product_locale']})" if locales else "")


def _moved(row: pd.Series) -> str:
    before, after = (numbers.plain(row[f"{system}/{_HEADLINE}"]) for system in (BASE, TUNED))
    return _("{change}, from {before} to {after}").format(
        change=numbers.signed(row["difference"]), before=before, after=after
    )


def _link(query: str, locale: str, pair: Pair) -> str:
    """The comparison of a query over the products it was measured on, those of its locale."""
    filters = {"locale": locale} if locale else {}
    if pair == (TUNED, BASE):
        return links.build(Link(query, tab="compare", filters=filters))
    return links.build(Link(query, tab="compare", filters=filters, systems=pair[::-1], reference=pair[1]))


def _group(by: str, parts: Sequence[Slice], over: charts.Scale) -> Html:
    alone = len(parts) == 1
    rest = (
        fill(" <span>{said}</span>", said=_("all queries: {name}").format(name=_(parts[0].name))) if alone else EMPTY
    )
    head = fill('<tr class="by"><th scope="rowgroup" colspan="3">{by}{rest}</th></tr>', by=_(by), rest=rest)
    rows = [
        fill(
            '<tr><th scope="row">{name}<span class="size">{size}</span></th>{cells}</tr>',
            name=_(one.name),
            size=queries(one.figures[_HEADLINE].n),
            cells=join(
                _cell(one.figures[column], over, _(head)) for column, head in zip(FIGURES, _HEADS, strict=True)
            ),
        )
        for one in ([] if alone else parts)
    ]
    return fill("<tbody>{head}{rows}</tbody>", head=head, rows=join(rows))


def _cell(found: BeforeAfter, over: charts.Scale, name: str) -> Html:
    """The difference of a slice; drawn only if there are enough queries for an interval."""
    drawn = (
        charts.whisker(over, found.mean, found.low, found.high, kind="tuned", zero=True)
        if found.n >= MIN_QUERIES
        else EMPTY
    )
    before = fill("{base} → {tuned} · ", base=numbers.plain(found.base), tuned=numbers.plain(found.tuned))
    return fill(
        '<td data-metric="{name}">{drawn}{change}</td>',
        name=name,
        drawn=drawn,
        change=numbers.change(found, before=before),
    )


def _scale(parts: Iterable[Slice]) -> charts.Scale:
    """One scale for all slices and both metrics, so that widths can be compared."""
    ends = [
        end
        for one in parts
        for found in one.figures.values()
        if found.n >= MIN_QUERIES
        for end in (found.low, found.high)
    ]
    return charts.scale([0.0, *ends], step=0.05)
