"""The held-out queries one by one and in slices, as HTML."""

from collections.abc import Iterable, Sequence

import pandas as pd

from space.data.judgments import LABELS
from space.evaluation import findings, slices
from space.evaluation.schema import MIN_QUERIES, BeforeAfter
from space.evaluation.slices import FIGURES, Slice
from space.ui import links
from space.ui.html import cards, charts, numbers
from space.ui.html.markup import EMPTY, Html, fill, join
from space.ui.links import Link

LISTED = 5
_HEADLINE = next(iter(FIGURES))
_SHOWN = 80
_NOTHING = Html('<p class="absent">This evaluation holds no figures of single queries.</p>')


def chart(frame: pd.DataFrame | None, *, several: bool = False) -> Html:
    """Every query's difference as a bar, a slider to read them, and the ends of the list in words.

    Args:
        frame: what ``slices.queries`` gave.
        several: whether the catalogue that is searched has several locales, so that a query comes with its own.
    """
    known = None if frame is None else _sorted(frame)
    if known is None or known.empty:
        return fill('<section class="queries"><h2>Query by query</h2>{nothing}</section>', nothing=_NOTHING)
    values = known["difference"].to_numpy()
    locales = known["product_locale"].nunique() > 1
    keys = zip(known["query"], known["product_locale"], strict=True)
    known["link"] = [_link(query, locale if several or locales else "") for query, locale in keys]
    over = charts.scale([0.0, *values])
    wins, losses = (values > 0).sum(), (values < 0).sum()
    count = f"{len(known):,} held-out {'query' if len(known) == 1 else 'queries'}"
    bands = _bands(known, locales)
    return fill(
        '<section class="queries"><h2>Query by query</h2><p class="lead">Each bar is one of {count}: fine-tuned minus '
        "base in {metric}, the largest gain first. Pick a bar, or move the slider, to read its query.</p>"
        '<div class="drawing" style="--zero:{zero}"><div class="ends" aria-hidden="true"><span>{high}</span>'
        '<span class="middle">0</span><span>{low}</span></div>{bars}</div>'
        '<input class="pick" type="range" min="1" max="{last}" value="1" aria-label="Query, by its difference" '
        'aria-valuetext="{first}" /><p class="readout"><span class="said">{first}</span> '
        '<a class="carry" href="{link}">Compare</a></p>'
        '<div class="ends-in-words">{gains}{falls}</div></section>',
        count=count,
        metric=FIGURES[_HEADLINE],
        zero=f"{100 * over.high / (over.high - over.low):.2f}%",
        high=numbers.short(over.high, signed=True),
        low=numbers.short(over.low, signed=True),
        bars=charts.bars(values, over, bands, f"Differences of {count}: {wins:,} above zero, {losses:,} below."),
        last=len(bands),
        first=bands[0].title,
        link=bands[0].link,
        gains=_list("Largest gains", known[known["difference"] > 0].head(LISTED), locales),
        falls=_list("Largest losses", known[known["difference"] < 0].tail(LISTED)[::-1], locales),
    )


def sliced(frame: pd.DataFrame | None) -> Html:
    """The slices as a table under what they say together."""
    if frame is None:
        return fill('<section class="slices"><h2>Slices</h2>{nothing}</section>', nothing=_NOTHING)
    cuts = slices.cut(frame)
    sentences = findings.of_slices(slices.figures(frame), cuts)
    said = [fill("<li>{sentence}</li>", sentence=sentence) for sentence in sentences]
    missing = (
        EMPTY
        if set(LABELS) <= set(frame)
        else Html(
            '<p class="absent">No slices by label mix: this evaluation was made before the labels of each query were '
            "kept. Train again to have them.</p>"
        )
    )
    over = _scale(one for parts in cuts.values() for one in parts)
    return fill(
        '<section class="slices"><h2>Slices</h2><p class="lead">The same queries by locale, by length and by how many '
        "of their judged products are Exact (two thirds or more, less than a third, or between). In Japanese, which "
        "writes no spaces, words are estimated from changes of script.</p>{said}"
        '<table><caption class="unseen">Fine-tuned minus base by slice</caption><thead><tr><th scope="col">Slice</th>'
        "{columns}</tr></thead>{groups}</table>{missing}</section>",
        said=fill('<ul class="conclusions">{said}</ul>', said=join(said)) if said else EMPTY,
        columns=join(
            fill('<th scope="col">{name}</th>', name=name[:1].upper() + name[1:]) for name in FIGURES.values()
        ),
        groups=join(_group(by, parts, over) for by, parts in cuts.items()),
        missing=missing,
    )


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    """Queries with a difference, the largest gain first; ties by locale and query, so that a page stays as it is."""
    known = frame.assign(difference=slices.difference(frame, _HEADLINE)).dropna(subset="difference")
    keys = ["difference", "product_locale", "query"]
    return known.sort_values(keys, ascending=[False, True, True], kind="stable").reset_index(drop=True)


def _bands(known: pd.DataFrame, locales: bool) -> list[charts.Band]:
    edges = charts.spread(len(known), charts.MAX_BANDS)
    bands = []
    for start, end in zip(edges[:-1], edges[1:], strict=True):
        row = known.iloc[(start + end - 1) // 2]
        title = f"{start + 1:,} of {len(known):,}: {_named(row, locales)} {_moved(row)}"
        if end - start > 1:
            first, last = known["difference"].iloc[start], known["difference"].iloc[end - 1]
            title = (
                f"{start + 1:,} to {end:,} of {len(known):,}: {numbers.signed(first)} to {numbers.signed(last)}, "
                f"among them {_named(row, locales)} {_moved(row)}"
            )
        bands.append(charts.Band(int(end - start), title, row["link"]))
    return bands


def _list(title: str, rows: pd.DataFrame, locales: bool) -> Html:
    items = [
        fill(
            '<li><a class="carry" href="{link}" lang="{language}" title="Compare this query">{query}</a>'
            '<span class="moved">{moved}</span></li>',
            link=row["link"],
            language=cards.LANGUAGES.get(row["product_locale"], ""),
            query=_named(row, locales, quotes=False),
            moved=_moved(row),
        )
        for _, row in rows.iterrows()
    ]
    body = fill("<ol>{items}</ol>", items=join(items)) if items else Html("<p>None.</p>")
    return fill("<div><h3>{title}</h3>{body}</div>", title=title, body=body)


def _named(row: pd.Series, locales: bool, quotes: bool = True) -> str:
    query = row["query"] if len(row["query"]) <= _SHOWN else row["query"][:_SHOWN] + "…"
    return (f"“{query}”" if quotes else query) + (f" ({row['product_locale']})" if locales else "")


def _moved(row: pd.Series) -> str:
    before, after = (numbers.plain(row[f"{system}/{_HEADLINE}"]) for system in (slices.BASE, slices.TUNED))
    return f"{numbers.signed(row['difference'])}, from {before} to {after}"


def _link(query: str, locale: str) -> str:
    """The comparison of a query over the products it was measured on, those of its locale."""
    return links.build(Link(query, tab="compare", filters={"locale": locale} if locale else {}))


def _group(by: str, parts: Sequence[Slice], over: charts.Scale) -> Html:
    if len(parts) == 1:
        return fill(
            '<tbody><tr class="by"><th scope="rowgroup" colspan="3">{by} <span>all queries: {name}</span></th></tr>'
            "</tbody>",
            by=by,
            name=parts[0].name,
        )
    rows = [
        fill(
            '<tr><th scope="row">{name}<span class="size">{size}</span></th>{cells}</tr>',
            name=one.name,
            size=_size(one),
            cells=join(_cell(one.figures[column], over, name) for column, name in FIGURES.items()),
        )
        for one in parts
    ]
    return fill(
        '<tbody><tr class="by"><th scope="rowgroup" colspan="3">{by}</th></tr>{rows}</tbody>', by=by, rows=join(rows)
    )


def _size(one: Slice) -> str:
    count = one.figures[_HEADLINE].n
    return f"{count:,} {'query' if count == 1 else 'queries'}"


def _cell(found: BeforeAfter, over: charts.Scale, name: str) -> Html:
    """A slice's difference; without an interval where the queries are too few, so that it does not look like one."""
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
    """One for all slices and both metrics, so that widths can be compared."""
    ends = [
        end
        for one in parts
        for found in one.figures.values()
        if found.n >= MIN_QUERIES
        for end in (found.low, found.high)
    ]
    return charts.scale([0.0, *ends], step=0.05)
