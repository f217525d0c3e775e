"""Data with labels that are not ESCI's: from judgments to examples, figures, store and page."""

import logging
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import small_evaluation
import small_shop

from space.data.catalogue import DataError
from space.data.judgments import Judged, check
from space.data.profile import describe
from space.data.scale import CLICKS, ESCI, LabelScale, parse
from space.evaluation import protocols
from space.evaluation.lexical_baseline import lexical_baseline
from space.evaluation.schema import Evaluation
from space.hub.cards import model_card
from space.pipelines.contents import contents_of
from space.search.engine import SearchEngine
from space.search.list_quality import list_quality
from space.search.results import Hit
from space.search.uploaded_catalogue import embed
from space.settings import TrainSettings
from space.training.examples import LabelAwareBatchSampler, exact_texts, training_examples
from space.ui.html import comparison
from space.ui.html.labels import badge, tally
from space.ui.html.profile_report import report
from space.ui.html.runs import gains
from space.ui.tabs.evaluation import page as evaluation_report

TITLES = ["red mug", "blue mug", "mug tree", "tent", "lamp", "chair"]
PRODUCTS = pa.table(
    {
        "product_id": [f"p{place}" for place in range(len(TITLES))],
        "product_locale": ["us"] * len(TITLES),
        "product_title": TITLES,
        "product_brand": pa.nulls(len(TITLES), pa.string()),
        "product_color": pa.nulls(len(TITLES), pa.string()),
    }
)


def frame(rows: list[tuple[str, int, object]]) -> pd.DataFrame:
    """Judgments of (query, number of the product, label)."""
    columns = {"query": [query for query, _, _ in rows], "query_id": 1, "product_locale": "us"}
    return pd.DataFrame(
        columns | {"product_id": [f"p{row}" for _, row, _ in rows], "esci_label": [label for _, _, label in rows]}
    )


def read(train: list[tuple[str, int, object]], scale: LabelScale | None = None) -> Judged:
    """Checked data with a small test split on the same scale."""
    low, high = train[-1][2], train[0][2]
    return check("own", frame(train), frame([("tent", 3, high), ("tent", 4, low)]), PRODUCTS, ["us"], scale=scale)


def test_several_ratings_of_a_pair_are_averaged_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    """3, 3 and 2 are 2.67, which is grade 3; 3 and 1 contradict each other, are listed, and are 2."""
    rows = [("mug", 0, 3), ("mug", 0, 3), ("mug", 0, 2), ("mug", 1, "3"), ("mug", 1, "1"), ("mug", 2, 1)]
    with caplog.at_level(logging.WARNING):
        found = read(rows)
    assert found.train["esci_label"].tolist() == ["3", "2", "1"]
    assert found.train["ratings"].tolist() == [3, 2, 1]
    assert str(found.scale) == "3=1!,2=0.5,1=0"
    assert "'mug' and product_id 'p1'" in caplog.text and ": 3 / 1" in caplog.text
    assert found.train["contradiction"].tolist() == ["3 / 2", "3 / 1", ""]
    told = report(describe(found.catalogue, {"train": found.train}, found.scale))
    assert "2 pairs have several ratings, 2.5 on average" in told and "<q>mug</q> <span>p1</span>: 3 / 1" in told
    one = report(describe(found.catalogue, {"test": found.test}, found.scale))
    assert "several ratings" not in one


def test_agreeing_words_are_counted() -> None:
    """Three times the same word is one pair with three ratings and no contradiction."""
    found = read([("mug", 0, "E"), ("mug", 0, "exact"), ("mug", 0, "E"), ("mug", 1, "I")])
    assert found.train["ratings"].tolist() == [3, 1] and set(found.train["contradiction"]) == {""}


def test_days_with_and_without_clicks_contradict_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A click log has a row for each day; a product with a click on any day is clicked."""
    rows = [("mug", 0, 3), ("mug", 0, 0), ("mug", 1, 0), ("mug", 1, 0)]
    with caplog.at_level(logging.WARNING):
        found = check("clicks", frame(rows), frame([("tent", 3, 2)]), PRODUCTS, ["us"], scale=CLICKS)
    assert found.train["esci_label"].tolist() == ["clicked", "not clicked"] and "contradict" not in caplog.text


def test_the_number_of_ratings_reaches_the_store() -> None:
    """The Data tab shows it; data with one rating a pair has no such columns."""
    several = read([("mug", 0, 3), ("mug", 0, 2), ("mug", 1, 1)])
    swapped = replace(several, test=several.train, train=several.test)
    assert contents_of(swapped).judgments["ratings"].tolist() == [2, 1]
    assert "ratings" not in contents_of(several).judgments


def test_a_mean_with_its_number_weighs_as_that_many_ratings() -> None:
    """Readers hand on how many ratings a value is the mean of."""
    train = frame([("mug", 0, 3.0), ("mug", 0, 1.0), ("mug", 2, 1)]).assign(ratings=[4, 1, 1])
    found = check("own", train, frame([("tent", 3, 3), ("tent", 4, 1)]), PRODUCTS, ["us"])
    assert found.train["esci_label"].tolist() == ["3", "1"] and found.train["ratings"].tolist() == [5, 1]


def test_contradicting_words_are_refused_with_their_places() -> None:
    """Words have no mean."""
    with pytest.raises(DataError, match=r"contradicting labels, such as query 'mug' and product_id 'p0'"):
        read([("mug", 0, "E"), ("mug", 0, "I"), ("mug", 1, "I")])


def test_what_is_relevant_is_never_a_negative() -> None:
    """With two relevant grades both are positives, and the worst grade comes first as a negative."""
    found = read([("mug", 0, 4), ("mug", 1, 3), ("mug", 2, 2), ("mug", 3, 1), ("mug", 4, 1)])
    assert found.scale.relevant == {"4", "3"}
    texts = list(TITLES)
    examples = training_examples(found.train, texts, "mnrl", negatives=3, seed=1, scale=found.scale).to_pandas()
    assert set(examples["positive"]) == {"red mug", "blue mug"}
    assert not set(examples["negative"]) & {"red mug", "blue mug"}
    assert set(examples["negative"][:2]) == {"tent", "lamp"} and examples["negative"][2] == "mug tree"
    scores = training_examples(found.train, texts, "cosent", scale=found.scale).to_pandas()
    assert sorted(scores["score"]) == [0, 0, pytest.approx(1 / 3, abs=1e-5), pytest.approx(2 / 3, abs=1e-5), 1]


def test_clicks_alone_train_without_chosen_negatives() -> None:
    """Examples are pairs, and no batch holds a product that is right for another query of it."""
    from space.pipelines import examples

    rows = [(f"query {number}", number % 6, number + 1) for number in range(12)] + [("query 0", 1, 5)]
    found = check("clicks", frame(rows), frame([("tent", 3, 2)]), PRODUCTS, ["us"], scale=CLICKS)
    settings = TrainSettings(title_queries=4)
    made, exact = examples.make(found, TITLES, settings)
    assert made.column_names == ["anchor", "positive"]
    sampler = LabelAwareBatchSampler(made, 4, exact, drop_last=False, seed=1, generator=None)
    for batch in sampler:
        queries, texts = made[batch]["anchor"], made[batch]["positive"]
        for query in queries:
            others = [text for other, text in zip(queries, texts, strict=True) if other != query]
            assert not exact_texts(found.train, TITLES, CLICKS).get(query, set()) & set(others)


def test_figures_use_the_gains_of_the_scale() -> None:
    """Worked out by hand: grade 2 of 1 to 3 has gain .5, and only 3 is relevant."""
    labels, rows = np.array(["2", "3", "1"]), np.array([0, 1, 2])
    scale = parse("3=1!,2=.5,1=0")
    found = protocols.query_metrics(labels, rows, np.array([0, 1, 2]), np.array([0, 1]), scale)
    assert found["judged/ndcg"] == pytest.approx((0.5 + 1 / np.log2(3)) / (1 + 0.5 / np.log2(3)))
    assert found["full_catalogue/exact@1"] == 0 and found["full_catalogue/mrr@10"] == 0.5
    one = list_quality(["2", "3"], ["2", "3", "1"], 10, scale=scale)
    assert one is not None and one.ndcg == pytest.approx(found["judged/ndcg"], abs=1e-6) and one.exact == 1


def test_an_evaluation_keeps_its_scale_and_an_older_one_has_escis() -> None:
    """A damaged scale does not hide the rest of the file."""
    scale = parse("gut=1!,mittel=.5,schlecht=0")
    assert Evaluation.from_json(Evaluation(scale=scale).to_json()).label_scale == scale
    assert Evaluation.from_json("{}").label_scale == ESCI
    assert Evaluation.from_json('{"verdict": "x", "scale": {"grades": [{"name": 1}]}}').verdict == "x"


def test_numbers_that_are_grades_are_told_from_counts_and_gains() -> None:
    """ "3 3 · 2 2" said that three hits have grade 3 and two grade 2, and "Gains: 3 1" that grade 3 is worth 1."""
    scale = parse("3=1!,2=.5,1=0")
    hits = [Hit(rank=1, product_id="1", product_locale="us", title="x", brand=None, color=None, score=1.0, grade=grade)
            for grade in (scale.grades[0], scale.grades[0], scale.grades[1], None)]  # fmt: skip
    assert tally(hits) == "2 × “3” · 1 × “2” · 1 not rated"
    measured = replace(small_evaluation.content(), gains=scale.gains, scale=scale)
    assert "“3” 1, “2” .5, “1” 0" in gains(measured) and "“3” 1, “2” 0.5, “1” 0" in model_card(measured, None)


def test_a_badge_shows_the_owners_word_escaped() -> None:
    """The colour is one of a fixed list, so no text of a file becomes a class."""
    scale = parse('<img src=x>=1!,"quoted"=0')
    shown = badge(scale.grades[0])
    assert "<img" not in shown and "&lt;img src=x&gt;" in shown and 'class="badge exact"' in shown


def test_clicks_alone_have_no_figures_among_the_judged_products() -> None:
    """Any order of clicked products is perfect: 1.000 for a random order would look like a result."""
    rows = [(f"query {number}", number % 6, number + 1) for number in range(12)]
    found = check(
        "clicks", frame(rows), frame([("tent", 3, 2), ("mug", 0, 1), ("mug", 1, 9)]), PRODUCTS, [], "", CLICKS
    )
    tables, _said = lexical_baseline(found, -1)
    assert all(one.mean is None for metrics in tables["judged"].systems.values() for one in metrics.values())
    assert tables["full_catalogue"].systems["bm25"]["ndcg@10"].mean is not None
    assert protocols.ONE_GRADE in protocols.to_markdown(tables)
    shown = report(describe(found.catalogue, {"test": found.test}, found.scale), protocols=tables)
    assert "In the full catalogue" in shown and "Among the judged products" not in shown
    graded = replace(found, test=found.test.assign(esci_label=["clicked", "clicked", "not clicked"]))
    assert lexical_baseline(graded, -1)[0]["judged"].systems["bm25"]["ndcg"].mean is not None


@pytest.mark.parametrize("kind", ["thirds", "clicks"])
def test_the_page_shows_the_owners_scale(kind: str) -> None:
    """Means in thirds and clicks alone, from the checked data over the figures to every tab and the card."""
    shop = small_shop.judgments().drop(columns="query_id").assign(query_id=1)
    shop = shop[shop["product_id"].isin(small_shop.catalogue()["product_id"].to_pylist())]
    if kind == "thirds":
        numbers = {"Exact": "2.67", "Substitute": "2.00", "Complement": "1.33", "Irrelevant": "1.00"}
        shop = shop.assign(esci_label=shop["esci_label"].map(numbers))
    else:
        shop = shop[shop["esci_label"] == "Exact"].assign(esci_label="17")
    locales = ["us", "es", "jp"]
    scale = CLICKS if kind == "clicks" else None
    found = check("own", shop, shop, small_shop.catalogue(), locales, scale=scale)
    plain = small_shop.engine()
    results = {}
    systems = embed(plain, found.catalogue).systems
    for name, system in systems.items():
        results[name] = protocols.per_query(system, found.test, found.catalogue, found.scale)
    measured = replace(
        small_evaluation.content(),
        gains=found.scale.gains,
        scale=found.scale,
        protocols=protocols.summarize(results),
        per_query=protocols.by_query(results, protocols.label_counts(found.test, found.scale)),
    )
    measured = Evaluation.from_json(measured.to_json())
    engine = SearchEngine(found.catalogue, systems, judgments=found.test, scale=found.scale, evaluation=measured)
    query = found.test["query"][found.test["esci_label"].isin(found.scale.relevant)].iloc[0]
    compared = comparison.comparison(engine.compare(query, 10))
    word = "clicked" if kind == "clicks" else "3"
    data = report(describe(engine.catalogue, {"test": engine.judgments}, engine.scale))
    evaluated = evaluation_report(measured, plain.description)
    card = model_card(measured, None)
    for page in (compared, data, evaluated, card):
        assert word in page and "Substitute" not in page and "official ESCI" not in page
    assert (protocols.ONE_GRADE in evaluated) == (protocols.ONE_GRADE in card) == (kind == "clicks")
    assert ("Label mix" in evaluated) == (kind == "thirds")
    assert f">{word}</span>" in compared and f"count as relevant: {word}" in card
    assert word in {hit.esci_label for hit in engine.search(query, 10, "bm25").hits}
