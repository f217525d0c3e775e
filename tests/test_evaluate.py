"""``python -m space evaluate`` measures as a training does, on queries that no model has learned from."""

import json
import shutil
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from conftest import ROOT
from safetensors.torch import load_file, save_file
from test_split import NEW, OLD, asked, keep, table

from space.__main__ import main
from space.data.words import normalized
from space.encoding.encoder import TextEncoder
from space.encoding.packed_encoder import Tokenized
from space.evaluation.schema import Evaluation
from space.evaluation.tables import METRICS
from space.io.files import write_bytes
from space.pipelines.compared import earlier
from space.pipelines.inputs import open_judged
from space.settings import EvaluateSettings, SettingsError
from space.store import writer
from space.store.manifest import parse
from space.store.reader import Store


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
    hybrids = {"one+bm25": "one", "two+bm25": "two", "hybrid": "same"}  # the last one is the candidate
    for protocol, metrics in METRICS.items():
        tables = found.protocols[protocol]
        assert list(tables.systems) == ["random", "bm25", "one", "two", "same", *hybrids]
        assert set(tables.differences) == {*tables.systems} - {"one"}
        assert set(tables.p_values) == {*tables.systems} - {"one", "random"}
        assert tables.systems["hybrid"] == tables.systems["one+bm25"], "they fuse the same encoder"
        assert {name: set(others) for name, others in tables.contrasts.items()} == {
            name: {encoder, "bm25"} for name, encoder in hybrids.items()
        }
        for metric in metrics:
            assert tables.differences["same"][metric].ties == tables.systems["one"][metric].n == 20
            assert tables.p_values["same"][metric] == 1.0
            values = found.per_query.values("two", f"{protocol}/{metric}")
            base = found.per_query.values("one", f"{protocol}/{metric}")
            assert tables.differences["two"][metric].mean == pytest.approx((values - base).mean(), abs=1e-5)
    written = (tmp_path / "figures.md").read_text()
    assert all(f"| {row} |" in written for row in ("bm25", "two − one", "hybrid − same", "random"))
    assert written.strip() in capsys.readouterr().out
    assert str(tmp_path) not in (tmp_path / "figures.json").read_text() + written
    assert str(tiny_e5.parent) not in (tmp_path / "figures.json").read_text() + written


def test_bm25_may_be_the_reference(tiny_e5: Path, tmp_path: Path) -> None:
    data = table(tmp_path / "data.csv", OLD)
    found = evaluate(tmp_path, "--dataset", data, "--model", f"e5={tiny_e5}", "--reference", "bm25")
    table_of = found.protocols["full_catalogue"]
    assert found.reference == "bm25" and set(table_of.p_values) == {"e5", "hybrid"}
    mean = table_of.systems["e5"]["ndcg@10"].mean - table_of.systems["bm25"]["ndcg@10"].mean
    assert table_of.differences["e5"]["ndcg@10"].mean == pytest.approx(mean, abs=1e-5)


def test_the_figures_are_those_of_the_training(trained: Path, tiny_e5: Path, tmp_path: Path) -> None:
    """The same queries, texts, BM25 and vectors: a second evaluation of a model finds the same figures."""
    model = trained / "saved_e5_model"
    found = evaluate(tmp_path, "--dataset", "sample", "--model", f"base={tiny_e5}", f"tuned={model}")
    training = Evaluation.from_json((model / "evaluation.json").read_bytes())
    assert found.dataset == training.dataset and found.bm25.k1 == training.bm25.k1
    for protocol in METRICS:
        for system in ("random", "bm25", "base", "tuned", "hybrid"):
            for metric, one in training.protocols[protocol].systems[system].items():
                assert found.protocols[protocol].systems[system][metric].mean == one.mean
    assert found.per_query.query == training.per_query.query
    for system in ("bm25", "base", "tuned", "hybrid"):
        assert found.per_query.systems[system] == training.per_query.systems[system]
    assert found.verdict == training.verdict and found.protocols["judged"].contrasts["hybrid"].keys() >= {"tuned"}


def test_smaller_vectors_stand_beside_the_whole_ones(
    tiny_e5: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Every length with every code, each with its paired difference from the whole float16 vectors."""
    data = table(tmp_path / "data.csv", OLD)
    flags = ("--dims", "64", "16", "--codes", "int8", "binary")
    found = evaluate(tmp_path, "--dataset", data, "--model", f"e5={tiny_e5}", *flags)
    assert "e5 has 32 dimensions, so --dims 64 is left out" in caplog.text
    sizes = {(one.dim, one.code, one.rescored): one for one in found.smaller}
    assert list(sizes) == [
        (dim, code, rescored)
        for dim in (32, 16)
        for code, rescored in (("float16", False), ("int8", False), ("binary", False), ("binary", True))
    ]
    assert [one.bytes for one in found.smaller] == [64, 32, 4, 4, 32, 16, 2, 2]
    whole = sizes[32, "float16", False]
    assert whole.differences == {}
    for protocol, metrics in METRICS.items():
        assert whole.figures[protocol] == found.protocols[protocol].systems["e5"]
        for size, one in sizes.items():
            for metric in metrics if size != (32, "float16", False) else ():
                difference = one.differences[protocol][metric]
                mean = one.figures[protocol][metric].mean - whole.figures[protocol][metric].mean
                assert (
                    difference.mean == pytest.approx(mean, abs=1e-5)
                    and difference.n == whole.figures[protocol][metric].n
                )
    assert "| e5 | 16 | binary, rescored | 2 |" in (tmp_path / "figures.md").read_text()


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


@pytest.fixture
def store(built: Path, tmp_path: Path) -> Path:
    """A copy of the store of the sample."""
    return Path(shutil.copytree(built / "artifacts", tmp_path / "store"))


def test_a_store_is_evaluated_with_its_own_vectors(
    built: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only queries are embedded. The figures are those of the training, and go into the store for the page."""
    kinds: list[str] = []

    def embed(encoder: TextEncoder, tokenized: Tokenized, progress: object = None, **more: str) -> torch.Tensor:
        kinds.append(more.get("prompt_name", "document"))
        return embed_as_ever(encoder, tokenized, progress, **more)

    embed_as_ever = TextEncoder.embed
    monkeypatch.setattr(TextEncoder, "embed", embed)
    training = Evaluation.from_json((store / "evaluation.json").read_bytes())
    main(["evaluate", "--offline", "--embeddings", str(store), "--dims", "16"])
    assert set(kinds) == {"query"}
    found = Evaluation.from_json(Store(store).evaluation() or b"")
    assert (
        found.encoders == training.encoders and found.dataset == training.dataset and found.bm25.k1 == training.bm25.k1
    )
    for system in ("bm25", "base", "tuned", "hybrid"):
        assert found.per_query.systems[system] == training.per_query.systems[system]
    for name in ("verdict", "training", "drift", "settings"):
        assert getattr(found, name) == getattr(training, name), "what is known of the training stays"
    assert [(one.encoder, one.dim) for one in found.smaller] == [
        ("base", 32),
        ("base", 16),
        ("tuned", 32),
        ("tuned", 16),
    ]
    measured = earlier(Store(store))
    assert measured is not None and measured.origin == "here"
    assert str(built) not in (store / "evaluation.json").read_text()


def test_a_store_of_three_encoders_gets_a_row_for_each(store: Path, tiny_e5: Path, tmp_path: Path) -> None:
    """The third has the vectors of base, so they tie; the hybrid that the page has is that of tuned."""
    manifest = parse((store / "manifest.json").read_bytes())
    shutil.copytree(store / "base", store / "again")
    copies = {name.replace("base/", "again/"): one for name, one in manifest.files.items() if name.startswith("base/")}
    encoders = {**manifest.encoders, "again": manifest.encoders["base"]}
    manifest = replace(manifest, encoders=encoders, files={**manifest.files, **copies})
    (store / "manifest.json").write_bytes(manifest.to_bytes())
    flags = ("--model", f"again={tiny_e5}", "--reference", "again", "--eval-queries", "12")
    main(["evaluate", "--offline", "--embeddings", str(store), *flags, "--output", str(tmp_path / "figures.json")])
    found = Evaluation.from_json(Store(store).evaluation() or b"")
    assert found.to_json() == (tmp_path / "figures.json").read_text() and found.reference == "again"
    table_of = found.protocols["full_catalogue"]
    hybrids = ["base+bm25", "hybrid", "again+bm25"]
    assert list(table_of.systems) == ["random", "bm25", "base", "tuned", "again", *hybrids]
    assert table_of.differences["base"]["ndcg@10"].ties == 12 and table_of.contrasts["hybrid"].keys() == {
        "tuned",
        "bm25",
    }


def test_a_killed_write_leaves_a_store_that_can_be_read(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """evaluation.json and the manifest with its checksum are two files."""
    left = []

    def write(path: Path, content: bytes) -> None:
        if len(left) == allowed:
            raise KeyboardInterrupt
        left.append(path)
        write_bytes(path, content)

    monkeypatch.setattr(writer, "write_bytes", write)
    for allowed in range(4):
        left.clear()
        with pytest.raises(KeyboardInterrupt) if allowed < 3 else nullcontext():
            writer.replace_evaluation(store, Evaluation(verdict=f"number {allowed}").to_json())
        content = Store(store).evaluation()
    assert content is not None and Evaluation.from_json(content).verdict == "number 3"


def test_a_store_that_cannot_be_evaluated_is_refused(store: Path, tiny_e5: Path, tmp_path: Path) -> None:
    def refused(*flags: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["evaluate", "--offline", "--embeddings", str(store), *flags])
        return str(ended.value)

    assert "its tuned vectors were made by saved_e5_model" in refused("--model", f"tuned={tiny_e5}")
    assert "no encoder of that name; it has base, tuned" in refused("--model", f"mine={tiny_e5}")
    assert "--reference is 'mine': choose one of base, tuned, bm25, hybrid" in refused("--reference", "mine")
    manifest = parse((store / "manifest.json").read_bytes())
    files = {name: entry for name, entry in manifest.files.items() if not name.startswith("judgments/")}
    (store / "manifest.json").write_bytes(replace(manifest, files=files).to_bytes())
    assert "it has no judgments to evaluate on" in refused()


def test_a_model_out_of_reach_is_refused_with_a_cure_of_this_command(tmp_path: Path) -> None:
    """The message named --base-model, which this command does not have."""
    with pytest.raises(SystemExit, match=r"^evaluate: .*shop/e5") as ended:
        evaluate(tmp_path, "--dataset", "sample", "--model", "shop/e5")
    assert "--base-model" not in str(ended.value) and not list(tmp_path.iterdir())


# -- settings --------------------------------------------------------------------------------------------------------


def test_a_model_without_a_name_has_the_last_part_of_its_id() -> None:
    models = ["intfloat/multilingual-e5-small@main", "BAAI/bge-small-en-v1.5", "b=user/x@v=1", str(ROOT / "tests")]
    assert EvaluateSettings(model=models).models() == {
        "bge-small-en-v1-5": "BAAI/bge-small-en-v1.5",
        "multilingual-e5-small": "intfloat/multilingual-e5-small@main",
        "b": "user/x@v=1",
        "tests": str(ROOT / "tests"),
    }


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"model": ["a=x/y", "a=x/z"]}, r"the name 'a' is taken"),
        ({"model": ["x/y", "z/y"]}, r"the name 'y' is taken"),
        ({"model": ["bm25=x/y"]}, r"--model is 'bm25=x/y': .*mean something else"),
        ({"model": ["Mine=x/y"]}, r"--model is 'Mine=x/y': use up to 40 lower-case letters"),
        ({"model": ["=x/y"]}, r"--model is '=x/y': write NAME=ID"),
        ({"model": ["a="]}, r"--model is 'a=': write NAME=ID"),
        ({"model": ["a|b=x/y"]}, r"use up to 40 lower-case letters"),
        ({"embeddings": ROOT / "tests", "dataset": "sample"}, r"--dataset is 'sample': leave it out, the store"),
        ({"embeddings": ROOT / "tests", "bullets": 0}, r"--bullets is 0: leave it out, the store"),
        ({"embeddings": ROOT / "nowhere"}, r"--embeddings is '.*nowhere': name the folder of a store"),
        ({"dims": [64, 0]}, r"--dims is \[64, 0\]: use numbers of dimensions"),
        ({"dims": [64, 64]}, r"--dims is \[64, 64\]: .*each once"),
        ({"codes": ["int4"]}, r"--codes is \['int4'\]: use int8 or binary or centred-binary"),
        ({"model": []}, r"--model is \[\]: name at least one"),
        ({"model": ["a=x/y"], "reference": "b"}, r"--reference is 'b': choose one of a, bm25"),
        ({"output": Path("figures.txt")}, r"--output is 'figures\.txt': name a file that ends in \.json"),
    ],
)
def test_settings_that_cannot_work_are_refused(values: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        EvaluateSettings(**values)
