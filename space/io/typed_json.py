"""Read JSON values into dataclasses by their annotations; what cannot be read becomes None or the default.

For files that may come from another version or from a stranger, where one bad value must not hide the rest.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

_T = TypeVar("_T")
_Read = Callable[[object], Any]


def read(kind: type[_T], value: object) -> _T:
    """``value`` as ``kind``.

    A field that is missing or cannot be read takes its default, or None where its type allows None; without either,
    the object around it cannot be read, and neither where its ``__post_init__`` raises a ValueError. Entries of a
    mapping that cannot be read are left out; a list cannot be read if one of its items cannot.

    Args:
        kind: a dataclass of str, int, float, bool, object (any value), lists, dicts with text as keys, ``X | None``
            and other such dataclasses. Numbers are finite.
        value: what ``json.loads`` gave.

    Raises:
        ValueError: ``value`` cannot be read as ``kind``.
    """
    return _reader(kind)(value)


@cache
def _reader(kind: Any) -> _Read:
    """The function that reads one type, made once: an evaluation has hundreds of thousands of numbers."""
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return _dataclass_reader(kind, {field.name: _reader(hints[field.name]) for field in fields(kind)})
    if origin is UnionType:
        return _optional_reader(_reader(arguments[0]))
    if origin is list:
        item = _reader(arguments[0])
        return lambda value: [item(one) for one in _checked(value, list)]
    if origin in (dict, Mapping):
        return _mapping_reader(_reader(arguments[1]))
    return {float: _number, int: _whole_number, object: lambda value: value}.get(
        kind, lambda value: _checked(value, kind)
    )


def _dataclass_reader(kind: Any, readers: Mapping[str, _Read]) -> _Read:
    defaults = {one.name for one in fields(kind) if (one.default, one.default_factory) != (MISSING, MISSING)}

    def read_object(value: object) -> Any:
        given, found = _checked(value, dict), {}
        for name, reader in readers.items():
            try:
                found[name] = reader(given.get(name))
            except ValueError:
                if name not in defaults:
                    raise
        return kind(**found)

    return read_object


def _optional_reader(reader: _Read) -> _Read:
    def read_optional(value: object) -> Any:
        try:
            return None if value is None else reader(value)
        except ValueError:
            return None

    return read_optional


def _mapping_reader(reader: _Read) -> _Read:
    def read_mapping(value: object) -> dict[str, Any]:
        found = {}
        for name, one in _checked(value, dict).items():
            try:
                found[name] = reader(one)
            except ValueError:
                continue
        return found

    return read_mapping


def _checked(value: object, kind: type) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"should be {kind.__name__}, is {type(value).__name__}")
    return value


def _number(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return value
    raise ValueError(f"should be a number, is {type(value).__name__}")


def _whole_number(value: object) -> int:
    if _number(value) % 1:
        raise ValueError("should be a whole number")
    return int(value)
