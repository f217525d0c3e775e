"""Forked children: run work in one, wait for it or kill it. They need no imports, which this process has done."""

import hashlib
import os
import signal
import time
import traceback
from collections.abc import Callable
from pathlib import Path

#: The exit status of app.py after SIGTERM.
STOPPED = 143


def forked(work: Callable[[], object], folder: Path, log: Path) -> int:
    """Fork a child that does ``work`` in ``folder`` and writes to ``log``; returns its process id."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.chdir(folder)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        work()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
        print(end.code, flush=True)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def finished(work: Callable[[], object], folder: Path, log: Path) -> float:
    """Run ``work`` to its end; returns the seconds it took.

    Raises:
        RuntimeError: it failed.
    """
    start = time.monotonic()
    _, status = os.waitpid(forked(work, folder, log), 0)
    if status:
        raise RuntimeError(f"ended with {status}: {log.read_text(errors='replace')[-2000:]}")
    return time.monotonic() - start


def killed(work: Callable[[], object], folder: Path, log: Path, after: float, sign: int) -> bool:
    """Run ``work`` and send a signal after some seconds; returns whether the signal ended it."""
    child = forked(work, folder, log)
    time.sleep(after)
    os.kill(child, sign)
    _, status = os.waitpid(child, 0)
    return cut_off(status)


def cut_off(status: int) -> bool:
    """Whether a process ended by a signal: at once, or by its handler for SIGTERM."""
    return os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == STOPPED


def digest(folder: Path, names: str = "**/*") -> str:
    """One hash over the names and bytes of the files that match, without locks and the note of where models lie."""
    total = hashlib.sha256()
    for path in sorted(folder.glob(names)):
        if path.is_file() and path.suffix != ".lock" and path.name != ".encoders.json":
            total.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return total.hexdigest()
