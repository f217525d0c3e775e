"""Hostile requests: closed addresses, limits, headers; and the health check and a full queue."""

import asyncio
import json
import socket
import threading
import time
from types import SimpleNamespace
from urllib.parse import urlsplit

import httpx
import pytest
import small_shop

from space.retrieval.system import System
from space.ui import guard
from space.ui import page as demo
from space.ui.events.form_events import ENGINE
from space.ui.health import Health

API = "gradio_api/"


@pytest.mark.parametrize("path", ["", "config", "healthz", "nothing", f"{API}upload", f"{API}file=/etc/passwd"])
def test_every_answer_has_the_security_headers(url, path):
    found = httpx.get(url + path).headers
    assert {name: found.get(name) for name in guard.headers()} == guard.headers()
    assert "x-frame-options" not in found  # the Hub shows a Space in a frame
    assert "https://huggingface.co" in found["content-security-policy"].partition("frame-ancestors")[2]


@pytest.mark.parametrize(("images", "allowed"), [(True, True), (False, False)])
def test_pictures_of_other_sites_come_over_https_or_not_at_all(images, allowed):
    """A picture over http could ask a device in the visitor's own network."""
    policy = guard.headers(images=images)["content-security-policy"]
    sources = next(rule for rule in policy.split("; ") if rule.startswith("img-src")).split()[1:]
    assert {"'self'", "data:"} <= set(sources) and not {"*", "http:"} & set(sources)
    assert ("https:" in sources) is allowed


@pytest.mark.parametrize(
    "path",
    [
        "upload", "upload_progress?upload_id=x", "component_server", "deep_link?session_hash=x", "dev/reload",
        "process_recording",
        "file=http://8.8.8.8/x", "file/x", "custom_component/1/client/component/x.js",
        "proxy=http://127.0.0.1/", "stream/x", "vibe-code", "vibe-edit", "undo-vibe-edit",
        "run-history/buckets",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_addresses_that_the_page_does_not_need_are_closed(url, method, path):
    """Gradio opens these to everyone: an upload fills the disk, a stream holds a connection."""
    answer = httpx.request(method, f"{url}{API}{path}", timeout=5)
    assert (answer.status_code, answer.json()["detail"]) == (404, "Not found: this page has no such address.")


def test_the_monitoring_page_is_closed(url, capfd):
    """Gradio prints its secret address into the log for every request."""
    assert httpx.get(f"{url}monitoring").status_code == 404
    assert "monitoring" not in capfd.readouterr().out


@pytest.mark.parametrize(
    "path",
    [
        "gradio_api/file=/etc/passwd", "gradio_api/file=app.py", "gradio_api/file=/proc/self/environ",
        "gradio_api/file=..%2f..%2fetc%2fpasswd", "gradio_api/file/etc/passwd", "static/%2e%2e/%2e%2e/routes.py",
        "assets/..%2f..%2froutes.py", "gradio_api/custom_component/1/client/component/..%2f..%2fx.py", "file=app.py",
    ],
)  # fmt: skip
def test_no_address_reads_a_file(url, path):
    assert httpx.get(url + path).status_code in (400, 403, 404)


def posted(url, data, name="search", visit=None):
    """Send a call through the queue; returns the last event."""
    body = json.dumps({"data": data, "session_hash": visit})  # lone surrogates as JSON has them
    said = httpx.post(f"{url}{API}call/{name}", content=body, headers={"content-type": "application/json"}, timeout=10)
    if said.status_code != 200:
        return said.text
    with httpx.stream("GET", f"{url}{API}call/{name}/{said.json()['event_id']}", timeout=10) as answer:
        return "".join(answer.iter_text())


def test_a_request_beyond_the_limit_is_refused_unread(url):
    body = b'{"data":["' + b"x" * guard.MAX_REQUEST_BYTES + b'"]}'
    answer = httpx.post(f"{url}{API}queue/join", content=body)
    assert (answer.status_code, answer.json()["detail"]) == (413, guard.TOO_LARGE)


def test_a_request_that_hides_its_length_is_bounded_too(url):
    body = (b" " * 65_536 for _ in range(2 + guard.MAX_REQUEST_BYTES // 65_536))
    answer = httpx.post(f"{url}{API}queue/join", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 413


def test_the_largest_catalogue_fits():
    from space.search.uploaded_catalogue import MAX_BYTES

    assert MAX_BYTES * 4 / 3 + 1_000_000 < guard.MAX_REQUEST_BYTES


def test_no_request_bypasses_the_queue(url):
    answer = httpx.post(f"{url}{API}run/search", json={"data": ["red shoes", 3]})
    assert answer.status_code == 404 and "queue" in answer.text


def test_numbers_that_no_float_holds(url):
    """JSON allows whole numbers of any length: the answer is a message, not a Python exception."""
    body = b'{"data":["red",3,"tuned","","","","",1' + b"0" * 400 + b",null,null,false]}"
    said = httpx.post(f"{url}{API}call/search", content=body, headers={"content-type": "application/json"})
    with httpx.stream("GET", f"{url}{API}call/search/{said.json()['event_id']}") as answer:
        assert "min_price should be a number >= 0" in "".join(answer.iter_text())


ODD = {
    "every plane": "red " + "".join(chr(plane * 0x10000 + 0xF600) for plane in range(17)),
    "right to left": "\u202e\u2066\u05d0\u0627 red",
    "null": "red\0",
    "lone surrogates": "red \udfff\ud800",
    "a megabyte": "\u00e9 " * 250_000 + "x" * 500_000,
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_odd_texts_over_the_network(url, text, capfd):
    """As a query, a filter or the name of a system: results or a readable message, and no traceback in the log."""
    answer = posted(url, [text, 3, "tuned", *[""] * 4, *[None] * 3, False])
    assert "use at most 500" in answer if len(text) > 500 else '"product_id": "p01"' in answer
    for place, said in ((2, "system should be one of"), (3, "no product with locale")):
        data = ["red", 3, "tuned", *[""] * 4, *[None] * 3, False]
        data[place] = text
        answer = posted(url, data)
        assert said in answer and len(answer) < 2_000
    assert "Traceback" not in capfd.readouterr().err


# -- readiness -------------------------------------------------------------------------------------------------------


def test_ready_is_said_when_the_engine_answers(url):
    answer = httpx.get(f"{url}healthz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True})


class Broken(System):
    """A system that fails or hangs."""

    dense = False

    def __init__(self, act):
        self.retrieve = act


def asked(*acts, kept=0.0, patience=0.05, times=1):
    """The status codes of several health checks in a row."""
    engine = small_shop.engine()
    engine.systems |= {f"broken{number}": Broken(act) for number, act in enumerate(acts)}
    health = Health(engine, kept=kept, patience=patience)

    async def ask():
        return [(await health.answer(None)).status_code for _ in range(times)]

    return asyncio.run(ask())


def test_a_failing_engine_is_not_ready(caplog):
    def fail(*_):
        raise RuntimeError("no memory")

    assert asked(fail, patience=5) == [503]
    assert "not ready: no memory" in caplog.text


@pytest.mark.parametrize(("gpu", "code"), [(None, 503), (lambda task: task, 200)])
def test_only_a_borrowed_gpu_is_not_asked(gpu, code):
    """On ZeroGPU a check would use GPU time of visitors, so encoders are checked on own GPUs only."""

    def fail(*_):
        raise RuntimeError("CUDA error")

    engine = small_shop.engine(gpu=gpu)
    engine.systems["broken"] = SimpleNamespace(dense=True, retrieve=fail)
    assert asyncio.run(Health(engine).answer(None)).status_code == code


def test_a_stuck_engine_is_not_ready_and_is_asked_once():
    calls = []

    def hang(*_):
        calls.append(1)
        time.sleep(0.5)

    assert asked(hang, times=3) == [503] * 3
    assert len(calls) == 1


def test_frequent_health_checks_put_no_load_on_the_engine():
    calls = []
    assert asked(lambda *_: calls.append(1), kept=60, patience=5, times=20) == [200] * 20
    assert len(calls) == 1


# -- a full queue ----------------------------------------------------------------------------------------------------


def test_a_full_queue(monkeypatch):
    """A full queue answers 503 at once, and a visitor who leaves frees a place."""
    monkeypatch.setattr(demo, "MAX_WAITING", 2)
    engine, gate = small_shop.engine(), threading.Event()
    search = engine.search

    def slow(*arguments, **options):
        gate.wait(30)
        return search(*arguments, **options)

    engine.search = slow
    with small_shop.serve(engine) as url:
        config = httpx.get(f"{url}config").json()
        number = next(one["id"] for one in config["dependencies"] if one["api_name"] == "search")

        def join(name):
            body = {
                "data": ["mug", 1, "bm25", "", "", "", "", None, None, None, False],
                "fn_index": number,
                "session_hash": name,
            }
            return httpx.post(f"{url}{API}queue/join", json=body).status_code

        def waiting():
            return httpx.get(f"{url}{API}queue/status").json()["queue_size"]

        def until(size):
            end = time.monotonic() + 5
            while waiting() != size and time.monotonic() < end:
                time.sleep(0.02)
            assert waiting() == size

        for place in range(ENGINE["concurrency_limit"]):  # as many as are served at a time
            assert join(f"served{place}") == 200
            until(0)
        assert [join("first"), join("second"), join("third")] == [200, 200, 503]
        with httpx.stream("GET", f"{url}{API}queue/data?session_hash=first", timeout=5) as listening:
            next(listening.iter_text())
        until(1)
        assert join("fourth") == 200
        gate.set()
        until(0)


# -- what is kept ----------------------------------------------------------------------------------------------------


def test_kept_visits_and_connections_are_bounded(monkeypatch):
    """By default Gradio keeps 10,000 visits of .3 MB and sums up 10,000 answers after each one, and Uvicorn closes a
    connection after five seconds, just when clients that keep them as long send their next question."""
    monkeypatch.setattr(demo, "MAX_VISITS", 2)
    monkeypatch.setattr(demo, "KEPT_OPEN", 0.2)
    page, call = demo.launch(small_shop.engine(), server_name="127.0.0.1", quiet=True), ["red", 1, "bm25", *[""] * 4]
    try:
        for visit in ("first", "second", "third", "second"):
            assert "Red" in posted(page.local_url, [*call, *[None] * 3, False], visit=visit)
        with socket.create_connection(("127.0.0.1", urlsplit(page.local_url).port), timeout=10) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"200 OK" in connection.recv(10_000)
            while connection.recv(10_000):  # the rest of the answer, then "" when the server closes the connection
                pass
        assert list(page.app.state_holder.session_data) == ["third", "second"]
        # Gradio 6.31 has no public view of these; another version may name them differently.
        assert not page._queue.cached_event_analytics_summary["functions"]
        assert len(page._queue.event_analytics) == 1
        # No copies of the settings of components, which took 1.7 MB of a visit to 10,000 products, see visits.py.
        events = httpx.get(f"{page.local_url}config").json()["dependencies"]
        arrival = next(event["id"] for event in events if event["api_name"] == "arrive")
        body = {"data": [None, 1.0], "fn_index": arrival, "session_hash": "third"}
        answer = httpx.post(f"{page.local_url}{API}run/predict", params={"q": "red"}, json=body)
        assert answer.status_code == 200 and "Red" in answer.text
        assert not any(page.app.state_holder["third"].config_values.values())
    finally:
        page.close()


def test_visitors_do_not_see_each_other_s_catalogue(url):
    """An uploaded catalogue is in the state of its visit: the same request from another visit finds nothing."""
    config = httpx.get(f"{url}config").json()

    def run(targets, data, session):
        number = next(one["id"] for one in config["dependencies"] if targets(one))
        body = {"data": data, "fn_index": number, "session_hash": session, "trigger_id": None}
        assert httpx.post(f"{url}{API}queue/join", json=body).status_code == 200
        with httpx.stream("GET", f"{url}{API}queue/data?session_hash={session}", timeout=10) as answer:
            for line in answer.iter_lines():
                if "process_completed" in line:
                    return json.dumps(json.loads(line.partition(":")[2])["output"], ensure_ascii=False)
        raise AssertionError("no answer")

    labels = {one["id"]: str(one["props"].get("label", "")) + str(one["props"].get("value", ""))
              for one in config["components"]}  # fmt: skip

    def loads(one):
        return any("Load this table" in labels.get(target, "") for target, _ in one["targets"])

    def compares(one):
        return one["targets"][0][0] in queries and one["targets"][0][1] == "submit"

    own = next(one for one in config["dependencies"] if loads(one))
    query = next(one for one in own["outputs"] if "uery" in labels.get(one, ""))
    queries = {query}
    run(loads, ["title\nsecret kettle of alice"], "alice")
    assert "secret kettle" in run(compares, ["kettle"], "alice")
    assert "no longer kept" in run(compares, ["kettle"], "bob")


def test_closed_addresses_below_a_root_path():
    assert guard.is_closed("/gradio_api/upload") and guard.is_closed("/some/root/gradio_api/upload")
    assert not guard.is_closed("/gradio_api/queue/join") and not guard.is_closed("/")
    assert not guard.is_closed(urlsplit("http://x/?next=/gradio_api/upload").path)
