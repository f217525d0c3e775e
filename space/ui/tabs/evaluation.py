"""The tab that says whether fine-tuning helped, on what, and how certain that is."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import gradio as gr

from space import i18n
from space.encoding.description import TUNED
from space.evaluation import findings, slices
from space.evaluation.estimates import PairedDifference
from space.evaluation.held_out_queries import Pair, measured_systems
from space.evaluation.provenance import Measured
from space.evaluation.schema import Evaluation
from space.evaluation.tables import HEADLINE, ProtocolTable
from space.feedback.people import People
from space.i18n import N_, number
from space.i18n import gettext as _
from space.search.description import EngineDescription
from space.search.engine import SearchEngine
from space.ui.events.areas import report_area, sent
from space.ui.html import charts, numbers, per_query, protocols, runs, smaller
from space.ui.html.doubts import doubts
from space.ui.html.markup import EMPTY, Html, conclusions, fill, join, section
from space.ui.html.names import system_name
from space.ui.html.verdict import best_of_several, concluded, measured_elsewhere
from space.ui.language import Texts, in_visitors_language
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
    choices = measured_systems(engine.evaluation)

    @lru_cache(maxsize=32)
    def in_language(code: str, pair: Pair | None = None) -> Html:
        with i18n.language(code):
            if engine.elsewhere:
                return elsewhere(engine.elsewhere, engine.description)
            return page(
                engine.evaluation, engine.description, several=engine.several_locales, pair=pair, choices=choices
            )

    def choose_pair(event: gr.EventData) -> Html:
        pair = sent(event, "system"), sent(event, "reference")
        return in_language(i18n.current(), pair if set(pair) <= set(choices) else None)

    switch = build_switch(texts) if people is not None and can_count_people(engine) else None
    area = report_area(
        texts,
        lambda: in_language(i18n.current()),
        WAITING,
        classes=["e5-eval"],
        scripts=script("links", "evaluation"),
    )
    area.select(
        in_visitors_language(choose_pair), None, area, api_visibility="private", show_progress="hidden",
        trigger_mode="always_last",
    )  # fmt: skip
    if switch is not None and people is not None:

        def recounted(measured: Evaluation) -> Html:
            return page(measured, engine.description, several=engine.several_locales)

        connect_switch(switch, area, Recount(engine, people, recounted), lambda: in_language(i18n.current()))
    return area


def page(
    measured: Evaluation | None,
    description: EngineDescription,
    *,
    several: bool = False,
    pair: Pair | None = None,
    choices: Sequence[str] = (),
) -> Html:
    """The whole tab.

    Args:
        measured: what training measured on this catalogue, or None.
        description: of what answers here, which may be other encoders than those measured.
        several: whether the catalogue has several locales.
        pair: whose queries are shown one by one and in slices; None for the candidate and the reference.
        choices: the systems that the visitor can choose a pair of.
    """
    if measured is None:
        return _nothing()
    pair = pair or (measured.candidate, measured.reference)
    frame = slices.queries(measured, pair)
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
                per_query.chart(frame, pair, choices, several=several),
                per_query.sliced(frame, measured.label_scale, pair) if pair[0] != pair[1] else EMPTY,
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
    found = measured.difference(measured.candidate)
    if found is None:
        said = findings.verdict(measured) or _("This evaluation says nothing about fine-tuning.")
        return fill('<section class="answer"><h2>{said}</h2>{doubt}</section>', said=said, doubt=doubt)
    protocol, metric = HEADLINE
    systems = measured.protocols.get(protocol, ProtocolTable()).systems
    levels = {system: figures[metric].mean for system, figures in systems.items() if metric in figures}
    best = best_of_several(measured)
    return fill(
        '<section class="answer {outcome}"><h2>{said}.</h2>{moved}{best}{beside}{doubt}</section>',
        outcome=found.outcome,
        said=concluded(found, measured),
        moved=_moved(found, measured, levels) if found.n else EMPTY,
        best=fill("<p>{said}</p>", said=" ".join(best)) if best else EMPTY,
        beside=_beside(measured, levels),
        doubt=doubt,
    )


def _moved(found: PairedDifference, measured: Evaluation, levels: Mapping[str, float | None]) -> Html:
    """The headline metric of both systems, and the queries that won, tied and lost."""
    said = _(
        "Over {n} held-out queries, nDCG@10 in the full catalogue went from {base} to <b>{tuned}</b>: <b>{change}</b> "
        "on average, 95 % interval {low} to {high}."
    )
    if not measured.is_tuning:
        said = _(
            "Over {n} held-out queries, nDCG@10 in the full catalogue is {base} with {reference} and <b>{tuned}</b> "
            "with {system}: <b>{change}</b> on average, 95 % interval {low} to {high}."
        )
    record = findings.record(found)
    return fill(
        '<p>{said}</p>{bar}<p class="record">{record}</p>',
        said=fill(
            said,
            n=number(found.n),
            reference=system_name(measured.reference),
            system=system_name(measured.candidate),
            base=numbers.plain(levels.get(measured.reference)),
            tuned=numbers.plain(levels.get(measured.candidate)),
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


def _beside(measured: Evaluation, levels: Mapping[str, float | None]) -> Html:
    """The levels of the other systems, for scale."""
    tuning = measured.candidate == TUNED
    candidate = system_name(measured.candidate)
    fused = _("fine-tuned and BM25 fused") if tuning else _("{system} and BM25 fused").format(system=candidate)
    others = [
        f"{name} {numbers.plain(levels[system])}"
        for system, name in (("random", _("a random order")), ("bm25", _("BM25")), ("hybrid", fused))
        if levels.get(system) is not None
    ]
    if not others:
        return EMPTY
    said = [_("For scale: {systems}.").format(systems=", ".join(others))]
    bm25, tuned = levels.get("bm25"), levels.get(measured.candidate)
    if bm25 is not None and tuned is not None and bm25 > tuned:
        above = _("BM25, which needs no training, is above {system} here.").format(system=candidate)
        said.append(_("BM25, which needs no training, is above the fine-tuned encoder here.") if tuning else above)
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
