"""Folders of models: shorter vectors, adapters, pickled weights, and what is no model."""

import json
import shlex
import shutil

import pytest
import torch
from encoder_folders import TEXTS, load
from transformers import BertConfig, BertModel

from space.encoding.encoder import TextEncoder
from space.encoding.weights import (
    WeightsError,
    locate,
)


def test_pickled_weights_are_refused(tmp_path):
    """A .bin checkpoint can run code when it is loaded."""
    BertModel(
        BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=9)
    ).save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(WeightsError, match=r"no \.safetensors file"):
        load(tmp_path)


def test_a_folder_that_is_no_model_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(WeightsError, match="cannot be loaded as an encoder"):
        load(tmp_path)


@pytest.fixture
def truncated(tiny_e5, tmp_path):
    """``truncated(value)`` is the model with that truncate_dim."""

    def make(value):
        folder = shutil.copytree(tiny_e5, tmp_path / f"e5-{value}")
        (folder / "config_sentence_transformers.json").write_text(json.dumps({"truncate_dim": value}))
        return folder

    return make


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("asked", "dim"), [(8, 8), (1, 1), (31, 31), (32, 32), (500, 32)])
def test_vectors_are_as_short_as_the_model_says(tiny_e5, truncated, asked, dim, training):
    """A Matryoshka model: its first numbers, with unit norm, in our forward pass and in the library's."""
    whole = TextEncoder(locate(str(tiny_e5)), training=training).encode_passages(TEXTS)
    encoder = TextEncoder(locate(str(truncated(asked))), training=training)
    assert encoder.dim == encoder.describe().dim == dim
    wanted = torch.nn.functional.normalize(whole[:, :dim], dim=1)
    torch.testing.assert_close(encoder.encode_passages(TEXTS), wanted, atol=1e-5, rtol=0)
    encoder._packable = False
    torch.testing.assert_close(encoder.encode_passages(TEXTS), wanted, atol=1e-2, rtol=0)


def test_shorter_vectors_have_another_fingerprint_that_survives_saving(tiny_e5, truncated, tmp_path):
    encoder = TextEncoder(locate(str(truncated(8))), training=True)
    encoder.model.save_pretrained(str(tmp_path / "saved"))
    again = TextEncoder(locate(str(tmp_path / "saved")))
    others = [TextEncoder(locate(str(folder))).fingerprint for folder in (tiny_e5, truncated(9))]
    assert again.fingerprint == encoder.fingerprint not in others and again.dim == 8


@pytest.mark.parametrize("value", [0, -1, "8", 2.5, [8]])
def test_a_length_that_cannot_be_is_refused(truncated, value):
    with pytest.raises(WeightsError, match="truncate_dim"):
        TextEncoder(locate(str(truncated(value))))


@pytest.mark.parametrize("config", ['{"base_model_name_or_path": "intfloat/multilingual-e5-small"}', "{}", "[", "[]"])
@pytest.mark.parametrize("place", ["", "0_Transformer"])
def test_an_adapter_is_refused_with_the_command_that_merges_it(tiny_e5, tmp_path, config, place):
    """It ended with an ImportError, and without its base it is no model."""
    folder = tmp_path / "it's lora"
    (folder / place).mkdir(parents=True)
    (folder / place / "adapter_config.json").write_text(config)
    (folder / place / "adapter_model.safetensors").write_bytes(b"x")
    with pytest.raises(WeightsError, match=r"an adapter \(LoRA\), not a whole model; merge it") as refused:
        locate(str(folder))
    program, flag, code = shlex.split(str(refused.value).partition("&& ")[2])
    assert (program, flag) == ("python", "-c")
    compile(code, "command", "exec")
    assert f"{str(folder / place)!r}" in code and f"{'it' + chr(39) + 's lora-merged'!r}" in code
    assert ("passage: " in code) == ("e5" in config)


def test_a_model_that_needs_a_package_says_which(tiny_e5, monkeypatch):
    def load(*_, **__):
        raise ImportError("install einops")

    monkeypatch.setattr("space.encoding.model.SentenceTransformer", load)
    with pytest.raises(WeightsError, match="a package that is not installed: install einops"):
        TextEncoder(locate(str(tiny_e5)))
