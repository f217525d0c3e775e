"""How a model came about, as HTML: gains, training, data, encoders, settings."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from space.data.scale import ESCI, quoted
from space.encoding.description import EncoderDescription
from space.evaluation.schema import Evaluation
from space.i18n import fraction, number
from space.i18n import gettext as _
from space.ui.html import charts
from space.ui.html.header import fact
from space.ui.html.markup import EMPTY, Html, absent, fill, join, section
from space.ui.html.names import judgments, kind, locale_shown, products, system_name

_ISSUES = "https://github.com/amazon-science/esci-data/issues/"
_SMOOTHED = 10  # each point of the smooth line is the mean of a tenth of the run


def gains(measured: Evaluation) -> Html:
    """What a label is worth, and why other figures may not be comparable."""
    known = measured.gains or measured.label_scale.gains
    worth = ", ".join(f"{quoted(label, known)} {_gain(gain)}" for label, gain in known.items())
    relevant = ", ".join(name for name in measured.label_scale.names if name in measured.label_scale.relevant)
    warning = _(
        "Figures copied from the official ESCI ranking script do not compare with these: in effect it swaps "
        "Substitute and Complement, so that a Complement counts ten times as much as a Substitute "
        "(amazon-science/esci-data, {issue_9} and {issue_18})."
    )
    body = fill(
        "<p>{worth}</p><p>{counted}</p>{warning}",
        worth=fill(
            _("Gains: {gains}. nDCG discounts a gain by {discount}."),
            gains=worth,
            discount=fill('<span class="figure">1/log₂({rank} + 1)</span>', rank=_("rank")),
        ),
        counted=_("Recall, MRR and hit@1 count as relevant: {labels}.").format(labels=relevant),
        warning=fill("<p>{text}</p>", text=fill(warning, issue_9=_issue(9), issue_18=_issue(18)))
        if measured.label_scale == ESCI
        else EMPTY,
    )
    return section("gains", _("What a label is worth"), body)


def training(measured: Evaluation) -> Html:
    """The loss by step, and what the run took."""
    run = measured.training
    if run is None:
        return section("training", _("Training"), absent(_("This evaluation says nothing about the training.")))
    speed = run.examples_per_second
    points = _points(run.history)
    curve = _curve(points) if len(points) > 1 else absent(_("Too few steps were logged to draw a curve."))
    facts = [
        fact(_("Examples"), number(run.examples)),
        fact(_("Steps"), number(run.steps)),
        fact(_("Weights kept of step"), "" if run.best_step is None else number(run.best_step)),
        fact(_("Time"), _duration(run.seconds)),
        fact(_("Speed"), "" if speed is None else _("{n} examples/s").format(n=number(speed, 1))),
        fact(_("Memory at most"), _("{n} GB").format(n=number(run.peak_memory_gb, 1))),
        fact(_("Device"), run.device),
        fact(_("Computed in"), run.precision),
        fact(_("TensorBoard run"), run.run),
    ]
    return section("training", _("Training"), join([curve, _facts(facts)]))


def data(measured: Evaluation) -> Html:
    """What the model was trained and measured on."""
    held = measured.dataset
    if held is None:
        return EMPTY
    some = held.queries_evaluated != held.queries
    evaluated, of = number(held.queries_evaluated), number(held.queries)
    facts = [
        fact(_("Data set"), held.name),
        fact(_("Locales"), ", ".join(filter(None, map(locale_shown, held.locales)))),
        fact(_("Catalogue"), products(held.products)),
        fact(_("Trained on"), judgments(held.train_judgments)),
        fact(_("Held-out queries"), _("{shown} of {n}").format(shown=evaluated, n=of) if some else evaluated),
        fact(_("Their judgments"), number(held.judgments_evaluated)),
    ]
    notice = fill("<p>{notice}</p>", notice=_(held.notice)) if held.notice else EMPTY
    return section("data", _("Data"), join([notice, _facts(facts)]))


def encoders(measured: Evaluation, serving: Mapping[str, EncoderDescription]) -> Html:
    """Which weights were measured, and whether the same ones answer here.

    Args:
        measured: what training measured.
        serving: {system: the encoder that answers here}.
    """
    parts = [_encoder(part, encoder, serving.get(part)) for part, encoder in measured.encoders.items()]
    if not parts:
        return EMPTY
    return section("encoders", _("Encoders"), fill('<div class="pair">{parts}</div>', parts=join(parts)))


def settings(measured: Evaluation) -> Html:
    """Every setting of the run, as ``train.py --help`` or ``python -m space evaluate --help`` names it."""
    if not measured.settings:
        return EMPTY
    facts = [
        fact("--" + name.replace("_", "-"), _setting(value))
        for name, value in measured.settings.items()
        if value is not None
    ]
    said = _("All {n} settings of train.py") if measured.training else _("All {n} settings of the evaluation")
    listed = fill(
        "<details><summary>{summary}</summary>{facts}</details>",
        summary=said.format(n=len([one for one in facts if one])),
        facts=_facts(facts, "facts mono"),
    )
    return section("settings", _("Settings"), listed)


def _facts(facts: Sequence[Html], kind: str = "facts") -> Html:
    return fill('<dl class="{kind}">{facts}</dl>', kind=kind, facts=join(facts))


def _encoder(part: str, encoder: EncoderDescription, serving: EncoderDescription | None) -> Html:
    same = ""
    if serving is not None and serving.fingerprint == encoder.fingerprint:
        same = _("the same weights")
    elif serving is not None:
        same = _("other weights, {fingerprint}").format(fingerprint=serving.fingerprint)
    prompts = ", ".join(f"{kind} “{text}”" for kind, text in encoder.prompts.items() if text)
    facts = [
        fact(_("Model"), encoder.id),
        fact(_("Note"), encoder.reason),
        fact(_("Revision"), encoder.revision or _("none")),
        fact(_("Fingerprint"), encoder.fingerprint),
        fact(_("Answering here"), same),
        fact(_("Dimensions"), encoder.dim),
        fact(_("Tokens read"), encoder.max_seq_length),
        fact(_("Precision"), encoder.precision),
        fact(_("Prompts"), prompts or _("none")),
    ]
    return fill(
        '<div class="{kind}"><h3>{name}</h3>{facts}</div>',
        kind=kind(part),
        name=system_name(part),
        facts=_facts(facts, "facts mono"),
    )


def _curve(points: list[tuple[float, float]]) -> Html:
    losses = pd.Series([loss for _step, loss in points])
    window = max(1, round(len(losses) / _SMOOTHED))
    smooth = losses.rolling(window, center=True, min_periods=1).mean()
    margin = (losses.max() - losses.min()) * 0.06 or 1.0
    over = charts.Scale(float(losses.min() - margin), float(losses.max() + margin))
    said = _("Loss by step: {start} at the start, {end} at the end.").format(
        start=fraction(losses.head(window).mean(), 4), end=fraction(losses.tail(window).mean(), 4)
    )
    return fill(
        '<p class="lead">{said}<span class="keys"><span class="key raw">{raw}</span> '
        '<span class="key smooth">{smooth}</span></span></p>'
        '<div class="drawing"><div class="ends" aria-hidden="true"><span>{high}</span><span>{low}</span></div>{curve}'
        '</div><div class="steps" aria-hidden="true"><span>{first}</span><span>{last}</span></div>',
        said=said,
        raw=_("each logged step"),
        smooth=_("a tenth of the run averaged"),
        high=fraction(over.high),
        low=fraction(over.low),
        curve=charts.curve(points, smooth.tolist(), over, said),
        first=_("step {n}").format(n=number(points[0][0])),
        last=_("step {n}").format(n=number(points[-1][0])),
    )


def _points(history: Sequence[Mapping[str, float]]) -> list[tuple[float, float]]:
    """(step, loss) by rising step, from the trainer's log."""
    return sorted((entry["step"], entry["loss"]) for entry in history if "step" in entry and "loss" in entry)


def _issue(issue: int) -> Html:
    return fill(
        '<a href="{url}" target="_blank" rel="noopener noreferrer">{name}</a>',
        url=f"{_ISSUES}{issue}",
        name=_("issue {n}").format(n=issue),
    )


def _gain(gain: float) -> str:
    """``1``, ``.1``, ``.01``."""
    return fraction(gain, len(f"{gain:g}".partition(".")[2]))


def _duration(seconds: float) -> str:
    if seconds < 120:
        return _("{n} s").format(n=number(seconds))
    if seconds < 7200:
        return _("{n} min").format(n=number(seconds / 60))
    return _("{n} h").format(n=number(seconds / 3600, 1))


def _setting(value: object) -> str:
    several = isinstance(value, Iterable) and not isinstance(value, str | Mapping)
    return " ".join(map(str, value)) if several else str(value)
