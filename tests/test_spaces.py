"""Search on ZeroGPU with ``@spaces.GPU``, and without it elsewhere.

ZeroGPU runs each call in a forked process, pickles arguments and results, and passes on only the name of an exception.
"""

import json
import multiprocessing
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import small_shop
import torch
from conftest import ROOT, environment

import app
from space.errors import QueryError

spaces = pytest.importorskip("spaces", reason="needs the spaces package")


def forked(calls):
    """A decorator that runs the task in a forked process, as ZeroGPU does, but without a GPU."""

    def wrap(task):
        def run(*arguments):
            calls.append(arguments)
            # Arguments and results go through a pipe, as on ZeroGPU.
            context = multiprocessing.get_context("fork")
            here, there = context.Pipe()
            worker = context.Process(target=lambda: there.send(task(*there.recv())))
            worker.start()
            there.close()  # so that recv fails when the worker fails
            here.send(arguments)
            answer = here.recv()
            worker.join()
            return answer

        return run

    return wrap


def without_timings(found):
    return json.loads(json.dumps(found), object_hook=lambda part: {k: v for k, v in part.items() if k != "timings_ms"})


def test_the_app_takes_the_decorator_and_it_changes_no_answer(monkeypatch):
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")  # too late for the package, whose decorator then does nothing
    decorate = app.zero_gpu()
    assert decorate is not None and decorate.func.__module__ == "spaces.zero.decorator"
    assert decorate.keywords["duration"] == app.GPU_SECONDS

    def task():
        """Not wrapped: the very same function."""

    assert decorate(task) is task
    plain, decorated = small_shop.engine(), small_shop.engine(gpu=decorate)
    for system in plain.systems:
        found = [one.search("red sneakers", 5, system, locale="us").to_json() for one in (plain, decorated)]
        assert without_timings(found[0]) == without_timings(found[1])


def test_off_zerogpu_there_is_no_decorator(monkeypatch):
    """Also on other Spaces, which have the package: requests with a GPU each would not be batched."""
    monkeypatch.delenv("SPACES_ZERO_GPU", raising=False)
    assert app.zero_gpu() is None
    monkeypatch.setitem(sys.modules, "spaces", None)  # outside of Spaces the package is not installed
    assert app.zero_gpu() is None


def test_answers_from_a_forked_process_are_the_same():
    calls = []
    plain, other = small_shop.engine(), small_shop.engine(gpu=forked(calls))
    for system in plain.systems:
        found = [one.search("red sneakers", 7, system, brand="Acme").to_json() for one in (plain, other)]
        assert without_timings(found[0]) == without_timings(found[1])
    timings = other.search("red sneakers").timings_ms
    assert timings["total"] >= timings["encode"] + timings["search"] > 0
    del calls[:]
    found = [one.compare("red sneakers", 7, locale="us").to_json() for one in (plain, other)]
    assert without_timings(found[0]) == without_timings(found[1])
    found = [one.more_like("us", "p01", 3, "tuned", color="red").to_json() for one in (plain, other)]
    assert without_timings(found[0]) == without_timings(found[1])
    assert len(calls) == 2 and calls.pop()[0].systems == ["tuned"]
    # Every call waits for a GPU and uses the visitor's quota: one call for both encoders.
    assert len(calls) == 1 and calls[0][0].systems == ["base", "tuned"]


def test_reasons_from_a_forked_process_are_the_same():
    """All texts of an explanation are encoded in one call; BM25 needs none."""
    calls = []
    plain, other = small_shop.engine(), small_shop.engine(gpu=forked(calls))
    for system, turns in (("tuned", 1), ("bm25", 0), ("hybrid", 1)):
        del calls[:]
        found = [one.explain("red sneakers", "us", "p01", system).to_json() for one in (plain, other)]
        assert found[0] == found[1] and len(calls) == turns
    del calls[:]
    with pytest.raises(QueryError):
        other.explain("red sneakers", "us", "p99")
    assert calls == []


def test_no_gpu_is_asked_for_in_vain():
    """BM25 runs without one. Bad requests are refused before, since only the name of an error would come back."""
    calls = []
    engine = small_shop.engine(gpu=forked(calls))
    assert engine.search("red shoes", system="bm25").hits
    for wrong in ({"query": ""}, {"k": 0}, {"system": "best"}, {"brand": "no such brand"}):
        with pytest.raises(QueryError):
            engine.search(**{"query": "shoes"} | wrong)
    assert calls == []


# -- ZeroGPU itself, up to the GPU -----------------------------------------------------------------------------------

ZERO = """
import json, os, sys

import torch

# Names that spaces needs and that a CPU build of torch does not have; torch 2.13.
torch.version.cuda = torch.version.cuda or "13.0"
torch._C._cuda_init = getattr(torch._C, "_cuda_init", None)
torch.cuda._is_in_bad_fork = bool

import app

gpu = app.zero_gpu()

import small_shop
from gradio_client import Client
from gradio_client.exceptions import AppError

engine = small_shop.engine(device=None, gpu=gpu)
warm = engine.systems["tuned"].retrieve(["red running shoes"], 3)[0].rows.tolist()
said = {"device": str(engine.systems["tuned"].index.device), "warm": warm}
with small_shop.serve(engine) as url:
    client = Client(url, verbose=False)
    said["bm25"] = len(client.predict("red shoes", 3, "bm25", api_name="/search")["hits"])
    for endpoint in ("/search", "/compare"):
        try:
            client.predict("red shoes", 3, api_name=endpoint)
        except AppError as error:
            said[endpoint] = str(error)
    said["after"] = len(client.predict("red shoes", 2, "bm25", api_name="/search")["hits"])
print("SAID " + json.dumps(said))
"""


class DeviceApi(BaseHTTPRequestHandler):
    """The scheduler of a ZeroGPU Space; it grants a GPU that does not exist."""

    def do_POST(self):
        self.server.asked.append(self.path)
        granted = {"idle": True, "nvidiaIndex": 0, "nvidiaUUID": "GPU-none", "allowToken": "token"}
        body = json.dumps(granted if self.path.startswith("/schedule") else {}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.mark.skipif(torch.cuda.is_available(), reason="emulates a machine that has no GPU between two tasks")
def test_on_zerogpu_each_dense_search_asks_for_the_gpu_once(tmp_path):
    """With the real package: the app puts everything on "cuda" and asks for a GPU before it computes.

    There is no GPU, so the task fails; the page must show the error and go on.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), DeviceApi)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    variables = {
        "SPACES_ZERO_GPU": "true",
        "SPACES_ZERO_DEVICE_API_URL": f"http://127.0.0.1:{server.server_port}",
        "ZEROGPU_OFFLOAD_DIR": str(tmp_path / "offload"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(small_shop.__file__).parent)]),
    }
    done = subprocess.run(
        [sys.executable, "-c", ZERO],
        cwd=tmp_path, env=environment() | variables, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    server.shutdown()
    assert "SAID " in done.stdout, done.stderr[-4000:]
    said = json.loads(done.stdout.rpartition("SAID ")[2])
    assert said["device"] == "cuda" and said["warm"][0] == 0
    assert said["bm25"] == 3 and said["after"] == 2
    assert said["/search"] and said["/compare"]  # the error's name, as ZeroGPU gives it
    schedules = [path for path in server.asked if path.startswith("/schedule")]
    assert server.asked[0] == "/startup-report" and len(schedules) == 2
    assert all("durationSeconds=" in path for path in schedules)
