"""Nothing configured: run the documented commands on the bundled sample, then serve what they made.

Knows no torch: the commands run as processes of their own, exactly as a user would type them, and only then is
anything loaded. Each finished step leaves a stamp, so a start that was cut off anywhere is picked up by the next one.
"""

import hashlib
import json
import logging
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from space.encoding.weights import STAND_IN
from space.errors import UserError
from space.io.files import atomically
from space.settings import DEFAULT_BASE_MODEL, SAMPLE

logger = logging.getLogger(__name__)

FOLDER = Path("quickstart")
#: The real thing, for whoever likes what the sample shows.
REAL_COMMANDS = (
    "accelerate launch train.py",
    "python build_embeddings.py",
    f"python app.py --model saved_e5_model --base-model {DEFAULT_BASE_MODEL} --embeddings artifacts",
)
_CHECKPOINTS = "checkpoints"
_HOME = Path(__file__).resolve().parents[2]


class QuickstartError(UserError):
    """A command of the quickstart failed; its own output says why."""


@dataclass(frozen=True)
class Step:
    """A documented command.

    Attributes:
        shown: as a user would type it.
        command: the same for this interpreter.
        output: the folder it makes, whose stamp says that it is finished.
    """

    shown: str
    command: Sequence[str]
    output: Path


def steps(folder: Path = FOLDER) -> list[Step]:
    """The two commands, on the sample and the packaged encoder: the same on every machine, nothing to download."""
    model, store = folder / "saved_e5_model", folder / "artifacts"
    shared = ["--dataset", SAMPLE, "--base-model", STAND_IN, "--offline"]
    train = [
        *("train.py", *shared, "--output-dir", str(model)),
        *("--checkpoints-dir", str(folder / _CHECKPOINTS), "--logging-dir", str(folder / "logs")),
        *("--max-steps", "20", "--resume"),
    ]
    build = ["build_embeddings.py", *shared, "--model", str(model), "--output-dir", str(store), "--shard-size", "1000"]
    launch = ["-m", "accelerate.commands.launch", "--num_processes", "1", "--num_machines", "1"]
    launch += ["--mixed_precision", "no", "--dynamo_backend", "no"]
    return [
        Step(f"accelerate launch {shlex.join(train)}", [sys.executable, *launch, *_at_home(train)], model),
        Step(f"python {shlex.join(build)}", [sys.executable, *_at_home(build)], store),
    ]


def _at_home(command: list[str]) -> list[str]:
    """The script by its full path, since the user may have started us from anywhere."""
    return [str(_HOME / command[0]), *command[1:]]


def artifacts(folder: Path = FOLDER) -> tuple[str, str, str]:
    """What the quickstart makes: model, base model, embeddings, as the app's settings name them."""
    model, store = (step.output for step in steps(folder))
    return str(model), STAND_IN, str(store)


def run(folder: Path = FOLDER, say: Callable[[str], None] = print) -> tuple[str, str, str]:
    """Run what is not finished.

    Args:
        folder: where everything goes.
        say: prints a line.

    Returns:
        See ``artifacts``.

    Raises:
        QuickstartError: a command failed.
    """
    todo = [step for step in steps(folder) if not _is_done(step)]
    if todo:
        say(
            "Nothing is configured, so this is the quickstart: the documented commands on the made-up sample.\n"
            f"Encoder: {STAND_IN}, from its package, so that every machine runs the same and nothing is downloaded.\n"
            "The same with real E5 on real judgments:\n  " + "\n  ".join(REAL_COMMANDS)
        )
    if any(_stamp(step).exists() for step in todo):  # by other code, whose checkpoints are not to be continued
        shutil.rmtree(folder / _CHECKPOINTS, ignore_errors=True)
    for step in todo:
        say(f"\n$ {step.shown}")
        _stamp(step).unlink(missing_ok=True)
        step.output.parent.mkdir(parents=True, exist_ok=True)
        code = _execute(step.command)
        if code:
            raise QuickstartError(f"the command above ended with exit code {code}; start again to go on from there")
        with atomically(_stamp(step)) as unfinished:
            unfinished.write_text(json.dumps(_recipe(step)), encoding="utf-8")
    return artifacts(folder)


def forget(folder: Path = FOLDER) -> None:
    """Have the next run do every step again, after an output was found damaged: the store's may be the model's."""
    for step in steps(folder):
        _stamp(step).unlink(missing_ok=True)


def _execute(command: Sequence[str]) -> int:
    """Exit code of a command, which dies with us: a launcher's own children too, so they share a process group."""
    home = str(_HOME)
    process = subprocess.Popen(
        command, start_new_session=True, env=os.environ | {"PYTHONPATH": home, "PYTHONUNBUFFERED": "1"}
    )
    try:
        return process.wait()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def _recipe(step: Step) -> str:
    """What a finished step depends on: its command and the code; other code, other artifacts."""
    digest = hashlib.sha256(step.shown.encode())
    for path in sorted((_HOME / "space").rglob("*")):
        if path.suffix in (".py", ".json"):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _is_done(step: Step) -> bool:
    try:
        return step.output.is_dir() and json.loads(_stamp(step).read_text(encoding="utf-8")) == _recipe(step)
    except (OSError, ValueError):
        return False


def _stamp(step: Step) -> Path:
    return step.output.with_name(step.output.name + ".done.json")
