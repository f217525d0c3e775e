"""Short runs of tests/long, so that they keep working; the fuzzer's is in test_properties.py."""

import ast
import asyncio
import json
import os
import re
import subprocess
import sys

import pytest
import small_shop
import torch
from conftest import ROOT, environment

from space.store.embedding import embed_catalogue
from space.store.reader import Store
from space.store.writer import Plan
from space.training.processes import join_processes
from tests.long import shop, soak
from tests.long.mutants import TARGETS
from tests.long.mutations import mutants


def run(*words, code=0):
    done = subprocess.run(
        [sys.executable, "-m", "tests.long", *words],
        cwd=ROOT, env=environment(), capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert done.returncode == code, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_statistics_outlive_kills():
    """Those of training and embedding are in test_train.py and test_build.py."""
    total = run("kills", "--commands", "usage", "--kills", "25")["total"]
    assert total["kills"] >= 3 and total["same"] > 0 and not {"different", "corrupt"} & set(total)


def test_the_tests_notice_faults_in_the_metrics():
    """The seed draws three faults by the lines of the module; if one of them survives, find out why first."""
    found = run("mutants", "--only", "metrics", "--sample", "3", "--seed", "2")["targets"]["metrics"]
    assert found["tried"] == found["killed"] == 3 and found["faults"] > 100


@pytest.mark.parametrize("name", TARGETS)
def test_faults_are_tried_on_tests_that_know_the_module(name):
    """Tests that do not import the module would let every fault pass."""
    tests = "".join((ROOT / test.partition("::")[0]).read_text("utf-8") for test in TARGETS[name].tests)
    for module in TARGETS[name].modules:
        package, _, name = module.rpartition(".")
        assert (ROOT / "space" / package / f"{name}.py").is_file()
        assert re.search(rf"(from|import) space\.{module}\b|from space\.{package} import (.*, )?{name}\b", tests), (
            module
        )


@pytest.mark.parametrize("queue", [False, True])
def test_visitors_are_answered(url, queue):
    """A long run also looks at the memory."""
    found = asyncio.run(soak.drive(url, soak.Load(clients=6, seconds=1, queue=queue), os.getpid()))
    assert set(found["told"]) <= {"answered", "left"} | (set() if queue else {"arrived"})
    assert found["told"]["answered"] > 3 and soak.is_sound(found) and found["milliseconds"]["p50"] > 0
    for wrong in (
        {"told": {"answered": 9, "failed": 1}},
        {"told": {"busy": 9}},
        {"told": {}},
        {"healthz": {200: 5, 503: 1}},
        {"healthz": {}},
        {"waiting at the end": 1},
        {"filled": {"told": {"cut": 1}}},
    ):
        assert not soak.is_sound(found | wrong), wrong


def test_a_shop_of_the_real_size_needs_no_embedding(tmp_path):
    """The random vectors have to offer whatever ``embed_catalogue`` asks an encoder for."""
    loads = {part: lambda: shop.Drawn(small_shop.BagOfWords("tiny"), seed=1) for part in ("base", "tuned")}
    embed_catalogue(
        small_shop.catalogue(), loads, tmp_path / "s", Plan(30, 20, "{title}", "tiny"), join_processes(), card=str
    )
    found = Store(tmp_path / "s").vectors("tuned").float()
    assert len(found) == 30 and torch.allclose(found.norm(dim=1), torch.ones(30), atol=1e-2)


SOURCE = """
LIMIT = 3

def best(rows: list[int], k: int = LIMIT) -> list[int]:
    \"\"\"The best.\"\"\"
    if k < 1 and rows:
        raise ValueError("k should be 1 or more")
    return sorted(rows, reverse=True)[:k]
"""


def test_faults_are_of_every_kind_one_at_a_time_and_never_in_words():
    found = list(mutants(SOURCE))
    assert {(fault.before, fault.after) for fault in found} == {
        ("3", "4"), ("3", "2"),
        ("if k < 1 and rows: raise ValueError('k should be 1 or more')", "not (k < 1 and rows)"),
        ("k < 1 and rows", "k < 1 or rows"), ("k < 1", "k <= 1"), ("1", "2"), ("1", "0"),
        ("raise ValueError('k should be 1 or more')", "pass"),
        ("return sorted(rows, reverse=True)[:k]", "return None"),
        ("sorted(rows, reverse=True)", "sorted(rows)"), ("True", "False"), (":k", ":k + 1"),
    }  # fmt: skip
    same = ast.dump(ast.parse(SOURCE))
    assert all(ast.dump(ast.parse(fault.source)) != same for fault in found)
    assert {fault.line for fault in found} == {2, 6, 7, 8}


@pytest.mark.parametrize("name", ["", "nothing"])
def test_the_command_names_the_runs(name):
    done = subprocess.run(
        [sys.executable, "-m", "tests.long", name], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert all(run in done.stderr for run in ("fuzz", "hub", "kills", "mutants", "soak"))
