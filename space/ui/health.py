"""``/healthz``: whether the engine answers, for monitoring.

While the engine is loading nothing listens on the port, so a check then gets no connection.
"""

import asyncio
import logging
import time

from starlette.requests import Request
from starlette.responses import JSONResponse

from space.search.engine import SearchEngine

logger = logging.getLogger(__name__)

#: Seconds for which an answer is repeated, so that frequent checks put no load on the engine.
KEPT_SECONDS = 5.0
PATIENCE_SECONDS = 10.0


class Health:
    """Asks each system of an engine for one product, and reports whether all of them answered."""

    def __init__(
        self, engine: SearchEngine, *, kept: float = KEPT_SECONDS, patience: float = PATIENCE_SECONDS
    ) -> None:
        """Asks nothing yet."""
        self._engine, self._kept, self._patience = engine, kept, patience
        self._asked, self._asking = 0.0, None

    async def answer(self, request: Request) -> JSONResponse:
        """200 and ``{"ready": true}``, or 503 and false: a system failed, or did not answer in time."""
        now = time.monotonic()
        if self._asking is None or (self._asking.done() and now - self._asked > self._kept):
            self._asked, self._asking = now, asyncio.ensure_future(asyncio.to_thread(self._ask))
        # One check at a time: threads would pile up behind an engine that hangs.
        await asyncio.wait({self._asking}, timeout=self._patience)
        ready = self._asking.done() and self._asking.exception() is None
        if not ready:
            why = self._asking.exception() if self._asking.done() else f"no answer in {self._patience:g} s"
            logger.warning("not ready: %s", why)
        return JSONResponse({"ready": ready}, 200 if ready else 503, {"cache-control": "no-store"})

    def _ask(self) -> None:
        for system in self._engine.systems.values():
            # On ZeroGPU a check of the encoders would use up GPU time of visitors.
            if not (self._engine.gpu_per_call and system.dense):
                system.retrieve(["ready"], 1)
