"""The tab that shows what the loaded data is like."""

import threading

import gradio as gr

from space.data.profile import describe
from space.search.engine import SearchEngine
from space.ui.events.appear import when_shown
from space.ui.html.markup import Html
from space.ui.html.profile_report import report

WAITING = "Counting what is in the data …"
_REMARK = (
    "Here stands what this page has loaded: the catalogue, and the judgments held out for testing. "
    "python -m space eda describes the training judgments too."
)


def build_data_tab(engine: SearchEngine) -> gr.HTML:
    """Lay out the tab where the caller's context is, and fill it when it is looked at first."""
    made: list[Html] = []
    counting = threading.Lock()

    def show() -> Html:
        # Once for all visitors, and not before anybody looks: a large catalogue takes some seconds.
        with counting:
            if not made:
                made.append(
                    report(
                        describe(engine.catalogue, {"test": engine.judgments}),
                        protocols=engine.evaluation.protocols if engine.evaluation else {},
                        remark=_REMARK,
                    )
                )
        return made[0]

    return when_shown(show, WAITING, always=False, classes="e5-data")
