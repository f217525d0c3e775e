"""The figures of benchmarks/training.py, for runs with known seconds and losses."""

import argparse
import runpy

import pytest
from conftest import ROOT


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return runpy.run_path(str(ROOT / "benchmarks" / "training.py"), run_name="benchmark")


GIVEN = argparse.Namespace(
    dataset="sample", locales=["us"], loss="triplet", batch_size=32, max_seq_length=64, rounds=3, one_core=False
)


def run(seconds, losses=(0.5, 0.25), peak=2.0):
    sizes = [32] * len(seconds)
    return {"seconds": seconds, "sizes": sizes, "losses": list(losses), "steps": len(seconds) + 1, "peak_gb": peak}


def test_a_busy_moment_and_the_checkpoints_do_not_count(benchmark):
    """Each step's median over the rounds, without the two slowest steps: 2 seconds for three batches of 32."""
    runs = [run([1, 0.5, 9, 0.5, 7]), run([1, 0.5, 9, 0.5, 7]), run([1, 60, 9, 0.5, 7])]
    assert benchmark["rate"](runs) == pytest.approx(3 * 32 / 2)


def test_a_small_batch_counts_as_many_examples_as_it_has(benchmark):
    """Batches without false negatives are not all full. The slowest two steps are left out with their examples."""
    one = run([1, 2, 9, 3, 7]) | {"sizes": [32, 8, 32, 4, 32]}
    assert benchmark["rate"]([one]) == pytest.approx((32 + 8 + 4) / (1 + 2 + 3))


def test_ratio_memory_and_how_far_the_losses_are_apart(benchmark):
    still = {"plain": run([1, 1, 1], [0.5, 0.25]), "ours": run([1, 1, 1], [0.5, 0.375])}
    runs = {"plain": [run([3, 3, 3])] * 3, "ours": [run([2, 2, 2], peak=1.5), run([1, 1, 1]), run([2, 2, 2])]}
    found = benchmark["result"](GIVEN, still, runs)
    assert found["times_as_fast"] == 1.5 and found["times_as_fast_by_round"] == [1.5, 3.0, 1.5]
    assert found["peak_gb"] == {"plain": 2.0, "ours": 2.0}
    assert found["loss_without_dropout"]["first_step_apart"] == 0
    assert found["loss_without_dropout"]["all_steps_apart"] == 0.125


def test_bfloat16_is_measured_where_it_was_asked_for(benchmark):
    ways = {"plain": 0.25, "ours": 0.25, benchmark["PLAIN_HALF"]: 0.26, benchmark["HALF"]: 0.26}
    still = {way: run([1, 1, 1], [0.5, loss]) for way, loss in ways.items()}
    runs = {way: [run([seconds] * 3)] for way, seconds in zip(still, (3, 2, 2.5, 1), strict=True)}
    found = benchmark["result"](GIVEN, still, runs)
    assert found["times_as_fast"] == 1.5 and found["times_as_fast_bfloat16"] == 3.0
    assert found["times_as_fast_both_bfloat16"] == 2.5
    assert found["bfloat16_steps_apart"] == pytest.approx(0.01)
    assert "times_as_fast_bfloat16" not in benchmark["result"](
        GIVEN, still, {way: runs[way] for way in ("plain", "ours")}
    )
