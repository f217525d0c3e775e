"""Run every benchmark, one after the other, and keep the results.

python benchmarks/all.py [--scale 0.1] [--only NAME ...] [--dataset ../shared/esci]

At scale 1 this takes about 40 minutes on two cores; a smaller scale makes the sizes smaller. Each benchmark is a
process of its own, and the JSON of its last line goes to results/NAME.json together with the scale. If one fails, the
others still run; it is named at the end, and the exit status is 1. seeds.py, which trains for hours, and topk_gpu.py
and e5_sizes.py, which need a GPU, do not run. The peers need `pip install -r benchmarks/requirements.txt`, and page.py
needs chromium. A benchmark that ran beside other work warns, and says so in its result ("busy").
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from typing import Any

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent
#: Seconds after which a benchmark is taken to hang and stopped.
LIMIT = 2_400


@dataclass(frozen=True)
class Run:
    """How a benchmark is run.

    Attributes:
        about: seconds at scale 1, on two cores of a virtual AMD EPYC.
        sizes: {flag: (value at scale 1, least value)}; values are multiplied by the scale.
        flags: the other flags.
        measures: whether its last line is JSON; the others print a table.
        shop: whether it needs a model and a store, which the quickstart makes; ``about`` includes that.
    """

    about: int
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    measures: bool = True
    shop: bool = False

    def words(self, scale: float) -> list[str]:
        """The command line at a scale."""
        sized = {flag: max(least, round(value * scale)) for flag, (value, least) in self.sizes.items()}
        return [*(word for flag, size in sized.items() for word in (flag, str(size))), *self.flags]


RUNS: dict[str, Run] = {
    "plan": Run(1, measures=False),
    "capacity": Run(1, measures=False),
    "loading": Run(40, {"--products": (1_215_854, 1_000), "--judgments": (2_621_288, 2_000)}),
    "judgments": Run(150, {"--judgments": (2_600_000, 2_000), "--products": (1_800_000, 1_000)}),
    "topk": Run(500, {"--rows": (1_215_854, 2_000), "--products": (10_000, 100), "--rounds": (5, 2)}),
    "growth": Run(
        1_500,
        {"--largest": (5_000_000, 20_000), "--products": (1_000, 100), "--rounds": (9, 2)},
        ("--plot", "docs/images/growth.png"),
    ),
    "bm25_speed": Run(400, {"--products": (1_215_854, 5_000), "--queries": (300, 20)}),
    "milvus_search": Run(
        400, {"--products": (500_000, 2_000), "--lite-products": (20_000, 500), "--queries": (100, 5)}
    ),
    "start": Run(60, {"--products": (10_000, 1_000), "--rounds": (3, 1)}),
    "embedding": Run(200, {"--texts": (1_000, 100), "--rounds": (3, 1), "--queries": (100, 10)}),
    "people": Run(10, {"--products": (10_000, 500), "--queries": (300, 20), "--rounds": (7, 2)}),
    "cone": Run(240, {"--rows": (1_215_854, 10_000)}),
    "small": Run(240, {"--products": (10_000, 100), "--rounds": (31, 2)}),
    "smaller_vectors": Run(300, {"--rows": (1_215_854, 5_000), "--rounds": (9, 2)}),
    "training": Run(500, {"--examples": (320, 64), "--rounds": (2, 1)}),
    "kept_vectors": Run(330),
    "page": Run(180, {"--loads": (5, 2), "--queries": (30, 5)}, shop=True),
    "slow_line": Run(120, {"--loads": (3, 1)}, shop=True),
}
#: The benchmarks that take ``--dataset``.
REAL = (
    "topk",
    "cone",
    "small",
    "growth",
    "smaller_vectors",
    "training",
    "kept_vectors",
    "bm25_speed",
    "milvus_search",
)
#: Scripts that are not run, and why.
LEFT_OUT = {
    "bm25": "its figures are of quality and need real judgments",
    "nothing_fits": "its nonsense is written for the sample, and its figures are of the real E5",
    "seeds": "trains for hours",
    "loop": "trains twice and measures quality, not speed",
    "topk_gpu": "needs a GPU",
    "locales": "needs the models of seeds",
    "e5_sizes": "takes hours without a GPU",
    "e5_data": "writes the input of e5_study",
    "e5_study": "needs a GPU",
    "e5_report": "sums up e5_study",
    "same_answers": "compares two commits",
    "all": "this one",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks and print a summary; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="factor of the sizes, above 0 and at most 1")
    parser.add_argument("--only", nargs="+", choices=sorted(RUNS), default=list(RUNS))
    parser.add_argument(
        "--dataset",
        default="sample",
        help="data for those that take one, e.g. ../shared/esci",
    )
    parser.add_argument("--results", type=Path, default=FOLDER / "results", help="where the JSON goes")
    given = parser.parse_args(arguments)
    if not 0 < given.scale <= 1:
        parser.error(f"--scale is {given.scale}: use more than 0 and at most 1")
    # SIGTERM raises SystemExit, so that the running benchmark, which has its own session, is stopped too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    given.results.mkdir(parents=True, exist_ok=True)
    ended: dict[str, tuple[str, float]] = {}
    for name in [name for name in RUNS if name in given.only]:
        begun = time.perf_counter()
        print(f"== {name}", flush=True)
        ended[name] = one(name, given), time.perf_counter() - begun
    print("\nbenchmark   seconds  outcome")
    for name, (outcome, seconds) in ended.items():
        print(f"{name:10} {seconds:8.1f}  {outcome}")
    print(f"{'all':10} {sum(seconds for _, seconds in ended.values()):8.1f}")
    return int(any(outcome.startswith("failed") for outcome, _ in ended.values()))


def one(name: str, given: argparse.Namespace) -> str:
    """Run a benchmark and keep its result; returns how it ended."""
    run = RUNS[name]
    words = [*run.words(given.scale), *(["--dataset", given.dataset] if name in REAL else [])]
    with tempfile.TemporaryDirectory() as folder:
        if run.shop:
            if not (which("chromium") or which("google-chrome")):
                return "left out: there is no chromium"
            make = "from space.pipelines import quickstart; quickstart.run()"
            code, _ = echoed([sys.executable, "-c", make], Path(folder))
            if code:
                return "failed: the quickstart did not make a model and a store"
            words += shop(Path(folder))
        code, last = echoed([sys.executable, str(FOLDER / f"{name}.py"), *words], ROOT)
    if code:
        return f"failed: exit status {code}"
    if not run.measures:
        return "done"
    try:
        result: dict[str, Any] = json.loads(last)
    except ValueError:
        return "failed: its last line is no JSON"
    path = given.results / f"{name}.json"
    path.write_text(json.dumps(result | {"scale": given.scale}, indent=1) + "\n", encoding="utf-8")
    return f"done: {path.name}"


def shop(folder: Path) -> list[str]:
    """The flags for the model and the store that the quickstart made in a folder."""
    sys.path.insert(0, str(ROOT))
    from space.pipelines import quickstart

    made = quickstart.artifacts(folder / quickstart.FOLDER)
    return ["--model", made.models["tuned"], "--base-model", made.models["base"], "--embeddings", made.embeddings]


def echoed(command: Sequence[str], folder: Path) -> tuple[int, str]:
    """Run a command and print its lines as they come; returns exit status and last line."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    too_long = threading.Timer(LIMIT, os.killpg, (process.pid, signal.SIGKILL))
    too_long.start()
    last = ""
    try:
        for line in process.stdout or ():
            print(f"   {line}", end="", flush=True)
            last = line if line.strip() else last
        return process.wait(), last
    finally:
        too_long.cancel()
        if process.poll() is None:  # interrupted
            os.killpg(process.pid, signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
