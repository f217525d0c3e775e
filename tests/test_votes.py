"""Votes: blind, one a rater and query, bounded, removable, and right about a panel whose preferences are known."""

import json

import numpy as np
import pytest

from space.errors import UserError
from space.feedback import raters
from space.feedback.ballots import Ballots, Pair
from space.feedback.journal import Journal, Reader
from space.feedback.judgments import Judgment, Judgments
from space.feedback.raters import Access, RateLimit, is_named, visit_name
from space.feedback.tally import sign_test, tally
from space.feedback.votes import REMOVALS, Vote, Votes, now

PAIR = Pair("base", "tuned", "m1")


def vote(rater, query, choice, made_by="m1", held_out=True, at="2026-01-02T03:04:05+00:00"):
    return Vote(at, rater, "us", query, "base", "tuned", choice, made_by, held_out)


# -- ballots ---------------------------------------------------------------------------------------------------------


def test_sides_are_drawn_and_the_vote_is_for_the_system_on_that_side():
    """If the sides were fixed, or the draw were not undone, the result would be that of a coin."""
    ballots, seen = Ballots(), []
    for number in range(200):
        ballot = ballots.deal(f"visit {number}", PAIR, "mug", "us", held_out=True)
        seen.append(ballot.swapped)
        system_of_a = ballot.sides[0]
        given = ballot.vote("a", "owner")
        assert {"first": "base", "second": "tuned"}[given.choice] == system_of_a
        assert {"first": "base", "second": "tuned"}[ballot.vote("b", "owner").choice] == ballot.sides[1]
        assert (ballot.vote("both", "owner").choice, ballot.vote("neither", "owner").choice) == ("both", "neither")
    assert 60 < sum(seen) < 140  # p < 1e-8 for a fair coin


def test_a_ballot_is_answered_once_and_only_by_its_visit():
    """A double click, an old page, or another visitor must not vote on what is before this one."""
    ballots = Ballots()
    first = ballots.deal("v", PAIR, "mug", held_out=True)
    second = ballots.deal("v", PAIR, "cup", held_out=True)
    assert ballots.take("v", first.number) is None and ballots.take("w", second.number) is None
    assert ballots.take("v", second.number) == second
    assert ballots.take("v", second.number) is None


# -- keeping ---------------------------------------------------------------------------------------------------------


def test_one_vote_a_query_and_rater(tmp_path):
    """Case and spacing make no new query; other encoders do make another question."""
    votes = Votes(Journal(tmp_path))
    assert votes.add(vote("owner", "Red  shoes", "first"))
    assert not votes.add(vote("owner", "red shoes", "second"))
    assert votes.add(vote("hub:ann", "red shoes", "second")) and votes.add(vote("owner", "red shoes", "second", "m2"))
    again = Votes(Journal(tmp_path)).all()
    assert [(one.rater, one.choice, one.made_by) for one in again] == [
        ("owner", "first", "m1"), ("hub:ann", "second", "m1"), ("owner", "second", "m2")
    ]  # fmt: skip


def test_a_removed_rater_does_not_count_and_may_come_back(tmp_path):
    """The owner appends one line; nothing is rewritten."""
    journal = Journal(tmp_path)
    votes = Votes(journal)
    votes.add(vote("visit-1", "mug", "first"))
    votes.add(vote("owner", "mug", "second"))
    journal.append(REMOVALS, {"rater": "visit-1", "at": "2026-01-03T00:00:00+00:00"})
    assert [one.rater for one in votes.all()] == [one.rater for one in Votes(Journal(tmp_path)).all()] == ["owner"]
    assert votes.add(vote("visit-1", "mug", "both", at=now()))
    assert {one.rater: one.choice for one in votes.all()} == {"visit-1": "both", "owner": "second"}


def test_all_visits_can_be_removed_at_once(tmp_path):
    """A crowd has thousands of names. The order of the files must not matter for an answer that came after it."""
    journal = Journal(tmp_path)
    votes = Votes(journal)
    for rater in ("visit-1", "visit-2", "hub:visits", "owner"):
        votes.add(vote(rater, "mug", "first"))
    journal.append(REMOVALS, {"rater": "visits", "at": "2026-01-03T00:00:00+00:00"})
    assert [one.rater for one in votes.all()] == ["hub:visits", "owner"]
    assert votes.add(vote("visit-1", "mug", "both", at="2026-01-04T00:00:00+00:00"))
    other = Journal(tmp_path / "other")
    for kind in ("removals", "votes"):
        for line in list(Reader(journal, kind).new())[::-1]:
            other.append(kind, line)
    for read in (votes, Votes(Journal(tmp_path)), Votes(other)):
        assert {one.rater: one.choice for one in read.all()} == {
            "visit-1": "both", "hub:visits": "first", "owner": "first"
        }  # fmt: skip


@pytest.mark.parametrize("wrong", [{"choice": "third"}, {"rater": 7}, {"query": None}, {}])
def test_lines_that_are_no_votes_are_left_out(tmp_path, wrong):
    journal = Journal(tmp_path)
    line = json.loads(json.dumps(vote("owner", "mug", "first").__dict__))
    journal.append("votes", {**line, **wrong} if wrong else {})
    assert Votes(journal).all() == []


# -- the result ------------------------------------------------------------------------------------------------------


def test_wins_ties_and_losses_by_people_and_by_query():
    """Three people on one query, one on another: people 2 wins, 1 loss, 1 tie; queries 1 win, 1 tie."""
    given = [vote("hub:a", "q1", "second"), vote("hub:b", "q1", "second"), vote("hub:c", "q1", "first")]
    found = tally([*given, vote("hub:a", "q2", "neither"), vote("hub:a", "typed", "first", held_out=False)])
    people, by_query = found.people, found.by_query
    assert (people.first, people.second, people.both, people.neither) == (1, 2, 0, 1)
    assert (by_query.wins, by_query.losses, by_query.ties, by_query.n, found.typed) == (1, 0, 1, 2, 1)
    assert by_query.mean == pytest.approx((1 / 3 + 0) / 2, abs=1e-6) and by_query.outcome == "few"
    assert [(one.rater, one.votes) for one in found.raters] == [("hub:a", 2), ("hub:b", 1), ("hub:c", 1)]
    assert tally([]).by_query.outcome == "none" and tally([]).p == 1.0


def test_ten_queries_decide():
    """Nine say too few, ten say better."""
    won = [vote("owner", f"q{number}", "second") for number in range(10)]
    assert tally(won[:9]).by_query.outcome == "few" and tally(won).by_query.outcome == "better"
    assert tally(won).p == pytest.approx(2 / 1024)


@pytest.mark.parametrize(("wins", "losses", "p"), [(0, 0, 1), (1, 0, 1), (5, 0, 0.0625), (8, 2, 0.109375), (3, 3, 1)])
def test_sign_test(wins, losses, p):
    """By hand: 8 of 10 is 2 * (1 + 10 + 45) / 1024."""
    assert sign_test(wins, losses) == sign_test(losses, wins) == pytest.approx(p)


def test_a_crowd_without_names_is_one_rater():
    """A thousand hostile visits on each query beside three named raters move it by 2 / 4 and no further."""
    queries = [f"q{number}" for number in range(12)]
    named = [vote(f"hub:{name}", query, "second") for name in "abc" for query in queries]
    crowd = [vote(visit_name(f"{number}"), query, "first") for number in range(1000) for query in queries[:2]]
    crowd += [vote(visit_name("x"), query, "first") for query in queries[2:]]
    found = tally(named + crowd)
    assert found.by_query.mean == pytest.approx(0.5) and found.by_query.outcome == "better"
    assert tally(named).by_query.mean == 1.0
    assert (found.visits, len(found.raters)) == (1001, 4)
    assert found.without_one == pytest.approx((1 / 3, 1.0))


def test_a_panel_with_known_preferences_is_recovered():
    """Five raters, 40 queries with a known mean preference, and noise: the 95 % interval holds it in 95 % of panels.

    The truth is over queries: a panel draws its 40 queries, and each rater votes by the query's preference.
    """
    rng, held = np.random.default_rng(5), 0
    panels = 100
    for _ in range(panels):
        given = []
        for query in range(40):
            preferred = rng.uniform(-0.4, 0.8)  # its mean is .2
            for rater in range(5):
                tie = rng.random() < 0.3
                # so that the expected vote is ``preferred``: P(second) - P(first), given no tie, is preferred / .7
                second = rng.random() < (1 + np.clip(preferred / 0.7, -1, 1)) / 2
                choice = ("both" if rng.random() < 0.5 else "neither") if tie else ("second" if second else "first")
                given.append(vote(f"hub:{rater}", f"q{query}", choice))
        found = tally(given).by_query
        held += found.low <= TRUE_MEAN <= found.high
    assert 0.90 * panels <= held <= 0.99 * panels


#: The mean of the expected vote of that panel: clip(u / .7, -1, 1) * .7 for u uniform in -.4 to .8, by integration.
TRUE_MEAN = (0.5 * (0.7**2 - 0.4**2) + 0.7 * 0.1) / 1.2


def test_nothing_of_a_visit_is_kept_but_a_name_that_is_no_key_to_it(tmp_path):
    """A new name in a line is a decision about privacy: change this test with it, and the page's promise too."""
    journal, visit = Journal(tmp_path), "session-of-a-visitor"
    Votes(journal).add(vote(visit_name(visit), "mug", "first"))
    Judgments(journal).add(Judgment("2026-01-02", visit_name(visit), "us", "mug", "p1", "Exact"))
    kept = {kind: set(next(iter(Reader(journal, kind).new()))) for kind in ("votes", "judgments")}
    assert kept == {
        "votes": {"at", "rater", "locale", "query", "first", "second", "choice", "made_by", "held_out"},
        "judgments": {"at", "rater", "locale", "query", "product_id", "grade"},
    }
    assert not [path for path in tmp_path.rglob("*.jsonl") if visit in path.read_text()]


# -- who may ---------------------------------------------------------------------------------------------------------


def test_who_may_answer():
    """Off is off for all; a login page takes the names on its list, in any case; open takes visits."""
    assert Access("off").rater("v", "ann") is None
    assert Access("open").rater("v", None) == visit_name("v") != visit_name("w")
    assert Access("open").rater("v", "ann") == Access("login").rater("v", "ann") == "hub:ann"
    assert Access("login").rater("v", None) is None
    assert (
        Access("login", ["Ann"]).rater("v", "ann") == "hub:ann" and Access("login", ["ann"]).rater("v", "bob") is None
    )
    assert Access("open", owner=True).rater("v", None) == "owner" and Access("open").rater("", None) is None
    assert is_named("owner") and is_named("hub:ann") and not is_named(visit_name("v"))


def test_answers_that_come_faster_than_people_give_them_are_refused():
    """A minute later the visit may go on; another visit is not held up by it."""
    limit = RateLimit()
    for _ in range(raters.RATER_A_MINUTE):
        limit.check("visit-1", now=0.0)
    with pytest.raises(UserError, match="minute"):
        limit.check("visit-1", now=1.0)
    limit.check("visit-2", now=1.0)
    limit.check("visit-1", now=61.0)


def test_all_visits_together_and_one_visit_at_all_are_bounded(monkeypatch):
    """A crowd of visits, and a patient one. Raters with a name are not held up by a crowd."""
    monkeypatch.setattr(raters, "VISIT_AT_ALL", 3)
    limit = RateLimit()
    for minute in range(3):
        limit.check("visit-1", now=minute * 100.0)
    with pytest.raises(UserError, match="one visit"):
        limit.check("visit-1", now=1000.0)
    for minute in range(5):
        limit.check("owner", now=2000.0 + minute * 100.0)
    for number in range(raters.VISITS_A_MINUTE):
        limit.check(f"visit-x{number}", now=5000.0)
    with pytest.raises(UserError, match="minute"):
        limit.check("visit-new", now=5000.0)
    limit.check("hub:ann", now=5000.0)
    monkeypatch.setattr(raters, "VISITS_AT_ALL", raters.VISITS_A_MINUTE + 4)
    limit.check("visit-new", now=6000.0)  # the 304th
    with pytest.raises(UserError, match="no more answers from visits"):
        limit.check("visit-newer", now=7000.0)
    limit.check("hub:ann", now=7000.0)
