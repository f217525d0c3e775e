"""Terms of BM25: what is cut or folded wrongly here is never found, and flatters every encoder beside it."""

import unicodedata

import numpy as np
import pyarrow as pa
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from space.data.search_terms import Analysis, analyses, can_stem, cut, cut_all, search_terms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Red SHOES, size 10", ["red", "shoes", "size", "10"]),
        ("USB-C 3.5mm T-shirt 1,000", ["usb", "c", "3.5mm", "t", "shirt", "1.000"]),
        ("1,5 l. 12.x .5 v1.2.", ["1.5", "l", "12", "x", "5", "v1.2"]),
        ("Size:M men's l’huile a_b", ["size", "m", "men", "s", "l", "huile", "a", "b"]),
        ("Zapatillas de niño, café", ["zapatillas", "de", "niño", "café"]),
        ("cafe\u0301 и\u0306од", ["café", "йод"]),
        ("हिन्दी किताब २ लीटर", ["हिन्दी", "किताब", "2", "लीटर"]),
        ("Straße STRASSE ﬁne", ["strasse", "strasse", "fine"]),
        ("water\u00adproof mat\u200bblue\ufeff", ["waterproof", "mat", "blue"]),
        ("1½ cup ②", ["1", "1", "2", "cup", "2"]),
        ("ワイヤレス", ["ワイ", "イヤ", "ヤレ", "レス"]),
        ("水筒 赤", ["水筒", "赤"]),
        ("ソニーSONY製品", ["ソニ", "ニー", "sony", "製品"]),
        ("ミッキー・マウス", ["ミッ", "ッキ", "キー", "マウ", "ウス"]),
        ("ＵＳＢケーブル ３ｍ", ["usb", "ケー", "ーブ", "ブル", "3m"]),
        ("ｶﾞﾗｽ", ["ガラ", "ラス"]),
        ("カ\u3099ラス人々", ["ガラ", "ラス", "ス人", "人々"]),
        ("𠮷野家", ["𠮷野", "野家"]),
        ("แก้วน้ำ", ["แก้", "ก้ว", "วน้ำ"]),
        ("텀블러 컵", ["텀블", "블러", "컵"]),
        ("아이폰iPhone", ["아이", "이폰", "iphone"]),
        ("Acme™ mug", ["acme", "mug"]),
        ("-\u0301a 🎄 \u0301 :ำ 0ำ", ["a", "0ำ"]),
        ("", []),
        (" … !? ", []),
    ],
)
def test_words(text, expected):
    """Terms cut for one language would leave texts of another as words that no query ever has."""
    assert cut(text) == expected


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("", "Crème brûlée Łódź Ærø", ["creme", "brulee", "lodz", "aero"]),
        ("es", "Niño, camión", ["niño", "camion"]),
        ("en", "Jalapeño", ["jalapeno"]),
        ("sv", "Blå såpa Léo", ["blå", "såpa", "leo"]),
        ("de", "Schlüssel Schluessel Quelle neue", ["schlussel", "schlussel", "quelle", "neue"]),
        ("ru", "Ёлка елка й за\u0301мок", ["елка", "елка", "й", "замок"]),
        ("tr", "İstanbul IŞIK ışık", ["istanbul", "isik", "isik"]),
        ("el", "Καφές ΚΑΦΕΣ", ["καφεσ", "καφεσ"]),
        ("ar", "كِتَاب أحمر", ["كتاب", "احمر"]),
        ("hi", "हिन्दी", ["हिन्दी"]),
        ("ja", "ガラス", ["ガラ", "ラス"]),
    ],
)
def test_accents_are_folded_where_the_language_does(language, text, expected):
    assert search_terms(text, Analysis(language)) == expected


def test_stems():
    assert search_terms("Mugs mug women's", Analysis("en", True)) == ["mug", "mug", "women", "s"]
    assert search_terms("Tazas taza", Analysis("es", True)) == ["taz", "taz"]
    assert search_terms("ёлки ёлка", Analysis("ru", True)) == ["елк", "елк"]
    assert search_terms("コップ mugs", Analysis("ja", True)) == ["コッ", "ップ", "mugs"], "Snowball has no Japanese"


def test_languages_of_locales():
    """British and American products are one language; an unknown locale is one of its own, without stems."""
    assert analyses(["us", "es", "uk", "en-GB", "??"], True) == [
        Analysis("", True),
        Analysis("en", True),
        Analysis("es", True),
    ]
    assert analyses([], False) == analyses([None], False) == [Analysis("", False)]
    assert can_stem(["jp", "es"]) and not can_stem(["jp", "??"]) and not can_stem([])


# Letters of many scripts with their marks, and what stands between them.
ALPHABET = st.one_of(
    st.characters(codec="utf-8"), st.sampled_from("aéñİßёйเแก้ำวिन्दガ々ー한가𠮷™½\u00ad\u200b\u200d\u0301\u3099.,'3 ٣")
)


@settings(derandomize=True, max_examples=500)
@given(st.text(ALPHABET, max_size=12), st.sampled_from(["", "en", "es", "de", "ru", "tr", "hi"]), st.booleans())
def test_the_unicode_form_does_not_matter(text, language, stem):
    found = [search_terms(unicodedata.normalize(form, text), Analysis(language, stem)) for form in ("NFC", "NFD")]
    assert found[0] == found[1]
    assert all(found[0])


@settings(derandomize=True, max_examples=500)
@given(st.text(ALPHABET, max_size=12))
def test_no_grapheme_is_split(text):
    """Each word begins and ends where a character of the folded text does; a cut text is cut the same again."""
    text = " ".join(cut(text))
    starts = {match.start() for match in regex.finditer(r"\X", text)} | {len(text)}
    place = 0
    for word in cut(text):
        place = text.find(word, max(place - len(word), 0))
        assert place in starts and place + len(word) in starts


def test_words_of_a_column_are_those_of_each_text():
    """ASCII is cut as bytes: at each ASCII character, at the ends of texts, and beside texts that are not ASCII."""
    rng = np.random.default_rng(0)
    signs = [*map(chr, range(1, 128)), *"aaaaZZ0033..,,  __é赤イヤ™ＵＳ３İß٣ก้ำि\u0301\u00ad\u00a0"]
    texts = ["".join(rng.choice(signs, length)) for length in rng.integers(0, 12, 3000)]
    texts += [
        "",
        "a",
        "b",
        "",
        "",
        "éa",
        "b",
        " ",
        "c_d",
        "Ab",
        "赤",
        "イヤホン",
        "x",
        "",
        "3",
        ".5",
        "4.",
        "5",
        "6,7",
    ]
    only_ascii = [text for text in texts if text.isascii()]
    for some in (texts, only_ascii, []):
        column = pa.array(["unused3", *some, ".5"]).slice(1, len(some))
        found, counts = cut_all(column)
        assert found.validate(full=True) is None
        assert found.to_pylist() == [word for text in column.to_pylist() for word in cut(text)]
        assert counts.tolist() == [len(cut(text)) for text in column.to_pylist()]
