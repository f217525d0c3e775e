"""How fast the exact top k is: ours beside FAISS, USearch, numpy and sentence-transformers, over the same vectors.

python benchmarks/topk.py [--rows 1215854] [--dataset ../shared/esci] [--k 10] [--rounds 9] [--random] [--only-ours]

Vectors are those of a data set's products and queries, see vectors.py. Every round runs every contestant once; the
figures are medians over the rounds. What reading the codes costs is measured beside, with the same threads: a sum over
the codes of the index as int64. A peer is the yardstick where at least .999 of the float32 answer is in its own; the
fastest of all is named too. Peers need `pip install -r benchmarks/requirements.txt`. The last line is JSON.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import torch
import vectors
from machine import describe
from peers import Rows, Search, by_numpy, every
from rounds import medians

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from space.index.codes import Codes  # noqa: E402
from space.index.torch_index import PRECISIONS, TorchIndex  # noqa: E402

#: Share of the float32 answer that makes a peer's answer exact to the eye.
RECALL = 0.999
#: Of the rows, that a mask leaves.
SHARES = (0.9, 0.5, 0.1, 0.01)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_215_854, help="as the us locale has")
    parser.add_argument("--dataset", default="sample", help="whose products and queries are encoded")
    parser.add_argument("--products", type=int, default=10_000, help="encoded at most, then repeated with noise")
    parser.add_argument("--random", action="store_true", help="random unit vectors in place of them: the worst case")
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=9, help="for batches of more than 8 a third of that")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 32, 128])
    parser.add_argument("--only-ours", action="store_true", help="no peers (memory)")
    given = parser.parse_args()
    rows, queries = made(given)
    indexes = {precision: index(rows, precision) for precision in PRECISIONS}
    contestants = {f"ours {precision}": asks(index, given.k) for precision, index in indexes.items()}
    contestants["ours int8, codes alone"] = asks(index(rows, "int8", halved=False), given.k)
    if not given.only_ours:
        contestants |= every(rows, given.k)
    reads = floors(indexes["float16"])
    truth = exact(rows, queries, given.k)
    recall = {name: overlap(search(queries), truth) for name, search in contestants.items()}
    print("recall", recall, flush=True)
    coding = coded(indexes["float16"])
    print("coding", coding, flush=True)
    result = {"benchmark": "topk", "rows": len(rows), "dim": rows.shape[1], "k": given.k, "rounds": given.rounds}
    result["vectors"] = "random" if given.random else f"{given.dataset}, {given.products} products at most"
    result |= {"threads": torch.get_num_threads(), "coding": coding, "recall": {}, "batches": {}}
    for batch in given.batches:
        # A single query is many: each round asks another one, but all contestants the same.
        runs = {name: turns(search, queries, batch) for name, search in contestants.items()}
        took = medians(runs | reads, rounds_of(given, batch), twice=batch <= 8)
        result["batches"][batch] = figures(took, recall, set(reads))
        print(batch, json.dumps(result["batches"][batch], indent=1), flush=True)
    result["recall"] = {name: round(value, 4) for name, value in recall.items()}
    result["masks"] = masks(indexes["float16"], queries, given)
    result["machine"] = describe() | {"faiss": faiss.__version__, "numpy": np.__version__}
    print(json.dumps(result))


def made(given: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """(rows, d) and (batch, d) float32 of unit norm."""
    number = max(given.batches)
    if given.random:
        rows = np.concatenate(list(vectors.random(given.rows, 384)))
        return rows, near(rows, number)
    few, queries = vectors.encoded(given.dataset, given.products, number)
    return np.concatenate(list(vectors.repeated(few, given.rows))), queries


def near(rows: np.ndarray, number: int) -> np.ndarray:
    """(number, d) float32 unit vectors, each in the neighbourhood of a row, as a query is of what it looks for."""
    rng = np.random.default_rng(2)
    queries = rows[rng.integers(0, len(rows), number)]
    queries = queries + rng.standard_normal(queries.shape, dtype=np.float32) * 1.5 / np.sqrt(rows.shape[1])
    return (queries / np.linalg.norm(queries, axis=1, keepdims=True)).astype(np.float32)


def coded(index: TorchIndex) -> dict[str, float]:
    """Seconds to code the rows of an index again, and bytes a row that it keeps."""
    found = {}
    for name, halved in (("codes alone", False), ("codes and nibbles", True)):
        begun = time.perf_counter()
        codes = Codes(index._rows, torch.device("cpu"), halved=halved)
        found[f"{name}, seconds"] = round(time.perf_counter() - begun, 2)
        kept = [*vars(codes).values(), *(vars(codes.nibbles).values() if codes.nibbles else ())]
        found[f"{name}, bytes a row"] = sum(part.nbytes for part in kept if torch.is_tensor(part)) // len(index)
    return found


def index(rows: np.ndarray, precision: str, **how: bool) -> TorchIndex:
    """Ours, on the processor."""
    return TorchIndex(torch.from_numpy(rows), precision=precision, device="cpu", **how)


def asks(index: TorchIndex, k: int) -> Search:
    """Our search as a peer's is called."""
    return lambda asked: index.search(torch.from_numpy(asked), k)[1].numpy()


def turns(search: Search, queries: np.ndarray, batch: int) -> Callable[[], object]:
    """The batches of all queries in turn, so that the figure is not that of one lucky query."""
    number = max(1, len(queries) // batch)
    place = iter(range(1 << 62))
    return lambda: search(queries[next(place) % number * batch :][:batch])


def rounds_of(given: argparse.Namespace, batch: int) -> int:
    """Large batches take seconds, so that noise is a small part of them."""
    return given.rounds if batch <= 8 else max(2, given.rounds // 3)


def exact(rows: np.ndarray, asked: np.ndarray, k: int) -> Rows:
    """The float32 answer, in parts that fit in memory."""
    return np.concatenate([by_numpy(rows, part, k) for part in np.array_split(asked, -(-len(asked) // 16))])


def overlap(found: Rows, truth: Rows) -> float:
    """recall@k against float32."""
    return float(np.mean([len(set(a.tolist()) & set(b.tolist())) / len(b) for a, b in zip(found, truth, strict=True)]))


def floors(index: TorchIndex) -> dict[str, Callable[[], object]]:
    """Reading the codes, the nibbles, and the rows as float16: each its bytes, and nothing more."""
    codes = index._codes.codes.view(-1)
    sizes = {"read rows, 2 bytes": 2 * len(codes), "read codes, 1 byte": len(codes), "read nibbles": len(codes) // 2}
    rows = index._rows.view(-1).view(torch.int64)
    return {name: rows[: size // 8].sum for name, size in sizes.items()}


def figures(took: dict[str, float], recall: dict[str, float], reads: set[str]) -> dict[str, Any]:
    """Milliseconds and recall, and the ratios that are claimed."""
    others = {name: ms for name, ms in took.items() if name not in reads and not name.startswith("ours")}
    mine = {name: ms for name, ms in took.items() if name.startswith("ours")}
    found: dict[str, Any] = {
        "ms": {name: round(ms, 2) for name, ms in took.items()},
    }
    for name, least in (("best exact peer", RECALL), ("fastest peer of any recall", 0.0)):
        able = [other for other in others if recall[other] >= least]
        if able:
            best = min(able, key=others.__getitem__)
            found[name] = {
                "name": best,
                "ours is times as fast": {own: _ratio(others[best], mine[own]) for own in mine},
            }
    found["times the reading"] = {
        own: {read: _ratio(ms, took[read]) for read in sorted(reads)} for own, ms in mine.items()
    }
    return found


def masks(index: TorchIndex, queries: np.ndarray, given: argparse.Namespace) -> dict[str, dict[str, float]]:
    """What a filter costs, as a multiple of the search without one, by the share of rows it leaves."""
    found: dict[str, dict[str, float]] = {}
    for batch in given.batches:
        runs = {"none": turns(asks(index, given.k), queries, batch)}
        for share in SHARES:
            mask = torch.from_numpy(np.random.default_rng(3).random(len(index)) < share)
            masked = lambda asked, mask=mask: index.search(torch.from_numpy(asked), given.k, mask)  # noqa: E731
            runs[str(share)] = turns(masked, queries, batch)
        took = medians(runs, given.rounds if batch <= 8 else 2, twice=batch <= 8)
        found[str(batch)] = {name: _ratio(ms, took["none"]) for name, ms in took.items()}
    return found


def _ratio(one: float, other: float) -> float:
    return round(one / other, 2)


if __name__ == "__main__":
    main()
