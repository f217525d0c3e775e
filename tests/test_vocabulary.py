"""Training with the word embeddings that occur: the same weights as with the full matrix, in small checkpoints."""

from contextlib import nullcontext

import pytest
import torch
from conftest import run_script
from safetensors import safe_open

from space.data.passages import passages
from space.encoding.encoder import TextEncoder
from space.encoding.weights import WeightsError, locate
from space.pipelines.inputs import open_judged
from space.settings import TrainSettings
from space.training import trainer, vocabulary
from space.training.examples import exact_texts, training_examples


@pytest.fixture
def encoder(tiny_e5):
    return TextEncoder(locate(str(tiny_e5)), training=True, device="cpu")


def trained(tiny_e5, folder, **settings):
    """The weights after eight steps on the sample."""
    settings = TrainSettings(
        dataset="sample",
        max_steps=8,
        batch_size=8,
        learning_rate=1e-3,
        output_dir=folder / "m",
        checkpoints_dir=folder / "checkpoints",
        logging_dir=folder / "logs",
        **settings,
    )
    judged = open_judged("sample", ["us"], bullets=False, offline=True)
    texts = passages(judged.catalogue, 0)
    examples = training_examples(judged.train, texts, settings.loss, negatives=1).select(range(64))
    encoder = TextEncoder(locate(str(tiny_e5)), training=True, device="cpu")
    trainer.fine_tune(encoder, examples, exact_texts(judged.train, texts), settings)
    return encoder


@pytest.mark.parametrize("loss", ["mnrl", "triplet"])
def test_the_weights_are_those_of_training_the_full_matrix(tiny_e5, tmp_path, monkeypatch, loss):
    """Rows that never occur must come back in their places, unmoved, and the others as trained."""
    base = TextEncoder(locate(str(tiny_e5)), training=True, device="cpu").model.state_dict()
    cut = trained(tiny_e5, tmp_path / "cut", loss=loss).model.state_dict()
    monkeypatch.setattr(vocabulary, "only_occurring", lambda *_: nullcontext())
    full = trained(tiny_e5, tmp_path / "full", loss=loss).model.state_dict()
    assert cut.keys() == full.keys()
    for name, tensor in full.items():
        torch.testing.assert_close(cut[name], tensor, rtol=0, atol=1e-7, msg=name)
    words = next(name for name in full if "word_embeddings" in name)
    moved = (cut[words] != base[words]).any(dim=1)
    assert 10 < int(moved.sum()) < len(moved) - 10


def test_two_processes_train_the_same_rows(tiny_e5, tmp_path):
    """Each process cuts the embeddings by itself; rows that never occur come back as they were."""
    words = ["--dataset", "sample", "--base-model", str(tiny_e5), "--max-steps", "2", "--base-share", "0"]
    run_script("train.py", *words, "--eval-queries", "12", cwd=tmp_path, launch=2)
    base, tuned = (locate(str(folder)) for folder in (tiny_e5, tmp_path / "saved_e5_model"))
    base, tuned = (TextEncoder(one, device="cpu").model[0].auto_model for one in (base, tuned))
    rows = [bert.get_input_embeddings().weight.detach() for bert in (base, tuned)]
    moved = (rows[0] != rows[1]).any(dim=1)
    assert rows[0].shape == rows[1].shape and 10 < int(moved.sum()) < len(moved) - 10


def test_a_checkpoint_has_the_rows_that_occur_only(tiny_e5, tmp_path):
    encoder = trained(tiny_e5, tmp_path)
    full = encoder.model[0].auto_model.get_input_embeddings().weight.shape
    file = next((tmp_path / "checkpoints").glob("*/checkpoint-*/model.safetensors"))
    with safe_open(str(file), "pt") as stored:
        name = next(name for name in stored.keys() if "word_embeddings" in name)  # noqa: SIM118
        assert stored.get_slice(name).get_shape()[0] < full[0]
    assert encoder.model[0].auto_model.config.vocab_size == full[0]


def test_a_checkpoint_is_not_taken_for_a_model(tiny_e5, tmp_path):
    """Its word embeddings are in other places than the tokenizer says, so most words would be other words."""
    trained(tiny_e5, tmp_path)
    folder = next((tmp_path / "checkpoints").glob("*/checkpoint-*"))
    with pytest.raises(WeightsError, match="a checkpoint of train.py.*use the finished model"):
        TextEncoder(locate(str(folder)))


def test_dev_queries_are_scored_with_the_vectors_that_are_served(encoder):
    """Before it embeds with fast products an encoder checks them on texts of its own, in many scripts."""
    ids = vocabulary.occurring(encoder, ["red shoes"], ["a red kettle"])
    with vocabulary.only_occurring(encoder.model, ids), encoder.frozen():
        assert encoder.encode_passages(["a red kettle"]).shape == (1, encoder.dim)


def test_a_token_that_was_not_listed_is_an_error_and_not_another_token(encoder):
    ids = vocabulary.occurring(encoder, ["red shoes"], ["a red kettle"])
    inside = encoder.model.tokenizer(["query: red shoes"], return_tensors="pt")["input_ids"]
    outside = torch.tensor([[token for token in range(int(ids.max())) if token not in set(ids.tolist())][:1]])
    words = encoder.model[0].auto_model.get_input_embeddings()
    wanted = words(inside)
    with vocabulary.only_occurring(encoder.model, ids):
        small = encoder.model[0].auto_model.get_input_embeddings()
        assert torch.equal(small(inside), wanted) and len(small.weight) == len(ids)
        with pytest.raises(IndexError):
            small(outside)
    assert encoder.model[0].auto_model.get_input_embeddings() is words
