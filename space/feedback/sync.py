"""Commits the files of a journal to a private data set on the Hub, so that they outlive a Space's disk."""

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from huggingface_hub import CommitInfo, CommitScheduler, HfApi

from space.errors import OutOfReachError, UserError
from space.feedback.journal import Journal
from space.feedback.remote import OWNERS
from space.hub import client
from space.hub.faults import FAULTS, in_words, retried

logger = logging.getLogger(__name__)

CARD = "README.md"
_LOCK = ".committing.lock"
_CARD_TEXT = """---
pretty_name: What visitors of a product search left
configs:
{configs}---

# What visitors of a product search left

Written by the search page as JSON lines. Each of its runs adds files of its own, and no line is ever changed.
"""


class Sync:
    """Brings back what earlier runs have left, then commits what is new every few minutes.

    Before a commit it brings back what the owner's commands have written since, such as the removal of a rater.
    An error is logged once and the next turn tries again: the search does not depend on it.

    Args:
        journal: what to commit.
        repo: USER/DATASET; created as private if it is absent. Nothing is committed to a public one.
        minutes: between two commits.
        kinds: of lines to commit and to bring back. Others are not copied to this disk.
        flush: writes what is in memory into the journal.

    Attributes:
        turns: how often it has tried so far.
    """

    def __init__(
        self, journal: Journal, repo: str, *, minutes: float, kinds: Sequence[str], flush: Callable[[], object]
    ) -> None:
        """Touches nothing yet."""
        self.turns = 0
        self._journal, self._repo, self._minutes, self._kinds, self._flush = journal, repo, minutes, kinds, flush
        self._failing = False
        self._lock: FileLock | None = None
        self._scheduler: _Scheduler | None = None

    def start(self) -> None:
        """Start the thread that commits."""
        threading.Thread(target=self._run, name="sync", daemon=True).start()

    def _run(self) -> None:
        if not self._is_first():
            self.turns += 1
            return
        while not self._begin():  # from then on the scheduler's own thread commits
            self.turns += 1
            threading.Event().wait(self._minutes * 60)

    def _is_first(self) -> bool:
        """Whether no other process commits this folder."""
        try:
            self._journal.folder.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self._journal.folder / _LOCK)
            self._lock.acquire(timeout=0)
        except Timeout:
            logger.info("statistics: another process with this folder commits it to %s", self._repo)
            return False
        except OSError as error:
            self._warn(error)
            return False
        return True

    def _begin(self) -> bool:
        try:
            self._restore()
            self._scheduler = _Scheduler(
                self._try_to_commit,
                repo_id=self._repo,
                repo_type="dataset",
                private=True,
                folder_path=self._journal.folder,
                every=self._minutes,
                allow_patterns=[CARD, *(f"{kind}/*.jsonl" for kind in self._kinds)],
            )
        except (*FAULTS, UserError, OSError) as error:
            self._warn(error)
            return False
        return True

    def _restore(self) -> None:
        """Pull what is in the data set, and leave it where it is: only its own run writes a file."""
        repo = self._repo
        retried(
            lambda: HfApi().create_repo(repo, repo_type="dataset", private=True, exist_ok=True), f"creating {repo}"
        )
        if not HfApi().repo_info(repo, repo_type="dataset").private:
            raise UserError(f"{repo} is public: make it private, or name another data set")
        self._bring_back(self._kinds)

    def _bring_back(self, kinds: Sequence[str]) -> None:
        found = client.pull(self._repo, "dataset", patterns=[f"{kind}/*.jsonl" for kind in kinds])
        if found.note:
            raise OutOfReachError(f"only an older copy is at hand, {found.note}")
        self._journal.add_pulled(found.folder, kinds)

    def _try_to_commit(self, commit: Callable[[], CommitInfo | None]) -> CommitInfo | None:
        """Write what is in memory, and commit it with what is in the folder."""
        try:
            self._flush()
            folder = self._journal.folder
            # The first turn comes right after ``_restore``, and a process that ends can start no thread to pull.
            if self.turns and threading.main_thread().is_alive():
                self._bring_back([kind for kind in self._kinds if kind in OWNERS])
            if any(path.name != _LOCK for path in folder.iterdir()):  # a run without a visit leaves nothing behind
                _write_card(folder, [kind for kind in self._kinds if self._journal.files(kind)])
                done = commit()
                self._failing = False
                return done
        except (*FAULTS, UserError, OSError) as error:
            self._warn(error)
        finally:
            self.turns += 1
        return None

    def _warn(self, error: Exception) -> None:
        if not self._failing:
            logger.warning(
                "statistics: %s is not brought up to date, %s; the search goes on", self._repo, in_words(error)
            )
        self._failing = True


class _Scheduler(CommitScheduler):
    """A ``CommitScheduler`` that asks before it commits; it commits once more when the process ends."""

    def __init__(self, around: Callable[[Callable[[], CommitInfo | None]], CommitInfo | None], **given: Any) -> None:
        self._around, self._one_at_a_time = around, threading.Lock()
        super().__init__(**given)

    def push_to_hub(self) -> CommitInfo | None:
        """Commit the lines that are new; errors are logged and not raised."""
        with self._one_at_a_time:
            return self._around(super().push_to_hub)


def _write_card(folder: Path, kinds: Sequence[str]) -> None:
    """README.md with a config for each kind, so that ``load_dataset`` can read them."""
    configs = "".join(f'- config_name: {kind}\n  data_files: "{kind}/*.jsonl"\n' for kind in kinds)
    text, card = _CARD_TEXT.format(configs=configs), folder / CARD
    if not card.is_file() or card.read_text(encoding="utf-8") != text:
        card.write_text(text, encoding="utf-8")
