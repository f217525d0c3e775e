"""Milvus beside the exact index on the same store: recall, ms a query, products loaded a second, and memory.

python benchmarks/milvus_search.py [--products 20000] [--queries 50] [--kinds FLAT HNSW IVF_SQ8] [--dataset DATA]
    [--server FOLDER | --uri http://HOST:19530 [--pid PID]] [--add-to benchmarks/results/milvus_search.json]

The products of a data set by the packaged E5, repeated with noise as in vectors.py, its real queries, and ten brands
to filter by. Milvus Lite, which is used by default, is for tests and small catalogues. --server starts the real server
of PyPI's package milvus with its data and the store in FOLDER, and stops it at the end. --uri measures one that runs,
and leaves the collection there; with --pid, its process on this machine, also its memory.

Each search is also measured with the strong consistency of its collection, for which a server waits for a time tick.

The products are loaded once. For a second kind of index only the index is made anew. --only-build measures no
searches; a later run finds its collection. So a large collection can be built while the machine does other work. Kinds
measured in several runs are collected by --add-to. The last line is JSON.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import torch
import vectors
from machine import describe
from topk import overlap

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from space.data.filters import Facets  # noqa: E402
from space.encoding.description import BASE, TUNED, EncoderDescription  # noqa: E402
from space.index import milvus, milvus_client  # noqa: E402
from space.index.milvus_client import KINDS, METRIC, VECTOR  # noqa: E402
from space.index.torch_index import TorchIndex  # noqa: E402
from space.store import milvus_collections  # noqa: E402
from space.store.manifest import MANIFEST  # noqa: E402
from space.store.reader import Store  # noqa: E402
from space.store.writer import Plan, StoreWriter  # noqa: E402

K, FILTER = 10, {"brand": "brand 3"}
Search = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]


class Server(NamedTuple):
    """Where Milvus is, what it is called in the result, and its process on this machine."""

    uri: str
    name: str
    pid: int | None


def main() -> None:
    """Build a store, load it, compare searches, print the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=20_000)
    parser.add_argument("--queries", type=int, default=50)
    parser.add_argument("--dataset", default="sample", help="its products and queries are encoded")
    parser.add_argument("--kinds", nargs="+", default=["FLAT"], choices=sorted(KINDS))
    parser.add_argument("--server", type=Path, help="start the server of PyPI's milvus, with its data in this folder")
    parser.add_argument("--uri", help="a server to measure instead of Milvus Lite")
    parser.add_argument("--pid", type=int, help="the server's process on this machine, to report its memory")
    parser.add_argument("--only-build", action="store_true", help="load and make the index, measure no searches")
    parser.add_argument("--add-to", type=Path, help="keep the other kinds that this result has, and write it")
    given = parser.parse_args()
    few, asked = vectors.encoded(given.dataset, 10_000, given.queries)
    queries = torch.from_numpy(asked)
    with tempfile.TemporaryDirectory() as folder:
        store = kept(given.server or Path(folder), few, given.products)
        with running(given, Path(folder)) as server:
            result: dict[str, Any] = {"benchmark": "milvus", "server": server.name, "products": given.products, "k": K}
            result |= {"dataset": Path(given.dataset).name, "kinds": {}}
            for kind in given.kinds:
                result["kinds"][kind] = built(store, server, kind)
                if not given.only_build:
                    result["kinds"][kind] |= measured(store, server, queries)
                print(kind, json.dumps(result["kinds"][kind]), flush=True)
    result["machine"] = describe()
    if given.add_to:
        before = json.loads(given.add_to.read_text(encoding="utf-8")) if given.add_to.is_file() else {}
        if all(before.get(name) == result[name] for name in ("server", "products", "k", "dataset")):
            result["kinds"] = before["kinds"] | result["kinds"]
        given.add_to.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result))


@contextmanager
def running(given: argparse.Namespace, folder: Path) -> Iterator[Server]:
    """The Milvus that the flags name."""
    if not given.server:
        yield Server(given.uri or str(folder / "lite.db"), "a server" if given.uri else "Milvus Lite", given.pid)
        return
    import milvus as package

    server = package.MilvusServer()
    server.set_base_dir(str(given.server.resolve()))
    server.start()
    try:
        name = f"standalone server {package.__version__}"
        yield Server(f"http://127.0.0.1:{server.listen_port}", name, server.server_proc.pid)
    finally:
        server.stop()


def built(store: Store, server: Server, kind: str) -> dict[str, Any]:
    """Load what is missing, and make an index of this kind if there is another; returns how long that took."""
    place = milvus_client.connect(server.uri)
    name = milvus_collections.collection_name(store, "tuned")
    begun = time.perf_counter()
    there = place.client.has_collection(name)
    if not there:
        milvus_collections.load(store.folder, server.uri, kind)
        return {"products_loaded_per_s": round(store.rows / (time.perf_counter() - begun))}
    made = milvus_client.kind_of(place, name) != kind
    if made:
        place.client.release_collection(name)
        place.client.drop_index(name, VECTOR)
        indexes = place.client.prepare_index_params()
        indexes.add_index(VECTOR, index_type=kind, index_name=VECTOR, metric_type=METRIC, params=KINDS[kind][0])
        place.client.create_index(name, indexes, sync=False)
    while place.client.describe_index(name, VECTOR)["pending_index_rows"]:  # also if an earlier run was stopped
        time.sleep(1)
    return {"index_seconds": round(time.perf_counter() - begun, 1)} if made else {}


def measured(store: Store, server: Server, queries: torch.Tensor) -> dict[str, Any]:
    """Searches in all products and in a tenth of them, also waiting for a tick, and the server's memory."""
    there, here = milvus_collections.open_indexes(store, server.uri)["tuned"], TorchIndex(store.vectors("tuned"))
    mask = torch.from_numpy(Facets(store.products()).mask(FILTER))
    narrowed = there.within(FILTER)

    def both() -> dict[str, dict[str, float]]:
        return {
            "all": compared(queries, lambda one: there.search(one, K), lambda one: here.search(one, K)),
            "a_tenth": compared(queries, lambda one: narrowed.search(one, K), lambda one: here.search(one, K, mask)),
        }

    with patch.object(milvus, "CONSISTENCY", None):  # that of the collection, which is "Strong"
        waiting = both()
    return {**both(), "waiting_for_a_tick": waiting, "server_memory_gb": resident(server.pid) if server.pid else None}


def resident(pid: int) -> float:
    """Memory that a process holds now, in GB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 2**20, 2)


def kept(folder: Path, few: np.ndarray, products: int) -> Store:
    """The store that an earlier run left in a folder, or a new one."""
    place = folder / f"store of {products}"
    if (place / MANIFEST).is_file():
        return Store(place)
    return write(place, few, products)


def write(folder: Path, few: np.ndarray, products: int) -> Store:
    """Write a store of repeated vectors. Both encoders have the same ones, so Milvus keeps one collection."""
    table = pa.table(
        {
            "product_id": [f"P{row}" for row in range(products)],
            "product_locale": ["us"] * products,
            "product_title": [f"thing {row}" for row in range(products)],
            "product_brand": [f"brand {row % 10}" for row in range(products)],
            "product_color": pa.nulls(products, pa.string()),
        }
    )
    encoder = EncoderDescription(id="repeated", fingerprint="repeated", dim=few.shape[1], max_seq_length=64)
    writer = StoreWriter(folder, Plan(products, vectors.CHUNK, "{title}", "made up"))
    writer.begin(resume=False)
    writer.write_products(table)
    for shard, rows in enumerate(vectors.repeated(few, products)):
        for part in (BASE, TUNED):
            key = writer.key(shard, encoder)
            writer.write_vectors(part, shard, key, writer.products(shard), torch.from_numpy(rows))
    writer.finish(dict.fromkeys((BASE, TUNED), encoder), None, None, "")
    return Store(folder)


def compared(queries: torch.Tensor, there: Search, here: Search) -> dict[str, float]:
    """Median ms of one query at a time, recall@10, and the share of results with the same row at the same rank.

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
    recall = overlap(found["milvus"], found["torch"])
    same = float(np.mean(found["milvus"] == found["torch"]))
    return medians | {"recall": round(recall, 4), "same_rows": round(same, 4)}


if __name__ == "__main__":
    main()
