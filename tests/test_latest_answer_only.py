"""Only the answer to the last question is shown; test_browser_latest_answer.py tests it with a real clock."""

import copy

from space.ui.events.latest_answer_only import Latest


def test_an_answer_is_dropped_if_a_newer_question_came_meanwhile():
    latest = Latest()
    assert latest.answer("search", 1.0, lambda: latest.answer("search", 2.0, lambda: "newer") and "older") is None


def test_an_older_question_that_arrives_late_is_not_answered():
    latest, made = Latest(), []
    assert latest.answer("search", 2.0, lambda: "newer") == "newer"
    assert latest.answer("search", 1.0, lambda: made.append("older")) is None
    assert made == []


def test_places_and_visits_are_independent():
    latest = Latest()
    latest.answer("search", 2.0, lambda: "newer")
    assert latest.answer("compare", 1.0, lambda: "there") == "there"
    assert copy.deepcopy(latest).answer("search", 1.0, lambda: "another visit") == "another visit"


def test_a_question_that_failed_does_not_block_the_next():
    latest = Latest()
    try:
        latest.answer("search", 1.0, lambda: 1 / 0)
    except ZeroDivisionError:
        pass
    assert latest.answer("search", 2.0, lambda: "next") == "next"
