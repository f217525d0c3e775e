"""The cards: which licence they claim, and what they say of a run that did no step itself."""

from dataclasses import replace

import pytest
import small_evaluation

from space.encoding.description import EncoderDescription
from space.hub import cards
from space.store.writer import Plan


def training_line(**training):
    found = small_evaluation.content()
    found = replace(
        found, training=replace(found.training, **training), settings=found.settings | {"dataset": "sample"}
    )
    return next(line for line in cards.model_card(found, None).splitlines() if line.startswith("640 examples"))


def test_a_run_that_was_resumed_at_its_end_names_no_speed():
    assert training_line() == "640 examples, 20 steps, 16.2 examples/s on"
    assert training_line(examples_per_second=None) == "640 examples, 20 steps on"


@pytest.mark.parametrize(
    ("data", "licence"),
    [
        ("sample", "apache-2.0"),
        ("tasksource/esci@0123abc", "apache-2.0"),
        ("sample_products.csv", None),
        ("fresci.csv", None),
        ("alice/esci", None),
    ],
)
def test_no_licence_is_claimed_for_what_others_made(data, licence):
    encoder = EncoderDescription(id="e", fingerprint="f", dim=2, max_seq_length=8)
    card = cards.store_card(Plan(2, 1, "{title}", data), dict.fromkeys(("base", "tuned"), encoder), False, None)
    assert ("license: apache-2.0" in card) == (licence is not None) and ("license:" in card) == bool(licence)
