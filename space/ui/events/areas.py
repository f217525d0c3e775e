"""Places on the page for HTML from the server, and what their scripts send back."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from space.i18n import gettext as _
from space.ui.html.markup import Html
from space.ui.html.panels import welcome
from space.ui.language import Texts, in_visitors_language
from space.ui.static import script

# A hidden element has no size, so this also sees a tab that was opened by a link or by the server.
_WHEN_SHOWN = """let seen = false;
new ResizeObserver(() => {
  const now = element.checkVisibility();
  if (now && !seen && (ALWAYS || element.querySelector(".panel"))) trigger("appear");
  seen = now;
}).observe(element);"""


def html(content: Any, classes: str | list[str], script: str | None = None) -> gr.HTML:
    """HTML without Gradio's styles; ``script`` runs in the browser once the element is there."""
    return gr.HTML(content, apply_default_css=False, elem_classes=classes, js_on_load=script)


@dataclass(frozen=True)
class ResultArea:
    """A place for results.

    Attributes:
        seen: what the visitor sees and clicks, and where progress is shown. Its script is static/results.js.
        found: takes the HTML of an answer, which that script puts into ``seen``. As a value of ``seen`` Gradio would
            copy it at each step of an event, and change the answer before it into the new one node by node.
    """

    seen: gr.HTML
    found: gr.Textbox


def result_area(texts: Texts, text: str, name: str) -> ResultArea:
    """Where results go; until then it shows ``text``. No other place for results has this ``name``."""
    place = json.dumps(name)
    seen = html(texts.each(lambda: welcome(_(text))), "e5-out", script("links", "results").replace("PLACE", place))
    found = gr.Textbox(visible=False)
    # The place may not be drawn yet: its script looks for what was found before.
    js = f"html => {{ (window.e5Found ??= {{}})[{place}] = html; document.dispatchEvent(new Event('found')); }}"
    found.change(None, found, None, js=js, api_visibility="private")
    return ResultArea(seen, found)


def report_area(
    texts: Texts,
    make: Callable[[], Html],
    waiting: str,
    *,
    classes: list[str],
    always: bool = False,
    scripts: str = "",
) -> gr.HTML:
    """A report that is made when the visitor opens its tab.

    Args:
        texts: of the page.
        make: returns the report in the current language.
        waiting: what the area shows until then.
        classes: of the element.
        always: make it anew each time the tab is opened.
        scripts: further JavaScript for the area.
    """
    when_shown = _WHEN_SHOWN.replace("ALWAYS", "true" if always else "false")
    area = html(texts.each(lambda: welcome(_(waiting))), classes, when_shown + scripts)
    area.appear(
        in_visitors_language(make), None, area, api_visibility="private", show_progress="hidden", trigger_mode="once"
    )
    return area


def sent(event: gr.EventData, name: str) -> str:
    """A text that a script of the page sent with an event; "" if it is missing or no text: requests can be forged."""
    try:
        value = getattr(event, name, "")
    except TypeError:  # Gradio 6.31 raises this for an event that was sent without data
        return ""
    return value if isinstance(value, str) else ""
