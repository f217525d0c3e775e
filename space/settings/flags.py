"""A dataclass of settings as command-line flags: a default, a line of help and a check for each field."""

import argparse
import difflib
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from math import inf
from pathlib import Path
from typing import Any, NoReturn, TypeVar, get_args, get_origin, get_type_hints

from space.settings.names import SettingsError, is_repository, local, public_name, repository_cure

#: Whether a value can work, and what to do about one that cannot; a function says it of the value.
Check = tuple[Callable[[Any], bool], str | Callable[[Any], str]]
AnySettings = TypeVar("AnySettings", bound="Settings")


def setting(
    default: Any,
    help: str,
    check: Check | None = None,
    shown: str = "",
    *,
    choices: Sequence[str] = (),
    off: str = "",
    repeatable: bool = False,
) -> Any:
    """A field with its line of ``--help``.

    Args:
        default: a list is given as a tuple.
        help: what the setting does.
        check: None passes every check.
        shown: what ``--help`` says of the default; "" shows the value.
        choices: the words that it can be, which ``--help`` lists; they are its check.
        off: of a switch that is on, what the flag that turns it off does.
        repeatable: of a list: a second flag adds values, where that of others replaces them.
    """
    check = one_of(*choices) if choices else check
    metadata = {"help": help, "check": check, "shown": shown, "choices": choices, "off": off, "repeatable": repeatable}
    if isinstance(default, tuple):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def within(lowest: float, highest: float, cure: str) -> Check:
    """A number from ``lowest`` to ``highest``, both included."""
    return lambda value: lowest <= value <= highest, cure


def between(lowest: float, highest: float, cure: str) -> Check:
    """A number above ``lowest`` and below ``highest``."""
    return lambda value: lowest < value < highest, cure


def at_least(lowest: int, cure: str = "") -> Check:
    """A finite number that is not below ``lowest``."""
    return lambda value: lowest <= value < inf, cure or f"use {lowest} or more"


def one_of(*names: str) -> Check:
    """One of a few words."""
    return lambda value: value in names, f"choose one of {', '.join(names)}"


#: Numbers of dimensions to shorten vectors to.
DIMENSIONS: Check = (
    lambda dims: all(dim >= 1 for dim in dims) and len(set(dims)) == len(dims),
    "use numbers of dimensions such as 256 128 64, each once",
)
NUMBER_OR_ALL: Check = (lambda number: number == -1 or number >= 1), "use 1 or more, or -1"
REPOSITORY: Check = is_repository, repository_cure
#: A model or a store: a folder or a Hub id, and no file.
FOLDER_OR_ID: Check = (
    lambda name: (found := local(name)) is None or found.is_dir(),
    "that is a file; name its folder, or a Hub id",
)


#: How many products a cross-encoder reorders.
RERANK_TOP = within(1, 1000, "use 1 to 1000; each product costs a forward pass of the cross-encoder")


@dataclass(frozen=True)
class Settings:
    """Base of the settings of one entry point."""

    def __post_init__(self) -> None:
        """Check every value by itself, before any model or data is touched.

        Raises:
            SettingsError: a value that cannot work.
        """
        for item in fields(self):
            check = item.metadata["check"]
            value = getattr(self, item.name)
            if check and value is not None and not check[0](value):
                self.require(False, item.name, check[1](value) if callable(check[1]) else check[1])

    def require(self, holds: bool, name: str, cure: str) -> None:
        """Refuse the value of a setting unless ``holds``."""
        if not holds:
            value = getattr(self, name)
            shown = str(value) if isinstance(value, Path) else value
            raise SettingsError(f"{_flag(name)} is {shown!r}: {cure}")

    def given(self, *names: str) -> list[str]:
        """The names of settings that do not have their default value, out of ``names``."""
        return [
            item.name for item in fields(self) if item.name in names and getattr(self, item.name) != _default(item)
        ]

    def to_json(self) -> dict[str, object]:
        """{name: value}, of a path only the last part: the folders above it stay private."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        shown = {name: public_name(value) if isinstance(value, str) else value for name, value in values.items()}
        # A folder that is not there yet, such as that of the output, is local too.
        return {name: value.resolve().name if isinstance(value, Path) else value for name, value in shown.items()}


def parse(kind: type[AnySettings], arguments: Sequence[str] | None = None, description: str = "") -> AnySettings:
    """The settings that a command line asks for.

    Args:
        kind: a class of settings.
        arguments: the command line without the program's name; None reads ``sys.argv``.
        description: first lines of ``--help``.

    Raises:
        SettingsError: a value that cannot work.
        SystemExit: ``--help``, or a flag that does not exist.
    """
    parser = Parser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    add_flags(parser, kind)
    words = sys.argv[1:] if arguments is None else arguments
    # --batch_size is taken for --batch-size.
    words = [re.sub(r"^--[\w-]+", lambda flag: flag[0].replace("_", "-"), word) for word in words]
    given, unknown = parser.parse_known_args(words)
    refuse(unknown, kind)
    return from_flags(kind, given)


class Parser(argparse.ArgumentParser):
    """A parser that says in one sentence what is wrong, without the list of all flags."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing.

        Raises:
            SettingsError: always.
        """
        said = re.sub(r"^argument (.+?): invalid (?:int|float) value: (.*)", r"\1 is \2: use a number", message)
        raise SettingsError(f"{said.removeprefix('argument ')}; --help lists all flags")


def refuse(unknown: Sequence[str], kind: type[Settings]) -> None:
    """Refuse words of a command line that are no flag of a class, and name the flag that was probably meant.

    Raises:
        SettingsError: there is such a word.
    """
    if not unknown:
        return
    word = next((word for word in unknown if word.startswith("-")), unknown[0]).partition("=")[0]
    flags = [_flag(item.name) for item in fields(kind)]
    longer = [flag for flag in flags if flag.startswith(word)] if len(word) > 2 else []
    close = longer or difflib.get_close_matches(word, flags, n=1)
    meant = f"did you mean {' or '.join(close)}?" if close else "--help lists all flags"
    raise SettingsError(f"{word} is not a flag of this command: {meant}")


def from_flags(kind: type[AnySettings], given: argparse.Namespace) -> AnySettings:
    """The settings of a parser with the flags of ``add_flags``.

    Raises:
        SettingsError: a value that cannot work.
    """
    values = {item: getattr(given, item.name) for item in fields(kind)}
    # A repeatable flag that is not given is None: argparse would add the values given to the default.
    return kind(
        **{item.name: value for item, value in values.items() if value is not None or not item.metadata["repeatable"]}
    )


def add_flags(parser: argparse.ArgumentParser, kind: type[Settings], but: Sequence[str] = ()) -> None:
    """Give a parser one flag for each setting of a class, ``but`` for some."""
    types = get_type_hints(kind)
    for item in (one for one in fields(kind) if one.name not in but):
        flag, default = _flag(item.name), _default(item)
        options = {
            "default": default,
            "help": f"{item.metadata['help']} (default: {item.metadata['shown'] or _in_words(default)})",
        }
        wanted = types[item.name]
        if wanted is bool:
            # Also with a value, since variables of a Space have one: --share, --share true, --share 0.
            parser.add_argument(flag, nargs="?", const=True, type=_boolean, metavar="on|off", **options)
            if default:
                off = item.metadata["off"]
                parser.add_argument(f"--no-{flag[2:]}", dest=item.name, action="store_false", help=off)
        elif item.metadata["repeatable"]:
            options["default"] = None
            parser.add_argument(flag, nargs="+", action="extend", metavar=_placeholder(item, str), **options)
        elif get_origin(wanted) is list:
            kind_of_one = get_args(wanted)[0]
            parser.add_argument(flag, nargs="+", type=kind_of_one, metavar=_placeholder(item, kind_of_one), **options)
        else:  # X or X | None
            one = next(iter(get_args(wanted)), wanted)
            parser.add_argument(flag, type=one, metavar=_placeholder(item, one), **options)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _placeholder(item: Field[Any], kind: type) -> str:
    """What stands for the value in ``--help``."""
    if item.metadata["choices"]:
        return "|".join(item.metadata["choices"])
    return {int: "N", float: "NUMBER", Path: "PATH"}.get(kind, _flag(item.name)[2:].upper())


def _default(item: Field[Any]) -> Any:
    return item.default if item.default_factory is MISSING else item.default_factory()


def _in_words(default: Any) -> str:
    match default:
        case None | "":
            return "not set"
        case bool():
            return "on" if default else "off"
        case list():
            return " ".join(map(str, default)) or "none"
        case _:
            return str(default)


def _boolean(text: str) -> bool:
    word = text.lower()
    if word in ("1", "true", "t", "yes", "y", "on"):
        return True
    if word in ("0", "false", "f", "no", "n", "off"):
        return False
    raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
