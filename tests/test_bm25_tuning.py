"""k1, b and stemming come from the train queries, else they are the usual ones, and the app searches with the same."""

import pandas as pd
import pyarrow as pa
import pytest

from space.evaluation import bm25_tuning
from space.evaluation.bm25_tuning import GRID, MIN_JUDGMENTS, choose
from space.evaluation.schema import Bm25Parameters
from space.index.bm25 import K1, STEM, B, Bm25Index


def shop(queries, judged=MIN_JUDGMENTS):
    """For query n a short Exact product and longer ones that name its word more often: the more k1 counts
    repetition, and the less b counts length, the deeper the Exact one falls."""
    texts, rows = [], []
    for number in range(queries):
        word = f"word{number}"
        products = [f"{word} {number}", *[f"{word} " * 3 + "filler " * (10 + extra) for extra in range(judged - 1)]]
        for place, text in enumerate(products):
            rows.append((word, number, f"p{len(texts)}", "us", "Exact" if place == 0 else "Irrelevant", len(texts)))
            texts.append(text)
    columns = ["query", "query_id", "product_id", "product_locale", "esci_label", "row"]
    catalogue = pa.table({"product_locale": ["us"] * len(texts)})
    return pd.DataFrame(rows, columns=columns), texts, catalogue


def test_the_best_of_the_grid_is_found():
    """Here a k1 that counts repetition less and a b that counts length more put the Exact product first."""
    train, texts, catalogue = shop(12)
    found = choose(train, texts, catalogue)
    assert found.k1 <= K1 and found.b > B
    assert found.queries == 12 and found.products == len(texts)
    assert found.train.mean > 0 and found.train.losses == 0
    best = Bm25Index(texts, k1=found.k1, b=found.b).search("word3", 1)[1]
    usual = Bm25Index(texts).search("word3", 1)[1]
    assert texts[best[0]] == "word3 3" != texts[usual[0]]


@pytest.mark.parametrize(("queries", "judged"), [(9, MIN_JUDGMENTS), (12, MIN_JUDGMENTS - 1)])
def test_too_few_or_too_thin_queries_leave_the_usual_ones(queries, judged):
    train, texts, catalogue = shop(queries, judged)
    assert choose(train, texts, catalogue) == Bm25Parameters(K1, B, 0, 0, None, None, STEM)


def test_the_usual_ones_stay_where_nothing_is_better():
    """Of equals the first of the grid is taken; another choice would be chance."""
    train, texts, catalogue = shop(12)
    texts = [text.split()[0] for text in texts]
    found = choose(train, texts, catalogue)
    assert found.usual and found.queries == 12 and found.train.ties == 12


@pytest.mark.parametrize("stem", [True, False])
def test_stems_are_chosen_like_k1_and_b(stem):
    """Queries in the plural need stems; where the plural is another and shorter product, stems harm."""
    train, texts, catalogue = shop(12)
    names = ["".join(chr(97 + place) for _ in range(5)) + "en" for place in range(12)]
    train = train.assign(query=[names[number] + ("s" if stem else "") for number in train["query_id"]])
    for place, (number, label) in enumerate(zip(train["query_id"], train["esci_label"], strict=True)):
        other = f"hose {place}" if stem else f"{names[number]}s"
        texts[place] = f"{names[number]} mug" if label == "Exact" else other
    found = choose(train, texts, catalogue)
    assert found.stem == stem and (found.train.mean > 0) == (not stem)
    japanese = pa.table({"product_locale": ["jp"] * len(texts)})
    assert choose(train.assign(product_locale="jp"), texts, japanese).stem == STEM, "there is nothing to choose"


def test_a_part_of_a_large_catalogue_has_all_that_was_judged(monkeypatch):
    """Rows move when products are left out; a judgment that then stood for another product would go unnoticed."""
    train, texts, catalogue = shop(12)
    texts, catalogue = [*["other"] * 500, *texts], pa.table({"product_locale": ["us"] * (500 + len(texts))})
    train = train.assign(row=train["row"] + 500)
    monkeypatch.setattr(bm25_tuning, "PRODUCTS", 150)
    found = choose(train, texts, catalogue)
    assert found.products == 150 and found.queries == 12
    assert (found.k1, found.b) == (lambda all_of_it: (all_of_it.k1, all_of_it.b))(choose(*shop(12)))


def test_the_grid_has_the_usual_pair_first_and_none_twice():
    assert GRID[0] == (K1, B) and len(set(GRID)) == len(GRID) == 16
