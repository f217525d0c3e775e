"""What E5's narrow cone of vectors does to the index, to score percentiles and to the hybrid.

python benchmarks/cone.py [--dataset ../shared/esci] [--model packaged-e5] [--rows 1215854]

All cosines of E5 lie close together. So: how close; how much finer the codes are for leaving out the common centre;
how many rows a query scores exactly; whether every answer is the one that scoring all rows gives, to the bit, over the
products and over --rows repeats of them with noise; how far relevant products stand out by percentile; and how much of
the hybrid's top ten each of its two systems has. The queries are the test queries. The last line is JSON.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
import vectors
from machine import describe
from topk import joined

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from space.data.passages import passages  # noqa: E402
from space.encoding.encoder import TextEncoder  # noqa: E402
from space.encoding.weights import PACKAGED, locate  # noqa: E402
from space.index import codes  # noqa: E402
from space.index.bm25 import Bm25Index  # noqa: E402
from space.index.torch_index import TorchIndex  # noqa: E402
from space.pipelines.inputs import open_judged  # noqa: E402
from space.retrieval.baselines import Bm25System  # noqa: E402
from space.retrieval.dense import DenseSystem  # noqa: E402
from space.retrieval.hybrid import HybridSystem  # noqa: E402
from space.search.score_reference import Pairs, reference_pairs, score_reference  # noqa: E402

K = 10


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="sample")
    parser.add_argument("--model", default=PACKAGED)
    parser.add_argument("--rows", type=int, default=1_215_854)
    given = parser.parse_args()
    judged = open_judged(given.dataset, ["us"], offline=True)
    texts, encoder = passages(judged.catalogue), TextEncoder(locate(given.model), device="cpu")
    products = torch.from_numpy(vectors.kept(encoder, list(texts)))
    asked = sorted(set(judged.test["query"]))
    queries = encoder.encode_queries(asked)
    index = TorchIndex(products.half(), precision="int8", device="cpu")
    dense = DenseSystem("base", encoder, index)
    many = torch.from_numpy(joined(vectors.repeated(products.numpy(), given.rows), given.rows).astype(np.float16))
    result = {
        "benchmark": "cone",
        "dataset": Path(given.dataset).name,
        "products": len(products),
        "queries": len(asked),
        "cosines_of_products": spread(random_pairs(products)),
        "codes": coded(products.half()),
        "search": {
            len(products): searched(index, queries),
            given.rows: searched(TorchIndex(many, precision="int8", device="cpu"), queries),
        },
        "percentiles": percentiles(dense, judged),
        "hybrid": shares(dense, Bm25System(Bm25Index(texts)), asked),
        "machine": describe(),
    }
    print(json.dumps(result))


def spread(values: np.ndarray) -> dict[str, float]:
    """Percentiles."""
    return {f"{at}%": round(float(np.percentile(values, at)), 3) for at in (1, 50, 99)}


def random_pairs(products: torch.Tensor, number: int = 200_000) -> np.ndarray:
    """(number,) cosines of products drawn at random."""
    left, right = torch.from_numpy(np.random.default_rng(0).integers(0, len(products), (2, number)))
    return (products[left] * products[right]).sum(dim=1).numpy()


def coded(rows: torch.Tensor) -> dict[str, float]:
    """The mean length of what codes lose of a unit vector, with the centre left out and without."""
    found = {}
    for name, sample in (("with centre", 1_024), ("without", len(rows) + 1)):
        with mock.patch.object(codes, "_SAMPLE", sample):
            centred = rows.float() - codes._centre(rows)
        made, scales = codes._quantize(centred)
        found[name] = round(float((made * scales[:, None] - centred).norm(dim=1).mean()), 5)
    return found


def searched(index: TorchIndex, queries: torch.Tensor) -> dict[str, Any]:
    """How many rows a query scores exactly, and whether the answers are those of scoring every row."""
    counted: list[int] = []
    exact = index._exact_scores
    with mock.patch.object(
        index, "_exact_scores", lambda q, asking, rows: counted.append(len(rows)) or exact(q, asking, rows)
    ):
        found = [index.search(query[None], K) for query in queries]
    every, same = torch.arange(len(index)), 0
    for query, (scores, rows) in zip(queries, found, strict=True):
        whole = index._exact_scores(query[None], torch.zeros_like(every), every)
        best = torch.sort(whole, descending=True, stable=True)
        same += bool(torch.equal(best.indices[:K], rows[0]) and torch.equal(best.values[:K], scores[0]))
    return {"rows_scored_exactly": round(sum(counted) / len(queries), 1), "same_answers": same / len(queries)}


def percentiles(dense: DenseSystem, judged: Any) -> dict[str, Any]:
    """Cosines of relevant and of random pairs, and where the random ones stand among the relevant."""
    pairs = reference_pairs(judged.test, judged.catalogue)
    reference = score_reference(dense, pairs)
    drawn = np.random.default_rng(0).integers(0, len(judged.catalogue), len(pairs.rows))
    other = score_reference(dense, Pairs(pairs.queries, pairs.places, drawn, "random")).scores
    standing = np.array([reference.standing(score).share for score in other])
    return {
        "relevant": spread(reference.scores),
        "random": spread(other),
        "random_below_the_lowest_tenth_of_relevant": round(float((standing < 0.1).mean()), 3),
    }


def shares(dense: DenseSystem, bm25: Bm25System, asked: list[str]) -> dict[str, float]:
    """Of the hybrid's top ten: the share that stands in E5's top ten only, in BM25's only, in both, in neither."""
    counts = dict.fromkeys(("both", "E5 only", "BM25 only", "neither"), 0)
    found = [system.retrieve(asked, K) for system in (HybridSystem(dense, bm25), dense, bm25)]
    for both, one, other in zip(*found, strict=True):
        for row in both.rows[both.rows >= 0]:
            name = {(True, True): "both", (True, False): "E5 only", (False, True): "BM25 only"}
            counts[name.get((row in one.rows, row in other.rows), "neither")] += 1
    return {name: round(count / sum(counts.values()), 3) for name, count in counts.items()}


if __name__ == "__main__":
    main()
