"""How texts are cut into words as a reader sees them, and when two texts are the same."""

import unicodedata

import numpy as np
import pandas as pd
import regex

# Japanese, Chinese and Thai have no spaces between words. A change of script is close to the end of a word, and a
# longer run of one script is cut into pairs of characters, as BM25 cuts it: without a dictionary that is as near as
# one gets. A character is a grapheme: with its accents and vowel signs.
_JAPANESE = r"\p{Hiragana}\p{Katakana}\p{Han}\u30fb-\u30fc\uff70"
_UNSPACED = rf"{_JAPANESE}\p{{Thai}}\p{{Lao}}\p{{Khmer}}\p{{Myanmar}}"
_PIECES = regex.compile(
    r"(?P<hiragana>\p{Hiragana}[\p{Hiragana}\u30fc\p{M}]*)|(?P<katakana>[\p{Katakana}\u30fb-\u30fc\uff70]"
    r"[\p{Katakana}\u30fb-\u30fc\uff70\p{M}\uff9e\uff9f]*)|(?P<han>\p{Han}[\p{Han}\p{M}]*)|(?P<other>[\p{Thai}\p{Lao}"
    rf"\p{{Khmer}}\p{{Myanmar}}][\p{{Thai}}\p{{Lao}}\p{{Khmer}}\p{{Myanmar}}\p{{M}}]*)|(?P<spaced>[^\s{_UNSPACED}]+)"
)
_GRAPHEMES = regex.compile(r"\X")
#: The longest words of a script that are common, in graphemes; for ``word_count`` so many are a word.
_LONGEST = {"hiragana": 4, "katakana": 7, "han": 3, "other": 4}
#: Signs that stand around a word and are not part of it; others are: 12", Men's, C++.
_AROUND = ",;:|()[]-&"

# A zero-width space ends a word, others join. NFKC would turn "Acme™" into the word "acmetm", and "1½" into "11/2".
_INVISIBLE = regex.compile(r"\p{Default_Ignorable_Code_Point}+")
_SIGNS = {
    **dict.fromkeys("\u200b™℠®©", " "),
    **dict.fromkeys("‘’‚‛ʼ′´", "'"),
    **dict.fromkeys("“”„‟″", '"'),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    **{sign: f" {sign}" for sign in "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞⅟↉"},
}
_SIGN = regex.compile(f"[{''.join(_SIGNS)}]")
# What NFKC makes of ½, and of the Thai and the Lao vowel am, whose halves would be two graphemes.
# The dotless i, and i with a dot above, which casefold makes of the Turkish capital İ.
_ONE_I = {"ı": "i", "i\u0307": "i"}
_NOT_DECOMPOSED = {"\u2044": "/", "\u0e4d\u0e32": "\u0e33", "\u0ecd\u0eb2": "\u0eb3"}


def normalized(text: str) -> str:
    """The same for texts that differ in case, spacing and Unicode form only: " Red  SHOES" is "red shoes".

    Two queries are one query if this is the same for both: for labels, the leak check, splits and the picker.
    """
    return " ".join(folded(text).split())


def normalized_column(texts: pd.Series) -> np.ndarray:
    """``normalized`` of each text of a column with many repeated ones, (n,) object."""
    codes, written = pd.factorize(texts)
    return np.array([normalized(text) for text in written], object)[codes]


def folded(text: str) -> str:
    """A text in one case and one Unicode form: "Ａcme™ Cafe\u0301’s" is "acme café's". Line breaks stay.

    This is Unicode's NFKC_Casefold (chapter 3.13), which also removes invisible characters such as soft hyphens, and
    in addition one form for the signs that keyboards and word processors exchange. The Turkish letters I, ı, İ and i
    become i, since I is the capital of ı in Turkish and of i elsewhere: "KILIF", "kılıf" and "kilif" are one word.
    """
    if text.isascii():
        return text.lower()
    text = _INVISIBLE.sub("", _SIGN.sub(lambda sign: _SIGNS[sign[0]], unicodedata.normalize("NFC", text)))
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    for decomposed, character in (_NOT_DECOMPOSED | _ONE_I).items():
        text = text.replace(decomposed, character)
    return text


def word_spans(text: str) -> list[tuple[int, int]]:
    """(start, end) of each word, with the signs that touch it: "mug, red" has "mug," and "red"."""
    found = []
    for piece in _word_pieces(text):
        ends = [end for _, end in (character.span() for character in _GRAPHEMES.finditer(piece[0]))]
        if len(ends) > _LONGEST.get(piece.lastgroup, len(ends)):
            ends = [*ends[1:-1:2], ends[-1]]
        else:
            ends = ends[-1:]
        start = piece.start()
        found += zip([start, *(start + end for end in ends[:-1])], (start + end for end in ends), strict=True)
    return found


def words(text: str) -> list[str]:
    """The words as written, without the signs around them: "(T-shirt) - red" has "T-shirt" and "red"."""
    return [without_signs(text[start:end]) for start, end in word_spans(text)]


def without_signs(word: str) -> str:
    """A word of ``word_spans`` without the signs around it."""
    return word.strip(_AROUND)


def word_count(text: str) -> int:
    """How many words a text has, at least 1; an estimate where a script has no spaces.

    Hiragana are mostly endings and particles, so they count only if a part between spaces has nothing else. A run of
    kanji counts as one word for every three characters, one of Thai for every four.
    """
    total = 0
    for part in text.split():
        found = list(_word_pieces(part))
        others = [piece for piece in found if piece.lastgroup != "hiragana"]
        for piece in others:
            a_word = _LONGEST[piece.lastgroup] if piece.lastgroup in ("han", "other") else 0
            total += -(-len(_GRAPHEMES.findall(piece[0])) // a_word) if a_word else 1
        total += bool(found) and not others
    return max(total, 1)


def _word_pieces(text: str) -> list[regex.Match[str]]:
    """The parts of a text in one script, or between spaces, that have a letter or a digit."""
    return [piece for piece in _PIECES.finditer(text) if regex.search(r"\w", piece[0])]
