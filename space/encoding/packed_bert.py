"""The forward pass of a BERT or RoBERTa without padding, of texts or of the pairs of a cross-encoder.

A batch is the tokens of its texts one after the other, as one matrix. Only attention has to know where a text ends.
Texts of equal length lie side by side, so attention runs once for each length, without a mask.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional


@dataclass(frozen=True)
class Bert:
    """A BERT or RoBERTa: what decides the vectors of its texts.

    Attributes:
        weights: {name in transformers' ``BertModel``: float32 tensor}, without the words' and the pooler's.
        words: (tokens,) ids to their (tokens, d) embeddings.
        layers: number of layers.
        heads: attention heads of a layer.
        epsilon: of the layer norms.
        activation: between the two products of a feed-forward.
        first_position: row of the position embeddings for the first token.
        mean: whether a vector is the mean of the last layer, or else its first token.
    """

    weights: Mapping[str, torch.Tensor]
    words: Callable[[torch.Tensor], torch.Tensor]
    layers: int
    heads: int
    epsilon: float
    activation: Callable[[torch.Tensor], torch.Tensor]
    first_position: int
    mean: bool


class PackedBert:
    """A BERT or RoBERTa laid out for inference.

    The weights of matrix products are copied, the others are shared with the model where it is on the same device.

    Args:
        bert: its weights; ``words`` has to take ids on ``device``.
        dtype: of the matrix products, float32 or bfloat16; everything else is in float32.
        device: where it runs.
    """

    def __init__(self, bert: Bert, dtype: torch.dtype, device: torch.device) -> None:
        """Copy the weights of products to ``device`` in ``dtype``."""
        weights = bert.weights
        self.device, self.mean, self.words = device, bert.mean, bert.words
        self.norm = _Norm(bert, "embeddings.LayerNorm", device)
        # A single text has the first of the token types.
        types = weights["embeddings.token_type_embeddings.weight"]
        positions = weights["embeddings.position_embeddings.weight"][bert.first_position :]
        self.positions = (positions + types[0]).to(device)
        self.types = (types - types[0]).to(device)
        self.layers = [_Layer(bert, f"encoder.layer.{place}", dtype, device) for place in range(bert.layers)]

    @torch.inference_mode()
    def __call__(self, texts: Sequence[Sequence[int]]) -> torch.Tensor:
        """(n, d) float32, unit norm.

        Args:
            texts: token ids of each; texts of equal length side by side.
        """
        parts = self._states(texts)
        return functional.normalize(torch.cat([part.mean(1) if self.mean else part[:, 0] for part in parts]), dim=1)

    @torch.inference_mode()
    def first_tokens(
        self, pairs: Sequence[Sequence[int]], types: Sequence[Sequence[int]] | None = None
    ) -> torch.Tensor:
        """(n, d) float32, the last layer of each first token.

        Args:
            pairs: token ids of each; those of equal length side by side.
            types: the token type of each token; None is the first type for all.
        """
        return torch.cat([part[:, 0] for part in self._states(pairs, types)])

    def _states(
        self, texts: Sequence[Sequence[int]], types: Sequence[Sequence[int]] | None = None
    ) -> list[torch.Tensor]:
        """The last layer: one (count, length, d) float32 for each run of texts of equal length."""
        groups = [(length, len(list(same))) for length, same in itertools.groupby(map(len, texts))]
        ids = torch.tensor(list(itertools.chain.from_iterable(texts)), device=self.device)
        state = self.words(ids) + torch.cat([self.positions[:length].repeat(count, 1) for length, count in groups])
        if types is not None:
            state += self.types[torch.tensor(list(itertools.chain.from_iterable(types)), device=self.device)]
        state = self.norm(state)
        for layer in self.layers:
            state = layer(state, groups)
        return _by_length(state, groups)


class _Norm:
    """A layer norm."""

    def __init__(self, bert: Bert, name: str, device: torch.device) -> None:
        self.scale, self.shift = (bert.weights[f"{name}.{part}"].to(device) for part in ("weight", "bias"))
        self.epsilon = bert.epsilon

    def __call__(self, state: torch.Tensor) -> torch.Tensor:
        """(tokens, d) to the same."""
        return functional.layer_norm(state, self.scale.shape, self.scale, self.shift, self.epsilon)


class _Layer:
    """Attention, then feed-forward; each is added to its input and normalised."""

    def __init__(self, bert: Bert, name: str, dtype: torch.dtype, device: torch.device) -> None:
        def product(*linears: str) -> list[torch.Tensor]:
            """Weight and bias of a product, or of several at once."""
            pairs = [[bert.weights[f"{name}.{linear}.{part}"] for linear in linears] for part in ("weight", "bias")]
            whole = [torch.cat(parts) if len(parts) > 1 else parts[0] for parts in pairs]
            return [tensor.to(dtype).to(device) for tensor in whole]

        self.query_key_value = product(*(f"attention.self.{kind}" for kind in ("query", "key", "value")))
        self.attention_out, self.up, self.down = map(
            product, ("attention.output.dense", "intermediate.dense", "output.dense")
        )
        self.heads, self.dtype, self.activation = bert.heads, dtype, bert.activation
        self.attention_norm = _Norm(bert, f"{name}.attention.output.LayerNorm", device)
        self.output_norm = _Norm(bert, f"{name}.output.LayerNorm", device)

    def __call__(self, state: torch.Tensor, groups: list[tuple[int, int]]) -> torch.Tensor:
        """(tokens, d) float32 to the same."""
        mixed = []
        for part in _by_length(functional.linear(state.to(self.dtype), *self.query_key_value), groups):
            query, key, value = part.unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
            heads = functional.scaled_dot_product_attention(query, key, value)
            mixed.append(heads.transpose(1, 2).reshape(-1, state.shape[1]))
        state = self.attention_norm(state + functional.linear(torch.cat(mixed), *self.attention_out))
        wide = self.activation(functional.linear(state.to(self.dtype), *self.up))
        return self.output_norm(state + functional.linear(wide, *self.down))


def position_limit(model_type: str, positions: int) -> int:
    """Longest sequence that (positions) position embeddings allow, for the ``model_type`` in config.json."""
    # RoBERTa counts positions from behind its padding index, so it has two fewer.
    return positions - 2 if "roberta" in model_type else positions


def batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Rows in batches, the longest first, so rows of equal length are side by side.

    Args:
        lengths: tokens of each text.
        budget: tokens of a batch; a longer text is a batch of its own.
    """
    batch: list[int] = []
    tokens = 0
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        if batch and tokens + lengths[row] > budget:
            yield batch
            batch, tokens = [], 0
        batch.append(row)
        tokens += lengths[row]
    if batch:
        yield batch


def bfloat16_is_fast(device: torch.device) -> bool:
    """Whether products in bfloat16 are faster than in float32: on GPUs, and on CPUs that have an instruction for them.

    Other CPUs emulate it, which takes twice as long.
    """
    return device.type == "cuda" or (device.type == "cpu" and bool(torch.cpu.get_capabilities().get("avx512_bf16")))


def _by_length(state: torch.Tensor, groups: list[tuple[int, int]]) -> list[torch.Tensor]:
    """(tokens, d) as one (count, length, d) for each (length, count) of ``groups``."""
    parts = state.split([length * count for length, count in groups])
    return [part.unflatten(0, (count, length)) for part, (length, count) in zip(parts, groups, strict=True)]
