"""Errors whose message is for the user, and how a message quotes a value."""

from typing import Any

_SHOWN = 80


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


def shown(value: Any) -> str:
    """``repr`` of a value, cut to 80 characters for a message: a visitor may send a megabyte."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # Python refuses to write a number of 5,000 digits
        return f"a {type(value).__name__} too long to be shown"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
