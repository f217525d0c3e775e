"""The address that the page listens on: checked before models are loaded, which takes minutes for a large store."""

import errno
import ipaddress
import os
import socket

from space.settings.names import SettingsError

_CURES = {
    errno.EADDRINUSE: "--port is {port}: another program listens there; name another port, or 0 for a free one",
    errno.EACCES: "--port is {port}: this user may not listen there; use 1024 or more",
}


def plain(host: str) -> str:
    """A host without the brackets that an IPv6 address has in a link: ``[::1]`` is ``::1``."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def for_gradio(host: str) -> str:
    """A host as Gradio needs it: it puts the name into a link as it stands, so an IPv6 address needs brackets."""
    try:
        return f"[{plain(host)}]" if ipaddress.ip_address(plain(host)).version == 6 else plain(host)
    except ValueError:  # a name
        return host


def require_free(host: str, port: int) -> None:
    """Listen on an address for a moment.

    Args:
        host: a name or an address, with or without brackets.
        port: 0 is a free one.

    Raises:
        SettingsError: the address is not one of this machine, or the port is in use.
    """
    unknown = f"--host is {host!r}: no address of this machine; use 127.0.0.1, or 0.0.0.0 or :: for all of them"
    if "%" in host:
        raise SettingsError(f"--host is {host!r}: leave out the zone behind %, or use :: for all addresses")
    try:
        found = socket.getaddrinfo(plain(host), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # Gradio 6.31 looks for a free port on 127.0.0.1, wherever the page listens.
        for family, address in [*((item[0], item[4]) for item in found), (socket.AF_INET, ("127.0.0.1", port))]:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                if os.name == "posix":  # elsewhere this would take the port from the other program
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(address)
    except (OSError, UnicodeError) as error:
        number = error.errno if isinstance(error, OSError) else None
        raise SettingsError(_CURES.get(number or 0, unknown).format(port=port)) from error
