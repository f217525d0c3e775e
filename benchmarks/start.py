"""Seconds from `python app.py` to its page and to its first answer, and the app's memory then.

python benchmarks/start.py [--products 10000] [--rounds 3] [--checkout FOLDER]
python benchmarks/start.py --model saved_e5_model --base-model ID --embeddings artifacts

Without ``--embeddings`` store and models are made up (see made_up.py), the models of multilingual-e5-small's size. The
first start also writes the mapped files of a store of 100,000 products or more; it is counted apart. ``--checkout``
starts the app.py of another checkout in turn with this one. It gets a copy of the store, since the formats of the
mapped files may differ. The last line is JSON.
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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
from machine import describe, memory
from rounds import spread

ROOT = Path(__file__).resolve().parent.parent
LIMIT_SECONDS = 300


@dataclass(frozen=True)
class Start:
    """Seconds until the page answered and until the first comparison was there, and MB of the process then."""

    page_s: float
    answer_s: float
    memory_mb: dict[str, int]


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
        first = {name: start(*one) for name, one in starts.items()}
        later: dict[str, list[Start]] = {name: [] for name in checkouts}
        for _ in range(given.rounds):
            for name, one in starts.items():
                later[name].append(start(*one))
    result: dict[str, Any] = {"benchmark": "start", "products": rows}
    for name, found in later.items():
        result[name] = {
            "first_start": asdict(first[name]),
            "page_s": spread([one.page_s for one in found]),
            "answer_s": spread([one.answer_s for one in found]),
            "memory_mb": found[-1].memory_mb,
        }
        print(name, result[name])
    print(json.dumps(result | {"machine": describe()}))


def start(checkout: Path, flags: list[str]) -> Start:
    """Start an app, ask it for one comparison, and stop it."""
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
            return Start(round(page, 2), round(time.perf_counter() - begun, 2), memory(app.pid))
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
