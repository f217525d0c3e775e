"""``benchmarks/loop.py``: the sample judges itself, and the figures are paired by query."""

import csv
import runpy
import sys

import pytest
from conftest import ROOT

from space.data import sample


@pytest.fixture(scope="module")
def loop():
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        return runpy.run_path(str(ROOT / "benchmarks" / "loop.py"))
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))


def test_the_construction_gives_the_labels_of_the_sample():
    rows = sample.judgments()
    rows = rows.groupby(["product_locale", "esci_label"]).head(40)
    found = [
        sample.label(*pair) for pair in zip(rows["product_locale"], rows["query"], rows["product_id"], strict=True)
    ]
    assert found == rows["esci_label"].tolist() and len(set(found)) == 4


def test_pairs_are_judged_by_construction_and_written_for_training(loop, tmp_path):
    rows = sample.judgments().head(5)
    pairs = list(zip(rows["product_locale"], rows["query"], rows["product_id"], strict=True))
    loop["write"](pairs, tmp_path / "feedback", tmp_path / "judgments.csv")
    with (tmp_path / "judgments.csv").open(encoding="utf-8") as file:
        written = {(one["query"], one["product_id"]): one["esci_label"] for one in csv.DictReader(file)}
    assert written == dict(zip(zip(rows["query"], rows["product_id"], strict=True), rows["esci_label"], strict=True))


def test_differences_are_paired_by_query(loop):
    """By hand: base 0, 1; first .5, 1; second 1, 1. A query without a value counts nowhere."""

    def run(base, tuned, query=("a", "b", "c")):
        systems = {"base": {loop["COLUMN"]: base}, "tuned": {loop["COLUMN"]: tuned}}
        return {"per_query": {"query": list(query), "systems": systems}}

    first, second = run([0, 1, None], [0.5, 1, None]), run([0, 1, None], [1, 1, None])
    found = loop["compared"](first, second)
    assert {name: one["mean"] for name, one in found["systems"].items()} == {
        "base": 0.5, "first training": 0.75, "with judgments": 1.0
    }  # fmt: skip
    difference = found["differences"]["with judgments - first training"]
    assert (difference["mean"], difference["n"], difference["wins"]) == (0.25, 2, 1)
    with pytest.raises(SystemExit, match="different queries"):
        loop["compared"](first, run([0], [0], ["a"]))
