"""What several tests need: the repository's root, the real rows, and scripts run as a user runs them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hub_repos import e5_files

ROOT = Path(__file__).resolve().parent.parent
ESCI = ROOT.parent / "shared" / "esci"

# Nothing here may wait for a Hub that no test machine reaches.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


@pytest.fixture
def real_rows() -> Path:
    if not ESCI.is_dir():
        pytest.skip("needs the real ESCI rows in ../shared/esci, which are not part of the project")
    return ESCI


def run_script(*arguments: str, cwd: Path, check: bool = True) -> subprocess.CompletedProcess:
    """A script of the project, as a process of its own, to its end."""
    done = subprocess.run(command(*arguments), cwd=cwd, env=environment(), capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stderr[-4000:]
    return done


def command(script: str, *arguments: str, launch: int = 0) -> list[str]:
    """``python SCRIPT …``, or ``accelerate launch`` with so many processes."""
    start = [sys.executable]
    if launch:
        start += ["-m", "accelerate.commands.launch", "--cpu", "--num_processes", str(launch)]
        start += [
            "--num_machines",
            "1",
            "--mixed_precision",
            "no",
            "--dynamo_backend",
            "no",
            "--main_process_port",
            "0",
        ]
    return [*start, str(ROOT / script), *arguments]


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="session")
def tiny_e5(tmp_path_factory) -> Path:
    """A random model with the files of multilingual-e5-small and 32 dimensions: quick, and no good."""
    folder = tmp_path_factory.mktemp("models") / "multilingual-e5-tiny"
    for name, content in e5_files().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="session")
def trained(tmp_path_factory, tiny_e5) -> Path:
    """A folder in which train.py has run to its end, as the README starts it."""
    folder = tmp_path_factory.mktemp("trained")
    arguments = ["--dataset", "sample", "--base-model", str(tiny_e5), "--max-steps", "8", "--save-steps", "4"]
    done = subprocess.run(
        command("train.py", *arguments, launch=1),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    (folder / "output.txt").write_text(done.stderr + done.stdout)
    return folder


@pytest.fixture(scope="session")
def built(trained, tiny_e5) -> Path:
    """The same folder after build_embeddings.py."""
    run_script(
        *("build_embeddings.py", "--dataset", "sample", "--base-model", str(tiny_e5)),
        *("--shard-size", "300"),
        cwd=trained,
    )
    return trained
