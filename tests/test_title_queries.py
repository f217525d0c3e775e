"""Examples made from titles: the product is the positive, and a right answer is never a negative."""

import pandas as pd
import pyarrow as pa
import pytest
import small_shop
from datasets import Dataset

from space.data.judgments import Judged
from space.data.passages import passages
from space.data.words import normalized
from space.errors import UserError
from space.index.torch_index import TorchIndex
from space.pipelines import examples as pipeline
from space.pipelines.inputs import open_judged
from space.settings import TrainSettings
from space.training import title_queries

JUDGED = Dataset.from_dict({"anchor": ["mug"], "positive": ["red mug"], "negative": ["hose"]})


def shop(titles, locales=None):
    return pa.table({"product_title": titles, "product_locale": locales or ["us"] * len(titles)})


def added(titles, count, exact=None, passages=None, locales=None, seed=42):
    passages = passages or [f"passage {row}: {title}" for row, title in enumerate(titles)]
    examples, known = title_queries.add(JUDGED, exact or {}, shop(titles, locales), passages, count, seed)
    assert examples[0] == JUDGED[0]
    rows = [tuple(row.values()) for row in examples.select(range(1, len(examples)))]
    return rows, known


def test_a_query_has_words_of_its_title_in_their_order():
    titles = [" ".join(f"p{number}w{word}" for word in range(20)) for number in range(50)]
    rows, known = added(titles, 50)
    assert len({positive for _, positive, _ in rows}) == 50, "each product gives one before any gives two"
    for query, positive, negative in rows:
        words = positive.split(": ")[1].split()
        assert query.split() == [word for word in words[:14] if word in query.split()]
        assert negative != positive and known[normalized(query)] == {positive}
    share = sum(len(query.split()) for query, _, _ in rows) / (50 * 14)
    assert 0.34 < share < 0.46  # four standard deviations around .4


@pytest.mark.parametrize(
    "title", ["红色陶瓷马克杯", "ステンレス水筒軽量保温", "แก้วน้ำสีแดง", "ワイヤレスイヤホンブラック"]
)
def test_titles_without_spaces_give_parts_too(title):
    """Such a title was one word, so that every query was the whole title, which teaches to copy."""
    queries = [query for query, _, _ in added([title, "Hose"], 80)[0] if query != "Hose"]
    whole = sum(query == title for query in queries)
    assert len(set(queries)) > 5 and whole < len(queries) / 4
    assert all(part in title for query in queries for part in query.split())
    assert any(len(part) > 2 for query in queries for part in query.split()), "words that touch are not taken apart"


def test_signs_between_words_are_no_words():
    assert {query for query, _, _ in added(["(Mug) -", "| Hose,"], 40)[0]} == {"Mug", "Hose"}


def test_two_products_with_one_title_are_not_negatives_of_each_other():
    """Both products are titled "Mug", so both are right for the query "Mug"."""
    rows, known = added(["Mug", "Mug", "Hose"], 30)
    assert known["mug"] == {"passage 0: Mug", "passage 1: Mug"}
    assert {negative for query, _, negative in rows if query == "Mug"} == {"passage 2: Hose"}


def test_what_was_judged_exact_is_no_negative():
    rows, known = added(["Mug", "Cup", "Hose"], 30, exact={"mug": frozenset({"passage 1: Cup"}), "x": frozenset()})
    assert known["mug"] == {"passage 0: Mug", "passage 1: Cup"} and known["x"] == frozenset()
    assert {negative for query, _, negative in rows if query == "Mug"} == {"passage 2: Hose"}


def test_no_held_out_query_is_made():
    """A title may be a held-out query, written in another way."""
    rows, _ = title_queries.add(JUDGED, {}, shop(["Mug", "Hose"]), ["a mug", "a hose"], 20, 1, held_out=["\u00a0MUG "])
    assert {row["anchor"] for row in rows.select(range(1, len(rows)))} == {"Hose"}


def test_negatives_are_of_the_same_locale():
    rows, _ = added(["Mug", "Hose", "Taza", "Manguera"], 40, locales=["us", "us", "es", "es"])
    assert {(query, negative.split()[-1]) for query, _, negative in rows} == {
        ("Mug", "Hose"),
        ("Hose", "Mug"),
        ("Taza", "Manguera"),
        ("Manguera", "Taza"),
    }


def test_same_seed_same_examples():
    titles = [f"a{number} b c d e f g" for number in range(20)]
    assert added(titles, 20, seed=1) == added(titles, 20, seed=1)
    assert added(titles, 20, seed=1) != added(titles, 20, seed=2)


@pytest.mark.parametrize(
    ("titles", "passages", "said"),
    [([None, " - "], None, "no product of the catalogue has a title"), (["a", "b"], ["same", "same"], "no locale")],
)
def test_a_catalogue_that_gives_none_is_refused(titles, passages, said):
    with pytest.raises(UserError, match=said):
        added(titles, 3, passages=passages)


@pytest.mark.parametrize(("loss", "times"), [("mnrl", 2), ("triplet", 2), ("cosent", 1)])
def test_by_default_there_are_as_many_as_judged_examples(loss, times, monkeypatch):
    judged = open_judged("sample", ["es"])
    texts = passages(judged.catalogue)
    settings = {"dataset": "sample", "loss": loss}
    alone, known = pipeline.make(judged, texts, TrainSettings(**settings, title_queries=0))
    more, exact = pipeline.make(judged, texts, TrainSettings(**settings))
    assert len(more) == times * len(alone) and more.select(range(len(alone))).to_list() == alone.to_list()
    assert (len(exact) > len(known)) == (times > 1)
    monkeypatch.setattr(title_queries, "MOST", 10)
    assert len(pipeline.make(judged, texts, TrainSettings(**settings))[0]) == len(alone) + 10 * (times - 1)


def test_a_mined_negative_is_not_a_product_that_its_query_was_made_from():
    """The encoder finds the second lamp for the query "Lamp", which was made from both."""
    texts, titles = ["Lamp", "Lamp Zed", "Lamp shade", "Hose"], ["Lamp", "Lamp", "Lamp shade", "Hose"]
    judgments = pd.DataFrame({"query": ["Lamp", "hose"], "row": [2, 3], "esci_label": ["Complement", "Exact"]})
    judgments["product_locale"] = "us"
    judged = Judged(train=judgments, test=judgments, catalogue=shop(titles), name="lamps", notice="")
    examples, exact = title_queries.add(JUDGED, {}, judged.catalogue, texts, 40, 1)
    encoder = small_shop.BagOfWords()
    index = TorchIndex(encoder.encode_passages(texts), precision="float32")
    settings = TrainSettings(dataset="sample", mined_negatives=True)
    mined = pipeline.mine(examples.select(range(1, 41)), exact, judged, texts, encoder, index, settings)
    negatives = {
        negative for query, negative in zip(mined["anchor"], mined["negative"], strict=True) if query == "Lamp"
    }
    assert negatives and not negatives & {"Lamp", "Lamp Zed"}
