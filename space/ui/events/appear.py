"""Content that is made when its tab is looked at, however the visitor got there. Knows nothing of what is shown."""

from collections.abc import Callable

import gradio as gr

from space.ui.html import cards
from space.ui.html.markup import Html

# Hidden, an element has no size; so this also notices a tab that a link or another tab has opened.
_SCRIPT = """let seen = false;
new ResizeObserver(() => {
  const now = element.checkVisibility();
  if (now && !seen && (%s || element.querySelector(".panel"))) trigger("appear");
  seen = now;
}).observe(element);"""


def when_shown(make: Callable[[], Html], waiting: str, *, always: bool, classes: str) -> gr.HTML:
    """A place that is filled when it comes into view.

    Args:
        make: gives the content.
        waiting: what stands there until then.
        always: fill it anew each time, and not only until there is something.
        classes: of the element, beside ours.
    """
    place = gr.HTML(
        cards.welcome(waiting),
        apply_default_css=False,
        elem_classes=["e5-out", classes],
        js_on_load=_SCRIPT % ("true" if always else "false"),
    )
    place.appear(make, None, place, api_visibility="private", show_progress="hidden", trigger_mode="once")
    return place
