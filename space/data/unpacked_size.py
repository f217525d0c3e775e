"""Bounds on what a packed file unpacks to: 500 kB of gzip can become 500 MB."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

#: Bytes that any file may take, and how many times its own size a larger one may take. ESCI's train
#: file takes 2.5 times, text in gzip 4 to 30 times.
SMALL, TIMES = 500_000_000, 100
_CHUNK = 1 << 20
#: {first bytes: what unpacks them}.
_PACKERS: dict[bytes, Callable[[Path], object]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
_ZIP = b"PK\x03\x04"
#: First bytes of what is not unpacked here, so its size cannot be looked at.
_OTHERS = {b"\x28\xb5\x2f\xfd": "zstd", b"\x04\x22\x4d\x18": "lz4", b"Rar!": "rar", b"7z\xbc\xaf\x27\x1c": "7z"}


class TooLargeError(Exception):
    """A file that takes far more than its size suggests, or that cannot be looked into; the message says the cure."""


def most_bytes(path: Path) -> int:
    """How many bytes a file may take when it is unpacked."""
    return max(SMALL, TIMES * path.stat().st_size)


def too_large(path: Path) -> str:
    """The sentence about a file that takes more."""
    return (
        f"it would take more than {most_bytes(path) / 1e9:,.1f} GB in memory, but has only {path.stat().st_size:,} "
        "bytes; write it again without repeated texts, or in parts"
    )


class Bounded(io.RawIOBase):
    """The unpacked bytes of a file, which end in an error where they are too many.

    Args:
        path: the packed file.
        file: its unpacked bytes, seekable.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        """Starts where ``file`` is."""
        self._path, self._file, self._most = path, file, most_bytes(path)

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read into a buffer.

        Raises:
            TooLargeError: these bytes are beyond the bound.
        """
        part = self._file.read(len(buffer))
        buffer[: len(part)] = part
        if self._file.tell() > self._most:
            raise TooLargeError(too_large(self._path))
        return len(part)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The place."""
        return self._file.tell()

    def close(self) -> None:
        """Close both files."""
        self._file.close()
        super().close()


def check_packed(path: Path) -> None:
    """Refuse a packed file that unpacks to far more than its size suggests, told by its first bytes.

    Raises:
        TooLargeError: it does, or it is an archive that is not looked into here.
        EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile: it is damaged.
    """
    with path.open("rb") as file:
        head = file.read(8)
    other = next((name for start, name in _OTHERS.items() if head.startswith(start)), None)
    if other or tarfile.is_tarfile(path):
        raise TooLargeError(f"it is a {other or 'tar'} archive: use parquet, csv.gz or jsonl.gz")
    if head.startswith(_ZIP):
        with zipfile.ZipFile(path) as archive:  # it unpacks no more of a file than is said here
            if sum(file.file_size for file in archive.infolist()) > most_bytes(path):
                raise TooLargeError(too_large(path))
        return
    opener = next((opener for start, opener in _PACKERS.items() if head.startswith(start)), None)
    if opener:
        with Bounded(path, cast(BinaryIO, opener(path))) as unpacked:
            buffer = memoryview(bytearray(_CHUNK))
            while unpacked.readinto(buffer):
                pass
