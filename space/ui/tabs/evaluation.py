"""The tab that says whether fine-tuning helped, on what, and on what grounds.

All of it is drawn once, from the evaluation the store holds, and is the same for every visitor. Gradio puts the
content of a tab into the page only when the tab is opened, so that the first paint does not wait for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import gradio as gr

from space.encoding.description import EncoderDescription
from space.evaluation import findings, slices
from space.evaluation.protocols import BASE
from space.evaluation.schema import HEADLINE, Evaluation, ProtocolTable
from space.evaluation.slices import TUNED
from space.search.engine import SearchEngine
from space.ui.html import charts, numbers, per_query, protocols, runs
from space.ui.html.markup import EMPTY, Html, fill, join
from space.ui.static import script

COMMANDS = (
    "accelerate launch train.py --dataset FOLDER",
    "python build_embeddings.py --dataset FOLDER",
    "python app.py",
)


@dataclass(frozen=True)
class EvaluationTab:
    """The component, for whoever follows the links in it."""

    output: gr.HTML


def build_evaluation_tab(engine: SearchEngine) -> EvaluationTab:
    """Lay out the tab where the caller's context is."""
    output = gr.HTML(
        page(engine.evaluation, engine.description.encoders, several=engine.several_locales),
        apply_default_css=False,
        elem_classes="e5-eval",
        js_on_load=script("links", "evaluation"),
    )
    return EvaluationTab(output)


def page(measured: Evaluation | None, serving: Mapping[str, EncoderDescription], *, several: bool = False) -> Html:
    """The whole tab.

    Args:
        measured: what training measured, or None.
        serving: {system: the encoder that answers here}, which may have other weights than the one measured.
        several: whether the catalogue has several locales.
    """
    if measured is None:
        return _nothing()
    frame = slices.queries(measured)
    return fill(
        '<div class="evaluation">{parts}</div>',
        parts=join(
            [
                _verdict(measured, serving),
                protocols.section("full_catalogue", measured),
                protocols.section("judged", measured),
                _said("lexical", "BM25 and fusion", findings.lexical(measured)),
                _said("outside", "Outside the shop", findings.outside(measured)),
                runs.gains(measured),
                per_query.chart(frame, several=several),
                per_query.sliced(frame),
                runs.training(measured),
                runs.data(measured),
                runs.encoders(measured, serving),
                runs.settings(measured),
            ]
        ),
    )


def _verdict(measured: Evaluation, serving: Mapping[str, EncoderDescription]) -> Html:
    """The answer in plain words, and what speaks against taking it for one."""
    found = measured.difference(TUNED)
    if found is None:
        said = findings.verdict(measured) or "This evaluation says nothing of fine-tuning."
        return fill(
            '<section class="answer"><h2>{said}</h2>{doubt}</section>', said=said, doubt=_doubt(measured, serving)
        )
    protocol, metric = HEADLINE
    systems = measured.protocols.get(protocol, ProtocolTable()).systems
    levels = {system: figures[metric].mean for system, figures in systems.items() if metric in figures}
    moved = (
        fill(
            "<p>Over {n} held-out queries, nDCG@10 in the full catalogue went from {base} to <b>{tuned}</b>: "
            '<b>{mean}</b> on average, 95 % interval {low} to {high}.</p>{bar}<p class="record">{record}</p>',
            n=f"{found.n:,}",
            base=numbers.plain(levels.get(BASE)),
            tuned=numbers.plain(levels.get(TUNED)),
            mean=numbers.signed(found.mean),
            low=numbers.signed(found.low),
            high=numbers.signed(found.high),
            bar=charts.shares(
                [("up", found.wins), ("same", found.ties), ("down", found.losses)], findings.record(found)
            ),
            record=findings.record(found),
        )
        if found.n
        else EMPTY
    )
    return fill(
        '<section class="answer {bearing}"><h2>{said}.</h2>{moved}{beside}{doubt}</section>',
        bearing=found.outcome,
        said=findings.conclusion(found),
        moved=moved,
        beside=_beside(levels),
        doubt=_doubt(measured, serving),
    )


def _said(kind: str, title: str, sentences: Sequence[str]) -> Html:
    """What the figures say of one question, nothing where they say nothing."""
    if not sentences:
        return EMPTY
    return fill(
        '<section class="{kind}"><h2>{title}</h2><ul class="conclusions">{sentences}</ul></section>',
        kind=kind,
        title=title,
        sentences=join(fill("<li>{sentence}</li>", sentence=sentence) for sentence in sentences),
    )


def _beside(levels: Mapping[str, float | None]) -> Html:
    """What the others reach, without which a level means little."""
    others = [
        f"{name} {numbers.plain(levels[system])}"
        for system, name in (("random", "a random order"), ("bm25", "BM25"), ("hybrid", "fine-tuned and BM25 fused"))
        if levels.get(system) is not None
    ]
    if not others:
        return EMPTY
    bm25, tuned = levels.get("bm25"), levels.get(TUNED)
    above = bm25 is not None and tuned is not None and bm25 > tuned
    return fill(
        '<p class="beside">For scale: {others}.{above}</p>',
        others=", ".join(others),
        above=" BM25, which needs no training, is above the fine-tuned encoder here." if above else "",
    )


def _doubt(measured: Evaluation, serving: Mapping[str, EncoderDescription]) -> Html:
    others = runs.other_weights(measured, serving)
    if not others:
        return EMPTY
    return fill(
        '<p class="doubt" role="note">Measured with other weights than those that answer here ({others}): Search and '
        "Compare need not show what these figures say.</p>",
        others=" and ".join(others),
    )


def _nothing() -> Html:
    """What to do where nothing has been measured."""
    return fill(
        '<div class="evaluation"><section class="answer none"><h2>Nothing has been measured here.</h2><p>What is '
        "served comes without an evaluation: it was made from a catalogue alone, or with a model that train.py did "
        "not make. Search and Compare work all the same. Whether fine-tuning helped can only be told with judgments; "
        "training measures before and after by itself:</p><pre><code>{commands}</code></pre></section></div>",
        commands="\n".join(COMMANDS),
    )
