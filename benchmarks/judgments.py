"""Time and memory of reading judgments from csv.gz: made-up rows, as many as the large ESCI has.

python benchmarks/judgments.py [--judgments 2600000] [--products 1800000] [--layouts apart joined] [--folder FOLDER]

One process writes the rows and another reads them, so that the peak memory is that of reading. Prints JSON.
"""

import argparse
import gzip
import json
import logging
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from machine import describe

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
CHUNK = 100_000
TITLE_WORDS = 14
#: {layout: its files}: judgments and products in files of their own, or one table with everything.
LAYOUTS = {"apart": ("judgments.csv.gz", "products.csv.gz"), "joined": ("joined.csv.gz",)}


def main() -> None:
    """Write the files, read them in another process, print the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judgments", type=int, default=2_600_000, help="rows with a rating")
    parser.add_argument("--products", type=int, default=1_800_000, help="products in the catalogue")
    parser.add_argument("--layouts", nargs="+", choices=sorted(LAYOUTS), default=list(LAYOUTS))
    parser.add_argument(
        "--folder", type=Path, help="where the files stay for another run; by default they are removed"
    )
    parser.add_argument("--read", type=Path, help="only read this folder or file, and print what it took")
    given = parser.parse_args()
    if given.read:
        read(given.read)
        return
    results = {}
    with tempfile.TemporaryDirectory() as temporary:
        for layout in given.layouts:
            folder = (given.folder or Path(temporary)) / layout
            if not folder.is_dir():
                write(folder, layout, given.judgments, given.products)
            path = folder if layout == "apart" else folder / LAYOUTS[layout][0]
            done = subprocess.run([sys.executable, __file__, "--read", path], stdout=subprocess.PIPE, check=True)
            packed = sum(file.stat().st_size for file in folder.iterdir())
            results[layout] = {"csv_gz_gb": round(packed / 1e9, 2), **json.loads(done.stdout)}
    print(json.dumps({"benchmark": "judgments", **results, "machine": describe()}))


def write(folder: Path, layout: str, judgments: int, products: int) -> None:
    """Write the files of a layout, the same in each run: 20 judgments a query, each product judged once or twice."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    product = np.concatenate([rng.permutation(products) for _ in range(-(-judgments // products))])[:judgments]
    rating = rng.choice([1, 1.33, 1.67, 2, 2.33, 2.67, 3], judgments)

    def judged(rows: slice) -> dict[str, list[object]]:
        numbers = np.arange(judgments)[rows] // 20
        return {"query": [f"query number {number}" for number in numbers], "relevance": rating[rows].tolist()}

    if layout == "joined":
        _pack(folder / "joined.csv.gz", judgments, lambda rows: judged(rows) | _texts(product[rows]))
        return
    _pack(folder / "judgments.csv.gz", judgments, lambda rows: judged(rows) | {"product_id": _ids(product[rows])})
    _pack(folder / "products.csv.gz", products, lambda rows: _texts(np.arange(products)[rows]))


def _ids(products: np.ndarray) -> list[object]:
    return [f"B{product:09d}" for product in products]


def _texts(products: np.ndarray) -> dict[str, list[object]]:
    """Id, title, brand and colour of products by number."""
    words = np.array([f"word{number}" for number in range(20_000)])
    drawn = words[(products[:, None] * 48_271 + np.arange(TITLE_WORDS) * 16_807) % len(words)]
    return {
        "product_id": _ids(products),
        "product_title": [" ".join(title) for title in drawn],
        "product_brand": [f"Brand {product % 300_000}" for product in products],
        "product_color": [f"colour {product % 900}" for product in products],
    }


def _pack(path: Path, rows: int, columns: Callable[[slice], dict[str, list[object]]]) -> None:
    """Write a csv.gz, ``CHUNK`` rows at a time."""
    with gzip.open(path, "wb", compresslevel=1) as file:
        for start in range(0, rows, CHUNK):
            table = pa.table(columns(slice(start, min(start + CHUNK, rows))))
            pa_csv.write_csv(table, file, pa_csv.WriteOptions(include_header=not start))


def read(path: Path) -> None:
    """Read as train.py does and print seconds and the peak memory of this process."""
    from space.pipelines.inputs import open_judged

    logging.basicConfig(level=logging.INFO, format="%(relativeCreated)6d ms %(message)s")
    begun = time.perf_counter()
    judged = open_judged(str(path), [])
    seconds = time.perf_counter() - begun
    # Kilobytes on Linux, bytes on macOS.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)
    counts = {"products": len(judged.catalogue), "judgments": len(judged.train) + len(judged.test)}
    print(json.dumps(counts | {"seconds": round(seconds, 1), "peak_gb": round(peak, 2)}))


if __name__ == "__main__":
    main()
