"""The report of the study: every recipe minus base, over the dev queries of both folds."""

import argparse
import json
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from folds import FOLDS, RICH
from machine import describe
from matplotlib.figure import Figure
from recipes import DEFAULT, RECIPES
from report_tables import cell
from study_job import ASKED, COLUMNS

from space.evaluation import forgetting, metrics
from space.pipelines.inputs import open_judged


def report(given: argparse.Namespace) -> dict[str, Any]:
    """Paired differences of every recipe from base over the dev queries; runs of the same recipe are averaged."""
    runs: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(given.work.glob("*-*-*-*.json")):
        job = json.loads(path.read_text(encoding="utf-8"))
        for name, asked in job["asked"].items():
            if asked != getattr(given, name):
                sys.exit(f"{path} was made with {name} {asked!r}, not {getattr(given, name)!r}; use another --work")
        for name, found in job["found"].items():
            runs.setdefault(name, []).append(found | {key: job[key] for key in ("seed", "fold", "minutes", "device")})
    if {part["fold"] for part in runs.get("base", [])} != set(FOLDS):
        sys.exit(f"--work {given.work}: no finished jobs of the recipe 'base' over both folds; run it first")
    # Each run is compared with base on the same device.
    bases = {part["device"]: part for part in runs["base"]}
    untuned = {device: by_query([p for p in runs["base"] if p["device"] == device]) for device in bases}
    base = by_query(runs["base"])
    rich = rich_queries(given)
    gains, recipes = {}, {}
    for name, parts in runs.items():
        if {part["fold"] for part in parts} == set(FOLDS):
            gains[name] = [less(part, untuned[part["device"]]) for part in parts if part["device"] in bases]
    for name, parts in gains.items():
        rows = by_query(parts)
        recipes[name] = figures(rows, rich) | described(name, runs[name], bases) | {"by_run": by_run(parts, rich)}
        if DEFAULT in gains:
            recipes[name]["less_default"] = figures(difference(rows, by_query(gains[DEFAULT])), rich)["rich"]
    order = sorted(recipes, key=lambda name: -recipes[name]["rich"]["full_catalogue/ndcg@10"]["mean"])
    return {
        "benchmark": "study",
        **{name: getattr(given, name) for name in ASKED},
        "dev_queries": {"rich": len(rich & set(base)), "thin": len(set(base) - rich)},
        "base": {name: round(mean(base, rich, name), 4) for name in COLUMNS},
        "recipes": {name: recipes[name] for name in order},
        "devices": sorted(bases),
        "machine": describe(),
    }


def rich_queries(given: argparse.Namespace) -> set[str]:
    """The queries of both folds with at least ``RICH`` judgments."""
    counts = open_judged(given.dataset, given.locales, offline=True).train.groupby("query").size()
    return set(counts.index[counts >= RICH])


def by_query(parts: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """{query: {column: mean over the seeds}} for the jobs of a recipe."""
    values: dict[str, dict[str, list[float]]] = {}
    for part in parts:
        for place, query in enumerate(part["query"]):
            for column in COLUMNS:
                values.setdefault(query, {}).setdefault(column, []).append(part[column][place])
    return {query: {name: float(np.mean(found)) for name, found in row.items()} for query, row in values.items()}


def less(part: dict[str, Any], base: dict[str, dict[str, float]]) -> dict[str, Any]:
    """The figures of a job minus those of base, query by query."""
    rows = [base[query] for query in part["query"]]
    return part | {c: [one - row[c] for one, row in zip(part[c], rows, strict=True)] for c in COLUMNS}


def difference(rows: dict[str, dict[str, float]], others: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """``rows`` minus ``others``, by query and column."""
    return {q: {c: row[c] - others[q][c] for c in COLUMNS} for q, row in rows.items()}


def by_run(parts: list[dict[str, Any]], rich: set[str]) -> list[float]:
    """The gain in full-catalogue nDCG@10 of each run over both folds, which shows how much runs vary."""
    runs: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for part in parts:
        runs.setdefault((part["device"], part["seed"]), []).append(part)
    return [round(mean(by_query(both), rich, COLUMNS[0]), 4) for _, both in sorted(runs.items())]


def mean(rows: dict[str, dict[str, float]], queries: set[str], column: str) -> float:
    """The mean over the queries that have the metric."""
    return float(np.nanmean([row[column] for query, row in rows.items() if query in queries]))


def figures(rows: dict[str, dict[str, float]], rich: set[str]) -> dict[str, dict[str, Any]]:
    """Differences from base with paired intervals, for rich and for thin queries."""
    found: dict[str, dict[str, Any]] = {}
    for kind, queries in (("rich", sorted(set(rows) & rich)), ("thin", sorted(set(rows) - rich))):
        found[kind] = {
            column: asdict(metrics.paired(np.array([rows[query][column] for query in queries]))) for column in COLUMNS
        }
    return found


def described(name: str, parts: list[dict[str, Any]], bases: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The settings of a recipe, its runs, and the mean cosine of everyday sentences before and after."""
    moved = [
        forgetting.measure(*(torch.tensor(one["everyday"]) for one in (bases[part["device"]], part))).cosine.mean
        for part in parts
        if part["everyday"]
    ]
    known = RECIPES.get(re.sub(r", \d+% base$", "", name))
    return {
        "why": known.why if known else "",
        "settings": parts[0].get("settings", {}),
        "runs": len(parts) / len(FOLDS),
        "examples": parts[0].get("examples"),
        "everyday_cosine": round(sum(moved) / len(moved), 4) if moved else None,
        "minutes": round(sum(part["minutes"] for part in parts) / len(parts), 1),
    }


def table(result: dict[str, Any]) -> str:
    """The Markdown table of STUDY.md."""
    rich, thin = ("full_catalogue/ndcg@10", "judged/ndcg", "full_catalogue/recall@100"), "full_catalogue/mrr@10"
    lines = [
        "| recipe | runs | full nDCG@10 | less the default's | judged nDCG | Exact recall@100 | thin MRR@10 "
        "| everyday cosine |",
        "| --- " * 8 + "|",
    ]
    for name, found in result["recipes"].items():
        cells = [*(cell(found["rich"][column]) for column in rich), cell(found["thin"][thin])]
        cells.insert(1, cell(found["less_default"][rich[0]]) if "less_default" in found else "")
        cells.append(f"{found['everyday_cosine']:.3f}" if found["everyday_cosine"] else "")
        lines.append(f"| {name} | {found['runs']:g} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def plot(result: dict[str, Any], path: Path) -> None:
    """Draw the differences from base with their intervals: one row for each recipe, one panel for each metric."""
    recipes = {name: found for name, found in result["recipes"].items() if name != "base"}
    panels = (
        ("full catalogue, nDCG@10", "rich", "full_catalogue/ndcg@10"),
        ("judged, nDCG", "rich", "judged/ndcg"),
        ("thin queries, MRR@10", "thin", "full_catalogue/mrr@10"),
    )
    figure = Figure(figsize=(11, 1 + 0.32 * len(recipes)), layout="constrained")
    axes = figure.subplots(1, 3, sharey=True)
    for axis, (title, kind, column) in zip(axes, panels, strict=True):
        for place, found in enumerate(reversed(recipes.values())):
            difference = found[kind][column]
            sure = difference["low"] > 0 or difference["high"] < 0
            axis.plot([difference["low"], difference["high"]], [place, place], color="#4f46e5" if sure else "#9ca3af")
            axis.plot(difference["mean"], place, "o", color="#4f46e5" if sure else "#9ca3af")
        axis.axvline(0, color="black", linewidth=0.8)
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("difference from base")
    axes[0].set_yticks(range(len(recipes)), list(reversed(recipes)))
    figure.savefig(path, dpi=110)
