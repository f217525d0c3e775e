"""Seconds from `python app.py` to its page and to its first answer.

python benchmarks/start.py [--products 10000] [--rounds 3] [--checkout FOLDER]
python benchmarks/start.py --model saved_e5_model --base-model ID --embeddings artifacts

Without ``--embeddings`` store and models are made up (see made_up.py), the models of multilingual-e5-small's size. The
first start also prepares files for a store of 100,000 products or more; it is counted apart. ``--checkout`` starts the
app.py of another checkout in turn with this one. It gets a copy of the store, since the formats of the prepared files
may differ. The last line is JSON.
"""

import argparse
import json
import os
import shutil
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
    parser.add_argument("--checkout", type=Path, help="another checkout to start in turn with this one")
    for name in ("model", "base-model", "embeddings"):
        parser.add_argument(f"--{name}")
    given = parser.parse_args()
    checkouts = {"this": ROOT} | ({"other": given.checkout} if given.checkout else {})
    with tempfile.TemporaryDirectory() as temporary:
        names = [given.model, given.base_model, given.embeddings]
        if not given.embeddings:
            made = "import made_up, pathlib, sys; made_up.make(pathlib.Path(sys.argv[1]), int(sys.argv[2]))"
            path = os.pathsep.join([str(ROOT), str(ROOT / "benchmarks")])
            words = [sys.executable, "-c", made, temporary, str(given.products)]
            subprocess.run(words, env=os.environ | {"PYTHONPATH": path}, check=True)
            names = [f"{temporary}/{name}" for name in ("e5-tuned", "e5-base", "artifacts")]
        flags = ["--model", names[0], "--base-model", names[1], "--offline", "--feedback", f"{temporary}/feedback"]
        rows = json.loads((Path(names[2]) / "manifest.json").read_text(encoding="utf-8"))["rows"]
        stores = {"this": names[2], "other": f"{temporary}/other/{Path(names[2]).name}"}
        if given.checkout:
            shutil.copytree(stores["this"], stores["other"], copy_function=link)
        starts = {name: (checkout, [*flags, "--embeddings", stores[name]]) for name, checkout in checkouts.items()}
        first = [start(*one) for one in starts.values()][0]
        pairs: dict[str, list[tuple[float, float]]] = {name: [] for name in checkouts}
        for _ in range(given.rounds):
            for name, one in starts.items():
                pairs[name].append(start(*one))
    result = {"benchmark": "start", "products": rows, "first_start_s": [round(value, 1) for value in first]}
    for name, seconds in pairs.items():
        page, answer = zip(*seconds, strict=True)
        result[name] = {"page_s": spread(page), "answer_s": spread(answer)}
        print(name, result[name])
    print(json.dumps(result | {"machine": describe()}))


def start(checkout: Path, flags: list[str]) -> tuple[float, float]:
    """Seconds until the page answered and until the first comparison was there; the app is stopped afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(checkout / "app.py"), *flags, "--port", str(port)]
    visitor = httpx.Client(timeout=60)
    begun = time.perf_counter()
    app = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/gradio_api/call/compare"
    body = {"data": ["the first visitor's query", 10, "", "", "", "", None, None, None, "", ""]}
    try:
        while app.poll() is None and time.perf_counter() - begun < LIMIT_SECONDS:
            if not is_open(port):  # asked without httpx, which takes 20 ms of a core for each client
                time.sleep(0.02)
                continue
            event = visitor.post(url, json=body).raise_for_status().json()["event_id"]
            page = time.perf_counter() - begun
            answer = visitor.get(f"{url}/{event}").text
            if "event: complete" not in answer:
                sys.exit(f"no comparison: {answer[:500]}")
            return page, time.perf_counter() - begun
        sys.exit(f"app.py ended with {app.returncode}, or gave no page in {LIMIT_SECONDS} s")
    finally:
        if app.poll() is None:
            os.killpg(app.pid, signal.SIGTERM)
        app.wait()


def link(source: str, target: str) -> None:
    """A second name for a file, or a copy where the two are on different file systems."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def is_open(port: int) -> bool:
    """Whether a server listens on a port of this machine."""
    with socket.socket() as visitor:
        return visitor.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    main()
