"""A search as a link, and back: all of it stands in the address, nothing is kept on the server. Pure functions.

A link outlives the page it was made on: it may come back years later, after a restart, on another server, cut by a
mail program or bent on purpose. So what cannot be meant is replaced and said, never a reason to fail.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from space.search import FILTERS, MAX_K
from space.ui.markup import EMPTY, Html, fill, join

TABS = ("search", "compare")
DEFAULT_K = 10
#: What of an address is ours, in the order in which it is written; all else belongs to Gradio or to the host.
NAMES = ("q", "k", "tab", "system", *FILTERS)
_SHOWN = 60
# Whoever writes ten thousand parameters has nothing to find among them.
_MAX_FIELDS = 100


@dataclass(frozen=True)
class Link:
    """What a link restores.

    Attributes:
        query: "" opens the tab with its options and searches nothing.
        k: hits asked for.
        tab: one of ``TABS``.
        system: who searches; means nothing to the comparison, which has its own three.
        filters: {name: value}, without those that allow all.
    """

    query: str = ""
    k: int = DEFAULT_K
    tab: str = "search"
    system: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)


def build(link: Link) -> str:
    """The link as ``?q=…``, to be put behind the address of any server with the same data.

    Defaults are written out, so that a link still means the same when they change. Text that is no Unicode (lone
    surrogates) becomes question marks, as it does in the search itself.
    """
    values = {"q": link.query, "k": link.k, "tab": link.tab}
    if link.tab == "search" and link.system:
        values["system"] = link.system
    values |= {name: link.filters[name] for name in FILTERS if link.filters.get(name)}
    return "?" + urlencode(values, quote_via=quote, safe="", errors="replace")


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
    tab, problem = _parse_choice("tab", given.get("tab", ""), TABS)
    notes += problem
    system, problem = _parse_choice("system", given.get("system", ""), systems)
    notes += problem
    filters = {name: given[name] for name in FILTERS if given.get(name)}
    return Link(given.get("q", "").strip(), k, tab, system, filters), notes


def pairs_of(parameters: Any) -> list[tuple[str, str]]:
    """Names and values of ``gr.Request.query_params``, which is a multi-dictionary or, unpickled, a plain mapping."""
    pairs = parameters.multi_items() if hasattr(parameters, "multi_items") else dict(parameters or {}).items()
    return [(str(name), str(value)) for name, value in pairs]


def split(link: str) -> list[tuple[str, str]]:
    """Names and values of a link as ``build`` writes it, whatever else it may be."""
    return parse_qsl(link.partition("?")[2][:100_000], keep_blank_values=True, errors="replace")[:_MAX_FIELDS]


def offer(link: Link, *, other: Link, label: str) -> Html:
    """The line above the results: what they are limited to, the same search on the other tab, and copying its link.

    What the buttons do is in results.js. The first is a real link, so that it can also be opened in a tab of its own.
    """
    return fill(
        '<div class="share">{only}<a class="carry" href="{other}">{label}</a>'
        '<button type="button" class="copy" data-link="{link}">Copy link</button>'
        '<span class="copied" role="status"></span>'
        '<input class="address" type="text" readonly hidden aria-label="Link to these results"></div>',
        only=_only(link.filters),
        other=build(other),
        label=label,
        link=build(link),
    )


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
    values = [filters[name] for name in FILTERS if filters.get(name)]
    return fill('<span class="only">Only <b>{values}</b></span>', values=" · ".join(values)) if values else EMPTY


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


def _either(choices: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(choices[:-1]), choices[-1]]))
