"""The lexical baseline: BM25 over the same passages the encoders read.

Knows no label and no vector. Scoring is bm25s (Lucene's variant); what is ours is the tokenizer, which must be fair to
the data's three languages, and the order of ties.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import bm25s
import numpy as np

#: Usual for short passages (Anserini's default for MS MARCO); titles vary little in length, so b matters little.
K1, B = 0.9, 0.4
# Japanese has no spaces: each run of kana and kanji gives its overlapping character pairs, as Lucene's CJK analyzer.
# The middle dot between them (u30fb) separates words and is not one of their characters.
_CJK = "\u3040-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
_TOKENS = re.compile(rf"[{_CJK}]+|[^\W{_CJK}]+")
_IS_CJK = re.compile(rf"[{_CJK}]")
# Wide Latin letters and narrow kana, which Japanese shops mix freely. Only these: NFKC would make "Acme™" one word.
_WIDTHS = re.compile("[\uff01-\uff9f]+")


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
        passages: the texts, row by row; or what ``tokenize`` made of each, for whoever makes several indexes of them.
        k1: term-frequency saturation.
        b: length normalisation, 0 to 1.
    """

    def __init__(self, passages: Sequence[str] | Sequence[list[str]], *, k1: float = K1, b: float = B) -> None:
        """Count terms once; takes about 40 s and 2 GB for 1.2 million titles."""
        self._rows, self.k1, self.b = len(passages), k1, b
        self._retriever = bm25s.BM25(k1=k1, b=b, method="lucene")
        vocabulary: dict[str, int] = {}
        tokens = (tokenize(text) if isinstance(text, str) else text for text in passages)
        ids = [[vocabulary.setdefault(token, len(vocabulary)) for token in part] for part in tokens]
        self._vocabulary = vocabulary
        if vocabulary:
            self._retriever.index(bm25s.tokenization.Tokenized(ids=ids, vocab=vocabulary), show_progress=False)

    def __len__(self) -> int:
        return self._rows

    def scores(self, query: str) -> np.ndarray:
        """(n,) float32, one score per passage; 0 where no term of the query occurs."""
        known = [self._vocabulary[token] for token in tokenize(query) if token in self._vocabulary]
        if not known:
            return np.zeros(self._rows, dtype=np.float32)
        return self._retriever.get_scores_from_ids(known).astype(np.float32)

    def terms(self, query: str, row: int) -> list[Term]:
        """The distinct terms of a query, in its order; their scores add up to the passage's."""
        found = []
        for token, times in Counter(tokenize(query)).items():
            every = np.zeros(0, np.float32)
            if token in self._vocabulary:
                every = self._retriever.get_scores_from_ids([self._vocabulary[token]])
            # Lucene's idf is positive for every term, so that a passage which has it scores above 0.
            score = float(every[row]) * times if len(every) else 0.0
            found.append(Term(token, score, int(np.count_nonzero(every))))
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
        scores = self.scores(query)
        if mask is not None:
            scores = np.where(mask, scores, 0.0).astype(np.float32)
        rows = np.flatnonzero(scores > 0)
        if len(rows) > k:
            # Everything at or above the k-th score, so that ties at the edge are settled by row and not by chance.
            edge = np.partition(scores[rows], len(rows) - k)[len(rows) - k]
            rows = rows[scores[rows] >= edge]
        rows = rows[np.argsort(-scores[rows], kind="stable")][:k]
        return scores[rows], rows.astype(np.int64)
