"""``python -m space judge`` over a store of the sample and answers on a local Hub: interrupted, resumed, bounded."""

import json
import signal
import subprocess
import sys
from collections import Counter

import pytest
from conftest import ROOT
from hub_commands import TOKEN, is_clean, run
from hub_server import HubServer
from model_server import model_server

from space.data import sample
from space.data.passages import passages
from space.data.scale import ESCI
from space.feedback.judgments import Judgment
from space.store.reader import Store

AT = "2026-01-02T03:04:05+00:00"
ANSWERS = "alice/answers"
PEOPLE, INTERRUPTED, SECOND = 60, 30, 50


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with HubServer(tmp_path_factory.mktemp("hub"), {TOKEN: "alice"}) as server:
        server.create_repo("dataset", ANSWERS, private=True)
        yield server


def lines(hub, kind):
    files = hub.files("dataset", ANSWERS)
    return [
        json.loads(line) for name in files if name.startswith(f"{kind}/") for line in files[name].decode().splitlines()
    ]


def kappa(pairs):
    """Cohen's, of (grade, grade), by counting."""
    first, second = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    observed = sum(one == other for one, other in pairs) / len(pairs)
    by_chance = sum(first[grade] * second[grade] for grade in ESCI.names) / len(pairs) ** 2
    return (observed - by_chance) / (1 - by_chance)


def test_a_run_is_interrupted_and_goes_on_without_asking_twice(hub, built, tmp_path):
    """People judge as the sample was made. The model errs in every fifth of their pairs."""
    store = Store(built / "artifacts")
    texts = passages(store.products())
    named = {
        (product["product_locale"], text): product["product_id"]
        for product, text in zip(store.products().to_pylist(), texts, strict=True)
    }
    labels = store.judgments()
    locale_of = dict(zip(labels["query"], labels["product_locale"], strict=True))
    drawn = labels.sample(PEOPLE, random_state=0)
    pairs = list(zip(drawn["product_locale"], drawn["query"], drawn["product_id"], strict=True))
    wrong = {pair: "Irrelevant" if sample.label(*pair) != "Irrelevant" else "Exact" for pair in pairs[::5]}
    people = [Judgment(AT, "owner", *pair, sample.label(*pair)) for pair in pairs]
    said = "".join(json.dumps(one.__dict__) + "\n" for one in people)
    hub.commit("dataset", ANSWERS, {"judgments/2026-01-02-a.jsonl": said.encode()})
    commits = len(hub.commits("dataset", ANSWERS))
    processes, asked = [], []

    def answer(question):
        locale = locale_of[question["query"]]
        pair = locale, question["query"], named[locale, question["product"]]
        asked.append(pair)
        if len(asked) == INTERRUPTED:
            processes[-1].send_signal(signal.SIGINT)
        return wrong.get(pair) or sample.label(*pair)

    def judge(most, code):
        words = ["judge", ANSWERS, "--model", "m", "--url", url, "--embeddings", str(built / "artifacts")]
        processes.append(subprocess.Popen(
            [sys.executable, "-m", "space", *words, "--most", str(most)], cwd=tmp_path, text=True,
            env=hub.env(tmp_path / "home", TOKEN, PYTHONPATH=str(ROOT)), stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ))  # fmt: skip
        output = processes[-1].communicate()[0]
        assert processes[-1].returncode == code and is_clean(output), output[-4000:]
        return output

    with model_server(answer) as (url, _):
        assert "start it again" in judge(40, 130)
        kept = len(lines(hub, "machine"))
        assert len(asked) == INTERRUPTED and kept in (INTERRUPTED - 1, INTERRUPTED)
        report = judge(SECOND, 0)
    assert len(asked) == INTERRUPTED + SECOND and len(set(asked)) == kept + SECOND
    assert set(pairs) <= set(asked)  # those of people come first
    answers = lines(hub, "machine")
    assert len(answers) == kept + SECOND and len(hub.commits("dataset", ANSWERS)) == commits + 2
    expected = kappa([(sample.label(*pair), wrong.get(pair) or sample.label(*pair)) for pair in pairs])
    assert f"Cohen's kappa {expected:.2f} on {PEOPLE} pairs" in report and "are left" in report
    (agreement,) = lines(hub, "machine_agreement")
    assert agreement["kappa"] == pytest.approx(expected)
    assert sum(counts[grade] for grade, counts in agreement["confusion"].items()) == PEOPLE - len(wrong)


def test_a_rater_is_removed_in_one_commit(hub, tmp_path):
    """And a data set that is public, or not there, is not written."""
    crowd = "".join(
        json.dumps(Judgment(AT, f"visit-{one}", "us", "mug", "1", "Exact").__dict__) + "\n" for one in "ab"
    )
    hub.create_repo("dataset", "alice/crowd", private=True)
    hub.commit("dataset", "alice/crowd", {"judgments/2026-01-02-a.jsonl": crowd.encode()})
    before = hub.commits("dataset", "alice/crowd")

    def judgments(repo, *words, code=0):
        return run(hub, tmp_path, "-m", "space", "judgments", repo, *words, code=code).output

    assert "0 votes and 2 judgments no longer count" in judgments("alice/crowd", "--remove", "visits")
    assert len(hub.commits("dataset", "alice/crowd")) == len(before) + 1
    assert "judgments.csv: 0 pairs" in judgments("alice/crowd")
    assert "no answer of this rater" in judgments("alice/crowd", "--remove", "visit-a", code=1)
    hub.create_repo("dataset", "alice/open", private=False)
    hub.commit("dataset", "alice/open", {"judgments/2026-01-02-a.jsonl": crowd.encode()})
    said = judgments("alice/open", "--remove", "visit-a", code=1)
    assert "public" in said and not [name for name in hub.files("dataset", "alice/open") if "removals" in name]
    assert "alice/none" in judgments("alice/none", "--remove", "visit-a", code=1)
    assert ("dataset", "alice/none") not in hub.repos
