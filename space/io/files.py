"""How files come to be here: whole or not at all, and by one writer at a time. Knows nothing of what is in them."""

import errno
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from space.errors import UserError

logger = logging.getLogger(__name__)

#: What a disk can refuse, and what its owner can do.
_CURES = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the quota is used up: free some space",
    errno.EFBIG: "a file may not grow so large here: raise the limit",
    errno.EROFS: "the disk is read-only: name another folder",
    errno.EACCES: "not allowed to write there: name another folder, or change its owner",
    errno.EPERM: "not allowed to write there: name another folder, or change its owner",
}


class WriteError(UserError):
    """A file that could not be written; the message names it and the cure."""


@contextmanager
def atomically(path: Path) -> Iterator[Path]:
    """A path to write to; what is written there takes the real name only once it is whole and on the disk."""
    unfinished = path.with_name(f"{path.name}.tmp-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield unfinished
        sync(unfinished)
        unfinished.replace(path)
    except OSError as error:
        if error.errno not in _CURES:
            raise
        raise WriteError(
            f"{path}: {_CURES[error.errno]}; then run the same command again, finished files stay"
        ) from error
    finally:
        with suppress(OSError):  # what could not be written is most often not there
            unfinished.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Bring a file's content to the disk, so that a power cut after a rename cannot leave an empty one."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


@contextmanager
def replaced(folder: Path) -> Iterator[Path]:
    """A new folder to write into, which replaces ``folder`` as a whole when the block ends without an error.

    Whatever stops the block, even a kill, ``folder`` is the old one or the new one. See ``undo_half_replacement``.
    """
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    yield unfinished
    for path in unfinished.rglob("*"):
        if path.is_file():
            sync(path)
    undo_half_replacement(folder)
    if folder.exists():
        folder.rename(_previous(folder))
    unfinished.rename(folder)
    shutil.rmtree(_previous(folder), ignore_errors=True)


def undo_half_replacement(folder: Path) -> None:
    """Bring the old folder back if ``replaced`` was killed between its two renames."""
    if _previous(folder).exists() and not folder.exists():
        _previous(folder).rename(folder)
    shutil.rmtree(_previous(folder), ignore_errors=True)


def _previous(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.previous")


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Wait until no other process writes ``folder``. The lock dies with its process, even a killed one."""
    folder = folder.resolve()  # "." has no name to put a lock beside
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
