"""Vectors to measure a search with: real ones, repeated to any number of rows with noise that keeps repeats apart.

Random unit vectors would not do: no two of them are near each other, and how near the best rows are is what decides
how much of an approximate look must be made good. Repeats do: around each query they are more crowded than products
of a real catalogue are.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from space.data import catalogue
from space.encoding.encoder import TextEncoder  # noqa: E402
from space.encoding.weights import STAND_IN, locate  # noqa: E402
from space.pipelines import inputs  # noqa: E402

#: Rows made at a time: 65,536 x 384 float32 are 100 MB.
CHUNK = 65_536
#: Of the noise, for each number: repeats of a product are as near each other as cosine .87.
NOISE = 0.02


def encoded(dataset: str, products: int, queries: int) -> tuple[np.ndarray, np.ndarray]:
    """Passages (p, d) and queries (q, d) of a data set, float32 of unit norm, by the packaged encoder.

    Args:
        dataset: see ``open_judged``; its us locale.
        products: at most so many, from all over it.
        queries: exactly so many; repeated where there are fewer.
    """
    judged = inputs.open_judged(dataset, ["us"])
    texts = catalogue.passages(judged.catalogue)
    asked = sorted({*judged.train["query"], *judged.test["query"]})
    encoder = TextEncoder(locate(STAND_IN), device="cpu")
    few = encoder.encode_passages([texts[row] for row in _spread(len(texts), min(products, len(texts)))])
    return few.numpy(), encoder.encode_queries([asked[row] for row in _spread(len(asked), queries)]).numpy()


def repeated(few: np.ndarray, rows: int) -> Iterator[np.ndarray]:
    """(rows, d) float32 of unit norm, in parts: ``few`` again and again, each time with noise of its own."""
    noise = np.random.default_rng(1)
    for start in range(0, rows, CHUNK):
        part = few[np.arange(start, min(start + CHUNK, rows)) % len(few)]
        part = part + noise.standard_normal(part.shape, dtype=np.float32) * NOISE
        yield part / np.linalg.norm(part, axis=1, keepdims=True)


def random(rows: int, dim: int) -> Iterator[np.ndarray]:
    """(rows, dim) float32 of unit norm, in parts, of no direction: the worst case."""
    draw = np.random.default_rng(0)
    for start in range(0, rows, CHUNK):
        part = draw.standard_normal((min(CHUNK, rows - start), dim), dtype=np.float32)
        yield part / np.linalg.norm(part, axis=1, keepdims=True)


def _spread(of: int, number: int) -> list[int]:
    """Numbers below ``of``, evenly spaced; the same again where more are wanted."""
    return [place * of // number if number <= of else place % of for place in range(number)]
