"""How fast the exact top k is on a GPU: ours beside a plain product in torch and sentence-transformers.

python benchmarks/topk_gpu.py [--rows 1215854] [--dataset ../shared/esci] [--k 10] [--rounds 15]

Vectors are the "clustered" ones of topk.py, with noise drawn on the GPU. Each round runs each contestant once, from
queries on the CPU to rows on the CPU; figures are medians. The time that reading the float16 rows takes is measured
beside them. FAISS for CUDA 13 is not on PyPI, so it is not among the peers. The last line is JSON.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from machine import describe
from rounds import medians
from sentence_transformers.util import dot_score, semantic_search
from vectors import NOISE

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from space.data.passages import passages  # noqa: E402
from space.encoding.encoder import TextEncoder  # noqa: E402
from space.encoding.weights import PACKAGED, locate  # noqa: E402
from space.index.torch_index import TorchIndex  # noqa: E402
from space.pipelines import inputs  # noqa: E402

BATCHES = (1, 8, 32, 128)
#: Shares of the rows that masks leave.
SHARES = (0.5, 0.01)
#: (q, d) queries on the CPU to (q, k) rows on the CPU.
Search = Callable[[torch.Tensor], torch.Tensor]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_215_854, help="as many as the us locale has")
    parser.add_argument("--dataset", default="sample", help="its products and queries are encoded")
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("topk_gpu.py: no GPU found; topk.py measures the CPU")
    rows, queries = made(given.dataset, given.rows)
    halves = rows.half()
    index = TorchIndex(halves, precision="float16")
    contestants: dict[str, Search] = {
        "ours": lambda asked: index.search(asked, given.k)[1],
        "torch float16": lambda asked: torch.topk(asked.cuda().half() @ halves.T, given.k).indices.cpu(),
        "torch float32": lambda asked: torch.topk(asked.cuda() @ rows.T, given.k).indices.cpu(),
        "semantic_search": lambda asked: hits(
            semantic_search(asked.cuda(), rows, top_k=given.k, score_function=dot_score)
        ),
    }
    truth = exact(rows, queries, given.k)
    kept = exact(halves, queries, given.k)
    result: dict[str, Any] = {"benchmark": "topk_gpu", "dataset": given.dataset, "rows": len(rows), "k": given.k}
    result["recall"] = {name: overlap(search(queries), truth) for name, search in contestants.items()}
    result["recall_of_the_float16_rows"] = {
        name: overlap(search(queries), kept) for name, search in contestants.items()
    }
    result["ms"], result["with_a_mask"] = {}, {}
    for batch in BATCHES:
        asked = queries[:batch]
        took = medians({name: lambda s=search, a=asked: s(a) for name, search in contestants.items()}, given.rounds)
        result["ms"][batch] = {name: round(ms, 3) for name, ms in took.items()}
        draw = torch.Generator().manual_seed(3)
        masks = {str(share): (torch.rand(len(rows), generator=draw) < share).cuda() for share in SHARES}
        runs = {share: lambda m=mask, a=asked: index.search(a, given.k, m) for share, mask in masks.items()}
        result["with_a_mask"][batch] = {share: round(ms, 3) for share, ms in medians(runs, given.rounds).items()}
        print(batch, result["ms"][batch], result["with_a_mask"][batch], flush=True)
    view = halves.view(-1).view(torch.int64)
    result["read_float16_rows_ms"] = round(medians({"read": lambda: view.sum().item()}, given.rounds)["read"], 3)
    result["two_models"] = two(index, queries, given)
    print(json.dumps(result | {"machine": describe()}))


def made(dataset: str, number: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows (number, d) on the GPU, queries (128, d) on the CPU; float32 of unit norm."""
    judged = inputs.open_judged(dataset, ["us"], offline=True)
    encoder = TextEncoder(locate(PACKAGED))
    few = encoder.encode_passages(passages(judged.catalogue)).cuda()
    asked = sorted({*judged.train["query"], *judged.test["query"]})
    asked = (asked * -(-max(BATCHES) // len(asked)))[:: max(1, len(asked) // max(BATCHES))][: max(BATCHES)]
    rows = few[torch.arange(number, device="cuda") % len(few)]
    draw = torch.Generator("cuda").manual_seed(1)
    rows += NOISE * torch.randn(rows.shape, device="cuda", generator=draw)
    return torch.nn.functional.normalize(rows, dim=1), encoder.encode_queries(asked)


def exact(rows: torch.Tensor, queries: torch.Tensor, k: int) -> torch.Tensor:
    """The answer in float64, in parts that fit in memory."""
    best = torch.full((len(queries), 0), 0.0, device="cuda", dtype=torch.float64)
    found = torch.full((len(queries), 0), 0, device="cuda")
    for start in range(0, len(rows), 100_000):
        scores = queries.cuda().double() @ rows[start : start + 100_000].double().T
        values, places = torch.topk(scores, min(k, scores.shape[1]))
        best, found = torch.cat([best, values], dim=1), torch.cat([found, start + places], dim=1)
        best, order = torch.topk(best, min(k, best.shape[1]))
        found = found.gather(1, order)
    return found.cpu()


def overlap(found: torch.Tensor, truth: torch.Tensor) -> float:
    """recall@k."""
    return round(float((found[:, :, None] == truth[:, None]).any(dim=2).float().mean()), 4)


def two(index: TorchIndex, queries: torch.Tensor, given: argparse.Namespace) -> dict[str, float]:
    """The two searches of a comparison: one after the other, as the app runs them, and both in one product."""
    other = TorchIndex(index.vectors(torch.arange(len(index) - 1, -1, -1)), precision="float16")
    joined = torch.stack([index._rows, other._rows])
    both = queries[:1].cuda().half().expand(2, 1, -1)
    runs = {
        "one after the other": lambda: [one.search(queries[:1], given.k) for one in (index, other)],
        "only the product, in one": lambda: torch.bmm(both, joined.mT).sum().item(),
        "only the product, one after the other": lambda: sum((both[0] @ rows.T).sum().item() for rows in joined),
    }
    return {name: round(ms, 3) for name, ms in medians(runs, given.rounds).items()}


def hits(found: list[list[dict]]) -> torch.Tensor:
    """(q, k) rows of what ``semantic_search`` returned."""
    return torch.tensor([[hit["corpus_id"] for hit in row] for row in found])


if __name__ == "__main__":
    main()
