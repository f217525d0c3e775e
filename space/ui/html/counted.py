"""What an evaluation counts in addition to the labels: people's judgments and a model's grades, as HTML."""

from space.feedback.machine import KAPPA_NEEDED, PAIRS_NEEDED, MachineAgreement
from space.feedback.people_evaluation import WithPeople
from space.feedback.raters import VISITS
from space.i18n import fraction, ngettext, number
from space.i18n import gettext as _
from space.ui.html.ballot import rater_name
from space.ui.html.markup import EMPTY, Html, fill, join

#: Raters that are listed.
_LISTED = 20


def people(found: WithPeople) -> Html:
    """How many judgments of people count."""
    judged = ngettext(
        "{n} judgment by {raters} counts beside the labels.",
        "{n} judgments by {raters} count beside the labels.",
        found.pairs,
    )
    raters = ngettext("{n} rater", "{n} raters", len(found.raters)).format(n=number(len(found.raters)))
    said = judged.format(n=number(found.pairs), raters=raters)
    if not found.pairs and not found.machine:
        said = _("People have judged nothing yet, so these are the labels alone, evaluated again on this page.")
    return fill('<div class="e5-people"><p role="status">{said}</p>{raters}</div>', said=said, raters=_raters(found))


def _raters(found: WithPeople) -> Html:
    """How many of the judgments each rater gave; those who gave most."""
    if not found.raters:
        return EMPTY
    rows = join(
        fill(
            '<tr><th scope="row">{name}</th><td>{n}</td></tr>',
            name=_("visits without a name") if rater == VISITS else rater_name(rater),
            n=number(count),
        )
        for rater, count in list(found.raters.items())[:_LISTED]
    )
    return fill(
        "<details><summary>{title}</summary><table><tbody>{rows}</tbody></table></details>",
        title=_("By whom"),
        rows=rows,
    )


def machine(agreement: MachineAgreement, grades: int) -> Html:
    """How many grades of a model count, and how well it agrees with people.

    Args:
        agreement: of the model with people.
        grades: how many of the model's grades count.
    """
    said = ngettext(
        "{n} grade of the language model {model} counts, where neither a label nor a person says anything.",
        "{n} grades of the language model {model} count, where neither a label nor a person says anything.",
        grades,
    ).format(n=number(grades), model=agreement.model)
    if not agreement.is_good:
        said = _(
            "The grades of the language model {model} do not count: its agreement with people should be {needed} on "
            "{pairs} pairs."
        ).format(model=agreement.model, needed=fraction(KAPPA_NEEDED), pairs=number(PAIRS_NEEDED))
    return fill(
        '<section class="e5-machine"><p>{said} {agrees}</p><details><summary>{title}</summary>{table}</details>'
        "</section>",
        said=said,
        agrees=_agrees(agreement),
        title=_("Where it agrees with people"),
        table=_confusion(agreement),
    )


def _agrees(agreement: MachineAgreement) -> str:
    pairs = ngettext("{n} pair", "{n} pairs", agreement.pairs).format(n=number(agreement.pairs))
    unclear = ngettext(
        "It could not tell {n} pair that people judged.",
        "It could not tell {n} pairs that people judged.",
        agreement.unclear,
    ).format(n=number(agreement.unclear))
    if agreement.kappa is None:
        said = _("Its agreement with people is not known on {pairs}.").format(pairs=pairs)
    else:
        said = _("Its agreement with people on {pairs}: Cohen's kappa {value}.").format(
            pairs=pairs, value=fraction(agreement.kappa, signed=True)
        )
    return f"{said} {unclear}" if agreement.unclear else said


def _confusion(agreement: MachineAgreement) -> Html:
    """Pairs by the grade of people, in rows, and of the model, in columns."""
    names = list(agreement.confusion)
    rows = join(
        fill(
            '<tr><th scope="row">{name}</th>{cells}</tr>',
            name=name,
            cells=join(fill("<td>{n}</td>", n=number(agreement.confusion[name][column])) for column in names),
        )
        for name in names
    )
    return fill(
        "<table><caption>{caption}</caption><thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table>",
        caption=_("Pairs by the grade of people (rows) and of the model (columns)"),
        head=join(fill('<th scope="col">{name}</th>', name=name) for name in names),
        rows=rows,
    )
