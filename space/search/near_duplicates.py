"""Near-duplicates: listings of one brand whose titles differ in size, colour, quantity and punctuation only.

Two listings of one locale and brand are near-duplicates if, of their titles without measures, quantities and colours,

- the words that hold a digit are the same, since those name a model: an "X200" is no "X300"; and
- the distinct words overlap by at least ``OVERLAP`` (Jaccard: shared words over all words of both).

Knows no query and no score: only texts, in the order of a ranking.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from space.index.bm25 import tokenize

#: A title of ten words may differ in one. Lower values fold other products of a brand: "Pro" and "Plus" in five words.
OVERLAP = 0.8

_NUMBER = r"\d+(?:[.,/]\d+)*"
_UNIT = (
    r"(?:fl\.?\s*)?(?:oz|ounces?|ml|cl|l|lit(?:er|re)s?|litros?|qt|quarts?|gal|gallons?|mg|g|gr|grams?|gramos?|kg|lbs?|"
    r"pounds?|mm|cm|m|met(?:er|re)s?|metros?|ft|feet|foot|in|inch(?:es)?|pulgadas?|yards?|yds?|gb|tb|"
    r"-?\s*packs?|pk|pcs?|pieces?|piezas?|pairs?|pares|counts?|ct|sheets?|rolls?|rollos?|unidades|uds?|"
    r"インチ|センチ|ミリ|個|本|枚|足|組|セット|パック)(?![^\W\d_])|[\"″”'′]"
)
_MEASURES = re.compile(
    # 12 x 18 in, 5" by 7"
    rf"(?:{_NUMBER}\s*(?:{_UNIT})?\s*(?:[x×*]|by)\s*)+{_NUMBER}\s*(?:{_UNIT})?"
    # pack of 6, set of two is left: numbers in words are rare
    rf"|\b(?:pack|set|box|case|lot|bundle|paquete|juego|caja)\s+(?:of|de)\s+{_NUMBER}"
    # the size at the end of a shoe: "Slipper, Black, 7"
    rf"|,\s*\d{{1,2}}(?:\.\d)?(?:\s+[a-z]{{1,2}})?(?:\s+(?:us|uk|eu))?\s*$"
    r"|\bx+-(?:large|small)\b"
    # size 9, talla 42
    rf"|\b(?:size|talla|サイズ)\s*:?\s*{_NUMBER}"
    # 12oz, 3-pack, 14 inch
    rf"|(?<![^\W_]){_NUMBER}[\s-]*(?:{_UNIT})",
    re.IGNORECASE,
)
_SIZES = frozenset(
    "xxs xs s m l xl xxl xxxl 2xl 3xl 4xl 5xl small medium large size pequeño mediano grande talla".split()
)
_COLOURS = frozenset(
    "black white red blue green yellow pink purple grey gray brown orange beige navy silver gold golden teal ivory "
    "cream burgundy khaki charcoal turquoise multicolor multicolour clear color colour negro negra blanco blanca rojo "
    "roja azul verde amarillo amarilla rosa morado morada gris marrón naranja plateado dorado transparente".split()
)
_COLOURS_JAPANESE = re.compile(
    "ブラック|ホワイト|レッド|ブルー|グリーン|イエロー|ピンク|グレー|ブラウン|ネイビー|シルバー|ゴールド"
)


class Listing(NamedTuple):
    """What of a product decides what it is a near-duplicate of."""

    title: str
    brand: str | None
    color: str | None
    locale: str


def fold(listings: Sequence[Listing]) -> list[list[int]]:
    """Positions in groups, each led by its best-ranked listing, in the order of those.

    A listing joins the first leader that it is a near-duplicate of; not what is like another member, so that a group
    cannot drift away from what stands above it.

    Args:
        listings: (n), best first.
    """
    groups: list[list[int]] = []
    # Whatever must be equal decides who is compared at all.
    leaders: dict[tuple[str, str, frozenset[str]], list[tuple[frozenset[str], list[int]]]] = defaultdict(list)
    for place, listing in enumerate(listings):
        words = title_words(listing.title, listing.color)
        models = frozenset(word for word in words if any(character.isdigit() for character in word))
        known = leaders[listing.locale, (listing.brand or "").casefold().strip(), models]
        group = next((group for other, group in known if overlap(words, other) >= OVERLAP), None)
        if group is None:
            group = []
            groups.append(group)
            known.append((words, group))
        group.append(place)
    return groups


def title_words(title: str, color: str | None = None) -> frozenset[str]:
    """The distinct words of a title without sizes, quantities, common colours and those of ``color``.

    A title of nothing else keeps all its words.
    """
    text = unicodedata.normalize("NFC", title)
    bare = _COLOURS_JAPANESE.sub(" ", _MEASURES.sub(" ", text))
    words = frozenset(tokenize(bare)) - _SIZES - _COLOURS - frozenset(tokenize(color or ""))
    return words or frozenset(tokenize(text))


def overlap(first: frozenset[str], second: frozenset[str]) -> float:
    """Jaccard: the share of all words that both have, 0 to 1; of no words at all 0, since nothing says they agree."""
    return len(first & second) / max(len(first | second), 1)
