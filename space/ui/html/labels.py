"""Gold labels as HTML: a coloured word for each, and how many hits have which."""

from collections import Counter
from collections.abc import Iterable

from space.data.scale import ESCI, Grade, quoted
from space.i18n import N_, fraction
from space.i18n import gettext as _
from space.search.results import Hit
from space.ui.html.markup import Html, fill

MEANINGS = {
    "Exact": N_("Judged Exact: fulfils the query"),
    "Substitute": N_("Judged Substitute: not quite what was asked for, but could do"),
    "Complement": N_("Judged Complement: is used together with what was asked for"),
    "Irrelevant": N_("Judged Irrelevant: something else"),
}


def badge(grade: Grade | None) -> Html:
    """The gold label as a coloured word; None is unjudged."""
    if grade is None:
        return fill(
            '<span class="badge unjudged" title="{meaning}">{unjudged}</span>',
            meaning=_("Nobody has rated this product for this query"),
            unjudged=_("not rated"),
        )
    return fill(
        '<span class="badge {kind}" title="{meaning}">{label}</span>',
        kind=grade.colour,
        meaning=_meaning(grade),
        label=grade.name,
    )


def _meaning(grade: Grade) -> str:
    """The tooltip: ESCI's words are explained, others come with what they count."""
    if grade in ESCI.grades:
        return _(MEANINGS[grade.name])
    text = _("Judged {label}: relevant, gain {gain}") if grade.relevant else _("Judged {label}: gain {gain}")
    return text.format(label=grade.name, gain=fraction(grade.gain, 2))


def tally(hits: Iterable[Hit]) -> str:
    """How many hits have which label: ``4 Exact · 2 Substitute · 4 not rated``, or ``4 × “3” · 4 not rated``."""
    counts = Counter(hit.grade for hit in hits)
    grades = sorted((grade for grade in counts if grade), key=lambda grade: (grade.relevant, grade.gain), reverse=True)
    names = [grade.name for grade in grades]
    times = " × " if names and quoted(names[0], names) != names[0] else " "
    shown = [f"{counts[grade]}{times}{quoted(grade.name, names)}" for grade in grades]
    return " · ".join([*shown, *([_("{n} not rated").format(n=counts[None])] if counts[None] else [])])


def is_judged(hits: Iterable[Hit]) -> bool:
    """Whether any of the hits has a gold label."""
    return any(hit.esci_label for hit in hits)
