"""The figures people decide by, on cases small enough to be worked out by hand."""

import json
import math
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from space.data.scale import ESCI
from space.evaluation import findings, protocols
from space.evaluation.estimates import PairedDifference
from space.evaluation.schema import Evaluation
from space.evaluation.tables import METRICS, ProtocolTable
from space.index.bm25 import Bm25Index
from space.retrieval.baselines import Bm25System, RandomSystem
from space.retrieval.hybrid import HybridSystem
from space.retrieval.system import Ranking, System

LOG3, LOG5 = math.log2(3), math.log2(5)


def judgments(rows):
    """(query, locale, row, label) as a checked test table."""
    frame = pd.DataFrame(rows, columns=["query", "product_locale", "row", "esci_label"])
    frame["esci_label"] = pd.Categorical(frame["esci_label"], categories=ESCI.names)
    return frame


def shop(locales):
    """A catalogue of which only the locales matter."""
    return pa.table({"product_locale": pa.array(locales, pa.string())})


class Scored(System):
    """A system with a fixed score for each (query, row), 0 for the rest; ties by lower row, as all of them."""

    repeats = 1

    def __init__(self, rows, scores, name="scored"):
        self.rows, self.given, self.name = rows, scores, name
        self.asked = []

    def __len__(self):
        return self.rows

    def scores(self, query):
        return np.array([self.given.get((query, row), 0.0) for row in range(self.rows)])

    def retrieve(self, queries, k, mask=None, clock=None):
        self.asked.extend((query, mask.copy()) for query in queries)
        found = []
        for query in queries:
            rows = np.array([row for row in np.argsort(-self.scores(query), kind="stable") if mask[row]][:k])
            found.append(Ranking(self.scores(query)[rows].astype(np.float32), rows))
        return found

    def rank(self, queries, rows):
        return [np.lexsort((part, -self.scores(query)[part])) for query, part in zip(queries, rows, strict=True)]


def oracle(test, rows):
    """The system that knows the judgments; where two locales have the same query it knows both."""
    gains = test["esci_label"].astype(str).map(ESCI.gains)
    return Scored(rows, dict(zip(zip(test["query"], test["row"], strict=True), gains, strict=True)), "oracle")


def many(queries=150, seed=0):
    """Judgments of so many queries that they need several batches, over three locales, in no order."""
    rng = np.random.default_rng(seed)
    locales = rng.choice(["us", "es", "jp"], 400)
    rows = []
    for number in range(queries):
        locale = str(rng.choice(["us", "es", "jp"]))
        chosen = rng.choice(np.flatnonzero(locales == locale), rng.integers(2, 15), replace=False)
        labels = ["Exact", *rng.choice(ESCI.names, len(chosen) - 1)]
        rows.extend((f"query {number}", locale, int(row), label) for row, label in zip(chosen, labels, strict=True))
    test = judgments([rows[place] for place in rng.permutation(len(rows))])
    return test, shop(locales.tolist())


# -- one query -------------------------------------------------------------------------------------------------------


def test_query_metrics_by_hand():
    """Guards the order of judged products, what unjudged ones count, and both ideals."""
    found = protocols.query_metrics(
        np.array(["Substitute", "Exact", "Irrelevant", "Exact"]),
        np.array([10, 20, 30, 40]),
        order=np.array([1, 0, 2, 3]),  # Exact, Substitute, Irrelevant, Exact
        retrieved=np.array([99, 20, 10]),  # unjudged, Exact, Substitute; the other Exact one not at all
    )
    ideal = 1 + 1 / LOG3 + 0.1 / 2
    assert found == pytest.approx(
        {
            "judged/ndcg": (1 + 0.1 / LOG3 + 1 / LOG5) / ideal,
            "judged/ndcg@10": (1 + 0.1 / LOG3 + 1 / LOG5) / ideal,
            "full_catalogue/ndcg@10": (1 / LOG3 + 0.1 / 2) / ideal,
            "full_catalogue/recall@100": 1 / 2,
            "full_catalogue/mrr@10": 1 / 2,
            "full_catalogue/exact@1": 0.0,
        }
    )


def test_query_metrics_cut_offs():
    """Eleven Irrelevant before the Exact: beyond every @10, within nDCG of the whole list and recall@100."""
    labels = np.array(["Irrelevant"] * 11 + ["Exact"])
    found = protocols.query_metrics(labels, np.arange(12), np.arange(12), np.arange(12))
    assert found["judged/ndcg"] == pytest.approx(1 / math.log2(13))
    assert found["full_catalogue/recall@100"] == 1.0
    assert [found[name] for name in ("judged/ndcg@10", "full_catalogue/ndcg@10", "full_catalogue/mrr@10")] == [0, 0, 0]
    behind_a_hundred = np.append(np.arange(100, 200), 11)
    late = protocols.query_metrics(labels, np.arange(12), np.arange(12), behind_a_hundred)
    assert late["full_catalogue/recall@100"] == 0.0


def test_query_without_exact_product():
    """Recall and ranks of Exact products say nothing there; nDCG still does."""
    found = protocols.query_metrics(
        np.array(["Substitute", "Irrelevant"]), np.array([1, 2]), np.array([1, 0]), np.array([1])
    )
    assert found["judged/ndcg"] == pytest.approx(1 / LOG3)
    assert found["full_catalogue/ndcg@10"] == 1.0
    undefined = {name for name, value in found.items() if math.isnan(value)}
    assert undefined == {"full_catalogue/recall@100", "full_catalogue/mrr@10", "full_catalogue/exact@1"}


def test_query_without_any_gain():
    """Every system would get the same, deserved or not."""
    found = protocols.query_metrics(np.array(["Irrelevant"]), np.array([1]), np.array([0]), np.array([1]))
    assert all(math.isnan(value) for value in found.values())


# -- all queries -----------------------------------------------------------------------------------------------------


def test_a_perfect_system_has_full_marks():
    """Whatever mixes up queries, rows, batches or locales takes marks from the system that knows the answers."""
    test, catalogue = many()
    found = protocols.per_query(oracle(test, len(catalogue)), test, catalogue)
    assert len(found) == 150
    assert (found == 1.0).all(axis=None)


def test_rows_are_queries_in_order():
    """Other frames are subtracted from it, and the page shows it by query."""
    test, catalogue = many()
    found = protocols.per_query(oracle(test, len(catalogue)), test, catalogue)
    expected = sorted(set(zip(test["product_locale"], test["query"], strict=True)))
    assert found.index.names == ["product_locale", "query"]
    assert found.index.tolist() == expected


def test_each_query_searches_its_own_locale():
    """The same words in two locales are two queries, and a product of another locale is no result."""
    catalogue = shop(["us", "es", "us", "es", "jp"])
    test = judgments([("lego", "us", 0, "Exact"), ("lego", "es", 3, "Exact")])
    system = Scored(5, {("lego", 4): 9.0, ("lego", 0): 5.0, ("lego", 3): 4.0})
    found = protocols.per_query(system, test, catalogue)
    assert (found.filter(like="full_catalogue/") == 1.0).all(
        axis=None
    )  # with the jp product in reach, neither would be first
    masks = [(query, mask.tolist()) for query, mask in system.asked]
    assert masks == [("lego", [False, True, False, True, False]), ("lego", [True, False, True, False, False])]


def test_retrieval_is_deep_enough_for_its_metrics():
    """recall@100 of 100 results; fewer asked for would bound it."""
    test = judgments([("mug", "us", row, "Exact") for row in range(150)])
    found = protocols.per_query(oracle(test, 300), test, shop(["us"] * 300))
    assert found["full_catalogue/recall@100"].tolist() == pytest.approx([100 / 150])
    assert found["full_catalogue/ndcg@10"].tolist() == [1.0]


def test_repeats_are_averaged():
    """A system that draws is asked several times; its figure is the mean, of each metric by itself."""
    test, catalogue = judgments([("mug", "us", 0, "Exact"), ("mug", "us", 1, "Irrelevant")]), shop(["us"] * 2)

    class Alternating(Scored):
        repeats = 4
        turn = 0

        def rank(self, queries, rows):
            self.turn += 1
            return [np.array([0, 1] if self.turn % 4 else [1, 0]) for _ in queries]  # right three times of four

    found = protocols.per_query(Alternating(2, {("mug", 0): 1.0}), test, catalogue)
    assert found["judged/ndcg"].item() == pytest.approx((3 + 1 / LOG3) / 4)
    assert found["full_catalogue/ndcg@10"].item() == 1.0


def test_random_is_the_expected_floor():
    """One Exact of two judged products: a random order scores (1 + 1 / log2 3) / 2 in the mean."""
    test = judgments(
        [
            (f"q{query}", "us", 2 * query + side, label)
            for query in range(50)
            for side, label in enumerate(("Exact", "Irrelevant"))
        ]
    )
    found = protocols.per_query(RandomSystem(100, seed=0), test, shop(["us"] * 100))
    # Of 1,000 coins: standard error .0058.
    assert found["judged/ndcg"].mean() == pytest.approx((1 + 1 / LOG3) / 2, abs=0.02)
    assert found["full_catalogue/recall@100"].mean() == 1.0  # all 100 products
    again = protocols.per_query(RandomSystem(100, seed=0), test, shop(["us"] * 100))
    pd.testing.assert_frame_equal(found, again)


@pytest.mark.parametrize("kind", ["bm25", "scored", "hybrid"])
def test_order_of_the_judgments_does_not_matter(kind):
    """A shuffled file is the same data; ties settled by its order would let a figure depend on it."""
    test, catalogue = many(40)
    rng = np.random.default_rng(1)
    passages = [" ".join(rng.choice([f"query {number}" for number in range(40)], 3)) for _ in range(len(catalogue))]
    keys = list(zip(test["query"], test["row"], strict=True))
    # Few different scores, so that there are ties; two that disagree, so that fused ranks tie as well.
    one, other = (
        Scored(len(catalogue), dict(zip(keys, rng.integers(0, 4, len(keys)), strict=True))) for _ in range(2)
    )
    systems = {"bm25": Bm25System(Bm25Index(passages)), "scored": one, "hybrid": HybridSystem(one, other)}
    system = systems[kind]
    measure = partial(protocols.per_query, system, catalogue=catalogue)
    shuffled = test.sample(frac=1, random_state=2).reset_index(drop=True)
    pd.testing.assert_frame_equal(measure(test=test), measure(test=shuffled))


# -- held-out queries ------------------------------------------------------------------------------------------------


def test_held_out():
    """Whole queries, as many as asked for, with all their judgments."""
    test, _ = many()
    some = protocols.held_out(test, 20, seed=1)
    key = ["product_locale", "query"]
    assert len(some[key].drop_duplicates()) == 20
    sizes = test.groupby(key).size()
    assert some.groupby(key).size().eq(sizes.loc[some.groupby(key).size().index]).all()
    for limit in (-1, 150, 1000):
        assert len(protocols.held_out(test, limit)) == len(test)


def test_held_out_is_a_draw_by_its_seed():
    """Base and tuned, today and tomorrow, must meet the same queries, in whatever order the file has them."""
    test, _ = many()
    shuffled = test.sample(frac=1, random_state=3)
    queries = [
        set(protocols.held_out(frame, 20, seed)["query"]) for frame, seed in ((test, 1), (shuffled, 1), (test, 2))
    ]
    assert queries[0] == queries[1] != queries[2]


# -- tables ----------------------------------------------------------------------------------------------------------


def frame(values, index=None):
    """Per-query figures with one value a query in every metric."""
    index = index or [("us", f"q{number}") for number in range(len(values))]
    names = [f"{protocol}/{name}" for protocol, metrics in METRICS.items() for name in metrics]
    return pd.DataFrame(
        {name: values for name in names}, index=pd.MultiIndex.from_tuples(index, names=["product_locale", "query"])
    )


BASE = np.linspace(0.1, 0.8, 40)


def test_differences_are_paired():
    """The same gain on every query is certain, however far the queries are apart."""
    summary = protocols.summarize({"base": frame(BASE), "tuned": frame(BASE + 0.05)})
    for protocol, names in METRICS.items():
        table = summary[protocol]
        assert list(table.differences) == ["tuned"]
        for name in names:
            found = table.differences["tuned"][name]
            assert found == PairedDifference(0.05, 0.05, 0.05, 40, wins=40, losses=0, ties=0)
            assert table.systems["tuned"][name].mean == pytest.approx(BASE.mean() + 0.05, abs=1e-6)
            assert table.systems["base"][name].high > table.systems["tuned"][name].low


def test_systems_are_also_set_against_each_other():
    """What fusing adds cannot be read off two differences from base: the interval needs the pairs."""
    summary = protocols.summarize({"bm25": frame(BASE + 0.1), "tuned": frame(BASE), "hybrid": frame(BASE + 0.15)})
    for table in summary.values():
        means = {
            (system, other): {found.mean for found in figures.values()}
            for system, others in table.contrasts.items()
            for other, figures in others.items()
        }
        assert means == {("hybrid", "tuned"): {0.15}, ("hybrid", "bm25"): {0.05}, ("tuned", "bm25"): {-0.1}}
    assert "| hybrid − tuned | +0.1500 [+0.1500, +0.1500]" in protocols.to_markdown(summary)


def test_differences_are_by_query_and_not_by_place():
    """Frames in another order would otherwise be subtracted across queries."""
    tuned = frame(BASE + 0.05)
    summary = protocols.summarize({"base": frame(BASE), "tuned": tuned.iloc[::-1]})
    found = summary["judged"].differences["tuned"]["ndcg"]
    assert (found.low, found.high, found.wins) == (0.05, 0.05, 40)


def test_without_base_there_is_no_difference():
    """Before base has been measured, or where only one system is."""
    summary = protocols.summarize({"bm25": frame(BASE)})
    assert [table.differences for table in summary.values()] == [{}, {}]


def test_json_has_no_nan():
    """A browser's JSON parser refuses NaN; queries without the metric are null and left out of every mean."""
    values = np.array([0.5, np.nan, 1.0])
    results = {"base": frame(values), "tuned": frame(values), "bm25": frame(np.full(3, np.nan))}
    evaluation = Evaluation(protocols=protocols.summarize(results), per_query=protocols.by_query(results))
    again = json.loads(evaluation.to_json())
    assert Evaluation.from_json(again) == evaluation
    assert again["protocols"]["judged"]["systems"]["base"]["ndcg"]["n"] == 2
    assert again["protocols"]["judged"]["systems"]["bm25"]["ndcg"] == {"mean": None, "low": None, "high": None, "n": 0}
    assert again["protocols"]["judged"]["differences"]["tuned"]["ndcg"]["ties"] == 2
    assert again["per_query"]["query"] == ["q0", "q1", "q2"]
    assert again["per_query"]["systems"]["base"]["judged/ndcg"] == [0.5, None, 1.0]
    with pytest.raises(ValueError, match="not JSON compliant"):
        Evaluation(gains={"Exact": math.nan}).to_json()


def test_label_counts_stand_beside_their_query():
    """The page slices by them: a label that no product has counts 0, in any order of the judgments."""
    test = judgments(
        [("b", "us", 1, "Exact"), ("a", "us", 2, "Substitute"), ("b", "us", 3, "Exact"), ("b", "es", 4, "Irrelevant")]
    )
    counts = protocols.label_counts(test)
    assert counts.index.tolist() == [("es", "b"), ("us", "a"), ("us", "b")]
    assert counts.to_numpy().tolist() == [[0, 0, 0, 1], [0, 1, 0, 0], [2, 0, 0, 0]]
    figures = frame(np.full(3, 0.5), index=[("us", "b"), ("es", "b"), ("us", "a")])
    held = protocols.by_query({"base": figures}, counts)
    assert held.query == ["b", "b", "a"]
    assert held.labels == {
        "Exact": [2, 0, 0],
        "Substitute": [0, 0, 1],
        "Complement": [0] * 3,
        "Irrelevant": [0, 1, 0],
    }
    assert protocols.by_query({"base": figures}).labels is None


def test_markdown_keeps_the_protocols_apart():
    """Two tables, each with its own words; one column for both would compare what cannot be compared."""
    summary = protocols.summarize(
        {"random": frame(np.full(40, np.nan)), "base": frame(BASE), "tuned": frame(BASE + 0.05)}
    )
    judged, full = protocols.to_markdown(summary).split("**Full catalogue.**")
    assert protocols.PROTOCOLS["judged"] in judged
    assert protocols.PROTOCOLS["full_catalogue"] in full
    assert "| system | ndcg | ndcg@10 |" in judged
    assert "| system | ndcg@10 | recall of relevant @100 | mrr@10 | hit@1 |" in full
    assert "| random | – | – |" in judged
    difference = [line for line in full.splitlines() if line.startswith("| tuned − base")]
    assert difference == ["| tuned − base" + " | +0.0500 [+0.0500, +0.0500] 40/0/0" * 4 + " |"]
    assert "random − base" not in judged + full


# -- verdict ---------------------------------------------------------------------------------------------------------


def verdict(mean, low, high, n=35):
    found = PairedDifference(mean, low, high, n, wins=20, losses=10, ties=5)
    table = ProtocolTable(differences={"tuned": {"ndcg@10": found}})
    return findings.verdict(Evaluation(protocols={"full_catalogue": table}))


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ((0.02, 0.01, 0.03), "Fine-tuning helped."),
        ((-0.02, -0.03, -0.01), "Fine-tuning made search worse."),
        ((-0.02, -0.05, 0.01), "Fine-tuning made search worse on average, but not clearly:"),
        ((0.02, -0.01, 0.05), "Fine-tuning made no clear difference:"),
        ((0.02, 0.0, 0.05), "Fine-tuning made no clear difference:"),
        ((0.0, 0.0, 0.0), "Fine-tuning made no clear difference:"),
    ],
)
def test_verdict(figures, words):
    """Guards the claim everyone will quote: an interval that holds zero must never read as help."""
    found = verdict(*figures)
    assert found.startswith(words)
    signs = [f"{value:+.4f}".replace("-", "−").replace("0.", ".") if value else ".0000" for value in figures]
    for said in (*signs, "20 queries better", "10 worse", "5 the same"):
        assert said in found


@pytest.mark.parametrize("n", [0, 9])
def test_verdict_where_nothing_can_be_said(n):
    """No held-out query has a gain, or nine have: a sentence at the end of the training, and no crash."""
    figures = (None, None, None) if n == 0 else (0.1, 0.1, 0.1)
    assert verdict(*figures, n=n).startswith("Nothing can be said of fine-tuning")
