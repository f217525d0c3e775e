"""A comparison as one table: a row for each product, a column of ranks for each system. Pure functions."""

from collections.abc import Mapping

from space.search.results import Comparison, ProductKey
from space.ui.html import cards
from space.ui.html.markup import EMPTY, Html, fill, join

#: {system: {product: rank}}, in the order of the lists.
Ranks = Mapping[str, Mapping[ProductKey, int]]


def ranks_of(found: Comparison) -> dict[str, dict[ProductKey, int]]:
    """Where each product stands in each list."""
    return {name: {hit.key: hit.rank for hit in result.hits} for name, result in found.systems.items()}


def ordered(ranks: Ranks) -> list[ProductKey]:
    """Every product once: tuned's list (without it the first one), then the rest by the best rank they have."""
    leading = ranks["tuned"] if "tuned" in ranks else next(iter(ranks.values()))
    best: dict[ProductKey, int] = {}
    for of_system in ranks.values():
        for key, rank in of_system.items():
            best[key] = min(rank, best.get(key, rank))
    return [*leading, *sorted((key for key in best if key not in leading), key=lambda key: best[key])]


def aligned(found: Comparison, marks: Mapping[str, Mapping[ProductKey, Html]], *, judged: bool) -> Html:
    """The table, hidden until it is asked for.

    Args:
        found: what was compared.
        marks: {system: {product: how it moved}}; those of base and tuned are shown.
        judged: whether the query was judged at all, so that labels are worth a column.
    """
    ranks = ranks_of(found)
    hits = {hit.key: hit for result in found.systems.values() for hit in result.hits}
    heads = join(fill('<th scope="col">{name}</th>', name=cards.NAMES.get(name, name)) for name in ranks)
    rows = join(
        fill(
            '<tr data-same="{locale}/{id}"><th scope="row"><span class="name" lang="{language}">{title}</span>'
            '<span class="id">{locale} · {id}</span>{narrow}</th>{label}{cells}</tr>',
            language=cards.LANGUAGES.get(key[0], ""),
            title=hits[key].title or "(no title)",
            locale=key[0],
            id=key[1],
            # On a phone the ranks have to fit: there the label stands below the title, by style.css.
            narrow=fill('<span class="narrow">{badge}</span>', badge=cards.badge(hits[key].esci_label))
            if judged
            else EMPTY,
            label=fill('<td class="label">{badge}</td>', badge=cards.badge(hits[key].esci_label)) if judged else EMPTY,
            cells=join(
                _cell(ranks[name].get(key), marks[name].get(key, EMPTY) if name in ("base", "tuned") else EMPTY)
                for name in ranks
            ),
        )
        for key in ordered(ranks)
    )
    return fill(
        '<div class="aligned" hidden tabindex="0" role="region" aria-label="Ranks by product"><table><thead><tr>'
        '<th scope="col">Product</th>{label}{heads}</tr></thead><tbody>{rows}</tbody></table></div>',
        label=Html('<th scope="col" class="label">Label</th>') if judged else EMPTY,
        heads=heads,
        rows=rows,
    )


def _cell(rank: int | None, mark: Html) -> Html:
    if rank is None:
        return Html('<td class="none"><span aria-hidden="true">–</span><span class="unseen">not listed</span></td>')
    return fill("<td><b>{rank}</b> {mark}</td>", rank=rank, mark=mark)
