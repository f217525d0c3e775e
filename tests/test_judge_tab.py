"""The tab Judge and judging in place: pairs without a label, kept, changed and taken back."""

from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
import small_shop
from result_pages import EVIL, assert_inert

from space.errors import UserError
from space.feedback import raters
from space.feedback.judgments import CANNOT_TELL, WITHDRAWN, Judgment
from space.search import people as search_people
from space.search.people import HeldOutPool, judgments_of
from space.ui.html import judging as judging_html
from space.ui.tabs import judge, judge_here
from space.ui.tabs.judge import Desk, Open


def test_every_pair_is_judged_once_and_progress_reaches_one(engine, people):
    """The queue ends when every product of a top ten has a label or a judgment."""
    desk, held, count = Desk(engine, people), Open(), 0
    page, held = desk.next("owner", held)
    while held.product_id:
        page, held = desk.judge("Irrelevant", "owner", held, None)
        count += 1
        assert count < 200
        people.limit = raters.RateLimit()  # as if a minute had passed
    assert "nothing left to judge" in page and count > 20
    assert "100.0 %" in desk.overview("owner")
    assert {one.grade for one in people.judgments.all()} == {"Irrelevant"} and len(people.judgments.all()) == count


def test_a_pool_is_bounded_and_the_same_for_queue_and_evaluation(engine, monkeypatch):
    """A page over all of ESCI has 20,000 held-out queries, and on ZeroGPU each takes a GPU from a visitor."""
    monkeypatch.setattr(search_people, "MOST_QUERIES", 4)
    queries = search_people.asked(engine)
    assert len(queries) == 4 and queries == search_people.asked(engine)
    kept = {(one.locale, one.query) for one in HeldOutPool(engine).lists()}
    labels = judgments_of(engine, queries)
    assert (
        kept
        == {(one.locale, one.query) for one in queries}
        == set(zip(labels["product_locale"], labels["query"], strict=True))
    )
    monkeypatch.setattr(search_people, "MOST_QUERIES_A_GPU_CALL", 2)
    assert len(search_people.asked(small_shop.engine(gpu=lambda run: run))) == 2


def test_a_reranker_answers_a_query_when_it_is_judged(people):
    """It scored 50 pairs for each of 500 queries as soon as the tab was opened, which takes minutes."""
    engine = small_shop.engine(rerank=20)
    desk, pool = Desk(engine, people), HeldOutPool(engine)
    assert not [one for one in pool.lists() if "reranked" in one.found]
    page, held = desk.next("owner", Open())
    assert f"answered 1 of {len(pool.lists())} queries" in desk.overview("owner")
    while held.product_id:
        page, held = desk.judge("Irrelevant", "owner", held, None)
        people.limit = raters.RateLimit()
    assert "nothing left to judge" in page
    whole = [pool.completed(one) for one in pool.lists()]
    assert not [one for one in whole if "reranked" not in one.found or one.unjudged(people.judged())]
    assert "so far" not in desk.overview("owner")


def test_pairs_that_only_the_reranker_found_come_last_and_may_take_a_while(people, monkeypatch):
    """All other pairs are judged, so its lists are made one after the other until one has something new."""
    engine = small_shop.engine(rerank=20)
    engine.systems["reranked"].scorer = SimpleNamespace(scores=lambda pairs: np.arange(len(pairs)))  # the last first
    desk, pool = Desk(engine, people), HeldOutPool(engine)
    for lists in pool.lists():
        for product in lists.unjudged(()):
            people.judgments.add(Judgment("2026-01-02", "hub:ann", lists.locale, lists.query, product, "Exact"))
    monkeypatch.setattr(judge, "_PATIENCE", -1.0)
    page, held = desk.next("owner", Open())
    assert "Ask for the next pair again" in page and not held.product_id
    monkeypatch.setattr(judge, "_PATIENCE", 10.0)
    page, held = desk.next("owner", Open())
    (lists,) = [one for one in pool.lists() if (one.locale, one.query) == (held.locale, held.query)]
    assert held.product_id not in lists.pooled and held.product_id in pool.completed(lists).found["reranked"]


def test_the_question_does_not_tell_the_system(engine, people):
    page, held = Desk(engine, people).next("owner", Open())
    for word in ("base", "tuned", "bm25", "hybrid", "cosine"):
        assert word not in page.casefold()
    assert held.query in page


def test_a_judgment_is_looked_at_changed_and_taken_back(engine, people):
    desk = Desk(engine, people)
    _, held = desk.next("owner", Open())
    pair = held.locale, held.query, held.product_id
    desk.judge(CANNOT_TELL, "owner", held, None)
    assert "cannot tell" in desk.overview("owner") and pair[2] in desk.overview("owner")
    page, again = desk.open("owner", Open(), *pair)
    assert "You said: cannot tell" in page and (again.locale, again.query, again.product_id) == pair
    desk.judge("Exact", "owner", again, None)
    assert [one.grade for one in people.judgments.all()] == ["Exact"]
    _, again = desk.open("owner", Open(), *pair)
    desk.judge(WITHDRAWN, "owner", again, None)
    assert people.judgments.all() == []


def test_a_forged_event_opens_no_pair_of_others(engine, people):
    """Only a pair that this rater has judged is opened; another one is the next of the queue."""
    _, held = Desk(engine, people).open("owner", Open(), "us", "x", "p01")
    assert held.last == ""


def test_a_query_of_ones_own_is_judged_instead_of_the_queue(engine, people):
    """For training, since held-out queries stay out of it."""
    desk, seen = Desk(engine, people), 0
    page, held = desk.next("owner", Open(typed="garden hose"))
    while held.product_id:
        assert (held.query, held.locale) == ("garden hose", "us") and "garden hose" in page
        page, held = desk.judge("Exact", "owner", replace(held, typed="garden hose"), None)
        seen += 1
    assert seen >= 10 and "nothing left to judge" in page
    with pytest.raises(UserError, match="characters"):
        desk.next("owner", Open(typed="x" * 1000))


def test_skipped_pairs_do_not_come_back_in_the_visit(engine, people):
    desk, held, seen = Desk(engine, people), Open(), set()
    _, held = desk.next("owner", held)
    while held.product_id:
        pair = held.locale, held.query, held.product_id
        assert pair not in seen
        seen.add(pair)
        _, held = desk.skip("owner", held, None)
    assert people.judgments.all() == [] and len(seen) > 20


def in_place(engine, people, **sent):
    """What comes of an event of the page's script, as ``judge`` returns it."""
    event = gr.EventData(None, {"query": "red sneakers", "locale": "us", "product": "p14", "grade": "Exact"} | sent)
    return judge_here.judge(engine, Desk(engine, people), "owner", event)


def test_a_hit_is_judged_in_place_as_in_the_queue(engine, people):
    """The same journal, pair and limit; the queue does not ask for it again."""
    in_place(engine, people)
    (found,) = people.judgments.all()
    assert found.pair in people.judged() and (found.rater, found.grade) == ("owner", "Exact")
    assert found.pair == ("us", "red sneakers", "p14")


def test_a_judgment_in_place_is_looked_at_and_taken_back(engine, people):
    """As in the Judge tab; what another rater said is neither shown nor taken back."""
    assert in_place(engine, people, does="look", grade="") == ("", "") and people.judgments.all() == []
    people.judgments.add(Judgment("2026-01-02", "hub:ann", "us", "red sneakers", "p14", "Exact"))
    assert in_place(engine, people, does="look", grade="") == ("", "")
    in_place(engine, people, grade="Substitute")
    shown, kept = in_place(engine, people, does="look", grade="", query="Red  Sneakers")
    assert "You said: Substitute" in shown and kept == "Substitute"
    shown, kept = in_place(engine, people, grade=WITHDRAWN)
    assert "taken back" in shown and kept == ""
    assert [one.rater for one in people.judgments.all()] == ["hub:ann"]


@pytest.mark.parametrize("sent", [
    {"grade": "Great"}, {"grade": WITHDRAWN}, {"grade": 1}, {"product": "gone"}, {"locale": "xx"}, {"query": ""},
    {"query": "x" * 1000}, {"product": None},
])  # fmt: skip
def test_a_forged_judgment_is_refused_in_one_sentence(engine, people, sent):
    with pytest.raises(UserError):
        in_place(engine, people, **sent)
    assert people.judgments.all() == []


def test_judging_in_place_has_the_limit_of_the_tab(engine, people, monkeypatch):
    monkeypatch.setattr(raters, "RATER_A_MINUTE", 1)
    in_place(engine, people)
    with pytest.raises(UserError, match="minute"):
        in_place(engine, people, product="p15")
    assert len(people.judgments.all()) == 1


def test_only_hits_without_a_label_can_be_judged_in_place(engine):
    hits = engine.search("red sneakers", 10, "base").hits
    assert {bool(judging_html.judge_here("red sneakers", hit)) for hit in hits if hit.grade} == {False}
    assert all(judging_html.judge_here("red sneakers", hit) for hit in hits if not hit.grade)
    assert_inert("".join(judging_html.judge_here(EVIL, replace(hit, title=EVIL, grade=None)) for hit in hits))
