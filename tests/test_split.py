"""The held-out queries stay the same: from run to run, in the build, and when the data grows."""

import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import run_script

from space.data.catalogue import DataError
from space.data.judgments import Judged
from space.data.split import SPLIT, Split, held_out, of_model, without_learned
from space.data.words import normalized
from space.encoding.weights import Weights
from space.pipelines.contents import as_trained, open_contents
from space.pipelines.inputs import open_judged
from space.settings import BuildSettings


def table(path: Path, queries: list[str], **columns: list[str]) -> str:
    """A csv of two judgments a query, the first one relevant; the query of number n has n % 3 more."""
    rows = [
        (query, f"p{number}-{place}", f"title {number} {place}", int(not place))
        for number, query in enumerate(queries)
        for place in range(2 + number % 3)
    ]
    frame = pd.DataFrame(rows, columns=["query", "sku", "title", "label"])
    for name, values in columns.items():
        frame[name] = frame["query"].map(dict(zip(queries, values, strict=True)))
    frame.to_csv(path, index=False)
    return str(path)


def keep(judged: Judged, model: Path) -> Path:
    """What train.py leaves of the split in a model's folder."""
    model.mkdir(exist_ok=True)
    (model / SPLIT).write_text(Split.of(judged).to_json())
    return model


def asked(judgments: pd.DataFrame) -> set[str]:
    return {normalized(query) for query in judgments["query"]}


OLD = [f"query {number}" for number in range(40)]
NEW = [f"another {number}" for number in range(20)]


@pytest.fixture
def first(tmp_path: Path) -> Judged:
    """Forty queries, of which a quarter is held out."""
    return open_judged(table(tmp_path / "first.csv", OLD), ["us"], test_share=0.25)


@pytest.fixture
def model(first: Judged, tmp_path: Path) -> Path:
    """The folder of a model that learned from ``first``."""
    return keep(first, tmp_path / "model")


def build(model: Path, dataset: str, *flags: str) -> BuildSettings:
    return BuildSettings(dataset=dataset, model=[str(model)], **dict(zip(flags[::2], flags[1::2], strict=True)))


def stored_judgments(settings: BuildSettings) -> pd.DataFrame:
    """The judgments that a build puts into the store."""
    folder = Path(settings.model[0])
    tuned = Weights(folder.name, folder)
    return open_contents(as_trained(settings, tuned), tuned).judgments


def test_the_same_queries_are_held_out_in_any_order_and_spelling() -> None:
    """The order of the rows does not matter, and " Red  MUG" goes where "red mug" goes."""
    queries = [f"query {number}" for number in range(50)] + [f" QUERY  {number}" for number in range(50)]
    rows = pd.DataFrame({"query": queries * 2})
    one, other = held_out(rows, 0.2, "own")[0], held_out(rows.sample(frac=1, random_state=3), 0.2, "own")[0]
    assert one["split"].equals(other["split"].sort_index())
    plain = one.assign(query=one["query"].str.split().str.join(" ").str.lower())
    assert (plain.groupby("query")["split"].nunique() == 1).all()
    assert plain[plain["split"] == "test"]["query"].nunique() == 10


@pytest.mark.parametrize("seed", range(5))
def test_grown_data_keeps_its_held_out_queries_and_never_tests_on_learned_ones(
    first: Judged, model: Path, seed: int, tmp_path: Path
) -> None:
    """Drawn again from all queries, some that the model learned from were its test, and held-out ones were learned.

    Queries come and go, rows move, and one is written in another way.
    """
    generator = np.random.default_rng(seed)
    grown = [*generator.permutation(OLD)[:35], *NEW[: seed * 5]]
    grown = [f" {query.upper()}" for query in generator.permutation(grown)]
    data = table(tmp_path / "grown.csv", grown)
    second = open_judged(data, ["us"], splits=of_model(model, "model"))
    present = {normalized(query) for query in grown}
    assert asked(second.test) >= asked(first.test) & present and not asked(second.test) & asked(first.train)
    assert len(asked(second.test) & set(NEW)) == pytest.approx(seed * 5 / 4, abs=1)
    assert asked(second.train) | asked(second.test) == present


def test_a_second_training_and_its_build_hold_out_what_the_second_model_did_not_learn(
    model: Path, tmp_path: Path
) -> None:
    """Three generations of the data, each trained in the same folder: what was once held out stays so."""
    tested: set[str] = set()
    for count in (0, 10, 20):
        data = table(tmp_path / "data.csv", [*OLD, *NEW[:count]])
        judged = open_judged(data, ["us"], splits=of_model(model, "model"))
        assert asked(judged.test) >= tested
        tested = asked(judged.test)
        keep(judged, model)
        assert asked(stored_judgments(build(model, data))) == tested


def test_the_build_says_what_it_holds_out(
    first: Judged, model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It took the model's share without a word, and drew the queries again."""
    data = table(tmp_path / "grown.csv", OLD + NEW)
    with caplog.at_level(logging.INFO):
        found = stored_judgments(build(model, data))
    assert asked(found) >= asked(first.test)
    assert "held out, 10 of them by model/split.json and 5 of 20 new ones (--test-share 0.25)" in caplog.text


@pytest.mark.parametrize("share", [0.2, 0.3])
def test_another_share_than_the_models_is_refused(model: Path, share: float, tmp_path: Path) -> None:
    """In the build and in a second training alike; the message names both shares and the cure."""
    data = table(tmp_path / "data.csv", OLD)
    with pytest.raises(DataError, match=rf"--test-share is {share}: model/split\.json holds out 0\.25.*another --out"):
        stored_judgments(build(model, data, "test_share", share))
    with pytest.raises(DataError, match="leave the flag out"):
        open_judged(data, ["us"], test_share=share, splits=of_model(model, "model"))
    assert asked(stored_judgments(build(model, data, "test_share", 0.25)))


def test_a_share_that_does_nothing_is_refused(tmp_path: Path) -> None:
    """With a held-out part in the data the flag was set aside without a word."""
    own = table(tmp_path / "own.csv", OLD, split=["train", "test"] * 20)
    for dataset in ("sample", own):
        with pytest.raises(DataError, match=r"--test-share 0\.3: .* has a held-out part; leave the flag out"):
            open_judged(dataset, ["us"], test_share=0.3)


def test_held_out_judgments_of_learned_queries_are_left_out(
    first: Judged, model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Data that was split in another way after the training tests on half of what the model knows."""
    data = table(tmp_path / "own.csv", OLD, split=["train", "test"] * 20)
    found = asked(stored_judgments(build(model, data)))
    assert found == set(OLD[1::2]) - asked(first.train) and "held-out queries are left out, since" in caplog.text
    learned = sorted(asked(first.train))
    data = table(tmp_path / "all.csv", [*learned, "x"], split=["test"] * len(learned) + ["train"])
    with pytest.raises(DataError, match="none is left"):
        stored_judgments(build(model, data))


def test_a_model_of_data_with_its_own_split_knows_what_it_learned(tmp_path: Path) -> None:
    """Its build of the same rows in one table, without the column, draws from the held-out queries and new ones."""
    own = open_judged(table(tmp_path / "own.csv", OLD, split=["train", "train", "train", "test"] * 10), ["us"])
    assert own.test_share is None
    model = keep(own, tmp_path / "model")
    assert asked(stored_judgments(build(model, table(tmp_path / "one.csv", OLD)))) == set(OLD[3::4])
    assert without_learned(own, of_model(model, "model")) == (own, "")


def test_a_text_in_two_locales_is_two_queries_of_data_with_its_own_split(tmp_path: Path) -> None:
    """ESCI holds out "tent" in one locale and learns from it in another; a build of it leaves nothing out."""
    rows = [
        ("tent", 1, "us", "train"),
        ("tent", 1, "es", "test"),
        ("mug", 1, "us", "train"),
        ("mug", 0, "us", "train"),
    ]
    frame = pd.DataFrame(rows, columns=["query", "label", "locale", "split"])
    frame = frame.assign(sku=[f"{n}" for n in range(4)], title=[f"title {n}" for n in range(4)])
    frame.to_csv(tmp_path / "j.csv", index=False)
    judged = open_judged(str(tmp_path / "j.csv"), ["us", "es"])
    assert without_learned(judged, of_model(keep(judged, tmp_path / "model"), "model")) == (judged, "")


def test_nothing_of_the_products_nor_of_the_learned_queries_is_in_the_file(first: Judged, model: Path) -> None:
    """It is pushed with the model."""
    text = (model / SPLIT).read_text()
    assert "title" not in text and not [query for query in asked(first.train) if f'"{query}"' in text]
    assert set(json.loads(text)["held_out"]) == asked(first.test)
    assert json.loads(text)["test_share"] == 0.25 and json.loads(text)["checksums"]["judgments"]


@pytest.mark.parametrize("damage", [b"", b"[]", b"{", b'{"held_out": [1]}', b'{"held_out": ["a"], "learned": "b"}'])
def test_a_damaged_file_is_not_replaced_by_a_new_draw(model: Path, damage: bytes, tmp_path: Path) -> None:
    """A new draw could test the model on what it learned."""
    (model / SPLIT).write_bytes(damage)
    with pytest.raises(DataError, match=r"model/split\.json cannot be read.*restore it, or train again"):
        stored_judgments(build(model, table(tmp_path / "data.csv", OLD)))


def test_data_that_the_model_knows_whole_is_refused(first: Judged, model: Path, tmp_path: Path) -> None:
    """There is nothing to test it on."""
    data = table(tmp_path / "known.csv", sorted(asked(first.train)))
    with pytest.raises(DataError, match=r"model/split\.json holds out 0 of 30 queries and learned from 30"):
        stored_judgments(build(model, data))


def test_a_model_without_the_file_is_built_with_its_share_and_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Older models have the share in evaluation.json."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "evaluation.json").write_text(json.dumps({"settings": {"test_share": 0.5}}))
    found = stored_judgments(build(tmp_path / "model", table(tmp_path / "data.csv", OLD)))
    assert len(asked(found)) == 20 and "has no list of held-out queries" in caplog.text


def test_a_model_that_starts_from_another_has_learned_from_its_queries_too(first: Judged, model: Path) -> None:
    """Else a third training, or an evaluation, would test it on what its base learned from."""
    other = open_judged(table(model.parent / "other.csv", NEW), ["us"])
    second = Split.of(other, of_model(model, "model"))
    assert len(second.learned) == len(asked(other.train)) + len(asked(first.train))
    assert set(second.held_out) == asked(other.test)


TRAIN = ["train.py", "--dataset", "data.csv", "--max-steps", "1", "--offline", "--base-model"]


@pytest.fixture(scope="module")
def trained_once(tiny_e5: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``OLD`` in data.csv, and the model that learned from it."""
    folder = tmp_path_factory.mktemp("trained once")
    table(folder / "data.csv", OLD)
    run_script(*TRAIN, str(tiny_e5), cwd=folder)
    return folder


@pytest.fixture
def grown(trained_once: Path, tmp_path: Path) -> Path:
    """A copy of it, in which the file of judgments has grown since."""
    folder = shutil.copytree(trained_once, tmp_path / "grown")
    table(folder / "data.csv", OLD + NEW)
    return folder


def test_a_training_from_a_tuned_model_is_not_tested_on_what_that_learned(grown: Path) -> None:
    """The base of a second generation knows its own train queries, whatever the draw of the grown data says."""
    run_script(*TRAIN, "saved_e5_model", "--output-dir", "second", cwd=grown)
    first, second = (json.loads((grown / name / SPLIT).read_text()) for name in ("saved_e5_model", "second"))
    assert set(second["held_out"]) > set(first["held_out"]) and set(second["learned"]) > set(first["learned"])


def test_train_py_takes_the_split_of_the_model_that_it_replaces(grown: Path, tiny_e5: Path) -> None:
    """Twice the same command, while the file of judgments grows; then the flag says another share."""
    split = grown / "saved_e5_model" / SPLIT
    first = json.loads(split.read_text())
    run_script(*TRAIN, str(tiny_e5), cwd=grown)
    second = json.loads(split.read_text())
    assert set(first["held_out"]) < set(second["held_out"]) and set(first["learned"]) < set(second["learned"])
    measured = json.loads((split.parent / "evaluation.json").read_text())["per_query"]["query"]
    assert set(measured) == set(second["held_out"])
    refused = run_script(*TRAIN, str(tiny_e5), "--test-share", ".5", cwd=grown, check=False)
    assert "--test-share is 0.5: saved_e5_model/split.json holds out 0.2" in refused.stderr.splitlines()[-1]
