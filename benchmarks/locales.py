"""Whether a model that was tuned on one locale is worse in others: base and tuned on locales it never saw.

python benchmarks/locales.py runs/seeds/*/saved_e5_model [--dataset ../shared/esci] [--locales es jp]

The models are those of seeds.py, which learn from locale us. The judgments of the other locales, train and test, are
all new to them. Each locale is a catalogue of its own. The figures of a query are averaged over the models, and
differences are paired by query. Most queries there have one judgment, so only the full-catalogue protocol says
something, and only queries with a relevant product count. The last line is JSON, also in
benchmarks/results/locales.json.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from machine import describe
from report_tables import cell

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from space.data.passages import passages  # noqa: E402
from space.encoding.encoder import TextEncoder  # noqa: E402
from space.encoding.weights import locate  # noqa: E402
from space.evaluation import metrics, protocols  # noqa: E402
from space.evaluation.tables import METRICS  # noqa: E402
from space.hub.client import model_download  # noqa: E402
from space.index.torch_index import TorchIndex  # noqa: E402
from space.pipelines.inputs import open_judged  # noqa: E402
from space.retrieval.dense import DenseSystem  # noqa: E402

PROTOCOL = "full_catalogue"
COLUMNS = METRICS[PROTOCOL]


def main() -> None:
    """Evaluate, print a table, keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path, help="folders of tuned models")
    parser.add_argument("--dataset", default="sample")
    parser.add_argument("--locales", nargs="+", default=["es", "jp"])
    parser.add_argument("--base-model", default="packaged-e5")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "locales.json")
    given = parser.parse_args()
    for folder in given.models:
        learned = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))["settings"]["locales"]
        if set(learned) & set(given.locales):
            parser.error(f"{folder} learned from {', '.join(learned)}: use --locales that it did not see")
    base = evaluated(given.base_model, given)
    tuned = [evaluated(str(folder), given) for folder in given.models]
    result: dict[str, Any] = {"benchmark": "locales", "dataset": Path(given.dataset).name, "models": len(tuned)}
    result["locales"] = {locale: compared(base[locale], [each[locale] for each in tuned]) for locale in given.locales}
    result["machine"] = describe()
    print(table(result["locales"]))
    given.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result))


def evaluated(model: str, given: argparse.Namespace) -> dict[str, pd.DataFrame]:
    """The figures of every query of each locale, from the vectors that would be served."""
    encoder = TextEncoder(locate(model, model_download(offline=True)), device="cpu")
    # A locale without test queries cannot be opened alone.
    judged = open_judged(given.dataset, ["us", *given.locales], offline=True)
    every = pd.concat([judged.train, judged.test], ignore_index=True)
    found = {}
    for locale in given.locales:
        rows = np.flatnonzero(np.array(judged.catalogue["product_locale"].to_pylist()) == locale)
        place = {int(row): number for number, row in enumerate(rows)}
        catalogue = judged.catalogue.take(rows)
        judgments = every[every["row"].isin(place)].assign(row=lambda table, place=place: table["row"].map(place))
        index = TorchIndex(encoder.encode_passages(passages(catalogue)), device="cpu")
        frame = protocols.per_query(DenseSystem(model, encoder, index), judgments, catalogue)
        found[locale] = frame[[f"{PROTOCOL}/{name}" for name in COLUMNS]].dropna()
        found[locale].attrs["products"] = len(catalogue)
    return found


def compared(base: pd.DataFrame, tuned: list[pd.DataFrame]) -> dict[str, Any]:
    """Means of base and tuned, their paired difference, and the difference of each model."""
    if any(list(each.index) != list(base.index) for each in tuned):
        sys.exit("the models were evaluated on different queries")
    found: dict[str, Any] = {"queries": len(base), "products": base.attrs["products"], "figures": {}}
    for name in COLUMNS:
        before = base[f"{PROTOCOL}/{name}"].to_numpy()
        each = np.array([frame[f"{PROTOCOL}/{name}"].to_numpy() for frame in tuned])
        found["figures"][name] = {
            "base": asdict(metrics.paired(before)),
            "tuned": asdict(metrics.paired(each.mean(axis=0))),
            "difference": asdict(metrics.paired(each.mean(axis=0) - before)),
            "by_model": [round(float((one - before).mean()), 4) for one in each],
        }
    return found


def table(locales: dict[str, Any]) -> str:
    """Markdown: a row for each locale and system."""
    lines = [f"| | {' | '.join(COLUMNS)} |", "| --- " * (len(COLUMNS) + 1) + "|"]
    for locale, found in locales.items():
        for system in ("base", "tuned", "difference"):
            sign = "+" if system == "difference" else ""
            cells = " | ".join(cell(figures[system], sign=sign) for figures in found["figures"].values())
            lines.append(f"| {locale}, {found['queries']} queries, {system} | {cells} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
