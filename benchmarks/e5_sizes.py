"""Memory and speed of training and embedding with networks of E5's sizes and random weights, on this machine.

python benchmarks/e5_sizes.py [--dataset ../shared/esci] [--shapes multilingual-e5-small ...] [--steps 10]

The networks have the sizes in plan.py. Texts and tokenizer are real. Each way to train runs in a process of its own.
Its speed is measured between a short and a long run, so that start and checkpoint do not count. The hours are for the
numbers of examples in plan.py. The table goes into PLAN.md, the last line is JSON.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import plan
from machine import describe
from report_tables import put_between

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
PLAN = ROOT / "benchmarks" / "PLAN.md"
MARK = "<!-- written by e5_sizes.py -->"
#: {way: settings of train.py}; each way has 512 examples per step.
WAYS: dict[str, dict[str, Any]] = {
    "64 at a time": {"batch_size": 512, "mini_batch_size": 64},
    "all at once": {"batch_size": 512},
    "all at once, checkpointing": {"batch_size": 512, "gradient_checkpointing": True},
    "triplet, 8 batches of 64": {"batch_size": 64, "gradient_accumulation": 8, "loss": "triplet"},
}
EMBED = "embed"


def main() -> None:
    """Measure every network in every way; with ``--way``, one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="sample")
    parser.add_argument("--locales", nargs="+", default=["us"])
    parser.add_argument("--shapes", nargs="+", default=list(plan.SHAPES), choices=list(plan.SHAPES))
    parser.add_argument("--ways", nargs="+", default=[*WAYS, EMBED], choices=[*WAYS, EMBED])
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--texts", type=int, default=20_000, help="to embed; a smaller catalogue is repeated")
    parser.add_argument("--way", nargs=2, metavar=("FOLDER", "WAY"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.way:
        folder, way = given.way
        print(json.dumps(embed(given, folder) if way == EMBED else train(given, folder, WAYS[way])))
        return
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for name in given.shapes:
            folder, found[name] = make(Path(temporary), name), {}
            for way in given.ways:
                words = [sys.executable, __file__, *sys.argv[1:], "--way", str(folder), way]
                done = subprocess.run(words, capture_output=True, text=True, check=False)
                if done.returncode == 0:
                    found[name][way] = json.loads(done.stdout.splitlines()[-1])
                elif "OutOfMemoryError" in done.stderr:
                    found[name][way] = {"did_not_fit": True}
                else:
                    sys.exit(f"{name}, {way}: {done.stderr.strip()[-2000:]}")
                print(name, way, found[name][way], flush=True)
    result = {
        "benchmark": "e5_sizes",
        "dataset": given.dataset,
        "steps": given.steps,
        "shapes": found,
        "machine": describe(),
    }
    put_between(MARK, PLAN, table(result))
    print(json.dumps(result))


def make(place: Path, name: str) -> Path:
    """A folder with a random model of that size; because of its name it gets the prompts of E5."""
    import made_up

    shape = plan.SHAPES[name]
    tokens = 30_522 if name == "e5-base-v2" else made_up.TOKENS
    return made_up.model(place / name, width=shape.width, tokens=tokens)


def train(given: argparse.Namespace, folder: str, way: dict[str, Any]) -> dict[str, Any]:
    """{"examples_per_second", "peak_gb", "precision"}."""
    import torch

    from space.data.passages import passages
    from space.encoding.encoder import TextEncoder
    from space.encoding.weights import locate
    from space.pipelines import examples as pipeline
    from space.pipelines.inputs import open_judged
    from space.settings import TrainSettings
    from space.training import trainer

    judged = open_judged(given.dataset, given.locales, offline=True)
    encoder = TextEncoder(locate(folder), training=True)
    with tempfile.TemporaryDirectory() as temporary:
        settings = TrainSettings(
            dataset=given.dataset,
            checkpoints_dir=Path(temporary) / "checkpoints",
            logging_dir=Path(temporary) / "logs",
            save_steps=1_000_000,
            title_queries=3_500,
            max_steps=2,
            **way,
        )
        examples, exact = pipeline.make(judged, passages(judged.catalogue), settings)
        took, log = {}, None
        for steps in (2, given.steps, 3 * given.steps):  # the first warms up
            begun = time.perf_counter()
            log = trainer.fine_tune(encoder, examples, exact, replace(settings, max_steps=steps))
            took[steps] = time.perf_counter() - begun
    batch = settings.batch_size * settings.gradient_accumulation
    held = torch.cuda.max_memory_reserved() / 1e9 if torch.cuda.is_available() else log.peak_memory_gb
    return {
        "examples_per_second": round(2 * given.steps * batch / (took[3 * given.steps] - took[given.steps]), 1),
        "peak_gb": log.peak_memory_gb,
        "held_gb": round(held, 2),
        "precision": log.precision,
    }


def embed(given: argparse.Namespace, folder: str) -> dict[str, Any]:
    """{"products_per_second": with tokenizing, "model_alone": without, "peak_gb", "precision"}."""
    import torch

    from space.data.passages import passages
    from space.encoding.encoder import TextEncoder
    from space.encoding.weights import locate
    from space.pipelines.inputs import open_judged

    texts = list(passages(open_judged(given.dataset, given.locales, offline=True).catalogue))
    texts = (texts * -(-given.texts // len(texts)))[: given.texts]
    encoder = TextEncoder(locate(folder))
    encoder.encode_passages(texts[:2_000])
    begun = time.perf_counter()
    encoder.encode_passages(texts)
    whole = time.perf_counter() - begun
    read = encoder.tokenize(texts)
    begun = time.perf_counter()
    encoder.embed(read)
    return {
        "products_per_second": round(len(texts) / whole, 1),
        "model_alone": round(len(texts) / (time.perf_counter() - begun), 1),
        "peak_gb": round(torch.cuda.max_memory_allocated() / 1e9, 2) if torch.cuda.is_available() else None,
        "precision": encoder.precision,
    }


def table(result: dict[str, Any]) -> str:
    """The Markdown table of PLAN.md."""
    lines = ["| encoder | way | examples or products a second | hours for all of ESCI | GB |", "| --- " * 5 + "|"]
    for name, ways in result["shapes"].items():
        for way, found in ways.items():
            if "did_not_fit" in found:
                lines.append(f"| {name} | {way} | did not fit | | |")
                continue
            rate = found.get("examples_per_second") or found["products_per_second"]
            work = plan.EMBEDDED * plan.PRODUCTS if way == EMBED else plan.JUDGMENTS * plan.EXAMPLES
            hours = f"{work / rate / 3600:.2f}"
            lines.append(f"| {name} | {way} | {rate:,.0f} | {hours} | {found['peak_gb'] or ''} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
