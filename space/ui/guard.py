"""What stands between the network and the page: bounded requests, closed doors, headers. Knows no search.

Gradio opens more addresses than this page needs, some of which write to the disk or hold a connection for as long as
the caller likes; and it reads a request of any size. Nothing here is uploaded, streamed or proxied, so that is closed.
"""

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: The largest honest request is a catalogue of 2 MB, written as base64 or as a JSON text; with room for both.
MAX_REQUEST_BYTES = 6_000_000
#: Below Gradio's prefix. ``custom_component``, ``file=`` and ``mcp`` stay: they read, and only what Gradio allows.
CLOSED = (
    "upload",  # also upload_progress
    "component_server",
    "deep_link",
    "dev/",
    "process_recording",
    "proxy=",
    "run-history",
    "stream/",
    "undo-vibe",
    "vibe",
)
PREFIX = "/gradio_api/"
#: Gradio writes scripts into its page and compiles others at run time, so inline and eval must stay allowed; what is
#: left keeps a foreign script, plug-in, form or base address out. In the frame of a Space the page loads one script
#: from cdnjs. Who may put the page into a frame: itself and the Hub, which is how a Space is shown.
POLICY = "; ".join(
    (
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob: https://cdnjs.cloudflare.com",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self' https://huggingface.co https://*.huggingface.co https://*.hf.space",
    )
)
#: No X-Frame-Options: it knows no list of hosts, and would take the page out of the Space.
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # a link holds the query
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class Guard:
    """ASGI middleware around the whole page."""

    def __init__(self, app: ASGIApp) -> None:
        """``app`` is what is guarded."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on; every answer gets the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        if is_closed(scope["path"]):
            await _refusal(404, "Not found: this page has no such address.")(scope, receive, answer)
            return
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdecimal() or int(length[:20]) > MAX_REQUEST_BYTES:
            await _too_large()(scope, receive, answer)
            return
        read = 0

        async def bounded() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MAX_REQUEST_BYTES:  # a request that does not say its length
                raise HTTPException(413, _TOO_LARGE)
            return message

        await self._app(scope, bounded, answer)


_TOO_LARGE = f"A request has at most {MAX_REQUEST_BYTES:,} bytes; send less."


def is_closed(path: str) -> bool:
    """Whether nothing of this page is at a path, though Gradio would answer there."""
    before, found, rest = path.partition(PREFIX)
    return bool(found) and rest.startswith(CLOSED) or path.lstrip("/").startswith("monitoring")


def _too_large() -> JSONResponse:
    return _refusal(413, _TOO_LARGE)


def _refusal(status: int, text: str) -> JSONResponse:
    return JSONResponse({"detail": text}, status)
