"""Which names a page may be asked by, and from which sites.

A page on 127.0.0.1 is for the people of that machine. Another site can lead its own name there (DNS rebinding), and
then reads the page as its own. So a page that listens on the machine itself answers to the machine's names only.
"""

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from space.ui.address import plain

#: The names of public links that ``--share`` gives.
SHARED = ".gradio.live"
#: Sites that may ask the MCP server of a public page from a browser.
HUB = (".huggingface.co", ".hf.space")
MCP = "/gradio_api/mcp"


class Hosts:
    """ASGI middleware that refuses requests under a foreign name, and MCP requests of foreign sites.

    Args:
        app: the page.
        host: the address it listens on; "" is any.
        root_path: the path, or the whole address, at which a proxy shows the page. With a path alone the proxy's name
            is not known, so every name is accepted.
        share: whether it has a public link.
    """

    def __init__(self, app: ASGIApp, host: str = "", root_path: str = "", share: bool = False) -> None:
        """Answers for ``app``."""
        proxy = urlsplit(root_path).hostname
        self._app = app
        self._local = is_loopback(plain(host)) and (bool(proxy) or not root_path)
        self._names = {proxy} if proxy else set()
        self._suffixes = (".localhost", *([SHARED] if share else []))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request or pass it on."""
        if scope["type"] == "http" and (reason := self._refusal(scope)):
            await JSONResponse({"detail": reason}, 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> str:
        headers = Headers(scope=scope)
        host, origin = hostname(headers.get("host", "")), headers.get("origin")
        if self._local and host and not self._is_ours(host):
            return (
                f"This page is for its own machine, and not for {host[:100]!r}. Behind a proxy, start it with "
                f"--root-path https://{host[:100]}; for other machines, with --host 0.0.0.0."
            )
        if origin is not None and MCP in scope["path"]:
            asking = hostname(origin.partition("://")[2])
            # Anyone can have a site on the Hub, so a local page does not trust it, and a link of --share only itself.
            same = asking == host and self._is_ours(host)
            if not self._local:
                forwarded = hostname(headers.get("x-forwarded-host", ""))
                same = asking in (host, forwarded) or f".{asking}".endswith(HUB)
            if not (same or asking in self._names or is_loopback(asking)):
                return "The MCP server answers programs, its own site and the Hub, and no other site."
        return ""

    def _is_ours(self, name: str) -> bool:
        return name in self._names or is_loopback(name) or name.endswith(self._suffixes)


def hostname(host: str) -> str:
    """The name in a Host header, in small letters and without port and brackets; "" for none or a broken one."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return host


def is_loopback(host: str) -> bool:
    """Whether a name, or an address without brackets, stands for the machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
