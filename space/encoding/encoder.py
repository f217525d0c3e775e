"""Texts to unit vectors: tokenizing, batching and the forward pass of an encoder."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import torch

from space.encoding.description import EncoderDescription
from space.encoding.model import PROBES, fingerprint, load_model
from space.encoding.packed_bert import PackedBert, batches, bfloat16_is_fast, packable
from space.encoding.weights import Weights
from space.io.threads import prefetch
from space.settings.names import public_name

DEFAULT_MAX_SEQ_LENGTH = 64
#: Texts sorted by length together: enough that a batch has few lengths, few enough to hold their tokens.
_SORTED_TOGETHER = 8192
#: Tokens of a batch on a CPU: larger batches are not faster, and do not fit its caches.
_CPU_TOKENS = 2048
#: Least cosine between a vector computed with bfloat16 products and with float32.
_CLOSE = 0.9999

#: The token ids of each text, or the texts themselves if sentence-transformers runs the model.
Tokenized = list[list[int]] | list[str]


class Encoder(Protocol):
    """What search and evaluation need of an encoder.

    Attributes:
        name: Hub id or folder.
        fingerprint: see ``space.encoding.model.fingerprint``.
        dim: length of a vector.
    """

    name: str
    fingerprint: str
    dim: int

    def encode_queries(self, texts: Sequence[str]) -> torch.Tensor:
        """(n, d) float32 on the CPU, unit norm."""

    def encode_passages(self, texts: Sequence[str]) -> torch.Tensor:
        """(n, d) float32 on the CPU, unit norm."""

    def is_cut(self, passage: str) -> bool:
        """Whether a passage is longer than what the encoder reads."""


class TextEncoder:
    """A sentence-transformers model with its prompts. Any number of threads may use it.

    Args:
        weights: the files to load.
        device: None takes CUDA if there is one.
        max_seq_length: tokens read of each text.
        batch_size: texts of full length in a forward pass; of shorter texts it takes more. On a CPU a batch has 2,048
            tokens at most.
        training: stay in float32 on every device but within ``frozen``, for weights that are being trained.

    Raises:
        WeightsError: the files are not an encoder.
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
        """Load in float32, compute the fingerprint, then move to the device and its fastest precision."""
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.weights = weights
        self.model = load_model(weights, max_seq_length)
        self.fingerprint = fingerprint(self.model)
        self.batch_size = batch_size
        self.precision = "float32"
        # A tokenizer keeps its length limit as state, and raises "Already borrowed" if two threads set it at once.
        self._tokenizer_lock = threading.Lock()
        self._packable = packable(self.model)
        self._packed: PackedBert | None = None  # made anew for each call while the weights may change
        if self._packable and not training:
            self._packed = self._pack()
        self.model.to(self.device)
        if self.device.type == "cuda" and not self._packable and not training:
            self.model.to(torch.bfloat16)  # E5 overflows float16
            self.precision = "bfloat16"

    @property
    def name(self) -> str:
        """Hub id or folder."""
        return self.weights.name

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self.model.get_embedding_dimension() or 0)

    @property
    def max_seq_length(self) -> int:
        """Tokens read of each text."""
        return int(self.model.max_seq_length or 0)

    @property
    def batch_tokens(self) -> int:
        """Tokens of a forward pass."""
        tokens = self.batch_size * self.max_seq_length
        return min(tokens, _CPU_TOKENS) if self.device.type == "cpu" else tokens

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Within, a training encoder embeds as a served one does, up to three times as fast.

        Its weights must not change meanwhile. The vectors are those that are served, see ``precision``.
        """
        before = self._packed, self.precision
        if self._packable:
            self._packed = self._pack()
        try:
            yield
        finally:
            self._packed, self.precision = before

    def describe(self, *, refresh: bool = False) -> EncoderDescription:
        """The encoder's entry in manifests and cards; ``refresh`` computes the fingerprint again, after training."""
        if refresh:
            self.fingerprint = fingerprint(self.model)
        return EncoderDescription(
            id=public_name(self.name),
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
        if len(texts) <= _SORTED_TOGETHER:
            return self.embed(self.tokenize(texts), progress)
        starts = range(0, len(texts), _SORTED_TOGETHER)
        parts = prefetch(self.tokenize(texts[start : start + _SORTED_TOGETHER]) for start in starts)
        return torch.cat([self.embed(part, progress) for part in parts])

    def tokenize(self, texts: Sequence[str], prompt_name: str = "document") -> Tokenized:
        """Prepare texts for ``embed``; another thread may do this while the model works on the texts before."""
        if not self._packable or not len(texts):
            return list(texts)
        prompt = self.model.prompts.get(prompt_name) or ""
        with self._tokenizer_lock:
            return self.model.tokenizer(
                [prompt + text for text in texts], truncation=True, max_length=self.max_seq_length
            )["input_ids"]

    def embed(
        self,
        tokenized: Tokenized,
        progress: Callable[[int], object] | None = None,
        *,
        prompt_name: str = "document",
    ) -> torch.Tensor:
        """(n, d) float32 on the CPU, unit norm.

        Batches depend on the texts alone: the same list gives the same bits in every process.

        Args:
            tokenized: from ``tokenize``.
            progress: called with the number of texts done since the last call.
            prompt_name: the prompt that ``tokenize`` was given.
        """
        if not self._packable:
            return self._embed_by_sentence_transformers(tokenized, progress, prompt_name)
        out = torch.empty(len(tokenized), self.dim)
        forward = self._packed or PackedBert(self.model, torch.float32, self.model.device)
        for rows in batches([len(text) for text in tokenized], self.batch_tokens):
            vectors = forward([tokenized[row] for row in rows])
            if vectors.shape[1] > self.dim:  # a model with truncate_dim
                vectors = torch.nn.functional.normalize(vectors[:, : self.dim], dim=1)
            out[rows] = vectors.cpu()
            if progress is not None:
                progress(len(rows))
        return out

    def is_cut(self, passage: str) -> bool:
        """Whether a passage with its prompt has more tokens than the encoder reads."""
        text, limit = (self.model.prompts.get("document") or "") + passage, self.max_seq_length
        with self._tokenizer_lock:
            return len(self.model.tokenizer(text, truncation=True, max_length=limit + 1)["input_ids"]) > limit

    def _embed_by_sentence_transformers(
        self, texts: Sequence[str], progress: Callable[[int], object] | None, prompt_name: str
    ) -> torch.Tensor:
        if not texts:
            return torch.empty(0, self.dim)
        vectors = self.model.encode(
            list(texts), prompt_name=prompt_name, convert_to_tensor=True, show_progress_bar=False
        ).float()
        if progress is not None:
            progress(len(texts))
        # Normalised again in float32, since bfloat16 has about three digits.
        return torch.nn.functional.normalize(vectors, dim=1).cpu()

    def _pack(self) -> PackedBert:
        """The fast forward pass: products in bfloat16 where that is faster and changes the vectors very little.

        On a GPU bfloat16 is several times as fast and is always taken.
        """
        if bfloat16_is_fast(self.device):
            half = PackedBert(self.model, torch.bfloat16, self.device)
            if self.device.type == "cuda" or self._is_close(half):
                self.precision = "bfloat16 products"
                return half
        return PackedBert(self.model, torch.float32, self.device)

    def _is_close(self, half: PackedBert) -> bool:
        """Whether the vector of every probe is close to its float32 vector; NaN is not."""
        tokenized = sorted(self.tokenize(PROBES), key=len)
        exact = PackedBert(self.model, torch.float32, self.device)
        return bool((exact(tokenized) * half(tokenized)).sum(dim=1).min() >= _CLOSE)
