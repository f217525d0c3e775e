"""How long it takes to count one more judgment of people, without and with a model's: both protocols, with intervals.

python benchmarks/people.py --products 10000 --queries 300

Made-up titles and random vectors: the searches mean nothing, the times are real. The first evaluation searches for
every query; those after it count a new judgment. The model has graded the top ten of all systems. Prints JSON.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from space.data.scale import ESCI  # noqa: E402
from space.feedback.judgments import FRAME, Judgment, frame  # noqa: E402
from space.feedback.machine_opinion import MACHINE  # noqa: E402
from space.feedback.people_evaluation import PeopleEvaluation  # noqa: E402
from space.index.bm25 import Bm25Index  # noqa: E402
from space.index.torch_index import TorchIndex  # noqa: E402
from space.retrieval.baselines import Bm25System  # noqa: E402
from space.retrieval.dense import DenseSystem  # noqa: E402
from space.retrieval.hybrid import HybridSystem  # noqa: E402
from space.retrieval.system import System  # noqa: E402

DIM, WORDS, JUDGED_PER_QUERY = 384, 5_000, 20


class RandomVectors:
    """An encoder that gives each query a random unit vector, in no time: only the first evaluation encodes."""

    def __init__(self, seed: int) -> None:
        """``seed`` tells two encoders apart."""
        self._generator = torch.Generator().manual_seed(seed)

    def encode_queries(self, texts: list[str]) -> torch.Tensor:
        """(n, DIM) float32."""
        return torch.nn.functional.normalize(torch.randn(len(texts), DIM, generator=self._generator), dim=1)


def measure(products: int, queries: int, rounds: int) -> dict[str, float]:
    """Seconds of the first evaluation, and the median of those after one more judgment each."""
    rng = np.random.default_rng(0)
    titles = [" ".join(f"w{word}" for word in rng.integers(0, WORDS, 8)) for _ in range(products)]
    ids = [str(row) for row in range(products)]
    catalogue = pa.table({"product_id": ids, "product_locale": ["us"] * products, "product_title": titles})
    asked = [f"w{number % WORDS} w{number * 7 % WORDS}" for number in range(queries)]
    systems: dict[str, System] = {
        name: DenseSystem(name, RandomVectors(seed), TorchIndex(RandomVectors(seed + 9).encode_queries(titles)))
        for seed, name in enumerate(("base", "tuned"))
    }
    systems["bm25"] = Bm25System(Bm25Index(titles, catalogue["product_locale"]))
    systems["hybrid"] = HybridSystem(systems["tuned"], systems["bm25"])
    rows = []
    for number, query in enumerate(asked):
        judged = rng.choice(products, JUDGED_PER_QUERY, replace=False)
        for row, label in zip(judged, rng.choice(ESCI.names, JUDGED_PER_QUERY), strict=True):
            rows.append((query, number, ids[row], "us", label))
    labels = pd.DataFrame(rows, columns=["query", "query_id", "product_id", "product_locale", "esci_label"])
    pool = sorted({(query, row) for system in systems.values() for query, found in
                   zip(asked, system.retrieve(asked, 10), strict=True) for row in found.rows.tolist()})  # fmt: skip
    grades = rng.choice(ESCI.names, len(pool))
    machine = pd.DataFrame(
        [("us", query, ids[row], grade, MACHINE, "") for (query, row), grade in zip(pool, grades, strict=True)],
        columns=list(FRAME),
    )
    evaluation = PeopleEvaluation(systems, labels, catalogue, ESCI, None)
    seconds: dict[str, list[float]] = {"": [], "machine_": []}
    for number in range(rounds + 1):
        given = [Judgment("", "owner", "us", asked[one], ids[-1 - one], "Exact") for one in range(number)]
        people = frame({one.pair: [one] for one in given}, ESCI)
        for name, opinion in (("", None), ("machine_", machine)):
            begun = time.perf_counter()
            evaluation.with_people(people, opinion)
            seconds[name].append(time.perf_counter() - begun)
    first = {f"{name}first_seconds": round(values[0], 3) for name, values in seconds.items()}
    following = {f"{name}next_seconds": round(statistics.median(values[1:]), 3) for name, values in seconds.items()}
    return {"machine_grades": len(machine), **first, **following}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=10_000)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    print(json.dumps(vars(given) | measure(given.products, given.queries, given.rounds)))
