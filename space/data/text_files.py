"""Opens a text file as UTF-8, whatever its encoding and whether it is gzipped."""

import codecs
import contextlib
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from space.data.catalogue import DataError
from space.data.unpacked_size import Bounded, TooLargeError

GZIP = ".gz"
_BUFFER = 1 << 16
#: What ``--encoding`` takes.
ENCODINGS = (
    "utf-8", "utf-16-le", "utf-16-be", "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "latin-1", "iso8859-15",
    "koi8-r", "shift_jis", "euc_jp", "gb18030", "big5", "euc_kr",
)  # fmt: skip
_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be", codecs.BOM_UTF8: "utf-8"}


def inner_suffix(path: Path) -> str:
    """The suffix in lower case without ``.gz``: ".csv" of SHOP.CSV.GZ."""
    name = path.name.lower()
    return Path(name.removesuffix(GZIP)).suffix


@contextlib.contextmanager
def unpacked(path: Path) -> Iterator[None]:
    """Turn what is raised about a damaged gzip file, or one that unpacks to too much, into a ``DataError``."""
    try:
        yield
    except TooLargeError as error:
        raise DataError(f"{path}: {error}") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path}: not a whole gzip file: {error}; download or pack it again") from error


def open_text(path: Path, encoding: str = "") -> BinaryIO:
    """The bytes of a text file as UTF-8, seekable, at their start.

    A byte order mark decides, then ``encoding``; without both the file is taken as UTF-8, and its reader refuses other
    bytes. No encoding is guessed.

    Args:
        path: the file; one that ends in .gz is unpacked.
        encoding: one of ``ENCODINGS``; "" for UTF-8.

    Raises:
        DataError: bytes that are not of the encoding, with their line, or a gzip file that is cut off or too large.
        OSError: the file cannot be read.
    """
    zipped = path.name.lower().endswith(GZIP)
    file = io.BufferedReader(Bounded(path, cast(BinaryIO, gzip.open(path))), _BUFFER) if zipped else path.open("rb")
    with unpacked(path), contextlib.ExitStack() as opened:
        opened.enter_context(file)
        head = file.read(3)
        file.seek(0)
        mark, found = next(((mark, name) for mark, name in _MARKS.items() if head.startswith(mark)), (b"", encoding))
        if found in ("", "utf-8"):
            opened.pop_all()
            return file
        data = file.read()[len(mark) :]
    try:
        return io.BytesIO(data.decode(found).encode("utf-8"))
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        given = f"--encoding {encoding}" if found == encoding else "its byte order mark"
        raise DataError(
            f"{path}: line {line}: byte 0x{data[error.start]:02X} is not {found}, which {given} says; use another of "
            f"--encoding {', '.join(ENCODINGS)}"
        ) from error
