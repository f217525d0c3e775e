"""Training recipes for multilingual-e5-small compared on dev folds of the train queries, on one GPU.

python benchmarks/e5_data.py --dataset ../shared/esci --output runs/e5/data.npz      # where the project runs
python benchmarks/e5_study.py --data runs/e5/data.npz --output dev.jsonl --seconds 360     # where the GPU is
python benchmarks/e5_study.py --data runs/e5/data.npz --output test.jsonl --test NAME@SHARE ...

The us train queries with 10 judgments or more are dealt into five folds. The five models of a recipe and seed are
trained side by side, each without its own fold, and evaluated on it. First every recipe with seed 0; then seed 1 for
the better part of them, then seed 2 for the best. ``--test`` trains on all train queries with three seeds, and is for
what has been chosen. Each line written is one model at one share of the base's weights.
"""

import argparse
import json
import multiprocessing
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))

import e5_recipes
from e5_job import FULL, Bench, Recipe

FOLDS, SEEDS = range(5), (0, 1, 2)
#: How many of the recipes get a second and a third seed.
KEPT = (0.35, 0.15)
#: When no job of the first, second and third seed begins any more, as shares of --seconds.
ENDS = (0.65, 0.9, 1.0)
Job = tuple[str, Recipe | None, list[tuple[int, int]]]
_bench: Bench | None = None


def main() -> None:
    """Run until the time is over; every finished line is on the disk."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=360.0)
    parser.add_argument("--processes", type=int, default=5)
    parser.add_argument("--packed-attention", action="store_true", help="a faster kernel, not yet tried on a GPU")
    parser.add_argument("--grid", default="broad", choices=["broad", "fine"])
    parser.add_argument("--test", nargs="*", default=[], help="NAME@SHARE: train on all train queries, look at test")
    given = parser.parse_args()
    recipes: dict[str, Recipe] = getattr(e5_recipes, given.grid)()
    context = multiprocessing.get_context("spawn")
    with (
        context.Pool(given.processes, start, (given.data, given.packed_attention)) as pool,
        given.output.open("a") as output,
    ):
        if given.test:
            jobs: list[Job] = [("base", None, [(FULL, 0)])]
            for chosen in given.test:
                name, _, share = chosen.partition("@")
                recipe = replace(recipes[name], shares=(float(share),))
                jobs.append((name, recipe, [(FULL, seed) for seed in SEEDS]))
            collect(pool, jobs, output, given, time.monotonic() + given.seconds)
        else:
            rounds(pool, recipes, output, given)
        pool.terminate()


def rounds(pool: Any, recipes: dict[str, Recipe], output: Any, given: argparse.Namespace) -> None:
    """All recipes with the first seed, then fewer with each further one."""
    begun = time.monotonic()
    jobs: list[Job] = [("base", None, [(fold, 0) for fold in FOLDS])]
    jobs += [(name, recipe, [(fold, 0) for fold in FOLDS]) for name, recipe in recipes.items()]
    lines = collect(pool, jobs, output, given, begun + ENDS[0] * given.seconds)
    for seed, kept, end in zip(SEEDS[1:], KEPT, ENDS[1:], strict=True):
        scores = dict(best(lines))
        order = sorted((name for name in scores if name in recipes), key=lambda name: -scores[name])
        chosen = dict.fromkeys(order[: round(kept * len(order))]) | {"default": None}
        chosen |= dict.fromkeys([name for name in order if recipes[name].loss == "triplet"][:4])
        jobs = [(name, recipes[name], [(fold, seed) for fold in FOLDS]) for name in chosen]
        lines += collect(pool, jobs, output, given, begun + end * given.seconds)


def best(lines: Sequence[dict[str, Any]]) -> Iterator[tuple[str, float]]:
    """(recipe, its best share's mean of full-catalogue nDCG@10 plus judged nDCG over the rich dev queries)."""
    values: dict[tuple[str, float], list[float]] = {}
    for line in lines:
        values.setdefault((line["name"], line["share"]), []).extend(sum(row[:2]) for row in line["rich"].values())
    found: dict[str, float] = {}
    for (name, _), each in values.items():
        found[name] = max(found.get(name, 0.0), float(np.mean(each)))
    yield from found.items()


def collect(
    pool: Any, jobs: Sequence[Job], output: Any, given: argparse.Namespace, deadline: float
) -> list[dict[str, Any]]:
    """Lines of the jobs that begin before the deadline; each is written at once."""
    lines: list[dict[str, Any]] = []
    left, running = list(jobs), []
    while (left and time.monotonic() < deadline) or running:
        while left and len(running) < given.processes and time.monotonic() < deadline:
            running.append(pool.apply_async(work, (left.pop(0),)))
        time.sleep(0.02)
        for one in [one for one in running if one.ready()]:
            running.remove(one)
            done = one.get()
            for line in done:
                output.write(json.dumps(line) + "\n")
            output.flush()
            lines += done
            tell(done, deadline)
    print(f"{len(left)} jobs not run", flush=True)
    return lines


def tell(done: Sequence[dict[str, Any]], deadline: float) -> None:
    """A line of the log."""
    if "error" in done[0]:
        print("FAILED", done[0]["name"], done[0]["error"], flush=True)
        return
    rows = [row for line in done if line["share"] in (0.3, done[-1]["share"]) for row in line["rich"].values()]
    mean = np.nanmean(rows, 0)[:2].round(4).tolist()
    log = done[-1]
    print(
        round(deadline - time.monotonic()),
        log["name"],
        log["seed"],
        log.get("steps"),
        log.get("seconds"),
        log["whole"],
        mean,
        flush=True,
    )


def start(data: Path, packed_attention: bool) -> None:
    """Make a process's bench."""
    global _bench
    torch.set_num_threads(2)
    _bench = Bench(data, packed_attention)


def work(job: Job) -> list[dict[str, Any]]:
    """Lines of one job, or one that says what went wrong."""
    name, recipe, cells = job
    assert _bench is not None
    begun = time.perf_counter()
    keep = cells[0][0] == FULL
    try:
        if recipe is None:
            lines = list(_bench.untuned(cells, keep_ranks=True))
        else:
            lines = list(_bench.run(name, recipe, cells, keep_ranks=keep))
            lines[0]["recipe"] = asdict(recipe)
    except (RuntimeError, ValueError, LookupError, TypeError) as error:  # out of memory, say: the others go on
        return [{"name": name, "share": -1.0, "fold": -1, "seed": -1, "rich": {}, "error": str(error)[:500]}]
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    for line in lines:
        line["whole"] = round(time.perf_counter() - begun, 1)
    return lines


if __name__ == "__main__":
    main()
