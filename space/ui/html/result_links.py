"""Links in the results: to the other tab, to products like one, and the button that copies the link to the results."""

from collections.abc import Sequence
from dataclasses import replace

from space.data.filters import FILTERS, LEVEL, in_force
from space.i18n import N_, ngettext
from space.i18n import gettext as _
from space.ui.html.markup import EMPTY, Html, fill, join
from space.ui.links import DEFAULT_K, Link, build

#: How the value of a filter is written above the results; {value} alone where nothing else is said.
_WORDS = dict.fromkeys(FILTERS, "{value}") | {
    "min_price": N_("price from {value}"),
    "max_price": N_("price to {value}"),
    "min_rating": "★ ≥ {value}",
}


def offer(link: Link, *, other: Link | None, label: str = "", also: Html = EMPTY) -> Html:
    """What stands above the results: what is set, the same search on the other tab, and a button that copies the link.

    Args:
        link: to these results.
        other: to the other tab, as a real link that can be opened in a browser tab of its own.
        label: what that link says.
        also: what else can be done with the results.
    """
    return fill(
        '{only}<div class="share">{carry}'
        '<button type="button" class="copy" data-link="{link}" data-copied="{copied}" data-failed="{failed}">{copy}'
        '</button>{also}<span class="copied" role="status"></span>'
        '<input class="address" type="text" readonly hidden aria-label="{address}"></div>',
        only=_only(link),
        carry=carry(other, label) if other else EMPTY,
        link=build(link),
        copied=_("Link copied"),
        failed=_("Copy it from here:"),
        copy=_("Copy link"),
        also=also,
        address=_("Link to these results"),
    )


def carry(link: Link, label: str | Html, kind: str = "") -> Html:
    """A link that the page follows without a reload."""
    return fill('<a class="carry {kind}" href="{link}">{label}</a>', kind=kind, link=build(link), label=label)


def more_like(link: Link, product_locale: str, product_id: str, title: str) -> Html:
    """A link from one of the results of ``link`` to products like it: same system, same filters."""
    label = fill(
        '{label}<span class="unseen" translate="no">: {title}</span>',
        label=_("More like this"),
        title=title or product_id,
    )
    return carry(replace(link, tab="search", like=f"{product_locale}:{product_id}"), label, "like")


def note(sentences: Sequence[str]) -> Html:
    """Which parts of a link were replaced, above the results."""
    if not sentences:
        return EMPTY
    items = join(fill("<li>{sentence}</li>", sentence=sentence) for sentence in sentences)
    return fill(
        '<div class="panel bent" role="alert"><p>{said}</p><ul>{items}</ul></div>',
        said=_("Not all of this link could be used:"),
        items=items,
    )


def _only(link: Link) -> Html:
    """What is set in the form, which is folded: each a link to the same search without it."""
    filters = in_force(link.filters)
    without = [
        (
            _(words).format(value=str(filters[name]).replace(LEVEL, " › ")),
            replace(link, filters={other: filters[other] for other in filters if other != name}),
        )
        for name, words in _WORDS.items()
        if name in filters
    ]
    if link.k != DEFAULT_K:
        without.append((ngettext("{n} result", "{n} results", link.k).format(n=link.k), replace(link, k=DEFAULT_K)))
    chips = [
        fill(
            '<a class="carry chip" href="{link}" title="{remove}"><b translate="no">{set}</b>'
            '<span aria-hidden="true"> ×</span><span class="unseen"> {remove}</span></a>',
            link=build(one),
            remove=_("Remove: {set}").format(set=text),
            set=text,
        )
        for text, one in without
    ]
    return fill('<p class="only">{only}</p>', only=fill(_("Only {filters}"), filters=join(chips))) if chips else EMPTY
