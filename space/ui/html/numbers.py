"""Measured values to HTML: means, differences, intervals, and what may be said of them. Pure functions."""

from space.evaluation import findings
from space.evaluation.findings import MISSING, plain, signed
from space.evaluation.schema import MIN_QUERIES, Estimate, Outcome, PairedDifference
from space.i18n import gettext as _
from space.ui.html.markup import EMPTY, Html, fill


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
    if found.outcome == "none":
        return fill("{missing} {tag}", missing=MISSING, tag=tag(found.outcome))
    interval = (
        EMPTY
        if found.outcome == "few"
        else fill(' <span class="interval">[{low}, {high}]</span>', low=signed(found.low), high=signed(found.high))
    )
    return fill(
        '<span class="figure"><b>{mean}</b>{interval}</span> {tag}<span class="record">{before}{record}</span>',
        mean=signed(found.mean),
        interval=interval,
        tag=tag(found.outcome),
        before=before,
        record=findings.record(found),
    )


def tag(outcome: Outcome) -> Html:
    """The outcome in a word, since a colour alone does not reach everyone; its meaning on hovering."""
    word, meaning = findings.OUTCOMES[outcome]
    return fill(
        '<span class="tag {kind}" title="{meaning}">{word}</span>',
        kind=outcome,
        meaning=_(meaning).format(n=MIN_QUERIES),
        word=_(word),
    )
