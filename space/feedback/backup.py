"""The counts in a data set on the Hub, so that they outlive a Space, whose disk does not persist.

Knows counts and a repository, no page. Every file of counts is a *lineage*, whose id names its files there, and only
its owner writes them; the truth is the sum over all. So two Spaces, or the old and the new one during a restart, can
write at once and nothing is lost or counted twice. A lineage that its process has finished in order, or left for
``ABANDONED``, is taken over by the next one that starts, in one commit that is refused if somebody else was faster.
"""

import atexit
import csv
import hashlib
import io
import json
import logging
import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, CommitScheduler, HfApi

from space.errors import OutOfReachError, UserError
from space.feedback.counts import TABLES, Counts
from space.feedback.usage import Usage
from space.hub import client, faults
from space.hub.faults import FAULTS

logger = logging.getLogger(__name__)

#: Nobody who still runs is silent for so long: a lineage is written at least once a day.
ABANDONED = timedelta(days=7)
CARD = "README.md"
_LARGEST = 2**53
_CARD_TEXT = """---
pretty_name: How often products were shown and opened
configs:
{configs}---

# How often products were shown and opened

Written by the search page, a file for each of its runs and table; the truth is the sum over the files. Products are
counted, and days, nothing of visitors.
"""


class CountsError(UserError):
    """Counts on the Hub that cannot be read; the message names the file."""


class Backup:
    """Commits the counts to a data set every few minutes, and brings back what earlier runs counted.

    Whatever fails is logged once and tried again at the next turn: the search does not depend on it.

    Args:
        usage: the counts.
        repo: USER/DATASET; made private if absent.
        minutes: between two commits.
    """

    def __init__(self, usage: Usage, repo: str, *, minutes: float) -> None:
        """Touches nothing yet."""
        self._usage, self._repo, self._minutes = usage, repo, minutes
        self._turn = threading.Lock()
        self._sent: dict[str, str] = {}
        self._restored = self._finished = self._failing = False
        self._scheduler: _Scheduler | None = None
        self._stopped = threading.Event()
        self._card_is_there = self._said_public = False
        lock = usage.path.with_name(f"{usage.path.name}.backup.lock")
        self._sole = FileLock(lock, thread_local=False)  # taken by a thread, released at the end of the process

    def start(self) -> None:
        """Begin, in a thread of its own, and finish when the process ends."""
        threading.Thread(target=self._begin, name="backup", daemon=True).start()
        atexit.register(self.finish)

    def finish(self) -> None:
        """Commit the last counts and hand them over to whoever starts next."""
        atexit.unregister(self.finish)
        self._stopped.set()
        if self._scheduler is None:
            return
        self._finished = True
        self._scheduler.push_to_hub()
        self._scheduler.stop()
        self._sole.release(force=True)

    def _begin(self) -> None:
        """Start the scheduler as soon as the repository is there; it needs the Hub for that."""
        while not self._stopped.is_set():
            try:
                self._usage.path.parent.mkdir(parents=True, exist_ok=True)
                self._sole.acquire(timeout=0)
                self._scheduler = _Scheduler(self, self._repo, self._usage.path.parent, self._minutes)
                return
            except Timeout:
                logger.info("statistics: another process of this folder commits them to %s", self._repo)
                return
            except FAULTS as error:
                self._warn(error)
            self._stopped.wait(self._minutes * 60)

    def push(self) -> None:
        """One turn: bring back what is there if that was not done yet, then commit what has changed."""
        with self._turn:
            try:
                self._usage.flush()
                if not self._restored:
                    self._restore()
                self._commit()
                if self._finished:
                    self._usage.begin_anew()
                self._failing = False
            except (*FAULTS, sqlite3.Error, csv.Error) as error:
                self._warn(error)

    def _warn(self, error: Exception) -> None:
        if not self._failing:
            why = str(error) if isinstance(error, UserError | sqlite3.Error) else faults.reason(error)
            logger.warning("statistics: %s is not brought up to date, %s; the search goes on", self._repo, why)
        self._failing = True

    def _restore(self) -> None:
        """Learn what others counted, and take over what nobody writes any more."""
        patterns = [CARD, "lineages/*.json", *(f"{name}/*.csv" for name in TABLES)]
        snapshot = client.pull(self._repo, "dataset", patterns=patterns)
        if snapshot.note:
            raise OutOfReachError(f"only an older copy is to be had, {snapshot.note}")
        self._card_is_there = (snapshot.folder / CARD).is_file()
        lineages = {path.stem: self._read(snapshot.folder, path.stem) for path in snapshot.folder.glob("lineages/*")}
        mine = self._usage.fact("lineage")
        if mine in lineages:
            self._usage.raise_to(lineages.pop(mine)[0])
        elif self._usage.fact("pushed"):
            self._usage.begin_anew()  # somebody has taken it over
            mine = self._usage.fact("lineage")
        left = {name: counts for name, (counts, is_left) in lineages.items() if is_left}
        rest = _sum({name: counts for name, (counts, is_left) in lineages.items() if not is_left})
        taken = _sum(left)
        # Until the commit is there, they are others'.
        self._usage.take_over(Counts(), rest + taken)
        if left:
            gone = [
                CommitOperationDelete(name)
                for lineage in left
                for name in _names(lineage)
                if (snapshot.folder / name).is_file()
            ]
            files = self._files(mine, self._usage.own() + taken)
            self._send(files, f"Take over {len(left)} finished runs", gone, parent=snapshot.revision)
            self._usage.take_over(taken, rest)
        self._restored = True

    def _read(self, folder: Path, lineage: str) -> tuple[Counts, bool]:
        counts, is_left = _read(folder, lineage)
        # Query texts that were kept before the owner turned that off are not brought back.
        return counts if self._usage.log_queries else replace(counts, queries={}), is_left

    def _commit(self) -> None:
        lineage, counts = self._usage.fact("lineage"), self._usage.own()
        if not counts.days and not self._usage.fact("pushed"):
            return  # a run in which nobody has searched leaves nothing behind
        files = self._files(lineage, counts)
        self._send(files, f"Counts of {datetime.now(UTC):%Y-%m-%d}", [])

    def _send(
        self,
        files: Mapping[str, bytes],
        message: str,
        gone: list[CommitOperationDelete],
        parent: str | None = None,
    ) -> None:
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        changed = [name for name in files if self._sent.get(name) != digests[name]]
        if not changed and not gone:
            return

        def once() -> None:
            HfApi().create_commit(
                self._repo,
                [*(CommitOperationAdd(name, files[name]) for name in changed), *gone],
                commit_message=message,
                repo_type="dataset",
                parent_commit=parent,
            )

        if self._finished:
            once()  # who stops the process should not wait for a Hub that fails
        else:
            faults.patiently(once, f"committing counts to {self._repo}")
        self._card_is_there = True
        self._sent |= digests
        self._usage.set_fact("pushed", "yes")

    def _files(self, lineage: str, counts: Counts) -> dict[str, bytes]:
        """What stands in the data set for a lineage, and the card."""
        tables = dict(TABLES)
        if not self._may_send_queries():
            del tables["queries"]
        note = {"finished": self._finished, "written": datetime.now(UTC).date().isoformat()}
        files = {f"{table}/{lineage}.csv": _csv(table, getattr(counts, table)) for table in tables}
        configs = "".join(f'- config_name: {table}\n  data_files: "{table}/*.csv"\n' for table in tables)
        files[f"lineages/{lineage}.json"] = json.dumps(note).encode()
        if not self._card_is_there:
            files[CARD] = _CARD_TEXT.format(configs=configs).encode()
        return files

    def _may_send_queries(self) -> bool:
        """Query texts go where the owner can see them, and nobody else."""
        if not self._usage.log_queries:
            return False
        private = bool(HfApi().repo_info(self._repo, repo_type="dataset").private)
        if not (private or self._said_public):
            self._said_public = True
            logger.warning("statistics: %s is public, so that query texts are not committed to it", self._repo)
        return private


class _Scheduler(CommitScheduler):
    """``CommitScheduler`` that pushes what ``Backup`` makes, and not the folder as it lies."""

    def __init__(self, backup: Backup, repo: str, folder: Path, minutes: float) -> None:
        self._backup = backup
        super().__init__(repo_id=repo, folder_path=folder, every=minutes, repo_type="dataset", private=True)
        atexit.unregister(self._push_to_hub)  # ``Backup.finish`` does that, once and with its mark

    def push_to_hub(self) -> None:
        """What the scheduler calls every so often, in its thread."""
        self._backup.push()


def _names(lineage: str) -> list[str]:
    return [f"lineages/{lineage}.json", *(f"{table}/{lineage}.csv" for table in TABLES)]


def _sum(lineages: Mapping[str, Counts]) -> Counts:
    total = Counts()
    for counts in lineages.values():
        total += counts
    return total


def _csv(table: str, rows: Mapping[tuple[str, ...], tuple[int, ...]]) -> bytes:
    keys, counters = TABLES[table]
    text = io.StringIO()
    # Every text in quotes: by itself the writer leaves a lone carriage return without, where the reader ends a row.
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow((*keys, *counters))
    writer.writerows((*key, *numbers) for key, numbers in sorted(rows.items()))
    return text.getvalue().encode()


def _read(folder: Path, lineage: str) -> tuple[Counts, bool]:
    """A lineage's counts, and whether nobody writes it any more."""
    try:
        note: dict[str, Any] = json.loads((folder / f"lineages/{lineage}.json").read_text(encoding="utf-8"))
        silent = datetime.now(UTC).date() - date.fromisoformat(note["written"])
        counts = Counts(*(_read_table(folder / table / f"{lineage}.csv", table) for table in TABLES))
        return counts, bool(note["finished"]) or silent > ABANDONED
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise CountsError(f"the counts of {lineage} in the data set cannot be read ({error}): remove them") from error


def _read_table(path: Path, table: str) -> dict[tuple[str, ...], tuple[int, ...]]:
    keys, counters = TABLES[table]
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    if not rows or rows[0] != [*keys, *counters]:
        raise ValueError(f"{path.name}: columns {rows[:1]}")
    found = {}
    for row in rows[1:]:
        numbers = tuple(int(value) for value in row[len(keys) :])
        if len(row) != len(keys) + len(counters) or not all(0 <= value < _LARGEST for value in numbers):
            raise ValueError(f"{path.name}: row {row[:4]}")
        found[tuple(row[: len(keys)])] = numbers
    return found
