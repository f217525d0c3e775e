"""Texts to unit vectors by the fast forward pass: tokenizing and batching."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import torch

from space.encoding.description import EncoderDescription
from space.encoding.fingerprint import PROBES
from space.encoding.packed_bert import Bert, PackedBert, batches, bfloat16_is_fast
from space.encoding.weights import Weights
from space.io.threads import prefetch
from space.settings.names import public_name

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
        fingerprint: see ``space.encoding.fingerprint``.
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


class PackedEncoder(ABC):
    """A BERT with its tokenizer and its prompts. Any number of threads may use it.

    Args:
        weights: where its files are.
        device: None takes CUDA if there is one.
        batch_size: texts of full length in a forward pass; of shorter texts it takes more. On a CPU a batch has 2,048
            tokens at most.

    Attributes:
        fingerprint: see ``space.encoding.fingerprint``.
        precision: "float32", "bfloat16 products" or "bfloat16".
    """

    fingerprint: str
    precision = "float32"

    def __init__(self, weights: Weights, device: str | None = None, batch_size: int = 1024) -> None:
        """Choose the device; the class below loads."""
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.weights, self.batch_size = weights, batch_size
        # A tokenizer keeps its length limit as state, and raises "Already borrowed" if two threads set it at once.
        self._tokenizer_lock = threading.Lock()
        self._packed: PackedBert | None = None

    @property
    @abstractmethod
    def dim(self) -> int:
        """Length of a vector."""

    @property
    @abstractmethod
    def max_seq_length(self) -> int:
        """Tokens read of each text."""

    @property
    @abstractmethod
    def prompts(self) -> Mapping[str, str]:
        """{"query" and "document": what is put before each text}."""

    @abstractmethod
    def _token_ids(self, texts: list[str], limit: int) -> list[list[int]]:
        """The ids of each text, at most ``limit``; one thread at a time calls this."""

    @abstractmethod
    def _bert(self) -> Bert:
        """The weights as they are now."""

    @property
    def name(self) -> str:
        """Hub id or folder."""
        return self.weights.name

    @property
    def batch_tokens(self) -> int:
        """Tokens of a forward pass."""
        tokens = self.batch_size * self.max_seq_length
        return min(tokens, _CPU_TOKENS) if self.device.type == "cpu" else tokens

    def describe(self) -> EncoderDescription:
        """The encoder's entry in manifests and cards."""
        return EncoderDescription(
            id=public_name(self.name),
            revision=self.weights.revision,
            reason=self.weights.reason,
            fingerprint=self.fingerprint,
            dim=self.dim,
            max_seq_length=self.max_seq_length,
            precision=self.precision,
            prompts=dict(self.prompts),
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
        if not len(texts):
            return []
        prompt = self.prompts.get(prompt_name) or ""
        with self._tokenizer_lock:
            return self._token_ids([prompt + text for text in texts], self.max_seq_length)

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
        out = torch.empty(len(tokenized), self.dim)
        forward = self._packed or PackedBert(self._bert(), torch.float32, self.device)
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
        text, limit = (self.prompts.get("document") or "") + passage, self.max_seq_length
        with self._tokenizer_lock:
            return len(self._token_ids([text], limit + 1)[0]) > limit

    def _pack(self) -> PackedBert:
        """The fast forward pass: products in bfloat16 where that is faster and changes the vectors very little.

        On a GPU bfloat16 is several times as fast and is always taken.
        """
        bert = self._bert()
        if bfloat16_is_fast(self.device):
            half = PackedBert(bert, torch.bfloat16, self.device)
            if self.device.type == "cuda" or self._is_close(bert, half):
                self.precision = "bfloat16 products"
                return half
        return PackedBert(bert, torch.float32, self.device)

    def _is_close(self, bert: Bert, half: PackedBert) -> bool:
        """Whether the vector of every probe is close to its float32 vector; NaN is not."""
        tokenized = sorted(self.tokenize(PROBES), key=len)
        exact = PackedBert(bert, torch.float32, self.device)
        return bool((exact(tokenized) * half(tokenized)).sum(dim=1).min() >= _CLOSE)
