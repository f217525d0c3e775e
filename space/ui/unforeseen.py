"""Requests that Gradio does not expect, and faults of handlers: one line in the log, without what the visitor sent.

Gradio prints 5 to 10 kB of traceback for a request whose function it does not know or that has too few values, and the
values with it. So anyone could fill the log, and it held queries although ``--log-queries`` is off.
"""

import logging
import os
import traceback
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import BlockFunction
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from space.ui.queue_bounds import Places

logger = logging.getLogger(__name__)

REFUSAL = "The page could not answer this request: it may have another form than the page expects."
_PLACES = 6
_MOST = 200
#: Their messages name devices, files and memory; the messages of others quote the value that was wrong.
_QUOTING_NOTHING = (RuntimeError, OSError, MemoryError)


class Page(gr.Blocks):
    """Blocks that log a fault in one line, where ``gr.Blocks`` has it printed with the values of the request.

    Attributes:
        listening: the visits that wait for answers, see ``space.ui.queue_bounds``.
        places: the bounds of the events with ``queue=False``.
    """

    listening: Counter[str]
    places: Places

    async def process_api(self, block_fn: BlockFunction | int, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The same as of ``gr.Blocks``, but every error is a ``gr.Error`` that Gradio does not print.

        An event with ``queue=False`` waits for one of ``places``, unless a program sent it through the queue.
        """
        event = self.fns[block_fn] if isinstance(block_fn, int) else block_fn
        has_waited = event.queue or kwargs.get("event_id")
        waiting = nullcontext() if has_waited else self.places.take(kwargs.get("session_hash"), kwargs.get("request"))
        try:
            async with waiting:
                return await super().process_api(block_fn, *args, **kwargs)
        except gr.Error as error:
            error.print_exception = False
            raise
        except Exception as error:
            log(error)
            raise gr.Error(REFUSAL, print_exception=False) from error


class Unforeseen:
    """ASGI middleware for what happens before a request reaches the queue, such as an unknown function."""

    def __init__(self, app: ASGIApp) -> None:
        """Answers for ``app`` where it raises."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; an exception becomes 500, unless the answer has begun."""
        has_begun = False

        async def watched(message: Message) -> None:
            nonlocal has_begun
            has_begun = has_begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except ClientDisconnect:  # gone while its request arrived, or too slow, see ``space.ui.connections``
            return
        except Exception as error:
            if scope["type"] != "http":
                raise
            log(error)
            if not has_begun:
                await JSONResponse({"detail": REFUSAL}, 500)(scope, receive, send)


def first_lines_of_mcp(record: logging.LogRecord) -> bool:
    """A filter for the root logger, to which the MCP package writes the values of each message that it refuses."""
    if f"{os.sep}mcp{os.sep}" in record.pathname:
        record.msg, record.args, record.exc_info = record.getMessage().partition("\n")[0][:_MOST], None, None
    return True


def log(error: Exception) -> None:
    """Log the type of an exception and the places it came through, innermost first, in one line."""
    steps = reversed(traceback.extract_tb(error.__traceback__)[-_PLACES:])
    places = " < ".join(f"{Path(step.filename).name}:{step.lineno} {step.name}" for step in steps)
    said = f" ({' '.join(str(error).split())[:_MOST]})" if isinstance(error, _QUOTING_NOTHING) else ""
    logger.error("a request failed: %s%s at %s", type(error).__name__, said, places)
