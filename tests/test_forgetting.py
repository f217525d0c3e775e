"""What fine-tuning did outside the shop: vectors whose drift is known, and texts that a lazy encoder would fail on."""

import re

import pytest
import torch

from space.evaluation import forgetting

PAIRS = forgetting.pairs()


def pairs(*cosines):
    """Unit vectors, two a pair, each pair in a plane of its own and at the given cosine."""
    vectors = torch.zeros(2 * len(cosines), 2 * len(cosines))
    for number, cosine in enumerate(cosines):
        vectors[2 * number, 2 * number] = 1.0
        vectors[2 * number + 1, 2 * number] = cosine
        vectors[2 * number + 1, 2 * number + 1] = (1 - cosine**2) ** 0.5
    return vectors


def test_an_encoder_that_was_not_trained_has_not_moved():
    vectors = pairs(*[0.8] * 12)
    found = forgetting.measure(vectors, vectors)
    assert (found.cosine.mean, found.cosine.lowest, found.rank_correlation) == (1.0, 1.0, 1.0)
    assert found.pairs == 12 and found.paraphrase.base == found.paraphrase.tuned == 1.0
    assert found.paraphrase.ties == 12


def test_a_rotation_moves_every_vector_and_forgets_nothing():
    """Cosines alone would call it broken: similarities and neighbours are what counts."""
    vectors = pairs(*[0.8] * 12)
    rotation = torch.linalg.qr(torch.randn(24, 24, generator=torch.Generator().manual_seed(0)))[0]
    found = forgetting.measure(vectors, vectors @ rotation)
    assert abs(found.cosine.mean) < 0.3
    assert found.paraphrase.tuned == 1.0


def test_pairs_that_fell_apart_are_counted():
    """Three of twelve pairs: the first sentence of each now stands where the next pair is."""
    base = pairs(*[0.8] * 12)
    tuned = base.clone()
    for number in range(3):
        tuned[2 * number] = base[2 * number + 3]
    found = forgetting.measure(base, tuned).paraphrase
    assert found.base == 1.0 and found.tuned < 0.9
    assert found.mean == pytest.approx(found.tuned - 1.0)
    assert found.wins == 0 and found.losses >= 3 and found.high < 0


def test_a_collapsed_encoder_finds_no_paraphrase():
    """All vectors the same: every other sentence is as near, and a tie is no hit."""
    base = pairs(*[0.8] * 12)
    found = forgetting.measure(base, base[:1].expand(24, -1))
    assert found.paraphrase.tuned == 0.0 and found.paraphrase.losses == 12


def test_the_similarities_may_all_be_equal():
    """JSON has no NaN: a correlation with a constant is none."""
    base = pairs(*[0.8] * 12)
    assert forgetting.measure(base, base[:1].expand(24, -1)).rank_correlation is None


def test_the_sentences_are_pairs_of_twelve_subjects():
    texts = forgetting.sentences()
    assert len(PAIRS) == 12 and len(texts) == len(set(texts)) == 96
    assert texts[:2] == next(iter(PAIRS.values()))[0]
    japanese = [text for text in texts if re.search("[\u3040-\u30ff]", text)]
    spanish = [pair for pairs in PAIRS.values() for pair in pairs if re.search("[áéíóúñ]", "".join(pair))]
    assert len(japanese) == 12 and len(spanish) == 6
    shop = re.compile(r"\b(buy|price|shop|brand|order|delivery|product|cheap|sale)", re.I)
    assert not [text for text in texts if shop.search(text)]


@pytest.mark.parametrize("pair", [pair for pairs in PAIRS.values() for pair in pairs])
def test_a_pair_shares_few_words(pair):
    """Else a bag of words would find every paraphrase, and so would any model, however broken."""
    first, second = (set(re.findall(r"\w{4,}", text.lower())) for text in pair)
    assert len(first & second) <= 1
