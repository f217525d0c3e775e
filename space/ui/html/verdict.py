"""The verdict in plain words: whether fine-tuning helped here, by how much, and what speaks against it."""

from space.evaluation import findings
from space.evaluation.estimates import PairedDifference
from space.evaluation.provenance import SENTENCES, Measured
from space.evaluation.schema import Evaluation
from space.evaluation.tables import HEADLINE
from space.i18n import fraction, ngettext, number
from space.i18n import gettext as _
from space.search.description import EngineDescription
from space.settings import SAMPLE
from space.ui.html.doubts import doubts
from space.ui.html.help import help_for, with_help
from space.ui.html.markup import EMPTY, Html, fill, join
from space.ui.html.names import short_name, system_name
from space.ui.html.numbers import p_value


def verdict(evaluation: Evaluation | None, elsewhere: Measured | None, description: EngineDescription) -> Html:
    """What the evaluation says of this catalogue, and what speaks against relying on it."""
    if elsewhere:
        return fill('<p class="verdict elsewhere">{said}</p>', said=measured_elsewhere(elsewhere))
    if evaluation is None:
        return EMPTY
    found = evaluation.difference(evaluation.candidate)
    said = plain_verdict(found, evaluation) if found else evaluation.verdict
    if not said:
        return EMPTY
    return fill(
        '<div class="verdict {outcome}"><p>{said}{best} {card}</p>{bar}{doubts}</div>',
        outcome=found.outcome if found else "",
        said=said,
        best=" ".join(["", *best_of_several(evaluation)]),
        card=_card() if found else EMPTY,
        bar=_bar(found) if found and found.n else EMPTY,
        doubts=join(fill('<p class="doubt">{doubt}</p>', doubt=doubt) for doubt in doubts(evaluation, description)),
    )


def _card() -> Html:
    """The link to the picture of ``space.ui.verdict_card``, whose path is beside that of the page."""
    return fill('<a class="send" href="verdict.png" download="verdict.png">{save}</a>', save=_("Save as a picture"))


def plain_verdict(found: PairedDifference, measured: Evaluation | None = None) -> Html:
    """Whether fine-tuning helped, in words that need no knowledge of the metric.

    Args:
        found: the difference of the candidate from the reference, of tuned from base.
        measured: for the average quality before and after; without it only the difference is said.
    """
    conclusion = fill("<strong>{said}.</strong>", said=concluded(found, measured))
    if found.outcome in ("none", "few"):
        return conclusion
    words, figures = _average(found, measured)
    return fill(
        '{conclusion} {counted} <span class="average">{average}</span>',
        conclusion=conclusion,
        counted=with_help(counted(found), help_for("held-out")),
        average=fill(words, **figures, quality=help_for("quality"), interval=help_for("interval")),
    )


def concluded(found: PairedDifference, measured: Evaluation | None = None) -> str:
    """Whether fine-tuning helped, or whether the candidate is better than the reference, without a full stop.

    Args:
        found: the difference of the two.
        measured: names them; without it they are tuned and base.
    """
    if measured is None or measured.is_tuning:
        return findings.conclusion(found)
    return findings.ahead(found, system_name(measured.candidate), system_name(measured.reference))


def best_of_several(measured: Evaluation) -> list[str]:
    """Which of several encoders is best against the reference, and whether that could be chance; [] for one."""
    protocol, metric = HEADLINE
    table = measured.protocols.get(protocol)
    found = {name: measured.difference(name) for name in measured.compared}
    known = {name: one for name, one in found.items() if one and one.outcome not in ("none", "few")}
    if table is None or len(known) < 2:
        return []
    best = max(known, key=lambda name: known[name].mean)
    p = table.p_values.get(best, {}).get(metric)
    names = {"system": system_name(best), "reference": system_name(measured.reference), "n": number(len(known))}
    if known[best].mean <= 0:
        return [_("None of the {n} encoders is ahead of {reference}; the nearest is {system}.").format(**names)]
    said = [_("Of the {n} encoders, {system} is furthest ahead of {reference}: {change}.")]
    if p is None:
        said.append(_("The figures are not corrected for the number of comparisons."))
    elif p < findings.CHANCE:
        said.append(_("It stays clear when corrected for {m} comparisons (Holm, p {p})."))
    else:
        said.append(_("Corrected for {m} comparisons (Holm, p {p}), that may be chance."))
    figures = {"change": fraction(known[best].mean, signed=True), "m": number(len(table.p_values)), "p": ""}
    if p is not None:
        figures["p"] = p_value(p)
    return [one.format(**names, **figures) for one in said]


def counted(found: PairedDifference) -> str:
    """How many test queries got better, worse and the same results."""
    return ngettext(
        "Of {n} test query, {wins} got better results, {losses} worse, {ties} the same.",
        "Of {n} test queries, {wins} got better results, {losses} worse, {ties} the same.",
        found.n,
    ).format(n=number(found.n), wins=number(found.wins), losses=number(found.losses), ties=number(found.ties))


def average(found: PairedDifference, measured: Evaluation | None) -> str:
    """How far the average quality moved, and between which bounds surely."""
    words, figures = _average(found, measured)
    return words.format(**figures, quality="", interval="")


def _average(found: PairedDifference, measured: Evaluation | None) -> tuple[str, dict[str, str]]:
    """The sentence of ``average`` with places for the "?" of its two terms, and its figures."""
    figures = {name: fraction(getattr(found, name), signed=True) for name in ("low", "high")}
    figures["change"] = fraction(found.mean, signed=True)
    protocol, metric = HEADLINE
    table = measured.protocols.get(protocol) if measured else None
    pair = (measured.reference, measured.candidate) if measured else ()
    levels = [table.systems.get(part, {}).get(metric) for part in pair] if table else []
    before, after = levels if len(levels) == 2 else (None, None)
    if before is None or after is None or before.mean is None or after.mean is None:
        words = _(
            "Average quality{quality} of the first ten results: {change} on a scale of 0 to 1 (95 % "
            "interval{interval} {low} to {high})."
        )
        return words, figures
    words = _(
        "Average quality{quality} of the first ten results: {before} → {after} of 1 ({change}, 95 % "
        "interval{interval} {low} to {high})."
    )
    return words, {**figures, "before": fraction(before.mean), "after": fraction(after.mean)}


def verdict_text(measured: Evaluation | None, elsewhere: Measured | None) -> str:
    """The verdict as plain text in the current language, "" where nothing was measured."""
    if elsewhere:
        return _(SENTENCES[elsewhere.origin]).format(dataset=_name(elsewhere))
    found = measured.difference(measured.candidate) if measured else None
    if measured is None or found is None:
        return measured.verdict if measured else ""
    said = f"{concluded(found, measured)}."
    if found.outcome in ("none", "few"):
        return said
    return " ".join([said, counted(found), average(found, measured), *best_of_several(measured)])


def _bar(found: PairedDifference) -> Html:
    """The queries that got better, stayed the same and got worse, as one bar; ``plain_verdict`` says the numbers."""
    parts = [("up", found.wins), ("same", found.ties), ("down", found.losses)]
    return fill(
        '<div class="tide" aria-hidden="true">{parts}</div>',
        parts=join(
            fill('<i class="{kind}" style="--part:{part}%"></i>', kind=kind, part=f"{100 * count / found.n:.2f}")
            for kind, count in parts
            if count
        ),
    )


def measured_elsewhere(measured: Measured) -> Html:
    """That an evaluation is of other data, whose name is emphasised."""
    return fill(_(SENTENCES[measured.origin]), dataset=fill("<em>{name}</em>", name=_name(measured)))


def _name(measured: Measured) -> str:
    return _("sample") if measured.dataset == SAMPLE else short_name(measured.dataset)
