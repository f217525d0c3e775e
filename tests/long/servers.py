"""The servers that are killed: the app under traffic, and the quickstart with the commands that it starts."""

import atexit
import json
import os
import shutil
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import httpx

from tests.long.child_processes import STOPPED, cut_off, digest, forked
from tests.long.commands import Build, whole_lines

QUERIES = ("red kettle", "something to keep coffee hot", "tent for two", "usb charger")
#: Concurrent visitors, and seconds until an answer is counted in the file: two intervals of its writer.
VISITORS, WRITTEN = 4, 2.5
_NOTED = "visits.json"


def ask(client: httpx.Client, number: int, session: str, query: str) -> list[str] | None:
    """Search as a program does; returns the ids found, or None if the app was killed meanwhile."""
    body = {"data": [query, 5, "tuned", *[""] * 4, *[None] * 3, ""], "fn_index": number, "session_hash": session}
    try:
        client.post("gradio_api/queue/join", json=body).raise_for_status()
        with client.stream("GET", f"gradio_api/queue/data?session_hash={session}") as answer:
            for line in answer.iter_lines():
                if "process_completed" in line:
                    said = json.loads(line.partition(":")[2])
                    return [hit["product_id"] for hit in said["output"]["data"][0]["hits"]] if said["success"] else []
    except httpx.TransportError:
        pass
    return None


class Visits:
    """The visitors of the app from a start to a kill; each asks again when answered."""

    def __init__(self, url: str) -> None:
        self.url, self.asked, self.answered, self.found = url, 0, [], set()
        self._lock, self._end = threading.Lock(), threading.Event()

    def ready(self, child: int, seconds: float = 300) -> int:
        """Wait until /healthz of the child is 200; returns the number of the search function."""
        until = time.monotonic() + seconds
        while True:
            try:
                if httpx.get(f"{self.url}healthz", timeout=5).status_code == 200:
                    config = httpx.get(f"{self.url}config", timeout=30).json()
                    return next(one["id"] for one in config["dependencies"] if one["api_name"] == "search")
            except httpx.TransportError:
                pass
            if time.monotonic() > until or os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                raise RuntimeError(f"{self.url} was not ready: it ended, or took {seconds:.0f} s")
            time.sleep(0.05)

    def drive(self, number: int, visitor: int) -> None:
        """Ask until the app is gone or ``stop`` is called."""
        with httpx.Client(base_url=self.url, timeout=60) as client:
            for turn in range(10_000):
                if self._end.is_set():
                    return
                with self._lock:
                    self.asked += 1
                query = QUERIES[(visitor + turn) % len(QUERIES)]
                found = ask(client, number, f"v{visitor}-{turn}", query)
                if found is None:
                    return
                with self._lock:
                    self.answered.append(time.monotonic())
                    self.found.add((query, *found))

    def stop(self) -> None:
        """Ask nothing more."""
        self._end.set()


class App(Build):
    """app.py under traffic: it starts again, answers the same, and has counted what it answered."""

    def prepare(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        (folder / _NOTED).write_text(json.dumps({"port": port, "least": 0, "most": 0}))

    def serve(self) -> None:
        """Run app.py in this process."""
        import app

        # Private in CPython 3.11, without a public counterpart: forget the parent's handlers, which would remove its
        # temporary folders when this child ends.
        atexit._clear()
        port = json.loads(Path(_NOTED).read_text())["port"]
        words = [
            "--model",
            str(self.place / "first" / "saved_e5_model"),
            "--base-model",
            str(self.place / "multilingual-e5-tiny"),
        ]
        words += ["--embeddings", str(self.place / "store"), "--port", str(port), "--offline"]
        try:
            app.main([*words, "--feedback", "feedback"])
        finally:
            atexit._run_exitfuncs()

    def work(self) -> None:
        """Start, wait until it is ready, stop; the time of this is the range of the kills."""
        visits = Visits(f"http://127.0.0.1:{json.loads(Path(_NOTED).read_text())['port']}/")
        child = forked(self.serve, Path.cwd(), Path("log"))
        visits.ready(child)
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)

    def life(self, folder: Path, seconds: float, sign: int) -> tuple[bool, set[tuple[str, ...]]]:
        """Start the app, wait, and send a signal.

        Args:
            folder: to run in.
            seconds: of traffic once it is ready; negative: seconds after which it is killed while it starts.
            sign: the signal.

        Returns:
            Whether the signal ended it, and the answers: (query, ids of the products).
        """
        noted = json.loads((folder / _NOTED).read_text())
        visits = Visits(f"http://127.0.0.1:{noted['port']}/")
        child = forked(self.serve, folder, folder / "log")
        threads = []
        if seconds < 0:
            time.sleep(-seconds)
        else:
            number = visits.ready(child)
            threads = [threading.Thread(target=visits.drive, args=(number, visitor)) for visitor in range(VISITORS)]
            for thread in threads:
                thread.start()
            time.sleep(seconds)
        os.kill(child, sign)
        end = time.monotonic()
        _, status = os.waitpid(child, 0)
        visits.stop()
        for thread in threads:
            thread.join()
        # SIGTERM lets the writer finish; after SIGKILL its last two intervals may be missing.
        sure = [at for at in visits.answered if at < end - (WRITTEN if sign == signal.SIGKILL else 0)]
        noted["least"] += len(sure)
        noted["most"] += visits.asked
        (folder / _NOTED).write_text(json.dumps(noted))
        return cut_off(status), visits.found

    def counted(self, folder: Path) -> str:
        """ "whole" if the statistics hold at least all answers and at most all questions; else what they hold."""
        noted = json.loads((folder / _NOTED).read_text())
        lines = [line for path in (folder / "feedback" / "counts").glob("*.jsonl") for line in whole_lines(path)]
        searches = sum(json.loads(line)["searches"] for line in lines)
        good = noted["least"] <= searches <= noted["most"]
        return "whole" if good else f"{searches} and not {noted['least']} to {noted['most']}"


class Quickstart(Build):
    """The two commands of the quickstart with the small encoder of the tests, then opening the store.

    A kill leaves the command that it had started running, as for a user; then the quickstart is started again.
    """

    def prepare(self, folder: Path) -> None:
        pass

    def work(self) -> None:
        from space.pipelines import quickstart
        from space.store.reader import Store

        signal.signal(signal.SIGTERM, lambda *_: sys.exit(STOPPED))  # as app.py does
        quickstart.PACKAGED = str(self.place / "multilingual-e5-tiny")
        _, _, store = quickstart.run()
        Store(Path(store))

    def result(self, folder: Path) -> str:
        """Weights and tables. The rest holds measured times, which differ."""
        place = folder / "quickstart"
        return digest(place / "saved_e5_model", "**/*.safetensors") + digest(place / "artifacts", "**/*.parquet")

    def half(self, folder: Path) -> str | None:
        """The result, if its stamp says that it is finished, so that the app would serve it."""
        return self.result(folder) if (folder / "quickstart" / "artifacts.done.json").is_file() else None

    def clear(self, folder: Path) -> None:
        """Remove the folder once no process works in it."""
        until = time.monotonic() + 120
        while _at_work(folder) and time.monotonic() < until:
            time.sleep(0.2)
        shutil.rmtree(folder)


def _at_work(folder: Path) -> list[int]:
    """Processes that have it as their working folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cwd"):
        try:
            found += [int(entry.parent.name)] if entry.resolve() == folder.resolve() else []
        except OSError:  # the process is gone, or another user's
            continue
    return found
