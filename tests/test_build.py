"""build_embeddings.py as a user runs it: with a process killed, a second time, on a shop's own catalogue."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import command, environment, run_script

import build_embeddings
from space.data import sample
from space.data.passages import passages
from space.encoding.encoder import TextEncoder
from space.encoding.weights import locate
from space.index.bm25 import K1, B
from space.pipelines.build import evaluation_of
from space.search.loading import load_engine
from space.store import mapped_files
from space.store.reader import Store, StoreError


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def arguments(tiny_e5, output, model="saved_e5_model"):
    return (
        *("build_embeddings.py", "--dataset", "sample", "--base-model", str(tiny_e5)),
        *("--model", str(model), "--output-dir", str(output), "--shard-size", "300"),
    )


def test_the_store_holds_what_the_encoders_say(built, tiny_e5):
    store = Store(built / "artifacts")
    products = store.products()
    assert len(products) == len(sample.catalogue())
    rows = [0, 299, 300, len(products) - 1]
    texts = [passages(products)[row] for row in rows]
    for part, folder in (("base", tiny_e5), ("tuned", built / "saved_e5_model")):
        encoder = TextEncoder(locate(str(folder)))
        store.require(part, encoder.fingerprint, str(folder))
        vectors = store.vectors(part)
        assert vectors.shape == (len(products), encoder.dim)
        torch.testing.assert_close(vectors[rows].float(), encoder.encode_passages(texts), atol=2e-3, rtol=0)
    assert set(store.judgments()["esci_label"]) == {"Exact", "Substitute", "Complement", "Irrelevant"}
    assert json.loads(store.evaluation())["settings"]["dataset"] == "sample"
    assert "made-up" in store.manifest.notice


def test_a_model_with_shorter_vectors_is_built_and_served(tiny_e5, tmp_path):
    """One encoder's vectors have 8 numbers, the other's 32; all of it once assumed the width of the network."""
    short = shutil.copytree(tiny_e5, tmp_path / "short")
    (short / "config_sentence_transformers.json").write_text(json.dumps({"truncate_dim": 8}))
    run_script(*arguments(tiny_e5, "store", short), "--locales", "es", cwd=tmp_path)
    store = Store(tmp_path / "store")
    assert {part: store.vectors(part).shape[1] for part in ("base", "tuned")} == {"base": 32, "tuned": 8}
    engine = load_engine(str(tmp_path / "store"), {"tuned": str(short), "base": str(tiny_e5)}, offline=True)
    assert len(engine.search("zapatos", 5, "tuned").hits) == 5


def test_a_third_encoder_is_added_alone_and_served_alone(built, tiny_e5, tmp_path, caplog):
    """Adding it embeds nothing with the others; --only loads the vectors of those it names."""
    store = shutil.copytree(built / "artifacts", tmp_path / "artifacts")
    short = shutil.copytree(tiny_e5, tmp_path / "short")
    (short / "config_sentence_transformers.json").write_text(json.dumps({"truncate_dim": 8}))
    tuned = str(built / "saved_e5_model")
    caplog.set_level("INFO", "space")
    words = ["--dataset", "sample", "--base-model", str(tiny_e5), "--shard-size", "300", "--output-dir", str(store)]
    build_embeddings.main([*words, "--model", tuned, f"short-8={short}"])
    made = dict(re.findall(r"(\S+): (\d+) of \d+ shards to embed", caplog.text))
    assert made["base"] == made["tuned"] == "0" and made["short-8"] != "0"
    card = (store / "README.md").read_text()
    assert "config_name: short-8" in card and "| short-8 |" in card
    engine = load_engine(str(store), offline=True)
    assert list(engine.systems) == ["base", "tuned", "short-8", "bm25", "hybrid"]
    assert len(engine.search("red kettle", 5, "short-8").hits) == 5
    alone = load_engine(str(store), offline=True, only=["short-8"])
    assert list(alone.systems) == ["short-8", "bm25", "hybrid"]
    assert alone.search("red kettle", 5, "short-8").hits == engine.search("red kettle", 5, "short-8").hits
    with pytest.raises(StoreError, match=r"^--only is 'gte': .* has base, tuned, short-8; name one of these$"):
        load_engine(str(store), offline=True, only=["base", "gte"])
    with pytest.raises(StoreError, match=r"^--model is 'gte': .* has base, tuned, short-8"):
        load_engine(str(store), {"gte": tuned}, offline=True)


def test_the_page_searches_with_the_bm25_that_was_measured(built, tiny_e5):
    """With another k1 than the evaluation the app would show a baseline that was not measured."""
    measured = json.loads(Store(built / "artifacts").evaluation())["bm25"]
    engine = load_engine(
        str(built / "artifacts"), {"tuned": str(built / "saved_e5_model"), "base": str(tiny_e5)}, offline=True
    )
    index = engine.systems["bm25"].index
    assert (index.k1, index.b) == (measured["k1"], measured["b"]) != (K1, B)


def test_a_large_store_is_mapped_and_answers_the_same(built, tiny_e5, tmp_path, monkeypatch):
    """MAPPED_FROM is lowered, since no store of a test is large. The second start finds the files of the first."""
    shutil.copytree(built / "artifacts", tmp_path / "artifacts")
    names = str(tmp_path / "artifacts"), {"tuned": str(built / "saved_e5_model"), "base": str(tiny_e5)}
    expected = load_engine(*names, offline=True).compare("red kettle", 20, ["base", "tuned", "bm25", "hybrid"])
    monkeypatch.setattr(mapped_files, "MAPPED_FROM", 1)
    for _ in ("made", "found"):
        engine = load_engine(*names, offline=True)
        found = engine.compare("red kettle", 20, ["base", "tuned", "bm25", "hybrid"])
        assert {name: one.hits for name, one in found.systems.items()} == {
            name: one.hits for name, one in expected.systems.items()
        }
    assert (tmp_path / "artifacts.serving" / "manifest.json").is_file()


def test_a_killed_process_s_shards_are_taken_over_to_the_same_bytes(built, tiny_e5, tmp_path):
    """One of two processes is killed: the launcher starts both again, and they keep the finished shards."""
    output = tmp_path / "artifacts"
    words = command(*arguments(tiny_e5, output), launch=2, restarts=1)
    launcher = subprocess.Popen(words, cwd=built, env=environment(), stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 120
    while len(list(output.glob("base/*.parquet"))) < 3 and time.monotonic() < until:
        time.sleep(0.001)
    os.kill(worker(launcher.pid, rank=1), signal.SIGKILL)
    done = [path.name for path in output.glob("*/part-*.parquet") if path.parent.name != "products"]
    assert 3 <= len(done) < 18, "killed too late to prove anything"
    assert not (output / "manifest.json").exists()

    said = launcher.communicate()[1]
    assert launcher.returncode == 0, said[-4000:]
    assert said.count("2 processes on cpu") == 2
    kept = int(re.search(r"(\d+) shards kept", said)[1])
    assert 3 <= kept < 18
    assert content(output) == content(built / "artifacts")


def worker(launcher, rank):
    """Process id of the launcher's child with that rank."""
    for children in Path(f"/proc/{launcher}/task").glob("*/children"):
        for child in children.read_text().split():
            if f"LOCAL_RANK={rank}".encode() in Path(f"/proc/{child}/environ").read_bytes().split(b"\0"):
                return int(child)
    raise AssertionError("no such process")


@pytest.fixture
def build(monkeypatch, caplog):
    """Runs build_embeddings.py in this process: (arguments, folder) -> its log."""

    def run(arguments, folder):
        monkeypatch.chdir(folder)
        caplog.set_level("INFO", "space")
        build_embeddings.main(list(arguments))
        return caplog.text

    return run


def test_the_folder_one_is_in_can_be_the_store(built, tiny_e5, tmp_path, build):
    (tmp_path / "artifacts").mkdir()
    model = ("--base-model", str(tiny_e5), "--model", str(built / "saved_e5_model"))
    (tmp_path / "shop.csv").write_text("product_id,product_title\n1,kettle\n")
    build(("--catalogue", "../shop.csv", *model, "--output-dir", "."), tmp_path / "artifacts")
    assert Store(tmp_path / "artifacts").rows == 1 and (tmp_path / "artifacts.lock").exists()


def test_a_second_build_keeps_every_shard(built, tiny_e5, tmp_path, build):
    shutil.copytree(built / "artifacts", tmp_path / "artifacts")
    said = build(arguments(tiny_e5, tmp_path / "artifacts")[1:], built)
    assert "18 shards kept" in said
    assert content(tmp_path / "artifacts") == content(built / "artifacts")


def test_an_own_catalogue(built, tiny_e5, tmp_path, build):
    (tmp_path / "shop.csv").write_text("sku,name,brand,cost\n007,red kettle,Ovenmoor,12.5\n008,blue kettle,,\n")
    model = ("--base-model", str(tiny_e5), "--model", str(built / "saved_e5_model"))
    columns = "product_id=sku,product_title=name,product_brand=brand,price=cost"
    build(("--catalogue", "shop.csv", *model, "--columns", columns), tmp_path)
    store = Store(tmp_path / "artifacts")
    products = store.products()
    assert products["product_id"].to_pylist() == ["007", "008"]
    assert products["price"].to_pylist() == [12.5, None]
    assert store.judgments() is None
    assert np.isfinite(store.vectors("tuned").numpy()).all()


def test_the_text_is_that_of_the_training(built, tiny_e5, tmp_path, build):
    """The plain build after a training with bullet points served other text than was trained and measured."""
    model = shutil.copytree(built / "saved_e5_model", tmp_path / "model")
    told = json.loads((model / "evaluation.json").read_text())
    told["settings"] |= {"bullets": 30, "max_seq_length": 128}
    (model / "evaluation.json").write_text(json.dumps(told))
    products = "product_id,product_title,product_bullet_point\n1,kettle,boils a litre of water in two minutes\n"
    (tmp_path / "shop.csv").write_text(products)
    plain = ("--catalogue", "shop.csv", "--base-model", str(tiny_e5), "--model", "model")
    assert "{bullet_point[:30]}, 128 tokens; as model was trained" in build(plain, tmp_path)
    store = Store(tmp_path / "artifacts")
    assert store.manifest.text == "{title} {brand} {color} {bullet_point[:30]}"
    assert {one.max_seq_length for one in store.encoders.values()} == {128}
    text = passages(store.products(), 30)
    assert text == ["kettle boils a litre of water in two"]
    expected = TextEncoder(locate(str(model)), max_seq_length=128).encode_passages(text)
    torch.testing.assert_close(store.vectors("tuned").float(), expected, atol=2e-3, rtol=0)
    with pytest.raises(SystemExit, match="--bullets is 0: model was trained with 30; leave the flag out, or add"):
        build((*plain, "--bullets", "0"), tmp_path)
    said = build((*plain, "--bullets", "0", "--other-text"), tmp_path)
    assert "{color}, 128 tokens; model was trained on {title} {brand} {color} {bullet_point[:30]}, 128" in said
    (tmp_path / "shop.csv").write_text("product_id,product_title\n1,kettle\n")
    with pytest.raises(SystemExit, match="no column 'product_bullet_point'.*; --bullets 0 leaves"):
        build(plain, tmp_path)


@pytest.mark.parametrize("found", ['{"verdict": "x"', '{"eval_loss": 0.3}', '{"verdict": "x"}', "[1]"])
def test_a_foreign_evaluation_beside_the_model_is_left_out(built, tmp_path, found, caplog):
    """Otherwise the card would fail after the last shard, and again at every start."""
    (tmp_path / "evaluation.json").write_text(found)
    assert evaluation_of(tmp_path) is None
    assert "evaluation.json is not what train.py writes" in caplog.text
    assert evaluation_of(built / "saved_e5_model").verdict
    assert evaluation_of(tmp_path / "nowhere") is None


def test_a_base_the_model_was_not_trained_from_is_pointed_out(built, tmp_path, build):
    (tmp_path / "shop.csv").write_text("product_id,product_title\n1,kettle\n")
    words = ("--catalogue", "shop.csv", "--model", str(built / "saved_e5_model"), "--offline")
    assert "was trained from" not in build((*words, "--base-model", "none"), tmp_path), "there is no base to compare"
    assert list(load_engine(str(tmp_path / "artifacts"), offline=True).systems) == ["tuned", "bm25", "hybrid"]
    assert "embedded by one encoder." in (tmp_path / "artifacts" / "README.md").read_text()
    said = build(words, tmp_path)
    assert "was trained from" in said and "base here is" in said


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        (["--catalogue", "missing.csv"], "--catalogue missing.csv: no such file"),
        (
            ["--dataset", "sample", "--columns", "product_id=sku"],
            "--columns product_id=sku: sample has ESCI's columns",
        ),
        (["--shard-size", "0"], "--shard-size is 0: use 1 or more"),
        (["--model", "other=./nowhere"], "./nowhere: no such folder; train.py writes one"),
    ],
)
def test_bad_input_ends_in_one_sentence(tmp_path, tiny_e5, monkeypatch, extra, says):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        build_embeddings.main(["--base-model", str(tiny_e5), "--model", str(tiny_e5), *extra])
    assert says in str(ended.value)
    assert not list(tmp_path.iterdir())


def test_a_command_that_is_refused_ends_without_a_traceback(tmp_path):
    done = run_script("build_embeddings.py", "--shard-size", "0", cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert done.stderr.strip() == "build_embeddings.py: --shard-size is 0: use 1 or more"
