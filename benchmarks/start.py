"""Seconds from `python app.py` to its page and to its first answer, over a made-up store.

python benchmarks/start.py [--products 10000] [--rounds 3] [--folder KEEP] [--checkout FOLDER]

Store and models are made up (see made_up.py), the models of multilingual-e5-small's size. The first start also
prepares files for a store of 100,000 products or more; it is counted apart. ``--checkout`` starts the app.py of
another checkout in turn with this one. The last line is JSON.
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
from pathlib import Path

import httpx
from machine import describe
from rounds import spread

ROOT = Path(__file__).resolve().parent.parent
LIMIT_SECONDS = 300


def main() -> None:
    """Make the store, start once, then start in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="keep the store here, and use it again if it is there")
    parser.add_argument("--checkout", type=Path, help="another checkout to start in turn with this one")
    given = parser.parse_args()
    checkouts = {"this": ROOT} | ({"other": given.checkout} if given.checkout else {})
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        if not (folder / "artifacts" / "manifest.json").is_file():
            code = f"import made_up, pathlib; made_up.make(pathlib.Path({str(folder)!r}), {given.products})"
            path = os.pathsep.join([str(ROOT), str(ROOT / "benchmarks")])
            subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": path}, check=True)
        first = start(ROOT, folder)
        pairs: dict[str, list[tuple[float, float]]] = {name: [] for name in checkouts}
        for _ in range(given.rounds):
            for name, checkout in checkouts.items():
                pairs[name].append(start(checkout, folder))
    result = {"benchmark": "start", "products": given.products, "first_start_s": [round(value, 1) for value in first]}
    for name, seconds in pairs.items():
        page, answer = zip(*seconds, strict=True)
        result[name] = {"page_s": spread(page), "answer_s": spread(answer)}
        print(name, result[name])
    print(json.dumps(result | {"machine": describe()}))


def start(checkout: Path, folder: Path) -> tuple[float, float]:
    """Seconds until the page answered and until the first comparison was there; the app is stopped afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    flags = ["--model", "e5-tuned", "--base-model", "e5-base", "--embeddings", "artifacts", "--offline"]
    command = [sys.executable, str(checkout / "app.py"), *flags, "--port", str(port)]
    begun = time.perf_counter()
    app = subprocess.Popen(command, cwd=folder, start_new_session=True, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/gradio_api/call/compare"
    body = {"data": ["the first visitor's query", 10, "", "", "", "", None, None, None, ""]}
    try:
        while app.poll() is None and time.perf_counter() - begun < LIMIT_SECONDS:
            try:
                event = httpx.post(url, json=body, timeout=60).raise_for_status().json()["event_id"]
                page = time.perf_counter() - begun
                answer = httpx.get(f"{url}/{event}", timeout=60).text
                if "event: complete" not in answer:
                    sys.exit(f"no comparison: {answer[:500]}")
                return page, time.perf_counter() - begun
            except httpx.TransportError:
                time.sleep(0.05)
        sys.exit(f"app.py ended with {app.returncode}, or gave no page in {LIMIT_SECONDS} s")
    finally:
        if app.poll() is None:
            os.killpg(app.pid, signal.SIGTERM)
        app.wait()


if __name__ == "__main__":
    main()
