"""From how many rows on int8 codes beat one float32 product: both ways of our index on small catalogues.

python benchmarks/small.py [--sizes 1000 2000 4000 8000 16000 32000 100000] [--dataset ../shared/esci]

"codes" and "product" are the two ways of ``TorchIndex``, which takes the faster one by the number of rows; both give
the same answer. Peers: FAISS and numpy. Vectors: random ones, and E5 vectors of products repeated with noise, with
real queries. Each contestant has one thread, and figures are medians of the processor time: a small search with
several threads mostly waits for them when the machine is busy. Peers need
`pip install -r benchmarks/requirements.txt`. The last line is JSON.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any
from unittest import mock

import faiss
import numpy as np
import vectors
from machine import describe
from peers import KINDS, every
from rounds import medians, one_core
from topk import as_in_the_app, asks, joined, turns

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from space.index import torch_index  # noqa: E402

K, QUERIES, BATCHES = 10, 32, (1, 8, 32)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 100_000])
    parser.add_argument("--dataset", default="sample", help="its products and queries are encoded")
    parser.add_argument("--products", type=int, default=10_000, help="encoded at most, then repeated with noise")
    parser.add_argument("--rounds", type=int, default=31)
    given = parser.parse_args()
    few, asked = vectors.encoded(given.dataset, given.products, QUERIES)
    result: dict[str, Any] = {"benchmark": "small", "k": K, "rounds": given.rounds, "threads": 1, "clock": "processor"}
    result |= {"dataset": Path(given.dataset).name, "coded_from": torch_index._FEW, "ms": {"e5": {}, "random": {}}}
    for size in given.sizes:
        kinds = {
            "e5": (vectors.repeated(few, size), asked),
            "random": (vectors.random(size, few.shape[1]), next(vectors.random(QUERIES, few.shape[1], seed=3))),
        }
        for kind, (parts, queries) in kinds.items():
            with one_core():
                result["ms"][kind][size] = at(joined(parts, size), queries, given.rounds)
            print(size, kind, result["ms"][kind][size], flush=True)
    print(json.dumps(result | {"machine": describe() | {"faiss": faiss.__version__, "numpy": np.__version__}}))


def at(rows: np.ndarray, queries: np.ndarray, rounds: int) -> dict[int, dict[str, float]]:
    """{batch: {contestant: milliseconds}}."""
    contestants = {}
    for name, coded_from in (("codes", 0), ("product", len(rows) + 1)):
        with mock.patch.object(torch_index, "_FEW", coded_from):
            contestants[name] = asks(as_in_the_app(rows), K)
    if not np.array_equal(contestants["codes"](queries), contestants["product"](queries)):
        sys.exit("the two ways give different answers")
    contestants |= every(rows, K, [*KINDS, "numpy"])
    found = {}
    for batch in BATCHES:
        runs = {name: turns(search, queries, batch) for name, search in contestants.items()}
        found[batch] = {name: round(ms, 3) for name, ms in medians(runs, rounds, clock=time.thread_time).items()}
    return found


if __name__ == "__main__":
    main()
