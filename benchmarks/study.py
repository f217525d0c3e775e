"""Compare training recipes on dev queries, which are taken from the train queries; held-out queries are not used.

python benchmarks/study.py --dataset ../shared/esci --locales us [--minutes 60] [--seeds 1] [--recipes mnrl titles ...]
python benchmarks/study.py --report

The train queries are split into two folds. A recipe is trained on one fold and evaluated on the other, and the other
way round, so that every rich query (10 judgments or more) is a dev query once. Queries with fewer judgments say little
about a ranking and are reported separately. A job is one recipe, seed and fold, in a process with one thread. One job
runs on each core, in the order of recipes.py, until the minutes are over. Finished jobs are kept under --work and do
not run again. The report uses all jobs found there. It goes to benchmarks/results/study.json, docs/images/study.png
and the table in benchmarks/STUDY.md. The last line is JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from folds import FOLDS
from recipes import RECIPES
from report_tables import put_between

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

LOG = ROOT / "benchmarks" / "STUDY.md"
#: The line before and after the table in the log.
MARK = "<!-- written by study.py -->"
BASE = "packaged-e5"


def main() -> None:
    """Run the jobs that are left, then report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="sample")
    parser.add_argument("--locales", nargs="+", default=["us"])
    parser.add_argument("--base-model", default=BASE)
    parser.add_argument("--precision", default="bfloat16", help="of the runs, as --precision of train.py")
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES), choices=list(RECIPES), metavar="NAME")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60.0, help="no job starts after this time")
    parser.add_argument("--work", type=Path, default=Path("runs/study"))
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "study.json")
    parser.add_argument("--report", action="store_true", help="report the finished jobs, run none")
    parser.add_argument("--job", nargs=3, metavar=("RECIPE", "SEED", "FOLD"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.job:
        from study_job import run

        name, seed, fold = given.job[0], int(given.job[1]), int(given.job[2])
        done = run(given, name, seed, fold)
        path_of(given, name, seed, fold).write_text(json.dumps(done), encoding="utf-8")
        return
    if not given.report:
        run_all(given)
    from study_report import plot, report, table

    result = report(given)
    print(table(result))
    plot(result, ROOT / "docs" / "images" / "study.png")
    given.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    put_between(MARK, LOG, table(result))
    print(json.dumps(result))


def path_of(given: argparse.Namespace, name: str, seed: int, fold: int) -> Path:
    """The file of a job's figures. A GPU rounds differently, so its jobs have files of their own."""
    import torch

    device = "gpu" if torch.cuda.is_available() else "cpu"
    return given.work / f"{name.replace(' ', '_')}-{seed}-{fold}-{device}.json"


def run_all(given: argparse.Namespace) -> None:
    """Run the jobs in parallel, with one thread each."""
    given.work.mkdir(parents=True, exist_ok=True)
    jobs = [
        (name, seed, fold)
        for seed in range(given.seeds)
        for name in given.recipes
        for fold in FOLDS
        if (name != "base" or seed == 0) and not path_of(given, name, seed, fold).is_file()
    ]
    begun, running = time.monotonic(), {}
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    while jobs or running:
        while jobs and len(running) < cores and time.monotonic() - begun < 60 * given.minutes:
            job = jobs.pop(0)
            words = [sys.executable, __file__, *sys.argv[1:], "--job", *(str(part) for part in job)]
            log = path_of(given, *job).with_suffix(".log").open("w")
            running[job] = subprocess.Popen(words, env=environment, stdout=log, stderr=log), time.monotonic()
        if not running:
            print(f"out of time, {len(jobs)} jobs not run", flush=True)
            return
        time.sleep(0.5)
        for job, (process, since) in list(running.items()):
            if process.poll() is not None:
                del running[job]
                log = path_of(given, *job).with_suffix(".log")
                state = "done" if process.returncode == 0 else f"FAILED, see {log}"
                print(f"{job[0]}, seed {job[1]}, fold {job[2]}: {state}, {time.monotonic() - since:.0f} s", flush=True)


if __name__ == "__main__":
    main()
