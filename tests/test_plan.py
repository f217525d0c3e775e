"""The plan for real E5: its commands are taken, and its table is what the arithmetic gives."""

import re
import runpy
import shlex

import pytest
from conftest import ROOT

from space import settings as config

PLAN = (ROOT / "benchmarks" / "PLAN.md").read_text(encoding="utf-8")
SETTINGS = {"train.py": config.TrainSettings, "build_embeddings.py": config.BuildSettings}
COMMANDS = [shlex.split(line) for line in re.findall(r"^(?:accelerate|python build).+$", PLAN, re.M)]


@pytest.fixture(scope="module")
def plan():
    return runpy.run_path(str(ROOT / "benchmarks" / "plan.py"))


@pytest.mark.parametrize("words", COMMANDS)
def test_commands_are_taken(words):
    (place,) = [place for place, word in enumerate(words) if word in SETTINGS]
    settings = config.parse(SETTINGS[words[place]], words[place + 1 :])
    assert settings.dataset == "tasksource/esci"


def test_the_plan_has_both_sizes():
    assert [sum(word in words for words in COMMANDS) for word in SETTINGS] == [2, 2]


def test_the_table_is_the_script_s(plan):
    assert plan["table"]() in PLAN


def test_the_arithmetic_by_hand(plan):
    """12 layers of 12 x 384 squared weights; a million tokens forth, forth again and back."""
    small = plan["SHAPES"]["multilingual-e5-small"]
    assert small.working == 21_233_664
    train, _ = plan["hours"](small, 1)
    tokens = plan["JUDGMENTS"] * 0.59 * 100 * 1.4
    assert train == pytest.approx(8 * 21_233_664 * tokens / 20e12 / 3600)
    assert plan["hours"](small, 8)[0] == pytest.approx(train / 6.8)
    assert plan["gigabytes"](small, 0) == pytest.approx(16 * 0.118)
