"""The tab that says whether fine-tuning helped, on what, and how certain that is."""

from collections.abc import Mapping, Sequence
from functools import cache

import gradio as gr

from space import i18n
from space.encoding.description import BASE, TUNED
from space.evaluation import findings, slices
from space.evaluation.provenance import Measured
from space.evaluation.schema import HEADLINE, Evaluation, PairedDifference, ProtocolTable
from space.feedback.people import People
from space.i18n import N_, number
from space.i18n import gettext as _
from space.search.description import EngineDescription
from space.search.engine import SearchEngine
from space.ui.events.areas import report_area
from space.ui.html import charts, numbers, per_query, protocols, runs, smaller
from space.ui.html.doubts import doubts
from space.ui.html.markup import EMPTY, Html, conclusions, fill, join, section
from space.ui.html.verdict import measured_elsewhere
from space.ui.language import Texts
from space.ui.static import script
from space.ui.tabs.recount import Recount, build_switch, can_count_people, connect_switch

WAITING = N_("Drawing the evaluation …")
COMMANDS = (
    "accelerate launch train.py --dataset FOLDER",
    "python build_embeddings.py --dataset FOLDER",
    "python app.py",
)


def build_evaluation_tab(engine: SearchEngine, texts: Texts, people: People | None = None) -> gr.HTML:
    """Lay out the tab in the current context of Gradio; it is filled when a visitor opens it."""

    @cache
    def in_language(code: str) -> Html:
        with i18n.language(code):
            if engine.elsewhere:
                return elsewhere(engine.elsewhere, engine.description)
            return page(engine.evaluation, engine.description, several=engine.several_locales)

    switch = build_switch(texts) if people is not None and can_count_people(engine) else None
    area = report_area(
        texts,
        lambda: in_language(i18n.current()),
        WAITING,
        classes=["e5-eval"],
        scripts=script("links", "evaluation"),
    )
    if switch is not None and people is not None:

        def recounted(measured: Evaluation) -> Html:
            return page(measured, engine.description, several=engine.several_locales)

        connect_switch(switch, area, Recount(engine, people, recounted), lambda: in_language(i18n.current()))
    return area


def page(measured: Evaluation | None, description: EngineDescription, *, several: bool = False) -> Html:
    """The whole tab.

    Args:
        measured: what training measured on this catalogue, or None.
        description: of what answers here, which may be other encoders than those measured.
        several: whether the catalogue has several locales.
    """
    if measured is None:
        return _nothing()
    frame = slices.queries(measured)
    return fill(
        '<div class="evaluation">{parts}</div>',
        parts=join(
            [
                _verdict(measured, description),
                protocols.section("full_catalogue", measured),
                protocols.section("judged", measured),
                smaller.section(measured),
                _said("lexical", _("BM25 and fusion"), findings.lexical(measured)),
                _said("outside", _("Outside the shop"), findings.outside(measured)),
                runs.gains(measured),
                per_query.chart(frame, several=several),
                per_query.sliced(frame, measured.label_scale),
                runs.training(measured),
                runs.data(measured),
                runs.encoders(measured, description.encoders),
                runs.settings(measured),
            ]
        ),
    )


def _verdict(measured: Evaluation, description: EngineDescription) -> Html:
    """The answer in plain words, and what speaks against relying on it."""
    doubt = _doubt(measured, description)
    found = measured.difference(TUNED)
    if found is None:
        said = findings.verdict(measured) or _("This evaluation says nothing about fine-tuning.")
        return fill('<section class="answer"><h2>{said}</h2>{doubt}</section>', said=said, doubt=doubt)
    protocol, metric = HEADLINE
    systems = measured.protocols.get(protocol, ProtocolTable()).systems
    levels = {system: figures[metric].mean for system, figures in systems.items() if metric in figures}
    return fill(
        '<section class="answer {outcome}"><h2>{said}.</h2>{moved}{beside}{doubt}</section>',
        outcome=found.outcome,
        said=findings.conclusion(found),
        moved=_moved(found, levels) if found.n else EMPTY,
        beside=_beside(levels),
        doubt=doubt,
    )


def _moved(found: PairedDifference, levels: Mapping[str, float | None]) -> Html:
    """The headline metric before and after, and the queries that won, tied and lost."""
    said = _(
        "Over {n} held-out queries, nDCG@10 in the full catalogue went from {base} to <b>{tuned}</b>: <b>{change}</b> "
        "on average, 95 % interval {low} to {high}."
    )
    record = findings.record(found)
    return fill(
        '<p>{said}</p>{bar}<p class="record">{record}</p>',
        said=fill(
            said,
            n=number(found.n),
            base=numbers.plain(levels.get(BASE)),
            tuned=numbers.plain(levels.get(TUNED)),
            change=numbers.signed(found.mean),
            low=numbers.signed(found.low),
            high=numbers.signed(found.high),
        ),
        bar=charts.shares([("up", found.wins), ("same", found.ties), ("down", found.losses)], record),
        record=record,
    )


def _said(kind: str, title: str, sentences: Sequence[str]) -> Html:
    """The findings on one question; nothing if there are none."""
    return section(kind, title, conclusions(sentences)) if sentences else EMPTY


def _beside(levels: Mapping[str, float | None]) -> Html:
    """The levels of the other systems, for scale."""
    others = [
        f"{name} {numbers.plain(levels[system])}"
        for system, name in (
            ("random", _("a random order")),
            ("bm25", _("BM25")),
            ("hybrid", _("fine-tuned and BM25 fused")),
        )
        if levels.get(system) is not None
    ]
    if not others:
        return EMPTY
    said = [_("For scale: {systems}.").format(systems=", ".join(others))]
    bm25, tuned = levels.get("bm25"), levels.get(TUNED)
    if bm25 is not None and tuned is not None and bm25 > tuned:
        said.append(_("BM25, which needs no training, is above the fine-tuned encoder here."))
    return fill('<p class="beside">{said}</p>', said=" ".join(said))


def _doubt(measured: Evaluation, description: EngineDescription) -> Html:
    said = doubts(measured, description)
    return fill('<p class="doubt" role="note">{said}</p>', said=" ".join(said)) if said else EMPTY


def elsewhere(measured: Measured, description: EngineDescription) -> Html:
    """The whole tab where the evaluation is of another catalogue: how the model was made, without its figures.

    Args:
        measured: of another catalogue, or of one that is not known.
        description: of what answers here.
    """
    found = measured.evaluation
    there = findings.verdict(found)
    said = _(
        "To know whether fine-tuning helps here, judge products for queries of this catalogue, train and measure on "
        "them, and embed the catalogue with that model:"
    )
    head = fill(
        '<section class="answer none"><h2>{head}</h2>{there}<p>{said}</p><pre><code>{commands}</code></pre></section>',
        head=measured_elsewhere(measured),
        there=fill("<p>{said}</p>", said=_("There: {verdict}").format(verdict=there)) if there else EMPTY,
        said=said,
        commands="\n".join(COMMANDS),
    )
    parts = [
        head,
        _said("outside", _("Outside the shop"), findings.outside(found)),
        runs.training(found),
        runs.data(found),
        runs.encoders(found, description.encoders),
        runs.settings(found),
    ]
    return fill('<div class="evaluation">{parts}</div>', parts=join(parts))


def _nothing() -> Html:
    """What to do if there is no evaluation."""
    said = _(
        "This store has no evaluation: it was made from a catalogue alone, or with a model that train.py did not "
        "make. Search and Compare work all the same. Only judgments can tell whether fine-tuning helped; train.py "
        "measures before and after:"
    )
    return fill(
        '<div class="evaluation"><section class="answer none"><h2>{head}</h2><p>{said}</p><pre><code>{commands}</code>'
        "</pre></section></div>",
        head=_("Nothing has been measured here."),
        said=said,
        commands="\n".join(COMMANDS),
    )
