"""What a visit without a query begins with: a query that won and one that lost, answered side by side, and ways on."""

from collections.abc import Sequence
from dataclasses import dataclass

from space.encoding.description import BASE, TUNED
from space.evaluation.held_out_queries import HeldOutQuery, Pair
from space.i18n import gettext as _
from space.search.results import Comparison, SearchResult
from space.ui.html.labels import badge, is_judged
from space.ui.html.markup import EMPTY, Html, fill, join
from space.ui.html.names import language_of, system_name
from space.ui.html.numbers import signed
from space.ui.html.picture import picture
from space.ui.html.result_links import carry
from space.ui.links import Link


@dataclass(frozen=True)
class Example:
    """A test query with its answers.

    Attributes:
        entry: the query, with a difference.
        found: the first products of the reference and the candidate, base and tuned.
        link: to the whole comparison.
        pair: the candidate and the reference.
    """

    entry: HeldOutQuery
    found: Comparison
    link: Link
    pair: Pair = (TUNED, BASE)


def first_view(examples: Sequence[Example]) -> Html:
    """The examples, and what to do next."""
    ways = [
        fill('<button type="button" class="try">{text}</button>', text=_("Try a query of your own")),
        carry(Link(tab="compare"), _("Browse wins and losses")),
        carry(Link(tab="evaluation"), _("See the evidence")),
    ]
    return fill(
        '<div class="first"><nav class="ways" aria-label="{ways_on}">{ways}</nav>'
        '<div class="examples">{examples}</div></div>',
        ways_on=_("Ways on"),
        ways=join(ways),
        examples=join(map(_example, examples)),
    )


def _example(example: Example) -> Html:
    difference = example.entry.difference or 0.0
    said = _("Better after fine-tuning: {query}") if difference > 0 else _("Worse after fine-tuning: {query}")
    system, reference = map(system_name, example.pair)
    if example.pair != (TUNED, BASE):
        worse = _("Worse with {system} than with {reference}: {query}")
        said = _("Better with {system} than with {reference}: {query}") if difference > 0 else worse
    return fill(
        '<section class="example {kind}"><h2>{said}</h2><p class="measured">{measured} {more}</p>'
        '<div class="pair">{lists}</div></section>',
        kind="up" if difference > 0 else "down",
        said=fill(
            said,
            query=fill('<q translate="no">{query}</q>', query=example.entry.query),
            system=system,
            reference=reference,
        ),
        measured=_("Quality of its first ten results: {by} of 1.").format(by=signed(difference)),
        more=carry(example.link, _("Compare in full")),
        lists=join(_list(found) for found in example.found.systems.values()),
    )


def _list(found: SearchResult) -> Html:
    judged = is_judged(found.hits)
    return fill(
        "<div><h3>{name}</h3><ol>{hits}</ol></div>",
        name=system_name(found.system),
        hits=join(
            fill(
                '<li>{picture}<span><span class="name" lang="{language}">{title}</span>{badge}</span></li>',
                picture=picture(hit),
                language=language_of(hit.product_locale),
                title=hit.title or _("(no title)"),
                badge=badge(hit.grade) if judged else EMPTY,
            )
            for hit in found.hits
        ),
    )
