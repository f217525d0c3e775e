"""Systems side by side: what moved, how far they agree, and the quality of each list for a judged query."""

import pytest
import small_shop
from small_shop import ids

from space.data.catalogue import rows_of
from space.errors import QueryError
from space.evaluation import protocols
from space.evaluation.metrics import rank_biased_overlap
from space.search.engine import SearchEngine


def test_moves_have_the_ranks_of_both_lists(engine):
    found = engine.compare("red sneakers", 5)
    base, tuned = (ids(found.systems[name]) for name in ("base", "tuned"))
    assert [(move.product_locale, move.product_id) for move in found.moves["tuned"][:5]] == tuned
    for move in found.moves["tuned"]:
        key = (move.product_locale, move.product_id)
        assert move.before == (base.index(key) + 1 if key in base else None)
        assert move.after == (tuned.index(key) + 1 if key in tuned else None)
        assert (move.state == "entered") == (key not in base) and (move.state == "left") == (key not in tuned)
    assert found.shared.overlap == len(set(base) & set(tuned)) / 5


def test_moves_count_places(engine):
    """Tuned reads "cellphone" as "phone". Base does not know the word and returns the rows in their order."""
    found = {move["product_id"]: move for move in engine.compare("cellphone", 10).to_json()["moves"]}
    assert found["p08"] == {
        "product_id": "p08", "product_locale": "us", "base": 8, "tuned": 1, "state": "up", "by": 7,
    }  # fmt: skip
    assert found["p01"]["state"] == "down" and found["p01"]["by"] == -3


def test_compare_with_itself_moves_nothing(engine):
    found = engine.compare("green trail running", 5)
    assert found.shared.overlap == 1.0 and {move.state for move in found.moves["tuned"]} == {"same"}


def test_compare_of_nothing_found(engine):
    found = engine.compare("shoes", 5, locale="jp", color="red")
    assert found.shared.overlap == 0.0 and found.moves == {"tuned": []} and found.to_json()["moves"] == []


@pytest.mark.parametrize("systems", [["tuned"], ["bm25"], ["bm25", "hybrid"], ["hybrid", "base"], ["tuned", "bm25"]])
def test_compare_takes_any_systems_in_any_order(engine, systems):
    """Without base and tuned there are no moves, and no error."""
    found = engine.compare("red running shoes", 5, systems)
    assert list(found.systems) == systems and found.shared is None and found.moves == {}
    assert set(found.agreement) == (set(systems) - {"tuned"} if "tuned" in systems else set())
    assert found.to_json()["rbo"] is None and found.to_json()["overlap"] is None
    for name, result in found.systems.items():
        assert ids(result) == ids(engine.search("red running shoes", 5, name))


def test_compare_asks_each_system_once(engine):
    assert list(engine.compare("mug", 3, ["tuned", "base", "tuned"]).systems) == ["tuned", "base"]


@pytest.mark.parametrize(
    ("systems", "said"),
    [
        ([], "systems is empty: name at least one of base, tuned, bm25, hybrid"),
        (["tuned", "best"], "systems should be among base, tuned, bm25, hybrid, has 'best'"),
        (["base", None], "has None"),
        ([["base"]], "systems should be among"),
        (["x" * 9000], "systems should be among"),
    ],
)
def test_unknown_systems_are_refused(engine, systems, said):
    with pytest.raises(QueryError, match=said) as caught:
        engine.compare("mug", systems=systems)
    assert len(str(caught.value)) < 200


def test_compare_of_an_engine_with_one_system():
    """Of the usual three, those that the engine has."""
    systems = small_shop.engine().systems
    assert list(SearchEngine(small_shop.catalogue(), {"tuned": systems["tuned"]}).compare("mug").systems) == ["tuned"]
    assert list(SearchEngine(small_shop.catalogue(), {"hybrid": systems["hybrid"]}).compare("mug").systems) == [
        "hybrid"
    ]


def test_one_product_has_no_order(engine):
    """Equal lists of one product had an RBO of 1, as if their order were the same."""
    found = engine.compare("red sneakers", 1, ["base", "tuned", "bm25"])
    assert found.to_json()["rbo"] is None and {one.rbo for one in found.agreement.values()} == {None}
    assert engine.compare("red sneakers", 2, ["base", "tuned"]).to_json()["rbo"] is not None


def test_agreement_is_with_tuned(engine):
    found = engine.compare("red sneakers", 5, ["base", "tuned", "bm25"])
    lists = {name: ids(result) for name, result in found.systems.items()}
    assert len(lists["bm25"]) == 4 and not set(lists["bm25"]) <= set(lists["tuned"])
    for name in ("base", "bm25"):
        assert found.agreement[name].overlap == len(set(lists[name]) & set(lists["tuned"])) / 5
        assert found.agreement[name].rbo == pytest.approx(rank_biased_overlap(lists[name], lists["tuned"]), abs=1e-6)
    assert found.shared.overlap == found.agreement["base"].overlap
    assert found.to_json()["rbo"] == found.agreement["base"].rbo


@pytest.mark.parametrize("k", [10, 100])
def test_list_quality_equals_the_evaluation(engine, k):
    """The page must not contradict evaluation.json."""
    test = small_shop.judgments()
    test["row"] = rows_of(engine.catalogue, test["product_locale"], test["product_id"])
    for name, system in engine.systems.items():
        measured = protocols.per_query(system, test, engine.catalogue)
        assert len(measured) == 6
        for (locale, query), row in measured.iterrows():
            shown = engine.compare(query, k, [name], locale=locale).quality[name]
            assert shown.scope == "locale" and shown.exact_at_1 == row["full_catalogue/exact@1"]
            if k == 10:
                assert shown.ndcg == pytest.approx(row["full_catalogue/ndcg@10"], abs=1e-6)
            else:
                assert shown.recall == pytest.approx(row["full_catalogue/recall@100"], abs=1e-6)


def test_a_query_without_judgments_has_no_quality(engine):
    found = engine.compare("running shoes", 5)
    assert set(found.quality.values()) == {None}
    assert [part["figures"] for part in found.to_json()["systems"].values()] == [None] * 3


def test_list_quality_under_filters_counts_products_that_pass(engine):
    """Of p01 Exact and p02, p03 Substitute, a filter on blue leaves p02. It is first, so the list is ideal: nDCG 1.

    Against the ideal list of the whole catalogue nDCG would be .1 / 1.16.
    """
    found = engine.compare("red running shoes", 5, ["base"], color="blue").quality["base"]
    assert (found.scope, found.judged, found.exact) == ("filtered", 1, 0)
    assert found.ndcg == 1.0 and found.recall is None and found.exact_at_1 is None
    assert engine.compare("red running shoes", 5, color="silver").quality["base"] is None
    assert engine.compare("red running shoes", 5, locale="us").quality["base"].scope == "locale"
    assert engine.compare("red running shoes", 5, locale="us", brand="Acme").quality["base"].scope == "filtered"
    assert engine.compare("red running shoes", 5, locale="", brand=None).quality["base"].scope == "catalogue"


@pytest.mark.parametrize(
    ("filters", "scope"),
    [
        ({"min_price": 0}, "filtered"),
        ({"min_price": "0"}, "filtered"),
        ({"brand": "\u3000", "min_price": " "}, "catalogue"),
        ({"locale": " "}, "catalogue"),
        ({"locale": "us", "brand": "\t"}, "locale"),
    ],
)
def test_the_scope_says_whether_products_were_left_out(engine, filters, scope):
    """min_price=0 leaves out products without a price, yet the figures were labelled as of all products."""
    found = engine.compare("red running shoes", 5, **filters)
    assert found.quality["base"].scope == scope
    assert (engine.facets.mask({**filters, "locale": ""}) is None) == (scope != "filtered")
