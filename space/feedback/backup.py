"""Commits the counts to a data set on the Hub, so that they outlive a Space, whose disk does not persist.

Each local file of counts is a lineage with its own files in the data set, which only its own process writes; the
counts are the sum over all lineages. So two Spaces, or the old and the new one during a restart, can write at the same
time, and nothing is lost or counted twice. A lineage that was finished or abandoned is taken over by the next process
that starts, in one commit, which the Hub refuses if another process was faster.
"""

import atexit
import hashlib
import logging
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from filelock import FileLock, Timeout
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

from space.errors import OutOfReachError, UserError
from space.feedback import counts, lineages
from space.feedback.counts import TABLES, Counts
from space.feedback.usage import Usage
from space.hub import client
from space.hub.faults import FAULTS, in_words, retried
from space.hub.push import commit

logger = logging.getLogger(__name__)


class Backup:
    """Commits the counts every few minutes, and brings back what earlier runs have counted.

    An error is logged once and the next turn tries again: the search does not depend on it.

    Args:
        usage: the counts.
        repo: USER/DATASET; created as private if it is absent.
        minutes: between two commits.

    Attributes:
        turns: how often it has tried so far.
    """

    def __init__(self, usage: Usage, repo: str, *, minutes: float) -> None:
        """Touches nothing yet."""
        self.turns = 0
        self._usage, self._repo, self._seconds = usage, repo, minutes * 60
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="backup", daemon=True)
        self._sent: dict[str, str] = {}  # {path: sha256} of what this process has committed
        self._restored = self._failing = self._card_is_there = self._said_public = False

    def start(self) -> None:
        """Start the thread that commits. It finishes when the process ends."""
        self._thread.start()
        atexit.register(self.finish)

    def finish(self) -> None:
        """Commit the last counts and mark them as finished, so that the next process takes them over."""
        atexit.unregister(self.finish)
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        path = self._usage.path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(path.with_name(f"{path.name}.backup.lock")).acquire(timeout=0):
                self._turn()
                while not self._stopped.wait(self._seconds):
                    self._turn()
                if self._restored:
                    self._turn(finished=True)
        except Timeout:
            logger.info("statistics: another process with this folder commits them to %s", self._repo)
        except OSError as error:
            self._warn(error)

    def _turn(self, *, finished: bool = False) -> None:
        """Bring back what the data set has, if that was not done yet; then commit what has changed."""
        try:
            self._usage.flush()
            if not self._restored:
                self._restore()
            self._commit(finished)
            self._failing = False
        except (*FAULTS, UserError, sqlite3.Error, OSError) as error:
            self._warn(error)
        except RuntimeError:
            if not self._stopped.is_set():  # else the process is ending, and a download can start no more threads
                raise
        finally:
            self.turns += 1

    def _warn(self, error: Exception) -> None:
        if not self._failing:
            logger.warning(
                "statistics: %s is not brought up to date, %s; the search goes on", self._repo, in_words(error)
            )
        self._failing = True

    def _restore(self) -> None:
        """Add what other lineages have counted to the local file, and take over those that were left."""
        repo = self._repo
        retried(
            lambda: HfApi().create_repo(repo, repo_type="dataset", private=True, exist_ok=True), f"creating {repo}"
        )
        snapshot = client.pull(repo, "dataset", patterns=lineages.PATTERNS)
        if snapshot.note:
            raise OutOfReachError(f"only an older copy is at hand, {snapshot.note}")
        self._card_is_there = (snapshot.folder / lineages.CARD).is_file()
        others = lineages.read_all(snapshot.folder, queries=self._usage.log_queries)
        with counts.transaction(self._usage.path) as file:
            lineage = counts.fact(file, "lineage")
            if lineage in others:
                # It may say more than the local file: a kill can come between a commit and its note in the file.
                counts.raise_to(file, others.pop(lineage).counts)
            elif counts.fact(file, "pushed"):  # another process has taken it over
                counts.begin_anew(file)
                lineage = counts.fact(file, "lineage")
            left = {name: one for name, one in others.items() if one.is_left}
            rest = lineages.total({name: one for name, one in others.items() if name not in left})
            taken = lineages.total(left)
            counts.take_over(file, Counts(), rest + taken)  # until the commit is made, they are still others'
            own = counts.own(file)
        if left:
            paths = [path for name in left for path in lineages.paths(name) if (snapshot.folder / path).is_file()]
            self._send(
                self._files(lineage, own + taken, finished=False),
                f"Take over {len(left)} finished runs",
                [CommitOperationDelete(path) for path in paths],
                parent=snapshot.revision,
            )
            with counts.transaction(self._usage.path) as file:
                counts.take_over(file, taken, rest)
        self._restored = True

    def _commit(self, finished: bool) -> None:
        with counts.transaction(self._usage.path) as file:
            lineage, own, pushed = counts.fact(file, "lineage"), counts.own(file), counts.fact(file, "pushed")
        if not own.days and not pushed:
            return  # a run without a search leaves nothing behind
        self._send(self._files(lineage, own, finished=finished), f"Counts of {datetime.now(UTC):%Y-%m-%d}")
        if finished:
            with counts.transaction(self._usage.path) as file:
                counts.begin_anew(file)

    def _send(
        self,
        files: Mapping[str, bytes],
        title: str,
        deleted: Sequence[CommitOperationDelete] = (),
        parent: str | None = None,
    ) -> None:
        """Commit those of ``files`` that differ from what this process has committed."""
        digests = {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
        changed = [path for path in files if self._sent.get(path) != digests[path]]
        if not changed and not deleted:
            return
        added = [CommitOperationAdd(path, files[path]) for path in changed]
        commit(self._repo, "dataset", [*added, *deleted], title, parent)
        self._card_is_there = True
        self._sent |= digests
        with counts.transaction(self._usage.path) as file:
            counts.set_fact(file, "pushed", "yes")

    def _files(self, lineage: str, own: Counts, *, finished: bool) -> dict[str, bytes]:
        tables = [table for table in TABLES if table != "queries" or self._may_send_queries()]
        files = lineages.to_files(lineage, own, tables, finished=finished)
        return files if self._card_is_there else files | {lineages.CARD: lineages.card(tables)}

    def _may_send_queries(self) -> bool:
        """Query texts are committed to a private data set only."""
        if not self._usage.log_queries:
            return False
        private = bool(HfApi().repo_info(self._repo, repo_type="dataset").private)
        if not private and not self._said_public:
            self._said_public = True
            logger.warning("statistics: %s is public, so query texts are not committed to it", self._repo)
        return private
