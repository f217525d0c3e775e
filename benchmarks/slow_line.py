"""First view on a slow line: 1.6 Mbit/s and 200 ms to the server, with an empty browser cache.

python benchmarks/slow_line.py --model saved_e5_model --base-model ID --embeddings artifacts [--loads 3]
python benchmarks/slow_line.py --address http://127.0.0.1:7860 [--loads 3]

Chromium delays the answers itself (``Network.emulateNetworkConditions``). The times are milliseconds from the request
to the first paint, to the verdict in view, and to a query box that takes input, as medians and 95th percentiles. The
second visit has the cache of the first. The last line is JSON.
"""

import argparse
import json
import os
import signal
import time
from shutil import which

from machine import describe
from page import PAINT, start
from playwright.sync_api import BrowserContext, sync_playwright
from rounds import spread

#: 1.6 Mbit/s down, 0.75 up, 200 ms: "slow 4G" of the browsers' own tools.
LINE = {"offline": False, "latency": 200, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 0.75e6 / 8}
#: Takes longer than a visit on this line ever did; a page that hangs ends the run with Playwright's message.
LIMIT_MS = 120_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "base-model", "embeddings", "address"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--loads", type=int, default=3, help="visits with an empty browser cache")
    given = parser.parse_args()
    app, address = None, given.address
    if not address:
        app, address, _seconds = start(given)
    try:
        with sync_playwright() as playwright:
            chromium = which("chromium") or which("google-chrome")
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            first, second = [], []
            for _ in range(given.loads):
                context = browser.new_context(viewport={"width": 1280, "height": 800})
                first.append(visit(context, address))
                second.append(visit(context, address))
                context.close()
            browser.close()
    finally:
        if app:
            os.killpg(app.pid, signal.SIGTERM)
            app.wait()
    result = {"benchmark": "slow_line", "line": "1.6 Mbit/s, 200 ms"}
    for name, visits in (("empty_cache", first), ("second_visit", second)):
        result[name] = {figure: spread([one[figure] for one in visits]) for figure in visits[0]}
    result["machine"] = describe()
    for name, value in result.items():
        print(f"{name}: {value}")
    print(json.dumps(result))


def visit(context: BrowserContext, address: str) -> dict[str, float]:
    """One visit: milliseconds to what a visitor sees, and the kilobytes that had arrived when the page was ready."""
    page = context.new_page()
    session = context.new_cdp_session(page)
    arrived: list[float] = []
    session.on("Network.loadingFinished", lambda event: arrived.append(event["encodedDataLength"]))
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", LINE)
    begun = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.locator(".verdict").first.wait_for(timeout=LIMIT_MS)
    verdict = 1000 * (time.perf_counter() - begun)
    page.get_by_role("textbox", name="Query").wait_for(timeout=LIMIT_MS)
    ready = 1000 * (time.perf_counter() - begun)
    found = {
        "first_paint_ms": page.evaluate(PAINT),
        "verdict_ms": verdict,
        "query_box_ready_ms": ready,
        "kilobytes": sum(arrived) / 1000,
    }
    page.close()
    return found


if __name__ == "__main__":
    main()
