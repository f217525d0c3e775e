"""The list of held-out queries on the Compare tab, sorted by the difference of two systems on each.

A list with bars instead of a menu: it shows how large wins and losses are, and each query is a real link that can be
opened in a browser tab of its own. The page holds 50 at a time, since an evaluation may have thousands.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from space.encoding.description import BASE, TUNED
from space.evaluation.held_out_queries import ORDERS, HeldOut, HeldOutQuery, Pair
from space.i18n import N_, ngettext, number
from space.i18n import gettext as _
from space.ui import links
from space.ui.events.areas import html, sent
from space.ui.events.form import named
from space.ui.html.help import help_for
from space.ui.html.markup import EMPTY, Html, fill, join
from space.ui.html.names import system_name
from space.ui.html.numbers import signed
from space.ui.language import Texts, in_visitors_language
from space.ui.links import Link

PAGE = 50
METRIC = "nDCG@10"
_ORDERS = {"win": N_("Largest win"), "loss": N_("Largest loss"), "alphabet": N_("A–Z")}
# A click with a key held down opens the link in another tab or window, which is left to the browser.
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
    """The components, folded at first; a click on ``listing`` comes with a ``link`` in the event."""

    fold: gr.Accordion
    order: gr.Radio
    find: gr.Textbox
    listing: gr.HTML


def build_picker(
    held_out: HeldOut, texts: Texts, *, several: bool, pairs: Callable[[Pair], HeldOut], systems: Sequence[str] = ()
) -> Picker:
    """Lay the picker out in the current context of Gradio, and connect everything but the choice of a query.

    Args:
        held_out: the queries; without any, the picker is hidden.
        texts: of the page.
        several: whether the catalogue has several locales, so that a link to a query also sets its locale.
        pairs: a pair of ``systems`` to the queries with its differences.
        systems: those that can be chosen.
    """
    can_choose = set(held_out.pair) <= set(systems)
    orders = list(ORDERS) if held_out.measured else ["alphabet"]
    headed = texts.each(lambda: headline(held_out))
    with gr.Accordion(headed, open=False, visible=len(held_out) > 0, elem_classes="e5-picker") as fold:
        with gr.Row(elem_classes="e5-pick"):
            order = gr.Radio(
                [(str(texts.label(_ORDERS[name])), name) for name in orders],
                value=orders[0],
                label=texts.label("Sorted by"),
                visible=len(orders) > 1,
                min_width=330,
                elem_classes="e5-order",
            )
            find = gr.Textbox(
                label=texts.label("Containing"),
                placeholder=texts.label("All queries"),
                lines=1,
                max_lines=1,
                max_length=200,
                min_width=200,
            )
        of: Component = gr.State("")
        minus: Component = gr.State("")
        if can_choose:
            with gr.Row(elem_classes="e5-pick"):
                of, minus = (
                    gr.Dropdown(named(texts, systems), value=name, label=texts.label(label), min_width=200)
                    for name, label in zip(held_out.pair, (N_("System"), N_("minus")), strict=True)
                )
        listing = html(texts.each(lambda: show(held_out, orders[0], several=several)), "e5-list", _SCRIPT)

    def listed(order: str, text: str, system: str | None, other: str | None, shown: int = PAGE) -> Html:
        if not can_choose:
            return show(held_out, order, text or "", shown, several=several)
        if system == other or not {system, other} <= set(systems):
            return _quiet(_("Choose two different systems."))
        return show(pairs((str(system), str(other))), order, text or "", shown, several=several)

    def refresh(order: str, text: str, system: str | None, other: str | None) -> Html:
        return listed(order, text, system, other)

    def more(order: str, text: str, system: str | None, other: str | None, event: gr.EventData) -> Html:
        shown = sent(event, "more")[:9]
        return listed(order, text, system, other, (int(shown) if shown.isdecimal() else 0) + PAGE)

    shared: dict[str, Any] = {"api_visibility": "private", "trigger_mode": "always_last", "show_progress": "hidden"}
    # find.change and not find.input, which is not sent for a paste, a backspace or Japanese input.
    inputs = [order, find, of, minus]
    changes = [order.input, find.change, *(menu.input for menu in (of, minus) if isinstance(menu, gr.Dropdown))]
    gr.on(changes, in_visitors_language(refresh), inputs, listing, **shared)
    listing.select(in_visitors_language(more), inputs, listing, **shared)
    return Picker(fold, order, find, listing)


def headline(held_out: HeldOut) -> str:
    """``Browse 105 test queries, by win or loss: 62 better · 30 worse · 13 the same``."""
    count = len(held_out)
    if not held_out.measured:
        said = ngettext("Browse {n} rated query", "Browse {n} rated queries", count)
        return said.format(n=number(count))
    better, worse, same = held_out.counts()
    unknown = count - better - worse - same
    parts = [
        _("{n} better").format(n=number(better)),
        _("{n} worse").format(n=number(worse)),
        _("{n} the same").format(n=number(same)),
        *([_("{n} undefined").format(n=number(unknown))] if unknown else []),
    ]
    said = ngettext(
        "Browse {n} test query, by win or loss: {counts}", "Browse {n} test queries, by win or loss: {counts}", count
    )
    return said.format(n=number(count), counts=" · ".join(parts))


def show(held_out: HeldOut, order: str, text: str = "", shown: int = PAGE, *, several: bool = False) -> Html:
    """The list, or that no query contains the text.

    Args:
        held_out: the queries.
        order: one of ``ORDERS``; another value counts as the first.
        text: what a query must contain.
        shown: how many at most.
        several: see ``build_picker``.
    """
    found = held_out.ordered(order if order in ORDERS else ORDERS[0], text)
    if not found:
        return _quiet(_("No query contains “{text}”.").format(text=text.strip()))
    largest = max((abs(entry.difference or 0.0) for entry in held_out.entries), default=0.0)
    rows = join(
        _row(entry, largest, measured=held_out.measured, locales=len(held_out.locales) > 1, several=several)
        for entry in found[:shown]
    )
    head = _("Difference in quality ({metric}), fine-tuned minus base, full catalogue")
    if held_out.pair != (TUNED, BASE):
        head = _("Difference in quality ({metric}), {system} minus {reference}, full catalogue")
    system, reference = map(system_name, held_out.pair)
    head = head.format(metric=METRIC, system=system, reference=reference)
    return fill(
        '{head}<ol class="queries{bars}">{rows}</ol>{more}',
        head=_quiet(head) if held_out.measured else EMPTY,
        bars=" measured" if held_out.measured else "",
        rows=rows,
        more=_show_more(shown, len(found)) if len(found) > shown else EMPTY,
    )


def position(held_out: HeldOut, link: Link, *, several: bool) -> Html:
    """Which held-out query is compared, and links to the next better and the next worse one.

    Nothing if the query is not one of them.
    """
    place = held_out.place(link.query, link.filters.get("locale", ""))
    if place is None:
        return EMPTY
    entry, n = held_out.entries[place], number(len(held_out))
    at = fill("<b>{at}</b>", at=number(place + 1))
    if not held_out.measured:
        said = fill(_("Rated query {at} of {n}"), at=at, n=n)
    else:
        by = fill('<b class="change {kind}">{by}</b>', kind=_kind(entry.difference), by=signed(entry.difference))
        said = _("Test query {at} of {n}, best to worst: quality {by} in the evaluation {about}")
        if held_out.pair != (TUNED, BASE):
            said = _(
                "Test query {at} of {n}, best to worst: quality {by}, {system} minus {reference}, in the evaluation "
                "{about}"
            )
        system, reference = map(system_name, held_out.pair)
        said = fill(
            said,
            system=system,
            reference=reference,
            at=at,
            n=n,
            by=by,
            about=help_for("quality"),
        )
    ways = join(
        _way(held_out.entries[other], name, link, several)
        for other, name in ((place - 1, _("‹ Previous")), (place + 1, _("Next ›")))
        if 0 <= other < len(held_out)
    )
    return fill(
        '<nav class="place" aria-label="{name}"><span>{said}</span>{ways}</nav>',
        name=_("Test queries"),
        said=said,
        ways=ways,
    )


def link_to(entry: HeldOutQuery, like: Link, *, several: bool) -> Link:
    """The comparison of a held-out query: hits and columns as in ``like``, its own locale, no other filter."""
    filters = {"locale": entry.locale} if several else {}
    return Link(entry.query, like.k, "compare", like.system, filters, like.systems, reference=like.reference)


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
            by=signed(entry.difference),
            share=f"{share:.3f}",
        )
        if measured
        else EMPTY,
        query=entry.query,
        locale=fill('<span class="locale">{locale}</span>', locale=entry.locale) if locales else EMPTY,
    )


def _show_more(shown: int, found: int) -> Html:
    return fill(
        '<p class="quiet">{said} <button type="button" class="more" data-shown="{shown}">{more}</button></p>',
        said=_("{shown} of {n}").format(shown=number(shown), n=number(found)),
        shown=shown,
        more=_("Show more"),
    )


def _way(entry: HeldOutQuery, name: str, like: Link, several: bool) -> Html:
    return fill(
        '<a class="carry" href="{href}" title="{by}{query}">{name}</a>',
        href=links.build(link_to(entry, like, several=several)),
        by="" if entry.difference is None else f"{signed(entry.difference)} ",
        query=entry.query,
        name=name,
    )


def _quiet(text: str) -> Html:
    return fill('<p class="quiet">{text}</p>', text=text)


def _kind(difference: float | None) -> str:
    return "up" if (difference or 0.0) > 0 else "down" if (difference or 0.0) < 0 else "same"
