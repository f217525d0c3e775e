"""Middleware that protects the page: a limit for requests, closed addresses, security headers.

Gradio reads requests of any size, and serves addresses that this page does not need. Some of them write to the disk or
hold a connection as long as the caller likes. The page uploads, streams and proxies nothing, so these are closed.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: The largest request of the page is a catalogue of 2 MB as base64 or JSON text.
MAX_REQUEST_BYTES = 6_000_000
TOO_LARGE = f"A request has at most {MAX_REQUEST_BYTES:,} bytes; send less."
#: Below Gradio's prefix. ``file=`` would also fetch public addresses; ``custom_component`` prints what it is asked.
CLOSED = (
    "upload",  # also upload_progress
    "component_server",
    "custom_component",
    "deep_link",
    "dev/",
    "file",
    "process_recording",
    "proxy=",
    "run-history",
    "stream/",
    "undo-vibe",
    "vibe",
)
PREFIX = "/gradio_api/"
#: Gradio puts scripts into its page and compiles others at run time, so inline and eval must stay allowed. Scripts,
#: plug-ins, forms and base addresses of other sites are not. On a Space the page loads one script from cdnjs, and the
#: Hub shows the page in a frame.
POLICY = (
    "img-src 'self' data: blob: {images}",
    "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob: https://cdnjs.cloudflare.com",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'self' https://huggingface.co https://*.huggingface.co https://*.hf.space",
)


def headers(frame_ancestors: Sequence[str] = (), images: bool = True) -> dict[str, str]:
    """The security headers of every answer.

    Args:
        frame_ancestors: further sites that may show the page in a frame, such as ``https://shop.example``.
        images: whether browsers may load pictures from other sites, over https.
    """
    # Without X-Frame-Options, which takes no list of hosts and would remove the page from the Space.
    return {
        "content-security-policy": "; ".join((*POLICY[:-1], " ".join((POLICY[-1], *frame_ancestors)))).format(
            images="https:" if images else ""
        ),
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",  # the address holds the query
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    }


class Guard:
    """ASGI middleware around the whole page.

    Args:
        app: the page.
        frame_ancestors: see ``headers``.
        images: see ``headers``.
        root_path: the path at which a proxy shows the page. Some proxies take it off before they pass a request on,
            others do not; both work.
    """

    def __init__(
        self, app: ASGIApp, frame_ancestors: Sequence[str] = (), root_path: str = "", images: bool = True
    ) -> None:
        """Protects ``app``."""
        self._app, self._headers = app, headers(frame_ancestors, images)
        self._prefix = urlsplit(root_path).path.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request or pass it on; every answer gets the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        if self._prefix and f"{scope['path']}/".startswith(f"{self._prefix}/"):
            scope = {**scope, "path": scope["path"].removeprefix(self._prefix) or "/"}

        if is_closed(scope["path"]):
            await _refusal(404, "Not found: this page has no such address.")(scope, receive, answer)
            return
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdecimal() or int(length[:20]) > MAX_REQUEST_BYTES:
            await _refusal(413, TOO_LARGE)(scope, receive, answer)
            return
        read = 0

        async def bounded() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MAX_REQUEST_BYTES:  # a request without content-length
                raise HTTPException(413, TOO_LARGE)
            return message

        await self._app(scope, bounded, answer)


def is_closed(path: str) -> bool:
    """Whether a path is one that Gradio would answer and this page does not need."""
    before, found, rest = path.partition(PREFIX)
    return bool(found) and rest.startswith(CLOSED) or path.lstrip("/").startswith("monitoring")


def _refusal(status: int, text: str) -> JSONResponse:
    return JSONResponse({"detail": text}, status)
