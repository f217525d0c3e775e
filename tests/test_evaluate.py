"""``python -m space evaluate`` measures as a training does, on queries that no model has learned from."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch
from conftest import ROOT
from safetensors.torch import load_file, save_file
from test_split import NEW, OLD, asked, keep, table

from space.__main__ import main
from space.data.words import normalized
from space.evaluation.schema import METRICS, Evaluation
from space.pipelines.inputs import open_judged
from space.settings import EvaluateSettings, SettingsError


@pytest.fixture(scope="module")
def other(tiny_e5: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny encoder with other weights."""
    folder = tmp_path_factory.mktemp("other") / "other"
    shutil.copytree(tiny_e5, folder)
    for path in folder.rglob("*.safetensors"):
        torch.manual_seed(1)
        save_file({name: torch.randn_like(tensor) for name, tensor in load_file(path).items()}, path, {"format": "pt"})
    return folder


def evaluate(output: Path, *flags: str) -> Evaluation:
    """The figures that the command leaves."""
    main(["evaluate", "--offline", "--output", str(output / "figures.json"), *flags])
    return Evaluation.from_json((output / "figures.json").read_bytes())


def test_all_systems_stand_beside_each_other(
    tiny_e5: Path, other: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both protocols, intervals, the differences from the reference with their p, as JSON and as Markdown."""
    data = table(tmp_path / "data.csv", OLD)
    models = ("--model", f"one={tiny_e5}", f"two={other}", "--model", f"same={tiny_e5}")
    found = evaluate(tmp_path, "--dataset", data, "--test-share", ".5", *models)
    assert found.reference == "one" and list(found.encoders) == ["one", "two", "same"]
    for protocol, metrics in METRICS.items():
        tables = found.protocols[protocol]
        assert list(tables.systems) == ["random", "bm25", "one", "two", "same"]
        assert set(tables.differences) == {"random", "bm25", "two", "same"}
        assert set(tables.p_values) == {"bm25", "two", "same"}
        for metric in metrics:
            assert tables.differences["same"][metric].ties == tables.systems["one"][metric].n == 20
            assert tables.p_values["same"][metric] == 1.0
            values = found.per_query.values("two", f"{protocol}/{metric}")
            base = found.per_query.values("one", f"{protocol}/{metric}")
            assert tables.differences["two"][metric].mean == pytest.approx((values - base).mean(), abs=1e-5)
    written = (tmp_path / "figures.md").read_text()
    assert all(f"| {row} |" in written for row in ("bm25", "two − one", "bm25 − one", "random"))
    assert written.strip() in capsys.readouterr().out
    assert str(tmp_path) not in (tmp_path / "figures.json").read_text() + written
    assert str(tiny_e5.parent) not in (tmp_path / "figures.json").read_text() + written


def test_bm25_may_be_the_reference(tiny_e5: Path, tmp_path: Path) -> None:
    data = table(tmp_path / "data.csv", OLD)
    found = evaluate(tmp_path, "--dataset", data, "--model", f"e5={tiny_e5}", "--reference", "bm25")
    table_of = found.protocols["full_catalogue"]
    assert found.reference == "bm25" and set(table_of.p_values) == {"e5"}
    mean = table_of.systems["e5"]["ndcg@10"].mean - table_of.systems["bm25"]["ndcg@10"].mean
    assert table_of.differences["e5"]["ndcg@10"].mean == pytest.approx(mean, abs=1e-5)


def test_the_figures_are_those_of_the_training(trained: Path, tiny_e5: Path, tmp_path: Path) -> None:
    """The same queries, texts, BM25 and vectors: a second evaluation of a model finds the same figures."""
    model = trained / "saved_e5_model"
    found = evaluate(tmp_path, "--dataset", "sample", "--model", f"base={tiny_e5}", f"tuned={model}")
    training = Evaluation.from_json((model / "evaluation.json").read_bytes())
    assert found.dataset == training.dataset and found.bm25.k1 == training.bm25.k1
    for protocol in METRICS:
        for system in ("random", "bm25", "base", "tuned"):
            for metric, one in training.protocols[protocol].systems[system].items():
                assert found.protocols[protocol].systems[system][metric].mean == one.mean
    assert found.per_query.query == training.per_query.query
    for system in ("bm25", "base", "tuned"):
        assert found.per_query.systems[system] == training.per_query.systems[system]


def test_only_queries_that_no_model_learned_from_are_evaluated(tiny_e5: Path, other: Path, tmp_path: Path) -> None:
    """Two models with different held-out queries meet on those that both held out, and on new ones."""
    data = table(tmp_path / "data.csv", OLD)
    tested, models = [], []
    for place, source in enumerate((tiny_e5, other)):
        model = tmp_path / f"model{place}"
        shutil.copytree(source, model)
        split = ["test" if number % 4 <= 1 + place else "train" for number in range(len(OLD))]
        judged = open_judged(table(tmp_path / f"own{place}.csv", OLD, split=split), ["us"])
        tested.append(asked(judged.test))
        models += ["--model", str(keep(judged, model))]
    assert set(evaluate(tmp_path, "--dataset", data, *models).per_query.query) == tested[0] & tested[1]
    grown = table(tmp_path / "grown.csv", OLD + NEW)
    found = set(evaluate(tmp_path, "--dataset", grown, *models).per_query.query)
    assert found >= tested[0] & tested[1] and not {normalized(query) for query in found} & (set(OLD) - tested[0])


def test_models_of_other_texts_are_not_mixed_without_a_word(
    tiny_e5: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The text is as the models were trained; where they differ, a flag has to say which."""
    data = table(tmp_path / "data.csv", OLD)
    models = []
    for tokens in (16, 32):
        model = tmp_path / f"model{tokens}"
        shutil.copytree(tiny_e5, model)
        (model / "evaluation.json").write_text(json.dumps({"settings": {"max_seq_length": tokens}}))
        models += ["--model", str(model)]
    with pytest.raises(SystemExit, match=r"--max-seq-length \(model16: 16, model32: 32\); say which"):
        evaluate(tmp_path, "--dataset", data, *models)
    assert evaluate(tmp_path, "--dataset", data, *models[:2]).encoders["model16"].max_seq_length == 16
    both = evaluate(tmp_path, "--dataset", data, *models, "--max-seq-length", "24").encoders
    assert {one.max_seq_length for one in both.values()} == {24}


def test_few_queries_conclude_nothing_and_clicks_have_no_judged_figures(tiny_e5: Path, tmp_path: Path) -> None:
    rows = [(f"query {n}", f"p{n}", f"title {n}", 1) for n in range(12)]
    pd.DataFrame(rows, columns=["query", "sku", "title", "clicks"]).to_csv(tmp_path / "j.csv", index=False)
    found = evaluate(tmp_path, "--dataset", str(tmp_path / "j.csv"), "--model", f"e5={tiny_e5}")
    assert found.protocols["judged"].systems["e5"]["ndcg"].mean is None
    assert "queries are too few" in (tmp_path / "figures.md").read_text()


def test_a_model_out_of_reach_is_refused_with_a_cure_of_this_command(tmp_path: Path) -> None:
    """The message named --base-model, which this command does not have."""
    with pytest.raises(SystemExit, match=r"^evaluate: .*shop/e5") as ended:
        evaluate(tmp_path, "--dataset", "sample", "--model", "shop/e5")
    assert "--base-model" not in str(ended.value) and not list(tmp_path.iterdir())


# -- settings --------------------------------------------------------------------------------------------------------


def test_a_model_without_a_name_has_the_last_part_of_its_id() -> None:
    settings = EvaluateSettings(model=["intfloat/multilingual-e5-small@main", "b=user/x@v=1", str(ROOT / "tests")])
    assert settings.models() == {
        "multilingual-e5-small": "intfloat/multilingual-e5-small@main",
        "b": "user/x@v=1",
        "tests": str(ROOT / "tests"),
    }


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"model": ["a=x/y", "a=x/z"]}, r"the name 'a' is taken"),
        ({"model": ["x/y", "z/y"]}, r"the name 'y' is taken"),
        ({"model": ["bm25=x/y"]}, r"the name 'bm25' is taken"),
        ({"model": ["=x/y"]}, r"--model is '=x/y': write NAME=ID"),
        ({"model": ["a="]}, r"--model is 'a=': write NAME=ID"),
        ({"model": ["a|b=x/y"]}, r"write NAME=ID"),
        ({"model": []}, r"--model is \[\]: name at least one"),
        ({"model": ["a=x/y"], "reference": "b"}, r"--reference is 'b': choose one of a, bm25"),
        ({"output": Path("figures.txt")}, r"--output is 'figures\.txt': name a file that ends in \.json"),
    ],
)
def test_settings_that_cannot_work_are_refused(values: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        EvaluateSettings(**values)
