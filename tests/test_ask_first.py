"""A push that the Hub would refuse is noticed before training, and asking leaves nothing on the Hub."""

import json
import subprocess
import sys

import pytest
from conftest import ROOT
from hub_server import Fault, HubServer
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id
from hypothesis import example, given
from hypothesis import strategies as st

from space import settings
from space.settings import BuildSettings, SettingsError, TrainSettings
from space.settings.names import is_repository

OWNER, READ_ONLY, FINE = "hf_" + "Gd4" * 11, "hf_" + "Ro7" * 11, "hf_" + "Fi2" * 11
SCRIPT = """
import json, logging, sys
from space.errors import HubError
from space.hub import permission
logging.basicConfig(format="%(message)s", stream=sys.stdout)
said = {}
for repo, kind, private in json.loads(sys.argv[1]):
    try:
        permission.ask_first(repo, kind, private=private)
    except HubError as error:
        said[repo] = str(error)
print(json.dumps(said))
"""
#: {repository: words of the refusal, or None}. Those of "bob" and "mine" exist, as does alice/open, which is public.
ASKED = {
    "alice/new": None,
    "alice/open": None,
    "Alice/other-case": None,
    "writers/new": None,
    "writers/there": None,
    "readers/new": "may not make a repository of readers",
    "readers/there": "the Hub does not allow that (403)",
    "bob/new": "may not make a repository of bob",
    "bob/open": "the Hub does not allow that (403)",
    "bob/hidden": "may not make a repository of bob",
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    tokens = {OWNER: "alice", READ_ONLY: "alice", FINE: "alice"}
    with HubServer(tmp_path_factory.mktemp("hub"), tokens, frozenset({READ_ONLY})) as server:
        server.orgs = {"writers": {"alice": "write"}, "readers": {"alice": "read"}}
        server.token_roles = {FINE: "fineGrained"}
        for kind in ("model", "dataset"):
            for repo in ("alice/open", "writers/there", "readers/there", "bob/open"):
                server.commit(kind, repo, {"a.txt": b"1"})
            server.create_repo(kind, "bob/hidden", private=True)
        yield server


def asked(hub, home, cases, token=OWNER, **env):
    """({repository: refusal}, what else was printed); nothing on the Hub may have changed."""
    before = {key: [commit.sha for commit in repo.commits] for key, repo in hub.repos.items()}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(cases)],
        env=hub.env(home, token, PYTHONPATH=str(ROOT), **env), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    assert {key: [commit.sha for commit in repo.commits] for key, repo in hub.repos.items()} == before
    assert set(hub.unknown) <= {"GET /api/agent-harnesses"}  # the client goes on without it
    *log, said = done.stdout.splitlines()
    return json.loads(said), "\n".join(log)


@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_a_push_that_would_be_refused_is_refused_first(hub, tmp_path, kind):
    said, log = asked(hub, tmp_path, [(repo, kind, False) for repo in ASKED])
    assert set(said) == {repo for repo, words in ASKED.items() if words}
    for repo, text in said.items():
        assert ASKED[repo] in text and f"{kind} {repo} could not be pushed" in text and len(text) < 400
    assert not log


def test_a_token_that_may_only_read(hub, tmp_path):
    cases = [("alice/new", "model", False), ("alice/open", "dataset", False)]
    said, _ = asked(hub, tmp_path, cases, READ_ONLY)
    assert all("the token may only read" in said[repo] for repo, _, _ in cases)


def test_what_should_be_private_and_is_public(hub, tmp_path):
    said, _ = asked(hub, tmp_path, [("alice/open", "model", True), ("alice/new", "model", True)])
    assert set(said) == {"alice/open"} and "it exists already and is public" in said["alice/open"]


def test_what_the_hub_cannot_say_is_a_warning(hub, tmp_path):
    """A fine-grained token may not see the organizations; a Hub that fails may work when training is over."""
    cases = [("writers/new", "model", False), ("writers/there", "model", False)]
    said, log = asked(hub, tmp_path, cases, FINE)
    assert not said and log.count("would fail") == 1 and "writers/new will be pushed at the end" in log
    for token, env in ((None, {}), (OWNER, {"HF_ENDPOINT": "http://127.0.0.1:9"})):
        said, log = asked(hub, tmp_path, cases[:1], token, **env)
        assert not said and "will be pushed at the end, but now that would fail" in log
    with hub.fault(Fault("GET /api/whoami", 503, times=None, retry_after=100)):
        said, log = asked(hub, tmp_path, cases[:1])
    assert not said and "the Hub failed (503)" in log


def scoped(kind, name, *permissions):
    return {"entity": {"_id": "1", "type": kind, "name": name}, "permissions": list(permissions)}


@pytest.mark.parametrize(
    ("scopes", "refused", "warned"),
    [
        ([scoped("user", "alice", "repo.content.read", "repo.write"), scoped("org", "writers", "repo.write")], [], []),
        ([scoped("user", "Alice", "repo.write")], ["writers/new"], []),
        ([scoped("org", "writers", "repo.write")], ["alice/new"], []),
        ([scoped("user", "alice", "repo.content.read"), scoped("model", "alice/open", "repo.write")], "both", []),
        ([], "both", []),
        ([scoped("resource-group", "team", "repo.write")], [], ["writers/new"]),
        (None, [], ["writers/new"]),
        ("odd", [], ["writers/new"]),
    ],
)
def test_the_scopes_of_a_fine_grained_token_tell_whether_it_may_make_a_repository(
    hub, tmp_path, scopes, refused, warned
):
    """As whoami lists them. Without them, or with those of a group of repositories, nothing is certain."""
    asking, refused = ["alice/new", "writers/new"], ["alice/new", "writers/new"] if refused == "both" else refused
    hub.token_scopes = {} if scopes is None else {FINE: {"canReadGatedRepos": True, "global": [], "scoped": scopes}}
    said, log = asked(hub, tmp_path, [(repo, "model", False) for repo in asking], FINE)
    hub.token_scopes = {}
    assert list(said) == refused
    for repo, text in said.items():
        assert f"may not write to all repositories of {repo.split('/')[0]}" in text and "settings/tokens" in text
    assert [repo for repo in asking if f"{repo} will be pushed at the end" in log] == warned


def test_train_asks_before_it_trains(hub, tmp_path, tiny_e5):
    words = ["--dataset", "sample", "--base-model", str(tiny_e5), "--push-to-hub", "bob/new"]
    done = subprocess.run(
        [sys.executable, str(ROOT / "train.py"), *words],
        cwd=tmp_path, env=hub.env(tmp_path, OWNER, PYTHONPATH=str(ROOT)), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1 and "Before training" not in done.stderr and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("train.py: model bob/new could not be pushed")


# -- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["alice/shop..v2", "alice/a--b", "alice/m.git", "alice/-m", "alice/m.", "алиса/m"])
def test_a_name_that_the_hub_does_not_take_is_refused_at_once(name):
    train, build = (TrainSettings, "--push-to-hub"), (BuildSettings, "--push-to-hub")
    for kind, flag in (train, (TrainSettings, "--push-embeddings"), build):
        with pytest.raises(SettingsError, match=f"{flag} is .*: name the repository as USER/NAME"):
            settings.parse(kind, [flag, name])


@given(st.text("ab9Z-_./ é", max_size=12) | st.from_regex(r"\A[\w.-]{1,99}/[\w.-]{1,99}\Z"))
@example("a/b")
@example("a/" + "b" * 96)
@example("a/" + "b" * 97)
@example("a/b\n")
def test_the_rules_for_names_are_those_of_the_client(name):
    try:
        validate_repo_id(name)
        taken = name.count("/") == 1
    except HFValidationError:
        taken = False
    assert is_repository(name) == taken
