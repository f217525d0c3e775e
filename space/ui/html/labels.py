"""Gold labels as HTML: a coloured word for each, and how many hits have which."""

from collections import Counter
from collections.abc import Iterable

from space.data.judgments import LABELS
from space.i18n import N_
from space.i18n import gettext as _
from space.search.results import Hit
from space.ui.html.markup import Html, fill

MEANINGS = {
    "Exact": N_("Judged Exact: fulfils the query"),
    "Substitute": N_("Judged Substitute: not quite what was asked for, but could do"),
    "Complement": N_("Judged Complement: is used together with what was asked for"),
    "Irrelevant": N_("Judged Irrelevant: something else"),
}


def badge(label: str | None) -> Html:
    """The gold label as a coloured word."""
    if label not in LABELS:
        return fill(
            '<span class="badge unjudged" title="{meaning}">{unjudged}</span>',
            meaning=_("This product was not judged for this query"),
            unjudged=_("unjudged"),
        )
    return fill(
        '<span class="badge {kind}" title="{meaning}">{label}</span>',
        kind=label.lower(),
        meaning=_(MEANINGS[label]),
        label=label,
    )


def tally(hits: Iterable[Hit]) -> str:
    """How many hits have which label: ``4 Exact · 2 Substitute · 4 unjudged``."""
    counts = Counter(hit.esci_label for hit in hits)
    shown = [f"{counts[label]} {label}" for label in LABELS if counts[label]]
    return " · ".join([*shown, *([_("{n} unjudged").format(n=counts[None])] if counts[None] else [])])


def is_judged(hits: Iterable[Hit]) -> bool:
    """Whether any of the hits has a gold label."""
    return any(hit.esci_label for hit in hits)
