"""Counts as bars, tiles and histograms in plain HTML and CSS; every bar has its number in text beside it."""

from collections.abc import Iterable, Mapping, Sequence

from space.data.profile import Spread
from space.i18n import gettext as _
from space.i18n import number
from space.ui.html.markup import EMPTY, Html, fill, join


def share(part: float, whole: float) -> str:
    """``12.3 %``; a small share is not rounded to 0 %, nor a large one to 100 %."""
    if not whole or not part:
        return "0 %"
    per_cent = 100 * part / whole
    if per_cent < 0.1:
        return f"< {number(0.1, 1)} %"
    if 99.9 < per_cent < 100:
        return f"> {number(99.9, 1)} %"
    return "100 %" if per_cent == 100 else f"{number(per_cent, 1)} %"


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
        whole: the number that the shares are of.
        rest: one more line without a bar, such as all other names.
        of_whole: a full bar stands for ``whole``, otherwise for the largest count.
        ours: the names are words of this page; otherwise browsers are asked not to translate them.
    """
    items = list(items)
    longest = (whole if of_whole else max((count for _name, count in items), default=0)) or 1
    lines = [_bar(name, count, whole, count / longest, ours) for name, count in items]
    if rest and rest[1]:
        lines.append(_bar(*rest, whole, None, ours=True))
    return fill('<ol class="bars">{lines}</ol>', lines=join(lines))


def stack(title: str, parts: Mapping[str, int], said: str, colours: Mapping[str, str]) -> Html:
    """One bar divided among labels, with their shares below.

    Args:
        title: what is divided.
        parts: {label: count}.
        said: beside the title, such as the sum in words.
        colours: {label: its colour, see ``space.data.scale``}.
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
                kind=colours[label],
                part=f"{100 * count / whole:.2f}",
            )
            for label, count in parts.items()
            if count
        ),
        legend=join(
            fill(
                '<li><span class="dot {kind}" aria-hidden="true"></span>{label} <b>{share}</b> <span>{count}</span>'
                "</li>",
                kind=colours[label],
                label=label,
                share=share(count, whole),
                count=number(count),
            )
            for label, count in parts.items()
        ),
    )


def histogram(title: str, spread: Spread) -> Html:
    """A column for each range of numbers, and median, 95th percentile and maximum in words."""
    if not spread.counts:
        return EMPTY
    last = len(spread.counts) - 1
    ranges = [_range(spread, place, place == last) for place in range(len(spread.counts))]
    beyond = spread.largest >= spread.edges[-1]
    return columns(
        list(zip(ranges, spread.counts, strict=True)),
        number(spread.edges[0]),
        _and_more(spread.edges[-2]) if beyond else number(spread.edges[-1] - 1),
        fill(
            _("Median <b>{median}</b>, 95 % have up to <b>{high}</b>, the largest <b>{largest}</b>"),
            median=number(spread.median),
            high=number(spread.high),
            largest=number(spread.largest),
        ),
        fill("<h3>{title}</h3>", title=title),
    )


def columns(items: Sequence[tuple[str, int]], first: str, last: str, caption: Html, heading: Html = EMPTY) -> Html:
    """A column for each (name, count), with the two ends of the axis and a caption below."""
    tallest = max(count for _name, count in items) or 1
    return fill(
        '<figure class="spread">{heading}<div class="columns" aria-hidden="true">{columns}</div>'
        '<div class="axis" aria-hidden="true"><span>{first}</span><span>{last}</span></div>'
        "<figcaption>{caption}</figcaption></figure>",
        heading=heading,
        columns=join(
            fill(
                '<span style="--part:{part}%" title="{name}: {count}"></span>',
                part=f"{100 * count / tallest:.2f}",
                name=name,
                count=number(count),
            )
            for name, count in items
        ),
        first=first,
        last=last,
        caption=caption,
    )


def tiles(facts: Sequence[tuple[str, str, str]]) -> Html:
    """The main figures: (name, figure, remark)."""
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


def _bar(name: str, count: int, whole: int, part: float | None, ours: bool) -> Html:
    return fill(
        '<li><span class="name" title="{name}"{data}>{name}</span>{bar}<span class="figure">{count} '
        "<span>{share}</span></span></li>",
        name=name,
        data=EMPTY if ours else Html(' translate="no"'),
        bar=fill('<span class="bar" style="--part:{part}%"></span>', part=f"{100 * part:.2f}")
        if part is not None
        else Html('<span class="bar none"></span>'),
        count=number(count),
        share=share(count, whole),
    )


def _range(spread: Spread, place: int, last: bool) -> str:
    low, high = spread.edges[place], spread.edges[place + 1] - 1
    if last and spread.largest > high:
        return _and_more(low)
    return number(low) if low == high else _("{low} to {high}").format(low=number(low), high=number(high))


def _and_more(low: int) -> str:
    return _("{low} and more").format(low=number(low))
