"""Measured values as HTML: means and differences with their intervals, and the outcome of a comparison."""

from space.evaluation import findings
from space.evaluation.estimates import MIN_QUERIES, Estimate, Outcome, PairedDifference
from space.evaluation.findings import MISSING, plain, signed
from space.i18n import fraction
from space.i18n import gettext as _
from space.ui.html.markup import EMPTY, Html, fill


def short(value: float, signed: bool = False) -> str:
    """The end of a scale with as few digits as it has: ``.8``, ``1``, ``−.15``."""
    return fraction(value, len(f"{value:g}".partition(".")[2]), signed=signed)


def p_value(p: float) -> str:
    """``.012``, and ``< .001`` for a smaller one."""
    return fraction(p) if p >= 0.001 else f"< {fraction(0.001)}"


def interval(low: str, high: str) -> Html:
    """``[.584, .755]``; in languages with a decimal comma the separator is another one."""
    return fill('<span class="interval">{interval}</span>', interval=_("[{low}, {high}]").format(low=low, high=high))


def estimate(found: Estimate | None) -> Html:
    """A mean and its interval: ``.673 [.584, .755]``."""
    if found is None or found.mean is None:
        return Html(MISSING)
    return fill(
        '<span class="figure"><b>{mean}</b> {interval}</span>',
        mean=plain(found.mean),
        interval=interval(plain(found.low), plain(found.high)),
    )


def change(found: PairedDifference, *, before: Html = EMPTY) -> Html:
    """A paired difference with its interval, its outcome, and how many queries won, lost and tied.

    With too few queries there is no interval, which would look like a finding.

    Args:
        found: the difference.
        before: what stands in front of the counts.
    """
    if found.outcome == "none":
        return fill("{missing} {tag}", missing=MISSING, tag=tag(found.outcome))
    return fill(
        '<span class="figure"><b>{mean}</b>{interval}</span> {tag}<span class="record">{before}{record}</span>',
        mean=signed(found.mean),
        interval=EMPTY
        if found.outcome == "few"
        else fill(" {interval}", interval=interval(signed(found.low), signed(found.high))),
        tag=tag(found.outcome),
        before=before,
        record=findings.record(found),
    )


def tag(outcome: Outcome) -> Html:
    """The outcome as a coloured word; its meaning in the tooltip."""
    word, meaning = findings.OUTCOMES[outcome]
    return fill(
        '<span class="tag {kind}" title="{meaning}">{word}</span>',
        kind=outcome,
        meaning=_(meaning).format(n=MIN_QUERIES),
        word=_(word),
    )
