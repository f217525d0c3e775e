"""The tab Vote: blind pairs of lists, marked, kept and revealed."""

import json
import re

import httpx
import pytest
import small_shop
from result_pages import EVIL, assert_inert

from space.errors import UserError
from space.feedback import raters
from space.feedback.ballots import Ballot
from space.feedback.journal import Journal
from space.feedback.tally import tally
from space.search import people as search_people
from space.search.people import lists_of, pairs
from space.settings import AppSettings
from space.ui.access import who_may_answer
from space.ui.html import ballot as ballots
from space.ui.html import judging as judging_html
from space.ui.tabs.vote import answered, deal_ballot, result_of


def both_ways(engine, query):
    """The page of a ballot with A as base, and with A as tuned."""
    pair = pairs(engine)[0]
    return [
        ballots.blind(Ballot("n", pair, swapped, "us", query, True), lists_of(engine, "us", query, ["base", "tuned"]))
        for swapped in (False, True)
    ]


@pytest.mark.parametrize("query", ["red sneakers", "cellphone", "coffee mug"])
def test_the_page_of_a_ballot_does_not_tell_the_sides(engine, query):
    """With the sides swapped, the page is the same with its lists swapped: no class, attribute or order differs."""
    first, second = both_ways(engine, query)
    lists = [re.findall(r"<ol>(.*?)</ol>", page, re.DOTALL) for page in (first, second)]
    assert lists[0] == lists[1][::-1] and len(lists[0]) == 2
    assert re.sub(r"<ol>.*?</ol>", "", first) == re.sub(r"<ol>.*?</ol>", "", second)
    for word in ("base", "tuned", "bm25", "hybrid", "cosine", "Exact", "not rated", "unjudged"):
        assert word.casefold() not in first.casefold()


def test_the_traffic_of_a_ballot_does_not_tell_the_sides(people):
    """What the server sends for two ballots with opposite sides differs in the order of the lists only."""
    with small_shop.serve(small_shop.engine(), people=people) as url:
        config = httpx.get(f"{url}config").json()
        button = next(one["id"] for one in config["components"] if one["props"].get("elem_classes") == ["key-n"])
        number = next(one["id"] for one in config["dependencies"] if [button, "click"] in one["targets"])
        sent = {}
        for visit in range(40):
            visitor = f"visit{visit}"
            body = {"data": ["base tuned", "sneakers trainers"], "fn_index": number, "session_hash": visitor}
            httpx.post(f"{url}gradio_api/queue/join", json=body).raise_for_status()
            with httpx.stream("GET", f"{url}gradio_api/queue/data", params={"session_hash": visitor}) as stream:
                lines = [json.loads(line[6:]) for line in stream.iter_lines() if "process_completed" in line]
            sides = re.findall(r"<ol>(.*?)</ol>", json.dumps(lines[0]["output"]["data"]), re.DOTALL)
            rest = re.sub(r"<ol>.*?</ol>", "", json.dumps(lines[0]["output"]["data"]))
            sent[tuple(sides)] = rest
            if len(sent) == 2:
                break
        (first, rest), (second, other) = sent.items()
        assert first == second[::-1] and rest == other and len(first) == 2
        assert not [word for word in ("tuned", "swapped", "bm25", "base") if word in rest + first[0] + first[1]]


def test_products_of_both_lists_are_marked(engine):
    """The word "sneakers" finds shoes with the fine-tuned encoder only."""
    page = both_ways(engine, "sneakers trainers")[0]
    assert 'class="shared"' in page and 'class="own"' in page


def test_a_vote_is_kept_and_revealed_with_labels_and_ranks(engine, people):
    pair = pairs(engine)[0]
    ballot = deal_ballot(engine, people, pair, "owner", "visit", "red sneakers")
    shown = answered(engine, people, "owner", "visit", ballot.number, "a")
    names = {"base": "Base", "tuned": "Fine-tuned"}
    assert f"A was {names[ballot.sides[0]]}, B was {names[ballot.sides[1]]}." in shown
    assert ">Exact</span>" in shown and "rank 2 there" in shown and "same rank there" in shown
    (vote,) = people.votes.all()
    assert vote.held_out and vote.choice == ("second" if ballot.swapped else "first")
    assert "Too few to tell: 1 query." in result_of(engine, people, pair)
    assert "no longer open" in answered(engine, people, "owner", "visit", ballot.number, "b")
    again = deal_ballot(engine, people, pair, "owner", "visit", "Red  Sneakers")
    assert "the first vote counts" in answered(engine, people, "owner", "visit", again.number, "both")
    assert len(people.votes.all()) == 1


def test_held_out_queries_come_once_and_then_no_more(engine, people):
    pair = pairs(engine)[0]
    seen = []
    while isinstance(ballot := deal_ballot(engine, people, pair, "owner", "visit", ""), Ballot):
        seen.append((ballot.locale, ballot.query))
        answered(engine, people, "owner", "visit", ballot.number, "neither")
    assert len(seen) == len(set(seen)) == len(engine.held_out) and "every held-out query" in ballot


def test_a_list_of_the_owner_takes_the_place_of_the_held_out_queries(engine, tmp_path):
    """Its queries count as held-out ones do, since no visitor chose them; a spelling of one is not asked twice."""
    (tmp_path / "queries.txt").write_text("garden hose\n\n  Garden  Hose \nred sneakers\n", encoding="utf-8")
    settings = AppSettings(vote_queries=tmp_path / "queries.txt")
    people, pair, seen = who_may_answer(settings, Journal(tmp_path / "feedback")), pairs(engine)[0], []
    while isinstance(ballot := deal_ballot(engine, people, pair, "owner", "visit", ""), Ballot):
        seen.append(ballot.query)
        answered(engine, people, "owner", "visit", ballot.number, "neither")
    assert sorted(seen) == ["garden hose", "red sneakers"] and "every query" in ballot
    assert (found := tally(people.votes_on(pair.first, pair.second, pair.made_by))).people.votes == 2
    assert found.typed == 0


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\n \n", "it has no query: write one on each line"),
        (b"mug\n" + b"x" * 1000, "line 2: query has 1,000 characters"),
        (b"\xff\xfe\xff", "it is not UTF-8"),
    ],
)
def test_a_list_that_cannot_be_asked_is_refused_in_one_sentence(tmp_path, content, says):
    path = tmp_path / "queries.txt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"^--vote-queries .*queries.txt: {says}"):
        search_people.query_list(path)


def test_a_typed_query_is_kept_apart(engine, people):
    """Anyone can type the query that suits a system."""
    pair = pairs(engine)[0]
    ballot = deal_ballot(engine, people, pair, "owner", "visit", "garden hose")
    answered(engine, people, "owner", "visit", ballot.number, "a")
    found = tally(people.votes_on(pair.first, pair.second, pair.made_by))
    assert (found.people.votes, found.typed) == (0, 1)
    with pytest.raises(UserError, match="characters"):
        deal_ballot(engine, people, pair, "owner", "visit", "x" * 1000)


def test_too_many_answers_are_refused_and_not_kept(engine, people, monkeypatch):
    monkeypatch.setattr(raters, "RATER_A_MINUTE", 1)
    pair = pairs(engine)[0]
    first = deal_ballot(engine, people, pair, "owner", "visit", "cellphone")
    answered(engine, people, "owner", "visit", first.number, "a")
    second = deal_ballot(engine, people, pair, "owner", "visit", "coffee mug")
    with pytest.raises(UserError, match="minute"):
        answered(engine, people, "owner", "visit", second.number, "a")
    assert len(people.votes.all()) == 1


def test_no_foreign_text_becomes_markup(engine, people):
    """Queries and products come from strangers."""
    pair = pairs(engine)[0]
    found = lists_of(engine, "", EVIL, ["base", "tuned"])
    ballot = Ballot("n", pair, False, "", EVIL, False)
    page = ballots.blind(ballot, found) + ballots.reveal(ballot, found, "a")
    hits = found.systems["base"].hits
    page += "".join(judging_html.question(EVIL, hit, 1, "Exact") for hit in hits)
    assert EVIL in assert_inert(page).text
