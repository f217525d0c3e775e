"""A search as a link: the whole state is in the address, nothing is kept on the server.

A link may come back years later, on another server with other data, cut off by a mail program or changed by hand. A
part that cannot be used is replaced by its default, and a note above the results says so.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from space.data.filters import FILTERS, in_force
from space.i18n import N_, ngettext
from space.i18n import gettext as _
from space.search.request import MAX_K
from space.search.roles import MOST_COLUMNS, Roles

#: {value of ``tab=``: what the tab is called}, in the order of the page.
TABS = {
    "search": N_("Search"),
    "compare": N_("Compare"),
    "own": N_("Try your own"),
    "vote": N_("Vote"),
    "judge": N_("Judge"),
    "evaluation": N_("Evaluation"),
    "data": N_("Data"),
    "statistics": N_("Statistics"),
}
#: The tabs with a query; a link to another one only opens it.
ASKING = ("search", "compare")
DEFAULT_K = 10
#: The parameters of a link, in the order in which they are written; others belong to Gradio or to the host. "show",
#: lists or table, is for the browser alone.
NAMES = ("q", "k", "tab", "system", "systems", "reference", *FILTERS, "fold", "like", "show")
_SHOWN = 60
_MAX_FIELDS = 100


@dataclass(frozen=True)
class Link:
    """What a link restores.

    Attributes:
        query: "" opens the tab with its options and searches nothing.
        k: number of hits.
        tab: one of ``TABS``.
        system: which system searches; not used by the comparison, which has ``systems``.
        filters: {name: value}; a blank value or a missing name allows all.
        systems: the columns of a comparison, in the order of ``Roles.names``; () stands for the usual ones.
        fold: put near-duplicates under one another; on the search tab only, as is ``like``.
        like: LOCALE:ID of the product whose like is searched instead of the query, or ""; the query is the way back.
        reference: the column that the others are compared with; "" stands for the usual one.
    """

    query: str = ""
    k: int = DEFAULT_K
    tab: str = "search"
    system: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)
    systems: tuple[str, ...] = ()
    fold: bool = False
    like: str = ""
    reference: str = ""

    @property
    def product(self) -> tuple[str, str]:
        """Locale and id in ``like``."""
        locale, _colon, product_id = self.like.partition(":")
        return locale, product_id


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
    if link.tab == "compare" and link.reference:
        values["reference"] = link.reference
    filters = in_force(link.filters)
    values |= {name: filters[name] for name in FILTERS if name in filters}
    if link.tab == "search":
        values |= ({"fold": 1} if link.fold else {}) | ({"like": link.like} if link.like else {})
    # Commas between systems stay readable; those in a query are encoded, since mail programs may end a link there.
    return "?" + "&".join(
        urlencode({name: value}, quote_via=quote, safe="," if name == "systems" else "", errors="replace")
        for name, value in values.items()
    )


def parse(pairs: Iterable[tuple[str, str]], roles: Roles) -> tuple[Link, list[str]]:
    """What the parameters of an address ask for, and a sentence for each part that was replaced.

    Args:
        pairs: decoded names and values, as they came; unknown names are skipped.
        roles: the systems that are available.

    Returns:
        A link whose k, tab and system are valid; query and filters are not yet checked against the data.
    """
    given: dict[str, str] = {}
    notes: list[str] = []
    for name, value in pairs:
        if name not in NAMES:
            continue
        if name not in given:
            given[name] = value
        elif value != given[name]:
            said = _("{name} is given more than once; the first counts").format(name=name)
            notes += [said] if said not in notes else []
    k = _parse_k(given.get("k", ""), notes)
    tab = _parse_choice("tab", given.get("tab", ""), tuple(TABS), notes)
    system = _parse_choice("system", given.get("system", ""), roles.offered, notes)
    columns = _parse_columns(given.get("systems", ""), roles, notes)
    reference = _parse_reference(given.get("reference", ""), columns or roles.usual, roles, notes)
    filters = in_force({name: given[name] for name in FILTERS if name in given})
    fold = _parse_choice("fold", given.get("fold", ""), ("0", "1"), notes)
    like = given.get("like", "")
    if like and not re.fullmatch(r"[^:]+:.+", like, re.DOTALL):
        said = _("like should be LOCALE:ID of a product, is {value}; it is left out")
        notes.append(said.format(value=shortened(like)))
        like = ""
    if tab != "search":
        fold = like = ""
    return Link(given.get("q", "").strip(), k, tab, system, filters, columns, fold == "1", like, reference), notes


def pairs_of(parameters: Any) -> list[tuple[str, str]]:
    """Names and values of ``gr.Request.query_params``, which is a multi-dictionary or, unpickled, a plain mapping."""
    pairs = parameters.multi_items() if hasattr(parameters, "multi_items") else dict(parameters or {}).items()
    return [(str(name), str(value)) for name, value in pairs]


def split(link: str) -> list[tuple[str, str]]:
    """Names and values of a link as ``build`` writes it; any other text is no error."""
    return parse_qsl(link.partition("?")[2][:100_000], keep_blank_values=True, errors="replace")[:_MAX_FIELDS]


def shortened(value: str) -> str:
    """A value from a link, quoted and at most 60 characters long."""
    return repr(value if len(value) <= _SHOWN else value[:_SHOWN] + "…")


def _parse_k(value: str, notes: list[str]) -> int:
    if not value:
        return DEFAULT_K
    if not re.fullmatch(r"[+-]?[0-9]+", value):
        said = _("k should be a whole number from 1 to {most}, is {value}; {k} is used")
        notes.append(said.format(most=MAX_K, value=shortened(value), k=DEFAULT_K))
        return DEFAULT_K
    number = int(value[:12])  # further digits change nothing, and int() refuses more than 4,300 of them
    k = min(max(number, 1), MAX_K)
    if k != number:
        said = _("k should be from 1 to {most}, is {value}; {k} is used")
        notes.append(said.format(most=MAX_K, value=shortened(value), k=k))
    return k


def _parse_choice(name: str, value: str, choices: Sequence[str], notes: list[str]) -> str:
    if value in choices:
        return value
    if value:
        said = _("{name} should be {choices}, is {value}; {first} is used")
        notes.append(said.format(name=name, choices=_either(choices), value=shortened(value), first=choices[0]))
    return choices[0]


def _parse_columns(value: str, roles: Roles, notes: list[str]) -> tuple[str, ...]:
    """The available ones of the comma-separated names, at most ``MOST_COLUMNS``; () stands for the usual ones."""
    given = dict.fromkeys(name for name in value.split(",") if name)
    known = roles.in_order(given)
    strange = [name for name in given if name not in known]
    if strange:
        said = ngettext(
            "systems should be among {systems}, has {value}; {known} is used",
            "systems should be among {systems}, has {value}; {known} are used",
            len(known),
        )
        if not known:
            said = _("systems should be among {systems}, has {value}; the usual ones are used")
        there = ", ".join(roles.names)
        notes.append(said.format(systems=there, value=shortened(strange[0]), known=", ".join(known)))
    if len(known) > MOST_COLUMNS:
        known = known[:MOST_COLUMNS]
        said = _("systems has more than {most} names; {known} are used")
        notes.append(said.format(most=MOST_COLUMNS, known=", ".join(known)))
    return known


def _parse_reference(value: str, columns: Sequence[str], roles: Roles, notes: list[str]) -> str:
    if value and value not in columns:
        said = _("reference should be one of the columns ({systems}), is {value}; {usual} is used")
        usual = roles.reference_among(columns)
        notes.append(said.format(systems=", ".join(columns), value=shortened(value), usual=usual))
        return ""
    return value


def _either(choices: Sequence[str]) -> str:
    if len(choices) == 1:
        return choices[0]
    return _("{choices} or {last}").format(choices=", ".join(choices[:-1]), last=choices[-1])
