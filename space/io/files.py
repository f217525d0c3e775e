"""Atomic file writes, errors of the disk in words, checksums."""

import errno
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import xxhash
from safetensors import SafetensorError

from space.errors import UserError

#: What the user can do about errors of the disk.
_CURES = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the disk quota is used up: free some space",
    errno.EFBIG: "the file size limit is reached: raise it",
    errno.EROFS: "the disk is read-only: name another folder",
    errno.EACCES: "not allowed to write there: name another folder, or change its owner",
    errno.EPERM: "not allowed to write there: name another folder, or change its owner",
    errno.EIO: "the disk did not take all of it: see that there is free space, and no limit for files (ulimit -f)",
    errno.ENOTDIR: "a part of that path is a file: name another folder",
    errno.EISDIR: "that is a folder: name a file",
}
#: Bytes of a file that are hashed at a time.
_PART = 1 << 23
#: What to do after the cure, unless the caller of ``disk_errors`` knows better.
AGAIN = "then run the same command again, it keeps finished files"


class WriteError(UserError):
    """A file could not be written; the message names it and the cure."""


@contextmanager
def disk_errors(path: Path, then: str = AGAIN) -> Iterator[None]:
    """Turn an error of the disk inside the ``with`` into a ``WriteError``, also where a library has wrapped it.

    Args:
        path: the file or folder that is being written, for the message.
        then: what to do after the cure.

    Raises:
        WriteError: the disk is full, read-only or the like.
    """
    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as error:
        cure = _CURES.get(_error_number(error, path) or 0)
        if cure is None:
            raise
        raise WriteError(f"{path}: {cure}; {then}") from error


def _error_number(error: Exception, path: Path) -> int | None:
    """The system's number of an error of the disk; None for any other error."""
    if isinstance(error, OSError):
        return error.errno
    if isinstance(error, SafetensorError):
        number = re.search(r"os error (\d+)", str(error))
        return int(number[1]) if number else None
    # torch.save raises RuntimeError without the number, from the file inline_container.cc or its class.
    if not re.search(r"inline_container|PytorchStreamWriter|unexpected pos", str(error)):
        return None
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    return errno.ENOSPC if shutil.disk_usage(there).free < 1_000_000 else errno.EIO


@contextmanager
def atomically(path: Path, then: str = AGAIN) -> Iterator[Path]:
    """Write a file under a temporary name; it gets the name ``path`` when it is complete and on the disk.

    Its permissions are those of any new file (0666 less the umask), also where a library writes with others:
    safetensors makes its files 0600.

    Args:
        path: its folder is made if absent.
        then: see ``disk_errors``.

    Yields:
        The temporary path to write to, an empty file.

    Raises:
        WriteError: the disk is full, read-only or the like.
    """
    unfinished = path.with_name(f"{path.name}.tmp-{os.getpid()}")
    try:
        with disk_errors(path, then):
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.unlink(missing_ok=True)
            unfinished.touch()
            mode = stat.S_IMODE(unfinished.stat().st_mode)
            yield unfinished
            unfinished.chmod(mode)
            sync(unfinished)
            unfinished.replace(path)
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def follow_umask(folder: Path) -> None:
    """Give every file and folder in ``folder`` the permissions of one that is newly made there."""
    probe = folder / f".probe-{os.getpid()}"
    probe.mkdir()
    mode = stat.S_IMODE(probe.stat().st_mode)
    probe.rmdir()
    for path in folder.rglob("*"):
        path.chmod(mode if path.is_dir() else mode & 0o666)


def require_writable(folder: Path) -> None:
    """Make a folder, and try a file in it: before hours of work whose results go there.

    Raises:
        WriteError: files cannot be made there.
    """
    with disk_errors(folder):
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "a file", str(folder))
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()


def is_allowed(path: Path, mode: int) -> bool:
    """Whether this process may do with ``path`` what ``os.R_OK``, ``W_OK`` and ``X_OK`` stand for."""
    effective = {"effective_ids": True} if os.access in os.supports_effective_ids else {}
    return os.access(path, mode, **effective)


def unreadable(folder: Path) -> str:
    """Which file or folder this user may not read, with the cure, for a message; "" if all can be read."""
    for path in (folder, *sorted(folder.rglob("*"))):
        wanted = os.R_OK | os.X_OK if path.is_dir() else os.R_OK
        if path.exists() and not is_allowed(path, wanted):
            return f"permission denied for {path}: ask its owner for `chmod -R a+rX {folder}`, or run as that user"
    return ""


def write_bytes(path: Path, data: bytes) -> None:
    """Write a whole file; see ``atomically``."""
    with atomically(path) as unfinished:
        unfinished.write_bytes(data)


def sha256(path: Path) -> str:
    """sha256 of a file, as hex."""
    return _hashed(path, hashlib.sha256())


def sha256_of_all(paths: Sequence[Path]) -> list[str]:
    """sha256 of each file, as hex; two threads hash at a time, with more the disk is the limit."""
    with ThreadPoolExecutor(2) as workers:
        return list(workers.map(sha256, paths))


def checksums_of_all(paths: Sequence[Path]) -> list[str]:
    """XXH3 of each file, 128 bits as hex, which notices damage at the speed of the memory.

    Only for files that this machine wrote for itself: unlike sha256 it does not notice what was made to deceive.
    """
    with ThreadPoolExecutor(2) as workers:
        return list(workers.map(lambda path: _hashed(path, xxhash.xxh3_128()), paths))


def _hashed(path: Path, digest: Any) -> str:
    """The hash of a file by a begun ``hashlib`` or ``xxhash`` object, as hex.

    Python's lock is free while a part is read and hashed. Between two parts this thread needs it, and waits up to 5 ms
    for it while another thread computes. With the parts of 256 KB of ``hashlib.file_digest`` that is 20 ms a MB.
    """
    with path.open("rb", buffering=0) as file:
        part = memoryview(bytearray(min(_PART, max(path.stat().st_size, 1))))
        while count := file.readinto(part):
            digest.update(part[:count])
    return digest.hexdigest()


def sync(path: Path) -> None:
    """Flush a file to the disk, so that a power cut after a rename cannot leave it empty."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
