"""A folder that is replaced as a whole, a single-writer lock for a folder, and the user's cache."""

import errno
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from space.io.files import AGAIN, disk_errors, follow_umask, is_allowed, sync

logger = logging.getLogger(__name__)

_LOCK, _UNFINISHED, _LEAVING, _PREVIOUS = ".lock", ".unfinished", ".leaving", ".previous"
#: What may lie in a folder that is empty otherwise: our lock, and what a file system keeps at its root.
NOT_CONTENT = frozenset({_LOCK, "lost+found"})
#: Errors of renaming a folder whose entries can still be moved: it is a mount point, its parent is not ours, or it
#: comes from a layer of a container's image.
_CANNOT_BE_RENAMED = (errno.EBUSY, errno.EXDEV, errno.EACCES, errno.EPERM)


def user_cache() -> Path:
    """The folder of this project in the user's cache; it may be absent."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "e5-product-search"


def cannot_be_replaced(folder: Path) -> bool:
    """Whether a folder has to stay where it is, so that what belongs beside it goes into it.

    It is a mount point, such as a volume of Docker, or this user may not rename it.
    """
    return folder.is_dir() and (os.path.ismount(folder) or not is_allowed(folder.parent, os.W_OK))


@contextmanager
def replaced(folder: Path, then: str = AGAIN) -> Iterator[Path]:
    """A new folder to write into, which replaces ``folder`` as a whole when the block ends without an error.

    A link is followed. Whatever stops the block, even a kill, ``folder`` is the old one or the new one; a mount point
    may need ``undo_half_replacement`` for that, since its entries are moved one by one.

    Args:
        folder: made if absent.
        then: see ``disk_errors``.

    Raises:
        WriteError: the disk is full, read-only or the like.
    """
    folder = folder.resolve()
    inside = cannot_be_replaced(folder)
    unfinished = folder / _UNFINISHED if inside else folder.with_name(f"{folder.name}.unfinished")
    with disk_errors(folder, then):
        undo_half_replacement(folder)
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        try:
            yield unfinished
            follow_umask(unfinished)
            for path in unfinished.rglob("*"):
                if path.is_file():
                    sync(path)
            if inside or not _rename(unfinished, folder):
                _move_in(unfinished, folder)
        finally:
            if not (folder / _PREVIOUS).exists():  # else it holds the rest of the new folder
                shutil.rmtree(unfinished, ignore_errors=True)


def _rename(unfinished: Path, folder: Path) -> bool:
    """Put ``unfinished`` in the place of ``folder``; False if that cannot be renamed."""
    if folder.exists():
        try:
            folder.rename(_previous(folder))
        except OSError as error:
            if error.errno not in _CANNOT_BE_RENAMED:
                raise
            return False
    unfinished.rename(folder)
    shutil.rmtree(_previous(folder), ignore_errors=True)
    return True


def _move_in(unfinished: Path, folder: Path) -> None:
    """Replace the entries of ``folder`` by those of ``unfinished``; ``undo_half_replacement`` knows the steps."""
    if unfinished != folder / _UNFINISHED:
        shutil.rmtree(folder / _UNFINISHED, ignore_errors=True)
        shutil.copytree(unfinished, folder / _UNFINISHED)
    leaving = folder / _LEAVING
    leaving.mkdir()
    try:
        for path in _content(folder):
            shutil.move(path, leaving / path.name)
    except OSError:
        undo_half_replacement(folder)
        raise
    leaving.rename(folder / _PREVIOUS)  # from here on the new content counts
    _finish_moving(folder)


def _finish_moving(folder: Path) -> None:
    for path in list((folder / _UNFINISHED).iterdir()):
        shutil.move(path, folder / path.name)
    (folder / _UNFINISHED).rmdir()
    shutil.rmtree(folder / _PREVIOUS, ignore_errors=True)


def _content(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name not in (*NOT_CONTENT, _UNFINISHED, _LEAVING, _PREVIOUS)]


def undo_half_replacement(folder: Path) -> None:
    """Bring the old folder back, or finish the new one, if ``replaced`` was killed while it exchanged the two."""
    folder = folder.resolve()
    if (folder / _LEAVING).exists():
        for path in list((folder / _LEAVING).iterdir()):
            shutil.move(path, folder / path.name)
        (folder / _LEAVING).rmdir()
    elif (folder / _PREVIOUS).exists() and (folder / _UNFINISHED).exists():
        _finish_moving(folder)
    shutil.rmtree(folder / _PREVIOUS, ignore_errors=True)
    if _previous(folder).exists() and not folder.exists():
        _previous(folder).rename(folder)
    shutil.rmtree(_previous(folder), ignore_errors=True)


def _previous(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.previous")


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Hold the lock of ``folder``; wait while another process has it.

    The system releases the lock when its process ends, even a killed one.

    Raises:
        WriteError: the lock's file cannot be made, so neither could the folder's.
    """
    folder = folder.resolve()
    path = _lock_file(folder)
    with disk_errors(folder):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            logger.warning("another process is writing %s; waiting for it", folder)
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


def in_use(folder: Path) -> bool:
    """Whether a process holds the lock of ``folder``."""
    lock = FileLock(_lock_file(folder.resolve()))
    try:
        lock.acquire(timeout=0)
    except (Timeout, OSError):
        return True
    lock.release()
    return False


def _lock_file(folder: Path) -> Path:
    """Beside the folder, or in it if it cannot be replaced; the path is absolute, since "." has no name."""
    return folder / _LOCK if cannot_be_replaced(folder) else folder.with_name(f"{folder.name}.lock")
