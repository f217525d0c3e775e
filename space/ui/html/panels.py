"""What the page shows in place of results: a welcome, an error, the reason why nothing was found."""

from collections.abc import Mapping

from space.encoding.description import TUNED
from space.errors import FilterError, QueryError
from space.i18n import gettext as _
from space.i18n import ngettext
from space.ui.html.markup import Html, fill
from space.ui.html.names import field_labels, system_name


def welcome(text: str) -> Html:
    """What will be here once there is a query."""
    return fill('<div class="panel"><p>{text}</p></div>', text=text)


def status(text: str) -> Html:
    """A sentence in place of a report."""
    return fill('<div class="panel" role="status"><p>{text}</p></div>', text=text)


def problem(text: str) -> Html:
    """What went wrong and how to mend it."""
    return fill('<div class="panel problem" role="alert"><p>{text}</p></div>', text=text[:1].upper() + text[1:])


def refused(error: QueryError) -> Html:
    """Why a search could not be answered, with the fields named as the form does."""
    return problem(error.worded(field_labels()) if isinstance(error, FilterError) else str(error))


def locale_dropped(locale: str, query: str) -> Html:
    """That the locale of the query picked before does not apply to the one that was typed."""
    text = _("The locale {locale} came with “{query}” and is not used for your query: all locales are searched.")
    said = text.format(locale=locale, query=query)
    return fill('<div class="panel bent note" role="status"><p>{said}</p></div>', said=said)


def other_reference(picked: str, used: str) -> Html:
    """That the system to compare with is not among the columns, so that another one is used."""
    text = _("{picked} is turned off, so the others are compared with {used}.")
    said = text.format(picked=system_name(picked), used=system_name(used))
    return fill('<div class="panel bent note" role="status"><p>{said}</p></div>', said=said)


def no_hits(system: str, emptied: Mapping[str, object], candidate: str = TUNED) -> Html:
    """Why nothing was found.

    Args:
        system: which searched; only BM25 finds nothing although products pass the filters.
        emptied: {filter: value} of those that leave no product, see ``Facets.emptied_by``.
        candidate: an encoder that can be tried instead.
    """
    return fill(
        '<div class="panel" role="status"><p><strong>{nothing}</strong> {why}</p></div>',
        nothing=_("Nothing found."),
        why=why_nothing(system, emptied, candidate),
    )


def why_nothing(system: str, emptied: Mapping[str, object], candidate: str = TUNED) -> str:
    """What emptied a list: the filters, or the words of the query."""
    if emptied:
        labels = field_labels()
        named = ", ".join(f"“{labels.get(name, name)}” ({value})" for name, value in emptied.items())
        text = ngettext(
            "The filter {filters} leaves no product. The words of the query are not the reason: change the filter.",
            "The filters {filters} leave no product. The words of the query are not the reason: change a filter.",
            len(emptied),
        )
        return text.format(filters=named)
    if system == "bm25" and candidate == TUNED:
        return _("No product shares a word with this query. The encoders do not need shared words: try Fine-tuned.")
    if system == "bm25":
        said = _("No product shares a word with this query. The encoders do not need shared words: try {encoder}.")
        return said.format(encoder=system_name(candidate))
    return _("No product passes these filters. Set one of them back to “Any”.")
