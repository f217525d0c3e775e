"""How fast the exact top k is on a CPU: ours beside FAISS, USearch, numpy and sentence-transformers.

python benchmarks/topk.py [--rows 1215854] [--dataset ../shared/esci] [--tuned MODEL] [--k 10] [--rounds 9]
    [--kinds e5 random duplicates] [--peers NAME ...] [--add-to benchmarks/results/topk.json]

"ours" is what the app runs: float16 rows as a store has them, searched by int8 codes. Kinds of vectors:

e5          the products of a data set by the packaged E5, repeated with noise, and its real queries
tuned       the same by the encoder --tuned, a folder
duplicates  a tenth of the E5 products, each repeated a thousand times with so little noise that the cosines are .998
random      rows and queries in random directions
near        the same rows, and queries close to one of them

Each round runs each contestant once, and figures are medians over rounds. The time that reading the codes takes is
measured beside them. Recall is against the float32 answer: it compares with the peers that find at least as much as
ours, and with the fastest of all. On a machine that is busy with other work, --one-core gives each contestant one
thread and counts the processor's time, not the clock's. Kinds may be measured in several runs, which --add-to collects
in one file. Peers need `pip install -r benchmarks/requirements.txt`. The last line is JSON.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import torch
import vectors
from machine import Counters, describe, load_since
from peers import NAMES, Rows, Search, by_numpy, every
from rounds import medians, one_core

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from space.index.torch_index import TorchIndex  # noqa: E402

#: Shares of the rows that masks leave.
SHARES = (0.9, 0.5, 0.1, 0.01)
#: Larger batches run for seconds: fewer rounds suffice.
SMALL = 8
KINDS = ("e5", "tuned", "duplicates", "random", "near")
#: Of multilingual-e5-small.
DIM = 384


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_215_854, help="as many as the us locale has")
    parser.add_argument("--dataset", default="sample", help="its products and queries are encoded")
    parser.add_argument("--products", type=int, default=10_000, help="encoded at most, then repeated with noise")
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=9, help="for batches of more than 8 a third of that")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=["e5", "duplicates", "random", "near"])
    parser.add_argument("--tuned", help="the encoder of kind tuned: a folder")
    parser.add_argument("--peers", nargs="*", choices=NAMES, default=NAMES, help="they take 5 GB at the default size")
    parser.add_argument("--no-masks", action="store_true", help="do not measure searches with a filter")
    parser.add_argument("--one-core", action="store_true", help="one thread each, and the time that it computes")
    parser.add_argument("--add-to", type=Path, help="keep the other kinds that this result has, and write it")
    given = parser.parse_args()
    if ("tuned" in given.kinds) != bool(given.tuned):
        parser.error("--kinds tuned and --tuned MODEL go together")
    result: dict[str, Any] = {"benchmark": "topk", "k": given.k, "rounds": given.rounds, "dataset": given.dataset}
    result["vectors"] = {}
    with one_core() if given.one_core else nullcontext():
        result |= {"threads": torch.get_num_threads(), "clock": "processor" if given.one_core else "wall"}
        measure_all(result, given)
    result["machine"] = describe() | {"faiss": faiss.__version__, "numpy": np.__version__}
    if given.add_to:
        added(result, given.add_to)
    print(json.dumps(result))


def measure_all(result: dict[str, Any], given: argparse.Namespace) -> None:
    """Add the figures of each kind of vectors to the result."""
    for rows, queries_by_name in made(given):
        begun = time.perf_counter()
        index = as_in_the_app(rows)
        result |= {"rows": len(index), "dim": index.dim, "coding_seconds": round(time.perf_counter() - begun, 2)}
        contestants = {"ours": asks(index, given.k)} | every(rows, given.k, given.peers)
        for name, queries in queries_by_name.items():
            before = Counters.now()
            result["vectors"][name] = measured(index, contestants, queries, exact(rows, queries, given.k), given)
            result["vectors"][name] |= {"rounds": given.rounds} | load_since(before)
            print(name, json.dumps(result["vectors"][name], indent=1), flush=True)
        del index, contestants, rows  # before the next kind is made


def added(result: dict[str, Any], path: Path) -> None:
    """Write a result, with the kinds of an earlier one of the same size that it lacks itself."""
    before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if all(before.get(name) == result[name] for name in ("rows", "dim", "k", "threads", "clock")):
        result["vectors"] = before["vectors"] | result["vectors"]
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def made(given: argparse.Namespace) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """(rows (n, d), {name of a set: queries (q, d)}), float32 of unit norm."""
    number = max(given.batches)
    for kind, model in (("e5", vectors.PACKAGED), ("tuned", given.tuned)):
        if kind in given.kinds:
            few, queries = vectors.encoded(given.dataset, given.products, number, model)
            yield joined(vectors.repeated(few, given.rows), given.rows), {kind: queries}
    if "duplicates" in given.kinds:
        few, queries = vectors.encoded(given.dataset, given.products, number)
        yield joined(vectors.repeated(few[::10], given.rows, vectors.SLIGHT), given.rows), {"duplicates": queries}
    if {"random", "near"} & set(given.kinds):
        rows = joined(vectors.random(given.rows, DIM), given.rows)
        asked = {"random": next(vectors.random(number, DIM, seed=3)), "near": vectors.near(rows, number)}
        yield rows, {kind: queries for kind, queries in asked.items() if kind in given.kinds}


def joined(parts: Iterator[np.ndarray], number: int) -> np.ndarray:
    """(number, d) float32, filled part by part, since both together would take twice the memory."""
    rows = np.empty((number, DIM), np.float32)
    done = 0
    for part in parts:
        rows[done : done + len(part)] = part
        done += len(part)
    return rows


def measured(
    index: TorchIndex, contestants: Mapping[str, Search], queries: np.ndarray, truth: Rows, given: argparse.Namespace
) -> dict[str, Any]:
    """Recall, and for each batch size the times, what they are compared with, and what masks cost."""
    recall = {name: round(overlap(search(queries), truth), 4) for name, search in contestants.items()}
    found: dict[str, Any] = {"recall": recall, "batches": {}, "masks": {}}
    for batch in (size for size in given.batches if size <= len(queries)):
        rounds = given.rounds if batch <= SMALL else max(2, given.rounds // 3)
        # Each round asks other queries, but the same of each contestant.
        runs = {name: turns(search, queries, batch) for name, search in contestants.items()}
        took = medians(runs | floors(index), rounds, twice=batch <= SMALL, clock=clock_of(given))
        found["batches"][batch] = figures(took, recall)
        if not given.no_masks:
            found["masks"][batch] = masks(index, queries, batch, rounds, given)
    return found


def as_in_the_app(rows: np.ndarray) -> TorchIndex:
    """Ours over (n, d) rows, which a store keeps as float16."""
    return TorchIndex(torch.from_numpy(rows.astype(np.float16, copy=False)), precision="int8", device="cpu")


def asks(index: TorchIndex, k: int) -> Search:
    """Our search, called as a peer's is."""
    return lambda asked: index.search(torch.from_numpy(asked), k)[1].numpy()


def turns(search: Search, queries: np.ndarray, batch: int) -> Callable[[], object]:
    """Another batch of the queries at each call, so that the figure is not that of one lucky query."""
    number = max(1, len(queries) // batch)
    place = iter(range(1 << 62))
    return lambda: search(queries[next(place) % number * batch :][:batch])


def exact(rows: np.ndarray, asked: np.ndarray, k: int) -> Rows:
    """The float32 answer, in parts that fit in memory."""
    return np.concatenate([by_numpy(rows, part, k) for part in np.array_split(asked, -(-len(asked) // 16))])


def overlap(found: Rows, truth: Rows) -> float:
    """recall@k against float32."""
    return float(np.mean([len(set(a.tolist()) & set(b.tolist())) / len(b) for a, b in zip(found, truth, strict=True)]))


def floors(index: TorchIndex) -> dict[str, Callable[[], object]]:
    """Reading as many bytes as all codes and all float16 rows have: a sum over them, which does nothing else."""
    codes = torch.ones(len(index) * index.dim // 8, dtype=torch.int64)  # torch sorts those of the index its own way
    rows = index._rows.view(-1).view(torch.int64)
    return {"read codes": codes.sum, "read float16 rows": rows.sum}


def figures(took: Mapping[str, float], recall: Mapping[str, float]) -> dict[str, Any]:
    """Milliseconds, and the ratios that are claimed."""
    ours = took["ours"]
    found: dict[str, Any] = {
        "ms": {name: round(ms, 2) for name, ms in took.items()},
        "times the reading of codes": _ratio(ours, took["read codes"]),
    }
    for name, least in (("fastest peer that finds as much", recall["ours"]), ("fastest peer", 0.0)):
        able = [peer for peer in recall if peer != "ours" and recall[peer] >= least]
        if able:
            best = min(able, key=took.__getitem__)
            found[name] = {"name": best, "ours is times as fast": _ratio(took[best], ours)}
    return found


def masks(
    index: TorchIndex, queries: np.ndarray, batch: int, rounds: int, given: argparse.Namespace
) -> dict[str, float]:
    """{share of the rows that a mask leaves: time of a search with it over one without}."""
    runs = {"none": turns(asks(index, given.k), queries, batch)}
    for share in SHARES:
        mask = torch.from_numpy(np.random.default_rng(3).random(len(index)) < share)
        masked = lambda asked, mask=mask: index.search(torch.from_numpy(asked), given.k, mask)  # noqa: E731
        runs[str(share)] = turns(masked, queries, batch)
    took = medians(runs, rounds, twice=batch <= SMALL, clock=clock_of(given))
    return {name: _ratio(ms, took["none"]) for name, ms in took.items() if name != "none"}


def clock_of(given: argparse.Namespace) -> Callable[[], float]:
    """The clock that the flags ask for."""
    return time.thread_time if given.one_core else time.perf_counter


def _ratio(one: float, other: float) -> float:
    return round(one / other, 2)


if __name__ == "__main__":
    main()
