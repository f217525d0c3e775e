"""The kinds of error whose message is meant for the user, and how a foreign value stands in one."""

from typing import Any

_SHOWN = 80


class UserError(ValueError):
    """Something the user can cure; the message is one sentence that names parameter, value and cure."""


class ServiceError(UserError):
    """Something outside was asked for and does not do what is needed; what was made here is not at fault."""


class HubError(UserError):
    """The Hub did not give or take what was asked; the message names the repository and the cure."""


class OutOfReachError(HubError):
    """Neither in the cache nor, for now, to be had from the Hub."""


class QueryError(UserError):
    """A request that cannot be answered; the message is for the visitor."""


def shown(value: Any) -> str:
    """A foreign value as it may stand in a message: a visitor can send a megabyte, or a number of 5,000 digits."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # Python writes no number of so many digits
        return f"a {type(value).__name__} too long to be shown"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
