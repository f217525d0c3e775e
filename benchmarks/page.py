"""Speed of the page: start, first paint, and a comparison in the browser, over HTTP and within the engine.

python benchmarks/page.py --model saved_e5_model --base-model ID --embeddings artifacts [--loads 5] [--queries 30]
    [--before CHECKOUT]

The queries are held-out ones of the store, all new to the process. The figures are medians and 95th percentiles in
milliseconds. The last line is JSON.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from shutil import which
from typing import Any

import httpx
import pyarrow.parquet as pq
from gradio_client import Client
from machine import describe
from playwright.sync_api import Browser, Page, sync_playwright
from rounds import spread

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
#: Whether the link above the results, which has the query in it, has changed.
CHANGED = "last => [...document.querySelectorAll('.copy')].some(e => e.checkVisibility() && e.dataset.link !== last)"
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("model", "base-model", "embeddings"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--loads", type=int, default=5, help="visits with an empty browser cache")
    parser.add_argument("--queries", type=int, default=30, help="comparisons of each kind")
    parser.add_argument("--before", type=Path, help="another checkout, measured in the same run")
    given = parser.parse_args()
    result = {
        "benchmark": "page",
        "products": json.loads((Path(given.embeddings) / "manifest.json").read_text(encoding="utf-8"))["rows"],
        **measure(ROOT, given),
        "machine": describe(),
    }
    if given.before:
        result["before"] = measure(given.before.resolve(), given)
    for name, value in result.items():
        print(f"{name}: {value}")
    print(json.dumps(result))


def measure(checkout: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Start the app of a checkout, and ask it as a visitor and as a program."""
    app, address, seconds = start(checkout, given)
    try:
        client = Client(address, verbose=False)
        table = pq.read_table(Path(given.embeddings) / "judgments" / "test.parquet", columns=["query"])
        queries = sorted(set(table["query"].to_pylist()))
        # The app keeps answers, so no query is asked twice.
        queries += [
            f"{query} {number}" for number in range(-(-2 * given.queries // len(queries))) for query in queries
        ]
        clicked, asked = queries[: given.queries], queries[given.queries : 2 * given.queries]
        client.predict("warm up", 10, api_name="/compare")
        with sync_playwright() as playwright:
            chromium = which("chromium") or which("google-chrome")
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            paints, ready = visits(browser, address, given.loads)
            page = browser.new_page()
            clicks = comparisons(page, address, clicked)
            browser.close()
        timed, inside = [], []
        for query in asked:
            begun = time.perf_counter()
            found = client.predict(query, 10, api_name="/compare")
            timed.append(1000 * (time.perf_counter() - begun))
            inside.append(sum(system["timings_ms"]["total"] for system in found["systems"].values()))
    finally:
        os.killpg(app.pid, signal.SIGTERM)
        app.wait()
    return {
        "start_to_page_s": round(seconds, 1),
        "first_paint_ms": spread(paints),
        "query_box_ready_ms": spread(ready),
        "comparison_by_button_ms": spread(clicks),
        "comparison_over_http_ms": spread(timed),
        "systems_within_ms": spread(inside),
    }


def start(checkout: Path, given: argparse.Namespace) -> tuple[subprocess.Popen, str, float]:
    """Start the app of a checkout: its process, its address, and the seconds until it answered."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    names = ("model", "base_model", "embeddings")
    flags = [part for name in names for part in (f"--{name.replace('_', '-')}", getattr(given, name))]
    usage = ["--feedback", tempfile.mkdtemp()]
    begun = time.perf_counter()
    command = [sys.executable, str(checkout / "app.py"), *flags, *usage, "--port", str(port)]
    app = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    while app.poll() is None:
        try:
            httpx.get(address, timeout=5)
            return app, address, time.perf_counter() - begun
        except httpx.TransportError:
            time.sleep(0.05)
    sys.exit(f"app.py ended with {app.returncode}")


def visits(browser: Browser, address: str, loads: int) -> tuple[list[float], list[float]]:
    """Milliseconds to the first contentful paint and to the query box, for visits with an empty cache."""
    paints, ready = [], []
    for _ in range(loads):
        context = browser.new_context()
        page = context.new_page()
        begun = time.perf_counter()
        page.goto(address)
        page.get_by_role("textbox", name="Query").wait_for()
        ready.append(1000 * (time.perf_counter() - begun))
        paints.append(page.evaluate(PAINT))
        context.close()
    return paints, ready


def comparisons(page: Page, address: str, queries: Iterable[str]) -> list[float]:
    """Milliseconds from Enter in the query box to the new columns on the page."""
    page.goto(f"{address}/?tab=compare")
    page.get_by_role("button", name="Compare", exact=True).wait_for()
    box = page.get_by_role("textbox", name="Query").locator("visible=true")
    took: list[float] = []
    last = None
    for query in queries:
        box.fill(query)
        begun = time.perf_counter()
        box.press("Enter")
        page.wait_for_function(CHANGED, arg=last)
        took.append(1000 * (time.perf_counter() - begun))
        last = page.locator(".copy:visible").get_attribute("data-link")
    return took[1:]  # the first one also loads the tab


if __name__ == "__main__":
    main()
