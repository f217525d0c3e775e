"""What can be asked of the engine: systems, limits, and checks of the values that a visitor or a program sends."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from space.errors import QueryError, shown
from space.i18n import gettext as _
from space.i18n import number

MAX_K = 100
MAX_QUERY_CHARACTERS = 500


@dataclass(frozen=True)
class Request:
    """One search, checked. It can be pickled: on ZeroGPU it is sent to another process.

    Attributes:
        systems: names of the systems that answer.
        query: the text; for "more like this" the title of the product.
        k: how many products each system returns at most.
        filters: {name of ``space.data.filters.FILTERS``: value}; only those that have a value.
        mask: (n,) bool, the rows that may be returned; None for all. The filters, and for "more like this" without
            the product itself.
        row: for "more like this" the row of the product. Systems with vectors use its vector, others ``query``.
    """

    systems: Sequence[str]
    query: str
    k: int
    filters: Mapping[str, object]
    mask: np.ndarray | None
    row: int | None = None


def checked_query(query: object) -> str:
    """The query with single spaces and without characters that an encoder cannot read.

    Raises:
        QueryError: empty, not a text, or longer than ``MAX_QUERY_CHARACTERS``.
    """
    if not isinstance(query, str) or not query.strip():
        raise QueryError(_("query is empty: type what you are looking for"))
    if len(query) > MAX_QUERY_CHARACTERS:
        text = _("query has {count} characters; use at most {most}")
        raise QueryError(text.format(count=number(len(query)), most=MAX_QUERY_CHARACTERS))
    # A lone surrogate cannot be encoded as UTF-8, and a null character means nothing to a tokenizer.
    return " ".join(query.encode("utf-8", "replace").decode("utf-8").replace("\0", " ").split()) or "?"


def checked_k(k: object) -> int:
    """The number of products; a slider sends 5.0 for 5.

    Raises:
        QueryError: not a whole number from 1 to ``MAX_K``.
    """
    is_number = isinstance(k, int | float) and not isinstance(k, bool)
    if not (is_number and 1 <= k <= MAX_K and float(k).is_integer()):
        text = _("k should be a whole number from 1 to {most}, is {value}")
        raise QueryError(text.format(most=MAX_K, value=shown(k)))
    return int(k)


def checked_system(system: object, known: Collection[str]) -> str:
    """The name of one system.

    Raises:
        QueryError: not among ``known``.
    """
    if not isinstance(system, str) or system not in known:
        text = _("system should be one of {systems}, is {value}")
        raise QueryError(text.format(systems=", ".join(known), value=shown(system)))
    return system


def checked_systems(systems: object, known: Collection[str], usual: Sequence[str]) -> list[str]:
    """The names of the systems to compare, each once, in the given order.

    Args:
        systems: a list of names, one name, or None for ``usual``.
        known: names of the engine's systems.
        usual: some of them.

    Raises:
        QueryError: an empty list, or a name that is not among ``known``.
    """
    if systems is None:
        return list(usual)
    names = list(systems) if isinstance(systems, Sequence) and not isinstance(systems, str) else [systems]
    if not names:
        raise QueryError(_("systems is empty: name at least one of {systems}").format(systems=", ".join(known)))
    for name in names:
        if not isinstance(name, str) or name not in known:
            text = _("systems should be among {systems}, has {value}")
            raise QueryError(text.format(systems=", ".join(known), value=shown(name)))
    return list(dict.fromkeys(names))


def checked_reference(reference: object, systems: Sequence[str]) -> str:
    """The system that the others are compared with; "" for None and "", which leave it to the engine.

    Args:
        reference: a name.
        systems: names of the systems that are compared.

    Raises:
        QueryError: not among ``systems``.
    """
    if reference in (None, ""):
        return ""
    if not isinstance(reference, str) or reference not in systems:
        text = _("reference should be one of the systems that are compared ({systems}), is {value}")
        raise QueryError(text.format(systems=", ".join(systems), value=shown(reference)))
    return reference
