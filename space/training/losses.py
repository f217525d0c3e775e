"""The training losses: those of sentence-transformers, a graded triplet margin, and ranking plus triplets.

Losses are computed in float32 even where the encoder runs in bfloat16: its three digits cannot tell apart cosines that
differ in the third.
"""

from collections.abc import Mapping, Sequence

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import (
    CachedMultipleNegativesRankingLoss,
    CoSENTLoss,
    MultipleNegativesRankingLoss,
    TripletDistanceMetric,
    TripletLoss,
)
from sentence_transformers.util import cos_sim

from space.settings import TrainSettings

#: Texts per forward pass on a CPU. Fewer texts need less padding, but below this the matrix products get slow.
_GROUP = 16


class GradedTripletLoss(TripletLoss):
    """Cosine triplet loss whose margin is scaled by the example's label, so that a near miss may stay nearer.

    Labels come from ``space.training.examples.MARGINS``; without labels this is the library's loss.
    """

    def compute_loss_from_embeddings(
        self, embeddings: list[torch.Tensor], labels: torch.Tensor | None = None
    ) -> torch.Tensor:
        """The mean over examples, for (n, d) anchors, positives and negatives, and (n,) shares of the margin."""
        anchors, positives, negatives = embeddings
        apart = self.distance_metric(anchors, positives) - self.distance_metric(anchors, negatives)
        margin = self.triplet_margin if labels is None else self.triplet_margin * labels
        return torch.nn.functional.relu(apart + margin).mean()


class RankingWithTriplets(torch.nn.Module):
    """In-batch ranking (mnrl) plus ``weight`` times the triplet loss, over the same embeddings.

    Ranking finds a query's product in the whole catalogue; the triplets order the products judged for one query.
    """

    def __init__(self, ranking: MultipleNegativesRankingLoss, triplets: TripletLoss, weight: float) -> None:
        """``ranking`` and ``triplets`` should have the same model."""
        super().__init__()
        self.ranking, self.triplets, self.weight = ranking, triplets, weight

    def compute_loss_from_embeddings(
        self, embeddings: list[torch.Tensor], labels: torch.Tensor | None
    ) -> torch.Tensor:
        """The sum, for (n, d) anchors, positives and negatives."""
        ranking = self.ranking.compute_loss_from_embeddings(embeddings, None)
        return ranking + self.weight * self.triplets.compute_loss_from_embeddings(embeddings, labels)


def make(model: SentenceTransformer, settings: TrainSettings) -> torch.nn.Module:
    """The loss that the settings ask for."""
    if settings.loss == "cosent":
        return CoSENTLoss(model)
    # The library's default is Euclidean with margin 5, which unit vectors (at most 2 apart) can never meet.
    triplets = GradedTripletLoss(
        model, distance_metric=TripletDistanceMetric.COSINE, triplet_margin=settings.triplet_margin
    )
    if settings.loss == "triplet":
        return triplets
    scale = {"scale": settings.scale, "similarity_fct": cosines}
    if settings.mini_batch_size:
        return CachedMultipleNegativesRankingLoss(model, mini_batch_size=settings.mini_batch_size, **scale)
    ranking = MultipleNegativesRankingLoss(model, **scale)
    return RankingWithTriplets(ranking, triplets, settings.triplet_weight) if settings.triplet_weight else ranking


def compares_across_batch(loss: torch.nn.Module) -> bool:
    """Whether the loss takes the products of other examples as negatives, so that batches must not have clashes."""
    ranking = (MultipleNegativesRankingLoss, CachedMultipleNegativesRankingLoss, RankingWithTriplets)
    return isinstance(loss, ranking)


def compute(
    loss: torch.nn.Module,
    model: torch.nn.Module,
    features: Sequence[Mapping[str, torch.Tensor]],
    labels: torch.Tensor | None,
) -> torch.Tensor:
    """The loss of tokenized columns, computed with little padding, and in float32 under autocast."""
    if isinstance(loss, CachedMultipleNegativesRankingLoss):
        return loss(features, labels)  # runs the model itself, one mini-batch at a time
    columns = embed_by_length(model, features)
    with torch.autocast(columns[0].device.type, enabled=False):
        return loss.compute_loss_from_embeddings([column.float() for column in columns], labels)


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
