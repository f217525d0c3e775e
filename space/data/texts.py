"""Cleans texts of products as files have them: missing values, HTML entities, lists, ids and image addresses."""

import ast
import html
import json
import re
from collections.abc import Callable, Iterable
from html.entities import html5

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

#: A part of a column: an array of any type, or values of several types.
Chunk = pa.Array | list[object]
#: Separates the levels of a category.
LEVEL = " > "
#: What programs write for a value that is missing, in lower case: pandas, SQL, spreadsheets, JavaScript, R.
MISSING = (
    "nan",
    "none",
    "null",
    "nil",
    "<na>",
    "n/a",
    "#n/a",
    "nat",
    "undefined",
    "(null)",
    "\\n",
    "-",
    "--",
    "–",
    "—",
)
#: Floats hold whole numbers up to here; of larger ids they lose digits.
_EXACT = 2.0**53
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_PLAIN_URL = r"^https?://[^\s\"'|;\[\]]+$"
#: Where the next address of a list begins. Commas alone do not separate: addresses have them.
_NEXT_URL = re.compile(r"(?<![\s,;|])[\s,;|]++(?=['\"]?(?:https?:)?//)")


#: Ids as Excel writes long numbers.
_SCIENTIFIC = r"^\s*\d([.,]\d+)?E\+\d+\s*$"


class LostDigitsError(ValueError):
    """Ids that were saved as floats too large to hold all their digits, or as Excel shows these: 1.23E+17."""


def text_column(chunks: Iterable[Chunk], name: str) -> tuple[pa.ChunkedArray, np.ndarray]:
    """A column of texts, without the spaces around them.

    Numbers are written without ".0", lists are joined, and missing values are null: blank ones, and except for ids and
    locales those of ``MISSING``.

    Args:
        chunks: of any types, (n) values in all.
        name: of the column in a catalogue or in judgments. A ``query`` stays as written, an ``image_url`` is one
            address, and a ``category`` has ``LEVEL`` between its levels.

    Returns:
        (n,) string, and (n,) bool: which values are there but are no texts, such as objects, and were left empty.

    Raises:
        LostDigitsError: ids that are floats too large to hold their digits, or were.
    """
    found, unclear = [], []
    for chunk in chunks:
        if isinstance(chunk, list):
            texts, there = _texts_of(chunk, name), np.array([value is not None for value in chunk], bool)
        else:
            texts, there = _texts(chunk, name), pc.is_valid(chunk).to_numpy(zero_copy_only=False)
        unclear.append(there & pc.is_null(texts).to_numpy(zero_copy_only=False))
        if name in ("product_id", "query_id"):
            _refuse_scientific(texts)
        found.append(texts if name == "query" else _cleaned(pc.utf8_trim_whitespace(texts), name))
    return pa.chunked_array(found, pa.string()), np.concatenate([np.zeros(0, bool), *unclear])


def _refuse_scientific(ids: pa.Array) -> None:
    cut = pc.match_substring_regex(ids, _SCIENTIFIC)
    if pc.any(cut).as_py():
        raise LostDigitsError(f"{ids.filter(cut)[0].as_py()!r}")


def text_of(value: object, name: str) -> str | None:
    """One value as text; None for what is not one, such as an object."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()  # JSON may hold half a surrogate pair
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) <= _EXACT else repr(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (list, tuple)):
        return joined(value, name)
    return None


def joined(values: Iterable[object], name: str) -> str | None:
    """A list as one text: the levels of a category, the first address of an image, else all with commas."""
    found = [text for text in (text_of(value, name) for value in values) if text and not is_missing(text)]
    if name == "image_url":
        return found[0] if found else ""
    return (LEVEL if name == "category" else ", ").join(text.strip() for text in found)


def is_missing(text: str) -> bool:
    """Whether a text stands for a missing value: blank, "nan", "NULL", "N/A"."""
    return (text := text.strip()).lower() in MISSING or not text or text == "NA"


def unescaped(text: str) -> str:
    """A text without HTML entities: ``Men&#39;s Q&amp;A`` is ``Men's Q&A``; also if it was escaped twice."""
    return _ENTITY.sub(_character, _ENTITY.sub(_character, text)).strip()


def image_address(text: str) -> str:
    """The first address of a text: ``//cdn.example/1.jpg`` and a list of addresses become one with its scheme."""
    listed = _listed(text)
    if listed is not None:
        text = joined(listed, "image_url") or ""
    first = _NEXT_URL.split(unescaped(text))[0].strip(" \t\r\n\"'[],;|")
    return f"https:{first}" if first.startswith("//") else first


def _category(text: str) -> str:
    """Levels of a category that was written as a list: ``['Home', 'Mugs']``."""
    listed = _listed(text)
    return unescaped(text) if listed is None else unescaped(joined(listed, "category") or "")


def _character(entity: re.Match[str]) -> str:
    name = entity[0][1:]
    return html.unescape(entity[0]) if name.startswith("#") or name in html5 else entity[0]


def _listed(text: str) -> list[object] | None:
    """The items of a list in JSON or as Python writes it; None for another text."""
    if not (text.startswith("[") and text.endswith("]")):
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        return found if isinstance(found, list) else None
    return None


def _texts(chunk: pa.Array, name: str) -> pa.Array:
    """An array of any type as texts; null for what is none."""
    kind = chunk.type
    if pa.types.is_dictionary(kind):
        chunk, kind = chunk.dictionary_decode(), kind.value_type
    if pa.types.is_floating(kind):
        return _whole_numbers(pc.cast(chunk, pa.float64()), name)
    if pa.types.is_decimal(kind):
        return pc.replace_substring_regex(pc.cast(chunk, pa.string()), r"\.0+$", "")
    if pa.types.is_nested(kind):
        return _texts_of(chunk.to_pylist(), name)
    try:
        return pc.cast(chunk, pa.string())
    except pa.ArrowException:
        return pa.nulls(len(chunk), pa.string())


def _texts_of(values: Iterable[object], name: str) -> pa.Array:
    return pa.array([text_of(value, name) for value in values], pa.string())


def _whole_numbers(numbers: pa.Array, name: str) -> pa.Array:
    """Floats as texts: 5.0 is "5", and 1.2e11 is "120000000000". NaN is ""."""
    values = numbers.to_numpy(zero_copy_only=False)
    if name == "product_id" and (np.abs(values[np.isfinite(values)]) > _EXACT).any():
        raise LostDigitsError(f"{values[np.abs(values) > _EXACT][0]!r}")
    return pa.array(["" if np.isnan(value) else text_of(value, name) for value in values.tolist()], pa.string())


def _cleaned(texts: pa.Array, name: str) -> pa.Array:
    gone = pc.equal(texts, "")
    if name in ("product_id", "product_locale"):
        return _without(texts, gone)
    missing = pc.is_in(pc.utf8_lower(texts), pa.array(MISSING))
    texts = _without(texts, pc.or_(pc.or_(gone, missing), pc.equal(texts, "NA")))
    if name == "image_url":
        return _changed(texts, pc.invert(pc.match_substring_regex(texts, _PLAIN_URL)), image_address)
    odd = pc.match_substring_regex(texts, r"&[#A-Za-z][0-9A-Za-z]*;")
    if name == "category":
        return _changed(texts, pc.or_(odd, pc.starts_with(texts, "[")), _category)
    return _changed(texts, odd, unescaped)


def _without(texts: pa.Array, gone: pa.Array) -> pa.Array:
    return pc.if_else(gone.fill_null(True), pa.scalar(None, pa.string()), texts)


def _changed(texts: pa.Array, odd: pa.Array, change: Callable[[str], str]) -> pa.Array:
    """The texts with those in ``odd`` changed; few are, so only they become Python objects."""
    odd = odd.fill_null(False)
    if not pc.any(odd).as_py():
        return texts
    new = [change(text) or None for text in texts.filter(odd).to_pylist()]
    return pc.replace_with_mask(texts, odd, pa.array(new, pa.string()))
