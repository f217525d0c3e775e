"""Start app.py without settings, as a newcomer does, and print the seconds until a query is answered.

python .ci/first_start.py FOLDER
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
from gradio_client import Client

ROOT = Path(__file__).resolve().parent.parent
LIMIT_SECONDS = 1200  # ends a start that hangs; the seconds are printed and have no limit of their own


def start(folder: Path, kill_after: float | None = None) -> float:
    """Seconds from the command to an answered query; with ``kill_after``, SIGKILL after that many seconds instead."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    begun = time.monotonic()
    app = subprocess.Popen(
        [sys.executable, str(ROOT / "app.py"), "--port", str(port)], cwd=folder, start_new_session=True
    )
    try:
        while time.monotonic() - begun < LIMIT_SECONDS:
            if kill_after is not None and time.monotonic() - begun > kill_after:
                app.kill()  # the command that it runs goes on, as for a user: the next start has to cope with it
                return kill_after
            if app.poll() is not None:
                sys.exit(f"app.py ended with {app.returncode}")
            try:
                client = Client(f"http://127.0.0.1:{port}", verbose=False)
                break
            except (httpx.TransportError, ValueError):
                time.sleep(0.5)
        else:
            sys.exit(f"no page after {LIMIT_SECONDS} s")
        found = client.predict("something to keep coffee hot at work", 5, "tuned", "", "", "", api_name="/search")
        both = client.predict("something to keep coffee hot at work", 5, "", "", "", api_name="/compare")
        seconds = time.monotonic() - begun
        assert len(found["hits"]) == 5, found
        assert set(both["systems"]) == {"base", "tuned", "bm25"}, both
        print(json.dumps(found["hits"][0]))
        return seconds
    finally:
        if app.poll() is None:
            os.killpg(app.pid, signal.SIGTERM)
        app.wait()


def main() -> None:
    """Start twice in an empty folder; then twice in another, where the first start is killed while it trains."""
    folder = Path(sys.argv[1])
    first, second = start(folder / "clean"), start(folder / "clean")
    print(f"first start to an answered query: {first:.0f} s, second: {second:.0f} s", flush=True)
    start(folder / "killed", kill_after=45)
    print(f"after a start killed at 45 s: {start(folder / 'killed'):.0f} s")


if __name__ == "__main__":
    main()
