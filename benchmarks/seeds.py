"""The held-out figures of the defaults of train.py over several seeds, looked at once, after the study.

python benchmarks/seeds.py --dataset ../shared/esci --locales us [--seeds 42 43 44] [--work runs/seeds]

Runs `accelerate launch train.py` once for each seed; finished runs are kept under --work. The figures of a query are
averaged over the seeds, and differences are paired by query. The last line is JSON, also in
benchmarks/results/seeds.json.
"""

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from machine import describe
from report_tables import cell

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

BASE = "packaged-e5"
SYSTEMS = ("random", "bm25", "base", "tuned", "hybrid")
PAIRS = (("tuned", "base"), ("tuned", "bm25"), ("hybrid", "tuned"))


def main() -> None:
    """Train the missing runs, then average."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="sample")
    parser.add_argument("--locales", nargs="+", default=["us"])
    parser.add_argument("--base-model", default=BASE)
    parser.add_argument("--seeds", type=int, nargs="+", default=[42, 43, 44])
    parser.add_argument("--work", type=Path, default=Path("runs/seeds"))
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "seeds.json")
    given = parser.parse_args()
    runs = [trained(given, seed) for seed in given.seeds]
    result = pool(runs) | {
        "benchmark": "seeds",
        **{name: getattr(given, name) for name in ("dataset", "locales", "base_model", "seeds")},
        "machine": describe(),
    }
    print(table(result))
    given.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result))


def trained(given: argparse.Namespace, seed: int) -> dict[str, Any]:
    """evaluation.json of the run of a seed, and the seconds that the command took."""
    folder = given.work / str(seed)
    dataset = str(Path(given.dataset).resolve()) if Path(given.dataset).exists() else given.dataset
    done = folder / "saved_e5_model" / "evaluation.json"
    seconds = None
    if not done.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        words = [sys.executable, "-m", "accelerate.commands.launch", "--num_processes", "1", "--num_machines", "1"]
        words += ["--mixed_precision", "no", "--dynamo_backend", "no", str(ROOT / "train.py"), "--dataset", dataset]
        words += ["--locales", *given.locales, "--base-model", given.base_model, "--seed", str(seed), "--offline"]
        begun = time.monotonic()
        subprocess.run(words, cwd=folder, check=True)
        seconds = round(time.monotonic() - begun, 1)
        (folder / "seconds.json").write_text(json.dumps(seconds), encoding="utf-8")
    elif (folder / "seconds.json").is_file():
        seconds = json.loads((folder / "seconds.json").read_text(encoding="utf-8"))
    run = json.loads(done.read_text(encoding="utf-8"))
    for name, asked in (("dataset", dataset), ("locales", given.locales), ("base_model", given.base_model)):
        if run["settings"][name] != asked:
            sys.exit(f"{folder} was trained with {name} {run['settings'][name]!r}, not {asked!r}; use another --work")
    return run | {"command_seconds": seconds}


def pool(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over the seeds with intervals over the queries, and the difference from base of each seed."""
    import numpy as np

    from space.evaluation import metrics
    from space.evaluation.tables import METRICS

    def values(system: str, column: str) -> Any:
        each = [[np.nan if v is None else v for v in run["per_query"]["systems"][system][column]] for run in runs]
        return np.array(each).mean(axis=0)

    def paired(differences: np.ndarray) -> dict[str, float]:
        return asdict(metrics.paired(differences))

    if any(run["per_query"]["query"] != runs[0]["per_query"]["query"] for run in runs):
        sys.exit("the runs were evaluated on different queries; use another --work")
    protocols = {}
    for protocol, names in METRICS.items():
        protocols[protocol] = {
            "systems": {s: {n: paired(values(s, f"{protocol}/{n}")) for n in names} for s in SYSTEMS},
            "differences": {
                f"{one} - {other}": {
                    n: paired(values(one, f"{protocol}/{n}") - values(other, f"{protocol}/{n}")) for n in names
                }
                for one, other in PAIRS
            },
            "tuned_by_seed": {
                n: [run["protocols"][protocol]["systems"]["tuned"][n]["mean"] for run in runs] for n in names
            },
            "tuned_minus_base_by_seed": {
                n: [run["protocols"][protocol]["differences"]["tuned"][n] for run in runs] for n in names
            },
        }
    return {
        "protocols": protocols,
        # The result has the seeds itself, and the path of the data set belongs to this machine.
        "settings": {key: value for key, value in runs[0]["settings"].items() if key not in ("dataset", "seed")},
        "training": [
            {key: run["training"][key] for key in ("examples", "steps", "seconds", "examples_per_second", "precision")}
            | {"command_seconds": run["command_seconds"]}
            for run in runs
        ],
        "drift": [run["drift"] for run in runs],
        "bm25": {key: runs[0]["bm25"][key] for key in ("k1", "b")},
    }


def table(result: dict[str, Any]) -> str:
    """One Markdown table for each protocol."""
    lines = []
    for protocol, found in result["protocols"].items():
        names = list(found["systems"]["base"])
        lines += [
            "",
            f"| {protocol.replace('_', ' ')} | " + " | ".join(names) + " |",
            "| --- " * (len(names) + 1) + "|",
        ]
        for system, figures in found["systems"].items():
            cells = (cell(found, sign="") for found in figures.values())
            lines.append(f"| {system} | " + " | ".join(cells) + " |")
        for pair, figures in found["differences"].items():
            cells = (f"{cell(f)} {f['wins']}/{f['losses']}/{f['ties']}" for f in figures.values())
            lines.append(f"| {pair} | " + " | ".join(cells) + " |")
        by_seed = (", ".join(f"{value:.3f}" for value in values) for values in found["tuned_by_seed"].values())
        lines.append("| tuned, seed by seed | " + " | ".join(by_seed) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
