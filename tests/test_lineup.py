"""Which of the encoders of a store is compared with which."""

import pytest

from space.encoding import lineup


@pytest.mark.parametrize(
    ("names", "reference", "candidate"),
    [
        (["base", "tuned"], "base", "tuned"),
        (["tuned", "base"], "base", "tuned"),
        (["tuned", "base", "bge"], "base", "tuned"),
        (["bge", "base"], "base", "bge"),
        (["bge", "gte", "e5"], "bge", "e5"),
        (["bge", "gte", "base"], "base", "gte"),
        (["tuned", "bge"], "bge", "tuned"),
        (["tuned", "bge", "gte"], "bge", "tuned"),
        (["bge", "tuned"], "bge", "tuned"),
        (["tuned"], "tuned", "tuned"),
        (["bge"], "bge", "bge"),
    ],
)
def test_reference_and_candidate(names, reference, candidate):
    assert (lineup.reference(names), lineup.candidate(names)) == (reference, candidate)
