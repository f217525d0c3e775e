"""How texts are cut into words: as a reader sees them, and as the terms that BM25 counts."""

import re
import unicodedata

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import regex

# Japanese writes no spaces between words. A change of script is close to the end of a word, without a dictionary.
_HIRAGANA = "\u3040-\u309f"
_KATAKANA = "\u30a0-\u30ff\uff66-\uff9f"
_KANJI = "\u3005\u3006\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_JAPANESE = _HIRAGANA + _KATAKANA + _KANJI
_HAS_JAPANESE = re.compile(f"[{_JAPANESE}]")
_PIECES = re.compile(rf"[{_HIRAGANA}]+|[{_KATAKANA}]+|[{_KANJI}]+|[^\s{_JAPANESE}]+")
_ONLY_HIRAGANA = re.compile(f"[{_HIRAGANA}]+")
_ONLY_KANJI = re.compile(f"[{_KANJI}]+")
#: Signs that stand around a word and are not part of it; others are: 12", Men's, C++.
_AROUND = ",;:|()[]-&"
#: The longest words in kanji that are common.
_KANJI_A_WORD = 3

# For BM25, runs of kana and kanji become overlapping pairs of characters, as in Lucene's CJK analyzer. The middle dot
# (u30fb) separates words, and 々 and 〆 are words of their own.
_CJK = "\u3040-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
_TERMS = re.compile(rf"[{_CJK}]+|[^\W{_CJK}]+")
_IS_CJK = re.compile(f"[{_CJK}]")
# Wide Latin letters and narrow kana, which Japanese shops mix freely. NFKC for all characters would turn "Acme™" into
# the word "acmetm".
_WIDTHS = re.compile("[\uff01-\uff9f]+")
# A zero-width space ends a word, others join. NFKC would turn "Acme™" into the word "acmetm", and "1½" into "11/2".
_INVISIBLE = regex.compile(r"\p{Default_Ignorable_Code_Point}+")
_SIGNS = str.maketrans(
    {
        **dict.fromkeys("\u200b™℠®©", " "),
        **dict.fromkeys("‘’‚‛ʼ′´", "'"),
        **dict.fromkeys("“”„‟″", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **{sign: f" {sign}" for sign in "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞⅟↉"},
    }
)
_BYTES = np.arange(256, dtype=np.uint8)
_LOWER = np.where((_BYTES >= 65) & (_BYTES <= 90), _BYTES + 32, _BYTES).astype(np.uint8)
_IN_TERM = np.array([byte >= 128 or chr(byte).isalnum() or chr(byte) == "_" for byte in range(256)])


def normalized(text: str) -> str:
    """The same for texts that differ in case, spacing and Unicode form only: " Red  SHOES" is "red shoes".

    Two queries are one query if this is the same for both: for labels, the leak check, splits and the picker alike.
    """
    return " ".join(folded(text).split())


def normalized_column(texts: pd.Series) -> np.ndarray:
    """``normalized`` of each text of a column with many repeated ones, (n,) object."""
    codes, written = pd.factorize(texts)
    return np.array([normalized(text) for text in written], object)[codes]


def folded(text: str) -> str:
    """A text in one case and one Unicode form: "Ａcme™ Cafe\u0301’s" is "acme café's". Line breaks stay.

    This is Unicode's NFKC_Casefold (chapter 3.13), which also removes invisible characters such as soft hyphens, and
    in addition one form for the signs that keyboards and word processors exchange.
    """
    if text.isascii():
        return text.lower()
    text = _INVISIBLE.sub("", unicodedata.normalize("NFC", text).translate(_SIGNS))
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).replace("\u2044", "/")


def has_japanese(text: str) -> bool:
    """Whether a text has kana or kanji."""
    return _HAS_JAPANESE.search(text) is not None


def word_spans(text: str) -> list[tuple[int, int]]:
    """(start, end) of each word, with the signs that touch it: "mug, red" has "mug," and "red"."""
    return [piece.span() for piece in _PIECES.finditer(text) if re.search(r"\w", piece[0])]


def words(text: str) -> list[str]:
    """The words as written, without the signs around them: "(T-shirt) - red" has "T-shirt" and "red"."""
    return [text[start:end].strip(_AROUND) for start, end in word_spans(text)]


def word_count(text: str) -> int:
    """How many words a text has, at least 1; an estimate for Japanese.

    Hiragana are mostly endings and particles, so they count only if a part between spaces has nothing else. A run of
    kanji counts as one word for every three characters.
    """
    total = 0
    for part in text.split():
        found = words(part)
        others = [word for word in found if not _ONLY_HIRAGANA.fullmatch(word)]
        total += sum(-(-len(word) // _KANJI_A_WORD) if _ONLY_KANJI.fullmatch(word) else 1 for word in others)
        total += bool(found) and not others
    return max(total, 1)


def search_terms(text: str) -> list[str]:
    """What BM25 counts: words in lower case, and pairs of characters in Japanese; no stop words, no stemming.

    "USB-C ケーブル" has "usb", "c", "ケー", "ーブ" and "ブル".
    """
    found = []
    text = _WIDTHS.sub(lambda wide: unicodedata.normalize("NFKC", wide[0]), text)
    for run in _TERMS.findall(text.lower()):
        if len(run) > 1 and _IS_CJK.match(run):
            found.extend(run[start : start + 2] for start in range(len(run) - 1))
        else:
            found.append(run)
    return found


def search_terms_of(texts: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """``search_terms`` of each text of a column.

    ASCII texts, most of a catalogue, are cut as bytes, without making Python strings of them. Two texts:

        texts    "Red mug", "a-b"
        data     R e d _ m u g a - b    the bytes of all texts, one after the other (_ for the space)
        offsets  0 7 10                 where each text begins, and the end
        in_term  1 1 1 0 1 1 1 1 0 1    letters and digits
        begins   0 4 7 9                where a term begins: behind another byte, or at the beginning of a text
        terms    red mug a b            the bytes in terms, in lower case, cut where a term begins
        counts   2 2                    how many terms begin between two offsets

    Args:
        texts: (m,) string, without nulls.

    Returns:
        The terms of all texts one after the other (t,) string, and how many each text has (m,) int64.
    """
    ascii_only = pc.string_is_ascii(texts)
    if not pc.all(ascii_only).as_py():
        others = pc.invert(ascii_only)
        cut = pa.array([" ".join(search_terms(text)) for text in texts.filter(others).to_pylist()], pa.string())
        texts = pc.replace_with_mask(texts, others, cut)
    offsets, data = _offsets_and_bytes(texts)
    in_term = _IN_TERM[data]
    begins = in_term.copy()
    begins[1:] &= ~in_term[:-1]
    first_bytes = offsets[:-1][np.diff(offsets) > 0]  # an empty text has none
    begins[first_bytes] = in_term[first_bytes]
    begins = np.flatnonzero(begins)
    # An Arrow string array is its bytes and where each string begins among them; bytes between terms are left out.
    starts = np.append(np.cumsum(in_term)[begins] - 1, in_term.sum()).astype(np.int32)
    buffers = [None, pa.py_buffer(starts), pa.py_buffer(_LOWER[data[in_term]])]
    return pa.Array.from_buffers(pa.string(), len(begins), buffers), np.diff(np.searchsorted(begins, offsets))


def _offsets_and_bytes(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """(m + 1,) int32 offsets from 0, and the bytes (b,) uint8, of a string array without nulls."""
    _, offsets, data = texts.buffers()
    if not len(texts) or data is None:
        return np.zeros(len(texts) + 1, np.int32), np.zeros(0, np.uint8)
    bounds = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return bounds - bounds[0], np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]]
