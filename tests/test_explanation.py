"""Why a product is found: contributions worked out by hand, sums that must hold, and how they are said."""

import numpy as np
import pytest
import small_shop

from space.data.catalogue import BULLETS, bullets_of, passages, template
from space.errors import QueryError
from space.index.bm25 import Bm25Index, tokenize
from space.search import explanation as explain
from space.search.explanation import MAX_WORDS, Explanation, Part
from space.ui.html.explanation import reasons, sentence


@pytest.fixture(scope="module")
def engine():
    return small_shop.engine()


def by_name(parts):
    return {part.name: part.contribution for part in parts}


def test_what_each_field_and_word_adds(engine):
    """By hand: the product has the words red, running, shoes, acme; for tuned, sneakers are shoes."""
    found = engine.explain("red sneakers", "us", "p01", "tuned")
    full = 2 / np.sqrt(2 * 4)
    assert found.score == pytest.approx(full) and found.title == "Red running shoes"
    assert by_name(found.fields) == pytest.approx(
        # Left without the title are red and acme; without the brand red, running, shoes; "red" is in the title too.
        {"title": full - 1 / np.sqrt(2 * 2), "brand": full - 2 / np.sqrt(2 * 3), "color": 0.0},
        abs=1e-6,
    )
    rest = 1 / np.sqrt(1 * 4)
    assert by_name(found.words) == pytest.approx({"red": full - rest, "sneakers": full - rest})
    # For base, sneakers are a word that the product does not have, and speak against it.
    assert by_name(engine.explain("red sneakers", "us", "p01", "base").words)["sneakers"] < 0


def test_score_is_the_score_of_the_search(engine):
    """An explanation of another figure than the one on the card would explain nothing."""
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
            assert term.products == sum(term.text in tokenize(text) for text in texts)
    assert index.scores("red red running shoes")[0] > index.scores("red running shoes")[0] > 0


def test_a_term_says_where_it_is_and_how_common(engine):
    found = engine.explain("red sneakers", "us", "p01", "bm25")
    red, sneakers = found.to_json()["terms"]
    assert red["fields"] == ["title", "color"] and red["products"] == 4 and red["contribution"] > 0
    assert sneakers == {"name": "sneakers", "contribution": 0.0, "fields": [], "products": 0}
    assert not found.fields and not found.words


def test_fused_ranks_add_up_and_follow_the_filters(engine):
    """The ranks that are fused are those among what the filters leave, so an explanation without them would be off."""
    filters = {"locale": "us", "brand": "Coppice"}
    for chosen in ({}, filters):
        for hit in engine.search("red shoes", 5, "hybrid", **chosen).hits:
            found = engine.explain("red shoes", hit.product_locale, hit.product_id, "hybrid", **chosen)
            assert [part.name for part in found.lists] == ["tuned", "bm25"]
            assert found.score == pytest.approx(hit.score, abs=1e-6)
            dense = [one.product_id for one in engine.search("red shoes", 100, "tuned", **chosen).hits]
            assert found.lists[0].rank == dense.index(hit.product_id) + 1
    assert explain.fused({"tuned": 1, "bm25": None})["score"] == 1 / 61


def test_texts_that_are_compared():
    """The passage without a field is built like the passage; a missing field is not left out a second time."""
    product = {"product_title": " Mug ", "product_brand": None, "product_color": "blue", BULLETS: "soft and light"}
    found = explain.variants("blue & mug, please", product)
    assert found.passages == ["Mug blue", "blue", "Mug"] and list(found.fields) == ["title", "color"]
    assert found.words == ["blue", "mug,", "please"]  # a sign alone is no word
    assert found.queries == ["blue & mug, please", "& mug, please", "blue & please", "blue & mug,"]
    with_bullets = explain.variants("mug", product, bullets=4)
    assert with_bullets.passages == ["Mug blue soft", "blue soft", "Mug soft", "Mug blue"]
    assert [bullets_of(template(number)) for number in (0, 4, 200)] == [0, 4, 200]


def test_what_cannot_be_left_out_is_said():
    """Without its only word a query is empty; what an encoder makes of nothing explains nothing."""
    title_only = {"product_title": "Mug", "product_brand": None, "product_color": ""}
    found = explain.variants("mug", title_only)
    assert (found.words, found.queries, found.passages) == ([], ["mug"], ["Mug"])
    assert "single word" in found.notes[0] and "only the title" in found.notes[1]
    many = explain.variants(" ".join(f"w{place}" for place in range(30)), title_only)
    assert len(many.words) == MAX_WORDS and len(many.queries) == MAX_WORDS + 1 and "first 20" in many.notes[0]


def test_japanese_is_cut_where_the_script_changes():
    """It has no spaces: as one word a query could not be explained at all."""
    found = explain.variants("軽い水筒ステンレス 500ml", {"product_title": "水筒", "product_brand": "アース"})
    assert found.words == ["軽", "い", "水筒", "ステンレス", "500ml"]
    assert found.queries[3] == "軽い ステンレス 500ml" and "script" in found.notes[0]


def test_a_text_that_is_cut_off_is_named(engine, monkeypatch):
    monkeypatch.setattr(small_shop.BagOfWords, "max_seq_length", 3)
    assert "cut off" in engine.explain("red shoes", "us", "p01", "tuned").notes[-1]
    assert not engine.explain("tall boots", "us", "p23", "tuned").notes[1:]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"query": " "}, "query is empty"),
        ({"product_id": "p99"}, "no product 'p99' in locale 'us'"),
        ({"product_locale": "jp"}, "no product 'p01' in locale 'jp'"),
        ({"system": "best"}, "system should be one of base, tuned, bm25, hybrid"),
        ({"system": ["tuned"]}, "system should be one of"),
        ({"brand": "acme"}, "did you mean Acme"),
    ],
)
def test_bad_input_gets_a_sentence(engine, arguments, said):
    with pytest.raises(QueryError, match=said):
        engine.explain(**{"query": "mug", "product_locale": "us", "product_id": "p01"} | arguments)


def test_json_is_plain(engine):
    """Through HTTP go Python's own numbers only; numpy's would fail there."""
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
    """Directions must not be swapped, and noise not be put into words."""
    fields = [Part("title", 0.3, text="Mug"), Part("brand", -0.02, text="Acme"), Part("color", -0.004, text="red")]
    words = [Part("red", 0.1), Part("mug", 0.2)]
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
    assert '<span class="fill for" style="--from:25.0%;--size:75.0%">' in shown and "+0.300" in shown
    assert '<span class="fill against" style="--from:0.0%;--size:25.0%">' in shown and "−0.100" in shown
    assert "do not add up" in shown
    assert "These add up" in reasons(explanation("bm25", terms=[Part("red", 1.0, fields=["title"], products=2)]))


def test_everything_foreign_is_escaped(engine):
    found = engine.explain("<b>red</b> <img src=x onerror=alert(1)>", "us", "p20", "tuned")
    shown = reasons(found)
    assert "<script>" not in shown and "<img" not in shown and "<b>" not in shown
    assert "&lt;script&gt;" in shown
