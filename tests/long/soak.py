"""Load test of the page: concurrent visitors over HTTP, the answers they got, times, and growth of memory.

    python -m tests.long soak --clients 200 --seconds 120 --dataset ../shared/esci [--new-queries] [--queue]
    python -m tests.long soak --clients 8 --seconds 1800 --visits 1000 --dataset ../shared/esci

Visitors open the page and send what its own script sends, see visitors.py. With --queue they are programs.

The page runs in a process of its own on 127.0.0.1, with the products of --dataset (see shop.py) or the 30 products of
the tests. It remembers at most ``space.ui.page.MAX_VISITS`` visits: with as many --visits before the measurement,
memory is measured as after some days. The last line of the output is JSON.
"""

import argparse
import asyncio
import json
import math
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from tests.long import ROOT
from tests.long.visitors import Page, Queue, Traffic

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


#: Shared, since making one takes longer than many requests.
_NO_TLS = ssl.create_default_context()


@dataclass(frozen=True)
class Load:
    """What is done to the page.

    Attributes:
        clients: concurrent visitors.
        seconds: how long.
        seed: of their queries and pauses.
        new_queries: no query twice; else few, again and again.
        queue: ask the endpoint through the queue, and not as the page's script.
        line: kilobytes a second at which a visitor of the page reads answers.
    """

    clients: int
    seconds: float
    seed: int = 1
    new_queries: bool = False
    queue: bool = False
    line: float = math.inf

    def client(self, url: str) -> httpx.AsyncClient:
        """For one visitor; for a slow line the system keeps little of an answer that was not read yet."""
        small = [] if math.isinf(self.line) else [(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)]
        transport = httpx.AsyncHTTPTransport(verify=_NO_TLS, socket_options=small)
        return httpx.AsyncClient(base_url=url, transport=transport, timeout=120, headers={"accept-language": "en"})

    async def traffic(self, client: httpx.AsyncClient) -> Traffic:
        """Its visitors, who have not asked yet."""
        config = (await client.get("config")).json()
        return Traffic(Queue(config) if self.queue else Page(config, self.line), self.seed, self.new_queries)


def memory(process: int) -> int:
    """Resident megabytes of a process."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) // 1024


def worked(process: int) -> float:
    """CPU seconds of a process."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def drive(url: str, load: Load, process: int) -> dict[str, object]:
    """Run all visitors, and record memory of the process and /healthz every few seconds."""
    resident, ready, seconds = [], Counter(), load.seconds
    async with load.client(url) as client:
        traffic, until = await load.traffic(client), time.monotonic() + seconds

        async def watch() -> None:
            while time.monotonic() < until:
                await asyncio.sleep(min(max(5, seconds / 60), seconds / 8))
                resident.append(memory(process))
                ready[(await client.get("healthz")).status_code] += 1

        async def visitor(name: str) -> None:
            # Each with connections of its own: httpx looks at all those of a client for every request.
            async with load.client(url) as own:
                await traffic.visitor(own, name, until)

        both, before = (process, os.getpid()), [worked(process), worked(os.getpid())]
        await asyncio.gather(watch(), *(visitor(f"v{load.seed}-{n}") for n in range(load.clients)))
        busy = [round((worked(one) - start) / seconds, 2) for one, start in zip(both, before, strict=True)]
        left = (await client.get("gradio_api/queue/status")).json()["queue_size"]
    times = np.percentile(traffic.milliseconds, [50, 95, 99]) if traffic.milliseconds else [0, 0, 0]
    early = float(np.mean(resident[len(resident) // 4 : len(resident) // 2])) if len(resident) >= 8 else resident[0]
    late = float(np.mean(resident[-max(1, len(resident) // 4) :]))
    return {
        "clients": load.clients,
        "seconds": seconds,
        "by": "the queue" if load.queue else "the page",
        "told": dict(traffic.told),
        "milliseconds": dict(zip(("p50", "p95", "p99"), (round(float(value)) for value in times), strict=True)),
        "cores": dict(zip(("page", "visitors"), busy, strict=True)),
        "resident MB": resident,
        "memory growth": round(late / early - 1, 4),
        "healthz": dict(ready),
        "waiting at the end": left,
    }


async def fill(url: str, visits: int, load: Load, process: int) -> dict[str, object]:
    """Make visits that the page remembers; returns resident megabytes before and after."""
    each = -(-visits // FILLING)
    async with load.client(url) as client:
        traffic, before = await load.traffic(client), memory(process)

        async def one_after_another(place: int) -> None:
            async with load.client(url) as own:
                for turn in range(each):
                    await traffic.visit(own, f"f{load.seed}-{place}-{turn}")

        await asyncio.gather(*map(one_after_another, range(FILLING)))
    return {"visits": each * FILLING, "MB before": before, "MB after": memory(process), "told": dict(traffic.told)}


def served(words: list[str], load: Load, visits: int = 0) -> dict[str, object]:
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
            few = replace(load, clients=min(load.clients, 20), seconds=min(10, load.seconds), seed=load.seed + 1)
            asyncio.run(drive(url, few, server.pid))
            filled = {"filled": asyncio.run(fill(url, visits, load, server.pid))} if visits else {}
            return filled | asyncio.run(drive(url, load, server.pid))
        finally:
            server.send_signal(signal.SIGTERM)


def is_sound(found: dict[str, Any]) -> bool:
    """Whether visitors got answers or "busy" only, the page was always ready, and no request is left in the queue."""
    told = found["told"]
    known = set(told) | set(found.get("filled", {}).get("told", {})) <= {"arrived", "answered", "busy", "left"}
    ready = {int(status) for status in found["healthz"]} == {200}
    return known and told.get("answered", 0) > 0 and ready and found["waiting at the end"] == 0


def main(arguments: list[str] | None = None) -> None:
    """Serve, warm up, run, report; the exit status is 1 if the run was not sound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--visits", type=int, default=0, help="visits that search once, before the measurement")
    parser.add_argument("--new-queries", action="store_true", help="no query twice; by default few, again and again")
    parser.add_argument(
        "--queue", action="store_true", help="ask the endpoint /compare through the queue, as programs and ZeroGPU do"
    )
    parser.add_argument("--line", type=float, default=math.inf, help="kilobytes a second of a visitor of the page")
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
        load = Load(**{each.name: getattr(settings, each.name) for each in fields(Load)})
        found = served(words, load, settings.visits)
    print(json.dumps(found))
    sys.exit(0 if is_sound(found) else 1)
