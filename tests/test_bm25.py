"""BM25 is the column that keeps the demo honest: weaker than it should be, it would flatter every encoder."""

import math
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from space.index import bm25, postings
from space.index.bm25 import Bm25Index, terms_of, tokenize
from space.index.postings import Postings

PASSAGES = ["red shoes", "red red running shoes for men", "blue mug", "shoes"]


def by_formula(passages, query, k1=0.9, b=0.4):
    """Lucene's BM25 (without the constant factor k1 + 1), written out term by term."""
    documents = [tokenize(text) for text in passages]
    average = sum(map(len, documents)) / len(documents)
    scores = np.zeros(len(documents))
    for term in tokenize(query):
        frequency = sum(term in document for document in documents)
        weight = math.log(1 + (len(documents) - frequency + 0.5) / (frequency + 0.5))
        for row, document in enumerate(documents):
            count = document.count(term)
            scores[row] += weight * count / (count + k1 * (1 - b + b * len(document) / average))
    return scores


# -- tokens ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Red SHOES, size 10", ["red", "shoes", "size", "10"]),
        ("USB-C 3.5mm T-shirt", ["usb", "c", "3", "5mm", "t", "shirt"]),
        ("Zapatillas de niño, café", ["zapatillas", "de", "niño", "café"]),
        ("ワイヤレス", ["ワイ", "イヤ", "ヤレ", "レス"]),
        ("水筒 赤", ["水筒", "赤"]),
        ("ソニーSONY製品", ["ソニ", "ニー", "sony", "製品"]),
        ("ミッキー・マウス", ["ミッ", "ッキ", "キー", "マウ", "ウス"]),
        ("ＵＳＢケーブル ３ｍ", ["usb", "ケー", "ーブ", "ブル", "3m"]),
        ("ｶﾞﾗｽ", ["ガラ", "ラス"]),
        ("Acme™ mug", ["acme", "mug"]),
        ("", []),
        (" … !? ", []),
    ],
)
def test_tokens(text, tokens):
    """A tokenizer for one language would leave Japanese passages as single words that no query ever meets."""
    assert tokenize(text) == tokens


def test_terms_of_many_texts_are_those_of_each():
    """Bytes are cut without looking at characters: at every ASCII character, at the ends of texts, beside others."""
    rng = np.random.default_rng(0)
    signs = [*map(chr, range(1, 128)), *"aaaaZZ00  __é赤イヤ™ＵＳ３İß٣\u00a0"]
    texts = ["".join(rng.choice(signs, length)) for length in rng.integers(0, 12, 3000)]
    texts += ["", "a", "b", "", "", "éa", "b", " ", "c_d", "Ab", "赤", "イヤホン", "x"]
    column = pa.array(["unused", *texts, "unused"]).slice(1, len(texts))
    terms, lengths = terms_of(column)
    assert terms.validate(full=True) is None
    assert terms.to_pylist() == [term for text in texts for term in tokenize(text)]
    assert lengths.tolist() == [len(tokenize(text)) for text in texts]


# -- scores ----------------------------------------------------------------------------------------------------------


def test_score_by_hand():
    """ "mug" is in 1 of 4 passages of 2, 6, 2 and 1 words (mean 2.75), once in the third, which has 2."""
    weight = math.log(1 + 3.5 / 1.5)
    expected = weight * 1 / (1 + 0.9 * (1 - 0.4 + 0.4 * 2 / 2.75))
    assert Bm25Index(PASSAGES).scores("mug").tolist() == pytest.approx([0, 0, expected, 0], rel=1e-5)


@pytest.mark.parametrize(("k1", "b"), [(0.9, 0.4), (1.5, 0.75), (1.2, 0.0)])
@pytest.mark.parametrize("query", ["shoes", "red shoes", "red red shoes", "red mug for nobody", "BLUE, running"])
def test_scores_by_formula(query, k1, b):
    """Guards idf, saturation, length and repeated query words against an implementation of a dozen lines."""
    found = Bm25Index(PASSAGES, k1=k1, b=b).scores(query)
    assert found.dtype == np.float32
    assert found.tolist() == pytest.approx(by_formula(PASSAGES, query, k1, b).tolist(), rel=1e-5)


def test_scores_of_a_random_catalogue():
    """The same over 200 passages of few words, some of them empty, as real titles can be."""
    rng = np.random.default_rng(0)
    words = np.array([f"w{number}" for number in range(30)])
    passages = [" ".join(rng.choice(words, length)) for length in rng.integers(0, 9, 200)]
    index = Bm25Index(passages)
    for query in ("w1", "w3 w29 w7", "w5 w5 unseen"):
        np.testing.assert_allclose(index.scores(query), by_formula(passages, query), rtol=1e-5)


def test_japanese_by_formula():
    """No spaces in the query or the passage, and still what is shared is found."""
    passages = ["ワイヤレスイヤホン 黒", "有線イヤホン", "ステンレス水筒"]
    np.testing.assert_allclose(Bm25Index(passages).scores("イヤホン"), by_formula(passages, "イヤホン"), rtol=1e-5)
    assert Bm25Index(passages).search("イヤホン", 3)[1].tolist() == [1, 0]  # both hold it, the second is shorter


# -- search ----------------------------------------------------------------------------------------------------------


def test_search_gives_matches_only():
    """Passages that share no word must not fill the list up: they are no results."""
    scores, rows = Bm25Index(PASSAGES).search("red", 10)
    assert (scores.dtype, rows.dtype) == (np.float32, np.int64)
    assert rows.tolist() == [1, 0]  # "red red" before "red", though longer
    assert scores.tolist() == pytest.approx(by_formula(PASSAGES, "red")[[1, 0]].tolist(), rel=1e-5)


def test_search_is_a_sort_of_the_scores():
    """Guards the partition before the sort, for every k, over scores with many ties."""
    rng = np.random.default_rng(1)
    passages = [" ".join(rng.choice(["a", "b", "c", "d"], 3)) for _ in range(150)]
    index = Bm25Index(passages)
    scores = index.scores("a b")
    expected = [row for row in np.argsort(-scores, kind="stable").tolist() if scores[row] > 0]
    assert len(Counter(scores.tolist())) < 20  # many ties indeed
    for k in (1, 2, 10, 75, len(expected) - 1, len(expected), 150, 1000):
        assert index.search("a b", k)[1].tolist() == expected[:k]


def test_ties_by_lower_row():
    """The same title under many ids is common; which of them comes first must not depend on chance."""
    assert Bm25Index(["mug"] * 50).search("mug", 3)[1].tolist() == [0, 1, 2]


def test_mask():
    """A filter neither lets a passage through nor loses one, and the scores stay what they were."""
    index = Bm25Index(PASSAGES)
    allowed = np.array([True, False, True, True])
    scores, rows = index.search("red shoes", 10, allowed)
    assert rows.tolist() == [0, 3]
    assert scores.tolist() == index.scores("red shoes")[[0, 3]].tolist()
    assert index.search("red", 10, np.zeros(4, dtype=bool))[1].tolist() == []


@pytest.mark.parametrize("query", ["unseen", "", "!?", "赤"])
def test_unknown_words(query):
    """A word that no passage has is no reason to fail, nor to find anything."""
    index = Bm25Index(PASSAGES)
    assert index.scores(query).tolist() == [0, 0, 0, 0]
    assert index.search(query, 5)[1].tolist() == []


def test_empty_passages():
    """Products whose texts are all null, or no word in the whole catalogue, or no product at all."""
    index = Bm25Index(["", "mug", " … "])
    assert len(index) == 3
    assert index.search("mug", 5)[1].tolist() == [1]
    assert Bm25Index(["", "!"]).scores("mug").tolist() == [0, 0]
    assert Bm25Index([]).search("mug", 5)[1].tolist() == []


def test_lists_in_a_file_are_those_in_memory(tmp_path):
    """What is mapped must answer as what was counted, and must not have to be counted with the same k1 by chance."""
    index = Bm25Index([*PASSAGES, "ワイヤレス イヤホン", "", "été"], k1=1.2, b=0.75)
    index.postings.write(tmp_path / "terms", tmp_path / "lists")
    read = Bm25Index(Postings.read(tmp_path / "terms", tmp_path / "lists"), k1=1.2, b=0.75)
    assert len(read) == 7
    for query in ("red shoes", "イヤホン", "été mug", "unseen", "zzzz", ""):
        assert read.scores(query).tolist() == index.scores(query).tolist()
        assert read.search(query, 3)[1].tolist() == index.search(query, 3)[1].tolist()
        assert read.terms(query, 1) == index.terms(query, 1)


def test_blocks_are_counted_as_one(monkeypatch):
    """A term has another number in every block."""
    rng = np.random.default_rng(2)
    passages = [" ".join(rng.choice([f"w{number}" for number in range(40)], 5)) for _ in range(500)]
    whole = Bm25Index(passages)
    monkeypatch.setattr(bm25, "_BLOCK", 37)
    monkeypatch.setattr(postings, "_BLOCK", 11)
    for parts in (Bm25Index(passages), Bm25Index([tokenize(text) for text in passages])):
        assert parts.postings.terms.equals(whole.postings.terms)
        for name in ("starts", "rows", "weights"):
            assert getattr(parts.postings, name).tolist() == getattr(whole.postings, name).tolist()


@pytest.mark.parametrize("k", [0, -1])
def test_k_below_one(k):
    """The same refusal as the vector index's, not an error from deep within numpy."""
    with pytest.raises(ValueError, match=f"k should be >= 1, is {k}"):
        Bm25Index(PASSAGES).search("red", k)
