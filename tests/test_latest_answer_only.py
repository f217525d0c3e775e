"""Whose answer is shown; that a browser's clock arrives here is for tests/test_browser_latest_answer.py."""

import copy

from space.ui.events.latest_answer_only import Turns


def test_a_newer_question_while_an_answer_is_made_takes_its_place():
    turns = Turns()
    assert turns.answer("search", 1.0, lambda: turns.answer("search", 2.0, lambda: "newer") and "older") is None


def test_an_older_question_that_arrives_late_is_not_even_answered():
    turns, made = Turns(), []
    assert turns.answer("search", 2.0, lambda: "newer") == "newer"
    assert turns.answer("search", 1.0, lambda: made.append("older")) is None
    assert made == []


def test_places_and_visits_know_nothing_of_each_other():
    turns = Turns()
    turns.answer("search", 2.0, lambda: "newer")
    assert turns.answer("compare", 1.0, lambda: "there") == "there"
    assert copy.deepcopy(turns).answer("search", 1.0, lambda: "another visit") == "another visit"


def test_a_question_that_failed_does_not_block_the_next():
    turns = Turns()
    try:
        turns.answer("search", 1.0, lambda: 1 / 0)
    except ZeroDivisionError:
        pass
    assert turns.answer("search", 2.0, lambda: "next") == "next"
