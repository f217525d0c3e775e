"""BM25: which passages share words with a query, by inverted lists that can be mapped from files.

The lists are columns of numbers: the 20 million terms of 1.2 million titles never become Python objects.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from space.data.words import search_terms, search_terms_of
from space.errors import same_rows

#: Anserini's defaults for MS MARCO, usual for short passages. Titles vary little in length, so b matters little.
K1, B = 0.9, 0.4
#: Passages cut into terms at a time.
_PASSAGES_AT_ONCE = 65_536
#: Entries of lists weighed at a time: 4 million float64 are 32 MB.
_ENTRIES_AT_ONCE = 1 << 22
#: Rows that share one maximum. Rows of a group are compared one by one only if the maximum is high enough.
_GROUP = 64


@dataclass(frozen=True)
class InvertedLists:
    """For each term the rows that hold it, and what it adds to their scores.

    Attributes:
        terms: (v,) string, distinct and sorted.
        starts: (v + 1,) int64: the list of term i lies from ``starts[i]`` to ``starts[i + 1]``.
        rows: (p,) int32, rising within a list.
        weights: (p,) float32, what the term adds to the score of the row.
        total: number of rows.
    """

    terms: pa.Array
    starts: np.ndarray
    rows: np.ndarray
    weights: np.ndarray
    total: int

    def of(self, term: str) -> tuple[np.ndarray, np.ndarray]:
        """Rows (m,) int32 and weights (m,) float32 of a term; empty if no row holds it."""
        # A binary search reads about 20 terms. A dictionary of all would take 100 MB, and a second to make.
        place = bisect_left(range(len(self.terms)), term, key=lambda at: self.terms[at].as_py())
        if place == len(self.terms) or self.terms[place].as_py() != term:
            return self.rows[:0], self.weights[:0]
        part = slice(self.starts[place], self.starts[place + 1])
        return self.rows[part], self.weights[part]

    def write(self, terms_file: Path, lists_file: Path) -> None:
        """Write two Arrow files for ``read``."""
        _write(terms_file, {"term": self.terms, "end": pa.array(self.starts[1:])}, self.total)
        _write(lists_file, {"row": pa.array(self.rows), "weight": pa.array(self.weights)}, self.total)

    @classmethod
    def read(cls, terms_file: Path, lists_file: Path) -> "InvertedLists":
        """Map the files; lists that no query needs are never read from the disk."""
        known, found = _mapped(terms_file), _mapped(lists_file)
        starts = np.concatenate([[0], known["end"].to_numpy()])
        rows, weights = (found[name].to_numpy() for name in ("row", "weight"))
        return cls(known["term"], starts, rows, weights, int(known.schema.metadata[b"total"]))


@dataclass(frozen=True)
class TermCounts:
    """How often each term occurs in each passage, for any k1 and b.

    Attributes:
        terms, starts, rows: as in ``InvertedLists``.
        counts: (p,) float32, how often the term occurs in the row.
        lengths: (n,) int64, how many terms each row has.
    """

    terms: pa.Array
    starts: np.ndarray
    rows: np.ndarray
    counts: np.ndarray
    lengths: np.ndarray

    @classmethod
    def of(cls, passages: Sequence[str] | pa.Array | pa.ChunkedArray) -> "TermCounts":
        """Count the terms of (n,) passages without nulls.

        Two passages, "red mug" and "red red":

            terms    mug red          distinct and sorted: mug is term 0, red is term 1
            keys     2 0 3 3          one number for each occurrence, term x 2 passages + row
            sorted   0 2 3 3          so one sort makes lists of terms, each by row
            rows     0 | 0 1          distinct keys modulo 2: mug is in row 0, red is in both
            counts   1 | 1 2          how often each distinct key stands there
            starts   0 1 3            where the list of mug begins, that of red, and the end
        """
        blocks, lengths = [], [np.zeros(0, np.int64)]
        for block in _blocks(passages):
            if block.null_count:
                raise ValueError(f"passages should not be null, {block.null_count} of {len(block)} are")
            found, counts = search_terms_of(block)
            same_rows("BM25", terms=len(found), counted=int(counts.sum()))
            blocks.append(found.dictionary_encode())
            lengths.append(counts)
        total = len(passages)
        per_row = np.concatenate(lengths)
        same_rows("BM25", passages=total, lengths=len(per_row))
        if not per_row.sum():
            none = np.zeros(0, np.int32)
            return cls(pa.array([], pa.string()), np.zeros(1, np.int64), none, none.astype(np.float32), per_row)
        blocks = pa.chunked_array(blocks).unify_dictionaries().chunks
        order = pc.sort_indices(blocks[0].dictionary)
        term_of_code = np.empty(len(order), np.int64)
        term_of_code[order.to_numpy()] = np.arange(len(order))
        keys = np.repeat(np.arange(total), per_row)
        start = 0
        for block in blocks:
            keys[start : start + len(block)] += term_of_code[block.indices.to_numpy()] * total
            start += len(block)
        keys.sort()
        first = np.flatnonzero(np.diff(keys, prepend=-1))
        counts = np.diff(first, append=len(keys)).astype(np.float32)
        keys = keys[first]
        starts = np.searchsorted(keys, np.arange(len(order) + 1) * total)
        return cls(blocks[0].dictionary.take(order), starts, (keys % total).astype(np.int32), counts, per_row)

    def weighted(self, k1: float, b: float) -> InvertedLists:
        """The lists with the weights of Lucene's BM25, without its constant factor k1 + 1.

        A term that is in ``df`` of ``n`` rows, and ``tf`` times in a row of ``length`` terms, weighs
        log(1 + (n - df + .5) / (df + .5)) * tf / (tf + k1 (1 - b + b length / mean length)).

        Args:
            k1: term-frequency saturation.
            b: length normalisation, 0 to 1.
        """
        total, held = len(self.lengths), np.diff(self.starts)
        idf = np.log(1 + (total - held + 0.5) / (held + 0.5))
        term = np.repeat(np.arange(len(held), dtype=np.int32), held)
        saturation = k1 * (1 - b + b * self.lengths / (self.lengths.mean() if len(term) else 1.0))
        weights = np.empty(len(term), np.float32)
        for start in range(0, len(term), _ENTRIES_AT_ONCE):
            part = slice(start, start + _ENTRIES_AT_ONCE)
            times = self.counts[part]
            weights[part] = idf[term[part]] * times / (times + saturation[self.rows[part]])
        return InvertedLists(self.terms, self.starts, self.rows, weights, total)


@dataclass(frozen=True)
class Term:
    """What one term of a query adds to the score of one passage.

    Attributes:
        text: the term.
        score: for all its occurrences in the query; 0 if the passage does not have it.
        products: how many passages have it.
    """

    text: str
    score: float
    products: int


class Bm25Index:
    """BM25 scores of every passage for a query.

    Args:
        passages: (n,) texts without nulls, or lists that were weighed before with the same k1 and b.
        k1: term-frequency saturation.
        b: length normalisation, 0 to 1.
    """

    def __init__(
        self, passages: Sequence[str] | pa.Array | pa.ChunkedArray | InvertedLists, *, k1: float = K1, b: float = B
    ) -> None:
        """Count and weigh the terms; takes about 6 s and 1 GB for 1.2 million titles."""
        self.k1, self.b = k1, b
        self.lists = passages if isinstance(passages, InvertedLists) else TermCounts.of(passages).weighted(k1, b)

    def __len__(self) -> int:
        return self.lists.total

    def scores(self, query: str) -> np.ndarray:
        """(n,) float32, one score per passage; 0 where no term of the query occurs."""
        return self._padded_scores(query)[: len(self)]

    def terms(self, query: str, row: int) -> list[Term]:
        """The distinct terms of a query, in its order; their scores add up to the passage's."""
        found = []
        for text, times in Counter(search_terms(query)).items():
            rows, weights = self.lists.of(text)
            place = int(np.searchsorted(rows, row))
            held = place < len(rows) and rows[place] == row
            found.append(Term(text, float(weights[place]) * times if held else 0.0, len(rows)))
        return found

    def search(self, query: str, k: int, mask: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The best passages that share a term with the query.

        Args:
            query: free text.
            k: how many at most.
            mask: (n,) bool, the rows that may be returned.

        Returns:
            scores (m,) float32 and rows (m,) int64 with m <= k, best first, ties by lower row.

        Raises:
            ValueError: k below 1.
        """
        if k < 1:
            raise ValueError(f"k should be >= 1, is {k}")
        scores = self._padded_scores(query)
        if mask is not None:
            same_rows("BM25", passages=len(self), mask=len(mask))
            scores[: len(mask)] *= mask
        # Every term has a positive idf, so a passage that shares one scores above 0.
        least = np.finfo(np.float32).tiny
        highest = scores.reshape(-1, _GROUP).max(axis=1)
        if len(highest) > k:
            # k groups have a maximum of at least this, so no lower score is among the best k.
            least = max(least, _kth_highest(highest, k))
        rows = np.flatnonzero(scores >= least)
        if len(rows) > k:
            # All rows that tie with the k-th are kept, so that the sort can take the lowest of them.
            rows = rows[scores[rows] >= _kth_highest(scores[rows], k)]
        rows = rows[np.argsort(-scores[rows], kind="stable")][:k]
        return scores[rows], rows.astype(np.int64)

    def _padded_scores(self, query: str) -> np.ndarray:
        """``scores``, padded with zeros to whole groups."""
        scores = np.zeros(-(-len(self) // _GROUP) * _GROUP, np.float32)
        for term in search_terms(query):
            rows, weights = self.lists.of(term)
            scores[rows] += weights  # a list holds each row once
        return scores


def _kth_highest(values: np.ndarray, k: int) -> np.float32:
    return np.partition(values, len(values) - k)[len(values) - k]


def _blocks(passages: Sequence[str] | pa.Array | pa.ChunkedArray) -> Iterator[pa.Array]:
    for start in range(0, len(passages), _PASSAGES_AT_ONCE):
        block = passages[start : start + _PASSAGES_AT_ONCE]
        if isinstance(block, pa.ChunkedArray):
            yield block.combine_chunks()
        else:
            yield block if isinstance(block, pa.Array) else pa.array(block, pa.string())


def _write(path: Path, columns: dict[str, pa.Array], total: int) -> None:
    batch = pa.record_batch(columns).replace_schema_metadata({"total": str(total)})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)


def _mapped(path: Path) -> pa.RecordBatch:
    return pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0)
