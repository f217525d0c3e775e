"""What cards and page say beside the verdict: each sentence with its figures, and none without."""

import measured
import pytest

from space import remarks
from space.ui.evaluation_tab import page

CHOSEN = {"k1": 1.2, "b": 0.9, "queries": 101, "products": 9113}
DIFFERENCE = {"mean": -0.0021, "low": -0.0256, "high": 0.0242, "n": 35, "wins": 9, "losses": 18, "ties": 8}


def test_which_bm25_it_was_and_what_the_choice_changed():
    said = remarks.lexical({"bm25": CHOSEN | {"test": DIFFERENCE}})
    assert said == [
        "BM25 runs with k1 1.2 and b 0.9, chosen on 101 train queries.",
        "Against the usual k1 and b that changes its full-catalogue nDCG@10 on the held-out queries by −.002, 95 % "
        "interval −.026 to +.024.",
    ]
    assert remarks.lexical({"bm25": {"k1": 0.9, "b": 0.4, "queries": 0, "test": None}}) == [
        "BM25 runs with the usual k1 0.9 and b 0.4: too few train queries are richly judged."
    ]


def test_what_fusing_adds_to_each():
    """BM25 is .2 above base, tuned about .03 and hybrid .2 below, with intervals worked out elsewhere."""
    fused, fused_bm25, tuned = remarks.lexical(measured.content())
    assert fused.startswith(
        "Fine-tuned and BM25 fused, against fine-tuned alone: worse, full-catalogue nDCG@10 −.229, "
    )
    assert fused_bm25.startswith(
        "Fine-tuned and BM25 fused, against BM25 alone: worse, full-catalogue nDCG@10 −.400, "
    )
    assert tuned.startswith("Fine-tuned against BM25: worse, full-catalogue nDCG@10 −.171, 95 % interval −")


def test_nine_queries_say_nothing():
    assert remarks.lexical(measured.content({"us": [0.1] * 9})) == []


@pytest.mark.parametrize(
    "bent", [{}, {"bm25": 3}, {"bm25": {"queries": "many"}}, {"bm25": CHOSEN | {"test": {"n": 5}}}, {"protocols": []}]
)
def test_an_evaluation_of_any_origin_is_read(bent):
    assert len(remarks.lexical(bent)) == ("test" in bent.get("bm25", {}) if isinstance(bent.get("bm25"), dict) else 0)


def test_the_page_says_it():
    shown = page(measured.content() | {"bm25": CHOSEN | {"test": DIFFERENCE}}, {})
    assert "<h2>BM25 and fusion</h2>" in shown and "chosen on 101 train queries" in shown
    assert "BM25 and fusion" not in page({"verdict": "?"}, {})
