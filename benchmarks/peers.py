"""Exact search of other libraries over the same vectors: each is a function from queries to rows."""

from collections.abc import Callable, Sequence

import faiss
import numpy as np
import torch
from sentence_transformers.util import dot_score, semantic_search
from usearch.index import MetricKind
from usearch.index import search as usearch

Rows = np.ndarray
Search = Callable[[np.ndarray], Rows]
KINDS = {
    "FAISS SQ fp16": faiss.ScalarQuantizer.QT_fp16,
    "FAISS SQ 8 bit": faiss.ScalarQuantizer.QT_8bit,
    "FAISS flat": None,
}
#: All peers.
NAMES = (*KINDS, "USearch f32", "USearch f16", "USearch i8", "numpy", "semantic_search")


def by_faiss(rows: np.ndarray, name: str, k: int) -> Search:
    """One of ``KINDS``, with as many threads as torch has."""
    faiss.omp_set_num_threads(torch.get_num_threads())
    kind, dim = KINDS[name], rows.shape[1]
    store = faiss.IndexFlatIP(dim) if kind is None else faiss.IndexScalarQuantizer(dim, kind, 0)
    store.train(rows[:100_000].astype(np.float32))
    for start in range(0, len(rows), 100_000):
        store.add(rows[start : start + 100_000].astype(np.float32))
    return lambda asked: store.search(asked, k)[1]


def by_usearch(kept: np.ndarray, k: int) -> Search:
    """Exact search in the type of ``kept``; queries are converted to it."""
    threads = torch.get_num_threads()

    def search(asked: np.ndarray) -> Rows:
        if kept.dtype == np.int8:
            asked = asked * (127 / np.abs(asked).max())
            asked = asked.round()
        found = usearch(kept, asked.astype(kept.dtype), k, MetricKind.IP, exact=True, threads=threads)
        return found.keys.reshape(len(asked), -1)

    return search


def every(rows: np.ndarray, k: int, names: Sequence[str] = NAMES) -> dict[str, Search]:
    """The peers of these names, over (n, d) float32."""
    found = {name: by_faiss(rows, name, k) for name in KINDS if name in names}
    if "USearch f32" in names:
        found["USearch f32"] = by_usearch(rows, k)
    if "USearch f16" in names:
        found["USearch f16"] = by_usearch(rows.astype(np.float16), k)
    if "USearch i8" in names:
        codes = np.empty(rows.shape, np.int8)
        for start in range(0, len(rows), 100_000):
            codes[start : start + 100_000] = (rows[start : start + 100_000] * (127 / np.abs(rows).max())).round()
        found["USearch i8"] = by_usearch(codes, k)
    if "numpy" in names:
        found["numpy"] = lambda asked: by_numpy(rows, asked, k)
    if "semantic_search" in names:
        tensor = torch.from_numpy(rows)
        found["semantic_search"] = lambda asked: _ids(
            semantic_search(torch.from_numpy(asked), tensor, top_k=k, score_function=dot_score)
        )
    return found


def by_numpy(rows: np.ndarray, asked: np.ndarray, k: int) -> Rows:
    """A matrix product, then a partition."""
    scores = asked @ rows.T
    best = np.argpartition(scores, -k, axis=1)[:, -k:]
    order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
    return np.take_along_axis(best, order, axis=1)


def _ids(hits: list[list[dict]]) -> Rows:
    return np.array([[hit["corpus_id"] for hit in row] for row in hits])
