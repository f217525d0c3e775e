"""A comparison as one table: a row for each product, a column of ranks for each system.

On a phone style.css makes a list of it: a card for each product with its rank in each system, those of rank 1 first.
"""

from collections.abc import Callable, Mapping

from space.i18n import gettext as _
from space.search.results import Comparison, Hit, ProductKey
from space.ui.html.labels import badge
from space.ui.html.markup import EMPTY, Html, fill, join
from space.ui.html.names import id_shown, language_of, system_name
from space.ui.html.picture import picture

#: {system: {product: rank}}, in the order of the lists.
Ranks = Mapping[str, Mapping[ProductKey, int]]


def ranks_of(found: Comparison) -> dict[str, dict[ProductKey, int]]:
    """The rank of each product in each list."""
    return {name: {hit.key: hit.rank for hit in result.hits} for name, result in found.systems.items()}


def ordered(ranks: Ranks, first: str | None = None) -> list[ProductKey]:
    """Every product once: the list of ``first`` (or the first list), then the other products by their best rank."""
    leading = ranks[first] if first else next(iter(ranks.values()))
    best: dict[ProductKey, int] = {}
    for of_system in ranks.values():
        for key, rank in of_system.items():
            best[key] = min(rank, best.get(key, rank))
    return [*leading, *sorted((key for key in best if key not in leading), key=lambda key: best[key])]


def rank_table(
    found: Comparison,
    marks: Mapping[str, Mapping[ProductKey, Html]],
    *,
    judged: bool,
    more: Callable[[Hit], Html] = lambda hit: EMPTY,
) -> Html:
    """The table, hidden until the visitor chooses it.

    Args:
        found: what was compared.
        marks: {system: {product: how it moved}}; those of the reference and what moved from it are shown.
        judged: whether any product has a gold label; only then there is a column for labels.
        more: makes what stands below the title of a product.
    """
    ranks = ranks_of(found)
    hits = {hit.key: hit for result in found.systems.values() for hit in result.hits}
    rows = []
    marked = {*found.moves, found.reference}
    for key in ordered(ranks, found.beside):
        label = badge(hits[key].grade) if judged else EMPTY
        cells = [
            _cell(name, ranks[name].get(key), marks[name].get(key, EMPTY) if name in marked else EMPTY)
            for name in ranks
        ]
        rows.append(
            fill(
                '<tr data-same="{locale}/{id}" style="--best:{best}"><th scope="row">{picture}'
                '<span class="name" lang="{language}">{title}</span><span class="id">{shown}</span>{narrow}{more}</th>'
                "{label}{cells}</tr>",
                best=min(of_system[key] for of_system in ranks.values() if key in of_system),
                picture=picture(hits[key]),
                language=language_of(key[0]),
                title=hits[key].title or _("(no title)"),
                locale=key[0],
                id=key[1],
                shown=id_shown(*key),
                # On a phone style.css hides the label's column, and the label stands below the title.
                narrow=fill('<span class="narrow">{label}</span>', label=label) if judged else EMPTY,
                label=fill('<td class="label">{label}</td>', label=label) if judged else EMPTY,
                more=more(hits[key]),
                cells=join(cells),
            )
        )
    return fill(
        '<div class="aligned" hidden tabindex="0" role="region" aria-label="{name}"><table><thead><tr>'
        "{product}{label}{heads}</tr></thead><tbody>{rows}</tbody></table></div>",
        name=_("Ranks by product"),
        product=_head(_("Product")),
        label=fill('<th scope="col" class="label">{label}</th>', label=_("Label")) if judged else EMPTY,
        heads=join(_head(system_name(name)) for name in ranks),
        rows=join(rows),
    )


def _head(name: str) -> Html:
    return fill('<th scope="col">{name}</th>', name=name)


def _cell(system: str, rank: int | None, mark: Html) -> Html:
    # The name is shown on a phone only, where no column says it.
    of = fill('<span class="of">{name}</span> ', name=system_name(system))
    if rank is None:
        return fill(
            '<td class="none">{of}<span aria-hidden="true">–</span><span class="unseen">{none}</span></td>',
            of=of,
            none=_("not listed"),
        )
    return fill("<td>{of}<b>{rank}</b> {mark}</td>", of=of, rank=rank, mark=mark)
