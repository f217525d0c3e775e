"""What smaller vectors cost, as a table: the first dimensions and the codes of every encoder."""

from collections.abc import Sequence

from space.evaluation.estimates import PairedDifference
from space.evaluation.schema import Evaluation
from space.evaluation.tables import HEADLINE, SmallerVectors
from space.i18n import N_, ngettext, number
from space.i18n import gettext as _
from space.ui.html import names, numbers
from space.ui.html.markup import EMPTY, Html, fill, join
from space.ui.html.markup import section as under

#: {what a number is kept in: how it is shown}.
CODES = {
    "float16": N_("float16"),
    "int8": N_("int8"),
    "binary": N_("binary"),
    "centred-binary": N_("binary, centred"),
}


def section(measured: Evaluation) -> Html:
    """The table below a sentence that says what it holds; nothing where smaller vectors were not measured."""
    if not measured.smaller:
        return EMPTY
    title = _("Smaller vectors")
    lead = _(
        "Each encoder with the first numbers of its vectors only, and with codes in place of float16 numbers. The "
        "change is from its whole float16 vectors, in full-catalogue nDCG@10."
    )
    heads = (_("Encoder"), _("Numbers"), _("Kept as"), _("Bytes a product"), _("nDCG@10"), _("Change"))
    body = fill(
        # Wider than a phone: the keyboard can scroll it.
        '<p class="lead">{lead}</p><details><summary>{summary}</summary><div class="wide" tabindex="0" role="region" '
        'aria-label="{title}"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div></details>',
        lead=lead,
        summary=ngettext("{n} size", "{n} sizes", len(measured.smaller)).format(n=number(len(measured.smaller))),
        title=title,
        heads=join(fill('<th scope="col">{head}</th>', head=head) for head in heads),
        rows=join(_rows(measured.smaller)),
    )
    return under("smaller", title, body)


def _rows(found: Sequence[SmallerVectors]) -> list[Html]:
    protocol, metric = HEADLINE
    return [
        fill(
            '<tr><th scope="row">{encoder}</th><td>{dim}</td><td>{code}</td><td>{bytes}</td><td>{mean}</td>'
            "<td>{change}</td></tr>",
            encoder=names.system_name(one.encoder),
            dim=number(one.dim),
            code=_("{code}, rescored").format(code=_code(one)) if one.rescored else _code(one),
            bytes=number(one.bytes),
            mean=numbers.estimate(one.figures.get(protocol, {}).get(metric)),
            change=_change(one.differences.get(protocol, {}).get(metric)),
        )
        for one in found
    ]


def _code(one: SmallerVectors) -> str:
    return _(CODES[one.code]) if one.code in CODES else one.code


def _change(found: PairedDifference | None) -> Html:
    return EMPTY if found is None else numbers.change(found)
