"""How fast the exact top k is: ours beside FAISS, USearch, numpy and sentence-transformers, over the same vectors.

python benchmarks/topk.py [--rows 300000] [--dim 384] [--k 10] [--rounds 15] [--vectors FILE.npy]

Every round runs every contestant once, so that a busy moment hits all; the figures are medians over the rounds, after
one that does not count. What reading the rows costs is measured beside: a sum over the bytes as int64, with the same
threads. Peers need `pip install -r benchmarks/requirements.txt`. The last line is JSON.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np
import torch
from machine import describe
from sentence_transformers.util import dot_score, semantic_search
from usearch.index import MetricKind
from usearch.index import search as usearch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from space.index import PRECISIONS, TorchIndex  # noqa: E402

Rows = np.ndarray
Search = Callable[[np.ndarray], Rows]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 32, 128])
    parser.add_argument("--vectors", help=".npy of (n, d) unit vectors in place of random ones, repeated up to --rows")
    parser.add_argument("--lean", action="store_true", help="float16 alone, without peers that copy float32 (memory)")
    given = parser.parse_args()
    rows = catalogue(given)
    queries = near(rows, max(given.batches))
    faiss.omp_set_num_threads(torch.get_num_threads())
    indexes = {
        precision: TorchIndex(torch.from_numpy(rows), precision=precision, device="cpu")
        for precision in (("float16",) if given.lean else PRECISIONS)
    }
    reads = floors(rows)
    contestants = ours(indexes, given.k) | peers(rows, given.k, given.lean)
    result = {"benchmark": "topk", "rows": len(rows), "dim": rows.shape[1], "k": given.k, "rounds": given.rounds}
    result["vectors"] = "given" if given.vectors else "random unit vectors"
    result["threads"] = torch.get_num_threads()
    result["batches"] = {}
    for batch in given.batches:
        asked = queries[:batch]
        truth = exact(rows, asked, given.k)
        recall = {name: overlap(search(asked), truth) for name, search in contestants.items()}
        runs: dict[str, Callable[[], object]] = {
            name: (lambda search=search, asked=asked: search(asked)) for name, search in contestants.items()
        }
        took = medians(runs | reads, given.rounds)
        result["batches"][batch] = figures(took, recall, set(reads))
        print(batch, json.dumps(result["batches"][batch], indent=1))
    result["masks"] = masks(indexes["float16"], queries, given)
    result["machine"] = describe() | {"faiss": faiss.__version__, "numpy": np.__version__}
    print(json.dumps(result))


def catalogue(given: argparse.Namespace) -> np.ndarray:
    """(n, d) float32 of unit norm."""
    if given.vectors:
        rows = np.load(given.vectors).astype(np.float32)
        rows = np.resize(rows, (given.rows, rows.shape[1]))  # repeats; the noise keeps the repeats apart
        rows += np.random.default_rng(1).normal(scale=0.01, size=rows.shape).astype(np.float32)
    else:
        rows = np.random.default_rng(0).standard_normal((given.rows, given.dim), dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def near(rows: np.ndarray, number: int) -> np.ndarray:
    """(number, d) float32 unit vectors, each in the neighbourhood of a row, as a query is of what it looks for."""
    rng = np.random.default_rng(2)
    queries = rows[rng.integers(0, len(rows), number)]
    queries = queries + rng.standard_normal(queries.shape, dtype=np.float32) * 1.5 / np.sqrt(rows.shape[1])
    return (queries / np.linalg.norm(queries, axis=1, keepdims=True)).astype(np.float32)


def ours(indexes: dict[str, TorchIndex], k: int) -> dict[str, Search]:
    """One for each precision."""
    return {
        f"ours {precision}": lambda asked, index=index: index.search(torch.from_numpy(asked), k)[1].numpy()
        for precision, index in indexes.items()
    }


def peers(rows: np.ndarray, k: int, lean: bool) -> dict[str, Search]:
    """What others offer for exact search over the same vectors."""
    kinds = {"fp16": faiss.ScalarQuantizer.QT_fp16, "8 bit": faiss.ScalarQuantizer.QT_8bit}
    found: dict[str, Search] = {}
    stores = {f"FAISS SQ {name}": faiss.IndexScalarQuantizer(rows.shape[1], kind, 0) for name, kind in kinds.items()}
    if not lean:
        stores["FAISS flat"] = faiss.IndexFlatIP(rows.shape[1])
    for name, store in stores.items():
        store.train(rows[:100_000])
        store.add(rows)
        found[name] = lambda asked, store=store: store.search(asked, k)[1]
    half, tensor, threads = rows.astype(np.float16), torch.from_numpy(rows), torch.get_num_threads()
    largest = np.abs(rows).max()
    codes = (rows * (127 / largest)).round().astype(np.int8)

    def exactly(kept: np.ndarray, asked: np.ndarray) -> Rows:
        return usearch(kept, asked, k, MetricKind.IP, exact=True, threads=threads).keys.reshape(len(asked), -1)

    found["USearch f32"] = lambda asked: exactly(rows, asked)
    found["USearch f16"] = lambda asked: exactly(half, asked.astype(np.float16))
    found["USearch i8"] = lambda asked: exactly(codes, (asked * (127 / np.abs(asked).max())).round().astype(np.int8))
    found["numpy"] = lambda asked: by_numpy(rows, asked, k)
    found["semantic_search"] = lambda asked: ids(
        semantic_search(torch.from_numpy(asked), tensor, top_k=k, score_function=dot_score)
    )
    return found


def ids(hits: list[list[dict]]) -> Rows:
    """(q, k) of what ``semantic_search`` returns."""
    return np.array([[hit["corpus_id"] for hit in row] for row in hits])


def by_numpy(rows: np.ndarray, asked: np.ndarray, k: int) -> Rows:
    """A product, then a partition."""
    scores = asked @ rows.T
    best = np.argpartition(scores, -k, axis=1)[:, -k:]
    order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
    return np.take_along_axis(best, order, axis=1)


def exact(rows: np.ndarray, asked: np.ndarray, k: int) -> Rows:
    """The float32 answer, in parts that fit in memory."""
    return np.concatenate([by_numpy(rows, part, k) for part in np.array_split(asked, -(-len(asked) // 16))])


def overlap(found: Rows, truth: Rows) -> float:
    """recall@k against float32."""
    return float(np.mean([len(set(a.tolist()) & set(b.tolist())) / len(b) for a, b in zip(found, truth, strict=True)]))


def floors(rows: np.ndarray) -> dict[str, Callable[[], object]]:
    """Reading as many bytes as the rows have in each type."""
    sizes = {"read float32": 4, "read float16": 2, "read int8": 1}
    numbers = rows.size
    store = {name: torch.ones(numbers * size // 8, dtype=torch.int64) for name, size in sizes.items()}
    return {name: part.sum for name, part in store.items()}


def medians(runs: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Milliseconds of each, all of them once a round; the first round warms up.

    Threads of one library spin for a while after their work, in the way of the next: so each also runs once untimed.
    """
    took: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds + 1):
        for name, run in runs.items():
            run()
            begun = time.perf_counter()
            run()
            took[name].append(1000 * (time.perf_counter() - begun))
    return {name: float(np.median(values[1:])) for name, values in took.items()}


def figures(took: dict[str, float], recall: dict[str, float], reads: set[str]) -> dict[str, object]:
    """Milliseconds and recall, and the ratios that are claimed."""
    others = {name: ms for name, ms in took.items() if name not in reads and not name.startswith("ours")}
    best = min(others, key=others.__getitem__)
    return {
        "ms": {name: round(ms, 2) for name, ms in took.items()},
        "recall": {name: round(value, 4) for name, value in recall.items()},
        "best_peer": best,
        "times_as_fast_as_best_peer": {
            name: round(others[best] / ms, 2) for name, ms in took.items() if name.startswith("ours")
        },
        "times_the_reading_of": {
            f"{name}: {read}": round(took[name] / took[read], 2)
            for name in took
            if name.startswith("ours")
            for read in (f"read {name.removeprefix('ours ')}", "read int8")
        },
    }


def masks(index: TorchIndex, queries: np.ndarray, given: argparse.Namespace) -> dict[str, dict[str, float]]:
    """What a filter costs, as a multiple of the search without one, by the share of rows it leaves."""
    found: dict[str, dict[str, float]] = {}
    for batch in given.batches:
        asked = torch.from_numpy(queries[:batch])
        runs: dict[str, Callable[[], object]] = {"none": lambda asked=asked: index.search(asked, given.k)}
        for share in (0.9, 0.5, 0.2, 0.1, 0.01):
            mask = torch.from_numpy(np.random.default_rng(3).random(len(index)) < share)
            runs[str(share)] = lambda asked=asked, mask=mask: index.search(asked, given.k, mask)
        took = medians(runs, given.rounds)
        found[str(batch)] = {name: round(ms / took["none"], 2) for name, ms in took.items()}
    return found


if __name__ == "__main__":
    main()
