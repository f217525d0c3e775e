"""Kept answers: the same as new ones, said to be kept, for equal requests only, bounded, and counted as searches."""

from dataclasses import replace

import pytest
import small_shop

from space.data.passages import passages
from space.feedback.usage import Usage
from space.index.bm25 import Bm25Index
from space.retrieval.baselines import Bm25System
from space.search.engine import SearchEngine


class Counted:
    """A system that counts the queries that reach it."""

    def __init__(self, system):
        self._system, self.asked = system, 0

    def __getattr__(self, name):
        return getattr(self._system, name)

    def __len__(self):
        return len(self._system)

    def within(self, filters):
        return self

    def retrieve(self, queries, *rest):
        self.asked += len(queries)
        return self._system.retrieve(queries, *rest)


@pytest.fixture(scope="module")
def shop():
    return small_shop.engine()


def engine_of(shop, most=100, **settings):
    systems = {name: Counted(shop.systems[name]) for name in ("base", "tuned", "bm25")}
    return SearchEngine(shop.catalogue, systems, judgments=shop.judgments, kept_answers=most, **settings)


def asked(engine):
    return {name: system.asked for name, system in engine.systems.items()}


def without_times(comparison):
    found = comparison.to_json()
    for part in found["systems"].values():
        part.pop("timings_ms")
    return found


def test_the_same_comparison_again_is_equal_and_says_that_it_was_kept(shop):
    engine = engine_of(shop)
    first, second = (engine.compare("  red shoes", 5, ["base", "tuned", "bm25"], locale="us") for _ in range(2))
    assert without_times(first) == without_times(second)
    assert asked(engine) == {"base": 1, "tuned": 1, "bm25": 1}
    for name in engine.systems:
        assert "cached" not in first.systems[name].to_json()["timings_ms"]
        timings = second.systems[name].to_json()["timings_ms"]
        assert timings["cached"] is True and timings["encode"] == timings["search"] == 0 < timings["total"]


def test_a_search_takes_what_a_comparison_found_and_asks_only_what_is_new(shop):
    engine = engine_of(shop)
    engine.compare("red shoes", 5, ["tuned"])
    assert engine.search("red shoes", 5, "tuned").kept
    both = engine.compare("red shoes", 5, ["base", "tuned"])
    assert [both.systems[name].kept for name in ("base", "tuned")] == [False, True]
    assert asked(engine) == {"base": 1, "tuned": 1, "bm25": 0}


@pytest.mark.parametrize(
    "other",
    [
        {"query": "red shoe"},
        {"k": 6},
        {"locale": "es"},
        {"locale": ""},
        {"color": "red"},
        {"min_price": 20},
        {"max_price": 20},
    ],
)
def test_another_request_is_not_answered_with_it(shop, other):
    usual = {"query": "red shoes", "k": 5, "locale": "us"}
    engine = engine_of(shop)
    engine.search(**usual)
    found = engine.search(**usual | other)
    assert not found.kept and asked(engine)["tuned"] == 2
    assert without_kept(found) == without_kept(engine_of(shop, 0).search(**usual | other))


def without_kept(result):
    return replace(result, timings_ms={})


def test_more_like_a_product_is_not_answered_with_a_search_for_its_title(shop):
    engine = engine_of(shop)
    title = engine.search("red shoes", 1).hits[0]
    engine.search(title.title, 5)
    like = engine.more_like(title.product_locale, title.product_id, 5)
    assert not like.kept and title.key not in [hit.key for hit in like.hits]


def test_the_catalogue_of_another_store_has_answers_of_its_own(shop):
    """Artifacts belong to one engine, and so do the answers."""
    whole, part = shop.catalogue, shop.catalogue.slice(5)
    engines = [
        SearchEngine(rows, {"bm25": Bm25System(Bm25Index(passages(rows)))}, kept_answers=9) for rows in (whole, part)
    ]
    found = [engine.search("red running shoes", 5, "bm25") for engine in engines]
    assert [one.hits[0].product_id == "p01" for one in found] == [True, False]
    assert not any(one.kept for one in found)


def test_a_database_is_always_asked(shop):
    """Its products can change while the app runs."""
    engine = engine_of(shop)
    for system in engine.systems.values():
        system.in_database = True
    assert not any(engine.search("red shoes", 5).kept for _ in range(2))


def test_the_answers_are_bounded_and_the_oldest_go_first(shop):
    engine = engine_of(shop, most=2)
    for query in ("red", "blue", "red", "green"):
        engine.search(query, 5)
    assert [engine.search(query, 5).kept for query in ("red", "green", "blue")] == [True, True, False]
    engine = engine_of(shop, most=0)
    assert not any(engine.search("red", 5).kept for _ in range(2))


def test_what_is_kept_is_no_part_of_a_larger_array(shop):
    """The ranking of one request may be a part of the arrays of 32."""
    engine = engine_of(shop)
    engine.search("red shoes", 5)
    (answer,) = engine._kept._answers.values()
    assert answer.ranking.rows.base is None and answer.ranking.scores.base is None


def test_a_kept_answer_counts_as_a_search(shop, tmp_path):
    usage = Usage(tmp_path, seconds=60)
    engine = engine_of(shop, usage=usage)
    for _ in range(3):
        engine.search("red shoes", 5)
    report = usage.report()
    usage.close()
    assert report.searches == 3 and report.shown == 15
