"""Words: what is cut wrongly here is never found by BM25, or explained as half a word."""

import unicodedata

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from space.data.gold_labels import GoldLabels
from space.data.words import has_japanese, normalized, search_terms, search_terms_of, word_count, word_spans, words


@pytest.mark.parametrize(
    ("text", "expected"),
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
def test_terms(text, expected):
    """Terms cut for one language would leave Japanese passages as single words that no query ever has."""
    assert search_terms(text) == expected


def test_terms_of_a_column_are_those_of_each_text():
    """ASCII is cut as bytes: at each ASCII character, at the ends of texts, and beside texts that are not ASCII."""
    rng = np.random.default_rng(0)
    signs = [*map(chr, range(1, 128)), *"aaaaZZ00  __é赤イヤ™ＵＳ３İß٣\u00a0"]
    texts = ["".join(rng.choice(signs, length)) for length in rng.integers(0, 12, 3000)]
    texts += ["", "a", "b", "", "", "éa", "b", " ", "c_d", "Ab", "赤", "イヤホン", "x", ""]
    only_ascii = [text for text in texts if text.isascii()]
    for some in (texts, only_ascii, []):
        column = pa.array(["unused", *some, "unused"]).slice(1, len(some))
        found, counts = search_terms_of(column)
        assert found.validate(full=True) is None
        assert found.to_pylist() == [term for text in column.to_pylist() for term in search_terms(text)]
        assert counts.tolist() == [len(search_terms(text)) for text in column.to_pylist()]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("kindle", 1),
        ("airpods 2", 2),
        ("wall beds & murphy bed queen", 5),  # an ampersand is not a word
        ("t-shirt men's 1/2gallon", 3),
        ("botella de agua", 3),
        ("  spaced \t out  ", 2),
        ("ランニングシューズ", 1),
        ("ランニングシューズ 赤", 2),
        ("ランニングシューズ赤", 2),  # the same, written without a space
        ("折りたたみ自転車", 2),  # hiragana end the word before
        ("ノートパソコン用充電器", 3),
        ("usbケーブル", 2),
        ("電動自転車用空気入", 3),  # three kanji a word
        ("人々", 1),
        ("ふとん", 1),  # a word of hiragana only
        ("ふとん カバー", 2),
        ("ﾊﾝｶﾞｰ", 1),
        ("", 1),
        ("&", 1),
    ],
)
def test_word_count(text, count):
    """Cut at spaces only, every Japanese query would count as short."""
    assert word_count(text) == count


@pytest.mark.parametrize(
    ("text", "with_signs", "expected"),
    [
        ("blue & mug, please", ["blue", "mug,", "please"], ["blue", "mug", "please"]),
        ("Xbox One (X)", ["Xbox", "One", "(X)"], ["Xbox", "One", "X"]),
        ("(T-shirt) - 12\" Men's", ["(T-shirt)", '12"', "Men's"], ["T-shirt", '12"', "Men's"]),
        ("軽い水筒ステンレス 500ml", ["軽", "い", "水筒", "ステンレス", "500ml"], None),
        ("人々・(赤)", ["人々", "赤"], None),
        ("", [], []),
    ],
)
def test_words_as_a_reader_sees_them(text, with_signs, expected):
    """An explanation leaves out a word with its signs, a query made of a title has none."""
    assert [text[start:end] for start, end in word_spans(text)] == with_signs
    assert words(text) == (with_signs if expected is None else expected)
    assert has_japanese(text) == (expected is None)


def test_normalized():
    """Case and spaces do not make another query: the judgments of one belong to the other."""
    assert normalized(" Red\t SHOES\u3000Straße ") == "red shoes strasse"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Cafe\u0301", "café"),
        ("и\u0306од", "йод"),
        ("ＵＳＢ\u00a0ｹｰﾌﾞﾙ", "usb ケーブル"),
        ("Acme™ mug®", "acme mug"),
        ("water\u00adproof\u200b mat\ufeff", "waterproof mat"),
        ("men’s 10–12″", "men's 10-12\""),
        ("1½ l", "1 1/2 l"),
        ("ﬁne 5㎏", "fine 5kg"),
    ],
)
def test_normalized_unicode(text, expected):
    assert normalized(text) == normalized(normalized(text)) == expected
    assert normalized(unicodedata.normalize("NFD", text)) == expected


def test_labels_are_found_however_a_query_is_written():
    """Guards one normalisation for labels, the leak check, splits and the picker."""
    frame = pd.DataFrame(
        {"query": ["Cafe\u0301 mug"], "product_locale": "us", "product_id": "1", "esci_label": "Exact"}
    )
    labels = GoldLabels(frame, pa.table({"product_locale": ["us"], "product_id": ["1"]}))
    for spelling in ("café mug", "CAFÉ\u00a0MUG", "ca\u00adfe\u0301  mug"):
        assert labels.of(spelling) == {0: "Exact"}
    assert labels.of("cafe mug") == {}
