"""Batches: concurrent requests get the answers that each would get alone, and an error stays with its request."""

import threading

import pytest

from space.retrieval.dense import DenseSystem
from space.search.batching import Batches, retrieve
from space.search.engine import SearchEngine
from space.search.request import Request


class Work:
    """Doubles numbers. The first ``held`` calls set ``begun`` and then wait for ``go``."""

    def __init__(self, held=1):
        self.calls, self.begun, self.go = [], threading.Event(), threading.Event()
        self.held = held

    def __call__(self, numbers):
        self.calls.append(list(numbers))
        if len(self.calls) <= self.held:
            self.begun.set()
            assert self.go.wait(10)
        if 13 in numbers:
            raise ValueError("thirteen")
        return [2 * number for number in numbers]


def ask_together(batches, work, numbers):
    """{number: reply or error}: the first is asked, and all others while its batch runs."""
    found = {}

    def ask(number):
        try:
            found[number] = batches.ask(number)
        except ValueError as error:
            found[number] = str(error)

    threads = [threading.Thread(target=ask, args=(number,)) for number in numbers]
    threads[0].start()
    assert work.begun.wait(10)
    for thread in threads[1:]:
        thread.start()
    while len(batches._waiting) < len(numbers) - 1:
        threading.Event().wait(0.001)
    work.go.set()
    for thread in threads:
        thread.join(10)
    return found


def test_a_batch_has_a_limit_and_the_rest_is_answered_next():
    work = Work()
    found = ask_together(Batches(work, 3), work, list(range(20, 31)))
    assert found == {number: 2 * number for number in range(20, 31)}
    assert [len(call) for call in work.calls] == [1, 3, 3, 3, 1]


def test_an_error_stays_with_its_question():
    """13 fails; the others of its batch must get their replies."""
    work = Work()
    found = ask_together(Batches(work, 32), work, [1, 13, 2, 3])
    assert found == {1: 2, 13: "thirteen", 2: 4, 3: 6}


def test_an_error_does_not_block_the_next_question():
    work = Work(held=0)
    batches = Batches(work, 32)
    with pytest.raises(ValueError, match="thirteen"):
        batches.ask(13)
    assert batches.ask(4) == 8


QUESTIONS = [
    ("red running shoes", 3, "tuned", {}),
    ("sneakers", 10, "tuned", {"brand": "Acme"}),
    ("sneakers", 5, "tuned", {"brand": "Acme"}),
    ("coffee", 4, "base", {"locale": "us"}),
    ("laptop", 7, "hybrid", {}),
    ("phone", 100, "hybrid", {"locale": "us"}),
    ("coffee mug", 2, "bm25", {}),
    ("red", 1, "base", {}),
]


def test_concurrent_searches_get_the_answers_of_single_ones(engine):
    """Three threads for each question, with different k, systems and filters."""

    def ask(place):
        query, k, system, filters = QUESTIONS[place % len(QUESTIONS)]
        return [hit.to_json() for hit in engine.search(query, k, system, **filters).hits]

    def ask_concurrently(place):
        barrier.wait(10)
        found[place] = ask(place)

    expected = {place: ask(place) for place in range(3 * len(QUESTIONS))}
    found, barrier = {}, threading.Barrier(len(expected))
    threads = [threading.Thread(target=ask_concurrently, args=(place,)) for place in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert found == expected


def test_a_batch_gives_the_answers_of_single_requests(engine):
    """Without threads, so that all requests are in one batch for certain."""
    masks = [None, engine.facets.mask({"brand": "Acme"}), engine.facets.mask({"brand": "Acme"})]
    names = list(engine.systems)
    requests = [
        Request(names, query, k, {}, mask) for query in ("red", "phone") for k in (1, 9, 500) for mask in masks
    ]
    requests += [Request(names, "Red running shoes", 5, {}, None, row) for row in (0, 3)]

    def plain(answers):
        return {
            name: (answer.ranking.rows.tolist(), answer.ranking.scores.tolist()) for name, answer in answers.items()
        }

    for request, found in zip(requests, retrieve(engine.systems, requests), strict=True):
        (alone,) = retrieve(engine.systems, [request])
        assert plain(found) == plain(alone)


class Database:
    """An index that is told filters, and that answers only once two requests are there at the same time."""

    def __init__(self, index, told, both, filters=None):
        self.index, self.told, self.both, self.filters = index, told, both, filters

    def __len__(self):
        return len(self.index)

    def within(self, filters):
        return Database(self.index, self.told, self.both, filters)

    def search(self, queries, k, mask=None):
        self.both.wait(10)
        self.told.append((len(queries), self.filters))
        return self.index.search(queries, k, mask)


def test_searches_of_a_database_are_not_batched_and_each_has_its_filters(engine):
    """A database that hangs for ten seconds must not hold up the other requests of a batch."""
    told, both = [], threading.Barrier(2)
    tuned = engine.systems["tuned"]
    systems = {"tuned": DenseSystem("tuned", tuned.encoder, Database(tuned.index, told, both))}
    elsewhere, found = SearchEngine(engine.catalogue, systems), {}

    def ask(brand):
        found[brand] = [hit.key for hit in elsewhere.search("sneakers", 5, brand=brand).hits]

    threads = [threading.Thread(target=ask, args=(brand,)) for brand in ("Acme", "")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(told, key=str) == [(1, {"brand": "Acme"}), (1, {})]
    assert found == {
        brand: [hit.key for hit in engine.search("sneakers", 5, brand=brand).hits] for brand in ("Acme", "")
    }
