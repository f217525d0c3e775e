"""Bounds on what waits to be computed, and on answers that were asked for and never collected.

Gradio has one bound for all waiting requests, so a hundred slow ones would keep out everyone. It also keeps every
answer until its visit fetches it. So a program that only asks would fill the memory, half a megabyte for each
comparison of a hundred hits.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs

import gradio as gr
from gradio.queueing import Queue
from starlette.types import ASGIApp, Receive, Scope, Send

from space import i18n
from space.i18n import N_
from space.i18n import gettext as _
from space.search.batching import MAX_BATCH

#: Requests that may wait in Gradio's queue, and as many outside of it: some seconds' work on two cores. Beyond it
#: visitors are told that the page is busy, which is better than an answer that comes after they have left.
MAX_WAITING = 100
#: Seconds that a request outside of the queue may wait. With a reranker on a CPU a hundred take half a minute, and the
#: answer itself may take 15 s more. Nothing is sent meanwhile, and proxies end a silent request after a minute
#: (``proxy_read_timeout`` of nginx). In the queue Gradio sends a heartbeat every 15 s.
PATIENCE = 30.0
#: {group of events, by its ``concurrency_id``: (requests that may wait, and of one visit)}. A table takes up to a
#: minute to embed, an explanation a second. The rest of the queue's places are for searches.
WAITING = {"own": (10, 2), "alone": (40, 8)}
#: Answers of one visit, those still being computed included, in the queue and as many outside of it. So one visit
#: cannot take every place; the page asks for a handful at once.
MOST_OF_A_VISIT = 20
#: Answers of all visits: more than can wait in the queue.
MOST = 500
REFUSAL = f"This visit has {MOST_OF_A_VISIT} answers that it did not collect; collect them first."
BUSY = N_("The page is busy with requests of this kind: try again in a minute.")
LEFT = "The visitor has left."


class Listeners:
    """ASGI middleware that counts the visits that listen for answers.

    Attributes:
        visits: {session hash, or id of an event: open streams}.
    """

    def __init__(self, app: ASGIApp, visits: Counter[str]) -> None:
        """Counts for ``app`` in ``visits``."""
        self._app, self.visits = app, visits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        visit = listens(scope) if scope["type"] == "http" and scope["method"] == "GET" else ""
        if not visit:
            await self._app(scope, receive, send)
            return
        self.visits[visit] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self.visits[visit] -= 1
            if not self.visits[visit]:
                del self.visits[visit]


def listens(scope: Scope) -> str:
    """For whose answers a request waits: a visit, or one event of ``/call/NAME/EVENT``; "" for any other request."""
    path = scope["path"].rstrip("/")
    if path.endswith("/queue/data"):
        return next(iter(parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [])), "")
    before, _, event = path.rpartition("/")
    return event if "/call/" in before else ""


class QueueBounds:
    """Refuses a group of events whose places are taken, and a visit with too many uncollected answers.

    Beyond ``MOST`` answers the visit that asked first loses its answers, unless it listens for them or they are not
    computed yet.

    Gradio 6.31 has no setting for this: ``max_size`` counts only what waits to be computed. So this takes the place of
    ``Queue.push``, through which every question goes, and reads what waits and what is not collected. If a later
    version renames one of these, tests/test_queue_bounds.py says so.

    Args:
        queue: of the page.
        listening: see ``Listeners``.
    """

    def __init__(self, queue: Queue, listening: Counter[str]) -> None:
        """Bounds ``queue`` from now on."""
        self._queue, self._listening, self._push = queue, listening, queue.push
        self._messages, self._expected = queue.pending_messages_per_session, queue.pending_event_ids_session
        queue.push = self._join

    async def _join(self, body: Any, request: Any, username: Any) -> tuple[bool, Any, str]:
        visit = body.session_hash
        if len(self._expected.get(visit, ())) >= MOST_OF_A_VISIT:
            return False, REFUSAL, "queue_full"
        if self._is_taken(body) or not self._has_room():
            return False, BUSY, "queue_full"
        joined = await self._push(body=body, request=request, username=username)
        if visit in self._messages:
            self._messages.move_to_end(visit)
        return joined

    def _is_taken(self, body: Any) -> bool:
        group = getattr(self._queue.blocks.fns.get(body.fn_index), "concurrency_id", None)
        if group not in WAITING or group not in self._queue.event_queue_per_concurrency_id:
            return False
        waiting = self._queue.event_queue_per_concurrency_id[group].queue
        in_all, of_a_visit = WAITING[group]
        return len(waiting) >= in_all or sum(e.session_hash == body.session_hash for e in waiting) >= of_a_visit

    def _has_room(self) -> bool:
        """Whether another answer can be kept, after dropping old ones."""
        for gone in self._expected.keys() - self._messages.keys():  # closed while an answer was made
            del self._expected[gone]
        while sum(map(len, self._expected.values())) >= MOST:
            needed = self._computed_for()
            oldest = next((one for one in self._messages if one not in needed and not self._listening[one]), None)
            if oldest is None:
                return False
            self._messages.pop(oldest)
            self._expected.pop(oldest, None)
        return True

    def _computed_for(self) -> set[str]:
        """The visits of all that waits or is being computed."""
        queues, jobs = self._queue.event_queue_per_concurrency_id.values(), self._queue.active_jobs
        return {event.session_hash for queue in queues for event in queue.queue} | {
            event.session_hash for job in jobs for event in job or ()
        }


class Places:
    """The bounds of what the page answers outside of Gradio's queue: as many at a time as the engine has in one batch.

    The answer to such a question comes with its request, so there is none to collect. A visitor who leaves while the
    question waits makes room for others at once.

    Attributes:
        visits: {session hash: questions that wait or are being answered}.
    """

    def __init__(self) -> None:
        """Nothing is asked."""
        self._places = asyncio.Semaphore(MAX_BATCH)
        self.visits: Counter[str | None] = Counter()

    @asynccontextmanager
    async def take(self, visit: str | None, request: gr.Request | None) -> AsyncIterator[None]:
        """Wait for a place and keep it.

        Args:
            visit: session hash, or None.
            request: of the visitor, or None in a test.

        Raises:
            gr.Error: too many questions, in all or of this visit; no place within ``PATIENCE``; the visitor has left.
        """
        if self.visits.total() >= MAX_BATCH + MAX_WAITING or self.visits[visit] >= MOST_OF_A_VISIT:
            raise _busy(request)
        self.visits[visit] += 1
        try:
            if self._places.locked():
                await self._wait(request)
            else:
                await self._places.acquire()
            try:
                yield
            finally:
                self._places.release()
        finally:
            self.visits[visit] -= 1
            if not self.visits[visit]:
                del self.visits[visit]

    async def _wait(self, request: gr.Request | None) -> None:
        has_left = False

        async def watch() -> None:
            nonlocal has_left
            while (await request.request.receive())["type"] != "http.disconnect":
                pass
            has_left = True
            if not patience.expired():
                patience.reschedule(0)

        try:
            async with asyncio.timeout(PATIENCE) as patience:
                watching = asyncio.create_task(watch()) if request else None
                try:
                    await self._places.acquire()
                finally:
                    if watching:
                        watching.cancel()
        except TimeoutError as error:
            raise (gr.Error(LEFT, print_exception=False) if has_left else _busy(request)) from error


def _busy(request: gr.Request | None) -> gr.Error:
    """The refusal in the language of the browser."""
    spoken = request.headers.get("accept-language") if request else None
    with i18n.language(i18n.preferred(spoken)):
        return gr.Error(_(BUSY), print_exception=False)
