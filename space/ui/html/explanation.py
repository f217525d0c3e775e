"""Why a product was found, as HTML: bars on both sides of zero, and a sentence that names the strongest parts."""

from collections.abc import Sequence

from space.data.words import without_signs
from space.i18n import N_, fraction, ngettext, number
from space.i18n import gettext as _
from space.search.explanation import Explanation, Part
from space.ui.html.markup import EMPTY, Html, fill, join
from space.ui.html.names import language_of, listed, score_name, system_name

FIELDS = {"title": N_("Title"), "brand": N_("Brand"), "color": N_("Colour"), "bullets": N_("Bullet points")}
#: The same within a sentence.
_IN_SENTENCE = {
    "title": N_("the title"),
    "brand": N_("the brand"),
    "color": N_("the colour"),
    "bullets": N_("the bullet points"),
}
_WHERE = {
    "title": N_("in the title"),
    "brand": N_("in the brand"),
    "color": N_("in the colour"),
    "bullets": N_("in the bullet points"),
}
#: Smaller differences are not put into words.
_WORTH_A_WORD = 0.01
_SHOWN = 90


def reasons(found: Explanation) -> Html:
    """The content of the dialog, without its heading."""
    kind = _("score") if found.system == "bm25" else score_name(found.system)
    return fill(
        '<p class="product" lang="{language}">{title}</p><p class="lead">{score} {sentence}</p>{bars}{means}{notes}',
        language=language_of(found.product_locale),
        title=_shortened(found.title, 200) or _("(no title)"),
        score=fill(
            _("{system} gives it a {score_name} of <strong>{score}</strong> for {query}."),
            system=system_name(found.system),
            score_name=kind,
            score=_number(found.score, found.system, signed=False),
            query=fill("<q>{query}</q>", query=found.query),
        ),
        sentence=sentence(found),
        bars=join(
            [
                _bars(_("What each field of the product adds"), found.fields, found.system),
                _bars(_("What each word of the query adds"), found.words, found.system),
                _bars(_("What each term adds"), found.terms, found.system),
                _bars(_("What each ranking adds"), found.lists, found.system),
            ]
        ),
        means=_means(found),
        notes=join(fill('<p class="means">{note}</p>', note=note) for note in found.notes),
    )


def sentence(found: Explanation) -> str:
    """The strongest parts in words, and what speaks against the product."""
    if found.terms:
        return _of_terms(found.terms)
    if found.lists:
        return _of_lists(found.lists)
    strongest = [
        max(parts, key=lambda part: part.contribution) for parts in (found.fields, found.words) if len(parts) > 1
    ]
    for_it = [_name(part, found) for part in strongest if part.contribution > _WORTH_A_WORD]
    against = [_name(part, found) for part in [*found.fields, *found.words] if part.contribution < -_WORTH_A_WORD]
    said = [_("What counts most is {parts}.").format(parts=listed(for_it))] if for_it else []
    if against:
        said.append(_("It would score higher without {parts}.").format(parts=listed(against)))
    return " ".join(said) or _("No single part decides: without any one of them the score stays about the same.")


def _of_terms(terms: Sequence[Part]) -> str:
    missing = [f"“{part.name}”" for part in terms if not part.contribution]
    best = max(terms, key=lambda part: part.contribution)
    if not best.contribution:
        return _("The product shares no term with the query.")
    count = best.products or 0
    said = ngettext(
        "“{term}” adds most: {n} product of the catalogue has it.",
        "“{term}” adds most: {n} products of the catalogue have it.",
        count,
    ).format(term=best.name, n=number(count))
    if not missing:
        return said
    lacks = _("The product does not have {terms}.").format(terms=listed(missing))
    return f"{said} {lacks}"


def _of_lists(lists: Sequence[Part]) -> str:
    where = [
        _("{system} ranks it {rank}").format(system=system_name(part.name), rank=part.rank)
        if part.rank
        else _("{system} does not have it among its first 100").format(system=system_name(part.name))
        for part in lists
    ]
    return _("{ranks}. Only ranks count here, at 1 / (60 + rank) each.").format(ranks=", ".join(where))


def _bars(heading: str, parts: Sequence[Part], system: str) -> Html:
    """Rows of name, bar and figure on one scale; zero is at the left, or further right if a bar goes below it."""
    if not parts:
        return EMPTY
    below = max(0.0, *(-part.contribution for part in parts))
    above = max(0.0, *(part.contribution for part in parts))
    span = (below + above) or 1.0
    zero = below / span
    rows = join(
        fill(
            '<li><span class="part"{data}>{name}</span><span class="track" aria-hidden="true" style="--zero:{zero}">'
            '<span class="fill {side}" style="--from:{start};--size:{size}"></span></span>'
            '<span class="figure">{figure}</span>{detail}</li>',
            name=_label(part, system),
            data=EMPTY if part.text is not None or system == "hybrid" else Html(' translate="no"'),
            zero=f"{zero:.1%}",
            side="against" if part.contribution < 0 else "for",
            start=f"{zero + min(part.contribution, 0.0) / span:.1%}",
            size=f"{abs(part.contribution) / span:.1%}",
            figure=_number(part.contribution, system),
            detail=_detail(part),
        )
        for part in parts
    )
    return fill('<section><h3>{heading}</h3><ul class="bars">{rows}</ul></section>', heading=heading, rows=rows)


def _detail(part: Part) -> Html:
    """What stands under a bar: the field's text, where a term occurs, or the rank in a list."""
    if part.text is not None:
        return fill('<span class="detail" translate="no">{text}</span>', text=_shortened(part.text))
    if part.fields is not None:
        count = part.products or 0
        said = ngettext("{n} product has it", "{n} products have it", count).format(n=number(count))
        # A Japanese term may lie across the end of a field, so that no field alone has it.
        where = "" if part.contribution else _("not in this product")
        where = listed([_(_WHERE[name]) for name in part.fields]) if part.fields else where
        return fill('<span class="detail">{said}</span>', said=f"{where}; {said}" if where else said)
    if part.rank is not None:
        return fill('<span class="detail">{said}</span>', said=_("rank {rank}").format(rank=part.rank))
    return EMPTY


def _means(found: Explanation) -> Html:
    if found.fields or found.words:
        said = _(
            "Measured by leaving out each part and encoding again: a bar to the right is how much the score falls "
            "without the part, a bar to the left how much it rises. An encoder reads everything together, so the "
            "bars do not add up to the score."
        )
    elif found.terms or found.lists:
        said = _("These add up to the score.")
    else:
        return EMPTY
    return fill('<p class="means">{said}</p>', said=said)


def _label(part: Part, system: str) -> str:
    if system == "hybrid":
        return system_name(part.name)
    return _(FIELDS[part.name]) if part.text is not None else _shortened(without_signs(part.name), 40)


def _name(part: Part, found: Explanation) -> str:
    """A field or a word within a sentence: the title, the word “red”."""
    if part in found.words:
        return _("the word “{word}”").format(word=_shortened(without_signs(part.name), 40))
    return _(_IN_SENTENCE[part.name])


def _number(value: float, system: str, *, signed: bool = True) -> str:
    """A score or a part of one; fused scores are small and have four digits. What rounds to zero has no sign."""
    digits = 4 if system == "hybrid" else 3
    return fraction(round(value, digits) + 0.0, digits, signed=signed)


def _shortened(text: str, length: int = _SHOWN) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
