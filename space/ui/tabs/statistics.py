"""The tab that shows which products visitors were shown and opened, and the event that counts an opened product."""

from collections.abc import Sequence
from datetime import date

import gradio as gr
import pyarrow as pa
import pyarrow.compute as pc

from space.feedback.counts import Report, TopProduct
from space.feedback.usage import Usage
from space.i18n import N_, ngettext, number
from space.i18n import gettext as _
from space.search.engine import SearchEngine
from space.ui.events.areas import report_area, sent
from space.ui.html.bars import bars, columns, share, tiles
from space.ui.html.markup import EMPTY, Html, fill, join
from space.ui.html.names import id_shown, language_of
from space.ui.html.panels import status
from space.ui.language import Texts

WAITING = N_("Adding up …")
OFF = N_("Nothing is counted here: this page was started without a folder for its counts (--feedback off).")
UNREADABLE = N_("The counts cannot be read at the moment. Searching works all the same.")
EMPTY_YET = N_("Nothing to show yet: search for something, open a product, and come back.")
NO_QUERIES = N_("The texts of queries are not kept. The owner of this page can turn that on (--log-queries).")
#: A rare query may identify the visitor who typed it, so it is not shown.
MIN_ASKED = 3
PROMISE = N_(
    "Products and days are counted, but nothing about visitors: no address, no session, no time of day. "
    "“Shown” means that a product was in an answer, “opened” that its details were unfolded."
)
_MONTHS = (
    N_("January"), N_("February"), N_("March"), N_("April"), N_("May"), N_("June"), N_("July"), N_("August"),
    N_("September"), N_("October"), N_("November"), N_("December"),
)  # fmt: skip


def build_statistics_tab(engine: SearchEngine, texts: Texts) -> gr.HTML:
    """Lay out the tab in the current context of Gradio; it is added up again whenever a visitor opens it."""
    return report_area(texts, lambda: show(engine), WAITING, classes=["e5-out", "e5-data"], always=True)


def count_opened(engine: SearchEngine, outputs: Sequence[gr.HTML]) -> None:
    """Count a product when its details are unfolded in one of the result areas; see static/results.js."""
    if engine.usage is None:
        return
    usage: Usage = engine.usage

    def note(event: gr.EventData) -> None:
        usage.opened(sent(event, "locale"), sent(event, "product"))

    for output in outputs:  # one by one, since gr.on takes no custom events
        output.opened(note, api_visibility="private", show_progress="hidden", queue=False)


def show(engine: SearchEngine) -> Html:
    """The statistics as they are now, or why there are none."""
    if engine.usage is None:
        return status(_(OFF))
    found = engine.usage.report()
    if found is None:
        return status(_(UNREADABLE))
    if not found.searches:
        return status(_(EMPTY_YET))
    return statistics(found, titles(engine.catalogue, [*found.most_shown, *found.most_opened]))


def titles(catalogue: pa.Table, products: Sequence[TopProduct]) -> dict[tuple[str, str], str]:
    """{(locale, id): title} of the products that are in the catalogue; "" for one without a title."""
    ids = pa.array(sorted({product.product_id for product in products}), pa.string())
    rows = catalogue.filter(pc.is_in(catalogue["product_id"], ids)).select(
        ["product_locale", "product_id", "product_title"]
    )
    return {(row["product_locale"], row["product_id"]): row["product_title"] or "" for row in rows.to_pylist()}


def statistics(found: Report, names: dict[tuple[str, str], str]) -> Html:
    """Totals, the leading products and queries, and searches by day.

    Args:
        found: see ``space.feedback.usage``.
        names: {(locale, product id): title}.
    """
    searches = _("{n} a search").format(n=number(found.shown / found.searches, 1))
    opened = _("{share} of those shown").format(share=share(found.opened, found.shown))
    return fill(
        '<div class="data">{tiles}<div class="names two">{shown}{opened}</div>{queries}{days}'
        '<p class="remark">{promise}</p></div>',
        tiles=tiles(
            [
                (_("Searches"), number(found.searches), _("since {day}").format(day=day(found.since))),
                (_("Products shown"), number(found.shown), searches),
                (_("Products opened"), number(found.opened), opened),
            ]
        ),
        shown=_products(_("Shown most"), found.most_shown, names),
        opened=_products(_("Opened most"), found.most_opened, names),
        queries=_queries(found.queries),
        days=_days(found.days),
        promise=_(PROMISE),
    )


def day(iso: str) -> str:
    """``5 March 2026``."""
    found = date.fromisoformat(iso)
    return _("{day} {month} {year}").format(day=found.day, month=_(_MONTHS[found.month - 1]), year=found.year)


def _products(title: str, products: Sequence[TopProduct], names: dict[tuple[str, str], str]) -> Html:
    if not products:
        body = _said(_("No product was opened yet. A click on a title opens it."))
        return _section(title, body)
    rows = join(
        fill(
            '<tr><th scope="row"><span lang="{language}">{name}</span> <span class="id">{id}</span>'
            "</th><td>{shown}</td><td>{opened}</td><td>{share}</td></tr>",
            language=language_of(product.locale),
            name=names.get((product.locale, product.product_id), _("(no longer in the catalogue)")) or _("(no title)"),
            id=id_shown(product.locale, product.product_id),
            shown=number(product.shown),
            opened=number(product.opened),
            share=share(product.opened, product.shown),
        )
        for product in products
    )
    body = fill(
        '<table><thead><tr><th scope="col">{product}</th><th scope="col">{shown}</th><th scope="col">{opened}</th>'
        '<th scope="col"><abbr title="{meaning}">{rate}</abbr></th></tr></thead><tbody>{rows}</tbody></table>',
        product=_("Product"),
        shown=_("Shown"),
        opened=_("Opened"),
        meaning=_("Opened, of those shown"),
        rate=_("Rate"),
        rows=rows,
    )
    return _section(title, body)


def _queries(queries: Sequence[tuple[str, int]] | None) -> Html:
    if queries is None:
        return _section(_("Asked most"), _said(_(NO_QUERIES)))
    often = [(text, count) for text, count in queries if count >= MIN_ASKED]
    if not often:
        rare = ngettext(
            "No query was asked {n} time yet; rarer ones are not shown.",
            "No query was asked {n} times yet; rarer ones are not shown.",
            MIN_ASKED,
        )
        return _section(_("Asked most"), _said(rare.format(n=MIN_ASKED)))
    return _section(_("Asked most"), bars(often, sum(count for _text, count in often)))


def _days(days: Sequence[tuple[str, int]]) -> Html:
    """A column for each of the last 60 days, those without a search included."""
    if len(days) < 2:
        return EMPTY
    counts = dict(days)
    first, last = (date.fromisoformat(days[place][0]) for place in (0, -1))
    every = [date.fromordinal(at).isoformat() for at in range(first.toordinal(), last.toordinal() + 1)][-60:]
    items = [(day(one), counts.get(one, 0)) for one in every]
    caption = fill(_("The busiest day had <b>{n}</b>."), n=number(max(counts.values())))
    return _section(_("Searches a day"), columns(items, items[0][0], items[-1][0], caption))


def _section(title: str, body: Html) -> Html:
    return fill("<section><header><h2>{title}</h2></header>{body}</section>", title=title, body=body)


def _said(text: str) -> Html:
    return fill('<p class="said">{text}</p>', text=text)
