"""The held-out queries to pick from, by what fine-tuning did to them. Knows how to list, not how to compare.

A list and no menu: the bars show at a glance how far wins and losses reach, and a real link a query can be opened in a
tab of its own. Only as many as were asked for are in the page, since an evaluation may have thousands.
"""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from space.evaluation.held_out_queries import ORDERS, HeldOut, HeldOutQuery
from space.ui import links
from space.ui.html import numbers
from space.ui.html.markup import EMPTY, Html, fill, join
from space.ui.links import Link
from space.ui.words import label

PAGE = 50
METRIC = "nDCG@10"
_NAMES = {"win": "Largest win", "loss": "Largest loss", "alphabet": "A–Z"}
# A click with a key held is the browser's: another tab, another window.
_SCRIPT = """element.addEventListener("click", (event) => {
  const more = event.target.closest(".more"), pick = event.target.closest(".pick");
  if (more) trigger("select", { more: more.dataset.shown });
  if (pick && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey) {
    event.preventDefault();
    trigger("click", { link: pick.getAttribute("href") });
  }
});"""


@dataclass(frozen=True)
class Picker:
    """The components, folded away at first; ``listing`` is clicked with a ``link`` in the event."""

    fold: gr.Accordion
    order: gr.Radio
    find: gr.Textbox
    listing: gr.HTML


def build_picker(held_out: HeldOut, *, several: bool) -> Picker:
    """Lay the picker out where the caller's context is, and connect all but picking.

    Args:
        held_out: the queries; without any, the picker is hidden.
        several: whether the catalogue has several locales, so that a query comes with its own.
    """
    orders = list(ORDERS) if held_out.measured else ["alphabet"]
    with gr.Accordion(headline(held_out), open=False, visible=len(held_out) > 0, elem_classes="e5-picker") as fold:
        with gr.Row(elem_classes="e5-pick"):
            order = gr.Radio(
                [(str(label(_NAMES[name])), name) for name in orders],
                value=orders[0],
                label=label("Sorted by"),
                visible=len(orders) > 1,
                min_width=330,
                elem_classes="e5-order",
            )
            find = gr.Textbox(
                label=label("Containing"),
                placeholder=label("All queries"),
                lines=1,
                max_lines=1,
                max_length=200,
                min_width=200,
            )
        listing = gr.HTML(
            show(held_out, orders[0], several=several),
            apply_default_css=False,
            elem_classes="e5-list",
            js_on_load=_SCRIPT,
        )

    def refresh(order: str, text: str) -> Html:
        return show(held_out, order, text or "", several=several)

    def more(order: str, text: str, event: gr.EventData) -> Html:
        shown = str(getattr(event, "more", ""))[:9]
        return show(held_out, order, text or "", (int(shown) if shown.isdecimal() else 0) + PAGE, several=several)

    shared: dict[str, Any] = {"api_visibility": "private", "trigger_mode": "always_last", "show_progress": "hidden"}
    # Not ``find.input``: that follows key presses, and so no paste, no backspace and no Japanese.
    gr.on([order.input, find.change], refresh, [order, find], listing, **shared)
    listing.select(more, [order, find], listing, **shared)
    return Picker(fold, order, find, listing)


def headline(held_out: HeldOut) -> str:
    """``Pick one of 105 held-out queries: 62 better · 30 worse · 13 the same``."""
    if not held_out.measured:
        return f"Pick one of {len(held_out):,} judged quer{'y' if len(held_out) == 1 else 'ies'}"
    better, worse, same = held_out.counts()
    unknown = len(held_out) - better - worse - same
    return (
        f"Pick one of {len(held_out):,} held-out quer{'y' if len(held_out) == 1 else 'ies'}: "
        f"{better:,} better · {worse:,} worse · {same:,} the same{f' · {unknown:,} undefined' if unknown else ''}"
    )


def show(held_out: HeldOut, order: str, text: str = "", shown: int = PAGE, *, several: bool = False) -> Html:
    """The list, or what to do where nothing is in it.

    Args:
        held_out: the queries.
        order: one of ``ORDERS``; what else it is counts as the first.
        text: what a query must hold.
        shown: how many at most.
        several: see ``build_picker``.
    """
    found = held_out.ordered(order if order in ORDERS else ORDERS[0], text)
    if not found:
        return fill('<p class="quiet">No query contains “{text}”.</p>', text=text.strip())
    largest = max((abs(entry.difference or 0.0) for entry in held_out.entries), default=0.0)
    rows = join(
        _row(entry, largest, measured=held_out.measured, locales=len(held_out.locales) > 1, several=several)
        for entry in found[:shown]
    )
    return fill(
        '{head}<ol class="queries{bars}">{rows}</ol>{more}',
        head=fill('<p class="quiet">Difference in {metric}, fine-tuned minus base, full catalogue</p>', metric=METRIC)
        if held_out.measured
        else EMPTY,
        bars=" measured" if held_out.measured else "",
        rows=rows,
        more=fill(
            '<p class="quiet">{said} of {n} <button type="button" class="more" data-shown="{shown}">Show more</button>'
            "</p>",
            said=f"{shown:,}",
            shown=shown,
            n=f"{len(found):,}",
        )
        if len(found) > shown
        else EMPTY,
    )


def position(held_out: HeldOut, link: Link, *, several: bool) -> Html:
    """Where the compared query stands among the held-out ones, and the ways to the next better and the next worse.

    Nothing where it is not one of them.
    """
    place = held_out.place(link.query, link.filters.get("locale", ""))
    if place is None:
        return EMPTY
    entry = held_out.entries[place]
    if not held_out.measured:
        said = fill("Judged query <b>{at}</b> of {n}", at=f"{place + 1:,}", n=f"{len(held_out):,}")
    else:
        said = fill(
            'Held-out query <b>{at}</b> of {n}, best to worst: <b class="change {kind}">{by}</b> {metric} '
            "in the evaluation",
            at=f"{place + 1:,}",
            n=f"{len(held_out):,}",
            kind=_kind(entry.difference),
            by=numbers.signed(entry.difference),
            metric=METRIC,
        )
    ways = join(
        _way(held_out.entries[other], name, link, several)
        for other, name in ((place - 1, "‹ Previous"), (place + 1, "Next ›"))
        if 0 <= other < len(held_out)
    )
    return fill(
        '<nav class="place" aria-label="Held-out queries"><span>{said}</span>{ways}</nav>', said=said, ways=ways
    )


def link_to(entry: HeldOutQuery, like: Link, *, several: bool) -> Link:
    """The comparison of a held-out query: hits and columns as in ``like``, its own locale, no other filter."""
    filters = {"locale": entry.locale} if several else {}
    return Link(entry.query, like.k, "compare", like.system, filters, like.systems)


def _row(entry: HeldOutQuery, largest: float, *, measured: bool, locales: bool, several: bool) -> Html:
    share = abs(entry.difference or 0.0) / largest if largest else 0.0
    return fill(
        '<li><a class="pick" href="{href}">{gain}<span class="query" translate="no" title="{query}">{query}</span>'
        "{locale}</a></li>",
        href=links.build(link_to(entry, Link(), several=several)),
        gain=fill(
            '<span class="change {kind}">{by}</span>'
            '<span class="bar {kind}" aria-hidden="true"><i style="--share:{share}"></i></span>',
            kind=_kind(entry.difference),
            by=numbers.signed(entry.difference),
            share=f"{share:.3f}",
        )
        if measured
        else EMPTY,
        query=entry.query,
        locale=fill('<span class="locale">{locale}</span>', locale=entry.locale) if locales else EMPTY,
    )


def _way(entry: HeldOutQuery, name: str, like: Link, several: bool) -> Html:
    return fill(
        '<a class="carry" href="{href}" title="{by}{query}">{name}</a>',
        href=links.build(link_to(entry, like, several=several)),
        by="" if entry.difference is None else f"{numbers.signed(entry.difference)} ",
        query=entry.query,
        name=name,
    )


def _kind(difference: float | None) -> str:
    return "up" if (difference or 0.0) > 0 else "down" if (difference or 0.0) < 0 else "same"
