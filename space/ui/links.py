"""A search as a link: the whole state is in the address, nothing is kept on the server.

A link may come back years later, on another server with other data, cut off by a mail program or changed by hand. A
part that cannot be used is replaced by its default, and a note above the results says so.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from space.data.filters import FILTERS, LEVEL
from space.i18n import N_, ngettext
from space.i18n import gettext as _
from space.search.request import COLUMNS, MAX_K
from space.ui.html.markup import EMPTY, Html, fill, join

#: {value of ``tab=``: what the tab is called}, in the order of the page.
TABS = {
    "search": N_("Search"),
    "compare": N_("Compare"),
    "own": N_("Try your own"),
    "evaluation": N_("Evaluation"),
    "data": N_("Data"),
    "statistics": N_("Statistics"),
}
#: The tabs with a query; a link to another one only opens it.
ASKING = ("search", "compare")
DEFAULT_K = 10
#: The parameters of a link, in the order in which they are written; others belong to Gradio or to the host.
NAMES = ("q", "k", "tab", "system", "systems", *FILTERS, "fold", "like")
_SHOWN = 60
#: How the value of a filter is written above the results; {value} alone where nothing else is said.
_WORDS = dict.fromkeys(FILTERS, "{value}") | {
    "min_price": N_("price from {value}"),
    "max_price": N_("price to {value}"),
    "min_rating": "★ ≥ {value}",
}
_MAX_FIELDS = 100


@dataclass(frozen=True)
class Link:
    """What a link restores.

    Attributes:
        query: "" opens the tab with its options and searches nothing.
        k: number of hits.
        tab: one of ``TABS``.
        system: which system searches; not used by the comparison, which has ``systems``.
        filters: {name: value}; "" or a missing name allows all.
        systems: the columns of a comparison, in the order of ``COLUMNS``; () stands for the usual ones.
        fold: put near-duplicates under one another; on the search tab only, as is ``like``.
        like: LOCALE:ID of the product whose like is searched instead of the query, or ""; the query is the way back.
    """

    query: str = ""
    k: int = DEFAULT_K
    tab: str = "search"
    system: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)
    systems: tuple[str, ...] = ()
    fold: bool = False
    like: str = ""

    @property
    def product(self) -> tuple[str, str]:
        """Locale and id in ``like``."""
        locale, _colon, product_id = self.like.partition(":")
        return locale, product_id


def in_order(systems: Iterable[str]) -> tuple[str, ...]:
    """Known systems in the order of the columns, whatever order they were clicked or written in."""
    given = set(systems)
    return tuple(name for name in COLUMNS if name in given)


def build(link: Link) -> str:
    """The link as ``?q=…``, to be put behind the address of any server with the same data.

    Defaults are written out, so that a link keeps its meaning when they change. Lone surrogates, which UTF-8 cannot
    encode, become question marks, as they do in the search itself.
    """
    values = {"q": link.query, "k": link.k, "tab": link.tab}
    if link.tab == "search" and link.system:
        values["system"] = link.system
    if link.tab == "compare" and link.systems:
        values["systems"] = ",".join(link.systems)
    values |= {name: link.filters[name] for name in FILTERS if link.filters.get(name)}
    if link.tab == "search":
        values |= ({"fold": 1} if link.fold else {}) | ({"like": link.like} if link.like else {})
    # Commas between systems stay readable; those in a query are encoded, since mail programs may end a link there.
    return "?" + "&".join(
        urlencode({name: value}, quote_via=quote, safe="," if name == "systems" else "", errors="replace")
        for name, value in values.items()
    )


def parse(pairs: Iterable[tuple[str, str]], systems: Sequence[str]) -> tuple[Link, list[str]]:
    """What the parameters of an address ask for, and a sentence for each part that was replaced.

    Args:
        pairs: decoded names and values, as they came; unknown names are skipped.
        systems: the available ones, the default first.

    Returns:
        A link whose k, tab and system are valid; query and filters are not yet checked against the data.
    """
    given: dict[str, str] = {}
    notes = []
    for name, value in pairs:
        if name not in NAMES:
            continue
        if name not in given:
            given[name] = value
        elif value != given[name]:
            said = _("{name} is given more than once; the first counts").format(name=name)
            notes += [said] if said not in notes else []
    k, problems = _parse_k(given.get("k", ""))
    notes += problems
    tab, problems = _parse_choice("tab", given.get("tab", ""), tuple(TABS))
    notes += problems
    system, problems = _parse_choice("system", given.get("system", ""), systems)
    notes += problems
    columns, problems = _parse_columns(given.get("systems", ""), systems)
    notes += problems
    filters = {name: given[name] for name in FILTERS if given.get(name)}
    fold, problems = _parse_choice("fold", given.get("fold", ""), ("0", "1"))
    notes += problems
    like = given.get("like", "")
    if like and not re.fullmatch(r"[^:]+:.+", like, re.DOTALL):
        said = _("like should be LOCALE:ID of a product, is {value}; it is left out")
        notes.append(said.format(value=shortened(like)))
        like = ""
    if tab != "search":
        fold = like = ""
    return Link(given.get("q", "").strip(), k, tab, system, filters, columns, fold == "1", like), notes


def pairs_of(parameters: Any) -> list[tuple[str, str]]:
    """Names and values of ``gr.Request.query_params``, which is a multi-dictionary or, unpickled, a plain mapping."""
    pairs = parameters.multi_items() if hasattr(parameters, "multi_items") else dict(parameters or {}).items()
    return [(str(name), str(value)) for name, value in pairs]


def split(link: str) -> list[tuple[str, str]]:
    """Names and values of a link as ``build`` writes it; any other text is no error."""
    return parse_qsl(link.partition("?")[2][:100_000], keep_blank_values=True, errors="replace")[:_MAX_FIELDS]


def offer(link: Link, *, other: Link | None, label: str = "", also: Html = EMPTY) -> Html:
    """The line above the results: the filters, the same search on the other tab, and a button that copies the link.

    Args:
        link: to these results.
        other: to the other tab, as a real link that can be opened in a browser tab of its own.
        label: what that link says.
        also: what else can be done with the results.
    """
    return fill(
        '<div class="share">{only}{carry}'
        '<button type="button" class="copy" data-link="{link}" data-copied="{copied}" data-failed="{failed}">{copy}'
        '</button>{also}<span class="copied" role="status"></span>'
        '<input class="address" type="text" readonly hidden aria-label="{address}"></div>',
        only=_only(link.filters),
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


def shortened(value: str) -> str:
    """A value from a link, quoted and at most 60 characters long."""
    return repr(value if len(value) <= _SHOWN else value[:_SHOWN] + "…")


def _only(filters: Mapping[str, str]) -> Html:
    """The filters in force, since on a phone the form is folded."""
    values = [
        _(words).format(value=filters[name].replace(LEVEL, " › "))
        for name, words in _WORDS.items()
        if filters.get(name)
    ]
    if not values:
        return EMPTY
    return fill(
        '<span class="only">{only}</span>',
        only=fill(_("Only {filters}"), filters=fill('<b translate="no">{values}</b>', values=" · ".join(values))),
    )


def _parse_k(value: str) -> tuple[int, list[str]]:
    if not value:
        return DEFAULT_K, []
    if not re.fullmatch(r"[+-]?[0-9]+", value):
        said = _("k should be a whole number from 1 to {most}, is {value}; {k} is used")
        return DEFAULT_K, [said.format(most=MAX_K, value=shortened(value), k=DEFAULT_K)]
    number = int(value[:12])  # further digits change nothing, and int() refuses more than 4,300 of them
    k = min(max(number, 1), MAX_K)
    said = _("k should be from 1 to {most}, is {value}; {k} is used")
    return k, [] if k == number else [said.format(most=MAX_K, value=shortened(value), k=k)]


def _parse_choice(name: str, value: str, choices: Sequence[str]) -> tuple[str, list[str]]:
    if not value or value in choices:
        return value or choices[0], []
    said = _("{name} should be {choices}, is {value}; {first} is used")
    return choices[0], [said.format(name=name, choices=_either(choices), value=shortened(value), first=choices[0])]


def _parse_columns(value: str, systems: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """The available ones of the comma-separated names; () stands for the usual ones."""
    given = dict.fromkeys(name for name in value.split(",") if name)
    known = tuple(name for name in in_order(given) if name in systems)
    strange = [name for name in given if name not in known]
    if not strange:
        return known, []
    there = ", ".join(in_order(systems))
    if not known:
        said = _("systems should be among {systems}, has {value}; the usual ones are used")
    else:
        said = ngettext(
            "systems should be among {systems}, has {value}; {known} is used",
            "systems should be among {systems}, has {value}; {known} are used",
            len(known),
        )
    return known, [said.format(systems=there, value=shortened(strange[0]), known=", ".join(known))]


def _either(choices: Sequence[str]) -> str:
    if len(choices) == 1:
        return choices[0]
    return _("{choices} or {last}").format(choices=", ".join(choices[:-1]), last=choices[-1])
