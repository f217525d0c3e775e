"""Errors whose message is for the user, and how a message quotes a value or a list."""

from collections.abc import Mapping, Sequence
from typing import Any

from space.i18n import gettext as _
from space.i18n import number

#: Characters of a value, values of a list, and characters of each.
_SHOWN, _LISTED, _EACH = 80, 12, 40


class UserError(ValueError):
    """Something the user can fix; the message is one sentence that names parameter, value and cure."""


class ServiceError(UserError):
    """A service such as Milvus or ZeroGPU cannot do what was asked; models and stores on the disk are fine."""


class HubError(UserError):
    """A pull from or a push to the Hub failed; the message names the repository and the cure."""


class OutOfReachError(HubError):
    """Not in the cache, and the Hub cannot be reached now."""


class QueryError(UserError):
    """A search request that cannot be answered; the message is for the visitor."""


class FilterError(QueryError):
    """A filter with an impossible value; the message names parameters as programs do, ``worded`` as the page does."""

    def __init__(self, text: str, fields: Mapping[str, str], **values: object) -> None:
        """Make the message.

        Args:
            text: with {places}.
            fields: {place: parameter}.
            **values: {place: what stands there}.
        """
        super().__init__(text.format(**fields, **values))
        self._text, self._fields, self._values = text, fields, values

    def worded(self, labels: Mapping[str, str]) -> str:
        """The message with each parameter as its label, {parameter: label}, in quotes."""
        named = {place: f"“{labels[name]}”" if name in labels else name for place, name in self._fields.items()}
        return self._text.format(**named, **self._values)


def same_rows(where: str, **counts: int) -> None:
    """Check what is joined by position, such as texts and vectors: one row missing would shift all behind it.

    Args:
        where: for the message.
        **counts: {what: its number of rows}.

    Raises:
        AssertionError: they differ, which is a fault in the program, not in the data.
    """
    if len(set(counts.values())) > 1:
        raise AssertionError(f"{where}: {', '.join(f'{count} {what}' for what, count in counts.items())}")


def shown(value: Any, most: int = _SHOWN) -> str:
    """``repr`` of a value, cut to 80 characters for a message: a visitor may send a megabyte."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # Python refuses to write a number of 5,000 digits
        return f"a {type(value).__name__} too long to be shown"
    return text if len(text) <= most else f"{text[:most]}…"


def listed(values: Sequence[Any]) -> str:
    """The first twelve values as ``shown`` quotes them, and how many more there are: ``'us', 'de' and 7 more``."""
    more = len(values) - _LISTED
    first = ", ".join(shown(value, _EACH) for value in values[:_LISTED])
    return _("{names} and {n} more").format(names=first, n=number(more)) if more > 0 else first
