"""``python -m space judgments``: writes people's judgments to a file for training, lists raters and removes them."""

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from space.data.people_judgments import COLUMNS
from space.data.scale import ESCI, LabelScale
from space.errors import UserError
from space.feedback.judgments import CANNOT_TELL, Judgments, frame
from space.feedback.raters import VISITS, is_named
from space.feedback.remote import opened
from space.feedback.votes import REMOVALS, Votes, now
from space.io.files import atomically


def write(source: str, output: Path, scale: LabelScale = ESCI) -> str:
    """Write the judgments of a source as csv; returns what was written, and a line a rater.

    Raises:
        UserError: see ``space.feedback.remote.opened``, or there are judgments and none has a grade of the scale.
    """
    with TemporaryDirectory() as work:
        journal = opened(source, Path(work)).journal
        judgments, votes = Judgments(journal), Votes(journal).all()
        table = frame(judgments.of_pairs(), scale)
        every = [one for one in judgments.all() if one.grade != CANNOT_TELL]
    if every and table.empty:
        raise UserError(
            f"{source}: {every[0].grade!r} is no grade of {scale}: name the scale of the data with --labels"
        )
    with atomically(output) as path:
        table[list(COLUMNS)].to_csv(path, index=False)
    judged, voted = (Counter(one.rater for one in answers) for answers in (every, votes))
    said = [f"{output}: {len(table)} pairs"]
    said += [
        f"  {rater}: {judged[rater]} judgments, {voted[rater]} votes" for rater, _ in (judged + voted).most_common()
    ]
    return "\n".join(said)


def remove(source: str, rater: str) -> str:
    """Take what a rater has given so far, votes and judgments, out of the counts; returns what was done.

    A line is appended to the folder, or committed to the data set.

    Args:
        source: a folder, or USER/DATASET.
        rater: its name; ``VISITS`` is all visits without a name.

    Raises:
        UserError: see ``space.feedback.remote.opened``, there is no such rater, or the Hub does not take the line.
    """
    with TemporaryDirectory() as work:
        found = opened(source, Path(work), writing=True)
        votes, judgments = (
            sum(one.rater == rater or (rater == VISITS and not is_named(one.rater)) for one in answers)
            for answers in (Votes(found.journal).all(), Judgments(found.journal).all())
        )
        if not votes and not judgments:
            raise UserError(f"--remove {rater}: {source} has no answer of this rater")
        found.journal.append(REMOVALS, {"rater": rater, "at": now()})
        found.commit([REMOVALS], f"Remove {rater}")
    return f"{rater}: {votes} votes and {judgments} judgments no longer count"
