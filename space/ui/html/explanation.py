"""An explanation to HTML: bars on both sides of zero, and the sentence that says what they mean. Pure functions."""

from collections.abc import Sequence

from space.search.explanation import Explanation, Part
from space.ui.html.cards import LANGUAGES, NAMES, SCORES, counted
from space.ui.html.markup import EMPTY, Html, fill, join

FIELDS = {"title": "Title", "brand": "Brand", "color": "Colour", "bullets": "Bullet points"}
_LEFT_OUT = (
    "Measured by leaving each part out and encoding again: a bar is how much the score falls without it, or, left of "
    "the line, how much it would rise. An encoder reads everything together, so the bars do not add up to the score."
)
_ADDS_UP = "These add up to the score."
#: Smaller differences are not put into words.
_WORTH_A_WORD = 0.01
_SHOWN = 90


def reasons(found: Explanation) -> Html:
    """The content of the dialog, but for its heading."""
    return fill(
        '<p class="product" lang="{language}">{title}</p><p class="lead">{name} gives it a {kind} of '
        "<strong>{score}</strong> for <q>{query}</q>. {sentence}</p>{bars}{means}{notes}",
        language=LANGUAGES.get(found.product_locale, ""),
        title=_shortened(found.title, 200) or "(no title)",
        name=NAMES.get(found.system, found.system),
        kind="score" if found.system == "bm25" else SCORES.get(found.system, "score"),
        score=_number(found.score, found.system, signed=False),
        query=found.query,
        sentence=sentence(found),
        bars=join(
            [
                _bars("What each field of the product adds", found.fields, found.system),
                _bars("What each word of the query adds", found.words, found.system),
                _bars("What each term adds", found.terms, found.system),
                _bars("What each ranking adds", found.lists, found.system),
            ]
        ),
        means=_means(found),
        notes=join(fill('<p class="means">{note}</p>', note=note) for note in found.notes),
    )


def sentence(found: Explanation) -> str:
    """The strongest of the parts in words, and what speaks against the product."""
    if found.terms:
        return _of_terms(found.terms)
    if found.lists:
        return _of_lists(found.lists)
    strongest = [
        max(parts, key=lambda part: part.contribution) for parts in (found.fields, found.words) if len(parts) > 1
    ]
    for_it = [_name(part, quoted=part in found.words) for part in strongest if part.contribution > _WORTH_A_WORD]
    against = [
        _name(part, quoted=part in found.words)
        for part in [*found.fields, *found.words]
        if part.contribution < -_WORTH_A_WORD
    ]
    said = f"What counts most is {' and '.join(for_it)}." if for_it else ""
    if against:
        said += f" It would score higher without {_listed(against)}."
    return said.strip() or "No single part decides: without any one of them the score stays about the same."


def _of_terms(terms: Sequence[Part]) -> str:
    missing = [f"“{part.name}”" for part in terms if not part.contribution]
    best = max(terms, key=lambda part: part.contribution)
    if not best.contribution:
        return "The product shares no term with the query."
    said = f"“{best.name}” adds most: {counted(best.products or 0, 'product')} of the catalogue {_have(best)} it."
    return said + (f" The product does not have {_listed(missing)}." if missing else "")


def _have(part: Part) -> str:
    return "has" if part.products == 1 else "have"


def _of_lists(lists: Sequence[Part]) -> str:
    where = [
        f"{NAMES.get(part.name, part.name)} ranks it {part.rank}"
        if part.rank
        else f"{NAMES.get(part.name, part.name)} does not have it among its first 100"
        for part in lists
    ]
    return f"{', '.join(where)}. Only ranks count here, at 1 / (60 + rank) each."


def _bars(heading: str, parts: Sequence[Part], system: str) -> Html:
    """Rows of name, bar and figure; one scale for all, with zero where the longest bar to the left needs it."""
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
    """What a bar is about, under it."""
    if part.text is not None:
        said = _shortened(part.text)
    elif part.fields is not None:
        where = _listed([FIELDS[name].lower() for name in part.fields])
        # A term may come about where two fields meet: Japanese is cut into pairs of characters across them.
        said = f"in {where}; " if where else "" if part.contribution else "not in this product; "
        said += f"{counted(part.products or 0, 'product')} {_have(part)} it"
    elif part.rank is not None:
        said = f"rank {part.rank}"
    else:
        return EMPTY
    return fill('<span class="detail">{said}</span>', said=said)


def _means(found: Explanation) -> Html:
    said = _LEFT_OUT if found.fields or found.words else _ADDS_UP if found.terms or found.lists else ""
    return fill('<p class="means">{said}</p>', said=said) if said else EMPTY


def _label(part: Part, system: str) -> str:
    return NAMES.get(part.name, part.name) if system == "hybrid" else FIELDS.get(part.name, part.name) if (
        part.text is not None
    ) else _shortened(part.name, 40)  # fmt: skip


def _name(part: Part, *, quoted: bool) -> str:
    return f"the word “{_shortened(part.name, 40)}”" if quoted else f"the {FIELDS.get(part.name, part.name).lower()}"


def _number(value: float, system: str, *, signed: bool = True) -> str:
    """With a true minus, which is as wide as the plus; ranks fused are small numbers."""
    digits = 4 if system == "hybrid" else 3
    text = f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"
    return text.replace("-", "−") if float(text) else f"{0:.{digits}f}"


def _shortened(text: str, length: int = _SHOWN) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]])) if names else ""
