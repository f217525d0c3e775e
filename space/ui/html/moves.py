"""How products moved between the lists of a comparison: a mark at each product, and a summary in words."""

from collections import Counter
from collections.abc import Mapping, Sequence

from space.encoding.description import BASE, TUNED
from space.i18n import fraction, ngettext, number
from space.i18n import gettext as _
from space.search.results import Comparison, Move, ProductKey
from space.ui.html.help import help_for, with_help
from space.ui.html.markup import EMPTY, Html, fill, join
from space.ui.html.names import system_name
from space.ui.html.rank_table import Ranks


def summary(found: Comparison) -> Html:
    """How many products two lists share, and how the others moved; a hint if base or tuned is not shown."""
    views = fill(
        '<div class="view" role="group" aria-label="{view}">'
        '<button type="button" data-view="lists" aria-pressed="true">{lists}</button>'
        '<button type="button" data-view="table" aria-pressed="false">{table}</button></div>',
        view=_("View"),
        lists=_("Lists"),
        table=_("Table"),
    )
    if not found.moves:
        hint = _("Turn on both Base and Fine-tuned to see what fine-tuning moved.") if found.is_tuning else ""
        said = fill("<strong>{names}.</strong> {hint}", names=", ".join(map(system_name, found.systems)), hint=hint)
        return fill('<div class="moves"><p role="status">{said}</p>{views}</div>', said=said, views=views)
    if len(found.moves) > 1:
        against = _("Against {reference}:").format(reference=system_name(found.reference or ""))
        rows = join(_moved(found, name) for name in found.moves)
        return fill(
            '<div class="moves several"><div role="status"><strong>{against}</strong><ul>{rows}</ul></div>'
            "{views}</div>",
            against=against,
            rows=rows,
            views=views,
        )
    (moved,) = found.moves
    states, shared, size = _counted(found.moves[moved])
    if found.is_tuning:
        said = _(
            "<strong>From base to fine-tuned:</strong> {up} up, {down} down, {same} unchanged, "
            "{entered} came in, {left} dropped out."
        )
    else:
        said = _(
            "<strong>From {reference} to {system}:</strong> {up} up, {down} down, {same} unchanged, "
            "{entered} came in, {left} dropped out."
        )
    return fill(
        '<div class="moves"><p role="status">{moves}</p><p class="overlap"><span>{shared}</span></p>{views}</div>',
        moves=fill(said, reference=system_name(found.reference or ""), system=system_name(moved), **states),
        shared=alike(shared, size, found.shared.rbo if found.shared else None),
        views=views,
    )


def _moved(found: Comparison, system: str) -> Html:
    """One of several systems other than the reference: how its products moved."""
    states, _shared, _size = _counted(found.moves[system])
    said = _("{up} up, {down} down, {same} unchanged, {entered} came in, {left} dropped out")
    return fill("<li><b>{system}</b> {said}</li>", system=system_name(system), said=said.format(**states))


def _counted(moves: Sequence[Move]) -> tuple[dict[str, int], int, int]:
    """How many products moved in which way, how many both lists have, and the length of the longer list."""
    counts = Counter(move.state for move in moves)
    states = {state: counts[state] for state in ("up", "down", "same", "entered", "left")}
    size = max(counts.total() - counts["left"], counts.total() - counts["entered"])
    return states, states["up"] + states["down"] + states["same"], size


def marks(found: Comparison, ranks: Ranks) -> dict[str, dict[ProductKey, Html]]:
    """{system: {product: its mark}}: how far it moved from the reference, else where else it is listed."""
    moves = {name: {move.key: move for move in of_system} for name, of_system in found.moves.items()}
    return {
        name: {key: _mark(key, name, found, moves, ranks) for key in of_system} for name, of_system in ranks.items()
    }


def mark(move: Move | None, reference: str = BASE) -> Html:
    """How far a product moved from the list of the reference; of base and tuned also that it left, for base's list."""
    if move is None:
        return EMPTY
    by = abs((move.before or 0) - (move.after or 0))
    if reference == BASE:
        up = ngettext("up {n} place against base", "up {n} places against base", by)
        down = ngettext("down {n} place against base", "down {n} places against base", by)
        same, absent = _("same rank as base"), _("not in the list of base")
    else:
        up = ngettext("up {n} place against {reference}", "up {n} places against {reference}", by)
        down = ngettext("down {n} place against {reference}", "down {n} places against {reference}", by)
        same, absent = _("same rank as in {reference}"), _("not in the list of {reference}")
    sign, meaning = {
        "up": (f"▲{by}", up),
        "down": (f"▼{by}", down),
        "same": ("=", same),
        "entered": (_("came in"), absent),
        "left": (_("dropped out"), _("not in the list of fine-tuned")),
    }[move.state]
    return _pill(move.state, sign, meaning.format(n=by, reference=system_name(reference)))


def elsewhere(key: ProductKey, system: str, ranks: Ranks) -> Html:
    """The rank of a product in the list of tuned, else of base, else in the first other list that has it.

    For lists of other systems than base and tuned. Nothing if there is no other list.
    """
    others = [name for name in dict.fromkeys((TUNED, BASE, *ranks)) if name in ranks and name != system]
    if not others:
        return EMPTY
    for name in others:
        if key in ranks[name]:
            rank, shown = ranks[name][key], system_name(name)
            return _pill("also", f"{shown} {rank}", _("also at {rank} in {system}").format(rank=rank, system=shown))
    return _only_here()


def _mark(
    key: ProductKey, system: str, found: Comparison, moves: Mapping[str, Mapping[ProductKey, Move]], ranks: Ranks
) -> Html:
    if system in moves:
        return mark(moves[system].get(key), found.reference or BASE)
    if not found.is_tuning:
        others = [of_system for name, of_system in ranks.items() if name != system]
        return _only_here() if others and not any(key in of_system for of_system in others) else EMPTY
    if system in (BASE, TUNED):
        move = moves.get(TUNED, {}).get(key)
        return mark(move) if move and move.state == "left" else EMPTY
    # Without base and tuned, the other lists are compared with the first one.
    first = TUNED not in ranks and BASE not in ranks and system == next(iter(ranks))
    return EMPTY if first else elsewhere(key, system, ranks)


def _only_here() -> Html:
    return _pill("alone", _("only here"), _("in no other list beside this one"))


def _pill(kind: str, sign: str, meaning: str) -> Html:
    return fill(
        '<span class="move {kind}" title="{title}"><span aria-hidden="true">{sign}</span>'
        '<span class="unseen">{meaning}</span></span>',
        kind=kind,
        title=meaning[0].upper() + meaning[1:],
        meaning=meaning,
        sign=sign,
    )


def alike(shared: int, size: int, rbo: float | None) -> Html:
    """How many products two lists share, and how alike their order is, in words.

    Args:
        shared: the number of products that both have.
        size: of the longer list.
        rbo: rank-biased overlap of the two; None where there is no order to compare.
    """
    said = _("{n} of {size} products are the same").format(n=number(shared), size=number(size))
    if rbo is None or not shared:
        return fill("{said}", said=said)
    order = _("nearly the same order") if rbo >= 0.9 else _("order fairly alike") if rbo >= 0.6 else _("other order")
    here = _("Here: {value}.").format(value=fraction(rbo))
    return with_help(f"{said}, {order}", help_for("rbo", here))
