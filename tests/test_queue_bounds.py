"""Crowds that ask and do not listen, and crowds of slow requests: others keep their places and their answers."""

import asyncio
import random
import threading
import time
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from types import SimpleNamespace

import gradio as gr
import httpx
import pytest
import small_shop

from space.data.filters import FILTERS
from space.search import uploaded_catalogue
from space.search.batching import MAX_BATCH
from space.ui import page as demo
from space.ui import queue_bounds
from space.ui.queue_bounds import MOST_OF_A_VISIT

API = "gradio_api/"
SEARCH = ["red", 1, "bm25", *[""] * 4, *[None] * 3, False]


@pytest.fixture
def page():
    """The page over an engine whose searches wait for ``gate``, which is open at first."""
    engine, gate = small_shop.engine(), threading.Event()
    gate.set()
    search, asked = engine.search, []

    def held(query, *given, **options):
        asked.append(query)
        gate.wait(30)
        return search(query, *given, **options)

    engine.search = held
    served = demo.launch(engine, server_name="127.0.0.1", quiet=True)
    served.gate, served.asked = gate, asked
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


def typing_event(page):
    """The number of the event by which the search tab answers: it takes what ``ask_at`` wrote, and does not queue."""
    config = httpx.get(f"{page.local_url}config").json()
    kinds = {one["id"]: one["type"] for one in config["components"]}
    return next(
        one["id"]
        for one in config["dependencies"]
        if not one["queue"] and [kinds[part] for part in one["inputs"]] == ["state", "json", "state"]
    )


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


@asynccontextmanager
async def asking(page):
    """``ask(visit, query)``: a task that searches as the page's own script does, outside of Gradio's queue."""
    event, form = typing_event(page), {"asked_at": 1.0, "k": 5, "system": "bm25", "fold": False, "like": ""}
    async with httpx.AsyncClient(base_url=page.local_url, timeout=30, headers={"accept-language": "ru"}) as client:

        def ask(visit, query="red", encoding="gzip"):
            data = [None, form | dict.fromkeys(FILTERS, "") | {"query": query}, None]
            body = {"data": data, "fn_index": event, "session_hash": visit, "trigger_id": None}
            headers = {"accept-encoding": encoding}
            return asyncio.create_task(client.post(f"{API}run/predict", json=body, headers=headers))

        yield ask


def test_answers_are_compressed(page):
    """On a slow line the answer to a search once took longer to arrive than to compute."""

    async def both():
        async with asking(page) as ask:
            return await ask("visitor"), await ask("visitor", encoding="identity")

    packed, plain = asyncio.run(both())
    assert is_answered(packed) and is_answered(plain)
    assert packed.num_bytes_downloaded < plain.num_bytes_downloaded / 3


async def take_all_places(page, ask):
    """A question of another visit in each place; they are answered when the gate opens."""
    page.gate.clear()
    served = [ask(f"visit{number}") for number in range(MAX_BATCH)]
    await until(lambda: len(page.asked) == MAX_BATCH)
    return served


def is_refused(answer):
    return answer.status_code == 500 and "повторите через минуту" in answer.json()["error"]


def is_answered(answer):
    return answer.status_code == 200 and "Red" in answer.text


def test_what_does_not_queue_has_bounds_of_its_own(page, monkeypatch):
    """The page's own searches bypass Gradio's queue, and with it the bound on those that wait."""
    monkeypatch.setattr(queue_bounds, "MAX_WAITING", 4)
    monkeypatch.setattr(queue_bounds, "MOST_OF_A_VISIT", 3)

    async def crowd():
        async with asking(page) as ask:
            served = await take_all_places(page, ask)
            waiting = [ask("hoarder") for _ in range(3)]
            await until(lambda: page.places.visits["hoarder"] == 3)
            refused = [await ask("hoarder")]
            leaving = ask("leaver", "left")
            await until(lambda: page.places.visits["leaver"])
            refused.append(await ask("late"))
            assert await asyncio.to_thread(join, page, "program") == 200
            await until(lambda: len(page.asked) == MAX_BATCH + 1)  # programs have places of their own
            leaving.cancel()
            await until(lambda: not page.places.visits["leaver"])  # not only when its turn comes
            waiting.append(ask("late"))
            await until(lambda: page.places.visits["late"])
            page.gate.set()
            return refused, await asyncio.gather(*served, *waiting)

    refused, answers = asyncio.run(crowd())
    assert all(map(is_refused, refused)) and all(map(is_answered, answers))
    assert "left" not in page.asked and not page.places.visits


def test_one_visit_does_not_take_every_place(page):
    """A hundred searches of one visit once took all places, and others waited until these were answered."""

    async def crowd():
        async with asking(page) as ask:
            page.gate.clear()
            greedy = [ask("greedy") for _ in range(100)]
            await until(lambda: page.places.visits["greedy"] + sum(one.done() for one in greedy) == 100)
            visitor = ask("visitor", "red boots")
            await until(lambda: "red boots" in page.asked)
            page.gate.set()
            return await asyncio.gather(*greedy), await visitor

    greedy, visitor = asyncio.run(crowd())
    assert sum(map(is_answered, greedy)) == MOST_OF_A_VISIT and is_answered(visitor)
    assert sum(map(is_refused, greedy)) == 100 - MOST_OF_A_VISIT


def test_a_search_does_not_wait_until_a_proxy_ends_it(page, monkeypatch):
    """Outside of the queue nothing is sent while it waits; a slow engine once kept it for as long as it took."""
    monkeypatch.setattr(queue_bounds, "PATIENCE", 0.2)

    async def crowd():
        async with asking(page) as ask:
            served = await take_all_places(page, ask)
            late = await ask("late", "late")
            page.gate.set()
            return late, await asyncio.gather(*served)

    late, answers = asyncio.run(crowd())
    assert is_refused(late) and all(map(is_answered, answers)) and "late" not in page.asked


def test_every_place_is_given_back(monkeypatch):
    """However a question ends: answered, failed, cancelled, left or waited too long, also just as its turn comes."""
    monkeypatch.setattr(queue_bounds, "MAX_WAITING", 1_000)
    monkeypatch.setattr(queue_bounds, "PATIENCE", 0.05)
    chance, ends = random.Random(1), Counter()

    async def question(places, number):
        leaves = chance.random() < 0.5

        async def receive():
            await asyncio.sleep(chance.uniform(0, 0.1) if leaves else 60)
            return {"type": "http.disconnect"}

        await asyncio.sleep(chance.uniform(0, 0.1))
        if chance.random() < 0.2:  # once it has begun, however slow the machine is
            asyncio.get_running_loop().call_later(chance.uniform(0, 0.05), asyncio.current_task().cancel)
        try:
            request = SimpleNamespace(headers={}, request=SimpleNamespace(receive=receive))
            async with places.take(f"visit{number}", request):
                await asyncio.sleep(chance.choice([0, 0.005, 0.02]))
                if chance.random() < 0.2:
                    raise ZeroDivisionError
                ends["answered"] += 1
        except (gr.Error, ZeroDivisionError) as error:
            ends[str(error) or "failed"] += 1
        except asyncio.CancelledError:
            ends["cancelled"] += 1

    async def crowd():
        places = queue_bounds.Places()
        tasks = [asyncio.create_task(question(places, number)) for number in range(1_000)]
        await asyncio.wait(tasks)
        assert not places.visits
        async with AsyncExitStack() as taken:
            for number in range(MAX_BATCH):
                async with asyncio.timeout(0.01):
                    await taken.enter_async_context(places.take(str(number), None))
            with pytest.raises(gr.Error):
                await taken.enter_async_context(places.take("one too many", None))

    asyncio.run(crowd())
    assert set(ends) == {"answered", "cancelled", "failed", repr(queue_bounds.LEFT), repr(queue_bounds.BUSY)}, ends


@pytest.mark.parametrize("gpu_per_call", [False, True])
def test_on_zerogpu_searches_wait_in_the_queue(gpu_per_call):
    """ZeroGPU finds there which visitor waits for a GPU."""
    built = demo.build_demo(small_shop.engine(gpu=(lambda function: function) if gpu_per_call else None))
    searches = [event for event in built.fns.values() if event.fn and event.concurrency_id == "engine"]
    assert {event.queue for event in searches if event.api_visibility == "private"} == {gpu_per_call}
    assert {event.queue for event in searches if event.api_visibility == "public"} == {True}
