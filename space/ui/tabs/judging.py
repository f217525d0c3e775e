"""The part of "Try your own" that takes a visitor's judgments and shows nDCG of both encoders and BM25."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from space.encoding.description import BASE
from space.errors import UserError
from space.evaluation.estimates import PairedDifference
from space.i18n import fraction, ngettext, number
from space.i18n import gettext as _
from space.search import own_judgments
from space.search.kept_catalogues import KeptCatalogues
from space.ui.events.areas import html
from space.ui.events.form_events import ALONE
from space.ui.html import names
from space.ui.html.markup import Html, fill, join
from space.ui.html.panels import problem
from space.ui.language import Texts, in_visitors_language

EXAMPLE = "query,product,rating\nrunning shoes,Red running shoes,3\nrunning shoes,Ceramic coffee mug,1"


def build_judging(
    texts: Texts, kept: KeptCatalogues, gone: Callable[[], Html], *, both: bool
) -> tuple[gr.Column, gr.Textbox, gr.HTML]:
    """Lay out the part, hidden until a catalogue is loaded; returns it, its text box and its figures.

    Args:
        texts: of the page.
        kept: the visitors' catalogues; a measured one is kept with its labels.
        gone: what to show where the visitor's catalogue is no longer kept.
        both: the catalogue is embedded with two encoders, and not with one.
    """
    with gr.Column(visible=False) as judging:
        ratings = gr.Textbox(label=texts.label("Your judgments"), placeholder=EXAMPLE, lines=4, max_lines=9)
        label = texts.label("Measure both encoders") if both else texts.label("Measure the encoder")
        measure = gr.Button(label, variant="secondary", scale=0, min_width=170)
        figures = html("", ["e5-out", "e5-own-figures"])

    def judge(pasted: str, visitor: gr.Request) -> Html:
        visit = visitor.session_hash or ""
        engine = kept.get(visit)
        if engine is None:
            return gone()
        try:
            found = own_judgments.measure(engine, pasted or "", _("your judgments"))
        except UserError as error:
            return problem(str(error))
        kept.put(visit, found.engine)
        return measured(found)

    private: dict[str, Any] = {"api_visibility": "private", "trigger_mode": "always_last"}
    measure.click(in_visitors_language(judge), ratings, figures, show_progress="minimal", **private, **ALONE)
    return judging, ratings, figures


def measured(found: own_judgments.Measured) -> Html:
    """nDCG@10 of every system on the visitor's judgments, with its difference from the reference."""
    reference = found.engine.roles.reference
    against = _("Against base") if reference == BASE else _("Against {reference}")
    rows = join(
        fill(
            '<tr><th scope="row">{name}</th><td>{mean}</td><td>{change}</td></tr>',
            name=names.system_name(name),
            mean="–" if one.mean is None else fraction(one.mean),
            change=_change(found.differences.get(name)),
        )
        for name, one in found.systems.items()
    )
    said = ngettext(
        "{n} judged query; unjudged counts as 0.", "{n} judged queries; unjudged counts as 0.", found.queries
    )
    return fill(
        '<p role="status">{said}</p><table><thead><tr><td></td><th scope="col">nDCG@10</th>'
        '<th scope="col">{against}</th></tr></thead><tbody>{rows}</tbody></table>',
        said=said.format(n=number(found.queries)),
        against=against.format(reference=names.system_name(reference)),
        rows=rows,
    )


def _change(found: PairedDifference | None) -> str:
    if found is None or found.mean is None:
        return "–"
    low, high = fraction(found.low or 0, signed=True), fraction(found.high or 0, signed=True)
    return f"{fraction(found.mean, signed=True)} [{low}, {high}]"
