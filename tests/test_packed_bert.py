"""The forward pass without padding: batches, bfloat16, pooling, and models that it leaves to the library."""

import pytest
import torch
from encoder_folders import TEXTS, exact, load

from space.encoding import packed_encoder
from space.encoding.model import bert_of
from space.encoding.packed_bert import PackedBert, batches


def test_batches_hold_every_row_once_within_the_budget_and_equal_lengths_together():
    lengths = [3, 9, 1, 3, 20, 3, 9, 2, 1, 3]
    made = list(batches(lengths, budget=10))
    assert sorted(row for batch in made for row in batch) == list(range(len(lengths)))
    assert made[0] == [4], "a text longer than the budget goes alone"
    for batch in made[1:]:
        assert sum(lengths[row] for row in batch) <= 10
    for batch in batches(lengths, budget=10_000):
        assert [lengths[row] for row in batch] == sorted(lengths, reverse=True)
    assert list(batches([], budget=10)) == []


@pytest.mark.parametrize("kind", ["tiny_e5", "tiny_e5_base"])
def test_products_in_bfloat16_change_vectors_very_little(kind, request):
    encoder = exact(request.getfixturevalue(kind))
    read = sorted(encoder.tokenize(TEXTS), key=len)
    one, other = (
        PackedBert(bert_of(encoder.model), dtype, torch.device("cpu"))(read)
        for dtype in (torch.float32, torch.bfloat16)
    )
    assert one.dtype == other.dtype == torch.float32
    assert not torch.equal(one, other)
    assert (one * other).sum(dim=1).min() >= 0.9999


@pytest.mark.parametrize(
    ("fast", "least", "precision"),
    [(True, -1.0, "bfloat16 products"), (True, 1.1, "float32"), (False, -1.0, "float32")],
)
def test_bfloat16_is_taken_where_it_is_fast_and_close_and_said(tiny_e5, monkeypatch, fast, least, precision):
    """A model whose vectors it would change stays in float32. The description says which one ran."""
    monkeypatch.setattr(packed_encoder, "bfloat16_is_fast", lambda device: fast)
    monkeypatch.setattr(packed_encoder, "_CLOSE", least)
    encoder = load(tiny_e5, device="cpu")
    assert encoder.describe().precision == precision
    cosines = (encoder.encode_passages(TEXTS) * exact(tiny_e5).encode_passages(TEXTS)).sum(dim=1)
    assert cosines.min() >= 0.9999


def test_the_first_token_as_the_text(tiny_e5):
    """Pooling of BGE and others."""
    encoder = exact(tiny_e5)
    encoder.model[1].pooling_mode = "cls"
    batch = encoder.model.tokenizer("query: red shoes", return_tensors="pt")
    with torch.no_grad():
        first = encoder.model[0].auto_model(**batch).last_hidden_state[:, 0]
    wanted = torch.nn.functional.normalize(first, dim=1)
    torch.testing.assert_close(encoder.encode_queries(["red shoes"]), wanted, atol=1e-5, rtol=0)


def test_a_model_of_another_kind_is_left_to_sentence_transformers(tiny_e5, tmp_path):
    encoder = load(tiny_e5)
    encoder.model[1].pooling_mode = "max"
    encoder.model.save_pretrained(str(tmp_path / "m"))
    other = load(tmp_path / "m", device="cpu")
    assert bert_of(other.model) is None
    assert other.describe().precision == "float32"
    seen = []
    wanted = torch.from_numpy(other.model.encode(TEXTS, prompt_name="document"))
    torch.testing.assert_close(other.encode_passages(TEXTS, seen.append), wanted, atol=1e-6, rtol=0)
    assert seen == [len(TEXTS)]
    assert not torch.allclose(other.encode_queries(TEXTS), wanted, atol=1e-3)
    assert other.encode_passages([]).shape == (0, other.dim)


def test_weights_that_are_trained_count_at_once(tiny_e5):
    """A copy from before the training would evaluate the base twice and call it fine-tuned."""
    encoder = exact(tiny_e5)
    before = encoder.encode_passages(TEXTS)
    with torch.no_grad():
        encoder.model[0].auto_model.encoder.layer[0].attention.self.query.weight.mul_(-3)
    assert not torch.allclose(encoder.encode_passages(TEXTS), before, atol=1e-3)


def test_vectors_can_be_changed_in_place(tiny_e5):
    """Tensors made in inference mode cannot, so none must be returned."""
    encoder = load(tiny_e5)
    for vectors in (encoder.encode_queries(TEXTS), encoder.encode_passages(TEXTS)):
        vectors += 1
