"""The lexical baseline: BM25 over the same passages the encoders read.

Knows no label and no vector. The lists of terms are counted in ``postings``; here is the tokenizer, which must be fair
to the data's three languages, and the search.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from space.index.postings import Postings, weighed

#: Usual for short passages (Anserini's default for MS MARCO); titles vary little in length, so b matters little.
K1, B = 0.9, 0.4
# Japanese has no spaces: each run of kana and kanji gives its overlapping character pairs, as Lucene's CJK analyzer.
# The middle dot between them (u30fb) separates words and is not one of their characters.
_CJK = "\u3040-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
_TOKENS = re.compile(rf"[{_CJK}]+|[^\W{_CJK}]+")
_IS_CJK = re.compile(rf"[{_CJK}]")
# Wide Latin letters and narrow kana, which Japanese shops mix freely. Only these: NFKC would make "Acme™" one word.
_WIDTHS = re.compile("[\uff01-\uff9f]+")
#: Passages whose terms are counted together.
_BLOCK = 65_536
#: Rows that share one maximum: only where it is high enough the rows themselves are looked at.
_GROUP = 64
_BYTES = np.arange(256, dtype=np.uint8)
_LOWER = np.where((_BYTES >= 65) & (_BYTES <= 90), _BYTES + 32, _BYTES).astype(np.uint8)
#: Which bytes belong to a term, once the terms of a text that is not ASCII were put apart.
_IN_TERM = np.array([byte >= 128 or chr(byte).isalnum() or chr(byte) == "_" for byte in range(256)])


def tokenize(text: str) -> list[str]:
    """Lower-case words, and character pairs of Japanese runs, in one width; no stop words, no stemming."""
    tokens = []
    text = _WIDTHS.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    for run in _TOKENS.findall(text.lower()):
        if len(run) > 1 and _IS_CJK.match(run):
            tokens.extend(run[start : start + 2] for start in range(len(run) - 1))
        else:
            tokens.append(run)
    return tokens


def terms_of(texts: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """What ``tokenize`` makes of many texts: all terms one after the other (t), and how many each text has (m,) int64.

    Plain ASCII, most of a catalogue, is cut as bytes all at once; only the other texts become Python strings.
    """
    offsets, data = _parts(texts)
    foreign = np.flatnonzero(np.diff(np.concatenate([[0], np.cumsum(data >= 128)])[offsets]))
    if len(foreign):
        plain = np.ones(len(texts), bool)
        plain[foreign] = False
        cut = pa.array([" ".join(tokenize(text)) for text in texts.take(pa.array(foreign)).to_pylist()], pa.string())
        offsets, data = _parts(pa.compute.replace_with_mask(texts, pa.array(~plain), cut))
    within = _IN_TERM[data]
    begins = within.copy()
    begins[1:] &= ~within[:-1]
    heads = offsets[:-1][np.diff(offsets) > 0]
    begins[heads] = within[heads]  # a text ends where the next begins
    begins = np.flatnonzero(begins)
    # Where each begins among the bytes that are left.
    ends = np.append(np.cumsum(within)[begins] - 1, within.sum()).astype(np.int32)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(_LOWER[data[within]])]
    terms = pa.Array.from_buffers(pa.string(), len(begins), buffers)
    return terms, np.diff(np.searchsorted(begins, offsets))


def _parts(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """(m + 1,) offsets from 0 and the bytes of a string array without nulls."""
    _, offsets, data = texts.buffers()
    if not len(texts) or data is None:
        return np.zeros(len(texts) + 1, np.int32), np.zeros(0, np.uint8)
    bounds = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return bounds - bounds[0], np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]]


@dataclass(frozen=True)
class Term:
    """What one term of a query adds to the score of one passage.

    Attributes:
        score: over all its occurrences in the query; 0 where the passage does not have it.
        products: how many passages have it.
    """

    text: str
    score: float
    products: int


class Bm25Index:
    """BM25 scores of every passage for a query.

    Args:
        passages: the texts, row by row, as strings or in Arrow without nulls; or what ``tokenize`` made of each, for
            whoever makes several indexes of them; or what was counted before with the same k1 and b.
        k1: term-frequency saturation.
        b: length normalisation, 0 to 1.
    """

    def __init__(
        self,
        passages: Sequence[str] | Sequence[list[str]] | pa.Array | pa.ChunkedArray | Postings,
        *,
        k1: float = K1,
        b: float = B,
    ) -> None:
        """Count terms once; takes some 6 s and 1 GB for 1.2 million titles."""
        self.k1, self.b = k1, b
        self.postings = passages if isinstance(passages, Postings) else weighed(_counted(passages), k1, b)

    def __len__(self) -> int:
        return self.postings.total

    def scores(self, query: str) -> np.ndarray:
        """(n,) float32, one score per passage; 0 where no term of the query occurs."""
        return self._scores(query)[: len(self)]

    def terms(self, query: str, row: int) -> list[Term]:
        """The distinct terms of a query, in its order; their scores add up to the passage's."""
        found = []
        for token, times in Counter(tokenize(query)).items():
            rows, weights = self.postings.of(token)
            place = int(np.searchsorted(rows, row))
            held = place < len(rows) and rows[place] == row
            found.append(Term(token, float(weights[place]) * times if held else 0.0, len(rows)))
        return found

    def search(self, query: str, k: int, mask: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The passages that share a term with the query.

        Args:
            query: free text.
            k: how many at most.
            mask: (n,) bool, the rows that may be returned.

        Returns:
            (scores (m,) float32, rows (m,) int64) with m <= k, best first, ties by lower row.

        Raises:
            ValueError: k below 1.
        """
        if k < 1:
            raise ValueError(f"k should be >= 1, is {k}")
        scores = self._scores(query)
        if mask is not None:
            scores[: len(mask)] *= mask
        # Lucene's idf is positive for every term, so that a passage which has one scores above 0.
        edge = np.finfo(np.float32).tiny
        highest = scores.reshape(-1, _GROUP).max(axis=1)
        if len(highest) > k:
            # As many groups hold a score of at least this, so no score below it is among the best k.
            edge = max(edge, np.partition(highest, len(highest) - k)[len(highest) - k])
        rows = np.flatnonzero(scores >= edge)
        if len(rows) > k:
            # Everything at or above the k-th score, so that ties at the edge are settled by row and not by chance.
            edge = np.partition(scores[rows], len(rows) - k)[len(rows) - k]
            rows = rows[scores[rows] >= edge]
        rows = rows[np.argsort(-scores[rows], kind="stable")][:k]
        return scores[rows], rows.astype(np.int64)

    def _scores(self, query: str) -> np.ndarray:
        """``scores``, with zeros up to whole groups."""
        scores = np.zeros(-(-len(self) // _GROUP) * _GROUP, np.float32)
        for token in tokenize(query):
            rows, weights = self.postings.of(token)
            scores[rows] += weights  # no row is twice in one list
        return scores


def _counted(
    passages: Sequence[str] | Sequence[list[str]] | pa.Array | pa.ChunkedArray,
) -> Iterator[tuple[pa.Array, np.ndarray]]:
    """What ``weighed`` takes, in blocks."""
    for start in range(0, len(passages), _BLOCK):
        block = passages[start : start + _BLOCK]
        if isinstance(block, pa.ChunkedArray):
            block = block.combine_chunks()
        if isinstance(block, pa.Array):
            yield terms_of(block)
        elif isinstance(block[0], str):
            yield terms_of(pa.array(block, pa.string()))
        else:
            yield pa.array([term for terms in block for term in terms], pa.string()), np.array(list(map(len, block)))
