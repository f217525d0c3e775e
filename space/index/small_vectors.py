"""Smaller vectors: the first dimensions of a vector, and int8 or binary codes in place of float16 numbers.

int8 and binary codes are those of sentence-transformers' ``quantize_embeddings``. Centred binary codes are ours. Every
row is compared with the query.
"""

from abc import ABC, abstractmethod
from typing import Literal

import numpy as np
import torch
from sentence_transformers.util.quantization import quantize_embeddings

#: What a vector can be kept in.
Code = Literal["float16", "int8", "binary", "centred-binary"]
#: Binary codes find so many rows for each one asked for, and a comparison with the whole query orders them.
RESCORED = 4
#: Rows coded or compared at a time: 16,384 x 384 float32 are 25 MB.
_BLOCK = 16_384
#: Scores held at a time, rows times queries: 2^26 float32 are 268 MB.
_SCORES_AT_ONCE = 1 << 26


def bytes_of(dim: int, code: Code) -> int:
    """Bytes of one vector."""
    return {"float16": 2 * dim, "int8": dim}.get(code, -(-dim // 8))


def first_dimensions(vectors: torch.Tensor, dim: int) -> torch.Tensor:
    """(n, dim): the first numbers of (n, d) vectors, scaled to unit norm, in their type."""
    parts = vectors.split(_BLOCK)
    short = [torch.nn.functional.normalize(part[:, :dim].float(), dim=1).to(vectors.dtype) for part in parts]
    return torch.cat(short)


class CodeIndex(ABC):
    """(n, d) vectors kept as codes; a ``space.retrieval.dense.VectorIndex``.

    Args:
        vectors: (n, d) floating point.
    """

    #: Rows that a search compares with the whole query for each row that it returns; 1 where all rows are.
    rescored = 1

    def __init__(self, vectors: torch.Tensor) -> None:
        """Code the rows."""
        self._n, self.dim = vectors.shape

    def __len__(self) -> int:
        return self._n

    @abstractmethod
    def pair_scores(self, queries: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """(p,) float32: the score of query i with row ``rows[i]``, for (p, d) queries and (p,) int64 rows."""

    @abstractmethod
    def vectors(self, rows: torch.Tensor) -> torch.Tensor:
        """(m, d) float32: what the codes of (m,) int64 rows stand for."""

    @abstractmethod
    def _all_scores(self, queries: torch.Tensor) -> torch.Tensor:
        """(q, n) scores of any type, from the codes of all rows."""

    def search(
        self, queries: torch.Tensor, k: int, mask: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """See ``TorchIndex.search``; the mask is one for all queries."""
        k = min(k, self._n)
        scores = torch.full((len(queries), k), float("-inf"))
        rows = torch.full((len(queries), k), -1)
        at_once = max(1, _SCORES_AT_ONCE // self._n)
        for start in range(0, len(queries), at_once):
            part = queries[start : start + at_once].float()
            for place, found in enumerate(self._all_scores(part), start):
                best = _best(found, k * self.rescored, mask)
                values = found[best].float()
                if self.rescored > 1:
                    values = self.pair_scores(queries[place].float().expand(len(best), -1), best)
                    order = torch.argsort(values, descending=True, stable=True)[:k]
                    best, values = best[order], values[order]
                scores[place, : len(best)], rows[place, : len(best)] = values, best
        return scores, rows


class Int8Codes(CodeIndex):
    """One byte a number: 256 steps between the lowest and the highest value of each dimension.

    A score is the inner product of the whole query with what the codes stand for, so it needs no rescoring.
    """

    def __init__(self, vectors: torch.Tensor) -> None:
        """See ``CodeIndex``."""
        super().__init__(vectors)
        ranges = torch.stack([vectors.amin(dim=0), vectors.amax(dim=0)]).float()
        parts = [
            quantize_embeddings(part.float().numpy(), "int8", ranges=ranges.numpy()) for part in vectors.split(_BLOCK)
        ]
        self._codes = torch.from_numpy(np.concatenate(parts))
        self._steps = (ranges[1] - ranges[0]) / 255
        self._start = ranges[0] + 128 * self._steps

    def pair_scores(self, queries: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """See ``CodeIndex``."""
        return (queries.float() * self.vectors(rows)).sum(dim=1)

    def vectors(self, rows: torch.Tensor) -> torch.Tensor:
        """See ``CodeIndex``."""
        return self._codes[rows].float() * self._steps + self._start

    def _all_scores(self, queries: torch.Tensor) -> torch.Tensor:
        scaled = queries * self._steps
        parts = [scaled @ part.float().T for part in self._codes.split(_BLOCK)]
        return torch.cat(parts, dim=1) + (queries @ self._start)[:, None]


class BinaryCodes(CodeIndex):
    """One bit a number, whether it is above zero; codes are compared by how many bits differ (Hamming).

    Where vectors have much in common, as E5's have, many numbers have the same sign in nearly all of them, and such
    bits say nothing. Centred codes have the mean of all rows subtracted first, from rows and queries.

    Args:
        vectors: see ``CodeIndex``.
        centred: subtract the mean of the rows.
        rescore: order the best ``RESCORED`` times as many rows by the inner product of the whole query with their
            bits, as sentence-transformers does; the pair scores are then these products.
    """

    def __init__(self, vectors: torch.Tensor, *, centred: bool = False, rescore: bool = False) -> None:
        """See ``CodeIndex``."""
        super().__init__(vectors)
        self.rescored = RESCORED if rescore else 1
        self._centre = vectors.mean(dim=0, dtype=torch.float32) if centred else torch.zeros(self.dim)
        parts = [_words(part.float() - self._centre) for part in vectors.split(_BLOCK)]
        self._words = np.concatenate(parts, axis=1)

    def pair_scores(self, queries: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """See ``CodeIndex``."""
        queries = queries.float() - self._centre
        if self.rescored > 1:
            return (queries * self.vectors(rows)).sum(dim=1)
        differing = np.bitwise_count(_words(queries) ^ self._words[:, rows.numpy()])
        return -torch.from_numpy(differing.sum(axis=0, dtype=np.int32)).float()

    def vectors(self, rows: torch.Tensor) -> torch.Tensor:
        """See ``CodeIndex``: 1 for a bit that is set, -1 for the others, without unit norm."""
        packed = np.ascontiguousarray(self._words[:, rows.numpy()].T).view(np.uint8)
        bits = np.unpackbits(packed, axis=1, count=self.dim)
        return torch.from_numpy(bits).float().mul_(2).sub_(1)

    def _all_scores(self, queries: torch.Tensor) -> torch.Tensor:
        asked, scores = _words(queries - self._centre), np.empty((len(queries), self._n), np.int16)
        for start in range(0, self._n, _BLOCK):
            block = slice(start, start + _BLOCK)
            for place in range(len(queries)):
                differing = np.bitwise_count(self._words[0, block] ^ asked[0, place]).astype(np.int16)
                for word in range(1, len(asked)):
                    differing += np.bitwise_count(self._words[word, block] ^ asked[word, place])
                np.negative(differing, out=scores[place, block])
        return torch.from_numpy(scores)


def _words(vectors: torch.Tensor) -> np.ndarray:
    """(w, n) uint64: the bits of (n, d) vectors, word by word, filled up with zeros."""
    packed = quantize_embeddings(vectors.numpy(), "ubinary")
    packed = np.pad(packed, ((0, 0), (0, -packed.shape[1] % 8)))
    return np.ascontiguousarray(packed.view(np.uint64).T)


def _best(scores: torch.Tensor, k: int, mask: torch.Tensor | None) -> torch.Tensor:
    """(m,) int64, m <= k: the rows with the highest of (n,) scores, of those that a mask leaves; ties by lower row."""
    allowed = None if mask is None else mask.nonzero().squeeze(1)
    found = scores if allowed is None else scores[allowed]
    if not len(found):
        return torch.empty(0, dtype=torch.int64)
    least = found.topk(min(k, len(found))).values[-1]
    places = (found >= least).nonzero().squeeze(1)
    places = places[torch.argsort(found[places], descending=True, stable=True)[:k]]
    return places if allowed is None else allowed[places]
