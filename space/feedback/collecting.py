"""``python -m space judgments``: people's judgments as a file for training, a list of raters, and their removal."""

from collections import Counter
from pathlib import Path

from space.data.people_judgments import COLUMNS
from space.data.scale import ESCI, LabelScale
from space.errors import UserError
from space.feedback.journal import Journal
from space.feedback.judgments import CANNOT_TELL, Judgments, frame
from space.feedback.votes import REMOVALS, Votes, now
from space.hub import client
from space.io.files import atomically


def opened(source: str) -> Journal:
    """The journal in a folder, or a copy of the one in a data set on the Hub.

    Raises:
        UserError: neither is there.
    """
    folder = Path(source)
    if folder.is_dir():
        return Journal(folder)
    if "/" not in source or source.startswith((".", "/")):
        raise UserError(f"{source}: no folder of answers here; name the folder of --feedback, or USER/DATASET")
    return Journal(
        client.pull(source, "dataset", patterns=["votes/*.jsonl", "judgments/*.jsonl", "removals/*.jsonl"]).folder
    )


def write(source: str, output: Path, scale: LabelScale = ESCI) -> str:
    """Write the judgments of a source as csv; returns what was written, in one sentence a rater.

    Raises:
        UserError: see ``opened``, or there are judgments and none has a grade of the scale.
    """
    judgments = Judgments(opened(source))
    table = frame(judgments.of_pairs(), scale)
    every = [one for one in judgments.all() if one.grade != CANNOT_TELL]
    if every and table.empty:
        raise UserError(
            f"{source}: {every[0].grade!r} is no grade of {scale}: name the scale of the data with --labels"
        )
    with atomically(output) as path:
        table[list(COLUMNS)].to_csv(path, index=False)
    said = [f"{output}: {len(table)} pairs"]
    said += [f"  {rater}: {count} judgments" for rater, count in Counter(one.rater for one in every).most_common()]
    return "\n".join(said)


def remove(source: str, rater: str) -> str:
    """Count no vote and judgment that a rater has given so far; returns what was done.

    Raises:
        UserError: the source is no folder, or has no such rater.
    """
    if not Path(source).is_dir():
        raise UserError(f"--remove {rater}: name the folder of --feedback; the page commits the removal from there")
    journal = Journal(Path(source))
    votes = [one for one in Votes(journal).all() if one.rater == rater]
    judgments = [one for one in Judgments(journal).all() if one.rater == rater]
    if not votes and not judgments:
        raise UserError(f"--remove {rater}: {source} has no answer of this rater")
    journal.append(REMOVALS, {"rater": rater, "at": now()})
    return f"{rater}: {len(votes)} votes and {len(judgments)} judgments no longer count"
