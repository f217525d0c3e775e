"""Measured values to HTML: means, differences, intervals, and what may be said of them. Pure functions."""

from space.evaluation.findings import MISSING, plain, signed
from space.evaluation.schema import MIN_QUERIES, Estimate, PairedDifference
from space.ui.html.markup import EMPTY, Html, fill

_BEARINGS = {
    "better": ("better", "The whole 95 % interval is above zero"),
    "worse": ("worse", "The whole 95 % interval is below zero"),
    "unclear": ("unclear", "The 95 % interval holds zero"),
    "few": ("too few", f"Fewer than {MIN_QUERIES} queries tell nothing"),
    "none": ("none", "No query has this metric"),
}


def short(value: float, signed: bool = False) -> str:
    """The end of a scale, without digits that say nothing: ``.8``, ``1``, ``−.15``."""
    text = f"{abs(value):g}".removeprefix("0") or "0"
    return ("+" if value > 0 and signed else "−" if value < 0 else "") + text


def estimate(found: Estimate | None) -> Html:
    """A mean and its interval: ``.673 [.584, .755]``."""
    if found is None or found.mean is None:
        return Html(MISSING)
    return fill(
        '<span class="figure"><b>{mean}</b> <span class="interval">[{low}, {high}]</span></span>',
        mean=plain(found.mean),
        low=plain(found.low),
        high=plain(found.high),
    )


def change(found: PairedDifference, *, before: Html = EMPTY) -> Html:
    """A paired difference with its interval, what that says, and how many queries went which way.

    Where the queries are too few there is no interval: it would look like a finding.

    Args:
        found: the difference.
        before: what stands in front of the counts.
    """
    bearing = found.outcome
    if bearing == "none":
        return fill("{missing} {tag}", missing=MISSING, tag=tag(bearing))
    interval = (
        EMPTY
        if bearing == "few"
        else fill(' <span class="interval">[{low}, {high}]</span>', low=signed(found.low), high=signed(found.high))
    )
    return fill(
        '<span class="figure"><b>{mean}</b>{interval}</span> {tag}<span class="record">{before}{record}</span>',
        mean=signed(found.mean),
        interval=interval,
        tag=tag(bearing),
        before=before,
        record=record(found),
    )


def tag(bearing: str) -> Html:
    """What may be said, in a word, since a colour alone does not reach everyone."""
    word, meaning = _BEARINGS[bearing]
    return fill('<span class="tag {kind}" title="{meaning}">{word}</span>', kind=bearing, meaning=meaning, word=word)


def record(found: PairedDifference) -> str:
    """``22 won · 10 lost · 3 tied``."""
    return f"{found.wins:,} won · {found.losses:,} lost · {found.ties:,} tied"
