"""The profile of a data set as HTML: for the Data tab, and as a page of its own for ``python -m space eda``."""

import re
from collections.abc import Mapping

from space.data.profile import DataProfile, Example, SeveralRatings, Split, Values
from space.data.scale import LabelScale
from space.evaluation.estimates import Estimate
from space.evaluation.protocols import PROTOCOLS, has_figures
from space.evaluation.tables import ProtocolTable
from space.i18n import N_, fraction, ngettext, number
from space.i18n import gettext as _
from space.ui.html import bars as charts
from space.ui.html.labels import badge
from space.ui.html.markup import EMPTY, Html, fill, join
from space.ui.html.names import METRICS, judgments, language_of, locale_shown, products, queries
from space.ui.static import STYLE

_COLUMNS = {
    "product_title": N_("Title"),
    "product_brand": N_("Brand"),
    "product_color": N_("Colour"),
    "product_bullet_point": N_("Bullet points"),
    "image_url": N_("Picture"),
    "price": N_("Price"),
    "category": N_("Category"),
    "rating": N_("Rating"),
    "rating_count": N_("Number of ratings"),
}
_PROTOCOLS = {"full_catalogue": N_("In the full catalogue"), "judged": N_("Among the judged products")}
_SPLITS = {"train": N_("train"), "test": N_("test")}
#: The rows of the baseline's table: BM25, and a random order for scale.
_SYSTEMS = {"bm25": N_("BM25"), "random": N_("Random order")}


def report(
    figures: DataProfile, *, protocols: Mapping[str, ProtocolTable] | None = None, notice: str = "", remark: str = ""
) -> Html:
    """All sections, to be put into a page.

    Args:
        figures: see ``space.data.profile``.
        protocols: the "protocols" of evaluation.json, for the table of BM25; other systems in it are left out.
        notice: a sentence about the data that should stand first, or "".
        remark: what these figures do not cover, or why there is no baseline, or "".
    """
    splits = _named(figures)
    return fill(
        '<div class="data">{notice}{tiles}{labels}{examples}{lengths}{names}{missing}{baseline}{remark}</div>',
        notice=fill('<p class="notice" role="note">{notice}</p>', notice=notice) if notice else EMPTY,
        tiles=_tiles(figures),
        labels=join(_labels(split, part, figures.scale) for split, part in splits),
        examples=join(_examples(split, part, figures.scale) for split, part in splits[-1:]),
        lengths=_lengths(figures),
        names=_names(figures),
        missing=_missing(figures),
        baseline=_baseline(protocols or {}),
        remark=fill('<p class="remark">{remark}</p>', remark=remark) if remark else EMPTY,
    )


def document(title: str, body: Html, lead: str) -> Html:
    """A page of its own, in the light or dark colours of the system: one file without scripts that loads nothing.

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


def _named(figures: DataProfile) -> list[tuple[str, Split]]:
    """The sets of judgments with their names in the current language."""
    return [(_(_SPLITS.get(name, name)), part) for name, part in figures.splits.items()]


def _tiles(figures: DataProfile) -> Html:
    locales = ", ".join(locale_shown(locale) for locale, _count in figures.locales)
    facts = [(_("Products"), number(figures.products), locales)]
    for split, part in _named(figures):
        each = part.judgments / part.queries
        a_query = _("{n} a query").format(n=number(each, 0 if each.is_integer() else 1))
        facts.append((_("Queries, {split}").format(split=split), number(part.queries), ""))
        facts.append((_("Judgments, {split}").format(split=split), number(part.judgments), a_query))
    return charts.tiles(facts)


def _labels(split: str, part: Split, scale: LabelScale) -> Html:
    colours = {grade.name: grade.colour for grade in scale.grades}
    whole = {label: sum(part.labels[label].values()) for label in scale.names}
    locales = list(part.labels[scale.names[0]])
    stacks = [
        charts.stack(
            locale_shown(locales[0]) if len(locales) == 1 else _("All locales"),
            whole,
            judgments(part.judgments),
            colours,
        ),
    ]
    for locale in locales if len(locales) > 1 else []:
        parts = {label: part.labels[label][locale] for label in scale.names}
        stacks.append(charts.stack(locale, parts, judgments(sum(parts.values())), colours))
    return _section(
        _("Labels, {split}").format(split=split),
        join([*stacks, _several_ratings(part.several)]),
        _("{products} judged for {queries}").format(products=products(part.products), queries=queries(part.queries)),
    )


def _several_ratings(found: SeveralRatings | None) -> Html:
    """How many pairs have several ratings, and the first of those whose ratings contradict each other."""
    if found is None:
        return EMPTY
    text = ngettext(
        "{n} pair has several ratings, {each} on average: their mean is its label.",
        "{n} pairs have several ratings, {each} on average: their mean is the label.",
        found.pairs,
    )
    said = text.format(n=number(found.pairs), each=number(found.ratings / found.pairs, 1))
    if found.contradicting:
        text = ngettext(
            "The ratings of {n} pair fall into different grades:",
            "The ratings of {n} pairs fall into different grades:",
            found.contradicting,
        )
        said = f"{said} {text.format(n=number(found.contradicting))}"
    pairs = join(
        fill("<li><q>{query}</q> <span>{product}</span>: {grades}</li>", query=query, product=product, grades=grades)
        for query, product, grades in found.examples
    )
    return fill('<div class="several"><p class="said">{said}</p><ul>{pairs}</ul></div>', said=said, pairs=pairs)


def _examples(split: str, part: Split, scale: LabelScale) -> Html:
    return _section(
        _("What the labels mean"),
        fill(
            '<div class="examples">{examples}</div>',
            examples=join(_example(example, scale) for example in part.examples),
        ),
        _("One product of each label, for a few queries of {split}").format(split=split),
    )


def _example(example: Example, scale: LabelScale) -> Html:
    language = language_of(example.locale)
    rows = join(
        fill(
            '<li>{badge} <span lang="{language}">{title}</span></li>',
            badge=badge(scale.grade(label)),
            language=language,
            title=title or _("(no title)"),
        )
        for label, title in example.titles.items()
    )
    return fill(
        '<div class="example"><h3><q lang="{language}">{query}</q> <span>{locale}</span></h3><ul>{rows}</ul></div>',
        language=language,
        query=example.query,
        locale=locale_shown(example.locale),
        rows=rows,
    )


def _lengths(figures: DataProfile) -> Html:
    charted = []
    for split, part in _named(figures):
        charted += [
            charts.histogram(_("Judgments per query, {split}").format(split=split), part.per_query),
            charts.histogram(_("Characters per query, {split}").format(split=split), part.query_characters),
            charts.histogram(_("Words per query, {split}").format(split=split), part.query_words),
        ]
    charted.append(charts.histogram(_("Characters per title"), figures.title_characters))
    charted.append(charts.histogram(_("Words per title"), figures.title_words))
    return _section(
        _("How many and how long"),
        fill('<div class="spreads">{charts}</div>', charts=join(charted)),
        _("Words are counted by the spaces between them, so Japanese texts, which have none, count as few words"),
    )


def _names(figures: DataProfile) -> Html:
    has_locales = any(locale_shown(locale) for locale, _count in figures.locales)
    parts = [(_("Locales"), EMPTY, charts.bars(figures.locales, figures.products))] if has_locales else []
    for title, values in ((_("Brands"), figures.brands), (_("Colours"), figures.colors)):
        said = fill('<p class="said">{n}</p>', n=_("{n} different").format(n=number(values.distinct)))
        parts.append((title, said, _values(values, figures.products)))
    columns = join(
        fill("<div><h3>{title}</h3>{said}{body}</div>", title=title, said=said, body=body)
        for title, said, body in parts
    )
    return _section(
        _("Locales, brands, colours") if has_locales else _("Brands, colours"),
        fill('<div class="names">{columns}</div>', columns=columns),
        _("Products each, and their share of the catalogue"),
    )


def _values(values: Values, products: int) -> Html:
    if not values.top:
        return fill('<p class="said">{none}</p>', none=_("No product has one."))
    return charts.bars(values.top, products, rest=(_("all others"), values.rest))


def _missing(figures: DataProfile) -> Html:
    items = [(_(_COLUMNS[name]) if name in _COLUMNS else name, count) for name, count in figures.missing.items()]
    return _section(
        _("Missing fields"),
        charts.bars(items, figures.products, of_whole=True, ours=True),
        _("Products without a value; blank counts as none"),
    )


def _baseline(protocols: Mapping[str, ProtocolTable]) -> Html:
    """One table for each protocol: the same metric means something else in the other."""
    tables = [
        _protocol(_(title), _(PROTOCOLS[protocol]), protocols[protocol])
        for protocol, title in _PROTOCOLS.items()
        if protocol in protocols and protocols[protocol].systems.get("bm25") and has_figures(protocols[protocol])
    ]
    if not tables:
        return EMPTY
    return _section(
        _("The lexical baseline"),
        join(tables),
        _("BM25 on the held-out queries, with 95 % intervals: what an encoder has to beat"),
    )


def _protocol(title: str, description: str, table: ProtocolTable) -> Html:
    systems = {name: table.systems[name] for name in _SYSTEMS if name in table.systems}
    metrics = list(systems["bm25"])
    return fill(
        '<div class="baseline"><h3>{title}</h3><p class="said">{description}</p>'
        # Wider than a phone: the keyboard can scroll it.
        '<div class="wide" tabindex="0" role="region" aria-label="{title}"><table><thead><tr>'
        '<td></td>{head}</tr></thead><tbody>{rows}</tbody></table></div></div>',
        title=title,
        description=description,
        head=join(fill('<th scope="col">{name}</th>', name=_(METRICS.get(name, name))) for name in metrics),
        rows=join(
            fill('<tr><th scope="row">{system}</th>{cells}</tr>', system=_(_SYSTEMS[name]),
                 cells=join(_cell(figures.get(metric)) for metric in metrics))
            for name, figures in systems.items()
        ),
    )  # fmt: skip


def _cell(found: Estimate | None) -> Html:
    if found is None or found.mean is None:
        return Html("<td>–</td>")
    return fill(
        "<td><b>{mean}</b> <span>{low}–{high}</span></td>",
        mean=fraction(found.mean),
        low=fraction(found.low),
        high=fraction(found.high),
    )
