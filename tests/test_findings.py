"""What cards and page say beside the verdict: each sentence with its figures, and none without."""

import small_evaluation

from space.evaluation import findings
from space.evaluation.schema import Evaluation
from space.search.description import EngineDescription
from space.ui.tabs.evaluation import page

CHOSEN = {"k1": 1.2, "b": 0.9, "queries": 101, "products": 9113}
DIFFERENCE = {"mean": -0.0021, "low": -0.0256, "high": 0.0242, "n": 35, "wins": 9, "losses": 18, "ties": 8}


def read(**parts):
    return Evaluation.from_json(parts)


def test_which_bm25_it_was_and_what_the_choice_changed():
    which, gain = findings.lexical(read(bm25=CHOSEN | {"test": DIFFERENCE}))
    assert "k1 1.20 and b .90" in which and "101 train queries" in which
    assert "−.002, 95 % interval −.026 to +.024" in gain
    (usual,) = findings.lexical(read(bm25={"k1": 0.9, "b": 0.4, "queries": 0, "test": None}))
    assert "the usual k1 .90 and b .40" in usual


def test_what_fusing_adds_to_each():
    """BM25 is .2 above base, tuned about .03 and hybrid .2 below, with intervals worked out elsewhere."""
    said = findings.lexical(small_evaluation.content())
    assert len(said) == 3 and all("worse" in sentence for sentence in said)
    pairs = ("fused with BM25, compared with fine-tuned", "fused with BM25, compared with BM25", "Fine-tuned compared")
    for sentence, pair, change in zip(said, pairs, ("−.229", "−.400", "−.171"), strict=True):
        assert pair in sentence and f"by {change}, 95 % interval −" in sentence


def test_nine_queries_say_nothing():
    assert findings.lexical(small_evaluation.content({"us": [0.1] * 9})) == []


def test_the_page_says_it():
    shown = page(small_evaluation.bent(bm25=CHOSEN | {"test": DIFFERENCE}), EngineDescription())
    assert "<h2>BM25 and fusion</h2>" in shown and "chosen on 101 train queries" in shown
    assert "BM25 and fusion" not in page(read(verdict="?"), EngineDescription())


DRIFT = {
    "pairs": 48,
    "cosine": {"mean": 0.9712, "lowest": 0.9},
    "rank_correlation": 0.9911,
    "paraphrase": {"base": 0.7708, "tuned": 0.75, **DIFFERENCE, "n": 48},
}


def test_what_happened_outside_the_shop():
    paraphrases, similarities = findings.outside(read(drift=DRIFT))
    assert "48 pairs" in paraphrases and "the fine-tuned encoder finds the paraphrase first for 75 %" in paraphrases
    assert "base for 77 % (48 pairs): no clear difference, −.002, 95 % interval −.026 to +.024" in paraphrases
    assert ".971" in similarities and ".991" in similarities
    worse = read(drift=DRIFT | {"paraphrase": DRIFT["paraphrase"] | {"high": -0.001}})
    assert ": worse, −.002" in findings.outside(worse)[0]


def test_nothing_is_said_of_a_drift_that_was_not_measured():
    assert findings.outside(Evaluation()) == []


def test_cards_have_the_slices_too():
    """The page has a section for them; a card would otherwise hide that a locale pays for the gain."""
    assert any(
        sentence.startswith("Locale “es” pays for the gain")
        for sentence in findings.everything(small_evaluation.content())
    )
