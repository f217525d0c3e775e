"""Damaged or swapped models, and disks that cannot be written: one sentence names the file and the cure."""

import contextlib
import json
import os
import resource
import shutil
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from conftest import flip_bit
from hub_repos import e5_files, write_files
from safetensors.torch import load_file, save_file
from test_store_reader import build, content, replaced
from transformers import MPNetConfig, MPNetModel

from space.encoding.encoder import TextEncoder
from space.encoding.weights import WeightsError, locate
from space.io.files import WriteError, atomically
from space.search.loading import load_engine
from space.store.manifest import MANIFEST
from space.store.reader import Store, StoreError

# -- models ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def model(tmp_path):
    return write_files(tmp_path / "e5-tiny", e5_files())


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


DAMAGES = {
    "weights cut": lambda folder: os.truncate(folder / "model.safetensors", 5_000),
    "weights empty": lambda folder: os.truncate(folder / "model.safetensors", 0),
    "tokenizer cut": lambda folder: os.truncate(folder / "tokenizer.json", 100),
    "settings cut": lambda folder: os.truncate(folder / "config.json", 30),
    "settings of another kind": lambda folder: (folder / "config_sentence_transformers.json").write_text("[]"),
    "another dimension": lambda folder: edit(folder / "config.json", hidden_size=16),
    "a module of its own": lambda folder: (
        (folder / "evil.py").write_text("open('hacked', 'w')\nclass Evil: pass\n"),
        (folder / "modules.json").write_text('[{"idx": 0, "name": "0", "path": "", "type": "evil.Evil"}]'),
    ),
    "a model class of its own": lambda folder: (
        (folder / "evil.py").write_text("open('hacked', 'w')\nclass Evil: pass\n"),
        edit(folder / "config.json", model_type="evil", auto_map={"AutoModel": "evil.E", "AutoConfig": "evil.E"}),
    ),
    "no layers, so that no weights are used": lambda folder: edit(folder / "config.json", num_hidden_layers=0),
    "a billion layers": lambda folder: edit(folder / "config.json", num_hidden_layers=10**9),
    "a billion layers further in": lambda folder: edit(folder / "config.json", text_config={"n_layers": 10**9}),
    "a billion labels": lambda folder: edit(folder / "config.json", num_labels=10**9),
    "a vocabulary of 10 billion": lambda folder: edit(folder / "config.json", type_vocab_size=10**10),
    "no heads": lambda folder: edit(folder / "config.json", num_attention_heads=0),
    "no dimensions": lambda folder: edit(folder / "config.json", hidden_size=0),
    "a padding token outside the vocabulary": lambda folder: edit(folder / "config.json", pad_token_id=10**6),
    "layers without weights": lambda folder: edit(folder / "config.json", num_hidden_layers=3),
    "990 layers over the weights of two": lambda folder: edit(folder / "config.json", num_hidden_layers=990),
    "fewer layers than the weights have": lambda folder: edit(folder / "config.json", num_hidden_layers=1),
    "layers that another file counts": lambda folder: edit(
        folder / "sentence_bert_config.json", config_args={"num_hidden_layers": 3}
    ),
    "weights of another shape that another file lets pass": lambda folder: (
        edit(folder / "config.json", intermediate_size=65),
        edit(folder / "sentence_bert_config.json", model_kwargs={"ignore_mismatched_sizes": True}),
    ),
    "weights without a layer's norm": lambda folder: drop(folder, "encoder.layer.1.output.LayerNorm.weight"),
    "weights without the embeddings of words": lambda folder: drop(folder, "embeddings.word_embeddings.weight"),
    "weights that are all called otherwise": lambda folder: rename(folder, lambda name: f"x.{name}.y"),
    "a pooler that is used and has no weights": lambda folder: (
        drop(folder, "pooler.dense.weight", "pooler.dense.bias"),
        edit(
            folder / "sentence_bert_config.json",
            modality_config={"text": {"method": "forward", "method_output_name": "pooler_output"}},
            module_output_name="sentence_embedding",
        ),
    ),
    "a dense module without all its weights": lambda folder: (
        add_module(folder, "3_Dense", "Dense", in_features=32, out_features=32),
        save_file({"linear.bias": torch.zeros(32)}, folder / "3_Dense" / "model.safetensors"),
    ),
    "a dense module with pickled weights": lambda folder: (
        add_module(folder, "3_Dense", "Dense", in_features=32, out_features=32),
        torch.save(
            {"linear.weight": torch.zeros(32, 32), "linear.bias": torch.zeros(32)},
            folder / "3_Dense" / "pytorch_model.bin",
        ),
    ),
    "layers that are text": lambda folder: edit(folder / "config.json", num_hidden_layers="x"),
    "a dense module larger than its weights": lambda folder: add_module(
        folder, "2_Dense", "Dense", in_features=10**5, out_features=10**5
    ),
    "modules nested without end": lambda folder: (folder / "modules.json").write_text("[" * 200_000),
    "settings nested without end": lambda folder: (folder / "config.json").write_text('{"a":' * 200_000),
}


def rename(folder, new_name):
    """Save the weights under other names; None leaves one out."""
    path = folder / "model.safetensors"
    renamed = {new_name(name): tensor for name, tensor in load_file(path).items()}
    save_file({name: tensor for name, tensor in renamed.items() if name}, path, metadata={"format": "pt"})


def drop(folder, *names):
    rename(folder, lambda name: None if name in names else name)


def add_module(folder, name, kind, **settings):
    modules = json.loads((folder / "modules.json").read_text())
    place = len(modules)
    modules.append({"idx": place, "name": str(place), "path": name, "type": f"sentence_transformers.models.{kind}"})
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / name).mkdir()
    (folder / name / "config.json").write_text(json.dumps(settings))


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_or_foreign_model_is_refused_and_runs_nothing(model, damage, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    DAMAGES[damage](model)
    with pytest.raises(
        WeightsError,
        match=r"(?s)e5-tiny: cannot be loaded as an encoder.*train it again, or copy or download it again",
    ) as refused:
        TextEncoder(locate(str(model)))
    assert not (tmp_path / "hacked").exists()
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 800


@pytest.mark.parametrize("kind", ["sentence_transformers.models.Nope", "sentence_transformers.nope.Nope"])
def test_an_unknown_module(model, kind):
    (model / "modules.json").write_text(json.dumps([{"idx": 0, "name": "0", "path": "", "type": kind}]))
    with pytest.raises(WeightsError, match=r"e5-tiny: .*[Nn]ope.*; use another model"):
        TextEncoder(locate(str(model)))


@pytest.mark.parametrize("kernel", ["kernels-community/flash-attn", "flash_attention_2", "flex_attention"])
@pytest.mark.parametrize("file", ["config.json", "sentence_bert_config.json"])
def test_attention_kernels_that_a_model_names_are_not_used(model, file, kernel):
    """For a kernel of the Hub, transformers would download code and run it."""
    before = TextEncoder(locate(str(model))).encode_queries(["red shoes"])
    named = {"attn_implementation": kernel}
    edit(model / file, **(named if file == "config.json" else {"model_args": named, "model_kwargs": named}))
    encoder = TextEncoder(locate(str(model)))
    assert encoder.encode_queries(["red shoes"]).equal(before)


def test_a_model_without_fast_attention_is_loaded(tmp_path):
    files = e5_files()
    config = {"model_type": "mpnet", "architectures": ["MPNetModel"], "hidden_size": 32, "num_hidden_layers": 1}
    config |= {"num_attention_heads": 2, "intermediate_size": 32, "vocab_size": 180, "max_position_embeddings": 512}
    model = MPNetModel(MPNetConfig(**config))
    folder = write_files(tmp_path / "mpnet", files)
    model.save_pretrained(folder)
    assert TextEncoder(locate(str(folder))).encode_queries(["red shoes"]).shape == (1, 32)


@pytest.mark.parametrize("name", [".pushed.json", "adapter_config.json"])
def test_notes_beside_a_model_that_are_nested_without_end(model, name):
    """One is left aside; an adapter is refused with the command that merges it."""
    (model / name).write_text("[" * 200_000)
    if name == "adapter_config.json":
        (model / "model.safetensors").rename(model / "adapter_model.safetensors")
        with pytest.raises(WeightsError, match="an adapter"):
            locate(str(model))
    else:
        assert locate(str(model)).revision is None


@pytest.fixture
def served(built, tiny_e5, tmp_path):
    """Path of a store and of its models, for a test to damage."""
    shutil.copytree(built / "saved_e5_model", tmp_path / "model")
    shutil.copytree(built / "artifacts", tmp_path / "store")
    return str(tmp_path / "store"), {"tuned": str(tmp_path / "model"), "base": str(tiny_e5)}


def test_base_and_tuned_swapped(served):
    store, models = served
    with pytest.raises(StoreError, match=r"its base vectors were made by .*, not by .*/model"):
        load_engine(store, {"base": models["tuned"], "tuned": models["base"]}, offline=True)


def test_one_flipped_bit_in_the_weights(served, tmp_path):
    flip_bit(tmp_path / "model" / "model.safetensors", at=-100)
    with pytest.raises(StoreError, match=r"its tuned vectors were made by .*, not by .*/model"):
        load_engine(*served, offline=True)


def test_vectors_that_are_not_finite(served, tmp_path):
    """A row with NaN would be the first hit of every search, or never one."""
    store, name = tmp_path / "store", "tuned/part-00001-of-00009.parquet"
    name = sorted(json.loads((store / MANIFEST).read_text())["files"])[-1] if not (store / name).exists() else name
    table = pq.read_table(store / name)
    values = table["embedding"].combine_chunks().flatten().to_numpy(zero_copy_only=False).copy()
    values[7] = float("nan")
    rows = pa.FixedSizeListArray.from_arrays(pa.array(values), 32)
    table = table.set_column(table.column_names.index("embedding"), "embedding", rows)
    replaced(store, name, table)
    with pytest.raises(StoreError, match=r"store: tuned: embeddings should be finite, row \d+ is not; rebuild"):
        load_engine(*served, offline=True)


@pytest.mark.parametrize("text", ["no JSON", "[" * 200_000, "[]", '{"settings": ' + '{"a":' * 300 + "1" + "}" * 301])
def test_an_evaluation_that_is_none(served, tmp_path, text):
    replaced(tmp_path / "store", "evaluation.json", text.encode())
    with pytest.raises(StoreError, match=r"store/evaluation\.json: not an evaluation.*run build_embeddings.py again"):
        load_engine(*served, offline=True)


@pytest.mark.parametrize(
    "new_name",
    [
        lambda name: None if name.startswith("pooler.") else name,  # mean pooling does not use it
        lambda name: f"bert.{name}",  # as a model with a head saves them
        lambda name: name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"),
    ],
)
def test_weights_without_pooler_or_under_their_other_names_are_taken(model, new_name):
    before = TextEncoder(locate(str(model))).encode_queries(["red shoes"])
    rename(model, new_name)
    assert TextEncoder(locate(str(model))).encode_queries(["red shoes"]).equal(before)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("max_position_embeddings", 19_000_000), ("intermediate_size", 19_000_000), ("num_hidden_layers", 990)],
)
def test_settings_far_beyond_the_weights_take_neither_memory_nor_time(model, setting, value):
    """The weights' own shapes are read first; one matrix of 19 million rows would take 2.4 GB."""
    TextEncoder(locate(str(model)))  # what is imported on the way
    edit(model / "config.json", **{setting: value})
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(WeightsError, match=r"e5-tiny: .*weights"):
        TextEncoder(locate(str(model)))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000  # kB
    assert time.process_time() - start < 15


@pytest.mark.parametrize(
    ("kind", "file", "settings"),
    [
        ("LSTM", "lstm_config.json", {"word_embedding_dimension": 32, "hidden_dim": 10_000_000}),
        ("CNN", "cnn_config.json", {"in_word_embedding_dimension": 32, "out_channels": 10_000_000}),
        ("Dense", "config.json", {"in_features": 32, "out_features": 10_000_000}),
    ],
)
def test_other_modules_larger_than_their_weights(model, kind, file, settings):
    add_module(model, "3_More", kind, **settings)
    (model / "3_More" / "config.json").rename(model / "3_More" / file)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(WeightsError, match=f"in 3_More/{file} need"):
        TextEncoder(locate(str(model)))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000  # kB


def test_more_words_than_weights(model):
    """They took 4.9 GB before the weights were found to be of another shape."""
    edit(model / "config.json", vocab_size=19_000_000)
    with pytest.raises(WeightsError, match="vocab_size in config.json"):
        TextEncoder(locate(str(model)))


# -- disks that refuse -----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def files_of_at_most(size):
    """Limit the size of files as ``ulimit -f`` does; Python turns the signal into an OSError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_that_may_not_grow_leaves_nothing_half_written(tmp_path):
    """The message names file and cure, and the next build writes the same bytes as an undisturbed one."""
    with files_of_at_most(2_000), pytest.raises(WriteError, match=r"/s/.*parquet: the file size limit is reached"):
        build(tmp_path / "s", rows=400, shard_size=200)
    assert not [path for path in (tmp_path / "s").rglob("*") if ".tmp-" in path.name]
    build(tmp_path / "s", rows=400, shard_size=200)
    build(tmp_path / "whole", rows=400, shard_size=200)
    assert content(tmp_path / "s") == content(tmp_path / "whole")


def test_a_full_disk(mounted):
    folder = mounted("size=64k")
    (folder / "filler").write_bytes(bytes(60 * 1024))
    with pytest.raises(WriteError, match=r"the disk is full: free some space; then run the same command again"):
        build(folder / "s", rows=400, shard_size=200)
    (folder / "filler").unlink()
    assert not (folder / "s" / MANIFEST).exists()
    build(folder / "s", rows=40, shard_size=20)
    assert Store(folder / "s").rows == 40


def test_a_read_only_disk(mounted):
    folder = mounted("ro")
    with (
        pytest.raises(WriteError, match=r"part: the disk is read-only: name another folder"),
        atomically(folder / "part"),
    ):
        (folder / f"part.tmp-{os.getpid()}").write_text("x")
