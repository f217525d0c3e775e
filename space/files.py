"""How files come to be here: whole or not at all, and by one writer at a time. Knows nothing of what is in them."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

logger = logging.getLogger(__name__)


@contextmanager
def atomically(path: Path) -> Iterator[Path]:
    """A path to write to; what is written there takes the real name only once it is whole and on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.tmp-{os.getpid()}")
    try:
        yield unfinished
        sync(unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Bring a file's content to the disk, so that a power cut after a rename cannot leave an empty one."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Wait until no other process writes ``folder``. The lock dies with its process, even a killed one."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_name(f"{folder.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        logger.warning("another process is writing %s; waiting for it", folder)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
