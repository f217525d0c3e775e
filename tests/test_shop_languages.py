"""Shops in Russian, German, Japanese, Turkish and Arabic: search terms, title queries, folding and explanations."""

from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pytest
from datasets import Dataset

from space.data.catalogue import NO_LOCALE
from space.data.judgments import check
from space.data.scale import BINARY, parse
from space.data.search_terms import Analysis, search_terms
from space.data.split import held_out
from space.data.words import normalized, without_signs, word_spans
from space.index.bm25 import Bm25Index
from space.search.explanation import variants
from space.search.near_duplicates import group_near_duplicates
from space.search.results import Hit, Product
from space.training import title_queries


@dataclass(frozen=True)
class Shop:
    """Titles of one language and what should hold of them.

    Attributes:
        titles: of five products.
        finds: {query: place in ``titles`` of the product that BM25 puts first}, whatever is known of the language.
        stemmed: the same for queries in another form of the word, where the locale says the language.
        spellings: ways to write one query.
        variants: titles of one product in several sizes, colours and quantities.
        others: titles of different products, each unlike the first of ``variants``.
        words: of the first of ``spellings``, as the explanation takes them out.
    """

    titles: tuple[str, ...]
    finds: dict[str, int]
    stemmed: dict[str, int]
    spellings: tuple[str, ...]
    variants: tuple[str, ...]
    others: tuple[str, ...]
    words: tuple[str, ...]


SHOPS = {
    "ru": Shop(
        (
            "Кружка керамическая ёлка 350 мл", "Тарелка керамическая глубокая", "Чехол для телефона прозрачный",
            "Настольная лампа чёрная", "Рюкзак городской серый",
        ),
        {"КРУЖКА ЁЛКА": 0, "кружка елка": 0, "лампа черная": 3},
        {"кружки керамические": 0, "рюкзаки": 4, "чехлы для телефонов": 2},
        ("Чехол Телефона", "ЧЕХОЛ  ТЕЛЕФОНА", "чехол телефона"),
        (
            "Кружка керамическая, красная, 350 мл", "Кружка керамическая синяя 0,5 л",
            "Кружка керамическая белая 6 шт.", "Кружка керамическая размер 42",
        ),
        ("Тарелка керамическая красная 350 мл", "Кружка стеклянная красная 350 мл"),
        ("Чехол", "Телефона"),
    ),
    "de": Shop(
        (
            "Schlüsselanhänger aus Leder", "Weiße Tasse groß", "Fußmatte für draußen", "Handyhülle durchsichtig",
            "Schreibtischlampe",
        ),
        {"SCHLÜSSELANHÄNGER": 0, "schlusselanhanger leder": 0, "WEISSE TASSE": 1, "fussmatte": 2},
        {"Schluesselanhaenger": 0, "weißen Tassen": 1, "Fußmatten": 2},
        ("Große Fußmatte", "GROSSE FUSSMATTE", "große  fußmatte"),
        (
            "Tasse aus Steingut, rot, 350 ml", "Tasse aus Steingut Weiß 0,5 l", "Tasse aus Steingut schwarz 6 Stück",
            "Tasse aus Steingut 6er Pack", "Tasse aus Steingut Größe 42",
        ),
        ("Teller aus Steingut, rot, 350 ml", "Tasse aus Glas, rot, 350 ml"),
        ("Große", "Fußmatte"),
    ),
    "ja": Shop(
        (
            "陶器マグカップ白山羊柄", "ステンレス水筒軽量保温", "透明スマホケース", "折りたたみ自転車",
            "電気ケトル一人暮らし用",
        ),
        {"マグカップ": 0, "ﾏｸﾞｶｯﾌﾟ": 0, "水筒": 1, "スマホケース": 2},
        {"ステンレス 水筒": 1},
        ("ﾏｸﾞｶｯﾌﾟ 陶器", "マグカップ　陶器", "マグカップ 陶器"),
        (
            "陶器マグカップ 赤 350ml", "陶器マグカップ 青 500ml", "陶器マグカップ ブラック 2個",
            "陶器マグカップ 2個セット",
        ),
        ("陶器ティーポット 赤 350ml", "木製スプーン 赤 350ml"),
        ("ﾏｸﾞｶｯﾌﾟ", "陶器"),
    ),
    "tr": Shop(
        (
            "iPhone 13 kılıfı şeffaf", "Cam sürahi kapaklı", "Işıklı masa lambası", "Çocuk sırt çantası",
            "Güneş gözlükleri",
        ),
        {"İPHONE KILIFI": 0, "IPHONE KILIFI": 0, "iphone kilifi": 0, "ISIKLI LAMBASI": 2, "cocuk cantasi": 3},
        {"kılıfları": 0, "KILIFLAR": 0, "gözlük": 4, "gozlukler": 4},
        ("İPHONE KILIFI", "iphone kılıfı", "IPHONE KILIFI", "Iphone  Kılıfı"),
        (
            "Cam kırmızı bardak ışıltılı, 250 ml", "Cam mavi bardak ışıltılı 0,5 litre",
            "Cam sarı bardak ışıltılı 6 adet", "Cam bardak ışıltılı 6'lı set", "Cam bardak ışıltılı beden 42",
        ),
        ("Cam kırmızı tabak ışıltılı, 250 ml", "Plastik kırmızı bardak ışıltılı, 250 ml"),
        ("İPHONE", "KILIFI"),
    ),
    "ar": Shop(
        (
            "سماعات لاسلكية بتقنية إلغاء الضوضاء", "كوب سيراميك أحمر", "حقيبة ظهر مدرسية", "مصباح مكتب",
            "غطاء هاتف شفاف",
        ),
        {"سماعاتٌ لاسلكيّة": 0, "الغاء الضوضاء": 0, "حقيبة ظهر": 2, "كـــوب": 1},
        {"المصباح": 3, "الحقيبة": 2},
        ("غطاء هاتف", "غطاء  هاتف"),
        ("كوب سيراميك أحمر 350 مل", "كوب سيراميك أزرق ٠٫٥ لتر", "كوب سيراميك أبيض 6 قطع", "كوب سيراميك مقاس 42"),
        ("صحن سيراميك أحمر 350 مل", "كوب زجاج أحمر 350 مل"),
        ("غطاء", "هاتف"),
    ),
}  # fmt: skip

LANGUAGES = pytest.mark.parametrize("language", SHOPS)


def first(index: Bm25Index, query: str) -> int:
    """The place of the passage with the highest score, -1 if none has a term."""
    _scores, rows = index.search(query, 5)
    return int(rows[0]) if len(rows) else -1


@LANGUAGES
def test_bm25_finds_words_however_they_are_written(language: str) -> None:
    """Case, accents and endings; without a locale everything but endings."""
    shop = SHOPS[language]
    for locale in (language, NO_LOCALE):
        index = Bm25Index(list(shop.titles), [locale] * len(shop.titles), stem=True)
        assert {query: first(index, query) for query in shop.finds} == shop.finds
    index = Bm25Index(list(shop.titles), [language] * len(shop.titles), stem=True)
    assert {query: first(index, query) for query in shop.stemmed} == shop.stemmed


@LANGUAGES
def test_spellings_of_a_query_are_one_query(language: str) -> None:
    """One key for labels, and one side of the split: no spelling of a held-out query is learned from."""
    spellings = SHOPS[language].spellings
    assert len({normalized(query) for query in spellings}) == 1
    others = [f"query {number}" for number in range(20)]
    drawn, _ = held_out(pd.DataFrame({"query": [*spellings, *others]}), 0.4, language)
    assert drawn["split"][: len(spellings)].nunique() == 1
    titles = ["x", "y"]
    products = pa.table({"product_id": ["1", "2"], "product_locale": [language] * 2, "product_title": titles}
                        | dict.fromkeys(("product_brand", "product_color"), pa.nulls(2, pa.string())))  # fmt: skip
    train, test = (
        pd.DataFrame({"query": queries, "query_id": 1, "product_id": "1", "product_locale": language, "esci_label": 1})
        for queries in ([*spellings[1:], "other"], spellings[:1])
    )
    assert check("shop", train, test, products, [language], scale=BINARY).train["query"].tolist() == ["other"]


@LANGUAGES
def test_parts_of_titles_make_queries(language: str) -> None:
    """A part of a title is not the whole title, also where no space is in it, and has words of the title only."""
    titles = SHOPS[language].titles
    judged = Dataset.from_dict({"anchor": ["q"], "positive": ["p"], "negative": ["n"]})
    products = pa.table({"product_title": titles, "product_locale": [language] * len(titles)})
    examples, _ = title_queries.add(judged, {}, products, list(titles), 100, 1)
    made = list(zip(examples["anchor"], examples["positive"], strict=True))[1:]
    assert sum(query == title for query, title in made) < len(made) / 2
    for query, title in made:
        known = {without_signs(title[start:end]) for start, end in word_spans(title)}
        assert {without_signs(query[start:end]) for start, end in word_spans(query)} <= known
    assert any(query in title for query, title in made)


@LANGUAGES
@pytest.mark.parametrize("locale", ["its own", NO_LOCALE])
def test_variants_of_a_product_are_folded(language: str, locale: str) -> None:
    """Sizes, colours and quantities in the shop's own words; another product stays apart."""
    shop = SHOPS[language]
    where = language if locale == "its own" else locale

    def groups(titles: tuple[str, ...]) -> list[tuple[str, ...]]:
        hits = [
            Hit(rank=rank, product_id=f"{rank}", product_locale=where, title=title, brand="Acme", color=None,
                score=1.0, grade=None)
            for rank, title in enumerate(titles, 1)
        ]  # fmt: skip
        return [(hit.title, *(one.title for one in hit.similar or ())) for hit in group_near_duplicates(hits)]

    assert groups(shop.variants) == [shop.variants]
    assert groups((shop.variants[0], *shop.others)) == [(title,) for title in (shop.variants[0], *shop.others)]


@LANGUAGES
def test_each_word_of_a_query_is_explained(language: str) -> None:
    """Each is left out in turn, and the rest of the query stays as it was typed."""
    shop = SHOPS[language]
    query = shop.spellings[0]
    product = Product(product_id="1", product_locale=language, title=shop.titles[0], brand=None, color=None)
    found = variants(query, product)
    assert tuple(found.words) == shop.words and found.queries == [query, *reversed(shop.words)]
    analysis = Analysis(language, True)
    assert set(search_terms(query, analysis)) == set(search_terms(shop.spellings[1], analysis))


def test_turkish_words_of_a_scale_have_any_case() -> None:
    """İ, I, ı and i are one letter here: lower case of I is ı in Turkish and i elsewhere."""
    labels = pd.Series(["İLGİLİ", "ilgili", "KISMEN İLGİLİ", "kısmen ilgili", "Ilgisiz"])
    found = parse("ilgili=1!,kısmen ilgili=.5,ilgisiz=0").labels_of(labels)
    assert list(found) == ["ilgili", "ilgili", "kısmen ilgili", "kısmen ilgili", "ilgisiz"]
