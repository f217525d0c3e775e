"""What an evaluation says, in plain sentences, for the terminal, the cards and the page.

Sentences and numbers are in the current language, see ``space.i18n``: English outside the page.
"""

from collections.abc import Iterator, Mapping, Sequence

from space.evaluation import slices
from space.evaluation.estimates import MIN_QUERIES, BeforeAfter, PairedDifference
from space.evaluation.protocols import CONTRASTS
from space.evaluation.schema import Evaluation
from space.evaluation.slices import FIGURES, Slice
from space.evaluation.tables import HEADLINE
from space.i18n import N_, fraction, number
from space.i18n import gettext as _

MISSING = "–"
#: A difference with a smaller corrected p is called clear.
CHANCE = 0.05
#: {outcome: (a word for it, what it means)}, see ``PairedDifference.outcome``.
OUTCOMES = {
    "better": (N_("better"), N_("The whole 95 % interval is above zero")),
    "worse": (N_("worse"), N_("The whole 95 % interval is below zero")),
    "unclear": (N_("unclear"), N_("The 95 % interval includes zero")),
    "few": (N_("too few"), N_("Fewer than {n} queries are too few to tell")),
    "none": (N_("none"), N_("No query has this metric")),
}
_TELLING = {"better": N_("better"), "worse": N_("worse"), "unclear": N_("no clear difference")}
_CONTRASTS = {
    ("hybrid", "tuned"): N_(
        "Fine-tuned fused with BM25, compared with fine-tuned alone: {outcome}. Full-catalogue nDCG@10 differs by "
        "{change}, 95 % interval {low} to {high}."
    ),
    ("hybrid", "bm25"): N_(
        "Fine-tuned fused with BM25, compared with BM25 alone: {outcome}. Full-catalogue nDCG@10 differs by "
        "{change}, 95 % interval {low} to {high}."
    ),
    ("tuned", "bm25"): N_(
        "Fine-tuned compared with BM25: {outcome}. Full-catalogue nDCG@10 differs by {change}, 95 % interval {low} to "
        "{high}."
    ),
}


def plain(value: float | None) -> str:
    """``.673``, or a dash for None."""
    return MISSING if value is None else fraction(value)


def signed(value: float | None) -> str:
    """``+.029`` or ``−.003``. The sign stays where the digits round to nothing: it says on which side of zero."""
    return MISSING if value is None else fraction(value, signed=True)


def record(found: PairedDifference) -> str:
    """``22 better · 10 worse · 3 the same``."""
    return _("{wins} better · {losses} worse · {ties} the same").format(
        wins=number(found.wins), losses=number(found.losses), ties=number(found.ties)
    )


def conclusion(found: PairedDifference) -> str:
    """What the difference of tuned from base says of fine-tuning, without figures and without a full stop."""
    if found.outcome == "none":
        return _("Nothing can be said of fine-tuning: no held-out query has a relevant product")
    if found.outcome == "few":
        return _("Nothing can be said of fine-tuning: {n} held-out queries are too few").format(n=found.n)
    if found.outcome == "better":
        return _("Fine-tuning helped")
    if found.outcome == "worse":
        return _("Fine-tuning made search worse")
    if found.mean < 0:
        return _("Fine-tuning made search worse on average, but not clearly: the 95 % interval includes zero")
    return _("Fine-tuning made no clear difference: the 95 % interval includes zero")


def ahead(found: PairedDifference, system: str, reference: str) -> str:
    """``conclusion`` for any two systems, by the names that they are shown with."""
    text = {
        "none": _("Nothing can be said of {system}: no held-out query has a relevant product"),
        "few": _("Nothing can be said of {system}: {n} held-out queries are too few"),
        "better": _("{system} is better than {reference}"),
        "worse": _("{system} is worse than {reference}"),
        "unclear": _("{system} is not clearly different from {reference}: the 95 % interval includes zero"),
    }[found.outcome]
    if found.outcome == "unclear" and found.mean < 0:
        text = _("{system} is worse than {reference} on average, but not clearly: the 95 % interval includes zero")
    return text.format(system=system, reference=reference, n=found.n)


def verdict(measured: Evaluation) -> str:
    """Whether fine-tuning helped, by the headline metric and with its figures.

    An evaluation without them keeps the verdict that was written into it.
    """
    found = measured.difference("tuned")
    if found is None:
        return measured.verdict
    if not found.n:
        return f"{conclusion(found)}."
    figures = _(
        "Full-catalogue nDCG@10 changed by {change}, 95 % interval {low} to {high}: {wins} queries better, {losses} "
        "worse, {ties} the same."
    ).format(
        change=fraction(found.mean, 4, signed=True),
        low=fraction(found.low, 4, signed=True),
        high=fraction(found.high, 4, signed=True),
        wins=number(found.wins),
        losses=number(found.losses),
        ties=number(found.ties),
    )
    return f"{conclusion(found)}. {figures}"


def against_reference(measured: Evaluation) -> list[str]:
    """What may be said of each system other than the reference, by the headline metric, in English for the terminal.

    With many systems some interval is above zero by chance, so the corrected p decides: below .05.
    """
    protocol, metric = HEADLINE
    table = measured.protocols[protocol]
    found = []
    for system, p_values in table.p_values.items():
        difference, p = table.differences[system][metric], p_values[metric]
        outcome = difference.outcome
        if outcome in ("better", "worse", "unclear"):
            sign = "better than" if difference.mean > 0 else "worse than"
            outcome = sign if p < CHANCE else "not clearly different from"
        else:
            outcome = f"{difference.n} queries are too few to compare it with"
        found.append(
            f"{system}: {outcome} {measured.reference}; full-catalogue nDCG@10 {signed(difference.mean)} "
            f"[{signed(difference.low)}, {signed(difference.high)}], {record(difference)}, p {p:.4f}"
            + (f" for {len(table.p_values)} comparisons (Holm)" if len(table.p_values) > 1 else "")
        )
    return found


def lexical(measured: Evaluation) -> list[str]:
    """Which BM25 was evaluated, and what BM25 and the fine-tuned encoder add to each other."""
    return [*_bm25(measured), *_contrasts(measured)]


def outside(measured: Evaluation) -> list[str]:
    """How far fine-tuning moved the encoder on everyday sentences."""
    drift = measured.drift
    if drift is None or drift.paraphrase.outcome not in _TELLING:
        return []
    found = drift.paraphrase
    return [
        _(
            "Of everyday sentences, the fine-tuned encoder finds the paraphrase first for {tuned} %, base for {base} "
            "% ({n} pairs): {outcome}, {change}, 95 % interval {low} to {high}."
        ).format(
            n=found.n,
            tuned=number(100 * found.tuned),
            base=number(100 * found.base),
            outcome=_(_TELLING[found.outcome]),
            **_interval(found),
        ),
        _(
            "The two vectors of an everyday sentence, before and after fine-tuning, have a cosine of {cosine} on "
            "average. The rank correlation of the similarities between all these sentences is {correlation}."
        ).format(cosine=plain(drift.cosine.mean), correlation=plain(drift.rank_correlation)),
    ]


def of_slices(whole: Mapping[str, BeforeAfter], cuts: Mapping[str, Sequence[Slice]], reference: str = "") -> list[str]:
    """Which slices gain, which lose, and what must not be read into them.

    Args:
        reference: the name that the reference is shown with; "" for base.
        whole: the figures of all queries, see ``space.evaluation.slices.figures``.
        cuts: see ``space.evaluation.slices.cut``; a cut with one slice is the whole again and says nothing.
    """
    parts = [one for slices_of in cuts.values() if len(slices_of) > 1 for one in slices_of]
    leaning, caveats = _leaning(whole, parts, reference), _caveats(parts, reference)
    return [*_losing(whole, parts), *leaning, *_gaining(parts), *caveats]


def everything(measured: Evaluation) -> list[str]:
    """Every sentence but the verdict."""
    frame = slices.queries(measured)
    sliced = [] if frame is None else of_slices(slices.figures(frame), slices.cut(frame, measured.label_scale))
    return [*lexical(measured), *outside(measured), *sliced]


def _bm25(measured: Evaluation) -> Iterator[str]:
    bm25 = measured.bm25
    if bm25 is None:
        return
    values = {"k1": fraction(bm25.k1, 2), "b": fraction(bm25.b, 2)}
    if not bm25.queries:
        yield _("BM25 uses the usual k1 {k1} and b {b}: too few train queries have enough judgments.").format(**values)
        return
    said = (
        _("BM25 uses k1 {k1} and b {b} and stems words, chosen on {n} train queries.")
        if bm25.stem
        else _("BM25 uses k1 {k1} and b {b} and does not stem words, chosen on {n} train queries.")
    )
    yield said.format(**values, n=number(bm25.queries))
    if bm25.test and bm25.test.n:
        yield _(
            "Compared with the usual values, they change the full-catalogue nDCG@10 of BM25 on the held-out queries "
            "by {change}, 95 % interval {low} to {high}."
        ).format(**_interval(bm25.test))


def _contrasts(measured: Evaluation) -> Iterator[str]:
    for system, other in CONTRASTS:
        found = measured.difference(system, other)
        if found and found.outcome in _TELLING:
            yield _(_CONTRASTS[system, other]).format(outcome=_(_TELLING[found.outcome]), **_interval(found))


def _interval(found: PairedDifference) -> dict[str, str]:
    return {"change": signed(found.mean), "low": signed(found.low), "high": signed(found.high)}


def _losing(whole: Mapping[str, BeforeAfter], parts: Sequence[Slice]) -> Iterator[str]:
    """The slices that are clearly worse in a metric in which all queries gain: a mean hides them."""
    for one in parts:
        for column, metric in FIGURES.items():
            found = one.figures[column]
            if found.outcome == "worse" and _gains(whole[column]):
                yield _(
                    "{slice} pays for the gain: over its {n} queries {metric} falls by {fall}, over all queries it "
                    "rises by {rise}."
                ).format(
                    slice=_named(one),
                    n=number(found.n),
                    metric=_(metric),
                    fall=plain(-found.mean),
                    rise=plain(whole[column].mean),
                )


def _leaning(whole: Mapping[str, BeforeAfter], parts: Sequence[Slice], reference: str) -> Iterator[str]:
    """The slices that are lower than the reference, but not clearly, while all queries gain."""
    column, metric = next(iter(FIGURES.items()))
    lower = [one for one in parts if one.figures[column].outcome == "unclear" and one.figures[column].mean < 0]
    if lower and _gains(whole[column]):
        said = _("Lower than base, but not clearly, while {metric} rises over all queries: {slices}.")
        if reference:
            said = _("Lower than {reference}, but not clearly, while {metric} rises over all queries: {slices}.")
        yield said.format(metric=_(metric), slices=_listed(lower), reference=reference)


def _gaining(parts: Sequence[Slice]) -> Iterator[str]:
    """The slices that are clearly better, the largest gain first."""
    column, metric = next(iter(FIGURES.items()))
    better = [one for one in parts if one.figures[column].outcome == "better"]
    if better:
        better.sort(key=lambda one: -one.figures[column].mean)
        yield _("Clearly better in {metric}: {slices}.").format(metric=_(metric), slices=_listed(better))


def _caveats(parts: Sequence[Slice], reference: str) -> Iterator[str]:
    """How far the slices can be trusted."""
    column = next(iter(FIGURES))
    judged = [one for one in parts if one.figures[column].outcome in _TELLING]
    if judged and not any(found.outcome == "worse" for one in parts for found in one.figures.values()):
        said = _("No slice of at least {n} queries is clearly worse than base.")
        if reference:
            said = _("No slice of at least {n} queries is clearly worse than {reference}.")
        yield said.format(n=MIN_QUERIES, reference=reference)
    if len(judged) < len(parts):
        yield _("Slices of fewer than {n} queries are not judged: they are too small to tell anything.").format(
            n=MIN_QUERIES
        )
    if len(judged) > 1:
        yield _("{n} slices were judged. Of twenty 95 % intervals about one is wrong by chance.").format(n=len(judged))


def _gains(found: PairedDifference) -> bool:
    return bool(found.n) and found.mean > 0


def _named(one: Slice) -> str:
    return _("{by} “{name}”").format(by=_(one.by), name=_(one.name))


def _listed(parts: Sequence[Slice]) -> str:
    column = next(iter(FIGURES))
    return ", ".join(f"{_named(one)} ({signed(one.figures[column].mean)})" for one in parts)
