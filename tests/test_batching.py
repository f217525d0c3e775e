"""Who waits together is served together, and nobody can tell; what one gets wrong, only he hears of."""

import threading

import pytest
import small_shop

from space.errors import QueryError
from space.retrieval.systems import DenseSystem
from space.search.batching import Batches
from space.search.engine import SearchEngine


class Work:
    """Doubles numbers, in calls that can be held up: ``begun`` says that one is at work, ``go`` lets it end."""

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


def all_at_once(batches, work, numbers):
    """{number: answer or error} of a first question, and of others that come while it is answered."""
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


def test_those_who_wait_are_served_in_one_call():
    work = Work()
    batches = Batches(work, 32)
    assert all_at_once(batches, work, [1, 2, 3, 4]) == {1: 2, 2: 4, 3: 6, 4: 8}
    assert work.calls[0] == [1] and sorted(work.calls[1]) == [2, 3, 4] and len(work.calls) == 2


def test_no_more_than_so_many_in_one_call_and_nobody_is_forgotten():
    work = Work()
    found = all_at_once(Batches(work, 3), work, list(range(20, 31)))
    assert found == {number: 2 * number for number in range(20, 31)}
    assert [len(call) for call in work.calls] == [1, 3, 3, 3, 1]


def test_an_error_is_its_own_only():
    """One who asks for what cannot be must not take the answers of the others with him."""
    work = Work()
    found = all_at_once(Batches(work, 32), work, [1, 13, 2, 3])
    assert found == {1: 2, 13: "thirteen", 2: 4, 3: 6}


def test_an_error_does_not_block_the_next():
    work = Work(held=0)
    batches = Batches(work, 32)
    with pytest.raises(ValueError, match="thirteen"):
        batches.ask(13)
    assert batches.ask(4) == 8


@pytest.fixture(scope="module")
def engine():
    return small_shop.engine()


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


def test_answers_are_those_one_gets_alone(engine):
    """With other depths, systems and filters in the same call: the first of more must be the best of few."""
    alone = [engine.search(*asked[:3], **asked[3]).hits for asked in QUESTIONS]
    found, barrier = {}, threading.Barrier(3 * len(QUESTIONS))

    def ask(place):
        query, k, system, filters = QUESTIONS[place % len(QUESTIONS)]
        barrier.wait(10)
        found[place] = engine.search(query, k, system, **filters).hits

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(3 * len(QUESTIONS))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert found == {place: alone[place % len(QUESTIONS)] for place in range(3 * len(QUESTIONS))}


def test_retrieving_together_is_retrieving_alone(engine):
    """Worked out without threads, so that all of them are in one call for certain; folding reads hybrid deeper."""
    from space.search.retrieval import Asked, Request, retrieve

    masks = [None, engine.facets.mask({"brand": "Acme"}), engine.facets.mask({"brand": "Acme"})]
    names = list(engine.systems)
    requests = [
        Request(names, Asked(query), k, mask) for query in ("red", "phone") for k in (1, 9, 500) for mask in masks
    ]
    requests += [Request(names, Asked("Red running shoes", row), 5, masks[0]) for row in (0, 3)]
    together = retrieve(engine.systems, requests)
    for request, found in zip(requests, together, strict=True):
        (alone,) = retrieve(engine.systems, [request])
        assert {name: (one.rows.tolist(), one.scores.tolist()) for name, (one, *_) in found.items()} == {
            name: (one.rows.tolist(), one.scores.tolist()) for name, (one, *_) in alone.items()
        }


class Elsewhere:
    """An index that is told filters, and that does not answer before two ask it at the same time."""

    def __init__(self, index, told, both, filters=None):
        self.index, self.told, self.both, self.filters = index, told, both, filters

    def within(self, filters):
        return Elsewhere(self.index, self.told, self.both, filters)

    def search(self, queries, k, mask=None):
        self.both.wait(10)
        self.told.append((len(queries), self.filters))
        return self.index.search(queries, k, mask)


def test_who_asks_elsewhere_waits_for_nobody_and_is_told_his_filters(engine):
    """A database that hangs for ten seconds would else hang for each of those who wait, one after the other."""
    told, both = [], threading.Barrier(2)
    tuned = engine.systems["tuned"]
    systems = {"tuned": DenseSystem("tuned", tuned.encoder, Elsewhere(tuned.index, told, both))}
    elsewhere, found = SearchEngine(engine.catalogue, systems), {}

    def ask(brand):
        found[brand] = [hit.key for hit in elsewhere.search("sneakers", 5, brand=brand).hits]

    threads = [threading.Thread(target=ask, args=(brand,)) for brand in ("Acme", "")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(told, key=str) == [(1, {"brand": ""}), (1, {"brand": "Acme"})]
    assert found == {brand: [hit.key for hit in engine.search("sneakers", 5, brand=brand).hits] for brand in found}
    assert set(found) == {"Acme", ""}


def test_a_wrong_question_never_gets_there(engine):
    with pytest.raises(QueryError, match="k should be"):
        engine.search("red", 0)
    assert engine.search("red", 1).hits
