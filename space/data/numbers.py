"""Reads prices, ratings and counts as shops write them: ``1.299,00 €``, ``4.5 out of 5 stars``, ``1,024``.

Clear values are read. All others are left empty: a range, two numbers, text.
"""

import math
import unicodedata
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import regex

from space.data.texts import Chunk, is_missing

#: Characters of a text that may be a number. The patterns below try many ways to share the spaces of a longer one.
MAX_TEXT = 200
_NUMBER = r"(?P<number>\d(?:[\d.,' ]*\d)?|[.,]\d+)"
_CODES = (
    "usd|eur|gbp|jpy|cny|rmb|inr|rub|rur|chf|cad|aud|nzd|sek|nok|dkk|pln|czk|huf|ron|bgn|uah|kzt|byn|try|ils|brl|mxn|"
    "ars|clp|cop|pen|krw|twd|hkd|sgd|myr|thb|idr|php|vnd|zar|aed|sar|egp|ngn|euros?|dollars?|pounds?|yen|kr|kč|kc|zł|zl|"
    "ft|lei|лв|руб|рублей|р|грн|円|元|원|rs|rm|rp|tl|fr"
)
_CURRENCY = rf"(?:(?:us|ca?|au?|nz|hk|mx|s|r)?\p{{Sc}}|(?<!\p{{L}})(?:{_CODES})(?!\p{{L}})\.?)"
_PRICE = regex.compile(rf"(?P<before>{_CURRENCY})?\s*{_NUMBER}(?:[.,]\s?[-–—])?\s*(?P<after>{_CURRENCY})?")
_STARS = r"(?:stars?|sterne?n?|estrellas?|étoiles?|stelle|зв[её]зд[аы]?|★+)"
_RATING = regex.compile(
    rf"(?:★+\s*)?{_NUMBER}\s*{_STARS}?(?:\s*(?:/|out of|of|von|de|sur|su|из|от)\s*5(?:[.,]0)?)?\s*{_STARS}?"
)
_COUNT = regex.compile(rf"\(?\s*{_NUMBER}\s*(?P<times>(?:k|m|тыс|млн)\b\.?)?\s*\+?\s*\)?(?:\s*\p{{L}}+){{0,3}}")
_TIMES = {"k": 1e3, "тыс": 1e3, "m": 1e6, "млн": 1e6}
_PATTERNS = {"price": _PRICE, "rating": _RATING, "rating_count": _COUNT}
_EXPONENT = regex.compile(r"\d+(?:\.\d+)?e[+-]?\d{1,3}")
#: 1,299 and 12,34,567 (as in India), 1.299 and 1 299.
_GROUPED = regex.compile(r"\d{1,3}(?:(?P<mark>[.,' ])\d{2,3}(?:(?P=mark)\d{2,3})*)?(?<=\d{3}|^\d{1,3})")


def number_column(chunks: Iterable[Chunk], name: str) -> tuple[pa.ChunkedArray, np.ndarray]:
    """A column of numbers that are not below 0.

    Args:
        chunks: of any types, (n) values in all.
        name: price, rating or rating_count.

    Returns:
        (n,) float64, null where nothing is known; and (n,) bool: which values are there but could not be read.
    """
    found, unclear = [], []
    for chunk in chunks:
        numbers, there = _numbers(chunk, name)
        known = numbers >= 0  # False for NaN
        found.append(pa.array(numbers, pa.float64(), mask=~(known & np.isfinite(numbers))))
        unclear.append(there & ~(known & np.isfinite(numbers)))
    return pa.chunked_array(found, pa.float64()), np.concatenate([np.zeros(0, bool), *unclear])


def read_number(text: str, name: str, decimal: str = "") -> float | None:
    """The number in a text; None if it is not clear.

    Args:
        text: such as ``$24.99``.
        name: price, rating or rating_count.
        decimal: "." or ",", the decimal mark of the other values in the column, which decides what 1.299 is.
    """
    text = _written(text)
    if _EXPONENT.fullmatch(text):
        return float(text)
    parts = _PATTERNS[name].fullmatch(text)
    if parts is None:
        return None
    groups = parts.groupdict()
    if name == "rating_count" and not groups["times"]:
        number = _grouped(groups["number"]) or _value(groups["number"], decimal)
    else:
        priced = bool(groups.get("before") or groups.get("after"))
        number = _value(groups["number"], decimal, small=name == "rating", priced=priced)
    return None if number is None else number * _TIMES.get((groups.get("times") or "").rstrip("."), 1)


def decimal_mark(texts: Iterable[str]) -> str:
    """The decimal mark, "." or ",", if the numbers of a column show it, else ""."""
    marks = set()
    for text in texts:
        for number in regex.findall(r"\d[\d.,' ]*\d", text):
            seen = [mark for mark in number if mark in ".,"]
            # 24,90 shows it, and so does the last mark of 1.299,00; 1,299 does not.
            if seen and (len(set(seen)) == 2 or (len(seen) == 1 and len(number.rpartition(seen[0])[2]) != 3)):
                marks.add(seen[-1])
    return marks.pop() if len(marks) == 1 else ""


def _numbers(chunk: Chunk, name: str) -> tuple[np.ndarray, np.ndarray]:
    """(n,) float64, NaN for what is not a number; and (n,) bool, where a value is."""
    kind = pa.null() if isinstance(chunk, list) else chunk.type
    if pa.types.is_dictionary(kind):
        chunk, kind = chunk.dictionary_decode(), kind.value_type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        numbers = pc.cast(chunk, pa.float64()).fill_null(math.nan).to_numpy(zero_copy_only=False)
        return numbers, ~np.isnan(numbers)
    values = chunk if isinstance(chunk, list) else chunk.to_pylist()
    values = [value[0] if isinstance(value, list) and len(value) == 1 else value for value in values]
    texts = {value for value in values if isinstance(value, str)}
    decimal = decimal_mark(map(_written, texts))
    read = {text: read_number(text, name, decimal) for text in texts}
    numbers = np.array([_number(value, read) for value in values], np.float64)
    there = [not (is_missing(value) if isinstance(value, str) else value is None or value == []) for value in values]
    return numbers, np.array(there, bool)


def _number(value: object, read: dict[str, float | None]) -> float:
    if isinstance(value, str):
        number = read[value]
        return math.nan if number is None else number
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan


def _written(text: str) -> str:
    """A text in lower case with plain spaces, digits and apostrophes; "" for one too long to be a number."""
    if len(text) > MAX_TEXT:
        return ""
    text = unicodedata.normalize("NFKC", text).casefold()
    return regex.sub(r"\p{Cf}", "", text).replace("’", "'").replace("٫", ".").strip()


def _grouped(number: str) -> float | None:
    """A whole number whose thousands may be apart."""
    return float(regex.sub(r"\D", "", number)) if _GROUPED.fullmatch(number) else None


def _value(number: str, decimal: str, *, small: bool = False, priced: bool = False) -> float | None:
    """The value of digits with marks.

    Args:
        number: such as ``1.299,00``.
        decimal: see ``read_number``.
        small: a number below 1,000, so that a single mark is decimal.
        priced: a currency stands beside it, so that 1.299 is in thousands: no currency has three decimals in a shop.
    """
    marks = [mark for mark in number if mark in ".,"]
    if not marks:
        return float(number) if number.isdecimal() else _grouped(number)
    whole, mark, rest = number.rpartition(marks[-1])
    if len(set(marks)) == 2:
        decimals = marks.count(mark) == 1
    elif len(marks) > 1:
        decimals = False
    elif small or len(rest) != 3 or not 1 <= len(whole) <= 3 or whole == "0":
        decimals = True
    elif decimal:
        decimals = mark == decimal
    elif mark == "." and not priced:
        return None  # 1.299 by itself may be either
    else:
        decimals = False
    if not decimals:
        return _grouped(number)
    front = 0.0 if not whole else float(whole) if whole.isdecimal() else _grouped(whole)
    return float(f"{front:.0f}.{rest}") if front is not None and rest.isdecimal() else None
