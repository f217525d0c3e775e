"""How fast a catalogue is embedded: our encoder beside `SentenceTransformer.encode` with its defaults.

python benchmarks/embedding.py [--dataset ../shared/esci] [--locales us] [--texts 1000] [--rounds 3]

Without --dataset it takes the real rows if they are there, else the sample. All ways have the same weights, texts,
sequence limit and process. A round runs each once, and every second round in reverse order. "packed" is ours with all
products in float32. The ceiling is the time of the matrix products alone, at the rate that this machine reaches in one
large product of the same type. The last line is JSON.
"""

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from machine import describe
from rounds import timed

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
REAL = ROOT.parent / "shared" / "esci"
QUERY = "something to keep coffee hot"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default=str(REAL) if REAL.is_dir() else "sample")
    parser.add_argument("--locales", nargs="+", default=["us"])
    parser.add_argument("--model", default="packaged-e5")
    parser.add_argument("--texts", type=int, default=1000, help="how many of the catalogue, drawn at random")
    parser.add_argument("--max-seq-length", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--queries", type=int, default=100, help="how often one query is timed")
    parser.add_argument("--threads", type=int, default=0, help="0 takes one for each core")
    given = parser.parse_args()

    import torch

    from space.data.passages import passages
    from space.encoding.encoder import TextEncoder
    from space.encoding.weights import locate
    from space.hub.client import model_download
    from space.pipelines.inputs import open_judged

    torch.set_num_threads(given.threads or len(os.sched_getaffinity(0)))
    catalogue = open_judged(given.dataset, given.locales, offline=True).catalogue
    rows = random.Random(0).sample(range(len(catalogue)), min(given.texts, len(catalogue)))
    catalogue = catalogue.take(rows)
    texts = list(passages(catalogue))
    weights = locate(given.model, model_download(offline=True))
    ours = TextEncoder(weights, max_seq_length=given.max_seq_length)
    exact = TextEncoder(weights, max_seq_length=given.max_seq_length, training=True)

    def default(texts: Sequence[str], prompt: str = "document") -> torch.Tensor:
        return torch.from_numpy(exact.model.encode(list(texts), prompt_name=prompt, show_progress_bar=False))

    ways = {"default": default, "packed": exact.encode_passages, "ours": ours.encode_passages}
    searches = {
        "default": lambda texts: default(texts, "query"),
        "packed": exact.encode_queries,
        "ours": ours.encode_queries,
    }
    vectors = {name: encode(texts) for name, encode in ways.items()}  # also the warm-up
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(given.rounds):
        for name in list(ways)[:: 1 if number % 2 == 0 else -1]:
            seconds[name].append(timed(lambda encode=ways[name]: encode(texts)))
            print(number + 1, name, f"{len(texts) / seconds[name][-1]:.0f} products/s", flush=True)
    query = {name: 1000 * statistics.median(alternate(searches, given.queries)[name]) for name in searches}
    tokens = [len(text) for text in exact.tokenize(texts)]
    # The best round of each, since other work on the machine only makes a round slower.
    rate = {name: len(texts) / min(taken) for name, taken in seconds.items()}
    result = {
        "benchmark": "embedding",
        "dataset": given.dataset if given.dataset == "sample" else Path(given.dataset).name,
        **{name: getattr(given, name) for name in ("locales", "model", "max_seq_length", "rounds")},
        "texts": len(texts),
        "tokens": {"mean": round(statistics.fmean(tokens), 1), "default_padded": round(padded(texts, tokens), 2)},
        "device": str(ours.device),
        "threads": torch.get_num_threads(),
        "precision": ours.precision,
        "products_per_second": {name: round(value, 1) for name, value in rate.items()},
        "times_as_fast": {name: round(rate[name] / rate["default"], 2) for name in ("packed", "ours")},
        "by_round": {name: [round(len(texts) / one, 1) for one in taken] for name, taken in seconds.items()},
        "cosine_to_default": {name: closeness(vectors["default"], vectors[name]) for name in ("packed", "ours")},
        "one_query_ms": {name: round(value, 2) for name, value in query.items()},
        "share_of_ceiling": {
            name: round(sum(tokens) / len(texts) * rate[name] * work(encoder.model) / ceiling(encoder, half), 2)
            for name, encoder, half in (("packed", exact, False), ("ours", ours, ours.precision != "float32"))
        },
        "store": build(catalogue, ours),
        "machine": describe(),
    }
    print(json.dumps(result))


def alternate(searches: dict[str, Callable[[list[str]], object]], times: int) -> dict[str, list[float]]:
    """Seconds of one query, the ways in turn, after three queries to warm up."""
    taken: dict[str, list[float]] = {name: [] for name in searches}
    for number in range(times + 3):
        for name, encode in searches.items():
            seconds = timed(lambda encode=encode: encode([QUERY]))
            if number >= 3:
                taken[name].append(seconds)
    return taken


def padded(texts: Sequence[str], tokens: Sequence[int], batch: int = 32) -> float:
    """Tokens with padding over tokens without, in the default's batches: 32 texts, by length in characters."""
    order = sorted(range(len(texts)), key=lambda row: -len(texts[row]))
    batches = [[tokens[row] for row in order[start : start + batch]] for start in range(0, len(order), batch)]
    return sum(max(batch) * len(batch) for batch in batches) / sum(tokens)


def closeness(reference: Any, vectors: Any) -> dict[str, float]:
    """Least and mean cosine of (n, d) vectors with a reference."""
    cosines = (reference.double() * vectors.double()).sum(dim=1)
    return {"least": round(cosines.min().item(), 6), "mean": round(cosines.mean().item(), 6)}


def work(model: Any) -> int:
    """Operations of all layers' matrix products for one token, without those inside attention."""
    import torch

    layers = model[0].auto_model.encoder.modules()
    return sum(2 * module.weight.numel() for module in layers if isinstance(module, torch.nn.Linear))


def ceiling(encoder: Any, half: bool) -> float:
    """Operations a second in one product of the size of the layers' largest, the best of 50."""
    import torch

    rows, dim = (65_536 if encoder.device.type == "cuda" else 2_048), encoder.dim
    dtype = torch.bfloat16 if half else torch.float32
    left = torch.randn(rows, dim, device=encoder.device).to(dtype)
    right = torch.randn(4 * dim, dim, device=encoder.device).to(dtype)

    def product() -> None:
        torch.nn.functional.linear(left, right)
        if encoder.device.type == "cuda":
            torch.cuda.synchronize()

    product()
    return 2 * rows * dim * 4 * dim / min(timed(product) for _ in range(50))


def build(catalogue: Any, encoder: Any) -> dict[str, float]:
    """Seconds to make a store: each part of the work alone, and all of it overlapped as in build_embeddings.py."""
    from accelerate import PartialState

    from space.data.passages import passages, template
    from space.store.embedding import embed_catalogue
    from space.store.writer import Plan, StoreWriter

    state = PartialState(cpu=encoder.device.type == "cpu")
    plan = Plan(len(catalogue), -(-len(catalogue) // 4), template(0), "benchmark")
    parts = dict.fromkeys(("reading and tokenizing", "model", "writing"), 0.0)
    with tempfile.TemporaryDirectory() as folder:
        writer = StoreWriter(Path(folder), plan)
        writer.begin(resume=False)
        writer.write_products(catalogue)
        for shard in range(plan.shards):
            begun = time.perf_counter()
            products = writer.products(shard)
            read = encoder.tokenize(passages(products))
            ready = time.perf_counter()
            vectors = encoder.embed(read)
            embedded = time.perf_counter()
            writer.write_vectors("base", shard, "", products, vectors)
            parts["reading and tokenizing"] += ready - begun
            parts["model"] += embedded - ready
            parts["writing"] += time.perf_counter() - embedded
    with tempfile.TemporaryDirectory() as folder:
        load = {"base": lambda: encoder, "tuned": lambda: encoder}
        overlapped = timed(lambda: embed_catalogue(catalogue, load, Path(folder), plan, state, card=str)) / 2
    return {name: round(value, 3) for name, value in (parts | {"overlapped, all of it": overlapped}).items()}


if __name__ == "__main__":
    main()
