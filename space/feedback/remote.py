"""Opens the answers in a folder of this machine or in a data set on the Hub, to read them and to add lines."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from space.errors import OutOfReachError, UserError
from space.feedback import judgments, machine, votes
from space.feedback.journal import Journal
from space.hub import client
from space.hub.push import Upload, push

logger = logging.getLogger(__name__)

#: Kinds of lines that the owner's commands write, also while a page runs.
OWNERS = (votes.REMOVALS, machine.KIND, machine.AGREEMENT)
#: Kinds of lines that are answers, or say something of them.
ANSWERS = (votes.KIND, judgments.KIND, *OWNERS)


@dataclass(frozen=True)
class Source:
    """Where answers are.

    Attributes:
        journal: reads them, and takes new lines.
        repo: the data set that they were pulled from; None for a folder.
    """

    journal: Journal
    repo: str | None = None

    def commit(self, kinds: Sequence[str], message: str) -> None:
        """Commit the lines that were written here, in one commit; in a folder they are already where they belong.

        Raises:
            HubError: the data set is public, or the Hub does not take them.
        """
        folder = self.journal.folder
        files = {f"{kind}/{path.name}": path for kind in kinds for path in sorted((folder / kind).glob("*.jsonl"))}
        if self.repo and files:
            push(Upload(self.repo, "dataset", files, message, private=True))


def opened(source: str, work: Path, *, writing: bool = False) -> Source:
    """The answers in a folder, or a copy of those in a data set.

    Args:
        source: a folder of ``app.py --feedback``, or USER/DATASET.
        work: folder for the lines that are written for a data set.
        writing: whether lines will be written. Without it an older copy from the cache will do.

    Raises:
        UserError: neither is there, or the Hub is out of reach.
    """
    folder = Path(source)
    if folder.is_dir():
        return Source(Journal(folder))
    if source.count("/") != 1 or source.startswith((".", "/")):
        raise UserError(f"{source}: no folder of answers here; name the folder of --feedback, or USER/DATASET")
    found = client.pull(source, "dataset", patterns=[f"{kind}/*.jsonl" for kind in ANSWERS])
    if found.note:
        if writing:
            raise OutOfReachError(f"{source}: only an older copy is at hand, {found.note}")
        logger.warning("%s: %s", source, found.note)
    journal = Journal(work)
    journal.add_pulled(found.folder, ANSWERS)
    return Source(journal, source)
