"""The tab that describes the loaded data."""

import threading

import gradio as gr

from space.data.profile import DataProfile, describe
from space.i18n import N_
from space.i18n import gettext as _
from space.search.engine import SearchEngine
from space.ui.events.areas import report_area
from space.ui.html.markup import Html
from space.ui.html.profile_report import report
from space.ui.language import Texts

WAITING = N_("Counting what is in the data …")


def build_data_tab(engine: SearchEngine, texts: Texts) -> gr.HTML:
    """Lay out the tab in the current context of Gradio; it is filled when a visitor opens it."""
    counted: list[DataProfile] = []
    counting = threading.Lock()

    def show() -> Html:
        # Counted once for all visitors, at the first look: a large catalogue takes some seconds.
        with counting:
            if not counted:
                counted.append(describe(engine.catalogue, {"test": engine.judgments}, engine.scale))
        return report(
            counted[0],
            protocols=engine.evaluation.protocols if engine.evaluation else {},
            remark=_(
                "This describes what the page has loaded: the catalogue, and the judgments held out for testing. "
                "The command python -m space eda describes the training judgments too."
            ),
        )

    return report_area(texts, show, WAITING, classes=["e5-out", "e5-data"])
