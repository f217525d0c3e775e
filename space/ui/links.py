"""A search as a link, and back: all of it stands in the address, nothing is kept on the server. Pure functions.

A link outlives the page it was made on: it may come back years later, after a restart, on another server, cut by a
mail program or bent on purpose. So what cannot be meant is replaced and said, never a reason to fail.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from space.data.filters import FILTERS, LEVEL
from space.search.request import COLUMNS, MAX_K
from space.ui.html.markup import EMPTY, Html, fill, join

#: {what ``tab=`` says: what the tab is called}, in the order of the page. Here alone: a tab that is added to it opens
#: by its link, and stands in the address bar while it is open.
TABS = {
    "search": "Search",
    "compare": "Compare",
    "own": "Try your own",
    "evaluation": "Evaluation",
    "data": "Data",
    "statistics": "Statistics",
}
#: Those with a query; the others have nothing to restore but that they were open.
ASKING = ("search", "compare")
DEFAULT_K = 10
#: What of an address is ours, in the order in which it is written; all else belongs to Gradio or to the host.
NAMES = ("q", "k", "tab", "system", "systems", *FILTERS, "fold", "like")
_SHOWN = 60
#: How a filter's value is said where its menu is not in sight.
_WORDS = dict.fromkeys(FILTERS, ("", "")) | {
    "min_price": ("price from ", ""),
    "max_price": ("price to ", ""),
    "min_rating": ("★ ≥ ", ""),
}
# Whoever writes ten thousand parameters has nothing to find among them.
_MAX_FIELDS = 100


@dataclass(frozen=True)
class Link:
    """What a link restores.

    Attributes:
        query: "" opens the tab with its options and searches nothing.
        k: hits asked for.
        tab: one of ``TABS``.
        system: who searches; means nothing to the comparison, which has its columns.
        filters: {name: value}, without those that allow all.
        systems: the columns of a comparison, in the order of ``COLUMNS``; () for those it has by itself.
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
        locale, _, product_id = self.like.partition(":")
        return locale, product_id


def build(link: Link) -> str:
    """The link as ``?q=…``, to be put behind the address of any server with the same data.

    Defaults are written out, so that a link still means the same when they change. Text that is no Unicode (lone
    surrogates) becomes question marks, as it does in the search itself.
    """
    values = {"q": link.query, "k": link.k, "tab": link.tab}
    if link.tab == "search" and link.system:
        values["system"] = link.system
    if link.tab == "compare" and link.systems:
        values["systems"] = ",".join(link.systems)
    values |= {name: link.filters[name] for name in FILTERS if link.filters.get(name)}
    if link.tab == "search":
        values |= ({"fold": 1} if link.fold else {}) | ({"like": link.like} if link.like else {})
    # Our own commas can be read; those of a visitor could end a link where a mail program looks for its end.
    return "?" + "&".join(
        urlencode({name: value}, quote_via=quote, safe="," if name == "systems" else "", errors="replace")
        for name, value in values.items()
    )


def parse(pairs: Iterable[tuple[str, str]], systems: Sequence[str]) -> tuple[Link, list[str]]:
    """What the parameters of an address ask for, and a sentence for each that was replaced.

    Args:
        pairs: decoded names and values, as they came; unknown names are skipped.
        systems: those there are, the default first.

    Returns:
        A link whose k, tab and system are valid; query and filters are still to be checked against the data.
    """
    given: dict[str, str] = {}
    notes = []
    for name, value in pairs:
        if name not in NAMES:
            continue
        if name not in given:
            given[name] = value
        elif value != given[name] and (said := f"{name} is given more than once; the first counts") not in notes:
            notes.append(said)
    k, problem = _parse_k(given.get("k", ""))
    notes += problem
    tab, problem = _parse_choice("tab", given.get("tab", ""), tuple(TABS))
    notes += problem
    system, problem = _parse_choice("system", given.get("system", ""), systems)
    notes += problem
    columns, problem = _parse_columns(given.get("systems", ""), systems)
    notes += problem
    filters = {name: given[name] for name in FILTERS if given.get(name)}
    fold, problem = _parse_choice("fold", given.get("fold", ""), ("0", "1"))
    notes += problem
    like = given.get("like", "")
    if like and not re.fullmatch(r"[^:]+:.+", like, re.DOTALL):
        notes.append(f"like should be LOCALE:ID of a product, is {shortened(like)}; it is left out")
        like = ""
    if tab != "search":
        fold = like = ""
    return Link(given.get("q", "").strip(), k, tab, system, filters, columns, fold == "1", like), notes


def pairs_of(parameters: Any) -> list[tuple[str, str]]:
    """Names and values of ``gr.Request.query_params``, which is a multi-dictionary or, unpickled, a plain mapping."""
    pairs = parameters.multi_items() if hasattr(parameters, "multi_items") else dict(parameters or {}).items()
    return [(str(name), str(value)) for name, value in pairs]


def split(link: str) -> list[tuple[str, str]]:
    """Names and values of a link as ``build`` writes it, whatever else it may be."""
    return parse_qsl(link.partition("?")[2][:100_000], keep_blank_values=True, errors="replace")[:_MAX_FIELDS]


def offer(link: Link, *, other: Link | None, label: str = "", also: Html = EMPTY) -> Html:
    """The line above the results: what they are limited to, the same search on the other tab, and copying its link.

    ``also`` is what else there is to do with them.

    What the buttons do is in results.js. The first is a real link, so that it can also be opened in a tab of its own.
    """
    return fill(
        '<div class="share">{only}{carry}'
        '<button type="button" class="copy" data-link="{link}">Copy link</button>{also}'
        '<span class="copied" role="status"></span>'
        '<input class="address" type="text" readonly hidden aria-label="Link to these results"></div>',
        only=_only(link.filters),
        carry=carry(other, label) if other else EMPTY,
        link=build(link),
        also=also,
    )


def carry(link: Link, label: str | Html, kind: str = "") -> Html:
    """A link that the page follows without being loaded again."""
    return fill('<a class="carry {kind}" href="{link}">{label}</a>', kind=kind, link=build(link), label=label)


def more_like(link: Link, product_locale: str, product_id: str, title: str) -> Html:
    """The way to what is like one of the results of ``link``: same system, same filters."""
    label = fill('More like this<span class="unseen" translate="no">: {title}</span>', title=title or product_id)
    return carry(replace(link, tab="search", like=f"{product_locale}:{product_id}"), label, "like")


def note(sentences: Sequence[str]) -> Html:
    """What of a link could not be taken as it was, above the results."""
    if not sentences:
        return EMPTY
    items = join(fill("<li>{sentence}</li>", sentence=sentence) for sentence in sentences)
    return fill(
        '<div class="panel bent" role="alert"><p>Not all of this link could be used:</p><ul>{items}</ul></div>',
        items=items,
    )


def shortened(value: str) -> str:
    """A foreign value as it may stand in a sentence."""
    return repr(value if len(value) <= _SHOWN else value[:_SHOWN] + "…")


def _only(filters: Mapping[str, str]) -> Html:
    """On a phone the filters are folded away; that they are set must be seen all the same."""
    values = [
        f"{before}{filters[name].replace(LEVEL, ' › ')}{after}"
        for name, (before, after) in _WORDS.items()
        if filters.get(name)
    ]
    return (
        fill('<span class="only">Only <b translate="no">{values}</b></span>', values=" · ".join(values))
        if values
        else EMPTY
    )


def _parse_k(value: str) -> tuple[int, list[str]]:
    if not value:
        return DEFAULT_K, []
    if not re.fullmatch(r"[+-]?[0-9]+", value):
        return DEFAULT_K, [f"k should be a whole number from 1 to {MAX_K}, is {shortened(value)}; {DEFAULT_K} is used"]
    number = int(value[:12])  # more digits change nothing, and Python refuses to read thousands of them
    k = min(max(number, 1), MAX_K)
    return k, [] if k == number else [f"k should be from 1 to {MAX_K}, is {shortened(value)}; {k} is used"]


def _parse_choice(name: str, value: str, choices: Sequence[str]) -> tuple[str, list[str]]:
    if not value or value in choices:
        return value or choices[0], []
    return choices[0], [f"{name} should be {_either(choices)}, is {shortened(value)}; {choices[0]} is used"]


def _parse_columns(value: str, systems: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """Those of the comma-separated names that there are; none given, or none known, stands for the usual ones."""
    given = dict.fromkeys(name for name in value.split(",") if name)
    known = tuple(name for name in COLUMNS if name in given and name in systems)
    strange = [name for name in given if name not in known]
    if not strange:
        return known, []
    use = f"{', '.join(known)} {'is' if len(known) == 1 else 'are'} used" if known else "the usual ones are used"
    there = ", ".join(name for name in COLUMNS if name in systems)
    return known, [f"systems should be among {there}, has {shortened(strange[0])}; {use}"]


def _either(choices: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(choices[:-1]), choices[-1]]))
