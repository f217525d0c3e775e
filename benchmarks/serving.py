"""Start, memory and speed of serving two models over a catalogue of the real size, to one client and to 32.

python benchmarks/serving.py [--products 1215854] [--clients 32] [--queries 64] [--folder KEEP]

Store and models are made up (see made_up.py). Two processes run one after the other: the first prepares the files
beside the store, as the first start after a build does, and the second finds them. The seconds are those of the stages
after the imports; start.py measures a whole start. Clients are threads that call the engine, like those of Gradio. One
client and many get the same queries, all of them new. The last line is JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from machine import describe
from rounds import spread, timed

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
K = 10


def main() -> None:
    """Make the store, then start twice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", type=int, default=1_215_854, help="as the us locale has")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--queries", type=int, default=64, help="for each measurement")
    parser.add_argument("--folder", type=Path, help="keep the store here, and use it again if it is there")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(given)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        if not (folder / "artifacts" / "manifest.json").is_file():
            # In a process of its own, so that its memory is freed.
            code = f"import made_up, pathlib; made_up.make(pathlib.Path({str(folder)!r}), {given.products})"
            path = os.pathsep.join([str(ROOT), str(ROOT / "benchmarks")])
            subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": path}, check=True)
        result = {"benchmark": "serving", "models": "two of multilingual-e5-small's size, random weights"}
        for name in ("first_start", "later_start"):
            result[name] = start(given, folder)
            print(name, json.dumps(result[name], indent=1), flush=True)
    print(json.dumps(result | {"machine": describe()}))


def start(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The measurements of a new process."""
    words = [sys.executable, __file__, "--folder", str(folder), "--clients", str(given.clients)]
    words += ["--queries", str(given.queries), "--measure"]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def measure(given: argparse.Namespace) -> None:
    """Load the engine, ask it, and print times and memory."""
    from space.io.memory import uncollected

    with uncollected():  # as app.py does
        from space.retrieval.system import Stopwatch
        from space.search.loading import load_engine
        from space.ui.html.comparison import comparison
        from space.ui.page import build_demo

    folder, clock = given.folder, Stopwatch()
    engine = load_engine(
        str(folder / "artifacts"),
        {"base": str(folder / "e5-base"), "tuned": str(folder / "e5-tuned")},
        offline=True,
        clock=clock,
    )
    with clock.stage("page"):
        build_demo(engine)
    with clock.stage("answer"):
        comparison(engine.compare("the first visitor's query", K))
    texts = queries(engine, 4 * given.queries)
    found: dict[str, Any] = {"products": len(engine)}
    found["seconds"] = {name: round(spent / 1e3, 2) for name, spent in clock.milliseconds.items()}
    found["memory_mb"] = {"after_first_answer": memory()}
    part = [texts[place::4] for place in range(4)]
    found["one_query_ms"] = one_query(engine, part[0], comparison)
    found["bm25_ms"] = spread([1e3 * timed(lambda q=q: engine.search(q, K, "bm25")) for q in part[1]])
    found["clients"] = clients(engine, part[2] + part[3], given.clients)
    found["memory_mb"]["at_the_end"] = memory()
    print(json.dumps(found))


def queries(engine: Any, number: int) -> list[str]:
    """Queries of three to five words of a random title, so that words are as frequent as in titles."""
    rng = np.random.default_rng(7)
    rows = rng.permutation(len(engine))[:number]
    titles = engine.catalogue["product_title"].take(rows.tolist()).to_pylist()
    return [" ".join(rng.permutation(title.split())[: rng.integers(3, 6)]) for title in titles]


def one_query(engine: Any, texts: list[str], render: Callable[..., object]) -> dict[str, Any]:
    """The time of each stage of a comparison by both models, up to the rendered cards."""
    parts: dict[str, list[float]] = {}
    for text in texts:
        begun = time.perf_counter()
        found = engine.compare(text, K, ["base", "tuned"])
        searched = time.perf_counter()
        render(found)
        done = time.perf_counter()
        stages = {
            stage: sum(result.timings_ms[stage] for result in found.systems.values()) for stage in ("encode", "search")
        }
        stages["labels_and_products"] = 1e3 * (searched - begun) - sum(stages.values())
        stages["cards"] = 1e3 * (done - searched)
        stages["overhead"] = stages["labels_and_products"] + stages["cards"]
        stages["total"] = 1e3 * (done - begun)
        for stage, spent in stages.items():
            parts.setdefault(stage, []).append(spent)
    return {stage: spread(spent) for stage, spent in parts.items()}


def clients(engine: Any, texts: list[str], number: int) -> dict[str, Any]:
    """Queries per second of one client and of many, each asking again when answered, and whether answers agree."""

    def ask(text: str) -> tuple[float, list[tuple[str, float]]]:
        begun = time.perf_counter()
        hits = engine.search(text, K, "tuned").hits
        return time.perf_counter() - begun, [(hit.product_id, hit.score) for hit in hits]

    result: dict[str, Any] = {}
    told = {}
    for name, workers in (("one", 1), ("many", number)):
        with ThreadPoolExecutor(workers) as pool:
            begun = time.perf_counter()
            answers = list(pool.map(ask, texts))
            spent = time.perf_counter() - begun
        result[name] = {"clients": workers, "per_second": round(len(texts) / spent, 2)}
        result[name] |= spread([1e3 * seconds for seconds, _ in answers])
        told[name] = [hits for _, hits in answers]
    pairs = list(zip(told["one"], told["many"], strict=True))
    result["same_products"] = sum([key for key, _ in a] == [key for key, _ in b] for a, b in pairs) / len(pairs)
    result["largest_difference_of_scores"] = max(
        abs(left - right) for a, b in pairs for (_, left), (_, right) in zip(a, b, strict=True)
    )
    result["times_the_throughput"] = round(result["many"]["per_second"] / result["one"]["per_second"], 2)
    return result


def memory() -> dict[str, int]:
    """MB of this process: its own, of mapped files, and the peak of both."""
    names = {"RssAnon": "own", "RssFile": "mapped", "VmHWM": "peak"}
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    values = {line.partition(":")[0]: int(line.split()[1]) * 1024 // 10**6 for line in lines if line.endswith(" kB")}
    return {said: values[name] for name, said in names.items()}


if __name__ == "__main__":
    main()
