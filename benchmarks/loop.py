"""The loop on the sample: train, judge what the model finds for train queries, train again with these judgments.

python benchmarks/loop.py [--most 300] [--work runs/loop]

Takes unjudged products of the top ten of base and tuned for the train queries, drawn at random. The sample's
construction grades them, in place of people: it knows the label of every pair. Then `python -m space judgments` writes
them and `train.py --judgments` learns from them. All three models are measured on the same held-out queries; intervals
are over queries, and of one seed. Finished trainings are kept under --work. The last line is JSON, also in
benchmarks/results/loop.json.
"""

import argparse
import json
import random
import subprocess
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from machine import describe

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

BASE = "packaged-e5"
MODEL = "saved_e5_model"
COLUMN = "full_catalogue/ndcg@10"
DEPTH = 10
AT = "2026-01-01T00:00:00+00:00"


def main() -> None:
    """Train, judge, train, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=300, help="pairs to judge")
    parser.add_argument("--work", type=Path, default=Path("runs/loop"))
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "loop.json")
    given = parser.parse_args()
    first = trained(given.work / "first")
    judgments = given.work / "judgments.csv"
    if not judgments.is_file():
        write(unjudged(given.work / "first" / MODEL, given.most), given.work / "feedback", judgments)
    second = trained(given.work / "second", "--judgments", str(judgments.resolve()))
    import pandas as pd

    grades = Counter(pd.read_csv(judgments)["esci_label"])
    result = compared(first, second) | {
        "benchmark": "loop", "most": given.most, "judged": dict(grades), "machine": describe()
    }  # fmt: skip
    given.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result))


def trained(folder: Path, *more: str) -> dict[str, Any]:
    """evaluation.json of a training on the sample in a folder, which is made if it is not there."""
    done = folder / MODEL / "evaluation.json"
    if not done.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        words = [sys.executable, "-m", "accelerate.commands.launch", "--num_processes", "1", "--num_machines", "1"]
        words += ["--mixed_precision", "no", "--dynamo_backend", "no", str(ROOT / "train.py"), "--dataset", "sample"]
        words += ["--locales", "us", "es", "--base-model", BASE, "--offline", *more]
        subprocess.run(words, cwd=folder, check=True)
    return json.loads(done.read_text(encoding="utf-8"))


def unjudged(model: Path, most: int) -> list[tuple[str, str, str]]:
    """(locale, query, product id) of at most ``most`` unjudged pairs among the top ten of base and tuned."""
    import torch

    from space.data.passages import passages
    from space.encoding.encoder import TextEncoder
    from space.encoding.weights import locate
    from space.hub.client import model_download
    from space.pipelines.inputs import open_judged

    judged = open_judged("sample", ["us", "es"])
    texts, products = passages(judged.catalogue), judged.catalogue.to_pylist()
    asked = list(dict.fromkeys(zip(judged.train["product_locale"], judged.train["query"], strict=True)))
    labelled = set(zip(judged.train["product_locale"], judged.train["query"], judged.train["product_id"], strict=True))
    found = set()
    for name in (BASE, str(model)):
        encoder = TextEncoder(locate(name, model_download(offline=True)))
        scores = encoder.encode_queries([query for _, query in asked]) @ encoder.encode_passages(texts).T
        for row, (locale, query) in enumerate(asked):
            other = torch.tensor([product["product_locale"] != locale for product in products])
            best = scores[row].masked_fill(other, -torch.inf).topk(DEPTH).indices.tolist()
            found |= {(locale, query, products[place]["product_id"]) for place in best}
    left = sorted(found - labelled)
    return random.Random(0).sample(left, min(most, len(left)))


def write(pairs: list[tuple[str, str, str]], folder: Path, output: Path) -> None:
    """Judge pairs as the sample was constructed, and write them as ``python -m space judgments`` does."""
    from space.data.sample import label
    from space.feedback import collecting
    from space.feedback.journal import Journal
    from space.feedback.judgments import Judgment, Judgments

    kept = Judgments(Journal(folder))
    for locale, query, product in pairs:
        kept.add(Judgment(AT, "construction", locale, query, product, label(locale, query, product)))
    print(collecting.write(str(folder), output))


def compared(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """nDCG@10 of the catalogue for base and the two trainings, and their differences, paired by query."""
    import numpy as np

    from space.evaluation import metrics

    if first["per_query"]["query"] != second["per_query"]["query"]:
        sys.exit("the two trainings were evaluated on different queries; use another --work")
    runs = {"base": (first, "base"), "first training": (first, "tuned"), "with judgments": (second, "tuned")}
    values = {
        name: np.array([np.nan if one is None else one for one in run["per_query"]["systems"][system][COLUMN]])
        for name, (run, system) in runs.items()
    }
    figures = {name: asdict(metrics.estimate(each)) for name, each in values.items()}
    pairs = (("first training", "base"), ("with judgments", "base"), ("with judgments", "first training"))
    differences = {f"{one} - {other}": asdict(metrics.paired(values[one] - values[other])) for one, other in pairs}
    for name, found in (figures | differences).items():
        print(f"{name:32} {found['mean']:+.3f} [{found['low']:+.3f}, {found['high']:+.3f}]")
    return {"metric": COLUMN, "systems": figures, "differences": differences}


if __name__ == "__main__":
    main()
