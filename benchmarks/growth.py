"""What one query costs as a catalogue grows: ours beside the fastest peers and beside reading the codes.

python benchmarks/growth.py [--largest 5000000] [--dataset ../shared/esci] [--plot docs/images/topk_growth.png]

Four sizes: the largest, and .2432, .02 and .002 of it, which by default are 5 million, the us locale's 1.2 million, a
hundred thousand and ten thousand. "ours" is what the app runs, over the float16 rows of a store; the peers keep
float16 too, so all give the same answer. The rows are the "repeated" ones of vectors.py. Figures are medians over
rounds in which each contestant runs once. At 5 million it takes 12 GB of memory. Peers need
`pip install -r benchmarks/requirements.txt`. The last line is JSON.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
import vectors
from machine import describe
from matplotlib.figure import Figure
from peers import by_faiss, by_usearch
from rounds import medians
from topk import as_in_the_app, asks, floors, overlap, turns

SHARES = (1.0, 0.2432, 0.02, 0.002)
K, QUERIES = 10, 32
COLOURS = {"ours": "C0", "FAISS SQ fp16": "C1", "USearch f16": "C2"}


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--largest", type=int, default=5_000_000)
    parser.add_argument("--dataset", default="sample", help="its products and queries are encoded")
    parser.add_argument("--products", type=int, default=10_000, help="encoded at most, then repeated with noise")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--plot", type=Path, help="file for a picture")
    given = parser.parse_args()
    few, queries = vectors.encoded(given.dataset, given.products, QUERIES)
    rows = np.empty((given.largest, few.shape[1]), np.float16)
    done = 0
    for part in vectors.repeated(few, given.largest):
        rows[done : done + len(part)] = part
        done += len(part)
    result: dict[str, Any] = {"benchmark": "growth", "k": K, "rounds": given.rounds, "dim": rows.shape[1]}
    result |= {"vectors": given.dataset, "threads": torch.get_num_threads(), "sizes": {}}
    for share in SHARES:
        size = max(1, round(given.largest * share))
        result["sizes"][size] = at(rows[:size], queries, given.rounds)
        print(size, json.dumps(result["sizes"][size]), flush=True)
    if given.plot:
        plot(result["sizes"], given.plot)
    print(json.dumps(result | {"machine": describe()}))


def at(rows: np.ndarray, queries: np.ndarray, rounds: int) -> dict[str, Any]:
    """Milliseconds of one query, and how much of USearch's answer the others find: USearch scores every row."""
    index = as_in_the_app(rows)
    contestants = {
        "ours": asks(index, K),
        "FAISS SQ fp16": by_faiss(rows, "FAISS SQ fp16", K),
        "USearch f16": by_usearch(rows, K),
    }
    runs = {name: turns(search, queries, 1) for name, search in contestants.items()}
    took = medians(runs | floors(index), rounds)
    same = contestants["USearch f16"](queries)
    return {
        "ms": {name: round(ms, 3) for name, ms in took.items()},
        "shared_with_usearch": {name: overlap(search(queries), same) for name, search in contestants.items()},
        "times_as_fast_as_best_peer": round(min(took["FAISS SQ fp16"], took["USearch f16"]) / took["ours"], 2),
        "times_reading_codes": round(took["ours"] / took["read codes"], 2),
    }


def plot(sizes: dict[int, dict[str, Any]], path: Path) -> None:
    """Milliseconds over rows, both axes logarithmic, with the time for reading the codes as a floor."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    numbers = sorted(sizes)
    for name, colour in COLOURS.items():
        axes.plot(numbers, [sizes[number]["ms"][name] for number in numbers], label=name, color=colour, marker="o")
    reading = [sizes[number]["ms"]["read codes"] for number in numbers]
    axes.plot(numbers, reading, label="only reading the codes", color="0.4", linestyle="--")
    axes.set(xscale="log", yscale="log", xlabel="products", ylabel="milliseconds, one query", title="Exact top 10")
    axes.grid(True, which="major", alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
