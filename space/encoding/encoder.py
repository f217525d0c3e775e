"""Texts to unit vectors. The only home of the E5 prompts; knows no product, no label and no Hub.

A fingerprint says which encoder made a vector: two encoders with the same fingerprint give the same vectors.
"""

import hashlib
import json
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Normalize, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from transformers.utils.logging import disable_progress_bar

from space.encoding.description import EncoderDescription
from space.encoding.packed_bert import PackedBert, batches, half_is_fast, packable
from space.encoding.weights import Weights, WeightsError
from space.io.threads import prefetch

#: Part of E5's training (Wang et al. 2022): without them the vectors of queries and passages drift apart.
E5_PROMPTS = {"query": "query: ", "document": "passage: "}
NO_PROMPTS = {"query": "", "document": ""}
DEFAULT_MAX_SEQ_LENGTH = 64
# Texts sorted by length together: enough that a batch has few lengths, few enough to hold their tokens.
_CHUNK = 8192
# On a CPU larger batches are no faster, and fall out of its caches.
_CPU_TOKENS = 2048
# What products in bfloat16 may cost a vector: the cosine with its float32 twin.
_CLOSE = 0.9999
# Strings whose token ids tell tokenizers apart that share a vocabulary: case, accents, scripts, spaces, digits.
_PROBES = (
    "Red Shoes, size 10½",
    "cafetière à piston",
    "ワイヤレス イヤホン",
    "  two  spaces\n",
    "x" * 40,
    "İstanbul Ñandú ß",
)


#: What loading damaged or foreign files ends in: weights that are cut or of another shape, settings of another kind.
_UNLOADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError)


class Encoder(Protocol):
    """What search and evaluation need of an encoder."""

    name: str
    fingerprint: str
    dim: int

    def encode_queries(self, texts: Sequence[str]) -> torch.Tensor:
        """(n, d) float32 on the CPU, unit norm."""

    def encode_passages(self, texts: Sequence[str]) -> torch.Tensor:
        """(n, d) float32 on the CPU, unit norm."""

    def is_cut(self, passage: str) -> bool:
        """Whether a passage is longer than what is read of it."""


class TextEncoder:
    """A sentence-transformers model with its prompts, ready to encode.

    Args:
        weights: the files to load.
        device: None takes CUDA if there is one.
        max_seq_length: tokens kept of each text.
        batch_size: texts of full length in a forward pass, shorter ones are more; a CPU takes at most 2,048 tokens.
        training: stay in float32 on every device, as the weights must be while they are trained.

    Raises:
        WeightsError: files that are no encoder.
    """

    def __init__(
        self,
        weights: Weights,
        *,
        device: str | None = None,
        max_seq_length: int = DEFAULT_MAX_SEQ_LENGTH,
        batch_size: int = 1024,
        training: bool = False,
    ) -> None:
        """Load in float32, take the fingerprint, then go to the device and to the precision that suits it."""
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.weights = weights
        self.model = load_model(weights, max_seq_length)
        self.fingerprint = fingerprint(self.model)
        self.batch_size = batch_size
        self.precision = "float32"
        self._tokenizing = threading.Lock()  # a tokenizer keeps its limit as state, and panics if two threads set it
        self._packable = packable(self.model)
        self._packed: PackedBert | None = None  # none while weights may change
        if self._packable and not training:
            self._packed = self._pack()
        self.model.to(self.device)
        if self.device.type == "cuda" and not self._packable and not training:
            self.model.to(torch.bfloat16)  # E5's range overflows float16
            self.precision = "bfloat16"

    @property
    def name(self) -> str:
        """Hub id or folder."""
        return self.weights.name

    @property
    def dim(self) -> int:
        """Length of each vector."""
        return int(self.model.get_embedding_dimension() or 0)

    @property
    def max_seq_length(self) -> int:
        """Tokens kept of each text."""
        return int(self.model.max_seq_length or 0)

    def describe(self, *, refresh: bool = False) -> EncoderDescription:
        """What a manifest or card says of the encoder; ``refresh`` after its weights were trained."""
        if refresh:
            self.fingerprint = fingerprint(self.model)
        return EncoderDescription(
            id=self.name,
            revision=self.weights.revision,
            reason=self.weights.reason,
            fingerprint=self.fingerprint,
            dim=self.dim,
            max_seq_length=self.max_seq_length,
            precision=self.precision,
            prompts=dict(self.model.prompts),
        )

    def encode_queries(self, texts: Sequence[str]) -> torch.Tensor:
        """(n, d) float32 on the CPU, unit norm."""
        return self.embed(self.tokenize(texts, "query"), prompt_name="query")

    def encode_passages(self, texts: Sequence[str], progress: Callable[[int], object] | None = None) -> torch.Tensor:
        """(n, d) float32 on the CPU, unit norm.

        Args:
            texts: passages.
            progress: called with the number of texts done since the last call.
        """
        if len(texts) <= _CHUNK:
            return self.embed(self.tokenize(texts), progress)
        parts = prefetch(self.tokenize(texts[start : start + _CHUNK]) for start in range(0, len(texts), _CHUNK))
        return torch.cat([self.embed(part, progress) for part in parts])

    def tokenize(self, texts: Sequence[str], prompt_name: str = "document") -> list[Any]:
        """What ``embed`` takes; may run in another thread, to be ready when its turn comes.

        Returns:
            Token ids of each text with its prompt. Where sentence-transformers must run the model, which tokenizes
            itself, the texts as they are.
        """
        if not self._packable or not len(texts):
            return list(texts)
        prompt = self.model.prompts.get(prompt_name) or ""
        with self._tokenizing:
            return self.model.tokenizer(
                [prompt + text for text in texts], truncation=True, max_length=self.max_seq_length
            )["input_ids"]

    def embed(
        self, read: list[Any], progress: Callable[[int], object] | None = None, *, prompt_name: str = "document"
    ) -> torch.Tensor:
        """(n, d) float32 on the CPU, unit norm.

        Batches depend on the texts alone: the same list gives the same bits in every process.

        Args:
            read: what ``tokenize`` returned.
            progress: called with the number of texts done since the last call.
            prompt_name: where sentence-transformers puts it before the texts.
        """
        out = torch.empty(len(read), self.dim)
        if self._packable:
            forward = self._packed or PackedBert(self.model, torch.float32, self.model.device)
            budget = self.batch_size * self.max_seq_length
            if forward.device.type == "cpu":
                budget = min(budget, _CPU_TOKENS)
            for rows in batches([len(text) for text in read], budget):
                out[rows] = forward([read[row] for row in rows]).cpu()
                if progress is not None:
                    progress(len(rows))
        elif read:
            vectors = self.model.encode(
                read, prompt_name=prompt_name, convert_to_tensor=True, show_progress_bar=False
            ).float()
            # Again in float32: bfloat16 normalises to about three digits only.
            out = torch.nn.functional.normalize(vectors, dim=1).cpu()
            if progress is not None:
                progress(len(read))
        return out

    def is_cut(self, passage: str) -> bool:
        """Whether a passage, with its prompt, has more tokens than are read."""
        text, limit = (self.model.prompts.get("document") or "") + passage, self.max_seq_length
        with self._tokenizing:
            return len(self.model.tokenizer(text, truncation=True, max_length=limit + 1)["input_ids"]) > limit

    def _pack(self) -> PackedBert:
        """The fast forward pass, its products in bfloat16 where that is faster and leaves the vectors what they are.

        A GPU computes in bfloat16 whatever it costs, for there it is several times as fast.
        """
        if half_is_fast(self.device):
            half = PackedBert(self.model, torch.bfloat16, self.device)
            if self.device.type == "cuda" or self._close(half):
                self.precision = "bfloat16 products"
                return half
        return PackedBert(self.model, torch.float32, self.device)

    def _close(self, half: PackedBert) -> bool:
        """Whether every probe's vector is all but that of float32; NaN is not."""
        read = sorted(self.tokenize(_PROBES), key=len)
        exact = PackedBert(self.model, torch.float32, self.device)
        return bool((exact(read) * half(read)).sum(dim=1).min() >= _CLOSE)


def load_model(weights: Weights, max_seq_length: int) -> SentenceTransformer:
    """A sentence-transformers folder or a plain ``transformers`` checkpoint as a model on the CPU, in float32.

    Prompts saved with the model are kept. Without them a model whose name says E5, and a plain checkpoint, get E5's
    prompts and mean pooling; any other model gets none.
    """
    disable_progress_bar()  # of reading a file that takes a tenth of a second
    folder, kwargs = weights.folder, {"torch_dtype": torch.float32, "use_safetensors": True}
    plain = not (folder / "modules.json").is_file()
    try:
        if plain:
            words = Transformer(str(folder), max_seq_length=max_seq_length, model_kwargs=kwargs)
            pooling = Pooling(words.get_embedding_dimension(), pooling_mode="mean")
            model = SentenceTransformer(modules=[words, pooling, Normalize()], device="cpu")
        else:
            model = SentenceTransformer(str(folder), device="cpu", local_files_only=True, model_kwargs=kwargs)
    except _UNLOADABLE as error:
        raise WeightsError(
            f"{weights.name}: not a loadable encoder: {error}; train it again, or copy or pull it anew"
        ) from error
    saved = {name: prompt for name, prompt in model.prompts.items() if prompt}
    if not saved and not _declares_prompts(folder):
        model.prompts = dict(E5_PROMPTS if plain or is_e5(weights.name) else NO_PROMPTS)
    elif "document" not in saved and "passage" in saved:
        model.prompts = {"query": saved.get("query", ""), "document": saved["passage"]}
    if not isinstance(model[-1], Normalize):
        model.append(Normalize())
    model.max_seq_length = min(max_seq_length, _position_limit(model))
    return model


def is_e5(name: str) -> bool:
    """Whether a model's name says that it is an E5: ``intfloat/multilingual-e5-small``, ``./saved_e5_model``."""
    return re.search(r"(^|[^a-z0-9])e5([^a-z0-9]|$)", Path(name).name.lower()) is not None


def fingerprint(model: SentenceTransformer) -> str:
    """sha256 over weights, tokenizer, pooling and prompts, as hex.

    Over what the files mean and not over their bytes, so that saving a model again does not change it. The sequence
    limit is left out: it is a setting of a run, and a manifest has it beside the fingerprint.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().data)
    tokenizer = model.tokenizer
    digest.update(json.dumps(sorted(tokenizer.get_vocab().items())).encode())
    digest.update(json.dumps([tokenizer(probe, truncation=False)["input_ids"] for probe in _PROBES]).encode())
    pooling = [module.get_config_dict() for module in model if isinstance(module, Pooling)]
    steps = [type(module).__name__ for module in model]
    prompts = {name: model.prompts.get(name, "") for name in NO_PROMPTS}
    digest.update(json.dumps([steps, pooling, prompts], sort_keys=True, default=str).encode())
    return digest.hexdigest()


def _declares_prompts(folder: Path) -> bool:
    """Whether the saved model says what its prompts are, even if it says that they are empty."""
    config = folder / "config_sentence_transformers.json"
    return config.is_file() and any(json.loads(config.read_text(encoding="utf-8")).get("prompts") or {})


def _position_limit(model: SentenceTransformer) -> int:
    """Longest sequence the position embeddings allow."""
    config = model[0].auto_model.config
    positions = getattr(config, "max_position_embeddings", None) or 512
    # RoBERTa's positions start behind the padding index.
    return positions - 2 if "roberta" in getattr(config, "model_type", "") else positions
