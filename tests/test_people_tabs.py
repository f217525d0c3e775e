"""The tabs Vote and Judge: blind, private to the page, and in the hands of whom the owner allows."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import httpx
import pytest
import small_evaluation
import small_shop
from conftest import ROOT, environment
from test_cards import EVIL, assert_inert

from space.errors import UserError
from space.evaluation.schema import Evaluation
from space.feedback import raters
from space.feedback.ballots import Ballot
from space.feedback.journal import Journal
from space.feedback.judgments import CANNOT_TELL, WITHDRAWN, Judgment
from space.feedback.people import People
from space.feedback.people_evaluation import WithPeople
from space.feedback.raters import Access
from space.feedback.tally import tally
from space.search import people as search_people
from space.search.people import HeldOutPool, judgments_of, lists_of, pairs
from space.settings import AppSettings
from space.ui.access import who_may_answer
from space.ui.events.rater import rater_of
from space.ui.html import ballot as ballots
from space.ui.html import counted
from space.ui.html import judging as judging_html
from space.ui.page import build_demo
from space.ui.tabs import judge_here
from space.ui.tabs.judge import Desk, Open
from space.ui.tabs.vote import answered, deal_ballot, result_of


@pytest.fixture(scope="module")
def engine():
    return small_shop.engine()


@pytest.fixture
def people(tmp_path):
    return People(Journal(tmp_path), Access("open", owner=True), Access("open", owner=True))


# -- voting ----------------------------------------------------------------------------------------------------------


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


# -- judging ---------------------------------------------------------------------------------------------------------


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


# -- judging in place ------------------------------------------------------------------------------------------------


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


def test_votes_and_judgments_are_shown_apart_by_rater(engine, people):
    """Named raters each, all visits without a name as one, and no name becomes markup."""
    pair = pairs(engine)[0]
    named = {"owner": "the owner of this page", "hub:<b>ann</b>": "&lt;b&gt;ann&lt;/b&gt;"}
    for rater in (*named, "visit-1", "visit-2"):
        people.votes.add(Ballot("n", pair, False, "us", "red sneakers", True).vote("b", rater))
    result = result_of(engine, people, pair)
    counts = {**named, "visit": "2 visits without a name"}
    for name in counts.values():
        assert re.search(rf">{re.escape(name)}</th><td>{2 if 'visits' in name else 1}</td>", result), name
    by = {"owner": 3, "hub:<b>ann</b>": 2, "visits": 1}
    shown = counted.people(WithPeople(Evaluation(), 6, by))
    for rater, name in {**named, "visits": "visits without a name"}.items():
        assert f">{name}</th><td>{by[rater]}</td>" in shown


def test_behind_a_proxy_a_visitor_is_not_the_owner():
    """A page on 127.0.0.1 that a proxy shows to others: their requests say so."""
    access, visit = Access("open", owner=True), "v"
    for headers, rater in (({}, "owner"), ({"x-forwarded-for": "192.0.2.7"}, raters.visit_name(visit))):
        request = SimpleNamespace(session_hash=visit, headers=headers)
        assert rater_of(access, request, None) == rater
        assert rater_of(Access("off", owner=True), request, None) is None


# -- who may, and what programs see ----------------------------------------------------------------------------------


def test_a_page_without_people_has_neither_tab(engine, people, tmp_path):
    """And programs see no endpoint of them: votes come from the page only."""

    def tabs(demo):
        return {block.id for block in demo.blocks.values() if isinstance(block, gr.Tab)}

    closed = People(Journal(tmp_path), Access("off"), Access("off"))
    assert not tabs(build_demo(engine)) & {"vote", "judge"}
    assert not tabs(build_demo(engine, people=closed)) & {"vote", "judge"}
    demo = build_demo(engine, people=people)
    assert tabs(demo) >= {"vote", "judge"}
    assert set(demo.get_api_info()["named_endpoints"]) == set(build_demo(engine).get_api_info()["named_endpoints"])


def test_who_may_answer_follows_the_place(tmp_path, monkeypatch):
    """Open on the owner's machine and under the owner's name; off on a Space; login only where Spaces have it."""
    journal = Journal(tmp_path)
    monkeypatch.delenv("SPACE_ID", raising=False)
    monkeypatch.delenv("OAUTH_CLIENT_ID", raising=False)
    own = who_may_answer(AppSettings(), journal)
    assert own.voting.rater("v", None) == own.judging.rater("v", None) == "owner"
    for shared in ({"share": True}, {"host": "0.0.0.0"}, {"root_path": "/shop"}):
        assert who_may_answer(AppSettings(**shared), journal).voting.rater("v", None).startswith("visit-")
    with pytest.raises(UserError, match="hf_oauth"):
        who_may_answer(AppSettings(judging="login"), journal)
    monkeypatch.setenv("SPACE_ID", "u/s")
    assert who_may_answer(AppSettings(), journal).voting.mode == "off"
    assert who_may_answer(AppSettings(voting="open"), journal).voting.rater("v", None).startswith("visit-")
    monkeypatch.setenv("OAUTH_CLIENT_ID", "x")
    named = who_may_answer(AppSettings(voting="login", raters=["ann"]), journal)
    assert named.voting.rater("v", "ann") == "hub:ann" and named.voting.rater("v", "bob") is None


LOGIN = """
import small_shop
from pathlib import Path
from starlette.testclient import TestClient
from space.feedback.journal import Journal
from space.settings import AppSettings
from space.ui.access import who_may_answer
from space.ui.page import build_demo
people = who_may_answer(AppSettings(voting="login", judging="login"), Journal(Path("feedback")))
demo = build_demo(small_shop.engine(), people=people)
page = TestClient(demo.app, base_url="https://u-s.hf.space").get("/config")
buttons = [one for one in demo.blocks.values() if type(one).__name__ == "LoginButton"]
print(len(buttons), page.status_code, page.cookies, demo.expects_oauth)
"""


def test_a_page_with_login_starts_on_a_space(tmp_path):
    """With the packages of requirements.txt; a visit without a login sets no cookie."""
    space = {"SYSTEM": "spaces", "SPACE_ID": "u/s", "OAUTH_CLIENT_ID": "id", "OAUTH_CLIENT_SECRET": "secret",
             "OAUTH_SCOPES": "openid profile", "OPENID_PROVIDER_URL": "https://huggingface.co"}  # fmt: skip
    env = {**environment(), **space, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    done = subprocess.run([sys.executable, "-c", LOGIN], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1:] == ["2 200 <Cookies[]> True"], done.stderr[-2000:]
    assert not (tmp_path / "feedback").exists()


def test_guidelines_are_read(tmp_path, monkeypatch):
    monkeypatch.delenv("SPACE_ID", raising=False)
    (tmp_path / "guide.md").write_text("# Exact", encoding="utf-8")
    assert who_may_answer(AppSettings(guidelines=tmp_path / "guide.md"), Journal(tmp_path)).guidelines == "# Exact"
    with pytest.raises(UserError, match="--guidelines is .*no such file"):
        AppSettings(guidelines=tmp_path / "gone.md")


def test_the_evaluation_of_labels_alone_is_as_it_was(tmp_path):
    """The switch is offered where the labels are; without a choice nothing changes."""
    engine = small_shop.engine(small_evaluation.content())
    demo = build_demo(engine, people=People(Journal(tmp_path), Access("open"), Access("open")))
    # The made-up evaluation has other queries than the labels: then all labels count.
    labels = judgments_of(engine, search_people.asked(engine))
    assert len(labels) == len(engine.judgments) > 0
    switches = [b for b in demo.blocks.values() if isinstance(b, gr.Radio) and "e5-counted" in (b.elem_classes or [])]
    assert [one.value for one in switches] == ["labels"]
