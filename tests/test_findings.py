"""What cards and page say beside the verdict: each sentence with its figures, and none without."""

import re

import small_evaluation

from space.evaluation import findings
from space.evaluation.schema import Evaluation
from space.ui import words
from space.ui.tabs.evaluation import page

CHOSEN = {"k1": 1.2, "b": 0.9, "queries": 101, "products": 9113}
DIFFERENCE = {"mean": -0.0021, "low": -0.0256, "high": 0.0242, "n": 35, "wins": 9, "losses": 18, "ties": 8}


def read(**parts):
    return Evaluation.from_json(parts)


def test_which_bm25_it_was_and_what_the_choice_changed():
    said = findings.lexical(read(bm25=CHOSEN | {"test": DIFFERENCE}))
    assert said == [
        "BM25 runs with k1 1.2 and b 0.9, chosen on 101 train queries.",
        "Against the usual k1 and b that changes its full-catalogue nDCG@10 on the held-out queries by −.002, 95 % "
        "interval −.026 to +.024.",
    ]
    assert findings.lexical(read(bm25={"k1": 0.9, "b": 0.4, "queries": 0, "test": None})) == [
        "BM25 runs with the usual k1 0.9 and b 0.4: too few train queries are richly judged."
    ]


def test_what_fusing_adds_to_each():
    """BM25 is .2 above base, tuned about .03 and hybrid .2 below, with intervals worked out elsewhere."""
    fused, fused_bm25, tuned = findings.lexical(small_evaluation.content())
    assert fused.startswith(
        "Fine-tuned and BM25 fused, against fine-tuned alone: worse, full-catalogue nDCG@10 −.229, "
    )
    assert fused_bm25.startswith(
        "Fine-tuned and BM25 fused, against BM25 alone: worse, full-catalogue nDCG@10 −.400, "
    )
    assert tuned.startswith("Fine-tuned against BM25: worse, full-catalogue nDCG@10 −.171, 95 % interval −")


def test_nine_queries_say_nothing():
    assert findings.lexical(small_evaluation.content({"us": [0.1] * 9})) == []


def test_every_sentence_has_its_russian():
    """As words.js looks for it: a lower-case letter is a number, another name any text."""
    phrases = [
        re.sub(
            r"\\{(\w+)\\}",
            lambda hole: r"[+−-]?[\d.,]*\d" if re.fullmatch("[a-z]", hole[1]) else ".+?",
            re.escape(one),
        )
        for one in words.PHRASES
    ]
    for chosen in (CHOSEN | {"test": DIFFERENCE}, {"k1": 0.9, "b": 0.4, "queries": 0}):
        found = small_evaluation.bent(drift=DRIFT, bm25=chosen)
        for sentence in [*findings.lexical(found), *findings.outside(found)]:
            assert any(re.fullmatch(phrase, sentence) for phrase in phrases), sentence


def test_the_page_says_it():
    shown = page(small_evaluation.bent(bm25=CHOSEN | {"test": DIFFERENCE}), {})
    assert "<h2>BM25 and fusion</h2>" in shown and "chosen on 101 train queries" in shown
    assert "BM25 and fusion" not in page(read(verdict="?"), {})


DRIFT = {
    "pairs": 48,
    "cosine": {"mean": 0.9712, "lowest": 0.9},
    "rank_correlation": 0.9911,
    "paraphrase": {"base": 0.7708, "tuned": 0.75, **DIFFERENCE, "n": 48},
}


def test_what_happened_outside_the_shop():
    said = findings.outside(read(drift=DRIFT))
    assert said == [
        "On 48 pairs of everyday sentences the nearest other is the paraphrase for 75 % with the fine-tuned encoder "
        "and for 77 % with base: no clear difference, −.002, 95 % interval −.026 to +.024.",
        "There the cosine of a sentence's two vectors is .971 on average, and the similarities of all sentences have "
        "a rank correlation of .991.",
    ]
    assert (
        ": worse, −.002"
        in findings.outside(read(drift=DRIFT | {"paraphrase": DRIFT["paraphrase"] | {"high": -0.001}}))[0]
    )


def test_nothing_is_said_of_a_drift_that_was_not_measured():
    assert findings.outside(Evaluation()) == []


def test_cards_have_the_slices_too():
    """The page has a section for them; a card would otherwise hide that a locale pays for the gain."""
    assert any(
        "The gain is paid for by locale “es”" in sentence
        for sentence in findings.everything(small_evaluation.content())
    )
