"""Several BERTs trained side by side on one GPU: the same settings, each on its own examples.

A small encoder leaves a GPU waiting for its next kernel. Models that are trained together share every kernel, so five
folds take little longer than one. Each model computes what ``SentenceTransformerTrainer`` computes under bfloat16
autocast: dropout of .1, AdamW without weight decay, gradients clipped to norm 1, linear warm-up over a tenth of the
steps and linear decay. It differs in that texts are packed instead of padded, and that only the word embeddings that
occur are held. Texts and labels stay outside.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

HEADS, LAYERS, EPSILON = 12, 12, 1e-12
BETAS, TINY = (0.9, 0.999), 1e-8


@dataclass(frozen=True)
class Batch:
    """The same number of texts for each model, packed one behind the other.

    Attributes:
        ids: (models, tokens) int64; shorter rows are filled with tokens that belong to no text.
        places: (models, tokens) position of each token in its text.
        text: (models * tokens,) which text each token belongs to, counted over all models; the last number is none.
        slots: (models * tokens,) where each token stands in the padded layout that attention uses; likewise.
        ends: (models * (texts + 1) + 1,) int32, where each text ends among all tokens; a model's last is its filling.
        longest: tokens of the longest of these.
        mask: (models * texts, 1, 1, width) true where there is a token.
        lengths: (models, texts) float32.
    """

    ids: torch.Tensor
    places: torch.Tensor
    text: torch.Tensor
    slots: torch.Tensor
    ends: torch.Tensor
    longest: int
    mask: torch.Tensor
    lengths: torch.Tensor


def weights_of(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Float32 weights by the packaged file's names, from what e5_data.py wrote."""
    found = {name.removeprefix("weights/"): arrays[name] for name in arrays if name.startswith("weights/")}
    for name in arrays:
        if name.startswith("whole/"):
            short = name.removeprefix("whole/")
            found[short] = arrays[name] * np.repeat(arrays[f"scale/{short}"].astype(np.float32), 32, axis=1)
    return found


class Texts:
    """Token ids of many texts on the device, to make batches of.

    Args:
        flat: (tokens,) ids of all texts, one text behind the other.
        offsets: (texts + 1,) where each begins.
        device: where batches are made.
    """

    def __init__(self, flat: np.ndarray, offsets: np.ndarray, device: torch.device) -> None:
        """Copy the ids to the device; lengths stay on the CPU, where batches are planned."""
        self.flat = torch.from_numpy(flat.astype(np.int64)).to(device)
        self.start = offsets[:-1].astype(np.int64)
        self.length = np.diff(offsets.astype(np.int64))
        self.device = device

    def batch(self, rows: np.ndarray) -> Batch:
        """The texts of (models, texts) rows."""
        models, texts = rows.shape
        lengths = np.ascontiguousarray(self.length[rows])
        width = int(-(-lengths.max() // 8) * 8)  # the attention kernels want multiples of 8
        tokens = int(-(-lengths.sum(1).max() // 8) * 8)
        packed = np.zeros((4, models, tokens), np.int64)
        packed[2], packed[3] = models * texts, models * texts * width
        for model in range(models):
            own = lengths[model]
            count = int(own.sum())
            text = np.repeat(np.arange(texts), own)
            places = np.arange(count) - np.repeat(np.cumsum(own) - own, own)
            number = model * texts + text
            packed[:, model, :count] = (
                self.start[rows[model]][text] + places,
                places,
                number,
                number * width + places,
            )
        parts = np.concatenate([lengths, tokens - lengths.sum(1, keepdims=True)], axis=1)
        ends = torch.from_numpy(np.cumsum([0, *parts.ravel()]).astype(np.int32)).to(self.device, non_blocking=True)
        where, places, text, slots = torch.from_numpy(packed).to(self.device, non_blocking=True)
        long = torch.from_numpy(lengths).to(self.device, non_blocking=True)
        mask = torch.arange(width, device=self.device) < long.view(-1, 1)
        return Batch(
            self.flat[where],
            places,
            text.view(-1),
            slots.view(-1),
            ends,
            int(parts.max()),
            mask[:, None, None],
            long.float(),
        )


class Berts:
    """Weights, gradients and the forward pass of several models.

    Args:
        weights: float32 arrays by the short names of the packaged file (``l0.q.w``).
        models: how many.
        device: a GPU computes matrix products in bfloat16, a CPU in float32.
    """

    def __init__(self, weights: Mapping[str, np.ndarray], models: int, device: torch.device) -> None:
        """Lay each model's weights out in one row of a float32 matrix, those of matrix products first."""
        self.device, self.models, self.flash = device, models, False
        self.dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
        named = _fused(weights)
        names = sorted(named, key=lambda name: not _is_product(name))
        self.base = torch.from_numpy(np.concatenate([named[name].ravel() for name in names])).to(device)
        self.flat = self.base.repeat(models, 1)
        self.products = sum(named[name].size for name in names if _is_product(name))
        self.low = self.flat[:, : self.products].to(self.dtype, copy=True)
        self.gradient = torch.zeros_like(self.flat)
        self.low_gradient = torch.zeros_like(self.low)
        self.weight: dict[str, torch.Tensor] = {}
        self.part: dict[str, slice] = {}
        start = 0
        for name in names:
            shape, part = (models, *named[name].shape), slice(start, start + named[name].size)
            low = start < self.products
            held, gradient = (self.low, self.low_gradient) if low else (self.flat, self.gradient)
            self.weight[name] = held[:, part].view(shape).detach().requires_grad_()
            self.weight[name].grad = gradient[:, part].view(shape)
            self.part[name] = part
            start = part.stop

    @torch.no_grad()
    def set(self, flat: torch.Tensor) -> None:
        """Take other weights, (models, n) or (n,) for all."""
        self.flat.copy_(flat)
        self.low.copy_(self.flat[:, : self.products])

    def embed(self, batch: Batch, dropout: float = 0.0) -> torch.Tensor:
        """(models, texts, d) float32, unit norm."""
        weight, models = self.weight, self.models
        first = torch.arange(models, device=self.device)[:, None]
        words, positions = weight["emb.word"], weight["emb.pos"]
        state = functional.embedding(batch.ids + first * words.shape[1], words.reshape(-1, words.shape[2]))
        state = state + functional.embedding(
            batch.places + first * positions.shape[1], positions.reshape(-1, positions.shape[2])
        )
        state = self._norm(state + weight["emb.type"][:, :1], "emb.ln")
        state = functional.dropout(state, dropout, dropout > 0)
        for layer in range(LAYERS):
            mixed = self._linear(self._attend(self._linear(state, f"l{layer}.qkv"), batch, dropout), f"l{layer}.ao")
            state = self._norm(state + functional.dropout(mixed, dropout, dropout > 0), f"l{layer}.aln")
            wide = self._linear(functional.gelu(self._linear(state, f"l{layer}.fi")), f"l{layer}.fo")
            state = self._norm(state + functional.dropout(wide, dropout, dropout > 0), f"l{layer}.oln")
        state = state.view(-1, state.shape[2])
        total = state.new_zeros(batch.lengths.numel() + 1, state.shape[1]).index_add(0, batch.text, state)
        total = total[:-1].view(models, -1, state.shape[1])
        return functional.normalize(total / batch.lengths[:, :, None], dim=2)

    def _attend(self, three: torch.Tensor, batch: Batch, dropout: float) -> torch.Tensor:
        if self.flash:
            query, key, value = three.reshape(-1, 3, HEADS, three.shape[2] // (3 * HEADS)).unbind(1)
            # The kernel under scaled_dot_product_attention, which itself takes no packed texts. torch 2.11 has it;
            # ``use_flash`` compares it with the padded way first.
            out = torch.ops.aten._flash_attention_forward(
                query, key, value, batch.ends, batch.ends, batch.longest, batch.longest, dropout, False, False
            )[0]
            return out.reshape(*three.shape[:2], -1)
        texts, width = batch.mask.shape[0], batch.mask.shape[3]
        padded = three.new_zeros(texts * width + 1, three.shape[2])
        padded = padded.index_copy(0, batch.slots, three.reshape(-1, three.shape[2]))[:-1]
        query, key, value = padded.view(texts, width, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        mask = batch.mask.expand(texts, HEADS, width, width)
        heads = functional.scaled_dot_product_attention(query, key, value, mask, dropout)
        heads = heads.transpose(1, 2).reshape(texts * width, -1)
        # Tokens of no text read any slot: what comes of them is left out of every sum.
        return heads.index_select(0, batch.slots.clamp(max=len(heads) - 1)).view(*three.shape[:2], -1)

    def use_flash(self, batch: Batch) -> bool:
        """Take the packed attention kernel if it is there and gives the same vectors and gradients."""
        found = []
        for flash in (False, True):
            self.flash = flash
            try:
                vectors = self.embed(batch)
                vectors[:, 1:].mul(vectors[:, :-1].detach()).sum().backward()
            except (RuntimeError, AttributeError, TypeError):
                break
            found.append((vectors.detach(), self.gradient.clone(), self.low_gradient.float()))
            self.gradient.zero_()
            self.low_gradient.zero_()
        self.flash = len(found) == 2 and all(
            float((one - other).norm() / one.norm()) < 0.2 for one, other in zip(*found, strict=True)
        )
        return self.flash

    def _linear(self, state: torch.Tensor, name: str) -> torch.Tensor:
        weight, bias = self.weight[f"{name}.w"], self.weight[f"{name}.b"]
        return torch.baddbmm(bias[:, None], state.to(self.dtype), weight.transpose(1, 2))

    def _norm(self, state: torch.Tensor, name: str) -> torch.Tensor:
        state = functional.layer_norm(state.float(), state.shape[-1:], eps=EPSILON)
        return state * self.weight[f"{name}.w"][:, None] + self.weight[f"{name}.b"][:, None]


class Optimizer:
    """AdamW with the trainer's defaults over the weights of ``Berts``.

    Args:
        berts: whose weights are trained.
        rate: peak learning rate.
        steps: of the run.
        decay: the rate of layer n of 12 is ``rate * decay ** (12 - n)``; embeddings are layer 0.
        frozen: "" trains all; "words" leaves the word embeddings alone; a number freezes so many lower layers and all
            embeddings.
    """

    def __init__(self, berts: Berts, rate: float, steps: int, decay: float = 1.0, frozen: str = "") -> None:
        """Begin with no momentum."""
        self.berts, self.rate, self.steps, self.done = berts, rate, steps, 0
        self.warm = -(-steps // 10)
        self.shares: torch.Tensor | None = None
        if decay == 1.0 and not frozen:
            whole = torch.nn.Parameter(berts.flat)
            whole.grad = berts.gradient
            fused = berts.device.type == "cuda"
            self.adam = torch.optim.AdamW([whole], rate, BETAS, TINY, weight_decay=0.0, fused=fused)
        else:
            self.first, self.second = torch.zeros_like(berts.flat), torch.zeros_like(berts.flat)
            self.shares = torch.ones_like(berts.base)
            for name, part in berts.part.items():
                depth = 0 if name.startswith("emb") else 1 + int(name[1:].split(".")[0])
                still = (frozen == "words" and name == "emb.word") or (frozen.isdigit() and depth <= int(frozen))
                self.shares[part] = 0.0 if still else decay ** (LAYERS - depth)

    @torch.no_grad()
    def step(self) -> None:
        """Take the gradients of one batch, then clear them."""
        berts, gradient = self.berts, self.berts.gradient
        gradient[:, : berts.products].add_(berts.low_gradient)
        if self.shares is not None:
            gradient.mul_(self.shares > 0)
        gradient.mul_((1.0 / (gradient.norm(dim=1, keepdim=True) + 1e-6)).clamp(max=1.0))
        done, warm = self.done, self.warm
        rate = self.rate * (done / warm if done < warm else max(0.0, (self.steps - done) / max(1, self.steps - warm)))
        self.done += 1
        if self.shares is None:
            self.adam.param_groups[0]["lr"] = rate
            self.adam.step()
        else:
            self._step_by_layer(gradient, rate)
        berts.low.copy_(berts.flat[:, : berts.products])
        gradient.zero_()
        berts.low_gradient.zero_()

    def _step_by_layer(self, gradient: torch.Tensor, rate: float) -> None:
        self.first.lerp_(gradient, 1 - BETAS[0])
        self.second.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
        # The gradient's memory is free now: it becomes the step.
        torch.sqrt(self.second, out=gradient)
        gradient.div_(math.sqrt(1 - BETAS[1] ** self.done)).add_(TINY)
        torch.div(self.first, gradient, out=gradient)
        gradient.mul_(self.shares)
        self.berts.flat.sub_(gradient, alpha=rate / (1 - BETAS[0] ** self.done))


def _is_product(name: str) -> bool:
    return name.startswith("l") and ".aln" not in name and ".oln" not in name


def _fused(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The weights with query, key and value in one matrix."""
    named: dict[str, np.ndarray] = {}
    for name, array in weights.items():
        layer, _, rest = name.partition(".")
        if rest.startswith(("k.", "v.")):
            continue
        if rest.startswith("q."):
            parts = [weights[f"{layer}.{kind}.{rest[2:]}"] for kind in "qkv"]
            named[f"{layer}.qkv.{rest[2:]}"] = np.concatenate(parts)
        else:
            named[name] = array
    return named
