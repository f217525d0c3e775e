"""What kept vectors save: training, building and training again, with and without them.

python benchmarks/kept_vectors.py [--dataset ../shared/esci] [--locales us]

Each command is a process of its own, as a user starts it. A training takes one step, so nearly all its time is the
start and the evaluation, which embeds the catalogue with both encoders. The second training has another seed: its
fine-tuned encoder is new, its base is not. The same three commands run with E5_VECTOR_CACHE=off and with an empty
folder. The last line is JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import describe

ROOT = Path(__file__).resolve().parent.parent
BASE = "packaged-e5"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="sample")
    parser.add_argument("--locales", nargs="+", default=["us", "es"])
    given = parser.parse_args()
    dataset = given.dataset if given.dataset == "sample" else str(Path(given.dataset).resolve())
    data = ["--dataset", dataset, "--locales", *given.locales, "--base-model", BASE, "--offline"]
    ways: dict[str, dict[str, float]] = {}
    for way in ("off", "kept"):
        with tempfile.TemporaryDirectory() as folder:
            cache = "off" if way == "off" else str(Path(folder) / "vectors")
            ways[way] = {name: seconds(words, folder, cache) for name, words in commands(data).items()}
        print(way, json.dumps(ways[way]), flush=True)
    saved = {name: round(ways["off"][name] / ways["kept"][name], 2) for name in ways["off"]}
    result = {"benchmark": "kept_vectors", "dataset": given.dataset, "locales": given.locales, "seconds": ways}
    print(json.dumps(result | {"times as fast": saved, "machine": describe()}))


def commands(data: list[str]) -> dict[str, list[str]]:
    """{what it does: the words of the command}, in order."""
    train = [str(ROOT / "train.py"), *data, "--max-steps", "1"]
    return {
        "training": [*train, "--output-dir", "first"],
        "build": [str(ROOT / "build_embeddings.py"), *data, "--model", "first"],
        "second training": [*train, "--output-dir", "second", "--seed", "1"],
    }


def seconds(words: list[str], folder: str, cache: str) -> float:
    """Seconds of a command, from its start to its end."""
    begun = time.perf_counter()
    environment = os.environ | {"E5_VECTOR_CACHE": cache}
    subprocess.run([sys.executable, *words], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    return round(time.perf_counter() - begun, 1)


if __name__ == "__main__":
    main()
