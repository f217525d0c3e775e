"""Bounds on connections: how many there are, how long a request may take to arrive, and an answer to be read.

Uvicorn waits without end for a request that never comes, so a thousand silent connections would use up all files. It
keeps an answer that is never read, so a thousand of those would fill the memory.
"""

import asyncio
import contextlib
import logging
import socket
import struct
import sys
import time
from typing import Any

logger = logging.getLogger(__name__)

#: Connections at a time; each takes up to 50 KB. A visitor's browser has two to six.
MOST = 4_000
#: Open files that are no connections: those of the store, models, libraries.
OTHER_FILES = 200
#: Seconds within which a request has to arrive and an answer to be read, and one more for every ``BYTES_A_SECOND``.
SECONDS, BYTES_A_SECOND = 20.0, 1_000
#: Seconds between two looks at a connection.
INTERVAL = 2.0
#: Bytes of an answer that the system keeps on their way.
SENT_AHEAD = 256_000
_AT_ONCE = struct.pack("ii", 1, 0)


def raise_file_limit() -> int:
    """Allow this process as many open files as it needs, as far as it may; returns how many connections fit."""
    if sys.platform == "win32":  # it has no such limit
        return MOST
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        wanted = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(ValueError, OSError):  # a sandbox that forbids it
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return MOST if soft == resource.RLIM_INFINITY else max(1, min(MOST, soft - OTHER_FILES))


class Crowd:
    """The open connections, and those that have sent no whole request yet.

    Of too many the one that has waited longest without a request is closed, else the new one. So silent connections
    keep no visitor out.

    Args:
        most: connections at a time.
    """

    def __init__(self, most: int) -> None:
        """Nothing is open."""
        self._most, self._told = most, False
        self._open: set[Any] = set()
        self._silent: dict[Any, None] = {}  # the oldest first

    def enter(self, connection: Any) -> None:
        """A new connection, which may cost the oldest silent one its place."""
        self._open.add(connection)
        self._silent[connection] = None
        if len(self._open) <= self._most:
            return
        if not self._told:
            self._told = True
            logger.warning("%d connections are open: those without a request are closed from now on", self._most)
        oldest = next(iter(self._silent))
        self.leave(oldest)
        oldest.transport.abort()

    def asked(self, connection: Any) -> None:
        """A whole request has arrived."""
        self._silent.pop(connection, None)

    def leave(self, connection: Any) -> None:
        """A connection is closed."""
        self._open.discard(connection)
        self._silent.pop(connection, None)


class Reading:
    """How fast an answer is read that did not fit on its way.

    Args:
        transport: of the connection; the system keeps ``SENT_AHEAD`` bytes of its answers from now on.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        """Nothing waits."""
        self._transport, self._socket = transport, transport.get_extra_info("socket")
        self._begun: float | None = None
        self._waiting = 0
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SENT_AHEAD)

    def pause(self) -> None:
        """Too much of an answer waits."""
        self._begun, self._waiting = time.monotonic(), self._unread()[0]

    def resume(self) -> None:
        """It goes on."""
        self._begun = None

    def is_late(self) -> bool:
        """Whether what waits is read too slowly, or not at all."""
        if self._begun is None:
            return False
        unread, ahead = self._unread()
        allowed = SECONDS + (max(0, self._waiting - unread) + ahead) / BYTES_A_SECOND
        return time.monotonic() - self._begun > allowed

    def end(self) -> None:
        """Close the connection, and let the system forget what is on its way."""
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        self._transport.abort()

    def _unread(self) -> tuple[int, int]:
        """Bytes that wait here and in the system, and how many may be on their way without being seen."""
        here = self._transport.get_write_buffer_size()
        try:
            import fcntl  # neither is there on Windows
            import termios

            return here + struct.unpack("i", fcntl.ioctl(self._socket, termios.TIOCOUTQ, b"0000"))[0], 0
        except (ImportError, AttributeError, OSError):  # not Linux
            return here, SENT_AHEAD


def bounded(protocol: type[Any], most: int) -> type[Any]:
    """Uvicorn's protocol class with bounds, see ``Crowd`` and ``SECONDS``.

    Args:
        protocol: ``http_protocol_class`` of a loaded ``uvicorn.Config``. Uvicorn has no setting for these bounds. Read
            of it, beside asyncio's own methods, is ``cycle``, the last request whose head arrived, and its
            ``more_body``; tests/test_connections.py fails if another version names them differently.
        most: connections at a time.
    """
    crowd = Crowd(most)

    class Bounded(protocol):  # type: ignore[misc, valid-type]
        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            self._since: float | None = time.monotonic()  # None between two requests, and while one is answered
            self._received, self._arrived = 0, None
            self._reading = Reading(transport)
            self._look = asyncio.get_running_loop().call_later(INTERVAL, self._watch)
            crowd.enter(self)

        def connection_lost(self, error: Exception | None) -> None:
            self._look.cancel()
            crowd.leave(self)
            super().connection_lost(error)

        def data_received(self, data: bytes) -> None:
            if self._since is None:
                self._since, self._received = time.monotonic(), 0
            self._received += len(data)
            super().data_received(data)
            if self.cycle is not None and self.cycle is not self._arrived and not self.cycle.more_body:
                self._arrived, self._since = self.cycle, None
                crowd.asked(self)

        def pause_writing(self) -> None:
            super().pause_writing()
            self._reading.pause()

        def resume_writing(self) -> None:
            super().resume_writing()
            self._reading.resume()

        def _watch(self) -> None:
            allowed = SECONDS + self._received / BYTES_A_SECOND
            late = self._since is not None and time.monotonic() - self._since > allowed
            if late or self._reading.is_late():
                self._reading.end()
            else:
                self._look = asyncio.get_running_loop().call_later(INTERVAL, self._watch)

    return Bounded
