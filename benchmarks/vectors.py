"""Vectors to measure a search with: real ones repeated to any number of rows, and random ones.

How near the best rows are decides how many rows an index must look at twice. Products of a shop are clustered, and
repeats of real ones are even more crowded around a query than those of a real catalogue. Near-duplicates are the worst
case: thousands of rows that score almost the same. Random unit vectors are all about equally far from each other.
"""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from space.data.passages import passages  # noqa: E402
from space.encoding.encoder import TextEncoder  # noqa: E402
from space.encoding.weights import PACKAGED, locate  # noqa: E402
from space.io.files import atomically  # noqa: E402
from space.io.memory import huge_pages  # noqa: E402
from space.pipelines import inputs  # noqa: E402

huge_pages()  # as the app

#: Rows made at a time: 65,536 x 384 float32 are 100 MB.
CHUNK = 65_536
#: Standard deviation of the noise of each number: it keeps repeats of a product at a cosine of about .87.
NOISE = 0.02
#: Noise of near-duplicates: a cosine of about .998.
SLIGHT = 0.003
#: Where the vectors of passages are kept between runs.
KEPT = Path(__file__).resolve().parent.parent / "runs" / "vectors"


def encoded(dataset: str, products: int, queries: int, model: str = PACKAGED) -> tuple[np.ndarray, np.ndarray]:
    """Passages (p, d) and queries (q, d) of a data set, float32 of unit norm, by an encoder.

    Args:
        dataset: see ``open_judged``; its us locale.
        products: at most so many, evenly spaced.
        queries: exactly so many, repeated if there are fewer.
        model: a model's name or folder, see ``locate``.
    """
    judged = inputs.open_judged(dataset, ["us"])
    texts = passages(judged.catalogue)
    asked = sorted({*judged.train["query"], *judged.test["query"]})
    encoder = TextEncoder(locate(model), device="cpu")
    few = kept(encoder, [texts[row] for row in _spread(len(texts), min(products, len(texts)))])
    return few, encoder.encode_queries([asked[row] for row in _spread(len(asked), queries)]).numpy()


def kept(encoder: TextEncoder, texts: list[str]) -> np.ndarray:
    """The (p, d) vectors of passages, from the run before if encoder and texts are the same: they take minutes."""
    content = hashlib.sha256("\0".join([encoder.fingerprint, encoder.precision, *texts]).encode()).hexdigest()
    path = KEPT / f"{content[:32]}.npy"
    if not path.is_file():
        KEPT.mkdir(parents=True, exist_ok=True)
        with atomically(path) as temporary, temporary.open("wb") as file:
            np.save(file, encoder.encode_passages(texts).numpy())
    return np.load(path)


def repeated(few: np.ndarray, rows: int, deviation: float = NOISE) -> Iterator[np.ndarray]:
    """(rows, d) float32 of unit norm, in parts: ``few`` again and again, each time with other noise."""
    noise = np.random.default_rng(1)
    for start in range(0, rows, CHUNK):
        part = few[np.arange(start, min(start + CHUNK, rows)) % len(few)]
        part = part + noise.standard_normal(part.shape, dtype=np.float32) * deviation
        yield _unit(part)


def random(rows: int, dim: int, seed: int = 0) -> Iterator[np.ndarray]:
    """(rows, dim) float32 of unit norm in random directions, in parts."""
    draw = np.random.default_rng(seed)
    for start in range(0, rows, CHUNK):
        yield _unit(draw.standard_normal((min(CHUNK, rows - start), dim), dtype=np.float32))


def near(rows: np.ndarray, number: int) -> np.ndarray:
    """(number, d) float32 of unit norm, each at a cosine of about .55 to a row, as a query is to its product."""
    draw = np.random.default_rng(2)
    queries = rows[draw.integers(0, len(rows), number)]
    return _unit(queries + draw.standard_normal(queries.shape, dtype=np.float32) * 1.5 / np.sqrt(rows.shape[1]))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _spread(of: int, number: int) -> list[int]:
    """Numbers below ``of``, evenly spaced; the same again where more are wanted."""
    return [place * of // number if number <= of else place % of for place in range(number)]
