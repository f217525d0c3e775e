"""Which rows hold which term, and with what weight: BM25's lists, counted once and then only read.

Knows no query, and how a text becomes terms only by what it is given. Everything is columns: 20 million terms of 1.2
million titles are never Python objects, and the lists can lie in a file that is mapped and not loaded.
"""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

#: Rows weighed at a time: 4 million float64 are 32 MB.
_BLOCK = 1 << 22


@dataclass(frozen=True)
class Postings:
    """For each term the rows that hold it.

    Attributes:
        terms: (v) distinct, in the order of their characters.
        starts: (v + 1,) int64: the list of term i is what lies from ``starts[i]`` to ``starts[i + 1]``.
        rows: (p,) int32, rising within a list.
        weights: (p,) float32, what the term adds to the score of the row.
        total: how many rows there are.
    """

    terms: pa.Array
    starts: np.ndarray
    rows: np.ndarray
    weights: np.ndarray
    total: int

    def of(self, term: str) -> tuple[np.ndarray, np.ndarray]:
        """Rows and weights of a term; of one that no row holds, none."""
        # Some 20 texts are looked at; a dictionary of all would take 100 MB, and a second to make.
        place = bisect_left(range(len(self.terms)), term, key=lambda at: self.terms[at].as_py())
        if place == len(self.terms) or self.terms[place].as_py() != term:
            return self.rows[:0], self.weights[:0]
        part = slice(self.starts[place], self.starts[place + 1])
        return self.rows[part], self.weights[part]

    def write(self, terms: Path, lists: Path) -> None:
        """Two Arrow files, from which ``read`` has it again."""
        _write(terms, {"term": self.terms, "end": pa.array(self.starts[1:])}, self.total)
        _write(lists, {"row": pa.array(self.rows), "weight": pa.array(self.weights)}, self.total)

    @classmethod
    def read(cls, terms: Path, lists: Path) -> "Postings":
        """Mapped: what no query asks for stays on the disk."""
        known, found = _mapped(terms), _mapped(lists)
        starts = np.concatenate([[0], known["end"].to_numpy()])
        rows, weights = (found[name].to_numpy() for name in ("row", "weight"))
        return cls(known["term"], starts, rows, weights, int(known.schema.metadata[b"total"]))


def weighed(texts: Iterable[tuple[pa.Array, np.ndarray]], k1: float, b: float) -> Postings:
    """The lists of all terms, with the weights of Lucene's BM25 (without its constant factor k1 + 1).

    A term in ``df`` of ``n`` rows, ``tf`` times in one of ``length`` terms, weighs
    log(1 + (n - df + .5) / (df + .5)) * tf / (tf + k1 (1 - b + b length / mean length)).

    Args:
        texts: block by block the terms of all rows (t) one after the other, and how many each row has (m,) int64.
        k1: term-frequency saturation.
        b: length normalisation, 0 to 1.
    """
    encoded, counts = [], [np.zeros(0, np.int64)]
    for terms, lengths in texts:
        encoded.append(terms.dictionary_encode())
        counts.append(lengths)
    lengths = np.concatenate(counts)
    total = len(lengths)
    if not sum(map(len, encoded)):
        return Postings(pa.array([], pa.string()), np.zeros(1, np.int64), *_EMPTY, total)
    blocks = pa.chunked_array(encoded).unify_dictionaries().chunks
    terms = blocks[0].dictionary
    order = pc.sort_indices(terms)
    terms = terms.take(order)
    rank = np.empty(len(terms), np.int64)
    rank[order.to_numpy()] = np.arange(len(terms))
    # One number for term and row, so that one sort brings them into lists, and repeats together.
    keys = np.repeat(np.arange(total), lengths)
    start = 0
    for block in blocks:
        keys[start : start + len(block)] += rank[block.indices.to_numpy()] * total
        start += len(block)
    keys.sort()
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    times = np.diff(first, append=len(keys)).astype(np.float32)
    keys = keys[first]
    ends = np.searchsorted(keys, np.arange(1, len(terms) + 1) * total)
    starts = np.concatenate([[0], ends])
    held = np.diff(starts)
    idf = np.log(1 + (total - held + 0.5) / (held + 0.5))
    saturation = k1 * (1 - b + b * lengths / lengths.mean())
    rows, weights = np.empty(len(keys), np.int32), np.empty(len(keys), np.float32)
    for start in range(0, len(keys), _BLOCK):
        part = slice(start, start + _BLOCK)
        term, rows[part] = np.divmod(keys[part], total)
        weights[part] = idf[term] * times[part] / (times[part] + saturation[rows[part]])
    return Postings(terms, starts, rows, weights, total)


_EMPTY = np.zeros(0, np.int32), np.zeros(0, np.float32)


def _write(path: Path, columns: dict[str, pa.Array], total: int) -> None:
    batch = pa.record_batch(columns).replace_schema_metadata({"total": str(total)})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)


def _mapped(path: Path) -> pa.RecordBatch:
    return pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0)
