"""Training examples and batches: a false negative would teach the model to push a right answer away."""

from collections import Counter

import numpy as np
import pytest
from datasets import Dataset
from test_evaluation import judgments as checked

from space.data.scale import ESCI
from space.errors import UserError
from space.training.examples import LabelAwareBatchSampler, exact_texts, training_examples


def judgments(*rows):
    return checked(rows)


def triplets(frame, passages, **options):
    found = training_examples(frame, passages, "triplet", **options)
    assert found.column_names == ["anchor", "positive", "negative"]
    return list(zip(found["anchor"], found["positive"], found["negative"], strict=True))


def random_shop(seed, queries=25, products=120, texts=60):
    """Random judgments of products in two locales, where most texts have two ids."""
    rng = np.random.default_rng(seed)
    passages = [f"text {number}" for number in rng.integers(0, texts, products)]
    locales = rng.choice(["us", "es"], products)
    rows = []
    for query in range(queries):
        for row in rng.choice(products, rng.integers(1, 12), replace=False).tolist():
            label = rng.choice(ESCI.names, p=[0.5, 0.2, 0.1, 0.2])
            rows.append((f"query {query}", locales[row], row, label))
    return judgments(*rows), passages


def truly_exact(frame, passages):
    """{query: texts}, written as a plain loop."""
    found = {}
    for query, row, label in zip(frame["query"], frame["row"], frame["esci_label"], strict=True):
        if label == "Exact":
            found.setdefault(query, set()).add(passages[row])
    return found


# -- triplets --------------------------------------------------------------------------------------------------------


def test_by_hand():
    """One Exact product and three negatives: worst grade first, each used once."""
    frame = judgments(
        ("mug", "us", 0, "Substitute"),
        ("mug", "us", 1, "Exact"),
        ("mug", "us", 2, "Complement"),
        ("mug", "us", 3, "Irrelevant"),
    )
    passages = ["cup", "mug", "coaster", "hose"]
    assert triplets(frame, passages, negatives=3) == [
        ("mug", "mug", "hose"),
        ("mug", "mug", "coaster"),
        ("mug", "mug", "cup"),
    ]
    assert triplets(frame, passages, negatives=1) == [("mug", "mug", "hose")]


def test_negatives_are_spread_over_the_positives():
    """Each Exact product takes the next negatives in order; when all are used, they begin again."""
    frame = judgments(
        ("mug", "us", 0, "Exact"),
        ("mug", "us", 1, "Exact"),
        ("mug", "us", 2, "Irrelevant"),
        ("mug", "us", 3, "Substitute"),
    )
    passages = ["mug a", "mug b", "hose", "cup"]
    assert [(positive, negative) for _, positive, negative in triplets(frame, passages)] == [
        ("mug a", "hose"),
        ("mug a", "cup"),
        ("mug b", "hose"),
        ("mug b", "cup"),
    ]


@pytest.mark.parametrize("seed", range(8))
def test_no_exact_product_is_ever_a_negative(seed):
    """Over random judgments with the same text under several ids, in two locales, and negatives drawn at random."""
    frame, passages = random_shop(seed)
    exact = truly_exact(frame, passages)
    found = triplets(frame, passages, negatives=3, seed=seed)
    assert len(found) > 100
    assert [one for one in found if one[2] in exact[one[0]]] == []
    assert [one for one in found if one[1] not in exact[one[0]]] == []


def test_same_text_under_another_id():
    """The Irrelevant product has the text of the Exact one: as a negative it would contradict its positive."""
    frame = judgments(("mug", "us", 0, "Exact"), ("mug", "us", 1, "Irrelevant"), ("mug", "us", 2, "Substitute"))
    assert triplets(frame, ["same", "same", "cup"], negatives=1) == [("mug", "same", "cup")]


def test_exact_in_another_locale():
    """One query in two locales: a product that is Exact in one locale is not a negative in the other."""
    frame = judgments(
        ("lego", "us", 0, "Exact"),
        ("lego", "es", 1, "Exact"),
        ("lego", "es", 2, "Irrelevant"),
        ("lego", "es", 3, "Substitute"),
    )
    found = triplets(frame, ["lego set", "lego caja", "lego set", "cubo"], negatives=4)
    assert {negative for _, positive, negative in found if positive == "lego caja"} == {"cubo"}


def test_drawn_where_nothing_is_graded():
    """A query with Exact products only gets unjudged products of its own locale as negatives."""
    rows = [("mug", "us", 0, "Exact"), ("mug", "us", 1, "Exact")]
    rows += [("hose", "us", row, "Exact") for row in range(2, 8)] + [
        ("taza", "es", row, "Exact") for row in range(8, 40)
    ]
    passages = [f"text {row}" for row in range(40)]
    found = [negative for anchor, _, negative in triplets(judgments(*rows), passages, negatives=20) if anchor == "mug"]
    assert len(found) == 40
    assert set(found) == {f"text {row}" for row in range(2, 8)}


def test_drawn_ones_are_not_judged_for_the_query():
    """A Substitute with the text of an Exact product must not be drawn under another id."""
    rows = [
        ("mug", "us", 0, "Exact"),
        ("mug", "us", 1, "Substitute"),
        ("hose", "us", 2, "Exact"),
        ("hat", "us", 3, "Exact"),
    ]
    found = triplets(judgments(*rows), ["same", "same", "same", "hat"], negatives=10)
    assert {negative for anchor, _, negative in found if anchor == "mug"} == {"hat"}


def test_query_without_any_negative_is_left_out():
    """A locale with a single product has no negative; the other locales still train."""
    frame = judgments(("taza", "es", 0, "Exact"), ("mug", "us", 1, "Exact"), ("mug", "us", 2, "Irrelevant"))
    assert {anchor for anchor, _, _ in triplets(frame, ["taza", "mug", "hose"])} == {"mug"}


def test_same_seed_same_examples():
    """Runs can be repeated, and another seed draws other negatives."""
    frame, passages = random_shop(3)
    assert triplets(frame, passages, seed=1) == triplets(frame, passages, seed=1)
    assert triplets(frame, passages, seed=1) != triplets(frame, passages, seed=2)
    assert triplets(frame, passages) == triplets(frame, passages, seed=42)


def test_triplet_and_mnrl_read_the_same_examples():
    """So that the two losses can be compared."""
    frame, passages = random_shop(4)
    by_loss = [training_examples(frame, passages, loss).to_pandas() for loss in ("triplet", "mnrl")]
    assert by_loss[0].equals(by_loss[1])


@pytest.mark.parametrize("loss", ["triplet", "mnrl"])
def test_no_exact_product(loss):
    """An error in one sentence, not an empty training run."""
    frame = judgments(("mug", "us", 0, "Substitute"), ("mug", "us", 1, "Irrelevant"))
    with pytest.raises(UserError, match="no query has a relevant product"):
        training_examples(frame, ["a", "b"], loss)


def test_what_is_exact_in_another_spelling_is_no_negative():
    rows = [("Red Mug", 0, "Exact"), ("Red Mug", 1, "Irrelevant"), ("red\u00a0mug", 1, "Exact"), ("hat", 2, "Exact")]
    frame = judgments(*((query, "us", row, label) for query, row, label in rows))
    found = training_examples(frame, ["a", "b", "c"], "mnrl")
    assert {row["negative"] for row in found if row["anchor"] != "hat"} == {"c"}


def test_exact_texts():
    """By query over all locales, and as texts, because ids do not show that two products are the same."""
    frame, passages = random_shop(5)
    assert exact_texts(frame, passages) == {
        query: frozenset(texts) for query, texts in truly_exact(frame, passages).items()
    }


# -- graded pairs ----------------------------------------------------------------------------------------------------


def test_cosent_pairs():
    """Every judgment once, with the paper's gain; the order is the seed's."""
    frame, passages = random_shop(6)
    found = training_examples(frame, passages, "cosent", seed=1)
    assert found.column_names == ["query", "passage", "score"]
    expected = [
        (query, passages[row], ESCI.gains[label])
        for query, row, label in zip(frame["query"], frame["row"], frame["esci_label"], strict=True)
    ]
    pairs = list(zip(found["query"], found["passage"], found["score"], strict=True))
    assert Counter(pairs) == Counter(expected)
    assert pairs != expected
    assert pairs == list(zip(*training_examples(frame, passages, "cosent", seed=1).to_dict().values(), strict=True))


@pytest.mark.parametrize("rows", [[], [("mug", "us", 0, "Exact"), ("mug", "us", 1, "Exact")]])
def test_cosent_needs_two_labels(rows):
    """It learns from differences between grades; without any, its loss would be 0 in every step."""
    with pytest.raises(UserError, match="all judgments have the same label"):
        training_examples(judgments(*rows), ["a", "b"], "cosent")


def test_cosent_makes_do_with_two_labels():
    frame = judgments(("mug", "us", 0, "Exact"), ("mug", "us", 1, "Substitute"))
    assert sorted(training_examples(frame, ["a", "b"], "cosent")["score"]) == [0.1, 1.0]


# -- batches ---------------------------------------------------------------------------------------------------------


def sampler(frame, passages, batch_size, seed=0):
    examples = training_examples(frame, passages, "mnrl", negatives=2)
    exact = exact_texts(frame, passages)
    return LabelAwareBatchSampler(examples, batch_size, exact, drop_last=False, seed=seed)


@pytest.mark.parametrize("batch_size", [1, 5, 16])
@pytest.mark.parametrize("seed", range(4))
def test_no_false_negative_within_a_batch(seed, batch_size):
    """The products of all other examples are negatives: none may be Exact for the query."""
    frame, passages = random_shop(seed)
    exact = truly_exact(frame, passages)
    batches = sampler(frame, passages, batch_size, seed)
    for batch in batches:
        assert 1 <= len(batch) <= batch_size
        rows = [batches.examples[index] for index in batch]
        assert len({query for query, _, _ in rows}) == len(rows)
        for query, own, _ in rows:
            others = {text for other, *texts in rows if other != query for text in texts}
            assert others.isdisjoint(exact[query]), (query, own)


@pytest.mark.parametrize("batch_size", [1, 5, 16, 10_000])
def test_every_example_once_an_epoch(batch_size):
    """An example that clashes is neither lost nor repeated."""
    batches = sampler(*random_shop(1), batch_size)
    seen = [index for batch in batches for index in batch]
    assert sorted(seen) == list(range(len(batches.examples)))


@pytest.mark.parametrize("batch_size", [5, 16])
def test_every_epoch_has_as_many_batches(batch_size):
    """The trainer counts them once and computes from the number where a resumed run continues."""
    batches = sampler(*random_shop(1), batch_size)
    needed = set()
    for epoch in range(8):
        batches.set_epoch(epoch)
        needed.add(len(batches._batches(epoch)))
        given = list(batches)
        assert len(given) == len(batches)
        lost = set(range(len(batches.examples))) - {index for batch in given for index in batch}
        assert len(lost) < batch_size, "only the small batches at the end may be left out"
    assert len(needed) > 1, "all epochs need the same number here, so this shows nothing"


def test_batches_are_full_where_they_can_be():
    """Twenty queries without clashes need no small batches."""
    rows = [
        (f"query {number}", "us", 2 * number + side, label)
        for number in range(20)
        for side, label in enumerate(("Exact", "Irrelevant"))
    ]
    passages = [f"text {row}" for row in range(40)]
    examples = training_examples(judgments(*rows), passages, "mnrl", negatives=1)
    batches = LabelAwareBatchSampler(examples, 8, exact_texts(judgments(*rows), passages), drop_last=False)
    assert [len(batch) for batch in batches] == [8, 8, 4]
    assert len(batches) == 3


def test_order_by_seed_and_epoch():
    """Each epoch has another order, and the same seed the same order, so that a run can be resumed."""
    shop = random_shop(2)

    def order(seed, epoch):
        batches = sampler(*shop, 5, seed)
        batches.set_epoch(epoch)
        return list(batches)

    assert order(1, 0) == order(1, 0)
    assert order(1, 3) == order(1, 3)
    assert len({str(order(*which)) for which in ((1, 0), (1, 1), (1, 2), (7, 0))}) == 4


def test_a_query_without_judgments_occurs_once_in_a_batch():
    """Such as those from titles: the product of one example answers the query of the other."""
    examples = Dataset.from_dict({"anchor": ["mug"] * 4, "positive": list("abcd"), "negative": list("efgh")})
    assert [len(batch) for batch in LabelAwareBatchSampler(examples, 4, {}, drop_last=False)] == [1, 1, 1, 1]


def test_small_batches_are_dropped_where_the_trainer_wants_it():
    examples = Dataset.from_dict({"anchor": list("abcde"), "positive": list("fghij"), "negative": list("klmno")})
    kept, dropped = (
        [len(batch) for batch in LabelAwareBatchSampler(examples, 2, {}, drop_last=last)] for last in (False, True)
    )
    assert (kept, dropped) == ([2, 2, 1], [2, 2])
