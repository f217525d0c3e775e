"""SearchEngine over the small shop, whose cosines can be worked out by hand."""

import math

import pytest
import small_shop
from small_shop import ids

from space.data.passages import passages
from space.errors import QueryError
from space.i18n import language
from space.index.bm25 import Bm25Index
from space.index.torch_index import TorchIndex
from space.retrieval.baselines import Bm25System
from space.retrieval.dense import DenseSystem
from space.retrieval.hybrid import HybridSystem
from space.search.engine import SearchEngine
from space.search.request import MAX_QUERY_CHARACTERS
from space.search.score_reference import RELEVANT, ScoreReference


def test_bag_of_words_gives_each_word_its_own_axis():
    """Every score below is worked out by hand from this."""
    encoder = small_shop.BagOfWords()
    words = set().union(*(encoder.words(text) for text in passages(small_shop.catalogue())), small_shop.SYNONYMS)
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
    """The same query must give the same list every time."""
    found = engine.search("zzz", k=100, system="base")
    keys = list(zip(*(engine.catalogue[name].to_pylist() for name in ("product_locale", "product_id")), strict=True))
    assert ids(found) == keys and {hit.score for hit in found.hits} == {0.0}


def test_tuned_knows_synonyms_and_base_does_not(engine):
    assert ids(engine.search("trainers", 1, "tuned"))[0][1] in {"p01", "p02", "p05"}
    assert engine.search("trainers", 1, "base").hits[0].score == 0.0
    assert engine.search("trainers", 1, "bm25").hits == []


def test_bm25_finds_only_what_shares_a_word(engine):
    assert {product for _, product in ids(engine.search("garden", 100, "bm25"))} == {"p18", "p19"}


@pytest.mark.parametrize("system", ["tuned", "base", "bm25", "hybrid"])
def test_filters_apply_before_the_top_k(engine, system):
    """A filter after the top k would return fewer than k products although there are more."""
    found = engine.search("shoes phone laptop socks", 3, system, brand="Coppice")
    assert len(found.hits) == 3 and {hit.brand for hit in found.hits} == {"Coppice"}


def test_labels_belong_to_query_product_and_locale(engine):
    """ESCI uses the same id in several locales: es/p01 must not get the label of us/p01."""
    found = engine.search("  Red  Running SHOES ", 100, "base")
    labels = {(hit.product_locale, hit.product_id): hit.esci_label for hit in found.hits}
    assert labels["us", "p01"] == "Exact" and labels["us", "p04"] == "Irrelevant"
    assert labels["es", "p01"] is None and labels["us", "p14"] is None
    assert all(hit.esci_label is None for hit in engine.search("running shoes", 100).hits)


def test_hits_have_the_columns_of_the_catalogue(engine):
    first = engine.search("red running shoes acme", 1, "base").hits[0]
    assert first.extra["image_url"] == "https://images.example/p01.jpg" and first.extra["price"] == 59.99
    assert set(first.to_json()) == {
        "rank", "product_id", "product_locale", "title", "brand", "color", "score", "esci_label",
    }  # fmt: skip
    nameless = next(hit for hit in engine.search("zzz", 100).hits if hit.product_id == "p24")
    assert nameless.title == "" and nameless.brand is None


def test_a_blank_brand_is_no_brand():
    """Blank brands and colours were offered in the menus, where choosing them did nothing, and shown on cards."""
    titles = ["Cup", "Mug", None, "Bowl"]
    products = small_shop.products(titles, ["Acme", "  ", "", None], ["red", "\t", " ", ""])
    shop = SearchEngine(products, {"bm25": Bm25System(Bm25Index(passages(products)))})
    assert shop.facets.counts("brand") == [("Acme", 1)] and shop.facets.counts("color") == [("red", 1)]
    (mug,) = shop.search("mug", system="bm25").hits
    assert (mug.title, mug.brand, mug.color) == ("Mug", None, None)


def test_a_query_judged_in_two_locales_keeps_them_apart():
    """A search of locale us cannot return the Exact product of es, so recall must not count it."""
    judged = [("nike", 0, "p01", "us", "Exact"), ("nike", 1, "p25", "es", "Exact"), ("Nike", 1, "p01", "es", "Exact")]
    judged.append(("nike", 0, "not in the catalogue", "us", "Exact"))
    whole = small_shop.engine()
    engine = SearchEngine(whole.catalogue, whole.systems, judgments=small_shop.pd.DataFrame(judged, columns=[
        "query", "query_id", "product_id", "product_locale", "esci_label"]))  # fmt: skip
    exact = {locale: engine.compare("nike", 30, locale=locale).quality["base"].exact for locale in ("us", "es", "")}
    assert exact == {"us": 1, "es": 2, "": 3}
    assert engine.compare("nike", 30, locale="us").quality["base"].recall == 1.0
    assert engine.compare("nike", 30, locale="jp").quality["base"] is None


def test_held_out_queries_come_from_the_judgments_without_an_evaluation(engine):
    assert len(engine.held_out) == 6 and not engine.held_out.measured
    assert len(SearchEngine(small_shop.catalogue(), engine.systems).held_out) == 0


def test_timings_add_up(engine):
    timings = engine.search("red shoes", 5, "hybrid").timings_ms
    assert set(timings) == {"encode", "search", "total"}
    assert 0 < timings["encode"] + timings["search"] <= timings["total"] + 0.01
    assert engine.search("red shoes", 5, "bm25").timings_ms["encode"] == 0


@pytest.mark.parametrize("query", ["", "  \n", "\u3000", None, 7])
def test_empty_query_is_refused(engine, query):
    with pytest.raises(QueryError, match="query is empty"):
        engine.search(query)


def test_errors_are_in_the_language_of_the_visitor(engine):
    with language("ru"), pytest.raises(QueryError, match="запрос пуст"):
        engine.search("")


def test_a_query_over_the_limit_is_refused(engine):
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


def test_unknown_filters_are_refused(engine):
    with pytest.raises(QueryError, match="brand 'acmee'.*Acme"):
        engine.search("shoes", brand="acmee")
    with pytest.raises(QueryError, match="'shape'.*locale, brand, color"):
        engine.search("shoes", shape="round")


@pytest.mark.parametrize("system", ["best", "", None, ["tuned"]])
def test_unknown_system_is_refused(engine, system):
    with pytest.raises(QueryError, match="system should be one of tuned, base, bm25, hybrid|system should be one of"):
        engine.search("shoes", system=system)


def test_examples_are_judged_queries(engine):
    judged = set(small_shop.judgments()["query"])
    assert engine.examples and set(engine.examples) <= judged


def test_engine_without_judgments():
    bare = SearchEngine(small_shop.catalogue(), small_shop.engine().systems)
    assert bare.examples == [] and bare.search("red running shoes", 1).hits[0].esci_label is None
    assert len(bare) == 30


# -- folding ---------------------------------------------------------------------------------------------------------


def variants(sizes, others):
    """A shop of one shoe in ``sizes`` sizes, then other shoes; the words "wool" and "shoes" are in all titles."""
    titles = [f"Wool shoes, {size} cm" for size in range(1, sizes + 1)] + [f"Wool shoes {word}" for word in others]
    products = small_shop.products(titles, ["Acme"] * len(titles))
    encoder = small_shop.BagOfWords()
    dense = DenseSystem("base", encoder, TorchIndex(encoder.encode_passages(passages(products)), precision="float32"))
    return SearchEngine(products, {"base": dense, "bm25": Bm25System(Bm25Index(passages(products)))})


def test_folded_hits_keep_their_ranks(engine):
    """The red and the blue running shoes of Acme are near-duplicates; those of Borealis are not."""
    plain = engine.search("running shoes", 3, "base")
    assert ids(plain) == [("us", "p01"), ("us", "p02"), ("us", "p03")] and plain.hits[0].similar is None
    folded = engine.search("running shoes", 3, "base", fold=True)
    assert [hit.rank for hit in folded.hits] == [1, 3, 4] and ids(folded)[:2] == [("us", "p01"), ("us", "p03")]
    assert [(hit.product_id, hit.rank) for hit in folded.hits[0].similar] == [("p02", 2)]
    assert folded.hits[1].similar == ()
    found = folded.to_json()["hits"]
    assert found[0]["similar"] == [plain.to_json()["hits"][1]] and found[1]["similar"] == []


@pytest.mark.parametrize("system", ["base", "bm25"])
def test_k_counts_groups(system):
    """Thirty sizes of one shoe fill the first 20 hits. For two groups more hits must be read."""
    found = variants(30, ["laced", "lined"]).search("wool shoes cm", 2, system, fold=True)
    assert [len(hit.similar) for hit in found.hits] == [29, 0] and found.hits[1].rank == 31


def test_folding_stops_at_the_limit_and_at_the_end(monkeypatch):
    """Each read takes a GPU slot on ZeroGPU, so there is no second one if the first returned everything."""
    shop = variants(30, ["laced"])
    depths, retrieve = [], shop.systems["base"].retrieve

    def read(queries, k, *rest):
        depths.append(k)
        return retrieve(queries, k, *rest)

    monkeypatch.setattr(shop.systems["base"], "retrieve", read)
    assert len(shop.search("wool shoes cm", 4, "base", fold=True).hits) == 2 and depths == [40]
    del depths[:]
    monkeypatch.setattr("space.search.engine.MAX_FOLDED", 25)
    assert len(shop.search("wool shoes cm", 2, "base", fold=True).hits) == 1 and depths == [20, 25]


def test_folding_does_not_change_the_ranks_of_hybrid():
    """A fusion of deeper rankings would rank differently from the plain search and from "Why?"."""
    words = ["red", "wool", "trail", "city", "light", "wide", "new", "soft"]
    titles = [f"Shoes {' '.join(words[: row % 7 + 1])} {row} {'x ' * (row % 5)}" for row in range(400)]
    products = small_shop.products(titles)
    texts, encoder = passages(products), small_shop.BagOfWords()
    dense = DenseSystem("tuned", encoder, TorchIndex(encoder.encode_passages(texts), precision="float32"))
    bm25 = Bm25System(Bm25Index(texts))
    shop = SearchEngine(products, {"tuned": dense, "bm25": bm25, "hybrid": HybridSystem(dense, bm25)})
    plain = shop.search("red wool shoes", 50, "hybrid")
    folded = shop.search("red wool shoes", 50, "hybrid", fold=True)
    ranks = {one.product_id: one.rank for hit in folded.hits for one in (hit, *hit.similar)}
    assert {hit.product_id: hit.rank for hit in plain.hits}.items() <= ranks.items()


# -- more like this --------------------------------------------------------------------------------------------------


def test_more_like_compares_vectors_without_the_product_itself(engine):
    """p01 "Red running shoes Acme red" has 4 words, p02 "Blue running shoes Acme blue" shares 3 of its 4."""
    found = engine.more_like("us", "p01", 100, "base")
    assert ids(found)[0] == ("us", "p02") and found.hits[0].score == pytest.approx(3 / 4, abs=1e-6)
    assert ("us", "p01") not in ids(found) and ("es", "p01") in ids(found) and len(found.hits) == len(engine) - 1
    assert found.like.product_id == "p01" and found.query == "Red running shoes"
    assert found.timings_ms["encode"] == 0, "the vector is in the index"
    assert found.to_json()["like"] == {"product_id": "p01", "product_locale": "us", "title": "Red running shoes"}


def test_more_like_by_bm25_searches_for_the_title(engine):
    found = engine.more_like("us", "p18", 5, "bm25")
    assert ids(found) == [("us", "p19")]
    assert ("us", "p18") not in ids(engine.more_like("us", "p18", 100, "hybrid"))
    # p24 has no title.
    assert engine.more_like("us", "p24", 5, "bm25").hits == [] and engine.more_like("us", "p24", 5, "base").hits


def test_more_like_takes_filters_and_folds(engine):
    assert {hit.brand for hit in engine.more_like("us", "p01", 3, "base", brand="Coppice").hits} == {"Coppice"}
    folded = engine.more_like("us", "p03", 2, "base", fold=True)
    assert [hit.product_id for hit in folded.hits[0].similar] == ["p02"]
    # The next search must not use the same mask, which leaves p01 out.
    assert ("us", "p01") in ids(engine.search("shoes", 100, "base"))


def test_more_like_has_no_labels(engine):
    """p01's title is also a judged query, but its labels are not for "more like p01"."""
    assert engine.search("red running shoes", 5, "base").hits[1].esci_label == "Substitute"
    assert {hit.esci_label for hit in engine.more_like("us", "p01", 20, "base").hits} == {None}


@pytest.mark.parametrize(
    ("product", "said"),
    [
        (("us", "p99"), "no product 'p99' in locale 'us'"),
        (("jp", "p01"), "no product 'p01' in locale 'jp'"),
        ((None, 7), "no product '7'"),
        (("us", "x" * 9999), "in locale 'us'"),
        (("us", "\ud800"), "no product '\\?' in locale 'us'"),
    ],
)
def test_more_like_an_unknown_product_is_refused(engine, product, said):
    with pytest.raises(QueryError, match=said) as caught:
        engine.more_like(*product)
    assert len(str(caught.value)) < 200


# -- standing --------------------------------------------------------------------------------------------------------


def test_standing_is_among_the_scores_of_the_same_system():
    """The same cosine is high for one encoder and low for another."""
    plain = small_shop.engine()
    scores = {"base": [0.1, 0.2, 0.8, 0.9], "tuned": [0.0, 0.0, 0.0, 0.0]}
    known = {name: ScoreReference(small_shop.torch.tensor(part).numpy(), RELEVANT) for name, part in scores.items()}
    engine = SearchEngine(plain.catalogue, plain.systems, judgments=small_shop.judgments(), references=known)
    found = engine.compare("red shoes", 3)
    assert found.systems["base"].hits[0].score == pytest.approx(0.707107)
    assert found.systems["base"].hits[0].standing.share == 0.5
    assert found.systems["tuned"].hits[0].standing.share == 1.0
    assert found.systems["bm25"].hits[0].standing is None
    assert engine.search("red shoes", 1, "hybrid").hits[0].standing is None
    # Two products score higher than a query and a product, so the share would be too high.
    assert engine.more_like("us", "p01", 1, "base").hits[0].standing is None
