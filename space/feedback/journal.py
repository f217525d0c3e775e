"""Append-only files of JSON lines. Each process writes its own file of each kind and day, and reads the files of all.

``counts/2026-11-28-….jsonl`` is a file of the kind "counts". A line is never changed, and the content of a file is
known by its name. So several processes and machines can write at the same time, and nothing is counted twice.
"""

import json
import logging
import os
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

#: One line of a file: a JSON object.
Record = Mapping[str, Any]


class Journal:
    """The files in a folder, and those that were pulled from a data set.

    Args:
        folder: created with the first line.
    """

    def __init__(self, folder: Path) -> None:
        """Touches nothing yet."""
        self.folder = folder
        self._name = uuid.uuid4().hex
        self._process = os.getpid()
        self._pulled: dict[str, Path] = {}  # by kind
        self._lock = threading.Lock()

    def append(self, kind: str, record: Record) -> None:
        """Write one line: all of it or nothing, also if the process is killed or the disk is full.

        Args:
            kind: a folder in the folder.
            record: of values that JSON has.

        Raises:
            OSError: it cannot be written.
        """
        line = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
        with self._lock:
            if os.getpid() != self._process:  # a fork must not write into the file of its parent
                self._name, self._process = uuid.uuid4().hex, os.getpid()
            path = self.folder / kind / f"{datetime.now(UTC):%Y-%m-%d}-{self._name}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab", buffering=0) as file:
                before = file.seek(0, os.SEEK_END)
                try:
                    if file.write(line) != len(line):
                        raise OSError(f"{path.name}: the disk is full")
                except OSError:
                    file.truncate(before)
                    raise

    def add_pulled(self, folder: Path, kinds: Iterable[str]) -> None:
        """Also read files of these kinds in a copy of the data set, in place of an earlier copy. It is not written."""
        with self._lock:
            self._pulled = self._pulled | dict.fromkeys(kinds, folder)

    def files(self, kind: str) -> dict[str, Path]:
        """{name: path} of all files of a kind, by name. Of two copies of a file it is the longer one.

        Raises:
            OSError: a folder cannot be read.
        """
        found: dict[str, Path] = {}
        for folder in filter(None, (self._pulled.get(kind), self.folder)):
            if (folder / kind).is_dir():
                for path in (folder / kind).iterdir():
                    known = found.get(path.name)
                    if path.suffix == ".jsonl" and not (known and known.stat().st_size > path.stat().st_size):
                        found[path.name] = path
        return dict(sorted(found.items()))


class Reader:
    """Reads each line of a kind once. It is for one thread at a time.

    Args:
        journal: whose files.
        kind: of the lines.
    """

    def __init__(self, journal: Journal, kind: str) -> None:
        """Reads nothing yet."""
        self._journal, self._kind = journal, kind
        self._read: dict[str, int] = {}  # {name of a file: bytes that were read}
        self._warned: set[str] = set()

    def new(self) -> Iterator[Record]:
        """The lines that were added since the last call.

        A last line without its end is left for later: its writer is still writing, or was killed. A line that is not
        a JSON object is skipped, which the log says once for each file.

        Raises:
            OSError: a file cannot be read.
        """
        for name, path in self._journal.files(self._kind).items():
            begin = self._read.get(name, 0)
            if path.stat().st_size <= begin:
                continue
            with path.open("rb") as file:
                file.seek(begin)
                content = file.read()
            end = content.rfind(b"\n") + 1
            self._read[name] = begin + end
            for line in content[:end].split(b"\n")[:-1]:
                record = self._record(line)
                if record is not None:
                    yield record
                elif name not in self._warned:
                    self._warned.add(name)
                    logger.warning("%s/%s: a line that is not a JSON object is left out", self._kind, name)

    @staticmethod
    def _record(line: bytes) -> Record | None:
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None
