"""How a model came about, as HTML: gains, training, data, encoders, settings. Pure functions."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from space.data.judgments import GAINS
from space.ui.html import charts, numbers
from space.ui.html.cards import NAMES
from space.ui.html.markup import EMPTY, Html, fill, join

_ISSUES = "https://github.com/amazon-science/esci-data/issues/"
_SMOOTHED = 10  # a tenth of the run on each point of the smooth line


def gains(measured: Mapping[str, Any]) -> Html:
    """What a label is worth, and why other figures may not be comparable."""
    known = numbers.part(measured, "gains") or GAINS
    worth = ", ".join(f"{label} {numbers.number(gain) or 0:g}".replace(" 0.", " .") for label, gain in known.items())
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


def training(measured: Mapping[str, Any]) -> Html:
    """The loss by step, and what the run took."""
    run = numbers.part(measured, "training")
    points = _points(run.get("history"))
    if not run:
        return Html(
            '<section class="training"><h2>Training</h2><p class="absent">This evaluation says nothing of the '
            "training.</p></section>"
        )
    facts = [
        _fact("Examples", _whole(run.get("examples"))),
        _fact("Steps", _whole(run.get("steps"))),
        _fact("Weights kept of step", "" if run.get("best_step") is None else _whole(run["best_step"])),
        _fact("Time", _duration(run.get("seconds"))),
        _fact("Speed", _speed(run.get("examples_per_second"))),
        _fact("Memory at most", _gigabytes(run.get("peak_memory_gb"))),
        _fact("Device", run.get("device")),
        _fact("Computed in", run.get("precision")),
        _fact("TensorBoard run", run.get("run")),
    ]
    return fill(
        '<section class="training"><h2>Training</h2>{curve}<dl class="facts">{facts}</dl></section>',
        curve=_curve(points)
        if len(points) > 1
        else Html('<p class="absent">Too few steps were logged to draw a curve.</p>'),
        facts=join(facts),
    )


def data(measured: Mapping[str, Any]) -> Html:
    """What was learned from and measured on."""
    held = numbers.part(measured, "dataset")
    if not held:
        return EMPTY
    measured_on, of = _whole(held.get("queries_evaluated")), _whole(held.get("queries"))
    locales = held.get("locales")
    facts = [
        _fact("Data set", held.get("name")),
        _fact("Locales", ", ".join(map(str, locales)) if isinstance(locales, list) else ""),
        _fact("Catalogue", f"{_whole(held.get('products'))} products"),
        _fact("Learned from", f"{_whole(held.get('train_judgments'))} judgments"),
        _fact("Held-out queries", f"{measured_on} of {of}" if measured_on != of else measured_on),
        _fact("Their judgments", _whole(held.get("judgments_evaluated"))),
    ]
    notice = held.get("notice")
    return fill(
        '<section class="data"><h2>Data</h2>{notice}<dl class="facts">{facts}</dl></section>',
        notice=fill("<p>{notice}</p>", notice=notice) if notice else EMPTY,
        facts=join(facts),
    )


def encoders(measured: Mapping[str, Any], serving: Mapping[str, Any]) -> Html:
    """Which weights were measured, and whether the same ones answer here.

    Args:
        measured: content of evaluation.json.
        serving: the engine's description, for its "encoders".
    """
    parts = [
        _encoder(part, encoder, numbers.part(serving, "encoders", part))
        for part in ("base", "tuned")
        if (encoder := numbers.part(measured, "encoders", part))
    ]
    if not parts:
        return EMPTY
    return fill(
        '<section class="encoders"><h2>Encoders</h2><div class="pair">{parts}</div></section>', parts=join(parts)
    )


def settings(measured: Mapping[str, Any]) -> Html:
    """Every setting of the run, as ``train.py --help`` names it."""
    given = numbers.part(measured, "settings")
    if not given:
        return EMPTY
    facts = [
        _fact("--" + str(name).replace("_", "-"), _setting(value))
        for name, value in given.items()
        if value is not None
    ]
    return fill(
        '<section class="settings"><h2>Settings</h2><details><summary>All {count} settings of train.py</summary>'
        '<dl class="facts mono">{facts}</dl></details></section>',
        count=len([fact for fact in facts if fact]),
        facts=join(facts),
    )


def other_weights(measured: Mapping[str, Any], serving: Mapping[str, Any]) -> list[str]:
    """The encoders, by name, that answer here and are not those that were measured."""
    fingerprints = {
        part: [numbers.part(one, "encoders", part).get("fingerprint") for one in (measured, serving)]
        for part in ("base", "tuned")
    }
    return [NAMES[part] for part, (then, now) in fingerprints.items() if then and now and then != now]


def _encoder(part: str, encoder: Mapping[str, Any], serving: Mapping[str, Any]) -> Html:
    then, now = encoder.get("fingerprint"), serving.get("fingerprint")
    same = "" if not (then and now) else "the same weights" if then == now else f"other weights, {now}"
    prompts = ", ".join(f"{kind} “{text}”" for kind, text in numbers.part(encoder, "prompts").items() if text)
    facts = [
        _fact("Model", encoder.get("id")),
        _fact("Note", encoder.get("reason")),
        _fact("Revision", encoder.get("revision") or "none"),
        _fact("Fingerprint", then),
        _fact("Answering here", same),
        _fact("Dimensions", encoder.get("dim")),
        _fact("Tokens read", encoder.get("max_seq_length")),
        _fact("Precision", encoder.get("precision")),
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


def _points(history: object) -> list[tuple[float, float]]:
    """(step, loss) by rising step, from the trainer's log."""
    entries = [numbers.part(entry) for entry in history] if isinstance(history, list) else []
    pairs = {numbers.number(entry.get("step")): numbers.number(entry.get("loss")) for entry in entries}
    return sorted((step, loss) for step, loss in pairs.items() if step is not None and loss is not None)


def _fact(name: str, value: object) -> Html:
    shown = value is not None and value != ""
    return fill("<div><dt>{name}</dt><dd>{value}</dd></div>", name=name, value=value) if shown else EMPTY


def _issue(issue: int) -> Html:
    return fill(
        '<a href="{url}" target="_blank" rel="noopener noreferrer">issue {issue}</a>',
        url=f"{_ISSUES}{issue}",
        issue=issue,
    )


def _whole(value: object) -> str:
    figure = numbers.number(value)
    return "?" if figure is None else f"{figure:,.0f}"


def _duration(value: object) -> str:
    seconds = numbers.number(value)
    if seconds is None:
        return ""
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.1f} h"
    )


def _speed(value: object) -> str:
    figure = numbers.number(value)
    return "" if figure is None else f"{figure:,.1f} examples/s"


def _gigabytes(value: object) -> str:
    figure = numbers.number(value)
    return "" if figure is None else f"{figure:,.1f} GB"


def _setting(value: object) -> str:
    return (
        " ".join(map(str, value))
        if isinstance(value, Iterable) and not isinstance(value, str | Mapping)
        else str(value)
    )
