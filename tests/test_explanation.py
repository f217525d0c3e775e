"""Explanations: contributions worked out by hand, sums that must hold, and their texts on the page."""

import numpy as np
import pytest
import small_shop

from space.data.catalogue import BULLETS
from space.data.passages import bullets_of, passages, template
from space.errors import QueryError
from space.index.bm25 import Bm25Index
from space.search.explanation import MAX_WORDS, Explanation, Part, explain_fusion, variants
from space.search.results import Product
from space.ui.html.explanation import reasons, sentence


def by_name(parts):
    return {part.name: part.contribution for part in parts}


def product(title, brand=None, color=None, **extra):
    return Product(product_id="p", product_locale="us", title=title, brand=brand, color=color, extra=extra)


def test_contributions_of_fields_and_words(engine):
    """By hand: the product has the words red, running, shoes, acme; for tuned, sneakers are shoes."""
    found = engine.explain("red sneakers", "us", "p01", "tuned")
    full = 2 / np.sqrt(2 * 4)
    assert found.score == pytest.approx(full) and found.title == "Red running shoes"
    assert by_name(found.fields) == pytest.approx(
        # Without the title: red, acme. Without the brand: red, running, shoes. The colour "red" is in the title too.
        {"title": full - 1 / np.sqrt(2 * 2), "brand": full - 2 / np.sqrt(2 * 3), "color": 0.0},
        abs=1e-6,
    )
    rest = 1 / np.sqrt(1 * 4)
    assert by_name(found.words) == pytest.approx({"red": full - rest, "sneakers": full - rest})
    # Base does not know that sneakers are shoes: for it the word lowers the score.
    assert by_name(engine.explain("red sneakers", "us", "p01", "base").words)["sneakers"] < 0


def test_the_score_is_that_of_the_search(engine):
    """The card shows the score of the search, and "Why?" must explain that one."""
    for system in engine.systems:
        for hit in engine.search("red running shoes", 10, system).hits:
            found = engine.explain("red running shoes", hit.product_locale, hit.product_id, system)
            assert found.to_json()["score"] == pytest.approx(hit.score, abs=2e-6), (system, hit)


def test_terms_of_bm25_add_up_to_the_score():
    """Against the index's own scores, over every row; a repeated word counts as often as it is typed."""
    texts = passages(small_shop.catalogue())
    index = Bm25Index(texts)
    for query in ("red red running shoes", "Phone, 128 GB & charger?", "ランニングシューズ 赤", "nothing of it", "!"):
        scores = index.scores(query)
        terms = [index.terms(query, row) for row in range(len(texts))]
        np.testing.assert_allclose([sum(term.score for term in part) for part in terms], scores, rtol=1e-6)
        for term in terms[0]:
            assert term.products == sum(not index.terms_of(text, "").isdisjoint(term.keys) for text in texts)
    assert index.scores("red red running shoes")[0] > index.scores("red running shoes")[0] > 0


def test_a_term_has_its_fields_and_its_number_of_products(engine):
    found = engine.explain("red sneakers", "us", "p01", "bm25")
    red, sneakers = found.to_json()["terms"]
    assert red["fields"] == ["title", "color"] and red["products"] == 4 and red["contribution"] > 0
    assert sneakers == {"name": "sneakers", "contribution": 0.0, "fields": [], "products": 0}
    assert not found.fields and not found.words


def test_stemmed_and_folded_words_are_shown_as_typed(engine):
    """The page explains the visitor's words: "sneak" for "sneakers" would be a riddle."""
    found = engine.explain("SHOE rédS shoes", "us", "p01", "bm25").to_json()["terms"]
    assert [term["name"] for term in found] == ["shoe", "réds", "shoes"]
    assert all(term["contribution"] > 0 for term in found)
    assert [term["fields"] for term in found] == [["title"], ["title", "color"], ["title"]]


def test_fused_ranks_add_up_and_follow_the_filters(engine):
    """Hybrid fuses ranks among the products that pass the filters."""
    filters = {"locale": "us", "brand": "Coppice"}
    for chosen in ({}, filters):
        for hit in engine.search("red shoes", 5, "hybrid", **chosen).hits:
            found = engine.explain("red shoes", hit.product_locale, hit.product_id, "hybrid", **chosen)
            assert [part.name for part in found.lists] == ["tuned", "bm25"]
            assert found.score == pytest.approx(hit.score, abs=1e-6)
            dense = [one.product_id for one in engine.search("red shoes", 100, "tuned", **chosen).hits]
            assert found.lists[0].rank == dense.index(hit.product_id) + 1
    assert explain_fusion("mug", "hybrid", product("Mug"), {"tuned": 1, "bm25": None}).score == 1 / 61


def test_texts_to_encode():
    """A passage without a field is built like the passage; a field that the product lacks is not left out."""
    mug = product(" Mug ", color="blue", **{BULLETS: "soft and light"})
    found = variants("blue & mug, please", mug)
    assert found.passages == ["Mug blue", "blue", "Mug"] and list(found.fields) == ["title", "color"]
    assert found.words == ["blue", "mug,", "please"], "& alone is not a word"
    assert found.queries == ["blue & mug, please", "& mug, please", "blue & please", "blue & mug,"]
    assert variants("mug", mug, bullets=4).passages == ["Mug blue soft", "blue soft", "Mug soft", "Mug blue"]
    assert [bullets_of(template(number)) for number in (0, 4, 200)] == [0, 4, 200]


def test_notes_name_what_is_not_left_out():
    """The vector of an empty text explains nothing."""
    found = variants("mug", product("Mug"))
    assert (found.words, found.queries, found.passages) == ([], ["mug"], ["Mug"])
    assert "single word" in found.notes[0] and "single field" in found.notes[1]
    many = variants(" ".join(f"w{place}" for place in range(30)), product("Mug"))
    assert len(many.words) == MAX_WORDS and len(many.queries) == MAX_WORDS + 1 and "first 20" in many.notes[0]


def test_japanese_is_split_where_the_script_changes():
    """It has no spaces: the whole query would be one word, which cannot be left out."""
    found = variants("軽い水筒ステンレス 500ml", product("水筒", "アース"))
    assert found.words == ["軽", "い", "水筒", "ステンレス", "500ml"]
    assert found.queries[3] == "軽い ステンレス 500ml" and "script" in found.notes[0]
    assert variants("红色陶瓷马克杯", product("水筒")).words == ["红色", "陶瓷", "马克", "杯"]


def test_a_note_says_that_the_text_was_cut_off(engine, monkeypatch):
    monkeypatch.setattr(small_shop.BagOfWords, "max_seq_length", 3)
    assert "cut off" in engine.explain("red shoes", "us", "p01", "tuned").notes[-1]
    assert not engine.explain("tall boots", "us", "p23", "tuned").notes[1:]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"query": " "}, "query is empty"),
        ({"product_id": "p99"}, "'p99'.*'us'"),
        ({"product_locale": "jp"}, "'p01'.*'jp'"),
        ({"system": "best"}, "system should be one of base, tuned, bm25, hybrid"),
        ({"system": ["tuned"]}, "system should be one of"),
        ({"brand": "acmee"}, "did you mean Acme"),
    ],
)
def test_bad_values_are_refused(engine, arguments, said):
    with pytest.raises(QueryError, match=said):
        engine.explain(**{"query": "mug", "product_locale": "us", "product_id": "p01"} | arguments)


def test_json_has_plain_numbers(engine):
    """A float32 of numpy cannot be written as JSON."""
    found = engine.explain("red sneakers", "us", "p01", "tuned").to_json()
    assert set(found) == {
        "query", "system", "product_id", "product_locale", "title", "score", "fields", "words", "terms", "lists",
        "notes",
    }  # fmt: skip
    assert found["fields"][0] == {"name": "title", "contribution": 0.207107, "text": "Red running shoes"}
    assert type(found["score"]) is float and all(type(part["contribution"]) is float for part in found["words"])


# -- in words --------------------------------------------------------------------------------------------------------


def explanation(system="tuned", **parts):
    return Explanation("red mug", system, "p1", "us", "Mug", 0.5, **parts)


def test_sentences():
    """Directions must not be swapped, noise not be put into words, and a comma not be part of a word."""
    fields = [Part("title", 0.3, text="Mug"), Part("brand", -0.02, text="Acme"), Part("color", -0.004, text="red")]
    words = [Part("red", 0.1), Part("mug,", 0.2)]
    assert '<span class="part" translate="no">mug</span>' in reasons(explanation(words=words))
    assert sentence(explanation(fields=fields, words=words)) == (
        "What counts most is the title and the word “mug”. It would score higher without the brand."
    )
    assert sentence(explanation(fields=fields[2:] * 2)).startswith("No single part decides")
    terms = [Part("red", 1.5, fields=["color"], products=1), Part("mug", 0.0, fields=[], products=3)]
    assert sentence(explanation("bm25", terms=terms)) == (
        "“red” adds most: 1 product of the catalogue has it. The product does not have “mug”."
    )
    lists = [Part("tuned", 1 / 63, rank=3), Part("bm25", 0.0)]
    assert sentence(explanation("hybrid", lists=lists)).startswith(
        "Fine-tuned ranks it 3, BM25 does not have it among its first 100."
    )


def test_a_bar_to_the_left_differs_in_more_than_colour():
    shown = reasons(explanation(fields=[Part("title", 0.3, text="Mug"), Part("brand", -0.1, text="Acme")]))
    assert '<span class="fill for" style="--from:25.0%;--size:75.0%">' in shown and "+.300" in shown
    assert '<span class="fill against" style="--from:0.0%;--size:25.0%">' in shown and "−.100" in shown
    assert "do not add up" in shown
    assert "These add up" in reasons(explanation("bm25", terms=[Part("red", 1.0, fields=["title"], products=2)]))


def test_everything_foreign_is_escaped(engine):
    found = engine.explain("<b>red</b> <img src=x onerror=alert(1)>", "us", "p20", "tuned")
    shown = reasons(found)
    assert "<script>" not in shown and "<img" not in shown and "<b>" not in shown
    assert "&lt;script&gt;" in shown
