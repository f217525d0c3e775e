"""Speed and memory of training: our trainer and a plain `SentenceTransformerTrainer` on the same batches.

python benchmarks/training.py [--dataset ../shared/esci] [--locales us] [--examples 320] [--rounds 2]

Both train the packaged multilingual-e5-small with the same batches, loss, seed, sequence length, optimizer, schedule
and checkpoints. They differ in how a batch is embedded, and the plain one has all word embeddings, ours those that
occur. Every run is a process of its own, and each round runs all ways, so that a busy moment slows down all of them.
First the losses of the first steps are compared, without dropout, whose random draws depend on the order of the texts.
Then time and memory are measured with dropout. Where the processor multiplies bfloat16, train.py does so by default,
and both are also measured with that, which is ``bf16=True`` for a plain trainer. On a machine that is busy with other
work, --one-core gives each way one thread and counts the processor's time, not the clock's. The memory of each way
holds a copy of its weights, for --base-share. The last line is JSON.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from machine import describe

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

WAYS = ("plain", "ours")
HALF, PLAIN_HALF = "ours, bfloat16", "plain, bfloat16"
BASE = "packaged-e5"
#: Steps whose losses are compared.
COMPARED = 5


def main() -> None:
    """Measure and print; with ``--way``, one run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="sample")
    parser.add_argument("--locales", nargs="+", default=["us", "es"])
    parser.add_argument("--loss", default="mnrl", choices=("triplet", "mnrl", "cosent"))
    parser.add_argument("--examples", type=int, default=320, help="of each run with dropout")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--max-seq-length", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are cores")
    parser.add_argument("--one-core", action="store_true", help="one thread, and the time that it computes")
    parser.add_argument("--way", choices=(*WAYS, HALF, PLAIN_HALF), help=argparse.SUPPRESS)
    parser.add_argument("--no-dropout", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.way:
        print(json.dumps(one(given)))
        return
    from space.training.run import computes_in

    ways = (*WAYS, PLAIN_HALF, HALF) if computes_in("auto") == "bfloat16" else WAYS
    still = {way: process(way, dropout=False) for way in ways}
    runs: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
    for number in range(given.rounds):
        for way in ways if number % 2 == 0 else ways[::-1]:
            runs[way].append(process(way, dropout=True))
            print(number + 1, way, f"{rate(runs[way][-1:]):.1f} examples/s", flush=True)
    print(json.dumps(result(given, still, runs)))


def process(way: str, *, dropout: bool) -> dict[str, Any]:
    """A run in a process of its own, so that no run warms up another or adds to its memory."""
    words = [sys.executable, __file__, *sys.argv[1:], "--way", way, *([] if dropout else ["--no-dropout"])]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def one(given: argparse.Namespace) -> dict[str, Any]:
    """Train once: {"losses" of every step, "sizes" and "seconds" of those after the first, "steps", "peak_gb"}."""
    import torch
    from sentence_transformers import SentenceTransformerTrainer
    from transformers import TrainerCallback

    from space.data.passages import passages
    from space.encoding.encoder import TextEncoder
    from space.encoding.weights import locate
    from space.hub.client import model_download
    from space.pipelines.inputs import open_judged
    from space.settings import TrainSettings
    from space.training import trainer
    from space.training.examples import exact_texts, training_examples

    ours = trainer.Trainer
    ends: list[float] = []
    losses: list[float] = []
    sizes: list[int] = []
    clock = time.process_time if given.one_core else time.perf_counter

    class Stopwatch(TrainerCallback):
        """Takes the time from the end of a step to the end of the next, with reading and tokenizing the batch."""

        def on_step_end(self, *given: Any, **kwargs: Any) -> None:
            ends.append(clock())

    class Timed(ours):
        """Our trainer; for the plain way it computes the loss as the library does."""

        def __init__(self, *args: Any, callbacks: list[TrainerCallback], **kwargs: Any) -> None:
            super().__init__(*args, callbacks=[*callbacks, Stopwatch()], **kwargs)

        def compute_loss(self, *args: Any, **kwargs: Any) -> torch.Tensor:
            way = SentenceTransformerTrainer if given.way in (WAYS[0], PLAIN_HALF) else ours
            sizes.append(len(args[1][next(name for name in args[1] if name.endswith("input_ids"))]))
            loss = way.compute_loss(self, *args, **kwargs)
            losses.append(float(loss.detach()))
            return loss

    trainer.Trainer = Timed
    if given.way in (WAYS[0], PLAIN_HALF):
        trainer._token_ids = lambda *given: None  # the library trains all word embeddings
    torch.set_num_threads(1 if given.one_core else given.threads or len(os.sched_getaffinity(0)))
    judged = open_judged(given.dataset, given.locales, offline=True)
    texts = passages(judged.catalogue)
    examples = training_examples(judged.train, texts, given.loss, negatives=1)
    number = min(given.examples, len(examples), COMPARED * given.batch_size if given.no_dropout else len(examples))
    examples = examples.shuffle(seed=0).select(range(number))
    weights = locate(BASE, model_download(offline=True))
    encoder = TextEncoder(weights, max_seq_length=given.max_seq_length, training=True)
    for module in encoder.model.modules() if given.no_dropout else ():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    with tempfile.TemporaryDirectory() as folder:
        settings = TrainSettings(
            dataset=given.dataset,
            loss=given.loss,
            batch_size=given.batch_size,
            precision="bfloat16" if given.way in (HALF, PLAIN_HALF) else "float32",
            checkpoints_dir=Path(folder) / "checkpoints",
            logging_dir=Path(folder) / "logs",
            save_steps=0.5,
        )
        log = trainer.fine_tune(encoder, examples, exact_texts(judged.train, texts), settings)
    seconds = [after - before for before, after in itertools.pairwise(ends)]
    return {
        "losses": losses,
        "sizes": sizes[1:],
        "seconds": seconds,
        "steps": log.steps,
        "peak_gb": log.peak_memory_gb,
    }


def result(
    given: argparse.Namespace, still: dict[str, dict[str, Any]], runs: dict[str, list[dict[str, Any]]]
) -> dict[str, Any]:
    """The figures that docs/training.md quotes, and those they are computed from."""
    apart = [abs(a - b) for a, b in zip(*(still[way]["losses"] for way in WAYS), strict=True)]
    means = {way: [statistics.fmean(run["losses"]) for run in parts] for way, parts in runs.items()}
    rates = {way: rate(parts) for way, parts in runs.items()}
    half = {}
    if HALF in rates:
        gap = [abs(a - b) for a, b in zip(still["plain"]["losses"], still[HALF]["losses"], strict=True)]
        half = {
            "times_as_fast_bfloat16": round(rates[HALF] / rates["plain"], 2),
            "times_as_fast_both_bfloat16": round(rates[HALF] / rates[PLAIN_HALF], 2),
            "bfloat16_steps_apart": max(gap),
        }
    return {
        "benchmark": "training",
        **{name: getattr(given, name) for name in ("dataset", "locales", "loss", "batch_size", "max_seq_length")},
        "steps": runs["ours"][0]["steps"],
        "examples": sum(sum(run["sizes"]) for run in runs["ours"]),
        "clock": "processor, one core" if given.one_core else "wall",
        "rounds": given.rounds,
        "examples_per_second": {way: round(value, 2) for way, value in rates.items()},
        "times_as_fast": round(rates["ours"] / rates["plain"], 2),
        **half,
        "times_as_fast_by_round": [
            round(rate([one]) / rate([other]), 2) for one, other in zip(runs["ours"], runs["plain"], strict=True)
        ],
        "peak_gb": {way: max(run["peak_gb"] for run in parts) for way, parts in runs.items()},
        "loss_without_dropout": {
            "steps": still["ours"]["steps"],
            "first_step_apart": apart[0],
            "all_steps_apart": max(apart),
            "mean": {way: round(statistics.fmean(still[way]["losses"]), 6) for way in still},
        },
        "mean_loss_with_dropout": {way: round(statistics.fmean(values), 6) for way, values in means.items()},
        "machine": describe(),
    }


def rate(runs: list[dict[str, Any]]) -> float:
    """Examples a second, from the median time of each step over the runs; the batches differ in length and size."""
    steps = zip(*(run["seconds"] for run in runs), strict=True)
    medians = [statistics.median(step) for step in steps]
    # Without the two slowest: after these a checkpoint was written.
    counted = sorted(range(len(medians)), key=medians.__getitem__)[:-2]
    return sum(runs[0]["sizes"][step] for step in counted) / sum(medians[step] for step in counted)


if __name__ == "__main__":
    main()
