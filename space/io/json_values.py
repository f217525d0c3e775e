"""Check the type of values that were read from JSON; an error names the value and what it should be."""

from space.errors import UserError, shown


class JsonValueError(UserError):
    """A value of the wrong type or size; the message is one sentence."""


def text(value: object, name: str) -> str:
    """``value``, if it is a string."""
    if not isinstance(value, str):
        raise JsonValueError(f"{name} should be text, is {shown(value)}")
    return value


def count(value: object, name: str, most: int) -> int:
    """``value``, if it is a whole number from 1 to ``most``."""
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise JsonValueError(f"{name} should be a whole number from 1 to {most:,}, is {shown(value)}")
    return value


def mapping(value: object, name: str) -> dict[str, object]:
    """``value``, if it is a JSON object."""
    if not isinstance(value, dict):
        raise JsonValueError(f"{name} should be an object, is {shown(value)}")
    return value
