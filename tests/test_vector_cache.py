"""Vectors of a training run are taken by the build, for the same texts and encoder only, and never damaged ones."""

import dataclasses

import pytest
import torch
from conftest import flip_bit, run_script

from space.encoding.description import EncoderDescription
from space.store.reader import Store
from space.store.vector_cache import VectorCache, folder_of

TEXTS = ["red shoes", "a kettle", "größe ½"]
MADE_BY = EncoderDescription(id="a", fingerprint="f" * 64, dim=4, max_seq_length=64)


@pytest.fixture
def cache(tmp_path):
    found = VectorCache(tmp_path / "saved.vectors")
    found.keep(MADE_BY, TEXTS, torch.arange(12.0).view(3, 4))
    return found


def test_the_vectors_come_back_in_float16(cache):
    found = cache.find(MADE_BY, TEXTS)
    assert found.dtype == torch.float16 and torch.equal(found.float(), torch.arange(12.0).view(3, 4))


@pytest.mark.parametrize(
    "other",
    [{"fingerprint": "0" * 64}, {"max_seq_length": 32}, {"precision": "bfloat16 products"}],
)
def test_another_encoder_limit_or_precision_has_none(cache, other):
    assert cache.find(dataclasses.replace(MADE_BY, **other), TEXTS) is None


@pytest.mark.parametrize("texts", [TEXTS[::-1], TEXTS[:2], ["red", " shoes", *TEXTS[1:]], [*TEXTS[:2], "größe ½ "]])
def test_other_texts_have_none(cache, texts):
    assert cache.find(MADE_BY, texts) is None


def test_a_damaged_file_is_not_taken(cache, tmp_path, caplog):
    (file,) = (tmp_path / "saved.vectors").iterdir()
    flip_bit(file, file.stat().st_size - 3)
    assert cache.find(MADE_BY, TEXTS) is None and "embedded again" in caplog.text
    file.write_bytes(file.read_bytes()[:40])
    assert cache.find(MADE_BY, TEXTS) is None


def test_a_folder_that_cannot_be_written_costs_the_vectors_only(tmp_path, caplog):
    (tmp_path / "m.vectors").write_text("a file in its place")
    VectorCache(tmp_path / "m.vectors").keep(MADE_BY, TEXTS, torch.zeros(3, 4))
    assert "embed again" in caplog.text


def test_the_build_after_a_training_embeds_nothing_and_other_texts_are_embedded(trained, tiny_e5, tmp_path):
    """train.py embedded the catalogue to evaluate; build_embeddings.py once embedded all of it again."""
    words = ["build_embeddings.py", "--dataset", "sample", "--base-model", str(tiny_e5)]
    words += ["--model", str(trained / "saved_e5_model"), "--shard-size", "700"]
    said = run_script(*words, "--output-dir", "taken", cwd=tmp_path).stderr
    assert said.count("its vectors are those that train.py has made") == 2
    kept = sum(1 for _ in folder_of(trained / "saved_e5_model").iterdir())
    assert kept == 2
    said = run_script(*words, "--locales", "us", "--output-dir", "embedded", cwd=tmp_path).stderr
    assert "train.py has made" not in said
    taken, embedded = Store(tmp_path / "taken"), Store(tmp_path / "embedded")
    for part in ("base", "tuned"):
        ours = dict(zip(taken.products()["product_id"].to_pylist(), taken.vectors(part), strict=True))
        for product, vector in zip(embedded.products()["product_id"].to_pylist(), embedded.vectors(part), strict=True):
            assert torch.dot(torch.as_tensor(ours[product]).float(), torch.as_tensor(vector).float()) > 0.999
