"""Early stopping: the dev queries, the weights that are kept, and resuming."""

import json
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from transformers import TrainerControl, TrainerState

from space.data.passages import passages
from space.data.words import normalized
from space.encoding.encoder import TextEncoder
from space.encoding.weights import locate
from space.errors import UserError
from space.pipelines.inputs import open_judged
from space.training import early_stopping
from space.training.early_stopping import DevSet, KeepBest


@pytest.fixture(scope="module")
def judged():
    return open_judged("sample", ["es"])


def test_queries_are_apart_and_none_is_lost(judged):
    train, dev = early_stopping.split(judged.train, 0.3, seed=1)
    assert not set(train["query"]) & set(dev["query"])
    assert len(train) + len(dev) == len(judged.train)
    assert dev["query"].nunique() == round(0.3 * judged.train["query"].nunique())
    again = early_stopping.split(judged.train.sample(frac=1, random_state=0), 0.3, seed=1)[1]
    assert set(again["query"]) == set(dev["query"]) != set(early_stopping.split(judged.train, 0.3, seed=2)[1]["query"])


def test_spellings_of_one_query_stay_together(judged):
    """A dev query that is trained on in another spelling would stop a run too late."""
    other = judged.train.assign(query=judged.train["query"].str.upper().str.replace(" ", "\u00a0"))
    train, dev = early_stopping.split(pd.concat([judged.train, other]), 0.3, seed=1)
    assert not {normalized(query) for query in train["query"]} & {normalized(query) for query in dev["query"]}


def test_too_few_queries_are_refused(judged):
    with pytest.raises(UserError, match="--dev-share 0.001 takes 0 of .* train queries"):
        early_stopping.split(judged.train, 0.001, seed=1)


def test_the_dev_set_holds_its_products_under_their_new_rows(judged, monkeypatch):
    monkeypatch.setattr(early_stopping, "PRODUCTS", 200)
    texts = passages(judged.catalogue)
    _, apart = early_stopping.split(judged.train, 0.1, seed=1)
    dev = DevSet(apart, judged.catalogue, texts, seed=1)
    assert len(dev.texts) == len(dev.catalogue) == 200
    assert [texts[row] for row in apart["row"]] == [dev.texts[row] for row in dev.judgments["row"]]
    assert passages(dev.catalogue) == dev.texts


class Scores:
    """A dev set that returns given scores, one after the other."""

    def __init__(self, *scores):
        self.scores = list(scores)

    def score(self, encoder):
        assert not encoder.model.training
        return self.scores.pop(0)


@pytest.fixture
def run(tiny_e5, tmp_path):
    """Gives scores to a keeper, one a step; all weights at step n are n. Returns the last step and the keeper."""

    def look(*scores, first=0, keeper=None):
        encoder = TextEncoder(locate(str(tiny_e5)), training=True)
        keeper = KeepBest(encoder, Scores(*scores), tmp_path)
        for step in range(first, first + len(scores)):
            with torch.no_grad():
                for parameter in encoder.model.parameters():
                    parameter.fill_(step)
            state = SimpleNamespace(global_step=step, is_world_process_zero=True)
            control = TrainerControl()
            (keeper.on_train_begin if step == 0 else keeper.on_save)(None, state, control)
            if control.should_training_stop:
                return step, keeper
        return None, keeper

    return look


def weight(keeper):
    return next(keeper.encoder.model.parameters()).flatten()[0].item()


def test_the_best_weights_are_kept_and_the_run_ends_two_looks_later(run, tmp_path):
    ended, keeper = run(0.3, 0.5, 0.4, 0.45, 0.9)
    assert ended == 3
    assert keeper.restore(3) == (1, {0: 0.3, 1: 0.5, 2: 0.4, 3: 0.45})
    assert weight(keeper) == 1


def test_the_untrained_model_wins_where_training_only_harms(run):
    ended, keeper = run(0.5, 0.5, 0.4)
    assert ended == 2 and keeper.restore(2)[0] == 0 and weight(keeper) == 0


def test_a_resumed_run_ignores_scores_after_its_checkpoint(run, tmp_path):
    """Step 3 was the best, but the run continues from step 2 and gets other scores."""
    run(0.1, 0.2, 0.3, 0.9)
    assert len(list(tmp_path.glob("best-*"))) == 2, "older ones are not kept"
    ended, keeper = run(0.25, 0.2, first=3)
    assert ended == 4 and keeper.restore(4) == (2, {0: 0.1, 1: 0.2, 2: 0.3, 3: 0.25, 4: 0.2})
    assert weight(keeper) == 2
    assert json.loads((tmp_path / "dev.json").read_text())["3"] == 0.25


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"a": 1}', b'{"0": null}', b"\xff", b"{}"])
def test_damaged_scores_end_in_a_sentence(run, tmp_path, content):
    _, keeper = run(0.3, 0.5)
    (tmp_path / "dev.json").write_bytes(content)
    for use in (keeper.is_over, keeper.restore):
        with pytest.raises(UserError, match=r"dev\.json is missing or damaged .*start again without --resume"):
            use(1)


def test_damaged_best_weights_end_in_a_sentence(run, tmp_path):
    _, keeper = run(0.3, 0.5)
    for damage in (lambda file: file.write_bytes(file.read_bytes()[:100]), lambda file: file.unlink()):
        damage(tmp_path / "best-1.safetensors")
        with pytest.raises(UserError, match=r"best-1\.safetensors is missing or damaged .*without --resume"):
            keeper.restore(1)


def test_only_the_main_process_scores(run, tmp_path, tiny_e5):
    keeper = KeepBest(TextEncoder(locate(str(tiny_e5)), training=True), Scores(), tmp_path)
    keeper.on_train_begin(None, TrainerState(is_world_process_zero=False), TrainerControl())
    assert not list(tmp_path.iterdir())
