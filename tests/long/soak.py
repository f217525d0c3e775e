"""Load test of the page: concurrent visitors over HTTP, the answers they got, times, and growth of memory.

    python -m tests.long soak --clients 200 --seconds 120 --dataset ../shared/esci [--new-queries]
    python -m tests.long soak --clients 8 --seconds 1800 --visits 1000 --dataset ../shared/esci

The page runs in a process of its own on 127.0.0.1, with the products of --dataset (see shop.py) or the 30 products of
the tests. It remembers at most ``space.ui.page.MAX_VISITS`` visits: with as many --visits before the measurement,
memory is measured as after some days. The last line of the output is JSON.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from tests.long import ROOT

QUERIES = (
    "red running shoes",
    "something to keep coffee hot",
    "cellphone",
    "gift for a gardener",
    "wireless keyboard",
)
#: Mean seconds between two searches of a visitor.
PAUSE = 1.0
#: Concurrent visitors of the visits before the measurement.
FILLING = 4
SHOP = """
import sys, threading
import tests.long, small_shop
with small_shop.serve(small_shop.engine(), int(sys.argv[1])):
    threading.Event().wait()
"""
MAKE = """
import json, sys
from pathlib import Path
from tests.long import shop
print(json.dumps(shop.make(Path(sys.argv[1]) / "store", sys.argv[2], sys.argv[3:])))
"""


class Traffic:
    """Visitors that use the queue, as programs and a page on ZeroGPU do; some leave before they are answered."""

    def __init__(self, url: str, number: int, seed: int, new: bool = False) -> None:
        self.url, self.number, self.chance, self.new = url, number, random.Random(seed), new
        self.told: Counter = Counter()
        self.milliseconds: list[float] = []

    async def visitor(self, client: httpx.AsyncClient, name: str, until: float) -> None:
        """Search and pause in one session until ``until``; after one search in twenty, begin a new session."""
        turn = 0
        await asyncio.sleep(self.chance.uniform(0, PAUSE))
        while time.monotonic() < until:
            told = await self.told_of(client, f"{name}-{turn}")
            turn += told == "left"
            await asyncio.sleep(self.chance.uniform(0.5 * PAUSE, 1.5 * PAUSE))

    async def visits(self, client: httpx.AsyncClient, name: str, number: int) -> None:
        """A number of visitors, one after the other, that search once."""
        for turn in range(number):
            await self.told_of(client, f"{name}-{turn}")

    async def told_of(self, client: httpx.AsyncClient, session: str) -> str:
        """Run one comparison and count its outcome, or the name of its error."""
        try:
            told = await self.search(client, session)
        except httpx.HTTPError as error:
            told = type(error).__name__
        self.told[told] += 1
        return told

    async def search(self, client: httpx.AsyncClient, session: str) -> str:
        """The outcome of one comparison: answered, failed, busy, left, cut, or an HTTP status."""
        start = time.monotonic()
        query = self.chance.choice(QUERIES) + (f" {self.chance.randrange(10**9)}" if self.new else "")
        body = {
            "data": [query, 10, *[""] * 4, *[None] * 3, "", ""],
            "fn_index": self.number,
            "session_hash": session,
        }
        joined = await client.post("gradio_api/queue/join", json=body)
        if joined.status_code == 503:
            return "busy"
        if joined.status_code != 200:
            return f"status {joined.status_code}"
        event, leaves = joined.json()["event_id"], self.chance.random() < 0.05
        async with client.stream("GET", f"gradio_api/queue/data?session_hash={session}") as answer:
            async for line in answer.aiter_lines():
                if leaves:
                    return "left"
                if "process_completed" in line and event in line:
                    good = json.loads(line.partition(":")[2])["success"]
                    self.milliseconds.append(1e3 * (time.monotonic() - start))
                    return "answered" if good else "failed"
        return "cut"


def memory(process: int) -> int:
    """Resident megabytes of a process."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) // 1024


def worked(process: int) -> float:
    """CPU seconds of a process."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def compare(client: httpx.AsyncClient) -> int:
    """The number of the compare function."""
    config = (await client.get("config")).json()
    return next(one["id"] for one in config["dependencies"] if one["api_name"] == "compare")


async def drive(
    url: str, clients: int, seconds: float, process: int, seed: int, new: bool = False
) -> dict[str, object]:
    """Run all visitors, and record memory and /healthz every few seconds."""
    limits, resident, ready = httpx.Limits(max_connections=None), [], Counter()
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=120) as client:
        traffic, until = Traffic(url, await compare(client), seed, new), time.monotonic() + seconds

        async def watch() -> None:
            while time.monotonic() < until:
                await asyncio.sleep(min(max(5, seconds / 60), seconds / 8))
                resident.append(memory(process))
                ready[(await client.get("healthz")).status_code] += 1

        both, before = (process, os.getpid()), [worked(process), worked(os.getpid())]
        await asyncio.gather(watch(), *(traffic.visitor(client, f"v{seed}-{n}", until) for n in range(clients)))
        busy = [round((worked(one) - start) / seconds, 2) for one, start in zip(both, before, strict=True)]
        left = (await client.get("gradio_api/queue/status")).json()["queue_size"]
    times = np.percentile(traffic.milliseconds, [50, 95, 99]) if traffic.milliseconds else [0, 0, 0]
    early = float(np.mean(resident[len(resident) // 4 : len(resident) // 2])) if len(resident) >= 8 else resident[0]
    late = float(np.mean(resident[-max(1, len(resident) // 4) :]))
    return {
        "clients": clients,
        "seconds": seconds,
        "told": dict(traffic.told),
        "milliseconds": dict(zip(("p50", "p95", "p99"), (round(float(value)) for value in times), strict=True)),
        "cores": dict(zip(("page", "visitors"), busy, strict=True)),
        "resident MB": resident,
        "memory growth": round(late / early - 1, 4),
        "healthz": dict(ready),
        "waiting at the end": left,
    }


async def fill(url: str, visits: int, process: int, seed: int) -> dict[str, object]:
    """Make visits that the page remembers; returns resident megabytes before and after."""
    async with httpx.AsyncClient(base_url=url, timeout=120) as client:
        traffic, before = Traffic(url, await compare(client), seed), memory(process)
        each = -(-visits // FILLING)
        await asyncio.gather(*(traffic.visits(client, f"f{seed}-{n}", each) for n in range(FILLING)))
    return {"visits": each * FILLING, "MB before": before, "MB after": memory(process), "told": dict(traffic.told)}


def served(
    words: list[str], clients: int, seconds: float, seed: int, visits: int = 0, new: bool = False
) -> dict[str, object]:
    """Start the server of a command line, wait until it is ready, warm it up, and run the visitors."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/"
    start = [*words, str(port)] if words[0] == "-c" else [*words, "--port", str(port)]
    with subprocess.Popen(
        [sys.executable, *start], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            for _ in range(600):
                try:
                    if httpx.get(f"{url}healthz", timeout=5).status_code == 200:
                        break
                except httpx.HTTPError:
                    time.sleep(0.2)
            else:
                raise RuntimeError("the page was not ready after minutes")
            asyncio.run(drive(url, min(clients, 20), min(10, seconds), server.pid, seed + 1))
            filled = {"filled": asyncio.run(fill(url, visits, server.pid, seed))} if visits else {}
            return filled | asyncio.run(drive(url, clients, seconds, server.pid, seed, new))
        finally:
            server.send_signal(signal.SIGTERM)


def is_sound(found: dict[str, Any]) -> bool:
    """Whether visitors got answers or "busy" only, the page was always ready, and no request is left in the queue."""
    told = found["told"]
    known = set(told) | set(found.get("filled", {}).get("told", {})) <= {"answered", "busy", "left"}
    ready = {int(status) for status in found["healthz"]} == {200}
    return known and told.get("answered", 0) > 0 and ready and found["waiting at the end"] == 0


def main(arguments: list[str] | None = None) -> None:
    """Serve, warm up, run, report; the exit status is 1 if the run was not sound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--visits", type=int, default=0, help="visits that search once, before the measurement")
    parser.add_argument("--new-queries", action="store_true", help="no query twice; by default few, again and again")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dataset", help="a folder, 'sample', or a Hub id that is in the cache")
    parser.add_argument("--locales", nargs="+", default=["us", "es", "jp"])
    settings = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        words = ["-c", SHOP]
        if settings.dataset:
            # In a process of its own, so that its memory is freed.
            command = [sys.executable, "-c", MAKE, folder, settings.dataset, *settings.locales]
            made = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
            words = [
                str(ROOT / "app.py"),
                *json.loads(made.stdout.splitlines()[-1]),
                "--feedback",
                f"{folder}/feedback",
            ]
        found = served(words, settings.clients, settings.seconds, settings.seed, settings.visits, settings.new_queries)
    print(json.dumps(found))
    sys.exit(0 if is_sound(found) else 1)
