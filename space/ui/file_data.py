"""No request names a file: Gradio would fetch any public address that one names, and serve it to everyone.

Gradio takes an object such as ``{"path": "http://…", "meta": {"_type": "gradio.FileData"}}`` for a file, at any depth
of any value, even in the place of a text. No event and no endpoint of this page takes one: "Try your own" sends the
content of its table as text.
"""

import json
from typing import Any, NoReturn

from gradio import processing_utils
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NO_FILES = "A request names no files and no addresses: this page takes texts and numbers only."
NO_JSON = "A request has a body of JSON."


class NoFileData:
    """ASGI middleware that reads the JSON of every request before Gradio does."""

    def __init__(self, app: ASGIApp) -> None:
        """Protects ``app``."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request with file data or without JSON; pass on what was read of any other."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            body = await _read(receive)
            if body is None:  # the client has left
                return
            if body:
                check(body)
        except HTTPException as error:
            await JSONResponse({"detail": error.detail}, error.status_code)(scope, receive, send)
            return
        is_passed = False

        async def passed() -> Message:
            nonlocal is_passed
            if is_passed:
                return await receive()
            is_passed = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, passed, send)


async def _read(receive: Receive) -> bytes | None:
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def check(body: bytes) -> None:
    """Look at every object of a request.

    Raises:
        HTTPException: 400, no JSON, or an object in it that Gradio would take for a file.
    """
    try:
        json.loads(body, object_hook=_no_file)  # as FastAPI reads it: UTF-8, 16 or 32, of equal keys the last
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, NO_JSON) from error


def _no_file(found: dict[str, Any]) -> None:
    # Gradio asks for both keys and for the type below "meta". Other forms of them end in an AttributeError there.
    if ("path" in found and "meta" in found) or found.get("_type") == "gradio.FileData":
        raise HTTPException(400, NO_FILES)


def switch_downloads_off() -> None:
    """Let Gradio fetch nothing in this process, should a later version find file data where ``NoFileData`` does not.

    Gradio 6.31 has no setting for it. Every download of a component goes through these two functions; if a later
    version renames them, ``tests/test_file_data.py`` says so.
    """
    processing_utils.async_ssrf_protected_get = _refuse
    processing_utils.unsafe_download = _refuse


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise PermissionError("this page downloads nothing")
