"""The guided minute: the texts of four steps over the real page, which static/tour.js shows once."""

from space.i18n import N_
from space.i18n import gettext as _
from space.ui.html.markup import Html, fill, join

#: (what a step points at, its heading, its text). A step without its target on the page is left out: a page without a
#: measured verdict has three.
STEPS = (
    (
        ".gradio-container .masthead div.verdict",
        N_("The verdict"),
        N_("This says whether fine-tuning helped on the test queries, and by how much."),
    ),
    (
        ".e5-ask",
        N_("Try a query"),
        N_("Type what you would look for in a shop and press Enter, or take one of the test queries."),
    ),
    (
        '[role="tab"][data-tab-id="compare"]',
        N_("Side by side"),
        N_("The tab “Compare” shows the results before and after fine-tuning, and those of plain keyword search."),
    ),
    (
        '[role="tab"][data-tab-id="evaluation"]',
        N_("The evidence"),
        N_("The tab “Evaluation” shows how it was measured, how sure the result is, and where it got worse."),
    ),
)


#: {a text of ``STEPS``: what is said where the encoders are not base and tuned}.
OF_OTHERS = {
    STEPS[0][2]: N_("This says which encoder is better on the test queries, and by how much."),
    STEPS[2][2]: N_("The tab “Compare” shows the results of several encoders, and those of plain keyword search."),
}


def tour(*, tuning: bool = True) -> Html:
    """The steps and the words of the card in the current language, hidden.

    Args:
        tuning: whether the encoders are base and tuned.
    """
    return fill(
        '<div class="steps" hidden data-label="{label}" data-next="{further}" data-done="{done}" data-skip="{skip}" '
        'data-place="{place}">{steps}</div>',
        label=_("A guided minute"),
        further=_("Next"),
        done=_("Done"),
        skip=_("Skip"),
        place=_("{step} of {steps}"),
        steps=join(
            fill(
                '<p data-target="{target}" data-heading="{heading}">{text}</p>',
                target=target,
                heading=_(heading),
                text=_(text if tuning else OF_OTHERS.get(text, text)),
            )
            for target, heading, text in STEPS
        ),
    )
