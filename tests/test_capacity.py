"""How large a catalogue takes how much: the table of CAPACITY.md is what the arithmetic gives."""

import runpy

import pytest
from conftest import ROOT


@pytest.fixture(scope="module")
def capacity():
    return runpy.run_path(str(ROOT / "benchmarks" / "capacity.py"))


def test_the_table_is_the_script_s(capacity):
    assert capacity["table"]() in (ROOT / "benchmarks" / "CAPACITY.md").read_text(encoding="utf-8")


def test_the_arithmetic_by_hand(capacity):
    """A billion products, two vectors of 384 bytes each; 1/16 of one of them read at 100 GB/s, half of the time."""
    coded = capacity["WAYS"]["Milvus IVF_SQ8"]
    assert coded.memory(10**9) == 768e9
    assert coded.count(10**9) == 5  # of 179.2 GB
    assert coded.seconds(10**9) == pytest.approx(0.24)
    assert coded.dollars(10**9) == pytest.approx(1e6 * 0.48 * 2 / 3600)
    half = capacity["WAYS"]["torch, float16"]
    assert half.memory(1) == 2 * (768 + 384 + 4) and half.seconds(10**9) == pytest.approx(3.84)


def test_one_process_is_on_one_machine(capacity):
    lines = capacity["table"]().splitlines()
    assert sum("no single one" in line for line in lines) == 3
    assert len(lines) == 2 + len(capacity["SIZES"]) * len(capacity["WAYS"])
