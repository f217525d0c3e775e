"""Names that settings take: Hub repositories with or without a revision, and Milvus addresses."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from space.errors import UserError

DEFAULT_DATASET = "tasksource/esci"
DEFAULT_BASE_MODEL = "intfloat/multilingual-e5-small"
#: The bundled sample, as --dataset names it.
SAMPLE = "sample"


#: A name is a folder of a store and a word of a link.
_ENCODER = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
#: Folders of a store, and systems that are no encoders.
_RESERVED = ("products", "judgments", "bm25", "hybrid", "random", "reranked")


class SettingsError(UserError):
    """A setting that cannot work; the message names the flag, its value and the cure."""


#: What to do about a name that ``is_repository`` refuses.
REPOSITORY_RULE = "name the repository as USER/NAME: letters, digits, - _ and . only, at most 96, no -- or .. or .git"
_REPOSITORY_PART = r"(?=[A-Za-z0-9_])[A-Za-z0-9_.-]{1,96}(?<=[A-Za-z0-9_])"


def is_repository(name: str) -> bool:
    """Whether a name has the form USER/NAME and the Hub takes it: the rules of ``huggingface_hub``."""
    proper = re.fullmatch(f"{_REPOSITORY_PART}/{_REPOSITORY_PART}", name)
    return bool(proper) and "--" not in name and ".." not in name and not name.endswith(".git")


def local(name: str) -> Path | None:
    """The file or folder of that name; None if there is none, and for a text that is too long to be a path."""
    try:
        return Path(name) if Path(name).exists() else None
    except OSError:  # too long, or in a folder that may not be searched
        return None


def repository_cure(name: str) -> str:
    """What to do about a name that ``is_repository`` refuses."""
    found = local(name)
    if found is None:
        return REPOSITORY_RULE
    kind = "folder" if found.is_dir() else "file"
    return f"that is a {kind} of this machine; name the repository on the Hub as USER/NAME"


def hub_id(name: str) -> str | None:
    """The repository of ``ID`` or ``ID@REVISION``; None for a file or a folder."""
    repo = name.partition("@")[0]
    return repo if is_repository(repo) and not name.startswith(".") and not local(name) else None


def public_name(name: str) -> str:
    """A name as it may stand in a card or in a store: of a file or a folder the last part, without those above it."""
    path = Path(name)
    if not name:  # which would be the folder that one is in
        return name
    is_local = path.is_absolute() or name.startswith((".", "~")) or local(name) is not None
    return path.resolve().name if is_local else name


def check_repository(what: str, name: str) -> None:
    """Refuse a name that is not USER/NAME.

    Raises:
        SettingsError: it begins with ``what``, which says where the name comes from.
    """
    if not is_repository(name):
        raise SettingsError(f"{what} is {name!r}: {repository_cure(name)}")


def encoder_fault(name: str) -> str:
    """What is wrong with a name for one of several encoders, with the cure, or ""."""
    if not _ENCODER.fullmatch(name):
        return "use up to 40 lower-case letters, digits, - and _, such as bge-small"
    if name in _RESERVED:
        return f"{', '.join(_RESERVED)} mean something else; take another name"
    return ""


def named_encoders(flag: str, given: Sequence[str], unnamed: str) -> dict[str, str]:
    """{name: id} of a flag that is given as ID or NAME=ID, once or more.

    Args:
        flag: for messages, such as "--model".
        given: its values.
        unnamed: the name of an ID without one.

    Raises:
        SettingsError: a name that cannot be used, or two encoders of one name.
    """
    found: dict[str, str] = {}
    for text in given:
        name, equals, model = ("", "", text) if local(text) else text.partition("=")
        name, model = (name, model) if equals else (unnamed, text)
        fault, place = encoder_fault(name), local(model)
        if not fault and name in found:
            fault = f"{name} is {found[name]!r} already; write NAME=ID with another name"
        elif not fault and place and not place.is_dir():
            fault = "that is a file; name its folder, or a Hub id"
        if fault or not model:
            raise SettingsError(f"{flag} is {text!r}: {fault or 'write NAME=ID, such as mine=saved_e5_model'}")
        found[name] = model
    return found


def split_revision(name: str) -> tuple[str, str | None]:
    """``ID@REVISION`` as (id, revision); a name without ``@``, or an existing folder, has no revision."""
    if local(name) or "@" not in name:
        return name, None
    repo, _, revision = name.rpartition("@")
    if not repo or not revision:
        raise SettingsError(f"{name!r} is not ID@REVISION: write e.g. user/model@main")
    return repo, revision


def is_local(uri: str) -> bool:
    """Whether a Milvus is a file of Milvus Lite rather than a server."""
    return "://" not in uri


def without_secret(uri: str) -> str:
    """The address of a server as it may be shown: without what stands before its last ``@``, and without a query.

    A password may hold any character, also one that ends the host in a proper address, such as ``/``. So the cut is at
    the last ``@``, wherever it stands.
    """
    if is_local(uri) and uri.endswith(".db"):
        return uri
    scheme, slashes, rest = ("", "", uri) if is_local(uri) else uri.partition("://")
    return f"{scheme.rpartition('@')[2]}{slashes}{re.split('[?#]', rest.rpartition('@')[2])[0]}"


class Credentials(NamedTuple):
    """An address in two parts: what may be shown, and the name and password for it, "" without."""

    uri: str
    user: str
    password: str


def credentials(uri: str) -> Credentials:
    """Name and password of a server's address, with their percent-encoding undone."""
    parts = urlsplit(uri)
    return Credentials(without_secret(uri), unquote(parts.username or ""), unquote(parts.password or ""))


def check_milvus(flag: str, uri: str) -> None:
    """Refuse an address that is neither a .db file nor a server; the message does not show a password.

    Raises:
        SettingsError: it names the flag.
    """
    shown = without_secret(uri)
    if is_local(uri) and uri.endswith(".db"):
        return
    is_server, rest = False, ""
    try:
        parts = urlsplit(uri)
        rest = f"{parts.path}{parts.query}{parts.fragment}"
        is_server = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is not a number, or a bracket is open
        rest = rest or uri.partition("[")[2]
    if "@" in rest:
        raise SettingsError(
            f"{flag} is {shown!r}, with a name or password that ends the address too early: percent-encode it, "
            "/ is %2F, ? is %3F, # is %23, @ is %40, [ is %5B, % is %25"
        )
    if not is_server:
        raise SettingsError(f"{flag} is {shown!r}: name a file ending in .db, or a server as http://HOST:19530")
