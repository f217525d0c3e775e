"""Visitors over HTTP: those of the page, who search outside of Gradio's queue, and programs, which use it."""

import asyncio
import json
import math
import random
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from typing import Any, Protocol
from urllib.parse import quote

import httpx

from space.ui.queue_bounds import BUSY

QUERIES = (
    "red running shoes",
    "something to keep coffee hot",
    "cellphone",
    "gift for a gardener",
    "wireless keyboard",
)
#: Mean seconds between two searches of a visitor.
PAUSE = 1.0
#: Share of searches after which a visitor leaves, and seconds within which, answered or not.
LEAVING, LEFT_WITHIN = 0.05, 0.5


class Way(Protocol):
    """How visitors ask. Outcomes are "arrived", "answered", "busy", or a word for what was wrong."""

    def visit(self, client: httpx.AsyncClient, name: str) -> AbstractAsyncContextManager[str | None]:
        """Come, and stay until the context ends; the outcome of coming, None if nothing was asked for it."""

    async def ask(self, client: httpx.AsyncClient, name: str, query: str) -> str:
        """The outcome of one comparison."""


class Page:
    """Sends what the page's own script sends in a browser, on the Compare tab.

    Args:
        config: settings of the page, from ``/config``.
        line: kilobytes a second at which answers are read.
    """

    def __init__(self, config: dict[str, Any], line: float = math.inf) -> None:
        """Finds the events of an arrival and of the button."""
        self._bytes_a_second = 1e3 * line
        events, values = config["dependencies"], {one["id"]: one["props"].get("value") for one in config["components"]}
        self._arrival = next(event for event in events if event["api_name"] == "arrive")
        # In the browser the button writes the values of the form into a component, whose change asks the server.
        button = next(
            event
            for event in events
            if '"systems"' in (event["js"] or "") and {"click", "submit"} <= {kind for _part, kind in event["targets"]}
        )
        names = json.loads(re.search(r"const names = (\[.*?\])", button["js"])[1])
        self._form = {name: values[part] or "" for name, part in zip(names, button["inputs"], strict=True)}
        asks = [[button["outputs"][0], "change"]]
        self._comparison = next(event for event in events if event["targets"] == asks)

    @asynccontextmanager
    async def visit(self, client: httpx.AsyncClient, name: str) -> AsyncIterator[str]:
        """Open the page, keep its heartbeat, and ask for what it shows first."""
        page = await client.get("", params={"tab": "compare"})
        async with client.stream("GET", f"gradio_api/heartbeat/{name}") as heartbeat:
            if page.status_code == heartbeat.status_code == 200:
                yield await self._send(client, name, self._arrival, [None, time.monotonic() * 1e3], "arrived")
            else:
                yield f"page {page.status_code}, heartbeat {heartbeat.status_code}"

    async def ask(self, client: httpx.AsyncClient, name: str, query: str) -> str:
        """The outcome of one comparison; "another answer" if it is not one to this query."""
        form = self._form | {"query": query, "asked_at": time.monotonic() * 1e3}
        return await self._send(client, name, self._comparison, [None, form, None], "answered", f"?q={quote(query)}&")

    async def _send(
        self, client: httpx.AsyncClient, name: str, event: dict[str, Any], data: list[Any], good: str, link: str = ""
    ) -> str:
        body = {"data": data, "event_data": None, "fn_index": event["id"], "trigger_id": event["targets"][0][0]}
        start, parts = time.monotonic(), []
        async with client.stream(
            "POST",
            "gradio_api/run/predict",
            params={"tab": "compare"},
            headers={"x-gradio-user": "app"},
            json=body | {"session_hash": name},
        ) as answer:
            async for part in answer.aiter_bytes():
                parts.append(part)
                arrives = answer.num_bytes_downloaded / self._bytes_a_second
                await asyncio.sleep(arrives - (time.monotonic() - start))
        if answer.status_code == 200:
            # The results begin with a link to themselves.
            return good if link in str(json.loads(b"".join(parts))["data"][-1]) else "another answer"
        if answer.status_code == 500 and json.loads(b"".join(parts)).get("error") == BUSY:
            return "busy"
        return f"status {answer.status_code}"


class Queue:
    """Calls the endpoint ``/compare`` and waits in Gradio's queue, as programs do, and the page's searches on ZeroGPU.

    Args:
        config: settings of the page, from ``/config``.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        """Finds the endpoint."""
        self._number = next(event["id"] for event in config["dependencies"] if event["api_name"] == "compare")

    @asynccontextmanager
    async def visit(self, client: httpx.AsyncClient, name: str) -> AsyncIterator[None]:
        """A program opens no page."""
        yield

    async def ask(self, client: httpx.AsyncClient, name: str, query: str) -> str:
        """The outcome of one comparison."""
        data = [query, 10, *[""] * 4, *[None] * 3, "", ""]
        body = {"data": data, "fn_index": self._number, "session_hash": name}
        joined = await client.post("gradio_api/queue/join", json=body)
        if joined.status_code != 200:
            return "busy" if joined.status_code == 503 else f"status {joined.status_code}"
        event = joined.json()["event_id"]
        async with client.stream("GET", f"gradio_api/queue/data?session_hash={name}") as answer:
            async for line in answer.aiter_lines():
                if "process_completed" in line and event in line:
                    return "answered" if json.loads(line.partition(":")[2])["success"] else "failed"
        return "cut"


class Traffic:
    """Visitors who search and pause, and what they were told.

    Args:
        way: how they ask.
        seed: of their queries and pauses.
        new: ask no query twice.

    Attributes:
        told: {outcome: how often}; "left" for a visitor who left before the answer.
        milliseconds: until each answer.
    """

    def __init__(self, way: Way, seed: int, new: bool = False) -> None:
        """Nothing was asked."""
        self._way, self._chance, self._new = way, random.Random(seed), new
        self.told: Counter[str] = Counter()
        self.milliseconds: list[float] = []

    async def visitor(self, client: httpx.AsyncClient, name: str, until: float) -> None:
        """One visit after the other, until ``time.monotonic()`` is ``until``."""
        await asyncio.sleep(self._chance.uniform(0, PAUSE))
        for turn in count():
            if time.monotonic() >= until:
                return
            await self.visit(client, f"{name}-{turn}", until)

    async def visit(self, client: httpx.AsyncClient, name: str, until: float = 0) -> None:
        """Come, search at least once and go on until ``until``, or until the visitor leaves."""
        try:
            async with self._way.visit(client, name) as told:
                self.told.update([told] if told else [])
                leaves = False
                while not leaves:
                    leaves = self._chance.random() < LEAVING
                    await self._search(client, name, leaves)
                    if time.monotonic() >= until:
                        return
                    await asyncio.sleep(self._chance.uniform(0.5 * PAUSE, 1.5 * PAUSE))
        except httpx.HTTPError as error:
            self.told[type(error).__name__] += 1

    async def _search(self, client: httpx.AsyncClient, name: str, leaves: bool) -> None:
        query = self._chance.choice(QUERIES) + (f" {self._chance.randrange(10**9)}" if self._new else "")
        start = time.monotonic()
        try:
            async with asyncio.timeout(self._chance.uniform(0, LEFT_WITHIN) if leaves else None):
                told = await self._way.ask(client, name, query)
        except TimeoutError:
            told = "left"
        self.told[told] += 1
        if told == "answered":
            self.milliseconds.append(1e3 * (time.monotonic() - start))
