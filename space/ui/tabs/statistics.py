"""The tab that shows what visitors were shown and opened, and the event that counts an opened product."""

from collections.abc import Sequence
from datetime import date

import gradio as gr
import pyarrow as pa
import pyarrow.compute as pc

from space.feedback.counts import Report, TopProduct
from space.feedback.usage import Usage
from space.search.engine import SearchEngine
from space.ui.events.appear import when_shown
from space.ui.html.bars import bars, share, tiles
from space.ui.html.cards import LANGUAGES
from space.ui.html.markup import EMPTY, Html, fill, join

WAITING = "Adding up …"
OFF = "Nothing is counted here: this page was started without a file for its counts (--usage-file)."
UNREADABLE = "The counts cannot be read at the moment. Searching works all the same."
EMPTY_YET = "Nothing to show yet: search for something, open a product, and come back."
NO_QUERIES = "What was asked is not kept. The owner of this page would have to turn that on (--log-queries)."
#: A text that hardly anybody asked may say who asked it, and may not be fit for everybody's eyes.
MIN_ASKED = 3
PROMISE = (
    "Counted are products and days, nothing of visitors: no address, no session, no time of day. "
    "“Shown” means that a product was in an answer, “opened” that its details were unfolded."
)


def build_statistics_tab(engine: SearchEngine) -> gr.HTML:
    """Lay out the tab where the caller's context is; it is added up anew whenever it comes into view."""
    return when_shown(lambda: show(engine), WAITING, always=True, classes="e5-data")


def count_opened(engine: SearchEngine, outputs: Sequence[gr.HTML]) -> None:
    """Count a product when its details are unfolded in one of the result areas; see results.js."""
    if engine.usage is None:
        return
    usage: Usage = engine.usage

    def note(event: gr.EventData) -> None:
        usage.opened(_field(event, "locale"), _field(event, "product"))

    for output in outputs:  # gr.on does not take an event that is not Gradio's own
        output.opened(note, api_visibility="private", show_progress="hidden", queue=False)


def _field(event: gr.EventData, name: str) -> str:
    """What came with the event, which anybody can send in any shape."""
    try:
        value = getattr(event, name)
    except (AttributeError, TypeError):  # no such field; no data at all
        return ""
    return value if isinstance(value, str) else ""


def show(engine: SearchEngine) -> Html:
    """What there is to say now."""
    if engine.usage is None:
        return _panel(OFF)
    found = engine.usage.report()
    if found is None:
        return _panel(UNREADABLE)
    if not found.searches:
        return _panel(EMPTY_YET)
    return statistics(found, titles(engine.catalogue, [*found.most_shown, *found.most_opened]))


def titles(catalogue: pa.Table, products: Sequence[TopProduct]) -> dict[tuple[str, str], str]:
    """{(locale, id): title} of those that are in the catalogue; a search by id alone, which is quick in any size."""
    ids = pa.array(sorted({product.product_id for product in products}), pa.string())
    rows = catalogue.filter(pc.is_in(catalogue["product_id"], ids)).select(
        ["product_locale", "product_id", "product_title"]
    )
    return {
        (row["product_locale"], row["product_id"]): row["product_title"] or "(no title)" for row in rows.to_pylist()
    }


def statistics(found: Report, names: dict[tuple[str, str], str]) -> Html:
    """Totals, and who leads.

    Args:
        found: see ``space.feedback.usage``.
        names: {(locale, product id): title}.
    """
    return fill(
        '<div class="data">{tiles}<div class="names two">{shown}{opened}</div>{queries}{days}'
        '<p class="remark">{promise}</p></div>',
        tiles=tiles(
            [
                ("Searches", f"{found.searches:,}", f"since {day(found.since)}"),
                ("Products shown", f"{found.shown:,}", f"{found.shown / found.searches:.1f} a search"),
                ("Products opened", f"{found.opened:,}", f"{share(found.opened, found.shown)} of those shown"),
            ]
        ),
        shown=_products("Shown most", found.most_shown, names),
        opened=_products("Opened most", found.most_opened, names),
        queries=_queries(found.queries),
        days=_days(found.days),
        promise=PROMISE,
    )


def _products(title: str, products: Sequence[TopProduct], names: dict[tuple[str, str], str]) -> Html:
    rows = join(
        fill(
            '<tr><th scope="row"><span lang="{language}">{name}</span> <span class="id">{locale} · {product_id}</span>'
            "</th><td>{shown}</td><td>{opened}</td><td>{share}</td></tr>",
            language=LANGUAGES.get(product.locale, ""),
            name=names.get((product.locale, product.product_id), "(no longer in the catalogue)"),
            locale=product.locale,
            product_id=product.product_id,
            shown=f"{product.shown:,}",
            opened=f"{product.opened:,}",
            share=share(product.opened, product.shown),
        )
        for product in products
    )
    body = (
        fill(
            '<table><thead><tr><th scope="col">Product</th><th scope="col">Shown</th><th scope="col">Opened</th>'
            '<th scope="col"><abbr title="Opened, of those shown">Rate</abbr></th></tr></thead><tbody>{rows}</tbody>'
            "</table>",
            rows=rows,
        )
        if products
        else Html('<p class="said">Nobody has opened a product yet. A click on a title does it.</p>')
    )
    return fill("<section><header><h2>{title}</h2></header>{body}</section>", title=title, body=body)


def _queries(queries: Sequence[tuple[str, int]] | None) -> Html:
    if queries is None:
        body = fill('<p class="said">{why}</p>', why=NO_QUERIES)
    else:
        often = [(text, count) for text, count in queries if count >= MIN_ASKED]
        body = (
            bars(often, sum(count for _, count in often))
            if often
            else fill('<p class="said">No query was asked {times} times yet; rarer ones are not shown.</p>',
                      times=MIN_ASKED)
        )  # fmt: skip
    return fill("<section><header><h2>Asked most</h2></header>{body}</section>", body=body)


def _days(days: Sequence[tuple[str, int]]) -> Html:
    """One column a day, those without a search included, so that a gap is seen as one."""
    if len(days) < 2:
        return EMPTY
    counts = dict(days)
    first, last = (date.fromisoformat(days[place][0]) for place in (0, -1))
    every = [date.fromordinal(at).isoformat() for at in range(first.toordinal(), last.toordinal() + 1)][-60:]
    most = max(counts.values()) or 1
    columns = join(
        fill(
            '<span style="--part:{part}%" title="{day}: {count}"></span>',
            part=f"{100 * counts.get(one, 0) / most:.2f}",
            day=day(one),
            count=f"{counts.get(one, 0):,}",
        )
        for one in every
    )
    return fill(
        '<section><header><h2>Searches a day</h2></header><figure class="spread"><div class="columns" '
        'aria-hidden="true">{columns}</div><div class="axis" aria-hidden="true"><span>{first}</span><span>{last}'
        "</span></div><figcaption>The busiest day had <b>{most}</b>.</figcaption></figure></section>",
        columns=columns,
        first=day(every[0]),
        last=day(every[-1]),
        most=f"{most:,}",
    )


def day(iso: str) -> str:
    """``5 March 2026``."""
    found = date.fromisoformat(iso)
    return f"{found.day} {found:%B %Y}"


def _panel(text: str) -> Html:
    return fill('<div class="panel" role="status"><p>{text}</p></div>', text=text)
