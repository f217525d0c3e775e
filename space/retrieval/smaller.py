"""Dense systems with smaller vectors: the first dimensions, and codes in place of float16 numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from space.encoding.packed_encoder import Encoder
from space.index.small_vectors import BinaryCodes, Code, Int8Codes, bytes_of, first_dimensions
from space.index.torch_index import TorchIndex
from space.retrieval.dense import DenseSystem, VectorIndex


@dataclass(frozen=True)
class VectorSize:
    """What is kept of a vector.

    Attributes:
        dim: how many of its first dimensions.
        code: what a number is kept in.
        rescored: whether the best binary codes are ordered once more by the whole query.
    """

    dim: int
    code: Code = "float16"
    rescored: bool = False

    @property
    def bytes(self) -> int:
        """Of one vector."""
        return bytes_of(self.dim, self.code)


def sizes(dim: int, dims: Sequence[int], codes: Sequence[Code]) -> Iterator[VectorSize]:
    """All sizes, the whole float16 vectors first; binary codes without and with rescoring.

    Args:
        dim: of the whole vectors.
        dims: numbers of first dimensions; those that are not below ``dim`` are left out.
        codes: beside float16.
    """
    for length in (dim, *sorted((one for one in dims if one < dim), reverse=True)):
        yield VectorSize(length)
        for code in codes:
            yield VectorSize(length, code)
            if code != "int8":
                yield VectorSize(length, code, rescored=True)


def smaller(name: str, encoder: Encoder, vectors: torch.Tensor, size: VectorSize) -> DenseSystem:
    """A system that keeps only a part of each vector.

    Args:
        name: of the system.
        encoder: embeds queries, whole.
        vectors: (n, d) float16 of the passages, whole.
        size: what to keep.
    """
    if size.dim < vectors.shape[1]:
        encoder, vectors = _FirstDimensions(encoder, size.dim), first_dimensions(vectors, size.dim)
    return DenseSystem(name, encoder, index_of(vectors, size))


def index_of(vectors: torch.Tensor, size: VectorSize) -> VectorIndex:
    """The index of (n, d) float16 vectors that have been shortened already."""
    if size.code == "int8":
        return Int8Codes(vectors)
    if size.code == "float16":
        return TorchIndex(vectors)
    return BinaryCodes(vectors, centred=size.code == "centred-binary", rescore=size.rescored)


class _FirstDimensions:
    """An encoder whose query vectors keep their first dimensions only."""

    def __init__(self, encoder: Encoder, dim: int) -> None:
        self._encoder, self.dim = encoder, dim

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)

    def encode_queries(self, texts: Sequence[str]) -> torch.Tensor:
        return first_dimensions(self._encoder.encode_queries(texts), self.dim)
