"""What stands where results go while there are none: a welcome, an error, the reason why nothing was found."""

from space.i18n import gettext as _
from space.ui.html.markup import Html, fill


def welcome(text: str) -> Html:
    """What will be here once there is a query."""
    return fill('<div class="panel"><p>{text}</p></div>', text=text)


def status(text: str) -> Html:
    """A sentence in place of a report."""
    return fill('<div class="panel" role="status"><p>{text}</p></div>', text=text)


def problem(text: str) -> Html:
    """What went wrong and how to mend it."""
    return fill('<div class="panel problem" role="alert"><p>{text}</p></div>', text=text[:1].upper() + text[1:])


def no_hits(system: str) -> Html:
    """Why nothing was found; without filters only BM25 can find nothing."""
    why = (
        _("No product shares a word with this query. The encoders do not need shared words: try Fine-tuned.")
        if system == "bm25"
        else _("No product passes these filters. Set one of them back to “Any”.")
    )
    return fill(
        '<div class="panel" role="status"><p><strong>{nothing}</strong> {why}</p></div>',
        nothing=_("Nothing found."),
        why=why,
    )
