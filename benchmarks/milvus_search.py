"""Milvus Lite against the exact index on the same store: products loaded per second, ms a query, same rows.

python benchmarks/milvus_search.py [--products 20000] [--queries 50] [--kind FLAT] [--uri http://HOST:19530]
    [--pid PID]

The vectors are random unit vectors, and each product has one of ten brands to filter by. Milvus Lite is for tests and
small catalogues; --uri measures a server, and leaves the collections there; with --pid, its process on this machine,
also its memory. `milvus-server --data DIR` of PyPI's milvus starts one. Prints JSON.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from machine import describe

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from space.data.filters import Facets  # noqa: E402
from space.encoding.description import ENCODERS, EncoderDescription  # noqa: E402
from space.index.milvus_client import KINDS  # noqa: E402
from space.index.torch_index import TorchIndex  # noqa: E402
from space.store import milvus_collections  # noqa: E402
from space.store.reader import Store  # noqa: E402
from space.store.writer import Plan, StoreWriter  # noqa: E402

DIM, K, FILTER = 384, 10, {"brand": "brand 3"}


def main() -> None:
    """Build a store, load it, compare searches, print the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=20_000)
    parser.add_argument("--queries", type=int, default=50)
    parser.add_argument("--kind", default="FLAT", choices=sorted(KINDS))
    parser.add_argument("--uri", help="a server to measure instead of Milvus Lite")
    parser.add_argument("--pid", type=int, help="the server's process on this machine, to report its memory")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = write(Path(folder) / "store", given.products)
        uri = given.uri or str(Path(folder) / "lite.db")
        begun = time.perf_counter()
        milvus_collections.load(store.folder, uri, given.kind)
        loading = time.perf_counter() - begun
        there, here = milvus_collections.open_indexes(store, uri)["tuned"], TorchIndex(store.vectors("tuned"))
        mask = torch.from_numpy(Facets(store.products()).mask(FILTER))
        queries = torch.nn.functional.normalize(torch.randn(given.queries, DIM), dim=1)
        result = {
            "benchmark": "milvus",
            "server": "given" if given.uri else "Milvus Lite",
            "kind": given.kind,
            "products": given.products,
            "products_loaded_per_s": round(given.products / loading),
            "all": compared(queries, lambda one: there.search(one, K), lambda one: here.search(one, K)),
            "a_tenth": compared(
                queries, lambda one: there.within(FILTER).search(one, K), lambda one: here.search(one, K, mask)
            ),
            "server_memory_gb": resident(given.pid) if given.pid else None,
            "machine": describe(),
        }
    print(json.dumps(result))


def resident(pid: int) -> float:
    """Memory that a process holds now, in GB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 2**20, 2)


def write(folder: Path, products: int) -> Store:
    """Write a store of random vectors."""
    table = pa.table(
        {
            "product_id": [f"P{row}" for row in range(products)],
            "product_locale": ["us"] * products,
            "product_title": [f"thing {row}" for row in range(products)],
            "product_brand": [f"brand {row % 10}" for row in range(products)],
            "product_color": pa.nulls(products, pa.string()),
        }
    )
    described = {
        part: EncoderDescription(id="random", fingerprint=f"random {part}", dim=DIM, max_seq_length=64)
        for part in ENCODERS
    }
    writer = StoreWriter(folder, Plan(products, 20_000, "{title}", "made up"))
    writer.begin(resume=False)
    writer.write_products(table)
    for seed, part in enumerate(ENCODERS):
        drawn = torch.Generator().manual_seed(seed)
        for shard in range(writer.plan.shards):
            _, size = writer.plan.span(shard)
            rows = torch.nn.functional.normalize(torch.randn(size, DIM, generator=drawn), dim=1)
            writer.write_vectors(part, shard, writer.key(shard, described[part]), writer.products(shard), rows)
    writer.finish(described, None, None, "")
    return Store(folder)


Search = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]


def compared(queries: torch.Tensor, there: Search, here: Search) -> dict[str, float]:
    """Median ms of one query at a time, and the share of results that have the same row at the same rank.

    One index after the other: if they took turns, idle threads of one would still spin while the other is timed.
    """
    medians, found = {}, {}
    for name, search in (("milvus", there), ("torch", here)):
        took, rows = [], []
        for query in (queries[:1], *queries.split(1)):  # the first one warms up
            begun = time.perf_counter()
            rows.append(search(query)[1].numpy())
            took.append(1e3 * (time.perf_counter() - begun))
        medians[f"{name}_ms"] = round(statistics.median(took[1:]), 2)
        found[name] = np.concatenate(rows[1:])
    return medians | {"same_rows": round(float(np.mean(found["milvus"] == found["torch"])), 4)}


if __name__ == "__main__":
    main()
