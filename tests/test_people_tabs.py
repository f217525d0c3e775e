"""Who may vote and judge, who is named for it, and what programs see of it."""

import re
import subprocess
import sys
from types import SimpleNamespace

import gradio as gr
import pytest
import small_evaluation
import small_shop
from conftest import ROOT, environment

from space.errors import UserError
from space.evaluation.schema import Evaluation
from space.feedback import raters
from space.feedback.ballots import Ballot
from space.feedback.journal import Journal
from space.feedback.people import People
from space.feedback.people_evaluation import WithPeople
from space.feedback.raters import Access
from space.search import people as search_people
from space.search.people import judgments_of, pairs
from space.settings import AppSettings
from space.ui.access import who_may_answer
from space.ui.events.rater import rater_of
from space.ui.html import counted
from space.ui.page import build_demo
from space.ui.tabs.vote import result_of


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
