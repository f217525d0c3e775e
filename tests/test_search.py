"""SearchEngine over the tiny shop, whose cosines can be worked out by hand."""

import math

import pytest
import tiny

from space.catalogue import passages
from space.search import MAX_QUERY_CHARACTERS, QueryError, SearchEngine


@pytest.fixture(scope="module")
def engine():
    return tiny.engine()


def ids(found):
    return [(hit.product_locale, hit.product_id) for hit in found.hits]


def test_bag_of_words_gives_each_word_its_own_axis():
    """Else no score below could be worked out by hand."""
    encoder = tiny.BagOfWords()
    words = set().union(*(encoder.words(text) for text in passages(tiny.catalogue())), tiny.SYNONYMS)
    assert len({encoder.axis(word) for word in words}) == len(words)


def test_scores_are_cosines_best_first(engine):
    """p01 reads "Red running shoes Acme red": 4 distinct words, of which the query shares 2 of its 2."""
    found = engine.search("red shoes", k=100, system="base")
    assert ids(found)[0] == ("us", "p01")
    assert found.hits[0].score == pytest.approx(2 / math.sqrt(2 * 4), abs=1e-6)
    assert [hit.rank for hit in found.hits] == list(range(1, len(engine) + 1))
    scores = [hit.score for hit in found.hits]
    assert scores == sorted(scores, reverse=True)


def test_ties_go_to_the_lower_row(engine):
    """Side-by-side lists must not flicker."""
    found = engine.search("zzz", k=100, system="base")
    keys = list(zip(*(engine.catalogue[name].to_pylist() for name in ("product_locale", "product_id")), strict=True))
    assert ids(found) == keys and {hit.score for hit in found.hits} == {0.0}


def test_tuned_knows_synonyms_and_base_does_not(engine):
    assert ids(engine.search("trainers", 1, "tuned"))[0][1] in {"p01", "p02", "p05"}
    assert engine.search("trainers", 1, "base").hits[0].score == 0.0
    assert engine.search("trainers", 1, "bm25").hits == []


def test_bm25_finds_only_what_shares_a_word(engine):
    assert {product for _, product in ids(engine.search("garden", 100, "bm25"))} == {"p18", "p19"}


def test_hybrid_is_fed_by_both(engine):
    found = engine.search("red sneakers", 5, "hybrid")
    assert found.hits[0].product_id in {"p01", "p20"} and found.system == "hybrid"


@pytest.mark.parametrize("system", ["tuned", "base", "bm25", "hybrid"])
def test_filters_apply_before_the_top_k(engine, system):
    """Filtering afterwards would leave fewer than k although there are more."""
    found = engine.search("shoes phone laptop socks", 3, system, brand="Coppice")
    assert len(found.hits) == 3 and {hit.brand for hit in found.hits} == {"Coppice"}


def test_filters_combine_and_empty_ones_allow_all(engine):
    both = engine.search("shoes", 100, "base", locale="us", color="red", brand="Acme")
    assert {hit.product_id for hit in both.hits} == {"p01", "p20"}
    assert len(engine.search("shoes", 100, "base", locale="", brand=None).hits) == len(engine)
    assert engine.search("shoes", 100, "base", locale="jp", color="red").hits == []


def test_choices_count_products_most_first(engine):
    assert engine.choices("locale") == [("us", 24), ("es", 3), ("jp", 3)]
    brands = engine.choices("brand")
    assert brands[:2] == [("Acme", 5), ("Dulcet", 5)]
    assert [count for _, count in brands] == sorted((count for _, count in brands), reverse=True)


def test_labels_belong_to_query_product_and_locale(engine):
    """ESCI reuses ids across locales: the label of us/p01 must not fall on es/p01."""
    found = engine.search("  Red  Running SHOES ", 100, "base")
    labels = {(hit.product_locale, hit.product_id): hit.esci_label for hit in found.hits}
    assert labels["us", "p01"] == "Exact" and labels["us", "p04"] == "Irrelevant"
    assert labels["es", "p01"] is None and labels["us", "p14"] is None
    assert all(hit.esci_label is None for hit in engine.search("running shoes", 100).hits)


def test_hits_carry_what_the_catalogue_knows(engine):
    first = engine.search("red running shoes acme", 1, "base").hits[0]
    assert first.extra["image_url"] == "https://images.example/p01.jpg" and first.extra["price"] == 59.99
    assert set(first.to_json()) == {
        "rank", "product_id", "product_locale", "title", "brand", "color", "score", "esci_label",
    }  # fmt: skip
    nameless = next(hit for hit in engine.search("zzz", 100).hits if hit.product_id == "p24")
    assert nameless.title == "" and nameless.brand is None


def test_moves_tell_where_each_product_went(engine):
    found = engine.compare("red sneakers", 5)
    base, tuned = (ids(found.systems[name]) for name in ("base", "tuned"))
    assert [(move.product_locale, move.product_id) for move in found.moves[:5]] == tuned
    for move in found.moves:
        key = (move.product_locale, move.product_id)
        assert move.base == (base.index(key) + 1 if key in base else None)
        assert move.tuned == (tuned.index(key) + 1 if key in tuned else None)
        assert (move.state == "entered") == (key not in base) and (move.state == "left") == (key not in tuned)
    assert found.overlap == len(set(base) & set(tuned)) / 5


def test_moves_count_places(engine):
    """Only tuned reads "cellphone" as "phone", of which base knows nothing: rows 8 to 10 in the catalogue's order."""
    found = {move.product_id: move.to_json() for move in engine.compare("cellphone", 10).moves}
    assert found["p08"] == {
        "product_id": "p08", "product_locale": "us", "base": 8, "tuned": 1, "state": "up", "by": 7,
    }  # fmt: skip
    assert found["p01"]["state"] == "down" and found["p01"]["by"] == -3


def test_compare_with_itself_moves_nothing(engine):
    found = engine.compare("green trail running", 5)
    assert found.overlap == 1.0 and {move.state for move in found.moves} == {"same"}


def test_compare_of_nothing_found(engine):
    found = engine.compare("shoes", 5, locale="jp", color="red")
    assert found.overlap == 0.0 and list(found.moves) == []


def test_timings_add_up(engine):
    timings = engine.search("red shoes", 5, "hybrid").timings_ms
    assert set(timings) == {"encode", "search", "total"}
    assert 0 < timings["encode"] + timings["search"] <= timings["total"] + 0.01
    assert engine.search("red shoes", 5, "bm25").timings_ms["encode"] == 0


@pytest.mark.parametrize("query", ["", "  \n", "\u3000", None, 7])
def test_empty_query_is_refused(engine, query):
    with pytest.raises(QueryError, match="query is empty"):
        engine.search(query)


def test_long_query_is_refused_at_the_limit(engine):
    assert engine.search("x" * MAX_QUERY_CHARACTERS).hits
    with pytest.raises(QueryError, match="501 characters"):
        engine.search("x" * (MAX_QUERY_CHARACTERS + 1))


@pytest.mark.parametrize("query", ["\0", "\ud800", "👟", "%s{0}", "' OR 1=1 --", "a\0b", "<script>", "\u202e"])
def test_strange_queries_are_answered(engine, query):
    for system in engine.systems:
        engine.search(query, 3, system).to_json()


@pytest.mark.parametrize("k", [0, -1, 101, 2.5, float("nan"), float("inf"), "5", None, True, [5]])
def test_k_out_of_range_is_refused(engine, k):
    with pytest.raises(QueryError, match="k should be a whole number from 1 to 100"):
        engine.search("shoes", k)


def test_k_from_a_slider_may_be_a_float(engine):
    assert len(engine.search("shoes", 5.0).hits) == 5


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"brand": "acme"}, "no product with brand 'acme'; did you mean Acme"),
        ({"brand": "Boraelis"}, "did you mean Borealis"),
        ({"color": "octarine ultraviolet"}, "no product with color 'octarine ultraviolet'$"),
        ({"locale": ["us"]}, "no product with locale"),
        ({"shape": "round"}, "no filter 'shape'; there are locale, brand, color"),
    ],
)
def test_unknown_filters_are_refused_with_a_hint(engine, filters, said):
    with pytest.raises(QueryError, match=said):
        engine.search("shoes", **filters)


@pytest.mark.parametrize("system", ["best", "", None, ["tuned"]])
def test_unknown_system_is_refused(engine, system):
    with pytest.raises(QueryError, match="system should be one of tuned, base, bm25, hybrid|system should be one of"):
        engine.search("shoes", system=system)


def test_examples_are_judged_queries(engine):
    judged = set(tiny.judgments()["query"])
    assert engine.examples and set(engine.examples) <= judged


def test_engine_without_judgments():
    bare = SearchEngine(tiny.catalogue(), tiny.engine().systems)
    assert bare.examples == [] and bare.search("red running shoes", 1).hits[0].esci_label is None
    assert len(bare) == 30
