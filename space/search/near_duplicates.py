"""Near-duplicates: hits of one brand whose titles differ in size, colour, quantity and punctuation only.

Two hits of one locale and brand are near-duplicates if, after measures, quantities and colours are removed from their
titles,

- the words that may name a model are the same: those with a digit ("X200" is not "X300"), single letters and words
  such as "pro" or "ii"; and
- the distinct words overlap by at least ``OVERLAP`` (Jaccard: shared words over all words of both).
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from space.data.search_terms import cut
from space.data.words import folded, normalized
from space.search.results import Hit

#: Two titles of ten words may differ in one word. A lower value groups different products: "Pro" and "Plus" are one of
#: five words.
OVERLAP = 0.8

#: Characters of a title that are compared; titles come from strangers.
MAX_TITLE = 1_000

# The patterns below read a line without double spaces, see ``_line``: two ``\s*`` side by side, or one at the end of a
# repeated group and one at its start, would try every way to share the spaces. A possessive quantifier (``++``) keeps
# what it took.
_NUMBER = r"\d++(?:[.,/٫]\d++)*+"
# A number is a size only with a unit behind it. These are units wherever they stand, if no letter follows.
_UNIT = (
    r"(?:(?:fl\.? ?)?(?:oz|ounces?|ml|cl|lit(?:er|re)s?|litros?|qt|quarts?|gal|gallons?|mg|grams?|gramos?|kg|lbs?|"
    r"pounds?|mm|cm|met(?:er|re)s?|metros?|ft|feet|foot|inch(?:es)?|pulgadas?|yards?|yds?|gb|tb|"
    r"インチ|センチ|ミリ|[個本枚足組]?セット|[個本枚足組]|パック|"
    r"мл|кг|мг|см|мм|гр|литр(?:а|ов)?|грамм(?:а|ов)?|метр(?:а|ов)?|дюйм(?:а|ов)?|штук[иа]?|шт|пар[аы]?|листов|гб|тб|"
    r"stücke?|stk|paare?|blatt|litern?|gramm|metern?|zoll|adet|litre|gram|metre|çift|"
    r"مل|لترات|لتر|كجم|كغ|جرام|غرام|سم|مم|متر|بوصة|قطعة|قطع|حبات|حبة|عبوات)(?![^\W\d_])"
    # "iPhone 12 pack of 2" is not a pack of 12
    r"|(?:-? ?packs?|pk|pcs?|pieces?|piezas?|pairs?|pares|counts?|ct|sheets?|rolls?|rollos?|unidades|uds?)"
    r"(?![^\W\d_]| (?:of|de)\b)"
    # "iPhone 12 in black" is not 12 inches: these must end the phrase
    r"|(?:in|l|m|g|gr|л|м|г)(?= ?(?:$|[,;:|()\[\]/]|- |[x×*] ?\d|by \d))"
    r"|[\"'](?![^\W\d_]))"
)
# "phone 5g" is a network, not 5 grams
_MEASURE = rf"(?<![^\W_])(?<!\d[.,/])(?![2-6] ?g(?![^\W\d_])){_NUMBER}[ -]*{_UNIT}"
_MEASURES = re.compile(
    # 12 x 18 in, 5" by 7"
    rf"(?<![^\W_]){_NUMBER}(?: ?(?:{_UNIT} ?)?(?:[x×*]|by) ?{_NUMBER})+[ -]*{_UNIT}"
    # pack of 6; not "set of two", since numbers in words are rare
    rf"|\b(?:pack|set|box|case|lot|bundle|paquete|juego|caja) (?:of|de) {_NUMBER}"
    # 6er Pack, 6'lı set
    rf"|(?<![^\W_]){_NUMBER}(?:er|'?l[iuü])[ -]?(?:pack|set|paket)\b"
    # the size of a shoe: 10.5 W US
    rf"|(?<![^\W_])\d{{1,2}}(?:\.\d)?(?: [a-z]{{1,2}})? (?:us|uk|eu)$"
    r"|\bx+-(?:large|small)\b"
    # size 9, talla 42
    rf"|\b(?:size|talla|サイズ|размер|р\.|grösse|gr\.|beden|numara|مقاس) ?:? ?{_NUMBER}"
    # 12oz, 3-pack, 14 inch
    rf"|{_MEASURE}"
)
_QUOTED = re.compile(r'(?<!\S)"([^"]*)"(?!\w)')
# What follows these is a name, even if it looks like a size: "series s", "model 3 m".
_NAMED = re.compile(
    r"\b(?:series|serie|model|modelo|type|tipo|class|clase|mark|mk|version|gen|generation|part|no)\b\.? ?:? ?"
    r"([^\W_]{1,3})\b"
)
_MODELS = frozenset("pro plus max mini ultra lite air se fe ii iii iv vi vii viii ix xi xii".split())
_LETTER = re.compile("[a-z]")
_SIZES = frozenset(
    "xxs xs s m l xl xxl xxxl 2xl 3xl 4xl 5xl small medium large size pequeño mediano grande talla".split()
)
_COLOURS = frozenset(
    "black white red blue green yellow pink purple grey gray brown orange beige navy silver gold golden teal ivory "
    "cream burgundy khaki charcoal turquoise multicolor multicolour clear color colour negro negra blanco blanca rojo "
    "roja azul verde amarillo amarilla rosa morado morada gris marrón naranja plateado dorado transparente "
    "schwarz weiss rot blau grün gelb lila grau braun türkis bunt "
    "чёрный чёрная чёрное чёрные черный черная черное черные белый белая белое белые красный красная красное красные "
    "синий синяя синее синие голубой голубая голубое зелёный зелёная зелёное зелёные зеленый зеленая зеленое зеленые "
    "жёлтый жёлтая жёлтое желтый желтая желтое розовый розовая розовое розовые фиолетовый фиолетовая серый серая "
    "серое серые коричневый коричневая коричневое оранжевый оранжевая бежевый бежевая бежевое "
    "siyah beyaz kirmizi mavi yeşil pembe mor gri kahverengi turuncu bej lacivert "
    "أسود سوداء أبيض بيضاء أحمر حمراء أزرق زرقاء أخضر خضراء أصفر صفراء وردي بنفسجي رمادي بني برتقالي بيج "
    "黒 白 赤 青 緑 黄 紫 灰".split()
)
# Turkish for yellow, which is a garment in other languages; these letters tell that a title is Turkish.
_TURKISH, _YELLOW = re.compile("[ışğİŞĞ]"), frozenset({"sari"})
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
        candidates = leaders[hit.product_locale, normalized(hit.brand or ""), models_in(hit.title, words)]
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
    text = " ".join(_QUOTED.sub(r" \1 ", _line(title)).split())
    bare = _COLOURS_JAPANESE.sub(" ", _MEASURES.sub(" ", text))
    words = frozenset(cut(bare)) - _SIZES - _COLOURS - frozenset(cut(color or ""))
    words -= _YELLOW if _TURKISH.search(title) else frozenset()
    return words or frozenset(cut(text))


def _line(title: str) -> str:
    """A title's first characters, folded, with single spaces; folding can make 18 characters of one."""
    return " ".join(folded(title[:MAX_TITLE])[:MAX_TITLE].split())


def models_in(title: str, words: frozenset[str]) -> frozenset[str]:
    """What may name a model: words with a digit, single letters, "pro" and the like, and the name behind "series"."""
    named = frozenset(_NAMED.findall(_line(title)))
    return named | frozenset(
        word for word in words if word in _MODELS or _LETTER.fullmatch(word) or any(map(str.isdigit, word))
    )


def overlap(first: frozenset[str], second: frozenset[str]) -> float:
    """Jaccard: shared words over all words of both, 0 to 1; 0 for two empty sets."""
    return len(first & second) / max(len(first | second), 1)
