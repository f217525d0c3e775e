"""The forward pass of a BERT or RoBERTa without padding.

A batch is the tokens of its texts one after the other, as one matrix. Only attention has to know where a text ends.
Texts of equal length lie side by side, so attention runs once for each length, without a mask.
"""

import itertools
from collections.abc import Iterator, Sequence

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Normalize, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from torch.nn import functional
from transformers import BertModel, RobertaModel, XLMRobertaModel


class PackedBert:
    """A BERT or RoBERTa laid out for inference.

    The weights of matrix products are copied, the others are shared with the model.

    Args:
        model: one that is ``packable``.
        dtype: of the matrix products, float32 or bfloat16; everything else is in float32.
        device: where it runs; the model may still be elsewhere.
    """

    def __init__(self, model: SentenceTransformer, dtype: torch.dtype, device: torch.device) -> None:
        """Copy the weights of products to ``device`` in ``dtype``."""
        bert = model[0].auto_model
        embeddings = bert.embeddings
        self.device = device
        self.mean = model[1].pooling_mode == "mean"
        self.words, self.norm = embeddings.word_embeddings, embeddings.LayerNorm
        # RoBERTa counts positions from behind its padding index. All texts have the first of the two token types.
        first = 0 if isinstance(bert, BertModel) else embeddings.padding_idx + 1
        positions = embeddings.position_embeddings.weight[first:] + embeddings.token_type_embeddings.weight[0]
        self.positions = positions.detach().to(device)
        self.layers = [_Layer(layer, bert.config.num_attention_heads, dtype, device) for layer in bert.encoder.layer]

    @torch.inference_mode()
    def __call__(self, texts: Sequence[Sequence[int]]) -> torch.Tensor:
        """(n, d) float32, unit norm.

        Args:
            texts: token ids of each; texts of equal length side by side.
        """
        groups = [(length, len(list(same))) for length, same in itertools.groupby(map(len, texts))]
        ids = torch.tensor(list(itertools.chain.from_iterable(texts)), device=self.device)
        positions = torch.cat([self.positions[:length].repeat(count, 1) for length, count in groups])
        state = self.norm(self.words(ids) + positions)
        for layer in self.layers:
            state = layer(state, groups)
        parts = _by_length(state, groups)
        return functional.normalize(torch.cat([part.mean(1) if self.mean else part[:, 0] for part in parts]), dim=1)


class _Layer:
    """Attention, then feed-forward; each is added to its input and normalised."""

    def __init__(self, layer: torch.nn.Module, heads: int, dtype: torch.dtype, device: torch.device) -> None:
        attention = layer.attention
        three = (attention.self.query, attention.self.key, attention.self.value)
        products = [
            [torch.cat([getattr(linear, name) for linear in three]) for name in ("weight", "bias")],
            *((part.dense.weight, part.dense.bias) for part in (attention.output, layer.intermediate, layer.output)),
        ]
        self.query_key_value, self.attention_out, self.up, self.down = (
            [tensor.detach().to(dtype).to(device) for tensor in pair] for pair in products
        )
        self.heads, self.dtype = heads, dtype
        self.attention_norm, self.output_norm = attention.output.LayerNorm, layer.output.LayerNorm
        self.activation = layer.intermediate.intermediate_act_fn

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


def packable(model: SentenceTransformer) -> bool:
    """Whether ``PackedBert`` computes what the model does: BERT or RoBERTa, mean or first token, unit norm."""
    if [type(module) for module in model] != [Transformer, Pooling, Normalize]:
        return False
    bert, pooling = model[0].auto_model, model[1]
    if type(bert) not in (BertModel, RobertaModel, XLMRobertaModel) or bert.config.is_decoder:
        return False
    never_empty = model.tokenizer.num_special_tokens_to_add() > 0
    return never_empty and pooling.pooling_mode in ("mean", "cls") and pooling.include_prompt


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
