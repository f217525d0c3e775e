"""Tables of the E5 study: every recipe beside the untuned model, over the dev queries.

python benchmarks/e5_report.py dev.jsonl [more.jsonl ...] --output benchmarks/results/e5_study.json [--less NAME@SHARE]
"""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from report_tables import cell

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from space.evaluation import protocols

COLUMNS = ("full_ndcg@10", "judged_ndcg", "recall@100", "mrr@10", "exact@1", "judged_ndcg@10")
KINDS = ("thin", "es", "jp")
BASE = "base@1"
Figures = dict[str, dict[str, np.ndarray]]


def main() -> None:
    """Write the JSON and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lines", nargs="+", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--less", default="default@0.3", help="what each recipe is compared with besides base")
    parser.add_argument("--device", default="one NVIDIA H100 GPU")
    given = parser.parse_args()
    lines = [json.loads(line) for path in given.lines for line in path.read_text(encoding="utf-8").splitlines()]
    result = {"benchmark": "e5_study", "device": given.device, **report(lines, given.less)}
    given.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(table(result))


def report(lines: Iterable[dict[str, Any]], less: str) -> dict[str, Any]:
    """What the lines of e5_study.py say, as JSON values."""
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    settings: dict[str, dict[str, Any]] = {}
    for line in lines:
        if "error" in line:
            continue
        groups[f"{line['name']}@{line['share']:g}"].append(line)
        if "recipe" in line:
            settings[line["name"]] = line["recipe"]
    base, other = by_query(groups[BASE]), by_query(groups[less])
    recipes = {}
    for name, part in groups.items():
        figures = by_query(part)
        if name == BASE or set(figures["rich"]) != set(base["rich"]):
            continue
        gains = difference(figures, base)
        recipes[name] = {
            "seeds": len({line["seed"] for line in part}),
            "rich": {column: protocols.paired(gains["rich"][:, place]) for place, column in enumerate(COLUMNS)},
            **{kind: protocols.paired(gains[kind]) for kind in KINDS},
            "less": protocols.paired(difference(figures, other)["rich"][:, 0]),
            "by_seed": by_seed(part, base),
            "everyday_cosine": round(float(np.mean([line["everyday"] for line in part])), 4),
        }
    order = sorted(recipes, key=lambda name: -recipes[name]["rich"][COLUMNS[0]]["mean"])
    means = np.nanmean(np.array(list(base["rich"].values())), axis=0)
    return {
        "dev_queries": {kind: len(base[kind]) for kind in ("rich", *KINDS)},
        "base": dict(zip(COLUMNS, means.round(4).tolist(), strict=True)),
        "less": less,
        "recipes": {name: recipes[name] for name in order},
        "settings": settings,
    }


def by_query(part: Iterable[dict[str, Any]]) -> Figures:
    """{kind: {query: mean over the seeds}}; rich queries have an array of ``COLUMNS``, others their MRR@10."""
    values: dict[str, dict[str, list[Any]]] = {kind: defaultdict(list) for kind in ("rich", *KINDS)}
    for line in part:
        for kind, found in values.items():
            for query, row in line[kind].items():
                found[query].append(row)
    return {kind: {query: np.mean(rows, axis=0) for query, rows in found.items()} for kind, found in values.items()}


def difference(figures: Figures, others: Figures) -> dict[str, np.ndarray]:
    """One minus the other, by kind, over the queries in order."""
    return {
        kind: np.array([found[query] - others[kind][query] for query in sorted(found)])
        for kind, found in figures.items()
    }


def by_seed(part: list[dict[str, Any]], base: Figures) -> list[float]:
    """The gain in full-catalogue nDCG@10 of each seed, for how far runs of one recipe lie apart."""
    seeds = sorted({line["seed"] for line in part})
    runs = [by_query([line for line in part if line["seed"] == seed]) for seed in seeds]
    return [round(float(difference(run, base)["rich"][:, 0].mean()), 4) for run in runs]


def table(result: dict[str, Any]) -> str:
    """Markdown."""
    lines = [
        f"| recipe | seeds | full nDCG@10 | minus {result['less']} | judged nDCG | recall@100 | MRR@10 | thin MRR@10 "
        "| es MRR@10 | jp MRR@10 | everyday cosine |",
        "| --- " * 11 + "|",
    ]
    for name, found in result["recipes"].items():
        rich = found["rich"]
        cells = [cell(rich[COLUMNS[0]]), cell(found["less"]), *(cell(rich[column]) for column in COLUMNS[1:4])]
        cells += [f"{found[kind]['mean']:+.3f}" for kind in KINDS]
        lines.append(f"| {name} | {found['seeds']} | " + " | ".join(cells) + f" | {found['everyday_cosine']:.3f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
