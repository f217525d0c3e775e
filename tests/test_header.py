"""The header of the page: which models and data answer, and the verdict of the evaluation."""

import pytest
from result_pages import Elements, described

from space.encoding.weights import PACKAGED_NAME
from space.evaluation.estimates import PairedDifference
from space.evaluation.schema import Evaluation
from space.i18n import language
from space.search.description import EngineDescription
from space.ui.html.header import header
from space.ui.html.verdict import plain_verdict


def test_header_says_what_stands_in_and_what_was_measured():
    base, tuned = (
        described(id="tiny/base", revision="0123456789abcdef", reason="not from the Hub: gone"),
        described(id="user/model"),
    )
    about = EngineDescription(dataset="sample", device="cuda", encoders={"base": base, "tuned": tuned})
    text = Elements(header(2524, about, "All made up.", Evaluation(verdict="Fine-tuning helped."))).text
    for said in (
        "2,524 products",
        "sample",
        "GPU",
        "tiny/base",
        "@0123456",
        "not from the Hub: gone",
        "All made up.",
    ):
        assert said in text
    assert "Fine-tuning helped." in text and "None" not in text


@pytest.mark.parametrize(
    ("low", "high", "n", "said", "bar"),
    [
        (0.057, 0.127, 105, "Fine-tuning helped.", [67, 24]),
        (-0.127, -0.057, 105, "Fine-tuning made search worse.", [67, 24]),
        (-0.2, 0.3, 105, "no clear difference", [67, 24]),
        (0.1, 0.2, 9, "9 held-out queries are too few", []),
    ],
)
def test_the_verdict_claims_no_more_than_the_interval(low, high, n, said, bar):
    """Too few queries get neither an interval nor counts, which would look like a finding."""
    wins, losses = (67, 24) if n > 10 else (6, 2)
    found = PairedDifference((low + high) / 2, low, high, n, wins, losses, n - wins - losses)
    page = Elements(plain_verdict(found)).text
    assert said in page
    assert all(f" {count} " in page for count in bar) and ("test queries" in page) == bool(bar)


def test_header_without_a_description():
    text = Elements(header(1, EngineDescription())).text
    assert "1 product" in text and "Measured" not in text and "None" not in text


def test_header_names_commits_in_short_and_says_what_may_be_old():
    """A store from the cache may not be the newest, if the Hub is down; only the log said so once."""
    tuned = described(id="/srv/alice/saved_e5_model")
    local = EngineDescription(dataset="/home/alice/esci", encoders={"tuned": tuned})
    text = Elements(header(1, local)).text
    assert "esci" in text and "saved_e5_model" in text and "alice" not in text
    stale = EngineDescription(dataset=f"a/b@{'5' * 40}", store=f"c/d@{'7' * 40}", store_note="from the cache, 500")
    text = Elements(header(1, stale)).text
    assert "a/b@5555555" in text and "5" * 8 not in text
    assert "c/d@7777777, from the cache, 500" in text


@pytest.mark.parametrize(("code", "said"), [("en", PACKAGED_NAME), ("ru", "4-битные веса из пакета")])
def test_the_header_names_the_packaged_weights_for_what_they_are(code, said):
    base = described(id=PACKAGED_NAME)
    about = EngineDescription(dataset="sample", device="cpu", encoders={"base": base, "tuned": base})
    with language(code):
        assert said in Elements(header(1, about)).text
