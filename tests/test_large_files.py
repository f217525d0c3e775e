"""A large model goes up in parts and comes down again: over cut connections, after kills, in little memory.

`python -m tests.long hub` does the same with 471 MB.
"""

import os
from pathlib import Path

import pytest
from hub_commands import run
from hub_repos import e5_files, write_files
from hub_server import Fault

from tests.long.hub import REPO, WEIGHTS, Trial, cut, killed

MEGABYTES, PART = 160, 16_000_000

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the clients read how much memory they took from /proc"
)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = write_files(tmp_path_factory.mktemp("large") / "model", e5_files())
    with (folder / WEIGHTS).open("ab") as file:
        file.write(os.urandom(MEGABYTES * 1_000_000))
    return folder


@pytest.fixture
def trial(model, tmp_path):
    with (found := Trial(tmp_path / "trial", model, PART)).hub:
        yield found


def test_cut_connections_cost_a_part_and_not_the_file(trial):
    found = cut(trial)
    assert found["same"]
    parts = trial.answers("PUT", "/cdn/part/")
    assert parts.count(200) == trial.parts == 11 and sorted(set(parts)) == [0, 200, 503] and len(parts) == 14
    assert trial.answers("POST", "complete_multipart") == [503, 200]
    assert trial.answers("GET", WEIGHTS) == [200, 206, 206], "each download after the first goes on where it was cut"
    for client, most in ((found["push"], 20), (found["pull"], 120)):
        assert 0 < client["MB"] - client["MB before"] < most, "more than pieces of the file were in memory"


def test_a_killed_push_or_pull_is_done_by_the_same_command(trial):
    assert killed(trial)["same"]
    assert trial.hub.commits("model", REPO)[0][1] == "Model, card and evaluation"
    assert len(trial.hub.commits("model", REPO)) == 2, "the killed push had made no commit"


def test_a_damaged_part_is_said_and_the_next_push_mends_it(trial, tmp_path):
    words = ("-m", "space", "push-model", REPO, str(trial.model))
    with trial.hub.fault(Fault("PUT /cdn/part/.*/3$", "corrupt")):
        done = run(trial.hub, trial.home, *words, token=next(iter(trial.hub.tokens)), code=1)
    assert f"{WEIGHTS} did not arrive intact" in done.stderr and "Traceback" not in done.output
    assert WEIGHTS not in trial.hub.files("model", REPO)
    run(trial.hub, trial.home, *words, token=next(iter(trial.hub.tokens)))
    assert trial.hub.files("model", REPO)[WEIGHTS] == (trial.model / WEIGHTS).read_bytes()
