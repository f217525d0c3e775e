"""Milvus beside the exact index of the app: recall, ms a query, products loaded a second, index builds, and memory.

python benchmarks/milvus_search.py [--products 500000] [--lite-products 20000] [--queries 100] [--dataset DATA]

A real server 2.3.5 (PyPI's package milvus) runs on this machine, with its data in a temporary folder: 5 GB at the
default size. It loads the products once, merges the small segments, and makes each kind of index in turn. It merges no
more by itself, since it would build indexes twice. It starts again after each build, so that its memory is that of
searching. Milvus Lite, which is for small catalogues, follows with FLAT.

The products are those of a data set by the packaged E5, repeated with noise as in vectors.py. The queries are its real
ones, one at a time, among all products and among the tenth that one of ten brands has. "exact" is what the app runs
without Milvus: float16 rows, searched by int8 codes. Recall is against its answers. It is measured again beside each
kind, while the server waits.

Needs `pip install -r benchmarks/requirements.txt`. Where PyPI has no server, only Milvus Lite is measured. The last
line is JSON.
"""

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
import vectors
from machine import describe, memory
from rounds import spread
from topk import overlap

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import milvus_store  # noqa: E402

from space.data.filters import Facets  # noqa: E402
from space.encoding.description import BASE, EncoderDescription  # noqa: E402
from space.index import milvus_client  # noqa: E402
from space.index.milvus_client import KINDS, METRIC, VECTOR  # noqa: E402
from space.index.torch_index import TorchIndex  # noqa: E402
from space.store import milvus_collections  # noqa: E402
from space.store.reader import Store  # noqa: E402
from space.store.writer import Plan, StoreWriter  # noqa: E402

K, BRANDS = 10, 10
FILTER = {"brand": "brand 3"}
Search = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]


def main() -> None:
    """Measure the server and Milvus Lite, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=500_000, help="in the server")
    parser.add_argument("--lite-products", type=int, default=20_000, help="in Milvus Lite")
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--dataset", default="sample", help="its products and queries are encoded")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # stops the server, too
    few, asked = vectors.encoded(given.dataset, 10_000, given.queries)
    queries = torch.from_numpy(asked)
    result: dict[str, Any] = {"benchmark": "milvus_search", "dataset": Path(given.dataset).name, "k": K}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if milvus_store.SERVER:
            result["server"] = on_server(write(folder / "store", few, given.products), folder / "server", queries)
        else:
            say("PyPI's package milvus is not installed: no server is measured")
        result["lite"] = on_lite(write(folder / "small", few, given.lite_products), folder / "lite.db", queries)
    print(json.dumps(result | {"machine": describe()}))


def on_server(store: Store, folder: Path, queries: torch.Tensor) -> dict[str, Any]:
    """Load a store into a new server, with its data in ``folder``, and measure each kind of index."""
    from milvus import __version__

    result: dict[str, Any] = {"version": __version__, "products": store.rows, "kinds": {}}
    server = milvus_store.server(folder)
    server.config.set("dataCoord.compaction.enableAutoCompaction", False)
    server.start()
    say("the server is up")
    try:
        result["products_loaded_per_s"] = loaded(store, server.uri)
        compact(store, server.uri)
        for kind in KINDS:
            seconds = indexed(store, server.uri, kind)
            server.stop()
            milvus_store.start_again(server)
            figures = {"index_seconds": seconds, **measured(store, server.uri, queries)}
            figures["server_memory_mb"] = memory(server.server_proc.pid)["own"]
            result["kinds"][kind] = figures
            say(f"server, {kind}: {json.dumps(figures)}")
    finally:
        server.stop()
    return result


def on_lite(store: Store, file: Path, queries: torch.Tensor) -> dict[str, Any]:
    """Load a store into a file of Milvus Lite, and measure FLAT."""
    result = {"products": store.rows, "products_loaded_per_s": loaded(store, str(file))}
    result["kinds"] = {"FLAT": measured(store, str(file), queries)}
    say(f"lite: {json.dumps(result)}")
    return result


def loaded(store: Store, uri: str) -> int:
    """Load a store as build_embeddings.py does, with FLAT; returns products a second."""
    begun = time.perf_counter()
    milvus_collections.load(store.folder, uri)
    speed = round(store.rows / (time.perf_counter() - begun))
    say(f"{store.rows:,} products loaded, {speed:,} a second")
    return speed


def compact(store: Store, uri: str) -> None:
    """Merge the small segments that a load leaves, as a server does by itself within minutes."""
    place, name = milvus_client.connect(uri), milvus_collections.collection_name(store, BASE)
    job = place.client.compact(name)
    while place.client.get_compaction_state(job) != "Completed":
        time.sleep(0.5)
    say("the segments are merged")


def indexed(store: Store, uri: str, kind: str) -> float:
    """Replace the index of a collection by one of another kind; returns how many seconds that took."""
    place, name = milvus_client.connect(uri), milvus_collections.collection_name(store, BASE)
    begun = time.perf_counter()
    place.client.release_collection(name)
    place.client.drop_index(name, VECTOR)
    indexes = place.client.prepare_index_params()
    indexes.add_index(VECTOR, index_type=kind, index_name=VECTOR, metric_type=METRIC, params=KINDS[kind][0])
    place.client.create_index(name, indexes, sync=False)
    said = 0
    while left := place.client.describe_index(name, VECTOR)["pending_index_rows"]:
        if left != said:
            say(f"server, {kind}: {left:,} rows are not indexed yet")
        said = left
        time.sleep(0.5)
    return round(time.perf_counter() - begun, 1)


def measured(store: Store, uri: str, queries: torch.Tensor) -> dict[str, Any]:
    """Searches among all products, and among a tenth of them."""
    there = milvus_collections.open_indexes(store, uri)[BASE]
    here = TorchIndex(store.vectors(BASE), precision="int8", device="cpu")
    mask = torch.from_numpy(Facets(store.products()).mask(FILTER))
    narrowed = there.within(FILTER)
    return {
        "all": compared(queries, lambda one: there.search(one, K), lambda one: here.search(one, K)),
        "a_tenth": compared(queries, lambda one: narrowed.search(one, K), lambda one: here.search(one, K, mask)),
    }


def compared(queries: torch.Tensor, there: Search, here: Search) -> dict[str, Any]:
    """Milliseconds of one query at a time, recall@10, and the share of results with the same row at the same rank.

    One index after the other: if they took turns, idle threads of one would still spin while the other is timed.
    """
    result: dict[str, Any] = {}
    found = {}
    for name, search in (("milvus", there), ("exact", here)):
        took, rows = [], []
        for query in (queries[:1], *queries.split(1)):  # the first one warms up
            begun = time.perf_counter()
            rows.append(search(query)[1].numpy())
            took.append(1e3 * (time.perf_counter() - begun))
        result[f"{name}_ms"] = spread(took[1:])
        found[name] = np.concatenate(rows[1:])
    recall = overlap(found["milvus"], found["exact"])
    same = float(np.mean(found["milvus"] == found["exact"]))
    return result | {"recall": round(recall, 4), "same_rows": round(same, 4)}


def write(folder: Path, few: np.ndarray, products: int) -> Store:
    """Write a store of repeated vectors by one encoder."""
    table = pa.table(
        {
            "product_id": [f"P{row}" for row in range(products)],
            "product_locale": ["us"] * products,
            "product_title": [f"thing {row}" for row in range(products)],
            "product_brand": [f"brand {row % BRANDS}" for row in range(products)],
            "product_color": pa.nulls(products, pa.string()),
        }
    )
    encoder = EncoderDescription(id="repeated", fingerprint="repeated", dim=few.shape[1], max_seq_length=64)
    writer = StoreWriter(folder, Plan(products, vectors.CHUNK, "{title}", "made up"))
    writer.begin(resume=False)
    writer.write_products(table)
    for shard, rows in enumerate(vectors.repeated(few, products)):
        key = writer.key(shard, encoder)
        writer.write_vectors(BASE, shard, key, writer.products(shard), torch.from_numpy(rows))
    writer.finish({BASE: encoder}, None, None, "")
    say(f"a store of {products:,} products is written")
    return Store(folder)


def say(text: str) -> None:
    """Print progress with the time."""
    print(time.strftime("%H:%M:%S"), text, flush=True)


if __name__ == "__main__":
    main()
