"""No text is embedded twice, kept vectors are the bytes that embedding again gives, and damage costs time only."""

import os
import subprocess
import time

import pytest
import torch
from conftest import command, environment, flip_bit, short_training

from space.__main__ import main
from space.encoding.encoder import TextEncoder
from space.encoding.weights import locate
from space.evaluation.schema import Evaluation
from space.store import vector_cache
from space.store.vector_cache import BLOCK, VARIABLE, VectorCache

TEXTS = [f"{word} number {number}" for number in range(BLOCK // 3) for word in ("kettle", "größe ½", "red shoes")]
TEXTS += [f"lamp {number}" for number in range(BLOCK)]  # 1,999: a whole block and a part of one


@pytest.fixture(scope="module")
def encoder(tiny_e5):
    return TextEncoder(locate(str(tiny_e5)), device="cpu")


@pytest.fixture(scope="module")
def expected(encoder):
    return VectorCache(None).embed(encoder, TEXTS)


def files(folder):
    return sorted(folder.iterdir())


def test_the_second_time_nothing_is_embedded(encoder, expected, tmp_path, monkeypatch):
    first = VectorCache(tmp_path)
    assert torch.equal(first.embed(encoder, TEXTS), expected) and first.taken == 0
    monkeypatch.setattr(encoder, "embed", None)
    again, seen = VectorCache(tmp_path), []
    found = again.embed(encoder, TEXTS, seen.append)
    assert found.dtype == torch.float16 and torch.equal(found, expected)
    assert again.taken == sum(seen) == len(TEXTS)


def test_blocks_are_embedded_as_the_encoder_does_and_rounded(encoder, expected):
    torch.testing.assert_close(expected.float(), encoder.encode_passages(TEXTS), atol=1e-3, rtol=0)
    assert torch.equal(expected[:BLOCK], encoder.encode_passages(TEXTS[:BLOCK]).half())
    assert VectorCache(None).embed(encoder, []).shape == (0, encoder.dim)


@pytest.mark.parametrize("other", [{"fingerprint": "0" * 64}, {"precision": "x"}, {"batch_size": 8}])
def test_another_encoder_precision_or_batch_takes_nothing(encoder, tmp_path, monkeypatch, other):
    VectorCache(tmp_path).embed(encoder, TEXTS[:5])
    for name, value in other.items():
        monkeypatch.setattr(encoder, name, value)
    cache = VectorCache(tmp_path)
    cache.embed(encoder, TEXTS[:5])
    assert cache.taken == 0 and len(files(tmp_path)) == 2


def test_another_length_limit_takes_nothing(encoder, tiny_e5, tmp_path):
    VectorCache(tmp_path).embed(encoder, TEXTS[:5])
    cache = VectorCache(tmp_path)
    cache.embed(TextEncoder(locate(str(tiny_e5)), device="cpu", max_seq_length=8), TEXTS[:5])
    assert cache.taken == 0


@pytest.mark.parametrize("texts", [["b", "a"], ["a"], ["ab", ""], ["", "ab"], ["a", "b "]])
def test_other_texts_take_nothing(encoder, tmp_path, texts):
    VectorCache(tmp_path).embed(encoder, ["a", "b"])
    cache = VectorCache(tmp_path)
    cache.embed(encoder, texts)
    assert cache.taken == 0


def test_a_changed_product_costs_its_block(encoder, expected, tmp_path):
    VectorCache(tmp_path).embed(encoder, TEXTS)
    cache = VectorCache(tmp_path)
    found = cache.embed(encoder, [*TEXTS[:-1], "renamed"])
    assert cache.taken == BLOCK and torch.equal(found[:BLOCK], expected[:BLOCK])


def test_a_stopped_run_keeps_its_finished_blocks(encoder, expected, tmp_path):
    """All vectors were written at the end once, so a kill lost hours."""
    seen = []

    def stop(count):
        seen.append(count)
        if sum(seen) > BLOCK:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        VectorCache(tmp_path).embed(encoder, TEXTS, stop)
    cache = VectorCache(tmp_path)
    assert torch.equal(cache.embed(encoder, TEXTS), expected) and cache.taken == BLOCK


@pytest.mark.parametrize("damage", ["bit", "header", "cut", "empty", "folder", "other"])
def test_a_damaged_block_is_embedded_again(encoder, expected, tmp_path, caplog, damage):
    VectorCache(tmp_path / "other").embed(encoder, ["a", "b"])
    VectorCache(tmp_path / "v").embed(encoder, TEXTS)
    file = max(files(tmp_path / "v"), key=lambda path: path.stat().st_size)
    match damage:
        case "bit" | "header":
            flip_bit(file, file.stat().st_size - 3 if damage == "bit" else 20)
        case "cut" | "empty":
            file.write_bytes(file.read_bytes()[: 40 if damage == "cut" else 0])
        case "folder":
            file.unlink()
            file.mkdir()
        case "other":
            file.write_bytes(files(tmp_path / "other")[0].read_bytes())
    cache = VectorCache(tmp_path / "v")
    assert torch.equal(cache.embed(encoder, TEXTS), expected) and cache.taken == len(TEXTS) - BLOCK
    assert "embedded again" in caplog.text
    if damage != "folder":
        cache = VectorCache(tmp_path / "v")
        assert torch.equal(cache.embed(encoder, TEXTS), expected) and cache.taken == len(TEXTS)


def test_a_folder_that_cannot_be_written_costs_the_vectors_only(encoder, expected, tmp_path, caplog):
    (tmp_path / "v").write_text("a file in its place")
    assert torch.equal(VectorCache(tmp_path / "v").embed(encoder, TEXTS), expected)
    assert caplog.text.count("are not kept") == 1


def test_the_folder_stays_below_its_bound_and_the_oldest_go(encoder, tmp_path, monkeypatch):
    monkeypatch.setattr(vector_cache, "_LOOK_EVERY", 1)
    bound = int(3.5 * BLOCK * encoder.dim * 2)

    def embed(cache, word):
        before = cache.taken
        cache.embed(encoder, [f"{word} {number}" for number in range(BLOCK)])
        assert sum(path.stat().st_size for path in files(tmp_path)) <= bound
        return cache.taken > before

    for age, word in ((300, "first"), (200, "second"), (100, "third")):
        known = set(files(tmp_path))
        embed(VectorCache(tmp_path, bound), word)
        (file,) = set(files(tmp_path)) - known
        os.utime(file, (0, time.time() - age))
    cache = VectorCache(tmp_path, bound)
    assert embed(cache, "first"), "kept until now, and now the last one used"
    assert not embed(cache, "fourth")
    again = VectorCache(tmp_path, bound)
    assert [embed(again, word) for word in ("first", "fourth", "third")] == [True] * 3
    assert not embed(again, "second"), "the oldest, which had to go"


def test_a_catalogue_that_does_not_fit_keeps_its_first_part(encoder, expected, tmp_path):
    """Deleting the oldest would delete each block before its next use."""
    bound = BLOCK * encoder.dim * 2 + 1000
    for taken in (0, BLOCK):
        cache = VectorCache(tmp_path, bound)
        assert torch.equal(cache.embed(encoder, TEXTS), expected) and cache.taken == taken


def test_leftovers_of_killed_writers_go(encoder, tmp_path):
    (tmp_path / "x.safetensors.tmp-1").touch()
    os.utime(tmp_path / "x.safetensors.tmp-1", (0, time.time() - 200_000))
    (tmp_path / "y.safetensors.tmp-2").touch()  # somebody may be writing it
    VectorCache(tmp_path).embed(encoder, ["a"])
    assert [path.name for path in files(tmp_path) if ".tmp-" in path.name] == ["y.safetensors.tmp-2"]


def test_the_variable_moves_it_and_turns_it_off(encoder, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for value, place in (("", "cache/e5-product-search/vectors"), (str(tmp_path / "mine"), "mine"), ("Off", None)):
        monkeypatch.setenv(VARIABLE, value)
        before = {path for path in tmp_path.rglob("*.safetensors")}
        VectorCache.of_user().embed(encoder, ["a"])
        made = {path for path in tmp_path.rglob("*.safetensors")} - before
        assert [path.parent for path in made] == ([tmp_path / place] if place else [])


def started(words, folder, cache):
    """A script that keeps vectors in ``cache``."""
    folder.mkdir(exist_ok=True)
    env = environment() | {VARIABLE: str(cache)}
    return subprocess.Popen(command(*words), cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def said(process):
    text = process.communicate()[1].decode()
    assert process.returncode == 0, text[-4000:]
    return text


def same_store(one, other):
    names = {path.relative_to(one) for path in one.rglob("*") if path.is_file()}
    assert names == {path.relative_to(other) for path in other.rglob("*") if path.is_file()}
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in names)


def test_train_and_build_embed_a_text_once_to_the_same_bytes(trained, tiny_e5, tmp_path, monkeypatch):
    """Each of train.py and build_embeddings.py embedded the base for itself, and no run took a build's."""
    train = ["train.py", *short_training(tiny_e5)]
    build = ["build_embeddings.py", "--dataset", "sample", "--base-model", str(tiny_e5), "--shard-size", "1000"]
    build += ["--model", str(trained / "saved_e5_model")]
    cache = tmp_path / "vectors"
    alone = started(build, tmp_path / "alone", "off")
    assert "kept before" not in said(alone)
    # Both at once, so each block may be written by both.
    for text in map(
        said, [started(train, tmp_path / "first", cache), started(build, tmp_path / "first built", cache)]
    ):
        assert "not kept" not in text
    assert len(files(cache)) == 2 * 3, "base and tuned, 2,524 products: the same blocks for both commands"
    for text in map(said, [started(train, tmp_path / "second", cache), started(build, tmp_path / "built", cache)]):
        assert "base: 2,524 of 2,524 vectors were kept before" in text
        assert "tuned: 2,524 of 2,524 vectors were kept before" in text, "the runs train the same weights"

    for name in ("first built", "built"):
        assert same_store(tmp_path / "alone" / "artifacts", tmp_path / name / "artifacts")
    figures = [
        Evaluation.from_json((folder / "saved_e5_model" / "evaluation.json").read_bytes())
        for folder in (trained, tmp_path / "first", tmp_path / "second")
    ]
    for name in ("per_query", "protocols", "encoders", "drift"):
        first, *others = (getattr(found, name) for found in figures)
        assert others == [first, first]

    # An evaluation takes what a training kept.
    monkeypatch.setenv(VARIABLE, str(cache))
    embedded = []

    def embed(encoder, tokenized, progress=None, *, prompt_name="document"):
        embedded.extend([prompt_name] * len(tokenized))
        return embed_as_ever(encoder, tokenized, progress, prompt_name=prompt_name)

    embed_as_ever = TextEncoder.embed
    monkeypatch.setattr(TextEncoder, "embed", embed)
    models = [f"base={tiny_e5}", f"tuned={trained / 'saved_e5_model'}"]
    data = ["--offline", "--dataset", "sample", "--output", str(tmp_path / "figures.json")]
    main(["evaluate", *data, "--model", *models, "--dims", "16", "--codes", "binary"])
    assert "document" not in embedded
    queries = Evaluation.from_json((tmp_path / "figures.json").read_bytes()).dataset.queries_evaluated
    assert embedded.count("query") == 2 * queries, "each encoder reads a query once, for all its systems"
    main(["evaluate", *data, "--model", *models, "--max-seq-length", "16", "--eval-queries", "5"])
    assert embedded.count("document") == 2 * 2524, "another text is embedded"
