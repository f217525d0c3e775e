"""BM25 by the formula: a baseline that is weaker than it should be would flatter every encoder."""

import math
import unicodedata
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from space.data.search_terms import search_terms
from space.index import bm25
from space.index.bm25 import Bm25Index, InvertedLists, TermCounts

PASSAGES = ["red shoes", "red red running shoes for men", "blue mug", "shoes"]


def by_formula(passages, query, k1=0.9, b=0.4):
    """Lucene's BM25 (without the constant factor k1 + 1), written out term by term, for a language without stems."""
    documents = [search_terms(text) for text in passages]
    average = sum(map(len, documents)) / len(documents)
    scores = np.zeros(len(documents))
    for term in search_terms(query):
        frequency = sum(term in document for document in documents)
        weight = math.log(1 + (len(documents) - frequency + 0.5) / (frequency + 0.5))
        for row, document in enumerate(documents):
            count = document.count(term)
            scores[row] += weight * count / (count + k1 * (1 - b + b * len(document) / average))
    return scores


# -- scores ----------------------------------------------------------------------------------------------------------


def test_score_by_hand():
    """ "mug" is in 1 of 4 passages of 2, 6, 2 and 1 words (mean 2.75), once in the third, which has 2."""
    weight = math.log(1 + 3.5 / 1.5)
    expected = weight * 1 / (1 + 0.9 * (1 - 0.4 + 0.4 * 2 / 2.75))
    assert Bm25Index(PASSAGES).scores("mug").tolist() == pytest.approx([0, 0, expected, 0], rel=1e-5)


@pytest.mark.parametrize(("k1", "b"), [(0.9, 0.4), (1.5, 0.75), (1.2, 0.0)])
@pytest.mark.parametrize("query", ["shoes", "red shoes", "red red shoes", "red mug unseen", "BLUE, running"])
def test_scores_by_formula(query, k1, b):
    """Guards idf, saturation, length and repeated query words against an implementation of a dozen lines."""
    found = Bm25Index(PASSAGES, k1=k1, b=b).scores(query)
    assert found.dtype == np.float32
    assert found.tolist() == pytest.approx(by_formula(PASSAGES, query, k1, b).tolist(), rel=1e-5)


def test_scores_of_a_random_catalogue():
    """200 passages of few words, some of them empty, as titles can be."""
    rng = np.random.default_rng(0)
    words = np.array([f"w{number}" for number in range(30)])
    passages = [" ".join(rng.choice(words, length)) for length in rng.integers(0, 9, 200)]
    index = Bm25Index(passages)
    for query in ("w1", "w3 w29 w7", "w5 w5 unseen"):
        np.testing.assert_allclose(index.scores(query), by_formula(passages, query), rtol=1e-5)


def test_japanese_by_formula():
    """Neither the query nor the passages have spaces."""
    passages = ["ワイヤレスイヤホン 黒", "有線イヤホン", "ステンレス水筒"]
    np.testing.assert_allclose(Bm25Index(passages).scores("イヤホン"), by_formula(passages, "イヤホン"), rtol=1e-5)
    assert Bm25Index(passages).search("イヤホン", 3)[1].tolist() == [1, 0]  # both hold it, the second is shorter


def test_terms_by_hand():
    """An explanation's terms add up to the score; "red" is twice in the query, and "mug" is not in this passage."""
    found = Bm25Index(PASSAGES).terms("red mug unseen red shoes", 1)
    assert [(term.text, term.products) for term in found] == [("red", 2), ("mug", 1), ("unseen", 0), ("shoes", 3)]
    one_red, one_shoes = (by_formula(PASSAGES, word)[1] for word in ("red", "shoes"))
    assert [term.score for term in found] == pytest.approx([2 * one_red, 0, 0, one_shoes], rel=1e-5)


# -- search ----------------------------------------------------------------------------------------------------------


def test_search_gives_matches_only():
    """Passages that share no word with the query are not results."""
    scores, rows = Bm25Index(PASSAGES).search("red", 10)
    assert (scores.dtype, rows.dtype) == (np.float32, np.int64)
    assert rows.tolist() == [1, 0]  # "red red" before "red", though longer
    assert scores.tolist() == pytest.approx(by_formula(PASSAGES, "red")[[1, 0]].tolist(), rel=1e-5)


def test_search_is_a_sort_of_the_scores():
    """For every k, over scores with many ties: the partition before the sort must not lose one."""
    rng = np.random.default_rng(1)
    passages = [" ".join(rng.choice(["a", "b", "c", "d"], 3)) for _ in range(150)]
    index = Bm25Index(passages)
    scores = index.scores("a b")
    expected = [row for row in np.argsort(-scores, kind="stable").tolist() if scores[row] > 0]
    assert len(Counter(scores.tolist())) < 20  # many ties indeed
    for k in (1, 2, 10, 75, len(expected) - 1, len(expected), 150, 1000):
        assert index.search("a b", k)[1].tolist() == expected[:k]


def test_ties_by_lower_row():
    """The same title under many ids is common. Their order must not depend on chance."""
    assert Bm25Index(["mug"] * 50).search("mug", 3)[1].tolist() == [0, 1, 2]


def test_mask():
    """A filter that lets a passage through, loses one, or changes scores."""
    index = Bm25Index(PASSAGES)
    allowed = np.array([True, False, True, True])
    scores, rows = index.search("red shoes", 10, allowed)
    assert rows.tolist() == [0, 3]
    assert scores.tolist() == index.scores("red shoes")[[0, 3]].tolist()
    assert index.search("red", 10, np.zeros(4, dtype=bool))[1].tolist() == []


@pytest.mark.parametrize("query", ["unseen", "", "!?", "赤"])
def test_unknown_words(query):
    """A word that no passage has finds nothing, and is not an error."""
    index = Bm25Index(PASSAGES)
    assert index.scores(query).tolist() == [0, 0, 0, 0]
    assert index.search(query, 5)[1].tolist() == []


def test_empty_passages():
    """Products without texts, a catalogue without words, and one without products."""
    index = Bm25Index(["", "mug", " … "])
    assert len(index) == 3
    assert index.search("mug", 5)[1].tolist() == [1]
    assert Bm25Index(["", "!"]).scores("mug").tolist() == [0, 0]
    assert Bm25Index([]).search("mug", 5)[1].tolist() == []


def test_lists_in_a_file_are_those_in_memory(tmp_path):
    """An app that maps its lists must answer as one that counted them."""
    index = Bm25Index([*PASSAGES, "ワイヤレス イヤホン", "", "été"], k1=1.2, b=0.75)
    index.lists.write(tmp_path / "terms", tmp_path / "lists")
    read = Bm25Index(InvertedLists.read(tmp_path / "terms", tmp_path / "lists"))
    assert len(read) == 7
    for query in ("red shoes", "イヤホン", "été mug", "unseen", "zzzz", ""):
        assert read.scores(query).tolist() == index.scores(query).tolist()
        assert read.search(query, 3)[1].tolist() == index.search(query, 3)[1].tolist()
        assert read.terms(query, 1) == index.terms(query, 1)


def test_two_words_of_one_term_are_shown_together():
    """In an index of one language "mug" and "mugs" are one term, which counts as often as both are typed."""
    index = Bm25Index(["red mug", "hose"], ["us", "us"])
    (term,) = index.terms("Mugs mug mugs", 0)
    assert (term.text, term.keys, term.products) == ("mugs, mug", ("mug",), 1)
    assert term.score == pytest.approx(3 * index.scores("mug")[0])


@pytest.mark.parametrize("stem", [False, True])
def test_every_passage_is_analysed_in_its_own_language(monkeypatch, stem):
    """Stems of another language would part words that belong together; rows must stay theirs in every block."""
    monkeypatch.setattr(bm25, "_PASSAGES_AT_ONCE", 3)
    passages = ["Red mugs", "Tazas rojas", "", "año nuevo", "jalapeño mug", "taza de ano", "ガラス コップ", "mug"]
    locales = ["us", "es", "us", "es", "us", "es", "jp", "us"]
    index = Bm25Index(passages, locales, stem=stem)

    def found(query):
        return sorted(index.search(query, 9)[1].tolist())

    assert found("mug") == ([0, 4, 7] if stem else [4, 7])
    assert found("taza") == ([1, 5] if stem else [5])
    assert found("jalapeno") == [4]
    assert 5 not in found("jalapeños") and 6 in found("コップ")
    for row, locale in enumerate(locales):
        held = {term for term in index.lists.terms.to_pylist() if row in index.lists.of(term)[0]}
        assert held == index.terms_of(passages[row], locale)
        for query in ("red mugs", "TAZAS año", "コップ jalapeños"):
            assert sum(term.score for term in index.terms(query, row)) == pytest.approx(index.scores(query)[row])


def test_a_row_belongs_to_its_passage_in_every_language():
    rng = np.random.default_rng(3)
    locales = rng.choice(["us", "es", "jp", "xx"], 300).tolist()
    passages = [f"row{row} {'Wört 赤い ' * (row % 3)}" if row % 7 else "" for row in range(300)]
    index = Bm25Index(pa.chunked_array([passages[:100], passages[100:]]), pa.array(locales))
    for row in range(300):
        assert index.search(f"row{row}", 2)[1].tolist() == ([row] if row % 7 else [])


@pytest.mark.parametrize(
    ("locale", "query", "passage"),
    [
        ("us", "mugs", "Red mug"),
        ("us", "creme brulee", "Crème brûlée dishes"),
        ("us", "CRE\u0300ME", "creme brulee"),
        ("us", "waterproof", "Water\u00adproof mat"),
        ("us", "women shoes", "Women’s shoe"),
        ("es", "camion", "Camión de juguete"),
        ("de", "strasse schluessel", "Schlüssel für die Straße"),
        ("fr", "huile", "l’huile d’olive"),
        ("ru", "елочные игрушки", "Ёлочная игрушка"),
        ("ru", "чайник", unicodedata.normalize("NFD", "Чайники")),
        ("tr", "istanbul", "İSTANBUL tabağı"),
        ("in", "हिन्दी", "हिन्दी किताब"),
        ("th", "แก้วน้ำ", "ชุดแก้วน้ำสีแดง"),
        ("cn", "马克杯", "红色陶瓷马克杯"),
        ("kr", "텀블러", "보온텀블러를"),
        ("sa", "كتاب", "كِتَاب"),
    ],
)
def test_a_shopper_finds(locale, query, passage):
    """BM25 is what encoders are measured against, so it must find what a shop's own search finds."""
    index = Bm25Index(["nails", passage, "other"], [locale] * 3)
    assert index.search(query, 3)[1].tolist() == [1]


@pytest.mark.parametrize(
    ("locale", "query", "passage"), [("in", "हिन्दी", "हनद"), ("es", "ano", "año"), ("ru", "и", "й")]
)
def test_a_shopper_does_not_find(locale, query, passage):
    """Vowel signs, and letters that only look as if they had an accent, make another word."""
    assert Bm25Index(["nails", passage], [locale] * 2).search(query, 3)[1].tolist() == []


def test_blocks_are_counted_as_one(monkeypatch):
    """A term has another code in every block."""
    rng = np.random.default_rng(2)
    passages = [" ".join(rng.choice([f"w{number}" for number in range(40)], 5)) for _ in range(500)]
    whole = Bm25Index(passages).lists
    monkeypatch.setattr(bm25, "_PASSAGES_AT_ONCE", 37)
    monkeypatch.setattr(bm25, "_ENTRIES_AT_ONCE", 11)
    parts = Bm25Index(passages).lists
    assert parts.terms.equals(whole.terms)
    for name in ("starts", "rows", "weights"):
        assert getattr(parts, name).tolist() == getattr(whole, name).tolist()


def test_counts_by_hand():
    """The example of the docstring; one count serves any k1 and b, which is how these are tuned."""
    counts = TermCounts.of(["red mug", "red red"])
    assert (counts.terms.to_pylist(), counts.starts.tolist()) == (["mug", "red"], [0, 1, 3])
    assert (counts.rows.tolist(), counts.counts.tolist(), counts.lengths.tolist()) == ([0, 0, 1], [1, 1, 2], [2, 2])
    again = Bm25Index(PASSAGES, k1=1.5, b=0.75).lists
    assert TermCounts.of(PASSAGES).weighted(1.5, 0.75).weights.tolist() == again.weights.tolist()


@pytest.mark.parametrize("k", [0, -1])
def test_k_below_one(k):
    """The same refusal as the vector index's, rather than an error from numpy."""
    with pytest.raises(ValueError, match=f"k should be >= 1, is {k}"):
        Bm25Index(PASSAGES).search("red", k)
