"""What one comparison costs as a catalogue grows: time and memory of the app, and its search beside the fastest peers.

python benchmarks/growth.py [--largest 5000000] [--dataset ../shared/esci] [--folder KEEP]
    [--plot docs/images/growth.png]

Four sizes: the largest, and .2432, .02 and .002 of it, which by default are 5 million, the us locale's 1.2 million, a
hundred thousand and ten thousand. The vectors are the kind that is slowest to search, near-duplicates: see
"duplicates" in topk.py. Texts are made up from those of the data set, see made_up.py, and the queries are its real
ones. The encoders are the packaged E5 and the same with slightly other weights.

"comparison" is what the Compare tab does but for the browser: encode the query, search with base, tuned and BM25, and
render the cards. It runs in a process of its own for each size, started as app.py starts for the second time, when
the mapped files are there. "search" is the exact top 10 alone, over float16 rows; the peers keep float16 too, so all
give the same answer. Its figures are medians over rounds in which each contestant runs once.

The stores of all sizes take 26 GB of disk, and minutes to make: --only-prepare makes them in --folder, where later
runs find them. At 5 million it takes 12 GB of memory. Peers need `pip install -r benchmarks/requirements.txt`. The
last line is JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import made_up
import numpy as np
import torch
import vectors
from machine import describe, memory
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from peers import by_faiss, by_usearch
from rounds import medians, spread
from topk import as_in_the_app, asks, floors, overlap, turns

from space.data.passages import passages
from space.encoding.encoder import TextEncoder
from space.encoding.weights import PACKAGED, locate
from space.pipelines.inputs import open_judged

SHARES = (1.0, 0.2432, 0.02, 0.002)
#: ``COMPARED`` of the queries show whether all find the same; at 5 million a peer takes half a second for one.
K, QUERIES, COMPARED = 10, 64, 8
COLOURS = {"ours": "C0", "FAISS SQ fp16": "C1", "USearch f16": "C2"}


def main() -> None:
    """Prepare, measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--largest", type=int, default=5_000_000)
    parser.add_argument("--dataset", default="sample", help="its products and queries are encoded")
    parser.add_argument("--products", type=int, default=1_000, help="encoded at most, then repeated with little noise")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--folder", type=Path, help="keep the stores here, and use them again if they are there")
    parser.add_argument("--only-prepare", action="store_true", help="make the stores in --folder, measure nothing")
    parser.add_argument("--plot", type=Path, help="file for a picture")
    parser.add_argument("--make", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--ask", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--begun", type=float, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.make:
        make(given, given.make)
    elif given.ask:
        print(json.dumps(ask(given, given.ask)))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            given.folder = given.folder or Path(temporary)
            run(given)


def run(given: argparse.Namespace) -> None:
    """Make the stores that are missing, then measure each size."""
    sizes = [max(1, round(given.largest * share)) for share in SHARES]
    for size in sizes:
        if not (given.folder / f"{size}.made").exists():
            itself(given, "--make", size)
            itself(given, "--ask", size)  # the first start writes the mapped files
            (given.folder / f"{size}.made").touch()
    if given.only_prepare:
        return
    result: dict[str, Any] = {"benchmark": "growth", "k": K, "rounds": given.rounds}
    result |= {"vectors": "duplicates", "dataset": Path(given.dataset).name, "threads": torch.get_num_threads()}
    result["sizes"] = {size: {"comparison": itself(given, "--ask", size)} for size in sizes}
    few, queries = vectors.encoded(given.dataset, given.products, QUERIES)
    rows = np.empty((given.largest, few.shape[1]), np.float16)
    done = 0
    for part in vectors.repeated(few, given.largest, vectors.SLIGHT):
        rows[done : done + len(part)] = part
        done += len(part)
    for size, figures in result["sizes"].items():
        figures["search"] = search(rows[:size], queries, given.rounds)
        print(size, json.dumps(figures, indent=1), flush=True)
    result["machine"] = describe()
    if given.plot:
        plot(result["sizes"], float(result["machine"]["memory_gb"]), given.plot)
    print(json.dumps(result))


def itself(given: argparse.Namespace, step: str, size: int) -> dict[str, Any]:
    """Run a step in a new process, which gives its memory back, and return what it prints."""
    words = [sys.executable, __file__, "--folder", str(given.folder), "--dataset", given.dataset, step, str(size)]
    words += ["--products", str(given.products), "--begun", str(time.time())]
    path = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True, env=path)
    return json.loads(done.stdout.splitlines()[-1]) if done.stdout else {}


def make(given: argparse.Namespace, size: int) -> None:
    """Write the store of a size, and the second encoder if it is not there yet."""
    tuned = given.folder / "tuned"
    if not tuned.exists():
        encoder = TextEncoder(locate(PACKAGED), device="cpu", training=True)
        torch.manual_seed(0)
        with torch.no_grad():
            for weights in encoder.model.parameters():
                weights.mul_(1 + 1e-3 * torch.randn_like(weights))
        given.folder.mkdir(parents=True, exist_ok=True)
        encoder.model.save_pretrained(str(tuned), create_model_card=False)
    encoders: dict[str, Path | str] = {"base": PACKAGED, "tuned": tuned}
    rows = {}
    for part, model in encoders.items():
        few, _ = vectors.encoded(given.dataset, given.products, QUERIES, str(model))
        rows[part] = vectors.repeated(few, size, vectors.SLIGHT)
    real = passages(open_judged(given.dataset, ["us"]).catalogue)
    made_up.store(given.folder / str(size), size, encoders, made_up.texts(real, size), rows)


def ask(given: argparse.Namespace, size: int) -> dict[str, Any]:
    """Start the app's engine, ask it real queries, and return times and memory."""
    from space.io.memory import uncollected

    with uncollected():  # as app.py does
        from space.search.loading import load_engine
        from space.ui.html.comparison import comparison

    engine = load_engine(
        str(given.folder / str(size)), {"base": PACKAGED, "tuned": str(given.folder / "tuned")}, offline=True
    )
    judged = open_judged(given.dataset, ["us"])
    queries = sorted({*judged.train["query"], *judged.test["query"]})
    queries = [queries[place * len(queries) // QUERIES] for place in range(QUERIES)]
    comparison(engine.compare("the first visitor's query", K))
    found: dict[str, Any] = {"start_seconds": round(time.time() - given.begun, 1)}
    stages: dict[str, list[float]] = {}
    for query in queries:
        begun = time.perf_counter()
        answer = engine.compare(query, K)
        comparison(answer)
        total = 1e3 * (time.perf_counter() - begun)
        timings = {name: result.timings_ms for name, result in answer.systems.items()}
        spent = {"total": total, "encode": sum(one["encode"] for one in timings.values())}
        spent |= {f"search {name}": one["search"] for name, one in timings.items()}
        for stage, value in spent.items():
            stages.setdefault(stage, []).append(value)
    codes = medians({"codes": floors(engine.systems["tuned"].index)["read codes"]}, 9)["codes"]
    return found | {
        "ms": {stage: spread(values) for stage, values in stages.items()},
        "read_both_codes_ms": round(2 * codes, 3),
        "memory_mb": memory(),
    }


def search(rows: np.ndarray, queries: np.ndarray, rounds: int) -> dict[str, Any]:
    """Milliseconds of one query, and how much of USearch's answer the others find: USearch scores every row."""
    index = as_in_the_app(rows)
    contestants = {
        "ours": asks(index, K),
        "FAISS SQ fp16": by_faiss(rows, "FAISS SQ fp16", K),
        "USearch f16": by_usearch(rows, K),
    }
    runs = {name: turns(search, queries, 1) for name, search in contestants.items()}
    took = medians(runs | floors(index), rounds)
    few = queries[:COMPARED]
    same = contestants["USearch f16"](few)
    return {
        "ms": {name: round(ms, 3) for name, ms in took.items()},
        "shared_with_usearch": {name: overlap(search(few), same) for name, search in contestants.items()},
        "times_as_fast_as_best_peer": round(min(took["FAISS SQ fp16"], took["USearch f16"]) / took["ours"], 2),
        "times_reading_codes": round(took["ours"] / took["read codes"], 2),
    }


def plot(sizes: dict[int, dict[str, Any]], memory_gb: float, path: Path) -> None:
    """Three pictures over rows, all axes logarithmic: a comparison, its search, and memory, with their limits."""
    figure = Figure(figsize=(12, 4), layout="constrained")
    compared, searched, held = figure.subplots(1, 3)
    numbers = sorted(sizes)
    whole = [sizes[number]["comparison"] for number in numbers]
    alone = [sizes[number]["search"]["ms"] for number in numbers]
    for share, style in (("median", "-"), ("p95", ":")):
        compared.plot(
            numbers, [one["ms"]["total"][share] for one in whole], style, label=share, color="C0", marker="o"
        )
    limit(compared, numbers, [one["read_both_codes_ms"] for one in whole], "limit: reading the codes of both encoders")
    for name, colour in COLOURS.items():
        searched.plot(numbers, [one[name] for one in alone], label=name, color=colour, marker="o")
    limit(searched, numbers, [one["read codes"] for one in alone], "limit: reading the codes")
    for kind, colour, said in (("own", "C0", "process"), ("peak", "C1", "at the peak, with mapped files")):
        held.plot(numbers, [one["memory_mb"][kind] / 1e3 for one in whole], label=said, color=colour, marker="o")
    limit(held, numbers, [memory_gb] * len(numbers), "limit: memory of the machine")
    titles = ("One comparison, base, tuned and BM25", "Exact top 10, one encoder", "Memory of the app")
    for axes, title, unit in zip((compared, searched, held), titles, ("ms", "ms", "GB"), strict=True):
        axes.set(xscale="log", yscale="log", xlabel="products", ylabel=unit, title=title)
        axes.grid(True, which="major", alpha=0.3)
        axes.legend(fontsize="small")
    figure.savefig(path, dpi=100)


def limit(axes: Axes, numbers: list[int], values: list[float], label: str) -> None:
    """A dashed line."""
    axes.plot(numbers, values, "--", label=label, color="0.4")


if __name__ == "__main__":
    main()
