"""Names that settings take: Hub repositories with or without a revision, and Milvus addresses."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from space.errors import UserError

DEFAULT_DATASET = "tasksource/esci"
DEFAULT_BASE_MODEL = "intfloat/multilingual-e5-small"
#: The bundled sample, as --dataset names it.
SAMPLE = "sample"


class SettingsError(UserError):
    """A setting that cannot work; the message names the flag, its value and the cure."""


def is_repository(name: str) -> bool:
    """Whether a name has the form USER/NAME."""
    return bool(re.fullmatch(r"[\w.-]+/[\w.-]+", name))


def hub_id(name: str) -> str | None:
    """The repository of ``ID`` or ``ID@REVISION``; None for a file or a folder."""
    repo = name.partition("@")[0]
    return repo if is_repository(repo) and not name.startswith(".") and not Path(name).exists() else None


def check_repository(what: str, name: str) -> None:
    """Refuse a name that is not USER/NAME.

    Raises:
        SettingsError: it begins with ``what``, which says where the name comes from.
    """
    if not is_repository(name):
        raise SettingsError(f"{what} is {name!r}: name the repository as USER/NAME")


def split_revision(name: str) -> tuple[str, str | None]:
    """``ID@REVISION`` as (id, revision); a name without ``@``, or an existing folder, has no revision."""
    if Path(name).exists() or "@" not in name:
        return name, None
    repo, _, revision = name.rpartition("@")
    if not repo or not revision:
        raise SettingsError(f"{name!r} is not ID@REVISION: write e.g. user/model@main")
    return repo, revision


def is_local(uri: str) -> bool:
    """Whether a Milvus is a file of Milvus Lite rather than a server."""
    return "://" not in uri


def without_secret(uri: str) -> str:
    """A Milvus address as it may be shown: without the user and the password before its ``@``."""
    if is_local(uri) and uri.endswith(".db"):
        return uri
    scheme, slashes, rest = ("", "", uri) if is_local(uri) else uri.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{slashes}{host.rpartition('@')[2]}{slash}{path}"


def check_milvus(flag: str, uri: str) -> None:
    """Refuse an address that is neither a .db file nor a server; the message does not show a password."""
    try:
        is_server = uri.startswith(("http://", "https://")) and urlsplit(uri).port != 0
    except ValueError:  # the port is not a number
        is_server = False
    if not (is_server or (is_local(uri) and uri.endswith(".db"))):
        shown = without_secret(uri)
        raise SettingsError(f"{flag} is {shown!r}: name a file ending in .db, or a server as http://HOST:19530")
