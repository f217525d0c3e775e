"""Atomic file writes, checksums, and a single-writer lock for a folder."""

import errno
import hashlib
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from space.errors import UserError

logger = logging.getLogger(__name__)

#: What the user can do about errors of the disk.
_CURES = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the disk quota is used up: free some space",
    errno.EFBIG: "the file size limit is reached: raise it",
    errno.EROFS: "the disk is read-only: name another folder",
    errno.EACCES: "not allowed to write there: name another folder, or change its owner",
    errno.EPERM: "not allowed to write there: name another folder, or change its owner",
}


class WriteError(UserError):
    """A file could not be written; the message names it and the cure."""


@contextmanager
def atomically(path: Path) -> Iterator[Path]:
    """Write a file under a temporary name; it gets the name ``path`` when it is complete and on the disk.

    Args:
        path: its folder is made if absent.

    Yields:
        The temporary path to write to.

    Raises:
        WriteError: the disk is full, read-only or the like.
    """
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
            f"{path}: {_CURES[error.errno]}; then run the same command again, it keeps finished files"
        ) from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a whole file; see ``atomically``."""
    with atomically(path) as unfinished:
        unfinished.write_bytes(data)


def sha256(path: Path) -> str:
    """sha256 of a file, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_all(paths: Sequence[Path]) -> list[str]:
    """sha256 of each file, as hex; two threads hash at a time, with more the disk is the limit."""
    with ThreadPoolExecutor(2) as workers:
        return list(workers.map(sha256, paths))


def sync(path: Path) -> None:
    """Flush a file to the disk, so that a power cut after a rename cannot leave it empty."""
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
    """Hold the lock of ``folder``; wait while another process has it.

    The system releases the lock when its process ends, even a killed one.
    """
    folder = folder.resolve()  # "." has no name, and the lock file is called after the folder
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
