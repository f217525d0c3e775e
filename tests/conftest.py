"""What several tests need: the repository's root, the real rows, and scripts run as a user runs them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from hub_repos import e5_files

ROOT = Path(__file__).resolve().parent.parent
ESCI = ROOT.parent / "shared" / "esci"

# Nothing here may wait for a Hub that no test machine reaches.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Two workers with two threads each on two cores would spend their time waiting for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture
def real_rows() -> Path:
    if not ESCI.is_dir():
        pytest.skip("needs the real ESCI rows in ../shared/esci, which are not part of the project")
    return ESCI


def run_script(*arguments: str, cwd: Path, check: bool = True, launch: int = 0) -> subprocess.CompletedProcess:
    """A script of the project, as a process of its own, to its end."""
    done = subprocess.run(
        command(*arguments, launch=launch), cwd=cwd, env=environment(), capture_output=True, text=True, check=False
    )
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
    return os.environ | {"PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="session")
def shared(tmp_path_factory, worker_id):
    """Makes a folder once for all workers of this run: ``shared(name, make)``."""
    base = tmp_path_factory.getbasetemp()
    root = base if worker_id == "master" else base.parent

    def once(name, make):
        with FileLock(root / f"{name}.lock"):
            if not (root / f"{name}.made").exists():
                (root / name).mkdir()
                make(root / name)
                (root / f"{name}.made").touch()
        return root / name

    return once


@pytest.fixture(scope="session")
def tiny_e5(shared) -> Path:
    """A random model with the files of multilingual-e5-small and 32 dimensions: quick, and no good."""

    def make(folder):
        for name, content in e5_files().items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)

    return shared("multilingual-e5-tiny", make)


@pytest.fixture(scope="session")
def trained(shared, tiny_e5) -> Path:
    """A folder in which train.py has run to its end, started as the README does. Not to be written to."""

    def make(folder):
        arguments = ["--dataset", "sample", "--base-model", str(tiny_e5), "--max-steps", "8", "--save-steps", "4"]
        done = run_script("train.py", *arguments, cwd=folder, launch=1)
        (folder / "output.txt").write_text(done.stderr + done.stdout)

    return shared("trained", make)


@pytest.fixture(scope="session")
def built(shared, trained, tiny_e5) -> Path:
    """The same folder after build_embeddings.py. Not to be written to."""

    def make(folder):
        shutil.copytree(trained, folder, dirs_exist_ok=True)
        arguments = ("--dataset", "sample", "--base-model", str(tiny_e5), "--shard-size", "300")
        run_script("build_embeddings.py", *arguments, cwd=folder)

    return shared("built", make)
