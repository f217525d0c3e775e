"""Start app.py without settings, as a newcomer does: seconds until a query is answered, peak memory, disk.

python .ci/first_start.py FOLDER

The first start has an empty cache of its own in FOLDER, so it unpacks the encoder as on a new machine.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import psutil
from gradio_client import Client

ROOT = Path(__file__).resolve().parent.parent
LIMIT_SECONDS = 1200  # ends a start that hangs; the seconds are printed and have no limit of their own


class Peak:
    """The most memory that a process and its children hold at once, in bytes, looked at five times a second.

    Linux counts a page that several processes share once (PSS); elsewhere each of them counts it.
    """

    def __init__(self, pid: int) -> None:
        """Begin to look at the process ``pid``."""
        self.bytes = 0
        self._ended = threading.Event()
        self._looking = threading.Thread(target=self._look, args=(psutil.Process(pid),), daemon=True)
        self._looking.start()

    def end(self) -> int:
        """Stop looking; returns the peak."""
        self._ended.set()
        self._looking.join()
        return self.bytes

    def _look(self, process: psutil.Process) -> None:
        while not self._ended.wait(0.2):
            try:
                self.bytes = max(self.bytes, sum(map(_held, [process, *process.children(recursive=True)])))
            except psutil.Error:
                continue


def _held(process: psutil.Process) -> int:
    try:
        found = process.memory_full_info()
    except psutil.Error:  # it has just ended
        return 0
    return getattr(found, "pss", 0) or found.rss


def on_disk(folder: Path) -> int:
    """Bytes of the files in a folder; a file with two names counts once."""
    found = {
        (one.st_dev, one.st_ino): one.st_size for one in (path.lstat() for path in folder.rglob("*") if path.is_file())
    }
    return sum(found.values())


def start(folder: Path, cache: Path, kill_after: float | None = None) -> tuple[float, int]:
    """Seconds from the command to an answered query, and bytes of memory at the peak.

    Args:
        folder: the app starts here.
        cache: for unpacked weights and kept vectors.
        kill_after: SIGKILL after so many seconds instead.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    begun = time.monotonic()
    app = subprocess.Popen(
        [sys.executable, str(ROOT / "app.py"), "--port", str(port)],
        cwd=folder,
        env=os.environ | {"XDG_CACHE_HOME": str(cache)},
        start_new_session=True,
    )
    peak = Peak(app.pid)
    try:
        while time.monotonic() - begun < LIMIT_SECONDS:
            if kill_after is not None and time.monotonic() - begun > kill_after:
                app.kill()  # the command that it runs goes on, as for a user: the next start has to cope with it
                return kill_after, peak.end()
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
        return seconds, peak.end()
    finally:
        if app.poll() is None:
            os.killpg(app.pid, signal.SIGTERM)
        app.wait()


def main() -> None:
    """Start twice in an empty folder; then twice in another, where the first start is killed while it trains."""
    folder = Path(sys.argv[1]).resolve()
    clean, cache = folder / "clean", folder / "cache"
    (first, memory), (second, small) = start(clean, cache), start(clean, cache)
    print(f"first start to an answered query: {first:.0f} s, second: {second:.0f} s")
    print(f"memory at the peak: first start {memory / 1e9:.1f} GB, second {small / 1e9:.1f} GB")
    print(
        f"disk: {on_disk(clean) / 1e9:.2f} GB beside the code, {on_disk(cache) / 1e9:.2f} GB in the cache", flush=True
    )
    start(folder / "killed", cache, kill_after=45)
    print(f"after a start killed at 45 s: {start(folder / 'killed', cache)[0]:.0f} s")


if __name__ == "__main__":
    main()
