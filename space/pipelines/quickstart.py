"""The quickstart: train and embed the bundled sample with the documented commands when nothing is configured.

The commands run as processes of their own, as a user would type them. A finished step leaves a stamp, so that a start
that was interrupted is continued by the next one.
"""

import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from space.encoding.packed_file import find
from space.encoding.weights import PACKAGED, PACKAGED_NAME
from space.errors import UserError
from space.io.files import atomically
from space.settings.names import SAMPLE

FOLDER = Path("quickstart")
#: What to run next, printed for people who like what the sample shows.
REAL_COMMANDS = (
    "accelerate launch train.py",
    "python build_embeddings.py",
    "python app.py --embeddings artifacts",
)
_CHECKPOINTS = "checkpoints"
_HOME = Path(__file__).resolve().parents[2]


class QuickstartError(UserError):
    """A command of the quickstart failed; its own output says why."""


class Artifacts(NamedTuple):
    """What the app serves: a store, as an id on the Hub or a folder, and encoders that are not those it names.

    Attributes:
        embeddings: the store.
        models: {encoder: its id or folder}.
    """

    embeddings: str
    models: Mapping[str, str]


@dataclass(frozen=True)
class Step:
    """A documented command.

    Attributes:
        shown: as a user would type it.
        command: the same for this interpreter.
        output: the folder it makes.
    """

    shown: str
    command: Sequence[str]
    output: Path

    @property
    def stamp(self) -> Path:
        """The file that says by which command and code the output was finished."""
        return self.output.with_name(f"{self.output.name}.done.json")

    def is_done(self) -> bool:
        """Whether the output was finished by this command and today's code."""
        try:
            return self.output.is_dir() and json.loads(self.stamp.read_text(encoding="utf-8")) == _recipe(self)
        except (OSError, ValueError):
            return False


def steps(folder: Path = FOLDER) -> list[Step]:
    """The two commands. The packaged encoder needs no download and is the same on every machine."""
    model, store = folder / "saved_e5_model", folder / "artifacts"
    shared = ["--dataset", SAMPLE, "--base-model", PACKAGED, "--offline"]
    train = [
        *("train.py", *shared, "--output-dir", str(model)),
        *("--checkpoints-dir", str(folder / _CHECKPOINTS), "--logging-dir", str(folder / "logs")),
        # Fewer activations take .7 GB less, and some seconds more: a newcomer's machine may be small.
        *("--max-steps", "20", "--save-steps", "20", "--gradient-checkpointing", "--resume"),
    ]
    build = ["build_embeddings.py", *shared, "--model", str(model), "--output-dir", str(store), "--shard-size", "1000"]
    # accelerate launch would only start this one process, and hold .2 to .4 GB of its own meanwhile.
    outputs = {model: train, store: build}
    return [
        Step(f"python {shlex.join(words)}", [sys.executable, *_at_home(words)], output)
        for output, words in outputs.items()
    ]


def _at_home(command: list[str]) -> list[str]:
    """The command with the full path of its script, since the app may have been started in any folder."""
    return [str(_HOME / command[0]), *command[1:]]


def artifacts(folder: Path = FOLDER) -> Artifacts:
    """What the quickstart makes."""
    model, store = (step.output for step in steps(folder))
    return Artifacts(str(store), {"base": PACKAGED, "tuned": str(model)})


def run(folder: Path = FOLDER) -> Artifacts:
    """Run the steps that are not done, and print what runs.

    Raises:
        QuickstartError: a command failed.
        WeightsError: the packaged encoder is not installed.
    """
    todo = [step for step in steps(folder) if not step.is_done()]
    if todo:
        find()
        print(
            "Nothing is configured, so this is the quickstart: the documented commands on the made-up sample.\n"
            f"Encoder: {PACKAGED_NAME}: no download, and the same on every machine.\n"
            "The same with the published E5 on real judgments:\n  " + "\n  ".join(REAL_COMMANDS),
            flush=True,
        )
    if any(step.stamp.exists() for step in todo):  # from older code, whose checkpoints must not be continued
        shutil.rmtree(folder / _CHECKPOINTS, ignore_errors=True)
    for step in todo:
        print(f"\n$ {step.shown}", flush=True)
        step.stamp.unlink(missing_ok=True)
        step.output.parent.mkdir(parents=True, exist_ok=True)
        code = _execute(step.command)
        if code:
            raise QuickstartError(f"the command above ended with exit code {code}; start again to continue from there")
        with atomically(step.stamp) as unfinished:
            unfinished.write_text(json.dumps(_recipe(step)), encoding="utf-8")
    return artifacts(folder)


def forget(folder: Path = FOLDER) -> None:
    """Make the next run do every step again. If the store is damaged, the model it was made with may be, too."""
    for step in steps(folder):
        step.stamp.unlink(missing_ok=True)


def _execute(command: Sequence[str]) -> int:
    """Run a command and return its exit code; if this process is stopped, so are the command and its children."""
    environment = os.environ | {"PYTHONPATH": str(_HOME), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, start_new_session=True, env=environment)
    try:
        return process.wait()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)  # the group: its children, too
            process.wait()


def _recipe(step: Step) -> str:
    """sha256 of what decides a step's output: its command and the code."""
    digest = hashlib.sha256(step.shown.encode())
    for path in sorted((_HOME / "space").rglob("*")):
        if path.suffix in (".py", ".json"):
            digest.update(path.read_bytes())
    return digest.hexdigest()
