"""The training losses of sentence-transformers, over embeddings that are computed with little padding.

Losses are computed in float32 even where the encoder runs in bfloat16: its three digits cannot tell apart cosines that
differ in the third.
"""

from collections.abc import Mapping, Sequence

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import (
    CachedMultipleNegativesRankingLoss,
    CoSENTLoss,
    MatryoshkaLoss,
    MultipleNegativesRankingLoss,
    TripletDistanceMetric,
    TripletLoss,
)
from sentence_transformers.util import cos_sim
from torch.nn.functional import normalize

from space.settings import TrainSettings

#: Texts per forward pass on a CPU. Fewer texts need less padding, but below this the matrix products get slow.
_GROUP = 16


def make(model: SentenceTransformer, settings: TrainSettings) -> torch.nn.Module:
    """The loss that the settings ask for; with ``--matryoshka`` the sum over all dimensions and the first few."""
    loss = _of_all_dimensions(model, settings)
    if not settings.matryoshka:
        return loss
    return MatryoshkaLoss(model, loss, [int(model.get_embedding_dimension() or 0), *settings.matryoshka])


def _of_all_dimensions(model: SentenceTransformer, settings: TrainSettings) -> torch.nn.Module:
    if settings.loss == "cosent":
        return CoSENTLoss(model)
    if settings.loss == "triplet":
        # The library's default is Euclidean with margin 5, which unit vectors (at most 2 apart) can never meet.
        return TripletLoss(model, TripletDistanceMetric.COSINE, settings.triplet_margin)
    scale = {"scale": settings.scale, "similarity_fct": cosines}
    if settings.mini_batch_size:
        return CachedMultipleNegativesRankingLoss(model, mini_batch_size=settings.mini_batch_size, **scale)
    return MultipleNegativesRankingLoss(model, **scale)


def compares_across_batch(loss: torch.nn.Module) -> bool:
    """Whether the loss takes the products of other examples as negatives, so that batches must not have clashes."""
    return isinstance(_inner(loss), (MultipleNegativesRankingLoss, CachedMultipleNegativesRankingLoss))


def compute(
    loss: torch.nn.Module,
    model: torch.nn.Module,
    features: Sequence[Mapping[str, torch.Tensor]],
    labels: torch.Tensor | None,
) -> torch.Tensor:
    """The loss of tokenized columns, computed with little padding, and in float32 under autocast."""
    if isinstance(_inner(loss), CachedMultipleNegativesRankingLoss):
        return loss(features, labels)  # runs the model itself, one mini-batch at a time
    columns = embed_by_length(model, features)
    with torch.autocast(columns[0].device.type, enabled=False):
        columns = [column.float() for column in columns]
        if not isinstance(loss, MatryoshkaLoss):
            return loss.compute_loss_from_embeddings(columns, labels)
        # What MatryoshkaLoss.forward computes, which would run the model itself and pad more.
        parts = [
            weight
            * loss.loss.compute_loss_from_embeddings([normalize(one[:, :dim], dim=1) for one in columns], labels)
            for dim, weight in zip(loss.matryoshka_dims, loss.matryoshka_weights, strict=True)
        ]
        return torch.stack(parts).sum()


def _inner(loss: torch.nn.Module) -> torch.nn.Module:
    """The loss that is computed for each number of dimensions."""
    return loss.loss if isinstance(loss, MatryoshkaLoss) else loss


def cosines(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """(n, m) float32 cosines of (n, d) and (m, d), under autocast too."""
    with torch.autocast(a.device.type, enabled=False):
        return cos_sim(a.float(), b.float())


def embed_by_length(model: torch.nn.Module, columns: Sequence[Mapping[str, torch.Tensor]]) -> list[torch.Tensor]:
    """The embeddings of all columns, computed in groups of similar length.

    A batch that is padded to its longest title is half padding. So the texts of all columns are sorted by length and
    cut into groups, which need little padding. The embeddings are the same, and so is the loss, except for the random
    draws of dropout.

    Args:
        model: takes tokenized features, returns them with "sentence_embedding".
        columns: tokenized texts, each with input_ids and attention_mask (batch, tokens).

    Returns:
        One (batch, d) tensor for each column.
    """
    width = max(column["input_ids"].shape[1] for column in columns)
    # The model adds its outputs to the features; those of the tokenizer have one value per token.
    shape = columns[0]["input_ids"].shape
    keys = [key for key, value in columns[0].items() if torch.is_tensor(value) and value.shape == shape]
    # The padding is cut off again or masked, so any value does.
    features = {
        key: torch.cat([torch.nn.functional.pad(column[key], (0, width - column[key].shape[1])) for column in columns])
        for key in keys
    }
    lengths = features["attention_mask"].sum(dim=1)
    order = torch.argsort(lengths, stable=True)
    group = _GROUP if order.device.type == "cpu" else len(columns[0]["input_ids"])
    parts = []
    for rows in order.split(group):
        longest = int(lengths[rows].max())
        parts.append(model({key: value[rows, :longest] for key, value in features.items()})["sentence_embedding"])
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order), device=order.device)
    return list(torch.cat(parts)[place].split([len(column["input_ids"]) for column in columns]))
