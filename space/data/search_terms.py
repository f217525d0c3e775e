"""The terms that BM25 counts: texts are cut into words, then words that mean the same become one term.

Cutting is the same for every language. What becomes one term depends on it: accents count in Spanish "año", not in
French "crème", and stemming makes one term of "mugs" and "mug".
"""

import re
import threading
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import regex
import Stemmer

from space.data.catalogue import language
from space.data.words import folded

# Scripts without spaces between words. Their runs become overlapping pairs of characters, as in Lucene's CJK analyzer.
# Korean has spaces, but its particles are written at the word. A character is a grapheme: with its vowel signs.
_MARKS = r"\p{M}\u0e33\u0eb3"  # with the Thai and Lao vowel am, which is a letter to Unicode
_PAIRED = regex.compile(
    "|".join(
        rf"(?![{_MARKS}])[{script}][{script}\p{{M}}]*"
        for script in (r"\p{Han}\p{Hiragana}\p{Katakana}\u30fc", r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}", r"\p{Hangul}")
    )
)
_GRAPHEMES = regex.compile(r"\X")
_DIGITS = regex.compile(r"[\p{Nd}--[0-9]]", regex.VERSION1)
# What is no part of a word, in any script; ASCII is left to the next step. A mark belongs to the letter before it.
_BETWEEN = regex.compile(rf"[^\p{{L}}\p{{M}}\p{{N}}\x00-\x7f]+[{_MARKS}]*|(?<![\p{{L}}\p{{M}}\p{{N}}])[{_MARKS}]+")
# Words end at Unicode's word boundaries (UAX 29), which leave 3.5 in one piece. Unlike there, ' . : _ between letters
# separate, since titles have "l'huile" and "Size:M".
_WORDS = regex.compile(r"(?:[0-9A-Za-z\x80-\U0010ffff]|(?<=[0-9])[.,](?=[0-9]))+")

# A part that does not depend on what is around it: no rule of Unicode reaches across ASCII signs and spaces.
_NOT_ASCII = re.compile(r"(?<![0-9A-Za-z])[0-9A-Za-z]*+[^\x00-\x7f][0-9A-Za-z\x80-\U0010ffff]*+")

#: Letters that are not letters with an accent to the speakers of a language, and which they always write.
_OWN_LETTERS = {"es": "ñ", "sv": "åäö", "fi": "åäö", "da": "åæø", "no": "åæø"}
#: Letters that Unicode does not decompose, and what people type in their place.
_TYPED_AS = dict(zip("øłđıħŧ", "oldiht", strict=True)) | {"æ": "ae", "œ": "oe", "þ": "th", "ð": "d"}
_TYPED_AS |= {"ё": "е", "أ": "ا", "إ": "ا", "آ": "ا", "ى": "ي", "ـ": ""}
_DECOMPOSED = regex.compile(r"[\p{Latin}\p{Greek}]")
# Accents that are left: stress in Cyrillic, vowel points in Arabic and Hebrew. Vowel signs of Hindi or Thai are not.
_ACCENTS = regex.compile(
    r"[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u064b-\u0652\u0670\u0591-\u05bd\u05bf\u05c1\u05c2\u05c7]+"
)
# As in Lucene's German normalization: "Schluessel" is "Schlüssel", but "Quelle" and "neue" keep their e.
#: The vowels of a Turkish ending follow those before it, and Snowball looks at that.
_TURKISH = ({"o": "ö", "u": "ü"}, {"i": "ı"})
_GERMAN = regex.compile(r"(?<![aeiouq])([aou])e")
#: {language: Snowball's algorithm}.
_STEMMERS = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish",
    "fi": "finnish", "fr": "french", "hi": "hindi", "hu": "hungarian", "id": "indonesian", "it": "italian",
    "nl": "dutch", "no": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sv": "swedish",
    "tr": "turkish",
}  # fmt: skip

_BYTES = np.arange(256, dtype=np.uint8)
_LOWER = np.where((_BYTES >= 65) & (_BYTES <= 90), _BYTES + 32, _BYTES).astype(np.uint8)
_LOWER[ord(",")] = ord(".")
_IN_TERM = np.array([byte >= 128 or chr(byte).isalnum() for byte in range(256)])
_IS_DIGIT = np.array([chr(byte) in "0123456789" for byte in range(256)])
_IS_POINT = np.array([chr(byte) in ".," for byte in range(256)])


@dataclass(frozen=True)
class Analysis:
    """How the words of one language become terms.

    Attributes:
        language: ISO 639-1, or "" for an unknown one.
        stem: whether words are stemmed by Snowball, where it knows the language.
    """

    language: str = ""
    stem: bool = False

    def terms(self, words: Sequence[str]) -> list[str]:
        """The term of each word that ``cut`` gave; accents are folded first, as queries are often typed without."""
        own = _OWN_LETTERS.get(self.language, "")
        found = [word if word.isascii() else unaccented(word, own) for word in words]
        if self.language == "de":
            found = [_GERMAN.sub(r"\1", word) for word in found]
        stemmer = _stemmer(self.language) if self.stem and self.language in _STEMMERS else None
        if stemmer is None:
            return found
        if self.language == "tr":
            found = [_turkish(word) for word in found]
        with _STEMMING:
            found = stemmer.stemWords(found)
        return [unaccented(word) for word in found] if self.language == "tr" else found


def _turkish(word: str) -> str:
    """A word without accents as its endings may have been written: "cantalari" is "cantaları", and "gozlukler" has ö.

    Accents are gone by now, as many queries are typed without. So the last vowel that keeps its form, a, e, o or u,
    decides for the whole word. It may be wrong about the stem, but then it is so for each form of the word.
    """
    last = max(word.rfind(vowel) for vowel in "aeou")
    return word if last < 0 else word.translate(str.maketrans(_TURKISH[word[last] != "e"]))


def analyses(locales: Iterable[str | None], stem: bool) -> list[Analysis]:
    """One for each language of the locales, sorted; the one for an unknown language without locales."""
    return [Analysis(name, stem) for name in sorted({language(locale or "") for locale in locales}) or [""]]


def can_stem(locales: Iterable[str | None]) -> bool:
    """Whether Snowball knows a language of the locales."""
    return any(analysis.language in _STEMMERS for analysis in analyses(locales, True))


def cut(text: str) -> list[str]:
    """The words of a text in lower case, and pairs of characters where the script has no spaces.

    "USB-C ケーブル 3,5 mm" has "usb", "c", "ケー", "ーブ", "ブル", "3.5" and "mm".
    """
    return [word.replace(",", ".") for word in _WORDS.findall(_prepared(text))]


def search_terms(text: str, analysis: Analysis = Analysis()) -> list[str]:  # noqa: B008 - it is frozen
    """The terms of a text, in its order: no stop words are left out."""
    return analysis.terms(cut(text))


def unaccented(word: str, own: str = "") -> str:
    """A folded word without accents: "crème" is "creme". The letters ``own`` and vowel signs of other scripts stay."""
    bare = "".join(letter if letter in own else _bare(letter) for letter in word)
    return _ACCENTS.sub("", bare) or word


def cut_all(texts: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """``cut`` for each text of a column.

    ASCII texts, most of a catalogue, are cut as bytes, without making Python strings of them. Two texts:

        texts    "Red mug", "a-b"
        data     R e d _ m u g a - b    the bytes of all texts, one after the other (_ for the space)
        offsets  0 7 10                 where each text begins, and the end
        in_word  1 1 1 0 1 1 1 1 0 1    letters, digits, and a point between two digits
        begins   0 4 7 9                where a word begins: behind another byte, or at the beginning of a text
        words    red mug a b            the bytes in words, in lower case, cut where a word begins
        counts   2 2                    how many words begin between two offsets

    Args:
        texts: (m,) string, without nulls.

    Returns:
        The words of all texts one after the other (t,) string, and how many each text has (m,) int64.
    """
    ascii_only = pc.string_is_ascii(texts)
    if not pc.all(ascii_only).as_py():
        others = pc.invert(ascii_only)
        # Only parts of titles are not ASCII, and few of them differ.
        lines = "\n".join(pc.replace_substring(texts.filter(others), "\n", " ").to_pylist())
        known = _PreparedParts()
        prepared = _NOT_ASCII.sub(lambda part: known[part[0]], lines).split("\n")
        texts = pc.replace_with_mask(texts, others, pa.array(prepared, pa.string()))
    offsets, data = _offsets_and_bytes(texts)
    in_word = _IN_TERM[data]
    is_first = np.zeros(len(data) + 1, bool)
    is_first[offsets] = True
    points = np.flatnonzero(_IS_POINT[data])
    points = points[~(is_first[points] | is_first[points + 1])]  # neither the first nor the last byte of a text
    in_word[points[_IS_DIGIT[data[points - 1]] & _IS_DIGIT[data[points + 1]]]] = True
    begins = in_word.copy()
    begins[1:] &= ~in_word[:-1]
    first_bytes = offsets[:-1][np.diff(offsets) > 0]  # an empty text has none
    begins[first_bytes] = in_word[first_bytes]
    begins = np.flatnonzero(begins)
    # An Arrow string array is its bytes and where each string begins among them; bytes between words are left out.
    starts = np.append(np.cumsum(in_word)[begins] - 1, in_word.sum()).astype(np.int32)
    buffers = [None, pa.py_buffer(starts), pa.py_buffer(_LOWER[data[in_word]])]
    return pa.Array.from_buffers(pa.string(), len(begins), buffers), np.diff(np.searchsorted(begins, offsets))


_STEMMING = threading.Lock()  # a Stemmer has a cache that threads must not share


@cache
def _stemmer(language: str) -> Stemmer.Stemmer:
    return Stemmer.Stemmer(_STEMMERS[language])


def _prepared(text: str) -> str:
    """A text in lower case, with nothing but words beyond ASCII, and pairs of characters as words of their own."""
    text = folded(text)
    if text.isascii():
        return text
    text = _BETWEEN.sub(" ", _DIGITS.sub(lambda digit: str(unicodedata.digit(digit[0])), text))
    return _PAIRED.sub(lambda run: f" {_pairs(run[0])} ", text)


class _PreparedParts(dict[str, str]):
    """{part of a text: what ``_prepared`` makes of it}."""

    def __missing__(self, part: str) -> str:
        self[part] = _prepared(part)
        return self[part]


def _pairs(run: str) -> str:
    characters = _GRAPHEMES.findall(run)
    return " ".join(map("".join, zip(characters, characters[1:], strict=False))) if len(characters) > 1 else run


@cache
def _bare(letter: str) -> str:
    if _DECOMPOSED.match(letter):
        letter = "".join(part for part in unicodedata.normalize("NFD", letter) if not unicodedata.combining(part))
    return _TYPED_AS.get(letter, letter)


def _offsets_and_bytes(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """(m + 1,) int32 offsets from 0, and the bytes (b,) uint8, of a string array without nulls."""
    _, offsets, data = texts.buffers()
    if not len(texts) or data is None:
        return np.zeros(len(texts) + 1, np.int32), np.zeros(0, np.uint8)
    bounds = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return bounds - bounds[0], np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]]
