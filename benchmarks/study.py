"""What works: training recipes compared on a dev split of the train queries, never on the held-out ones.

python benchmarks/study.py --dataset ../shared/esci --locales us [--minutes 60] [--seeds 1] [--recipes mnrl titles ...]
python benchmarks/study.py --report

The train queries are dealt into two folds; a recipe is trained on either and evaluated on the other, so that every
rich query (10 judgments or more) is a dev query once. Judgments of one or a few products say little about a ranking,
and are reported apart. A job is one recipe, seed and fold, in a process of one thread; as many run as there are cores,
in the order below, until the minutes are over. Finished jobs are kept under --work and not run again. Tables and plot
come from all jobs found there: benchmarks/results/study.json, images/study.png, and the table within
benchmarks/STUDY.md. The last line is JSON.
"""

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from machine import describe

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

LOG = ROOT / "benchmarks" / "STUDY.md"
#: Stands before and after the table in the log.
MARK = "<!-- written by study.py -->"
BASE = "sentence-transformers/all-MiniLM-L6-v2"
FOLDS = (0, 1)
RICH = 10
#: Thin queries to evaluate on; the others are learned from in both folds.
THIN = 600


@dataclass(frozen=True)
class Recipe:
    """Settings of train.py that differ from the common ones, and why they are tried.

    Attributes:
        why: in a few words.
        settings: fields of ``TrainSettings``.
        shares: the finished weights are also evaluated with these shares of the base's, rising.
        lora: rank of the matrices that are trained in place of the weights (Hu et al. 2021); 0 trains the weights.
        queries: share of the train queries whose judgments are learned from, drawn by the seed.
        soup: runs of other seeds whose weights are averaged (Wortsman et al. 2022, "Model soups").
    """

    why: str
    settings: dict[str, Any] = field(default_factory=dict)
    shares: tuple[float, ...] = ()
    lora: int = 0
    queries: float = 1.0
    soup: int = 1


_PLAIN = {"learning_rate": 2e-5, "base_share": 0.0}
_TITLES = _PLAIN | {"title_queries": 3500}
_FASTER = _TITLES | {"learning_rate": 5e-5}
RECIPES = {
    "base": Recipe("what all others are compared with; beside it BM25, its parameters chosen on the other fold"),
    "titles": Recipe("in-batch ranking, and as many queries made of titles as there are judged ones", _TITLES, (0.3,)),
    "triplet": Recipe("the plain triplet loss", _PLAIN | {"loss": "triplet", "title_queries": 0}),
    "mnrl": Recipe("in-batch ranking from the labels alone", _PLAIN | {"title_queries": 0}, (0.3,)),
    "titles, mined": Recipe("hard negatives in place of random ones", _TITLES | {"mined_negatives": True}),
    "titles + triplet": Recipe(
        "a graded triplet term orders what was judged", _TITLES | {"triplet_weight": 1.0, "graded_margins": True}
    ),
    "titles, 5e-5": Recipe("a higher learning rate", _FASTER, (0.3,)),
    "titles, 1e-4": Recipe("a still higher one", _TITLES | {"learning_rate": 1e-4}, (0.3, 0.5)),
    "7,000 titles": Recipe("more of them", _FASTER | {"title_queries": 7000}, (0.3,)),
    "titles, 2 epochs": Recipe("longer", _FASTER | {"epochs": 2.0}, (0.3, 0.5)),
    "titles, 64, 1e-4": Recipe(
        "larger batches, more negatives for each", _TITLES | {"batch_size": 64, "learning_rate": 1e-4}, (0.3, 0.5)
    ),
    "titles, scale 50": Recipe("a lower temperature", _FASTER | {"scale": 50.0}, (0.3,)),
    "titles, 4 negatives": Recipe(
        "four products of each query to be told from its own", _FASTER | {"negatives": 4}, (0.3,)
    ),
    "titles, soup": Recipe("the mean of three runs", _FASTER, (0.3,), soup=3),
    "titles, LoRA": Recipe("few weights, against overfitting", _TITLES | {"learning_rate": 5e-4}, lora=16),
    "titles, a third of the queries": Recipe("what more judgments are worth", _FASTER, (0.3,), queries=1 / 3),
    "titles, a tenth of the queries": Recipe("what more judgments are worth", _FASTER, (0.3,), queries=0.1),
    "titles by triplet": Recipe("the triplet loss over the same examples", _FASTER | {"loss": "triplet"}),
    "cosent": Recipe("grades alone", _PLAIN | {"loss": "cosent"}),
}
#: What train.py does by itself, and what every recipe is compared with besides base.
DEFAULT = "titles, 5e-5, 30% base"
COLUMNS = ("full_catalogue/ndcg@10", "judged/ndcg", "full_catalogue/recall@100", "full_catalogue/mrr@10")


def main() -> None:
    """Run what is left, then report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="sample")
    parser.add_argument("--locales", nargs="+", default=["us"])
    parser.add_argument("--base-model", default=BASE)
    parser.add_argument("--precision", default="bfloat16", help="of the study's runs; train.py has its own")
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES), choices=list(RECIPES), metavar="NAME")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60.0, help="no job begins after so many")
    parser.add_argument("--work", type=Path, default=Path("runs/study"))
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "study.json")
    parser.add_argument("--report", action="store_true", help="run nothing, report what is there")
    parser.add_argument("--job", nargs=3, metavar=("RECIPE", "SEED", "FOLD"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.job:
        name, seed, fold = given.job
        one(given, name, int(seed), int(fold))
        return
    if not given.report:
        run_all(given)
    result = report(given)
    given.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    before, _, rest = LOG.read_text(encoding="utf-8").partition(MARK)
    LOG.write_text(f"{before}{MARK}\n{table(result)}\n{MARK}{rest.partition(MARK)[2]}", encoding="utf-8")
    print(json.dumps(result))


def path_of(given: argparse.Namespace, name: str, seed: int, fold: int) -> Path:
    """Where a job's figures are: a GPU's rounding is another draw of the same recipe."""
    import torch

    device = "gpu" if torch.cuda.is_available() else "cpu"
    return given.work / f"{name.replace(' ', '_')}-{seed}-{fold}-{device}.json"


def run_all(given: argparse.Namespace) -> None:
    """Jobs side by side, one thread each."""
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


def one(given: argparse.Namespace, name: str, seed: int, fold: int) -> None:
    """Train and evaluate one recipe on one fold, and write its per-query figures."""
    import torch

    from space import bm25_tuning, drift, evaluation, training
    from space.bm25 import Bm25Index
    from space.catalogue import passages
    from space.config import TrainSettings, to_json
    from space.encoder import TextEncoder
    from space.esci import Judged
    from space.index import TorchIndex
    from space.source import open_judged
    from space.systems import Bm25System, DenseSystem, System
    from space.weights import locate

    torch.set_num_threads(1)
    whole = open_judged(given.dataset, given.locales, offline=True)
    train, dev = split(whole.train, fold)
    train = some(train, RECIPES[name].queries, seed)
    judged = Judged(train=train, test=dev, catalogue=whole.catalogue, name=whole.name, notice=whole.notice)
    texts = passages(judged.catalogue)
    encoder = TextEncoder(locate(given.base_model, offline=True), training=True)
    half = (
        torch.autocast(encoder.device.type, torch.bfloat16)
        if given.precision == "bfloat16"
        else contextlib.nullcontext()
    )

    def embedded() -> TorchIndex:
        with half:
            vectors = encoder.encode_passages(texts)
        return TorchIndex(vectors)

    def measured(system: System) -> dict[str, Any]:
        frame = evaluation.per_query(system, dev, judged.catalogue)
        return {
            "query": frame.index.get_level_values("query").tolist(),
            "everyday": encoder.encode_queries(drift.sentences()).tolist() if system.dense else None,
            **{column: frame[column].tolist() for column in COLUMNS},
        }

    def judge() -> dict[str, Any]:
        return measured(DenseSystem(name, encoder, embedded()))

    recipe, found = RECIPES[name], {}
    begun = time.perf_counter()
    if name == "base":
        choice = bm25_tuning.choose(train, texts, judged.catalogue)
        found["base"] = judge()
        found["bm25"] = measured(Bm25System(Bm25Index(texts, k1=choice.k1, b=choice.b)))
    else:
        with tempfile.TemporaryDirectory() as folder:
            settings = TrainSettings(
                dataset=given.dataset,
                precision=given.precision,
                seed=seed,
                checkpoints_dir=Path(folder) / "checkpoints",
                logging_dir=Path(folder) / "logs",
                save_steps=1_000_000,
                **recipe.settings,
            )
            base, log = learn(encoder, recipe, settings, judged, texts, embedded)
        found[name] = judge() | {"examples": log.examples, "steps": log.steps, "seconds": log.seconds}
        found[name]["settings"] = {key: value for key, value in to_json(settings).items() if key in recipe.settings}
        found[name]["settings"] |= {"lora": recipe.lora} if recipe.lora else {}
        blended = 0.0
        for share in recipe.shares:
            training.blend(encoder.model, base, 1 - (1 - share) / (1 - blended))  # on top of what is there already
            blended = share
            found[f"{name}, {share:.0%} base"] = judge() | {"settings": recipe.settings | {"base_share": share}}
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    whole_job = {
        "device": device,
        "seed": seed,
        "fold": fold,
        "minutes": (time.perf_counter() - begun) / 60,
        "found": found,
    }
    path_of(given, name, seed, fold).write_text(json.dumps(whole_job), encoding="utf-8")


def learn(
    encoder: Any, recipe: Recipe, settings: Any, judged: Any, texts: Any, embedded: Callable[[], Any]
) -> tuple[dict[str, Any], Any]:
    """Train the encoder: the weights it came from, and the log of the last run."""
    import torch

    from space import experiment, training

    if recipe.lora:
        from peft import LoraConfig
        from peft.tuners.tuners_utils import BaseTunerLayer

        targets = ["query", "key", "value", "dense"]
        encoder.model.add_adapter(LoraConfig(r=recipe.lora, lora_alpha=2 * recipe.lora, target_modules=targets))
    base = {key: tensor.detach().clone() for key, tensor in encoder.model.state_dict().items()}
    mixed = {key: torch.zeros_like(tensor) for key, tensor in base.items() if tensor.is_floating_point()}
    for run in range(recipe.soup):
        settings = replace(settings, seed=settings.seed + 100 * run)
        examples, exact = experiment.learn_from(judged, texts, settings)
        if settings.mined_negatives:
            examples = experiment.mine(examples, judged, texts, encoder, embedded(), settings)
        encoder.model.load_state_dict(base)
        log = training.fine_tune(encoder, examples, exact, settings)
        now = encoder.model.state_dict()
        for key, total in mixed.items():
            total += now[key].to(total.device) / recipe.soup
    encoder.model.load_state_dict(base | mixed)
    if recipe.lora:
        for module in encoder.model.modules():
            if isinstance(module, BaseTunerLayer):
                module.merge()  # into the weights, which is where they are read for embedding
    return base, log


def split(train: Any, fold: int) -> tuple[Any, Any]:
    """Judgments to learn from and to evaluate on, apart by query."""
    import numpy as np

    counts = train.groupby("query", sort=True).size()
    rng = np.random.default_rng(0)
    rich = rng.permutation(counts.index[counts >= RICH].to_numpy())
    thin = rng.permutation(counts.index[counts < RICH].to_numpy())[:THIN]
    dev = set(rich[fold :: len(FOLDS)]) | set(thin[fold :: len(FOLDS)])
    held = train["query"].isin(dev)
    return train[~held].reset_index(drop=True), train[held].reset_index(drop=True)


def some(train: Any, share: float, seed: int) -> Any:
    """The judgments of a share of the queries."""
    import numpy as np

    names = np.random.default_rng(seed).permutation(np.sort(train["query"].unique()))
    return train[train["query"].isin(set(names[: round(share * len(names))]))].reset_index(drop=True)


def report(given: argparse.Namespace) -> dict[str, Any]:
    """Every recipe beside base, by paired differences over dev queries; several runs of one recipe are averaged."""
    runs: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(given.work.glob("*-*-*-*.json")):
        job = json.loads(path.read_text(encoding="utf-8"))
        for name, found in job["found"].items():
            runs.setdefault(name, []).append(found | {key: job[key] for key in ("seed", "fold", "minutes", "device")})
    if {part["fold"] for part in runs.get("base", [])} != set(FOLDS):
        sys.exit(f"--work {given.work}: no finished jobs of the recipe 'base' over both folds; run it first")
    # Each run is compared with the base as its own device computes it.
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
    result = {
        "benchmark": "study",
        **{name: getattr(given, name) for name in ("dataset", "locales", "base_model", "precision")},
        "dev_queries": {"rich": len(rich & set(base)), "thin": len(set(base) - rich)},
        "base": {name: round(mean(base, rich, name), 4) for name in COLUMNS},
        "recipes": {name: recipes[name] for name in order},
        "devices": sorted(bases),
        "machine": describe(),
    }
    print(table(result))
    plot(result, ROOT / "images" / "study.png")
    return result


def rich_queries(given: argparse.Namespace) -> set[str]:
    """Queries of both folds with enough judgments to say something about a ranking."""
    from space.source import open_judged

    counts = open_judged(given.dataset, given.locales, offline=True).train.groupby("query").size()
    return set(counts.index[counts >= RICH])


def by_query(parts: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """{query: {column: mean over seeds}} of a recipe's jobs."""
    import numpy as np

    values: dict[str, dict[str, list[float]]] = {}
    for part in parts:
        for place, query in enumerate(part["query"]):
            for column in COLUMNS:
                values.setdefault(query, {}).setdefault(column, []).append(part[column][place])
    return {query: {name: float(np.mean(found)) for name, found in row.items()} for query, row in values.items()}


def less(part: dict[str, Any], base: dict[str, dict[str, float]]) -> dict[str, Any]:
    """A job's figures, each minus the base's of that query."""
    rows = [base[query] for query in part["query"]]
    return part | {c: [one - row[c] for one, row in zip(part[c], rows, strict=True)] for c in COLUMNS}


def difference(rows: dict[str, dict[str, float]], others: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """By query and column."""
    return {q: {c: row[c] - others[q][c] for c in COLUMNS} for q, row in rows.items()}


def by_run(parts: list[dict[str, Any]], rich: set[str]) -> list[float]:
    """The gain in full-catalogue nDCG@10 of each run over both folds, for how far runs of one recipe lie apart."""
    runs: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for part in parts:
        runs.setdefault((part["device"], part["seed"]), []).append(part)
    return [round(mean(by_query(both), rich, COLUMNS[0]), 4) for _, both in sorted(runs.items())]


def mean(rows: dict[str, dict[str, float]], queries: set[str], column: str) -> float:
    """Over the queries where the metric is defined."""
    import numpy as np

    return float(np.nanmean([row[column] for query, row in rows.items() if query in queries]))


def figures(rows: dict[str, dict[str, float]], rich: set[str]) -> dict[str, dict[str, Any]]:
    """Differences from base with paired intervals, of rich and of thin queries."""
    import numpy as np

    from space import evaluation

    found: dict[str, dict[str, Any]] = {}
    for kind, queries in (("rich", sorted(set(rows) & rich)), ("thin", sorted(set(rows) - rich))):
        found[kind] = {
            column: evaluation.paired(np.array([rows[query][column] for query in queries])) for column in COLUMNS
        }
    return found


def described(name: str, parts: list[dict[str, Any]], bases: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What a recipe was, and what it did to everyday sentences: the mean cosine of each one's two vectors."""
    import torch

    from space import drift

    moved = [
        drift.measure(*(torch.tensor(one["everyday"]) for one in (bases[part["device"]], part)))["cosine"]["mean"]
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
    """Markdown."""
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


def cell(difference: dict[str, Any]) -> str:
    """A paired difference with its interval."""
    return f"{difference['mean']:+.3f} [{difference['low']:+.3f}, {difference['high']:+.3f}]"


def plot(result: dict[str, Any], path: Path) -> None:
    """Differences from base with their intervals, one row a recipe, both protocols side by side."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    recipes = {name: found for name, found in result["recipes"].items() if name != "base"}
    panels = (
        ("full catalogue, nDCG@10", "rich", "full_catalogue/ndcg@10"),
        ("judged, nDCG", "rich", "judged/ndcg"),
        ("thin queries, MRR@10", "thin", "full_catalogue/mrr@10"),
    )
    figure, axes = pyplot.subplots(1, 3, figsize=(11, 1 + 0.32 * len(recipes)), sharey=True, layout="constrained")
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
    pyplot.close(figure)


if __name__ == "__main__":
    main()
