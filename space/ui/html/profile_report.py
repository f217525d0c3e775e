"""The figures of a data set as HTML: for the Data tab, and as a page of its own. Pure functions; needs no gradio."""

import re
from collections.abc import Mapping

from space.data.judgments import LABELS
from space.data.profile import DataProfile, Example, Split, Values
from space.evaluation.schema import Estimate, ProtocolTable
from space.ui.html import bars as charts
from space.ui.html.cards import LANGUAGES, NAMES, badge, counted
from space.ui.html.markup import EMPTY, Html, fill, join
from space.ui.static import STYLE

_COLUMNS = {
    "product_title": "Title",
    "product_brand": "Brand",
    "product_color": "Colour",
    "product_bullet_point": "Bullet points",
    "image_url": "Picture",
    "price": "Price",
    "category": "Category",
    "rating": "Rating",
    "rating_count": "Number of ratings",
}
_PROTOCOLS = {"full_catalogue": "In the full catalogue", "judged": "Among the judged products"}
_METRICS = {
    "ndcg": "nDCG",
    "ndcg@10": "nDCG@10",
    "recall@100": "Exact recall@100",
    "mrr@10": "MRR@10",
    "exact@1": "Exact@1",
}
#: What stands beside the baseline, as the floor under it.
_SYSTEMS = {"bm25": NAMES["bm25"], "random": "Random order"}


def report(
    figures: DataProfile, *, protocols: Mapping[str, ProtocolTable] | None = None, notice: str = "", remark: str = ""
) -> Html:
    """All sections, to be put into a page.

    Args:
        figures: see ``space.data.profile``.
        protocols: the "protocols" of evaluation.json, for the lexical baseline; its other systems are left out.
        notice: what must be said of the data, or "".
        remark: what these figures do not cover, or why there is no baseline; a sentence each, or "".
    """
    splits = figures.splits
    return fill(
        '<div class="data">{notice}{tiles}{labels}{examples}{lengths}{names}{missing}{baseline}{remark}</div>',
        notice=fill('<p class="notice" role="note">{notice}</p>', notice=notice) if notice else EMPTY,
        tiles=_tiles(figures),
        labels=join(_labels(split, part) for split, part in splits.items()),
        examples=join(_examples(split, part) for split, part in list(splits.items())[-1:]),
        lengths=_lengths(figures),
        names=_names(figures),
        missing=_missing(figures),
        baseline=_baseline(protocols or {}),
        remark=fill('<p class="remark">{remark}</p>', remark=remark) if remark else EMPTY,
    )


def document(title: str, body: Html, lead: str) -> Html:
    """A page of its own, in the visitor's light or dark: one file, no script, nothing fetched, now or ever.

    Args:
        title: of the page.
        body: see ``report``.
        lead: a sentence under the title.
    """
    style = STYLE.read_text(encoding="utf-8")
    dark = "".join(re.findall(r"^\.dark \{(.*?)\}", style, re.DOTALL | re.MULTILINE))
    own = f"""
:root {{ color-scheme: light dark; --font-mono: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }}
@media (prefers-color-scheme: dark) {{ :root {{{dark}}} }}
body {{ margin: 0; background: var(--tint); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI",
  Roboto, sans-serif; }}
main {{ max-width: 1136px; margin: 0 auto; padding: 20px clamp(14px, 4vw, 32px) 48px; }}
main > h1 {{ font-size: 1.6rem; letter-spacing: -.02em; line-height: 1.2; margin: 0; }}
main > .lead {{ color: var(--quiet); margin: 4px 0 16px; overflow-wrap: anywhere; }}
"""
    return fill(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>'
        '<style>{style}</style></head><body><main class="e5-out"><h1>{title}</h1><p class="lead">{lead}</p>{body}'
        "</main></body></html>\n",
        title=title,
        style=Html(style + own),
        lead=lead,
        body=body,
    )


def _section(title: str, body: Html, said: str = "") -> Html:
    return fill(
        "<section><header><h2>{title}</h2>{said}</header>{body}</section>",
        title=title,
        said=fill("<p>{said}</p>", said=said) if said else EMPTY,
        body=body,
    )


def _tiles(figures: DataProfile) -> Html:
    locales = ", ".join(locale for locale, _ in figures.locales)
    facts = [("Products", f"{figures.products:,}", locales)]
    for split, part in figures.splits.items():
        facts.append((f"Queries, {split}", f"{part.queries:,}", ""))
        facts.append(
            (f"Judgments, {split}", f"{part.judgments:,}", f"{charts.number(part.judgments / part.queries)} a query")
        )
    return charts.tiles(facts)


def _labels(split: str, part: Split) -> Html:
    whole = {label: sum(part.labels[label].values()) for label in LABELS}
    stacks = [charts.stack("All locales", whole, counted(part.judgments, "judgment"))]
    locales = list(part.labels[LABELS[0]])
    for locale in locales if len(locales) > 1 else []:
        parts = {label: part.labels[label][locale] for label in LABELS}
        stacks.append(charts.stack(locale, parts, counted(sum(parts.values()), "judgment")))
    if len(locales) == 1:
        stacks = [charts.stack(locales[0], whole, counted(part.judgments, "judgment"))]
    return _section(
        f"Labels, {split}", join(stacks), f"{counted(part.products, 'product')} judged for {_queries(part.queries)}"
    )


def _queries(number: int) -> str:
    return f"{number:,} {'query' if number == 1 else 'queries'}"


def _examples(split: str, part: Split) -> Html:
    return _section(
        "What the labels mean",
        fill('<div class="examples">{examples}</div>', examples=join(map(_example, part.examples))),
        f"One product of each label, for a few queries of {split}",
    )


def _example(example: Example) -> Html:
    language = LANGUAGES.get(example.locale, "")
    return fill(
        '<div class="example"><h3><q lang="{language}">{query}</q> <span>{locale}</span></h3><ul>{rows}</ul></div>',
        language=language,
        query=example.query,
        locale=example.locale,
        rows=join(
            fill('<li>{badge} <span lang="{language}">{title}</span></li>',
                 badge=badge(label), language=language, title=title)
            for label, title in example.titles.items()
        ),
    )  # fmt: skip


def _lengths(figures: DataProfile) -> Html:
    charted = []
    for split, part in figures.splits.items():
        charted.append(charts.histogram(f"Judgments per query, {split}", part.per_query))
        charted.append(charts.histogram(f"Characters per query, {split}", part.query_characters))
        charted.append(charts.histogram(f"Words per query, {split}", part.query_words))
    charted.append(charts.histogram("Characters per title", figures.title_characters))
    charted.append(charts.histogram("Words per title", figures.title_words))
    return _section(
        "How many and how long",
        fill('<div class="spreads">{charts}</div>', charts=join(charted)),
        "Words are what stands between spaces, so that a Japanese text counts as few",
    )


def _names(figures: DataProfile) -> Html:
    parts = [("Locales", charts.bars(figures.locales, figures.products), "")]
    for title, values in (("Brands", figures.brands), ("Colours", figures.colors)):
        parts.append((title, _values(values, figures.products), f"{values.distinct:,} different"))
    columns = join(
        fill('<div><h3>{title}</h3>{said}{body}</div>', title=title, body=body,
             said=fill('<p class="said">{said}</p>', said=said) if said else EMPTY)
        for title, body, said in parts
    )  # fmt: skip
    return _section(
        "Locales, brands, colours",
        fill('<div class="names">{columns}</div>', columns=columns),
        "Products each, and their share of the catalogue",
    )


def _values(values: Values, products: int) -> Html:
    if not values.top:
        return Html('<p class="said">No product has one.</p>')
    return charts.bars(values.top, products, rest=("all others", values.rest))


def _missing(figures: DataProfile) -> Html:
    items = [(_COLUMNS.get(name, name), count) for name, count in figures.missing.items()]
    return _section(
        "Missing fields",
        charts.bars(items, figures.products, of_whole=True, ours=True),
        "Products without a value; blank counts as none",
    )


def _baseline(protocols: Mapping[str, ProtocolTable]) -> Html:
    """One table a protocol, never both in one: the same name means something else in the other."""
    tables = [
        _protocol(title, protocols[protocol])
        for protocol, title in _PROTOCOLS.items()
        if protocol in protocols and protocols[protocol].systems.get("bm25")
    ]
    if not tables:
        return EMPTY
    return _section(
        "The lexical baseline",
        join(tables),
        "BM25 on the held-out queries, with 95 % intervals: what an encoder has to beat",
    )


def _protocol(title: str, table: ProtocolTable) -> Html:
    systems = {name: table.systems[name] for name in _SYSTEMS if name in table.systems}
    metrics = list(systems["bm25"])
    return fill(
        '<div class="baseline"><h3>{title}</h3><p class="said">{description}</p><div class="wide"><table><thead><tr>'
        '<td></td>{head}</tr></thead><tbody>{rows}</tbody></table></div></div>',
        title=title,
        description=table.description,
        head=join(fill('<th scope="col">{name}</th>', name=_METRICS.get(name, name)) for name in metrics),
        rows=join(
            fill('<tr><th scope="row">{system}</th>{cells}</tr>', system=_SYSTEMS[name],
                 cells=join(_cell(figures.get(metric)) for metric in metrics))
            for name, figures in systems.items()
        ),
    )  # fmt: skip


def _cell(found: Estimate | None) -> Html:
    if found is None or found.mean is None:
        return Html("<td>–</td>")
    return fill(
        "<td><b>{mean}</b> <span>{low}–{high}</span></td>",
        mean=f"{found.mean:.3f}",
        low=f"{found.low:.3f}",
        high=f"{found.high:.3f}",
    )
