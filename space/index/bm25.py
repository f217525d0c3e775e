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

from space.data.search_terms import Analysis, analyses, cut, cut_all, search_terms
from space.errors import same_rows

Texts = Sequence[str] | pa.Array | pa.ChunkedArray
#: Anserini's defaults for MS MARCO, usual for short passages. Titles vary little in length, so b matters little.
K1, B = 0.9, 0.4
#: Without train queries to choose on, words are stemmed, as in product search and in Anserini.
STEM = True
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
    def of(cls, passages: Texts, locales: Texts | None = None, stem: bool = False) -> "TermCounts":
        """Count the terms of (n,) passages without nulls; for ``locales`` and ``stem`` see ``Bm25Index``.

        Two passages, "red mug" and "red red":

            terms    mug red          distinct and sorted: mug is term 0, red is term 1
            keys     2 0 3 3          one number for each occurrence, term x 2 passages + row
            sorted   0 2 3 3          so one sort makes lists of terms, each by row
            rows     0 | 0 1          distinct keys modulo 2: mug is in row 0, red is in both
            counts   1 | 1 2          how often each distinct key stands there
            starts   0 1 3            where the list of mug begins, that of red, and the end
        """
        total = len(passages)
        if locales is not None:
            same_rows("BM25", passages=total, locales=len(locales))
        per_row = np.zeros(total, np.int64)
        blocks, holders = [], []
        for analysis, rows, block in _blocks(passages, locales, stem):
            if block.null_count:
                raise ValueError(f"passages should not be null, {block.null_count} of {len(block)} are")
            found, per_row[rows] = cut_all(block)
            same_rows("BM25", terms=len(found), counted=int(per_row[rows].sum()))
            blocks.append(_terms(found, analysis))
            holders.append(np.repeat(rows, per_row[rows]))
        if not per_row.sum():
            none = np.zeros(0, np.int32)
            return cls(pa.array([], pa.string()), np.zeros(1, np.int64), none, none.astype(np.float32), per_row)
        blocks = pa.chunked_array(blocks).unify_dictionaries().chunks
        order = pc.sort_indices(blocks[0].dictionary)
        term_of_code = np.empty(len(order), np.int64)
        term_of_code[order.to_numpy()] = np.arange(len(order))
        keys = np.concatenate(holders)
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
        text: as the visitor wrote it, in lower case; "mugs, mug" if two words of the query are one term.
        score: for all its occurrences in the query; 0 if the passage does not have it.
        products: how many passages have it.
        keys: the term in each language of the index, such as "mug".
    """

    text: str
    score: float
    products: int
    keys: tuple[str, ...]


class Bm25Index:
    """BM25 scores of every passage for a query.

    Args:
        passages: (n,) texts without nulls, or lists that were made before with the same arguments.
        locales: (n,) the locale of each passage; its language decides on accents and stems. None for no language.
        k1: term-frequency saturation.
        b: length normalisation, 0 to 1.
        stem: whether words are stemmed, so that "mugs" finds "mug".
    """

    def __init__(
        self,
        passages: Texts | InvertedLists,
        locales: Texts | None = None,
        *,
        k1: float = K1,
        b: float = B,
        stem: bool = STEM,
    ) -> None:
        """Count and weigh the terms; takes about 6 s and 1 GB for 1.2 million titles."""
        self.k1, self.b, self.stem = k1, b, stem
        self._analyses = analyses(_distinct(locales), stem)
        if isinstance(passages, InvertedLists):
            self.lists = passages
        else:
            self.lists = TermCounts.of(passages, locales, stem).weighted(k1, b)

    def __len__(self) -> int:
        return self.lists.total

    def scores(self, query: str) -> np.ndarray:
        """(n,) float32, one score per passage; 0 where no term of the query occurs."""
        return self._padded_scores(query)[: len(self)]

    def terms(self, query: str, row: int) -> list[Term]:
        """The distinct terms of a query, in its order; their scores add up to the passage's."""
        words: dict[tuple[str, ...], Counter[str]] = {}
        for word, keys in self._words(query):
            words.setdefault(keys, Counter())[word] += 1
        found = []
        for keys, written in words.items():
            score, holders = 0.0, []
            for key in keys:
                rows, weights = self.lists.of(key)
                holders.append(rows)
                place = int(np.searchsorted(rows, row))
                if place < len(rows) and rows[place] == row:
                    score += float(weights[place]) * written.total()
            products = len(holders[0]) if len(holders) == 1 else len(np.unique(np.concatenate(holders)))
            found.append(Term(", ".join(written), score, products, keys))
        return found

    def terms_of(self, text: str, locale: str) -> set[str]:
        """The terms that a passage of a locale has in the lists."""
        return set(search_terms(text, *analyses([locale], self.stem)))

    def _words(self, query: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Each word of a query, and its terms: one, or several where the languages of the index differ."""
        words = cut(query)
        for word, *terms in zip(words, *(analysis.terms(words) for analysis in self._analyses), strict=True):
            yield word, tuple(dict.fromkeys(terms))

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
        for _, terms in self._words(query):
            for term in terms:
                rows, weights = self.lists.of(term)
                scores[rows] += weights  # a list holds each row once
        return scores


def _kth_highest(values: np.ndarray, k: int) -> np.float32:
    return np.partition(values, len(values) - k)[len(values) - k]


def _blocks(passages: Texts, locales: Texts | None, stem: bool) -> Iterator[tuple[Analysis, np.ndarray, pa.Array]]:
    """Parts of the passages in one language each: how it is analysed, rows (m,) int64, texts (m,) string."""
    for start in range(0, len(passages), _PASSAGES_AT_ONCE):
        block = _array(passages[start : start + _PASSAGES_AT_ONCE])
        rows = np.arange(start, start + len(block))
        if locales is None:
            yield Analysis("", stem), rows, block
            continue
        named = _array(locales[start : start + _PASSAGES_AT_ONCE])
        for analysis in (found := analyses(_distinct(named), stem)):
            if len(found) == 1:
                yield analysis, rows, block
                continue
            wanted = [name for name in _distinct(named) if analyses([name], stem) == [analysis]]
            mask = pc.is_in(named, pa.array(wanted, pa.string()))
            yield analysis, rows[mask.to_numpy(zero_copy_only=False)], block.filter(mask)


def _array(texts: Texts) -> pa.Array:
    if isinstance(texts, pa.ChunkedArray):
        return texts.combine_chunks()
    return texts if isinstance(texts, pa.Array) else pa.array(texts, pa.string())


def _distinct(locales: Texts | None) -> list[str]:
    return [] if locales is None else pc.unique(_array(locales)).to_pylist()


def _terms(words: pa.Array, analysis: Analysis) -> pa.DictionaryArray:
    """The term of each word; each different word is looked at once."""
    words = words.dictionary_encode()
    terms = pa.array(analysis.terms(words.dictionary.to_pylist()), pa.string()).dictionary_encode()
    return pa.DictionaryArray.from_arrays(terms.indices.take(words.indices), terms.dictionary)


def _write(path: Path, columns: dict[str, pa.Array], total: int) -> None:
    batch = pa.record_batch(columns).replace_schema_metadata({"total": str(total)})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)


def _mapped(path: Path) -> pa.RecordBatch:
    return pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0)
