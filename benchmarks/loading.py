"""Time and memory of loading a catalogue of ESCI's size: made-up rows in the official layout, read by train.py's code.

python benchmarks/loading.py [--products 1215854] [--judgments 2621288]

One process writes the rows and another reads them, so that the peak memory is that of reading. Prints JSON.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from machine import describe

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
CHUNK = 100_000


def main() -> None:
    """Write the files, read them in another process, print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", type=int, default=1_215_854, help="the us locale has 1,215,854")
    parser.add_argument("--judgments", type=int, default=2_621_288, help="the large version has 2,621,288")
    parser.add_argument("--read", type=Path, help="only read this folder and print what it took")
    given = parser.parse_args()
    if given.read:
        read(given.read)
        return
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), given.products, given.judgments)
        bytes_read = sum(path.stat().st_size for path in Path(folder).iterdir())
        done = subprocess.run([sys.executable, __file__, "--read", folder], capture_output=True, text=True, check=True)
    result = {"benchmark": "loading", "parquet_gb": round(bytes_read / 1e9, 2), **json.loads(done.stdout)}
    print(json.dumps(result | {"machine": describe()}))


def write(folder: Path, products: int, judgments: int) -> None:
    """Write titles of 14 words, descriptions of 42, bullet points of 56, and a brand for every six products."""
    rng = np.random.default_rng(0)
    words = np.array([f"word{number}" for number in range(20_000)])
    names = ("id", "title", "description", "bullet_point", "brand", "color", "locale")
    schema = pa.schema([(f"product_{name}", pa.string()) for name in names])
    with pq.ParquetWriter(folder / "shopping_queries_dataset_products.parquet", schema) as writer:
        for start in range(0, products, CHUNK):
            rows = range(start, min(start + CHUNK, products))
            titles = [" ".join(words[rng.integers(0, len(words), 14)]) for _ in rows]
            columns = [
                [f"B{row:09d}" for row in rows],
                titles,
                [title * 3 for title in titles],
                [title * 4 for title in titles],
                [f"Brand {row % (products // 6 + 1)}" for row in rows],
                [f"colour {row % 900}" for row in rows],
                ["us"] * len(rows),
            ]
            writer.write_table(pa.table(dict(zip(schema.names, columns, strict=True))))
    pairs = np.unique(
        rng.integers(0, judgments // 20 + 1, judgments) * products + rng.integers(0, products, judgments)
    )
    query = pairs // products
    table = {
        "query": [f"query number {number}" for number in query],
        "query_id": query,
        "product_id": [f"B{row:09d}" for row in pairs % products],
        "product_locale": ["us"] * len(pairs),
        "esci_label": rng.choice(["E", "S", "C", "I"], len(pairs)),
        "split": np.where(query % 5 == 0, "test", "train"),
    }
    pq.write_table(pa.table(table), folder / "shopping_queries_dataset_examples.parquet")


def read(folder: Path) -> None:
    """Read as train.py does and print seconds and the peak memory of this process."""
    from space.pipelines.inputs import open_judged

    begun = time.perf_counter()
    judged = open_judged(str(folder), ["us"])
    seconds = time.perf_counter() - begun
    # Kilobytes on Linux, bytes on macOS.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)
    counts = {"products": len(judged.catalogue), "judgments": len(judged.train) + len(judged.test)}
    print(json.dumps(counts | {"seconds": round(seconds, 1), "peak_gb": round(peak, 2)}))


if __name__ == "__main__":
    main()
