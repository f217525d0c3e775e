"""A cross-encoder reads a query and a passage together and gives the pair one score; it reorders what was found."""

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from sentence_transformers import CrossEncoder
from sentence_transformers.base.modules import Transformer
from transformers.utils.logging import disable_progress_bar

from space.encoding.description import RerankerDescription
from space.encoding.fingerprint import PROBES, Modules, fingerprint, hash_weights, vocabulary_json
from space.encoding.foreign_settings import check_settings
from space.encoding.foreign_weights import check_size, check_weights, quiet
from space.encoding.model import ATTENTION, bert_of_pairs, check_words, load_errors, longest
from space.encoding.packed_bert import PackedBert, batches, bfloat16_is_fast
from space.encoding.weights import Weights, WeightsError
from space.settings.names import public_name

#: Tokens of a forward pass. Larger batches are not faster on a CPU, and do not fit its caches.
_CPU_TOKENS, _GPU_TOKENS = 2048, 65_536
#: Pairs of a forward pass where sentence-transformers runs the model.
_BATCH = 64
#: Pairs by which a fast forward pass is compared with the usual one, and by how much their scores may differ.
_PAIRS = [("red shoes", probe) for probe in PROBES]
#: Of bfloat16 the share of the largest score, since its three digits are those of the scores.
_CLOSE, _CLOSE_BFLOAT16 = 1e-3, 0.05

Loaded = TypeVar("Loaded")


class Reranker:
    """A sentence-transformers ``CrossEncoder`` for inference. Any number of threads may use it.

    Args:
        model: from ``load_cross_encoder``, or just trained; it must not be trained any more.
        weights: the files that it is from.
        device: None takes CUDA if there is one.

    Raises:
        WeightsError: its scores are not finite.
    """

    def __init__(self, model: CrossEncoder, weights: Weights, *, device: str | None = None) -> None:
        """Compute the fingerprint, then move to the device, where the fast forward pass has bfloat16 products.

        Any other model stays in float32: scores with three digits would often be the same.
        """
        self.model = model.eval()
        self.weights = weights
        self.fingerprint = _fingerprint_of(model)
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.precision = "float32"
        # A tokenizer keeps its length limit as state, and raises "Already borrowed" if two threads set it at once.
        self._lock = threading.Lock()
        self.model.to(self.device)
        self._packed = self._pack()
        if not np.isfinite(self.scores(_PAIRS)).all():
            raise WeightsError(f"{weights.name}: its scores are not finite numbers: use another cross-encoder")

    @classmethod
    def load(cls, weights: Weights) -> "Reranker":
        """The cross-encoder in some files, see ``load_cross_encoder``."""
        return cls(load_cross_encoder(weights), weights)

    def describe(self, top: int, first: str) -> RerankerDescription:
        """The reranker's entry in evaluation.json and on the page, see ``RerankerDescription``."""
        return RerankerDescription(
            id=public_name(self.weights.name),
            revision=self.weights.revision,
            reason=self.weights.reason,
            fingerprint=self.fingerprint,
            max_seq_length=int(self.model.max_seq_length),
            precision=self.precision,
            top=top,
            first=first,
        )

    def scores(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """(n,) float32 logits of queries with passages; after a sigmoid good passages would score alike."""
        if not pairs:
            return np.empty(0, np.float32)
        if self._packed is None:
            with self._lock:
                return self._predict(pairs)
        out = np.empty(len(pairs), np.float32)
        ids, types = self._tokenize(pairs)
        budget = _CPU_TOKENS if self.device.type == "cpu" else _GPU_TOKENS
        for rows in batches([len(one) for one in ids], budget):
            part = None if types is None else [types[row] for row in rows]
            out[rows] = self._score(self._packed, [ids[row] for row in rows], part)
        return out

    def _pack(self) -> PackedBert | None:
        """The fast forward pass, with products in bfloat16 where that is faster; None where its scores differ."""
        bert = bert_of_pairs(self.model)
        if bert is None:
            return None
        right = self._predict(_PAIRS)
        ids, types = self._tokenize(_PAIRS)
        order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
        rows = [ids[row] for row in order], None if types is None else [types[row] for row in order]

        def differ(packed: PackedBert) -> float:
            return float(np.abs(self._score(packed, *rows) - right[order]).max())

        exact = PackedBert(bert, torch.float32, self.device)
        if not differ(exact) < _CLOSE:  # a model with settings of its own; NaN is one, too
            return None
        if bfloat16_is_fast(self.device):
            half = PackedBert(bert, torch.bfloat16, self.device)
            if self.device.type == "cuda" or differ(half) < _CLOSE_BFLOAT16 * max(1.0, float(np.abs(right).max())):
                self.precision = "bfloat16 products"
                return half
        return exact

    @torch.inference_mode()
    def _score(
        self, packed: PackedBert, ids: Sequence[Sequence[int]], types: Sequence[Sequence[int]] | None
    ) -> np.ndarray:
        """(n,) float32 scores of token ids, by the head in float32."""
        whole = self.model[0].auto_model
        first = packed.first_tokens(ids, types)[:, None]
        pooler = whole.base_model.pooler  # RoBERTa has it in its classifier
        return whole.classifier(first if pooler is None else pooler(first)).flatten().float().cpu().numpy()

    def _tokenize(self, pairs: Sequence[tuple[str, str]]) -> tuple[list[list[int]], list[list[int]] | None]:
        """Token ids of each pair and, of a tokenizer that has them, their types."""
        queries, passages = zip(*pairs, strict=True)
        with self._lock:
            found = self.model.tokenizer(
                list(queries), list(passages), truncation="longest_first", max_length=self.model.max_seq_length
            )
        return found["input_ids"], found.get("token_type_ids")

    def _predict(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """The scores as sentence-transformers computes them."""
        found = self.model.predict(
            list(pairs), batch_size=_BATCH, activation_fn=torch.nn.Identity(), show_progress_bar=False
        )
        return np.asarray(found, dtype=np.float32)


def load_cross_encoder(weights: Weights) -> CrossEncoder:
    """Load a cross-encoder on the CPU and in float32: safetensors only, and no code of the repository.

    Raises:
        WeightsError: the files are not a cross-encoder, or it gives more than one score for a pair.
    """
    disable_progress_bar()
    with load_errors(weights.name, "a cross-encoder"):
        check_settings(weights.folder)
        check_size(weights.folder)
        if not is_cross_encoder(weights.folder):
            raise WeightsError(
                f"{weights.name}: an encoder of single texts, not a cross-encoder, which has a head for pairs: "
                "name another model, or train one with train.py --reranker-base"
            )
        model = _with_attention(
            lambda kwargs: CrossEncoder(
                str(weights.folder),
                device="cpu",
                local_files_only=True,
                model_kwargs=kwargs,
                activation_fn=torch.nn.Identity(),
            )
        )
        _check_labels(model, weights.name)
        check_weights(model, weights.folder)
        check_words(model, weights.name)
        model.max_seq_length = min(int(model.max_seq_length or longest(model)), longest(model))
    return model


def new_cross_encoder(weights: Weights, max_seq_length: int, seed: int) -> CrossEncoder:
    """A cross-encoder to train, on the CPU and in float32.

    A model that is a cross-encoder keeps its head. An encoder gets a new one, drawn by ``seed``. Of a BERT the pooler
    is part of it, since encoders that take the mean of all tokens leave theirs untrained.

    Raises:
        WeightsError: see ``load_cross_encoder``.
    """
    if is_cross_encoder(weights.folder):
        model = load_cross_encoder(weights)
    else:
        disable_progress_bar()
        with load_errors(weights.name, "a transformer"):
            check_settings(weights.folder)
            check_size(weights.folder)
            with quiet():  # the library reports at length that the head is missing
                transformer = _with_attention(
                    lambda kwargs: Transformer(
                        str(weights.folder),
                        transformer_task="sequence-classification",
                        model_kwargs={**kwargs, "local_files_only": True},
                        processor_kwargs={"local_files_only": True},
                        config_kwargs={"num_labels": 1, "local_files_only": True},
                    )
                )
            model = CrossEncoder(modules=[transformer], device="cpu", activation_fn=torch.nn.Identity())
            check_weights(model, weights.folder, new_head=True)
            check_words(model, weights.name)
        _draw_head(transformer, seed)
    model.max_seq_length = min(max_seq_length, longest(model))
    return model


def is_cross_encoder(folder: Path) -> bool:
    """Whether the files say so: a head that classifies pairs, or the kind that sentence-transformers notes.

    Raises:
        OSError, ValueError: settings that cannot be read.
    """
    noted = folder / "config_sentence_transformers.json"
    if noted.is_file() and json.loads(noted.read_text(encoding="utf-8")).get("model_type") == "CrossEncoder":
        return True
    found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return any(str(name).endswith("ForSequenceClassification") for name in found.get("architectures") or [])


def _with_attention(load: Callable[[dict[str, object]], Loaded]) -> Loaded:
    """What ``load`` returns with the first way of attention that the model has."""
    for attention in ATTENTION:
        try:
            return load({"torch_dtype": torch.float32, "use_safetensors": True, "attn_implementation": attention})
        except ValueError as error:
            if attention == ATTENTION[-1] or "scaled_dot_product_attention" not in str(error):
                raise
    raise AssertionError("unreachable")


def _fingerprint_of(model: CrossEncoder) -> str:
    """See ``space.encoding.fingerprint``."""
    tokenizer = model.tokenizer
    probes = [tokenizer(probe, truncation=False)["input_ids"] for probe in PROBES]
    modules = Modules(steps=[type(module).__name__ for module in model], pooling=[], prompts={})
    return fingerprint(hash_weights(model.state_dict()), vocabulary_json(tokenizer.get_vocab()), probes, modules)


def _check_labels(model: CrossEncoder, name: str) -> None:
    if model.num_labels != 1:
        raise WeightsError(
            f"{name}: it gives {model.num_labels} scores for a pair (num_labels), and a reranker gives 1: "
            "name another cross-encoder, or train one with train.py --reranker-base"
        )


def _draw_head(transformer: Transformer, seed: int) -> None:
    """Draw the weights of the head anew, by ``seed`` alone."""
    whole = transformer.auto_model
    pooler = getattr(whole.base_model, "pooler", None)
    inner = {id(module) for module in whole.base_model.modules()} - {
        id(module) for module in (pooler.modules() if pooler is not None else ())
    }
    generator = torch.Generator().manual_seed(seed)
    deviation = getattr(whole.config, "initializer_range", 0.02)
    for module in whole.modules():
        if isinstance(module, torch.nn.Linear) and id(module) not in inner:
            torch.nn.init.normal_(module.weight, std=deviation, generator=generator)
            if module.bias is not None:
                torch.nn.init.zeros_(module.bias)
