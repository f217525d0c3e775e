"""Near-duplicates: hits of one brand whose titles differ in size, colour, quantity and punctuation only.

Two hits of one locale and brand are near-duplicates if, after measures, quantities and colours are removed from their
titles,

- the words that hold a digit are the same, since those name a model: "X200" is not "X300"; and
- the distinct words overlap by at least ``OVERLAP`` (Jaccard: shared words over all words of both).
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from space.data.search_terms import cut
from space.search.results import Hit

#: Two titles of ten words may differ in one word. A lower value groups different products: "Pro" and "Plus" are one of
#: five words.
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
    # pack of 6; not "set of two", since numbers in words are rare
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


def group_near_duplicates(hits: Sequence[Hit]) -> list[Hit]:
    """The best-ranked hit of each group, with the others of the group as its ``similar``; ranks stay as they were.

    A hit joins the first leader that it is a near-duplicate of. It is not compared with other members: through them a
    group could come to hold titles that are unlike its leader.

    Args:
        hits: (n,), best first.
    """
    groups: list[list[Hit]] = []
    #: {what must be equal: [(words of the leader, its group)]}
    leaders: dict[tuple[str, str, frozenset[str]], list[tuple[frozenset[str], list[Hit]]]] = defaultdict(list)
    for hit in hits:
        words = title_words(hit.title, hit.color)
        models = frozenset(word for word in words if any(character.isdigit() for character in word))
        candidates = leaders[hit.product_locale, (hit.brand or "").casefold().strip(), models]
        group = next((group for leader, group in candidates if overlap(words, leader) >= OVERLAP), None)
        if group is None:
            group = []
            groups.append(group)
            candidates.append((words, group))
        group.append(hit)
    return [replace(first, similar=tuple(rest)) for first, *rest in groups]


def title_words(title: str, color: str | None = None) -> frozenset[str]:
    """The distinct words of a title without sizes, quantities, common colours and the words of ``color``.

    A title of sizes and colours only keeps all its words.
    """
    text = unicodedata.normalize("NFC", title)
    bare = _COLOURS_JAPANESE.sub(" ", _MEASURES.sub(" ", text))
    words = frozenset(cut(bare)) - _SIZES - _COLOURS - frozenset(cut(color or ""))
    return words or frozenset(cut(text))


def overlap(first: frozenset[str], second: frozenset[str]) -> float:
    """Jaccard: shared words over all words of both, 0 to 1; 0 for two empty sets."""
    return len(first & second) / max(len(first | second), 1)
