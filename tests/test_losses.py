"""The losses of training equal those of the library, and compute in the precision that was asked for."""

import pytest
import torch
from sentence_transformers.sentence_transformer.losses import (
    CoSENTLoss,
    MultipleNegativesRankingLoss,
    TripletDistanceMetric,
    TripletLoss,
)

from space.encoding.encoder import TextEncoder
from space.encoding.weights import locate
from space.errors import UserError
from space.pipelines.inputs import open_judged
from space.pipelines.train import run
from space.settings import TrainSettings
from space.training import losses

LOSSES = {
    "triplet": lambda model: TripletLoss(model, TripletDistanceMetric.COSINE, 0.2),
    "mnrl": lambda model: MultipleNegativesRankingLoss(model, scale=20.0),
    "cosent": CoSENTLoss,
}


@pytest.fixture
def encoder(tiny_e5):
    return TextEncoder(locate(str(tiny_e5)), training=True, device="cpu")


def features(encoder, columns, rows=37):
    torch.manual_seed(0)
    words = ["red", "kettle", "with", "a", "whistle", "shoes", "for", "children"]
    texts = [
        [" ".join(words[i % 8] for i in torch.randint(0, 8, (int(torch.randint(1, 30, ())),))) for _ in range(rows)]
        for _ in range(columns)
    ]
    return [dict(encoder.model.preprocess(column)) for column in texts]


@pytest.mark.parametrize("name", LOSSES)
def test_loss_and_gradients_are_those_of_the_library(encoder, name):
    """Dropout is off, because its random draws depend on the order of the texts."""
    encoder.model.eval()
    columns = features(encoder, 2 if name == "cosent" else 3)
    labels = torch.linspace(0, 1, 37) if name == "cosent" else None
    loss = LOSSES[name](encoder.model)
    plain = loss(columns, labels)
    plain.backward()
    wanted = {key: value.grad.clone() for key, value in encoder.model.named_parameters() if value.grad is not None}
    encoder.model.zero_grad()
    ours = loss.compute_loss_from_embeddings(losses.embed_by_length(encoder.model, columns), labels)
    ours.backward()
    torch.testing.assert_close(ours, plain, atol=1e-5, rtol=1e-5)
    for key, value in encoder.model.named_parameters():
        if key in wanted:
            torch.testing.assert_close(
                value.grad, wanted[key], atol=1e-5, rtol=1e-4, msg=lambda text, key=key: f"{key}: {text}"
            )


@pytest.mark.parametrize("name", LOSSES)
def test_the_matryoshka_loss_is_the_sum_over_the_first_dimensions(encoder, name):
    """By hand, and as the library computes it; each term trains its first dimensions only."""
    encoder.model.eval()
    settings = TrainSettings(loss=name, matryoshka=[8, 16])
    columns = features(encoder, 2 if name == "cosent" else 3)
    labels = torch.linspace(0, 1, 37) if name == "cosent" else None
    loss = losses.make(encoder.model, settings)
    ours = losses.compute(loss, encoder.model, columns, labels)
    ours.backward()
    found = {key: value.grad.clone() for key, value in encoder.model.named_parameters() if value.grad is not None}
    encoder.model.zero_grad()
    library = loss([dict(column) for column in columns], labels)
    library.backward()
    torch.testing.assert_close(ours, library, atol=1e-5, rtol=1e-5)
    for key, value in encoder.model.named_parameters():
        if value.grad is not None:
            torch.testing.assert_close(
                found[key], value.grad, atol=1e-5, rtol=1e-4, msg=lambda text, key=key: f"{key}: {text}"
            )
    whole = losses.make(encoder.model, TrainSettings(loss=name))
    vectors = [one.detach().requires_grad_() for one in losses.embed_by_length(encoder.model, columns)]
    by_hand = 0.0
    for dim in (32, 16, 8):
        short = [one[:, :dim] / one[:, :dim].norm(dim=1, keepdim=True) for one in vectors]
        term = whole.compute_loss_from_embeddings(short, labels)
        (gradient,) = torch.autograd.grad(term, vectors[0], retain_graph=True)
        assert gradient[:, :dim].abs().max() > 0 and not gradient[:, dim:].any()
        by_hand += term.item()
    assert ours.item() == pytest.approx(by_hand, rel=1e-5)


def test_more_dimensions_than_the_encoder_has_are_refused(tiny_e5, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = TrainSettings(dataset="sample", locales=["es"], title_queries=0, matryoshka=[32, 16])
    with pytest.raises(UserError, match=r"--matryoshka is \[32, 16\]: .* has 32 dimensions; name smaller numbers"):
        run(settings, locate(str(tiny_e5)), open_judged("sample", ["es"]))
    assert not (tmp_path / "saved_e5_model").exists()


def test_under_autocast_the_loss_is_still_float32(encoder):
    """In bfloat16 a loss of 3.4 comes in steps of 1/64, and cosines that differ in the third digit are equal."""
    columns = features(encoder, 3)
    loss = losses.make(encoder.model, TrainSettings(loss="mnrl"))
    with torch.autocast("cpu", torch.bfloat16):
        value = losses.compute(loss, encoder.model, columns, None)
        assert losses.cosines(torch.eye(2), torch.eye(2)).dtype == torch.float32
    assert value.dtype == torch.float32 and float(value) * 64 != int(float(value) * 64)
