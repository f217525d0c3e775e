"""Figures to bars: plain HTML and CSS that needs no script, prints, and says every number in words too.

Pure functions; knows no data set. A bar is a decoration beside its number, so that nothing depends on seeing it.
"""

from collections.abc import Iterable, Mapping, Sequence

from space.data.profile import Spread
from space.ui.html.markup import EMPTY, Html, fill, join


def number(value: float) -> str:
    """``1,024``, ``62.5``."""
    return f"{value:,.1f}".removesuffix(".0")


def share(part: float, whole: float) -> str:
    """``12.3 %``; what is there, but hardly, is not rounded to nothing, nor what is nearly all to all."""
    if not whole or not part:
        return "0 %"
    per_cent = 100 * part / whole
    if per_cent < 0.1:
        return "< 0.1 %"
    return "> 99.9 %" if 99.9 < per_cent < 100 else "100 %" if per_cent == 100 else f"{per_cent:.1f} %"


def bars(
    items: Iterable[tuple[str, int]],
    whole: int,
    *,
    rest: tuple[str, int] | None = None,
    of_whole: bool = False,
    ours: bool = False,
) -> Html:
    """Names with their counts, one bar a line.

    Args:
        items: (name, count).
        whole: of what the shares are.
        rest: one more line without a bar, such as all other names.
        of_whole: a full bar means all; otherwise it means as many as the first has.
        ours: the names are words of this page; otherwise they stay as they are in every language.
    """
    items = list(items)
    longest = (whole if of_whole else max((count for _, count in items), default=0)) or 1
    lines = [_bar(name, count, whole, count / longest, ours) for name, count in items]
    if rest and rest[1]:
        lines.append(_bar(*rest, whole, None, ours=True))
    return fill('<ol class="bars">{lines}</ol>', lines=join(lines))


def _bar(name: str, count: int, whole: int, part: float | None, ours: bool) -> Html:
    return fill(
        '<li><span class="name" title="{name}"{data}>{name}</span>{bar}<span class="figure">{count} '
        "<span>{share}</span></span></li>",
        name=name,
        data=EMPTY if ours else Html(' translate="no"'),
        bar=fill('<span class="bar" style="--part:{part}%"></span>', part=f"{100 * part:.2f}")
        if part is not None
        else Html('<span class="bar none"></span>'),
        count=f"{count:,}",
        share=share(count, whole),
    )


def stack(title: str, parts: Mapping[str, int], said: str) -> Html:
    """One bar divided among labels, with their shares below.

    Args:
        title: what is divided.
        parts: {label: count}; a label is also the name of its colour.
        said: beside the title, such as the sum in words.
    """
    whole = sum(parts.values())
    return fill(
        '<div class="stack"><p><strong>{title}</strong> <span class="said">{said}</span></p>'
        '<div class="parts" aria-hidden="true">{parts}</div><ul>{legend}</ul></div>',
        title=title,
        said=said,
        parts=join(
            fill(
                '<span class="{kind}" style="--part:{part}%"></span>',
                kind=label.lower(),
                part=f"{100 * count / whole:.2f}",
            )
            for label, count in parts.items()
            if count
        ),
        legend=join(
            fill(
                '<li><span class="dot {kind}" aria-hidden="true"></span>{label} <b>{share}</b> <span>{count}</span>'
                "</li>",
                kind=label.lower(),
                label=label,
                share=share(count, whole),
                count=f"{count:,}",
            )
            for label, count in parts.items()
        ),
    )


def histogram(title: str, spread: Spread) -> Html:
    """A column for each range of numbers, and the spread in words."""
    if not spread.counts:
        return EMPTY
    tallest, last = max(spread.counts), len(spread.counts) - 1
    columns = join(
        fill(
            '<span style="--part:{part}%" title="{where}: {count}"></span>',
            part=f"{100 * count / tallest:.2f}",
            where=_range(spread, place, place == last),
            count=f"{count:,}",
        )
        for place, count in enumerate(spread.counts)
    )
    beyond = spread.largest >= spread.edges[-1]
    return fill(
        '<figure class="spread"><h3>{title}</h3><div class="columns" aria-hidden="true">{columns}</div>'
        '<div class="axis" aria-hidden="true"><span>{first}</span><span>{final}</span></div>'
        "<figcaption>Median <b>{median}</b>, 95 % have up to <b>{high}</b>, the largest <b>{largest}</b></figcaption>"
        "</figure>",
        title=title,
        columns=columns,
        first=f"{spread.edges[0]:,}",
        final=f"{spread.edges[-2]:,} and more" if beyond else f"{spread.edges[-1] - 1:,}",
        median=f"{spread.median:,}",
        high=f"{spread.high:,}",
        largest=f"{spread.largest:,}",
    )


def _range(spread: Spread, place: int, last: bool) -> str:
    low, high = spread.edges[place], spread.edges[place + 1] - 1
    if last and spread.largest > high:
        return f"{low:,} and more"
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def tiles(facts: Sequence[tuple[str, str, str]]) -> Html:
    """Figures to see first: (name, figure, remark)."""
    return fill(
        '<dl class="tiles">{facts}</dl>',
        facts=join(
            fill(
                "<div><dt>{name}</dt><dd><b>{figure}</b>{remark}</dd></div>",
                name=name,
                figure=figure,
                remark=fill(" <span>{remark}</span>", remark=remark) if remark else EMPTY,
            )
            for name, figure, remark in facts
        ),
    )
