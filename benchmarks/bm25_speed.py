"""BM25 over a catalogue of the real size: ours beside bm25s and tantivy, on one core and on two.

python benchmarks/bm25_speed.py [--products 1215854] [--queries 300] [--dataset ../shared/esci] [--cores 1 2]

The texts are made up from those of a data set, see ``made_up.texts``, and the queries are its real ones (us).

All use k1 = 1.2 and b = .75, which tantivy has built in, and all count the same terms. Ours begins with the texts. The
peers get our terms, separated by spaces, so cutting and stemming is not in their times. Each builds and answers in a
process of its own. "memory_mb" is what it holds more than before it read the texts, and its peak, with the texts. The
scores of each query's ten best products are compared with ours. Peers need
`pip install -r benchmarks/requirements.txt`. The last line is JSON.
"""

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import made_up
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from machine import describe, memory
from rounds import spread

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from space.data.passages import passages  # noqa: E402
from space.data.search_terms import analyses, cut_all, search_terms  # noqa: E402
from space.pipelines.inputs import open_judged  # noqa: E402

K, K1, B, LOCALE = 10, 1.2, 0.75, "us"
CONTESTANTS = ("ours", "bm25s", "bm25s with numba", "tantivy")
#: From a query to the scores and rows of the best.
Ask = Callable[[Any], tuple[np.ndarray, np.ndarray]]


def main() -> None:
    """Make the texts, then measure each contestant in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=1_215_854, help="as many as the us locale has")
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--dataset", default="sample", help="its texts and queries are used")
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--one", nargs=2, metavar=("CONTESTANT", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        measure(given.one[0], Path(given.one[1]), given.cores[0])
        return
    result: dict[str, Any] = {"benchmark": "bm25_speed", "dataset": Path(given.dataset).name, "k": K, "k1": K1, "b": B}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        result |= prepare(folder, given) | {"cores": {}}
        for cores in given.cores:
            found = result["cores"][cores] = {}
            for name in CONTESTANTS:
                words = [sys.executable, __file__, "--one", name, str(folder), "--cores", str(cores)]
                threads = {"OMP_NUM_THREADS": str(cores), "NUMBA_NUM_THREADS": str(cores)}
                done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True, env=os.environ | threads)
                found[name] = json.loads(done.stdout.splitlines()[-1]) | compared(folder, name)
                print(f"{cores} cores, {name}: {json.dumps(found[name])}", flush=True)
    peers = {name: version(name) for name in ("bm25s", "numba", "tantivy")}
    print(json.dumps(result | {"machine": describe() | peers}))


def prepare(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Write texts, terms and queries to a folder; returns facts about them."""
    judged = open_judged(given.dataset, [LOCALE])
    texts = made_up.texts(passages(judged.catalogue), given.products)
    analysis = analyses([LOCALE], True)[0]
    words, counts = cut_all(texts)
    words = words.dictionary_encode()
    terms = pa.array(analysis.terms(words.dictionary.to_pylist())).take(words.indices)
    lists = pa.ListArray.from_arrays(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32), terms)
    write(folder / "texts.arrow", texts)
    write(folder / "terms.arrow", pc.binary_join(lists, " "))
    asked = sorted({*judged.train["query"], *judged.test["query"]})
    asked = [asked[place * len(asked) // given.queries] for place in range(given.queries)]
    queries = {"ours": asked, "terms": [search_terms(query, analysis) for query in asked]}
    (folder / "queries.json").write_text(json.dumps(queries), encoding="utf-8")
    return {
        "products": given.products,
        "queries": len(asked),
        "terms_a_product": round(len(terms) / given.products, 1),
        "terms_a_query": round(float(np.mean([len(query) for query in queries["terms"]])), 1),
        "different_terms": len(pc.unique(terms)),
    }


def write(path: Path, column: pa.Array) -> None:
    """Write a column to an Arrow file."""
    table = pa.table({"text": column})
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


def column(path: Path) -> pa.ChunkedArray:
    """Map a column that ``write`` wrote."""
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()["text"]


def measure(name: str, folder: Path, cores: int) -> None:
    """Build and ask one contestant on so many cores; prints times and memory, and keeps the answers."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    build = {"ours": ours, "tantivy": tantivy}.get(name, bm25s)
    queries = json.loads((folder / "queries.json").read_text(encoding="utf-8"))["ours" if name == "ours" else "terms"]
    before = memory()
    seconds, ask = build(folder, name, cores)
    gc.collect()
    held = {part: size - before[part] for part, size in memory().items()}
    held["peak"] += before["peak"] - before["own"] - before["mapped"]
    found: dict[str, Any] = {"build_seconds": round(seconds, 1), "memory_mb": held}
    answers, took = [], []
    for query in (*queries[:20], *queries):  # the first ones warm up
        begun = time.perf_counter()
        answers.append(ask(query))
        took.append(1e3 * (time.perf_counter() - begun))
    found["query_ms"] = spread(took[20:])
    if cores > 1:
        with ThreadPoolExecutor(cores) as pool:
            begun = time.perf_counter()
            list(pool.map(ask, queries))
            found["queries_per_second"] = round(len(queries) / (time.perf_counter() - begun), 1)
    scores = np.array([np.pad(np.sort(one)[::-1], (0, K - len(one))) for one, _ in answers[20:]])
    np.save(folder / f"{name}.npy", scores.astype(np.float64))
    print(json.dumps(found))


def ours(folder: Path, name: str, cores: int) -> tuple[float, Ask]:
    """Seconds to build our index from the texts, and how it is asked."""
    from space.index.bm25 import Bm25Index

    texts = column(folder / "texts.arrow")
    locales = pa.array(np.full(len(texts), LOCALE))
    begun = time.perf_counter()
    index = Bm25Index(texts, locales, k1=K1, b=B, stem=True)
    return time.perf_counter() - begun, lambda query: index.search(query, K)


def bm25s(folder: Path, name: str, cores: int) -> tuple[float, Ask]:
    """The same of bm25s; its variant "lucene" has our formula."""
    import bm25s

    lines = column(folder / "terms.arrow").to_pylist()
    begun = time.perf_counter()
    index = bm25s.BM25(k1=K1, b=B, method="lucene", backend="numba" if "numba" in name else "numpy")
    tokens = bm25s.tokenize(lines, lower=False, token_pattern=r"\S+", stopwords=None, show_progress=False)
    index.index(tokens, show_progress=False)

    def ask(query: list[str]) -> tuple[np.ndarray, np.ndarray]:
        found = index.retrieve([query], k=K, show_progress=False)
        return found.scores[0], found.documents[0]

    return time.perf_counter() - begun, ask


def tantivy(folder: Path, name: str, cores: int) -> tuple[float, Ask]:
    """The same of tantivy, with its files in the folder. Its scores have a further factor of k1 + 1."""
    import tantivy

    lines = column(folder / "terms.arrow").to_pylist()
    begun = time.perf_counter()
    fields = tantivy.SchemaBuilder().add_text_field("terms", tokenizer_name="whitespace", index_option="freq")
    schema = fields.add_unsigned_field("row", fast=True).build()
    place = folder / f"tantivy {cores}"
    place.mkdir()
    index = tantivy.Index(schema, path=str(place))
    writer = index.writer(heap_size=512_000_000, num_threads=cores)
    for row, line in enumerate(lines):
        document = tantivy.Document()
        document.add_text("terms", line)
        document.add_unsigned("row", row)
        writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()

    def ask(query: list[str]) -> tuple[np.ndarray, np.ndarray]:
        parts = [tantivy.Query.term_query(schema, "terms", term, index_option="freq") for term in query]
        words = tantivy.Query.boolean_query([(tantivy.Occur.Should, part) for part in parts])
        hits = searcher.search(words, limit=K, count=False).hits
        rows = searcher.fast_field_values("row", [address for _, address in hits])
        return np.array([score for score, _ in hits]) / (K1 + 1), np.array(rows)

    return time.perf_counter() - begun, ask


def compared(folder: Path, name: str) -> dict[str, Any]:
    """How far the scores of the best are from ours: the largest share of a score, and queries above .00001."""
    left, right = (np.load(folder / f"{one}.npy") for one in ("ours", name))
    apart = (np.abs(left - right) / np.maximum(left, 1e-9)).max(axis=1)
    return {
        "largest_difference": float(f"{apart.max():.2g}"),
        "queries_apart": int((apart > 1e-5).sum()),
    }


if __name__ == "__main__":
    main()
