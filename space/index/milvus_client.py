"""Connects to Milvus: the client, its errors in a sentence, and facts about collections.

Only ``space.index`` imports pymilvus, and only when Milvus is asked for.
"""

import logging
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from space.errors import ServiceError, listed
from space.settings.names import credentials, is_local, without_secret

#: Fields of a collection with the row number, its primary key, and the vector; vectors are compared by inner product.
KEY, VECTOR, METRIC = "row", "vector", "IP"
#: Stands for "no price" and "no rating"; servers before 2.5 have no null.
NO_NUMBER = -sys.float_info.max
#: {type of index: (parameters to build it, parameters to search it)}. FLAT compares all rows. The other two compare
#: some: HNSW along a graph over float32 vectors, IVF_SQ8 in cells of int8 codes.
KINDS: dict[str, tuple[dict[str, int], dict[str, int]]] = {
    "FLAT": ({}, {}),
    "HNSW": ({"M": 16, "efConstruction": 200}, {"ef": 128}),
    "IVF_SQ8": ({"nlist": 1024}, {"nprobe": 64}),
}
#: Seconds until a request is given up; by default pymilvus tries for minutes.
PATIENCE = 10.0
INSTALL = "pip install -r requirements-milvus.txt"


class MilvusError(ServiceError):
    """Milvus cannot be used; the message says why, and the cure."""


class MilvusConnection(NamedTuple):
    """An open connection.

    Attributes:
        uri: a file ending in .db, for Milvus Lite in this process, or http(s)://….
        client: a ``pymilvus.MilvusClient``.
    """

    uri: str
    client: Any

    @property
    def name(self) -> str:
        """The address without its password."""
        return without_secret(self.uri)


def connect(uri: str) -> MilvusConnection:
    """Connect to a server, or open a file.

    Raises:
        MilvusError: pymilvus is not installed, nothing answers there, or access is refused.
    """
    pymilvus = package()
    # They log tracebacks of errors that are raised here with a sentence. Importing pymilvus sets its own levels.
    for name in ("pymilvus", "pymilvus.milvus_client", "milvus_lite"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if is_local(uri):
        Path(uri).parent.mkdir(parents=True, exist_ok=True)
        try:
            return MilvusConnection(uri, pymilvus.MilvusClient(uri, timeout=PATIENCE))
        except pymilvus.MilvusException as error:
            raise MilvusError(
                f"{uri} cannot be opened: another process uses it (Milvus Lite allows one), or it is not a Milvus file"
            ) from error
    address, user, password = credentials(uri)
    # Apart from the address, which pymilvus logs, and without percent-encoding, which pymilvus 3.0 does not undo.
    token = f"{user}:{password}" if password else user
    with answering(uri):
        return MilvusConnection(uri, pymilvus.MilvusClient(address, token=token, timeout=PATIENCE))


def package() -> Any:
    """The module pymilvus, imported here so that it is not needed without Milvus.

    Raises:
        MilvusError: it, or milvus-lite for local files, is not installed.
    """
    try:
        import milvus_lite  # noqa: F401
        import pymilvus
    except ImportError as error:
        raise MilvusError(f"Milvus needs the packages pymilvus and milvus-lite ({error}): {INSTALL}") from error
    return pymilvus


@contextmanager
def answering(uri: str) -> Iterator[None]:
    """Turn errors of Milvus inside the ``with`` into ``MilvusError``, without the password of the address."""
    pymilvus = package()
    import grpc  # pymilvus lets some of its errors through

    try:
        yield
    except (pymilvus.MilvusException, grpc.RpcError) as error:
        said = error.message if isinstance(error, pymilvus.MilvusException) else error.details() or repr(error.code())
        for secret in _secrets(uri):
            said = said.replace(secret, "…")
        if "No space left on device" in said:
            said += "; free space on the disk of the server, and start it again if it has stopped"
        raise MilvusError(f"Milvus at {without_secret(uri)} says: {said}") from None


def _secrets(uri: str) -> list[str]:
    """What an error may not repeat, the longest first: name and password, as they are typed and as they are meant."""
    if is_local(uri):
        return []
    parts, plain = urlsplit(uri), credentials(uri)
    found = {parts.netloc.rpartition("@")[0], parts.username, parts.password, plain.user, plain.password}
    return sorted({*found, f"{plain.user}:{plain.password}"} - {None, "", ":"}, key=len, reverse=True)


def others(place: MilvusConnection, names: Collection[str]) -> str:
    """The names of up to five other collections of stores than ``names``, for a message; "" if there are none."""
    ours = {*names, *map(unfinished, names)}
    found = sorted(
        one for one in place.client.list_collections(timeout=PATIENCE) if one.startswith("e5_") and one not in ours
    )
    return listed(found)


def count(place: MilvusConnection, name: str, below: int | None = None) -> int:
    """Distinct rows of a loaded collection, the last ones written too; with ``below`` only rows 0 to ``below - 1``."""
    some = "" if below is None else f"{KEY} >= 0 and {KEY} < {below}"
    found = place.client.query(name, filter=some, output_fields=["count(*)"], timeout=60, consistency_level="Strong")
    return int(found[0]["count(*)"])


def unfinished(name: str) -> str:
    """The name of a collection until it is complete."""
    return f"{name}_loading"


def kind_of(place: MilvusConnection, name: str) -> str:
    """Which of ``KINDS`` indexes the vectors of a collection."""
    return str(place.client.describe_index(name, VECTOR, timeout=PATIENCE)["index_type"])
