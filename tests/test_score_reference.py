"""Score references: which pairs are drawn, and shares that can be counted by hand."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import small_shop
import torch

from space.index.torch_index import TorchIndex
from space.retrieval.dense import DenseSystem
from space.search import score_reference as reference
from space.search.score_reference import (
    RANDOM,
    RELEVANT,
    Pairs,
    ScoreReference,
    reference_pairs,
    score_reference,
    score_references,
)

PRODUCTS = 400


def shop(titles=None):
    titles = titles or [f"thing {row}" for row in range(PRODUCTS)]
    return pa.table({"product_id": [str(row) for row in range(len(titles))],
                     "product_locale": ["us"] * len(titles), "product_title": titles})  # fmt: skip


def judged(sizes, label="Exact", first=0):
    """Query i with ``sizes[i]`` products, counted through."""
    rows = [
        (f"query {place}", str((first + sum(sizes[:place]) + step) % PRODUCTS), "us", label)
        for place, size in enumerate(sizes)
        for step in range(size)
    ]
    return pd.DataFrame(rows, columns=["query", "product_id", "product_locale", "esci_label"])


class Numbered:
    """Query or title "… n" is the angle n / 1000: its cosine with row m is cos((n - m) / 1000)."""

    def encode_queries(self, texts):
        angles = torch.tensor([int(text.split()[-1]) / 1000 for text in texts])
        return torch.stack([angles.cos(), angles.sin()], dim=1)


@pytest.mark.parametrize(
    ("score", "share"), [(0.05, 0.0), (0.1, 0.0), (0.15, 0.25), (0.2, 0.25), (0.3, 0.75), (0.31, 1.0)]
)
def test_a_standing_is_the_share_below(score, share):
    """An equal score is not below: the worst Exact pair is above 0 %."""
    standing = ScoreReference(np.array([0.1, 0.2, 0.2, 0.3], np.float32), RELEVANT).standing(np.float32(score))
    assert (standing.share, standing.among, standing.pairs) == (share, "relevant pairs", 4)


def test_only_exact_pairs_of_the_catalogue_count():
    """Substitutes would lower the reference, and a product that the catalogue no longer has has no row."""
    frame = pd.concat([judged([10] * 12), judged([10] * 12, "Substitute", first=200)])
    frame.loc[0, "product_id"] = "gone"
    pairs = reference_pairs(frame, shop())
    assert pairs.among == RELEVANT and len(pairs.rows) == 119
    assert sorted(pairs.rows.tolist()) == list(range(1, 120))
    # Row r was judged for query r // 10.
    assert [pairs.queries[place] for place in pairs.places] == [f"query {row // 10}" for row in pairs.rows]


def test_a_query_with_many_products_gives_its_share_only():
    """One query with 200 Exact products among eleven with 20: each gives no more than its share of 500."""
    pairs = reference_pairs(judged([200] + [20] * 11), shop())
    counts = np.bincount(pairs.places)
    assert pairs.queries[int(counts.argmax())] == "query 0" and counts.max() == -(-reference.PAIRS // 12) == 42
    assert sorted(counts.tolist())[:11] == [20] * 11


def test_many_judgments_do_not_slow_the_start():
    pairs = reference_pairs(judged([3] * 1000), shop())
    assert len(pairs.queries) == reference.QUERIES and len(pairs.rows) <= reference.PAIRS


def test_the_draw_is_the_same_at_every_start():
    """Otherwise a shared link would show another percentage tomorrow."""
    for frame in (judged([3] * 1000), None):
        first, second = (reference_pairs(frame, shop()) for _ in range(2))
        assert first.queries == second.queries and np.array_equal(first.rows, second.rows)


@pytest.mark.parametrize(
    "frame", [None, judged([]), judged([40] * 9), judged([4] * 12), judged([20] * 20, "Irrelevant")]
)
def test_too_few_judgments_give_random_pairs(frame):
    pairs = reference_pairs(frame, shop())
    assert pairs.among == RANDOM
    assert len(pairs.rows) == reference.QUERIES * reference.RANDOM_PRODUCTS
    own = np.array([int(title.split()[-1]) for title in pairs.queries])[pairs.places]
    assert (own != pairs.rows).all(), "a title is paired with its own product"
    assert len(set(pairs.rows.tolist())) > PRODUCTS / 2


def test_a_catalogue_without_two_titles_has_no_reference():
    assert reference_pairs(None, shop(["only one"])) is None
    assert reference_pairs(None, shop([None, " ", ""])) is None
    assert score_references({"tuned": object()}, None, shop(["only one"])) == {}


def test_scores_are_cosines():
    """cos((n - m) / 1000) for query n and row m."""
    index = TorchIndex(Numbered().encode_queries([f"row {row}" for row in range(PRODUCTS)]), precision="float32")
    pairs = Pairs(["query 7", "query 300"], np.array([0, 0, 1]), np.array([7, 107, 100]), RELEVANT)
    found = score_reference(DenseSystem("base", Numbered(), index), pairs)
    assert found.scores == pytest.approx(np.cos([0.2, 0.1, 0.0]), abs=1e-6)
    assert found.standing(np.cos(0.15)).share == pytest.approx(1 / 3)


def test_only_encoders_have_a_reference():
    """BM25 and fused scores are not cosines: they grow with the number of words."""
    found = score_references(small_shop.engine().systems, small_shop.judgments(), small_shop.catalogue())
    assert set(found) == {"base", "tuned"}
    assert {one.among for one in found.values()} == {RANDOM}, "six judged queries are too few"
