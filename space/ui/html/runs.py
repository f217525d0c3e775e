"""How a model came about, as HTML: gains, training, data, encoders, settings. Pure functions."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from space.data.judgments import GAINS
from space.encoding.description import EncoderDescription
from space.evaluation.schema import Evaluation
from space.ui.html import charts
from space.ui.html.cards import NAMES
from space.ui.html.markup import EMPTY, Html, fill, join

_ISSUES = "https://github.com/amazon-science/esci-data/issues/"
_SMOOTHED = 10  # a tenth of the run on each point of the smooth line


def gains(measured: Evaluation) -> Html:
    """What a label is worth, and why other figures may not be comparable."""
    known = measured.gains or GAINS
    worth = ", ".join(f"{label} {gain:g}".replace(" 0.", " .") for label, gain in known.items())
    return fill(
        '<section class="gains"><h2>What a label is worth</h2><p>Gains: {worth}. nDCG discounts a gain by '
        '<span class="figure">1/log₂(rank + 1)</span>.</p>'
        "<p>Figures copied from the official ESCI ranking script do not compare with these: it swaps Substitute and "
        "Complement in effect, so that a Complement counts ten times as much as a Substitute "
        "(amazon-science/esci-data, {nine} and {eighteen}).</p></section>",
        worth=worth,
        nine=_issue(9),
        eighteen=_issue(18),
    )


def training(measured: Evaluation) -> Html:
    """The loss by step, and what the run took."""
    run = measured.training
    if run is None:
        return Html(
            '<section class="training"><h2>Training</h2><p class="absent">This evaluation says nothing of the '
            "training.</p></section>"
        )
    facts = [
        _fact("Examples", f"{run.examples:,}"),
        _fact("Steps", f"{run.steps:,}"),
        _fact("Weights kept of step", "" if run.best_step is None else f"{run.best_step:,}"),
        _fact("Time", _duration(run.seconds)),
        _fact("Speed", "" if run.examples_per_second is None else f"{run.examples_per_second:,.1f} examples/s"),
        _fact("Memory at most", f"{run.peak_memory_gb:,.1f} GB"),
        _fact("Device", run.device),
        _fact("Computed in", run.precision),
        _fact("TensorBoard run", run.run),
    ]
    points = _points(run.history)
    return fill(
        '<section class="training"><h2>Training</h2>{curve}<dl class="facts">{facts}</dl></section>',
        curve=_curve(points)
        if len(points) > 1
        else Html('<p class="absent">Too few steps were logged to draw a curve.</p>'),
        facts=join(facts),
    )


def data(measured: Evaluation) -> Html:
    """What was learned from and measured on."""
    held = measured.dataset
    if held is None:
        return EMPTY
    some = f" of {held.queries:,}" if held.queries_evaluated != held.queries else ""
    facts = [
        _fact("Data set", held.name),
        _fact("Locales", ", ".join(held.locales)),
        _fact("Catalogue", f"{held.products:,} products"),
        _fact("Learned from", f"{held.train_judgments:,} judgments"),
        _fact("Held-out queries", f"{held.queries_evaluated:,}{some}"),
        _fact("Their judgments", f"{held.judgments_evaluated:,}"),
    ]
    return fill(
        '<section class="data"><h2>Data</h2>{notice}<dl class="facts">{facts}</dl></section>',
        notice=fill("<p>{notice}</p>", notice=held.notice) if held.notice else EMPTY,
        facts=join(facts),
    )


def encoders(measured: Evaluation, serving: Mapping[str, EncoderDescription]) -> Html:
    """Which weights were measured, and whether the same ones answer here.

    Args:
        measured: what training measured.
        serving: {system: the encoder that answers here}.
    """
    parts = [
        _encoder(part, measured.encoders[part], serving.get(part))
        for part in ("base", "tuned")
        if part in measured.encoders
    ]
    if not parts:
        return EMPTY
    return fill(
        '<section class="encoders"><h2>Encoders</h2><div class="pair">{parts}</div></section>', parts=join(parts)
    )


def settings(measured: Evaluation) -> Html:
    """Every setting of the run, as ``train.py --help`` names it."""
    if not measured.settings:
        return EMPTY
    facts = [
        _fact("--" + name.replace("_", "-"), _setting(value))
        for name, value in measured.settings.items()
        if value is not None
    ]
    return fill(
        '<section class="settings"><h2>Settings</h2><details><summary>All {count} settings of train.py</summary>'
        '<dl class="facts mono">{facts}</dl></details></section>',
        count=len([fact for fact in facts if fact]),
        facts=join(facts),
    )


def other_weights(measured: Evaluation, serving: Mapping[str, EncoderDescription]) -> list[str]:
    """The names of the encoders that answer here with other weights than were measured."""
    both = [part for part in ("base", "tuned") if part in measured.encoders and part in serving]
    return [NAMES[part] for part in both if serving[part].fingerprint != measured.encoders[part].fingerprint]


def _encoder(part: str, encoder: EncoderDescription, serving: EncoderDescription | None) -> Html:
    same = ""
    if serving is not None:
        now = serving.fingerprint
        same = "the same weights" if now == encoder.fingerprint else f"other weights, {now}"
    prompts = ", ".join(f"{kind} “{text}”" for kind, text in encoder.prompts.items() if text)
    facts = [
        _fact("Model", encoder.id),
        _fact("Note", encoder.reason),
        _fact("Revision", encoder.revision or "none"),
        _fact("Fingerprint", encoder.fingerprint),
        _fact("Answering here", same),
        _fact("Dimensions", encoder.dim),
        _fact("Tokens read", encoder.max_seq_length),
        _fact("Precision", encoder.precision),
        _fact("Prompts", prompts or "none"),
    ]
    return fill(
        '<div class="{part}"><h3>{name}</h3><dl class="facts mono">{facts}</dl></div>',
        part=part,
        name=NAMES[part],
        facts=join(facts),
    )


def _curve(points: list[tuple[float, float]]) -> Html:
    losses = pd.Series([loss for _, loss in points])
    window = max(1, round(len(losses) / _SMOOTHED))
    smooth = losses.rolling(window, center=True, min_periods=1).mean()
    margin = (losses.max() - losses.min()) * 0.06 or 1.0
    over = charts.Scale(float(losses.min() - margin), float(losses.max() + margin))
    start, end = losses.head(window).mean(), losses.tail(window).mean()
    steps = f"{points[0][0]:,.0f}", f"{points[-1][0]:,.0f}"
    said = f"Loss by step: {start:.4f} at the start, {end:.4f} at the end."
    return fill(
        '<p class="lead">{said}<span class="keys"><span class="key raw">each logged step</span> '
        '<span class="key smooth">a tenth of the run averaged</span></span></p>'
        '<div class="drawing"><div class="ends" aria-hidden="true"><span>{high}</span><span>{low}</span></div>{curve}'
        '</div><div class="steps" aria-hidden="true"><span>step {first}</span><span>step {last}</span></div>',
        said=said,
        high=f"{over.high:.3f}",
        low=f"{over.low:.3f}",
        curve=charts.curve(points, smooth.tolist(), over, said),
        first=steps[0],
        last=steps[1],
    )


def _points(history: Sequence[Mapping[str, float]]) -> list[tuple[float, float]]:
    """(step, loss) by rising step, from the trainer's log."""
    return sorted((entry["step"], entry["loss"]) for entry in history if "step" in entry and "loss" in entry)


def _fact(name: str, value: object) -> Html:
    shown = value is not None and value != ""
    return fill("<div><dt>{name}</dt><dd>{value}</dd></div>", name=name, value=value) if shown else EMPTY


def _issue(issue: int) -> Html:
    return fill(
        '<a href="{url}" target="_blank" rel="noopener noreferrer">issue {issue}</a>',
        url=f"{_ISSUES}{issue}",
        issue=issue,
    )


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _setting(value: object) -> str:
    return (
        " ".join(map(str, value))
        if isinstance(value, Iterable) and not isinstance(value, str | Mapping)
        else str(value)
    )
