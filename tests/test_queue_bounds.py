"""Crowds that ask and do not listen, and crowds of slow requests: others keep their places and their answers."""

import threading
import time

import httpx
import pytest
import small_shop

from space.search import uploaded_catalogue
from space.ui import page as demo
from space.ui import queue_bounds

API = "gradio_api/"
SEARCH = ["red", 1, "bm25", *[""] * 4, *[None] * 3, False]


@pytest.fixture
def page():
    """The page over an engine whose searches wait for ``gate``, which is open at first."""
    engine, gate = small_shop.engine(), threading.Event()
    gate.set()
    search = engine.search
    engine.search = lambda *given, **options: (gate.wait(30), search(*given, **options))[1]
    served = demo.launch(engine, server_name="127.0.0.1", quiet=True)
    served.gate = gate
    yield served
    gate.set()
    served.close()


def join(page, visit, fn=None, data=SEARCH):
    if fn is None:
        answer = httpx.post(f"{page.local_url}{API}call/search", json={"data": data, "session_hash": visit})
    else:
        body = {"data": data, "fn_index": fn, "session_hash": visit, "trigger_id": None}
        answer = httpx.post(f"{page.local_url}{API}queue/join", json=body)
    return answer.status_code


def collect(page, visit):
    with httpx.stream("GET", f"{page.local_url}{API}queue/data?session_hash={visit}", timeout=20) as stream:
        if stream.status_code != 200:
            return None
        return next((line for line in stream.iter_lines() if "process_completed" in line), None)


def settled(page):
    """Wait until everything that was asked is computed."""
    while len(page._queue) or any(page._queue.active_jobs):
        time.sleep(0.02)


def test_uncollected_answers_are_bounded(page, monkeypatch):
    """They would fill the memory: a visit with many is refused, and of many visits the oldest is dropped."""
    monkeypatch.setattr(queue_bounds, "MOST_OF_A_VISIT", 3)
    monkeypatch.setattr(queue_bounds, "MOST", 5)
    assert [join(page, "hoarder") for _ in range(4)] == [200, 200, 200, 503]
    for number in range(6):
        settled(page)
        assert join(page, f"visit{number}") == 200
    # Gradio 6.31 has no public view of these, see space/ui/queue_bounds.py.
    kept = page._queue.pending_messages_per_session
    assert list(kept) == [f"visit{number}" for number in range(1, 6)]
    assert set(page._queue.pending_event_ids_session) <= set(kept)


def test_a_visitor_who_listens_keeps_the_answer_while_a_crowd_comes_and_goes(page, monkeypatch):
    """A flood of new visits once took the place of the oldest one, which was waiting for its answer."""
    monkeypatch.setattr(queue_bounds, "MOST", 5)
    page.gate.clear()
    assert join(page, "visitor") == 200
    answers = []
    listening = threading.Thread(target=lambda: answers.append(collect(page, "visitor")))
    listening.start()
    while not page.listening["visitor"]:
        time.sleep(0.02)
    codes = [join(page, f"crowd{number}") for number in range(12)]
    assert codes[:4] == [200] * 4 and set(codes[4:]) == {503}  # nothing is computed yet, so nothing may be dropped
    page.gate.set()
    listening.join(20)
    assert "Red" in answers[0]
    settled(page)
    assert [join(page, f"later{number}") for number in range(12)] == [200] * 12


def test_slow_requests_leave_places_for_fast_ones(page, monkeypatch):
    """A hundred tables once filled the queue, and every visitor was told for a minute that the page is busy."""
    gate, embed = threading.Event(), uploaded_catalogue.embed
    monkeypatch.setattr(uploaded_catalogue, "embed", lambda *given: (gate.wait(30), embed(*given))[1])
    config = httpx.get(f"{page.local_url}config").json()
    labels = {one["id"]: str(one["props"].get("value", "")) for one in config["components"]}
    load = next(
        one for one in config["dependencies"] if any("Load this table" in labels.get(t, "") for t, _ in one["targets"])
    )["id"]
    rows = ["title\nkettle"]
    assert join(page, "first", load, rows) == 200
    while len(page._queue):  # until it is being embedded
        time.sleep(0.02)
    assert [join(page, "hoarder", load, rows) for _ in range(3)] == [200, 200, 503]
    codes = [join(page, f"visit{number}", load, rows) for number in range(120)]
    assert codes == [200] * 8 + [503] * 112
    assert join(page, "searcher") == 200 and "Red" in collect(page, "searcher")
    gate.set()
