"""A comparison to HTML: the systems side by side, and what fine-tuning moved. Pure functions.

The lists stand beside each other, each card knowing its product, so that results.js can point out the same product in
the others; ``rank_table`` shows the same as one table. Each list of a judged query has its quality above it.
"""

from collections import Counter
from collections.abc import Mapping

from space.search.list_quality import ListQuality
from space.search.results import Comparison, Hit, Move, ProductKey, SearchResult
from space.ui.html import cards, numbers
from space.ui.html.markup import EMPTY, Html, fill, join
from space.ui.html.rank_table import Ranks, aligned, ranks_of

BASES = {
    "locale": "As in the evaluation, all products of one locale were searched",
    "catalogue": "All locales were searched at once; the evaluation keeps to one, which the filter does too",
    "filtered": "Only what passes the filters was searched and counts, so this does not compare with the evaluation",
}
_VIEWS = Html(
    '<div class="view" role="group" aria-label="View">'
    '<button type="button" data-view="lists" aria-pressed="true">Lists</button>'
    '<button type="button" data-view="table" aria-pressed="false">Table</button></div>'
)


def comparison(found: Comparison) -> Html:
    """What changed in one sentence, and a column per system."""
    hits = [hit for result in found.systems.values() for hit in result.hits]
    if not hits:
        return cards.no_hits("bm25" if list(found.systems) == ["bm25"] else "")
    moves = {move.key: move for move in found.moves}
    judged = cards.is_judged(hits)
    ranks = ranks_of(found)
    marks = {name: {key: _mark(key, name, moves, ranks) for key in of_system} for name, of_system in ranks.items()}
    return fill(
        '<div class="comparison">{summary}{basis}<div class="sides n{n}">{columns}</div>{table}</div>',
        summary=summary(found),
        basis=basis(found.quality),
        n=len(found.systems),
        columns=join(_column(found, result, marks[name], judged) for name, result in found.systems.items()),
        table=aligned(found, marks, judged=judged),
    )


def summary(found: Comparison) -> Html:
    """How much base and tuned have in common, and how the rest moved; without both, that they are needed for it."""
    if found.overlap is None:
        return fill(
            '<div class="moves"><p role="status"><strong>{names}.</strong> What fine-tuning moved is shown where both '
            "Base and Fine-tuned are.</p>{views}</div>",
            names=", ".join(cards.NAMES.get(name, name) for name in found.systems),
            views=_VIEWS,
        )
    states = Counter(move.state for move in found.moves)
    size = max(states.total() - states["left"], states.total() - states["entered"])
    shared = states["up"] + states["down"] + states["same"]
    words = {"up": "moved up", "down": "moved down", "same": "unchanged", "entered": "new", "left": "left"}
    return fill(
        '<div class="moves"><p role="status"><strong>From base to fine-tuned:</strong> {moves}.</p>'
        '<p class="overlap">Overlap@{size} <strong>{overlap}</strong> <span>{shared} of {size} in common</span>'
        "{rbo}</p>{views}</div>",
        moves=", ".join(f"{states[state]} {text}" for state, text in words.items()),
        size=size,
        overlap=f"{found.overlap:.0%}",
        shared=shared,
        rbo=_rbo(found.agreement["base"].rbo) if "base" in found.agreement else EMPTY,
        views=_VIEWS,
    )


def basis(quality: Mapping[str, ListQuality | None]) -> Html:
    """What the figures above the lists rest on, or why there are none."""
    known = next((one for one in quality.values() if one), None)
    if known is None:
        text = "No figures: nobody judged this query, or no judged product is left by the filters."
    else:
        text = (
            f"{cards.counted(known.judged, 'judged product')}, {known.exact} of them Exact; unjudged counts as 0. "
            f"{BASES[known.scope]}."
        )
    return fill('<p class="basis">{text}</p>', text=text) if quality else EMPTY


def mark(move: Move | None, system: str) -> Html:
    """How far a product moved, on the tuned side; on the base side only that it left."""
    if move is None or (system == "base" and move.state != "left") or system not in ("base", "tuned"):
        return EMPTY
    by = abs((move.base or 0) - (move.tuned or 0))
    places = cards.counted(by, "place")
    sign, meaning = {
        "up": (f"▲{by}", f"up {places} against base"),
        "down": (f"▼{by}", f"down {places} against base"),
        "same": ("=", "same rank as base"),
        "entered": ("new", "not in the list of base"),
        "left": ("left", "not in the list of fine-tuned"),
    }[move.state]
    return _pill(move.state, sign, meaning)


def elsewhere(key: ProductKey, system: str, ranks: Ranks) -> Html:
    """Where a product of another list than base and tuned stands in theirs; nothing where no list is beside it.

    The one that is named is tuned's, or that of base or the first column where tuned does not have it.
    """
    others = [name for name in dict.fromkeys(("tuned", "base", *ranks)) if name in ranks and name != system]
    if not others:
        return EMPTY
    for name in others:
        if key in ranks[name]:
            shown = cards.NAMES.get(name, name)
            return _pill("also", f"{shown} {ranks[name][key]}", f"also at {ranks[name][key]} in {shown}")
    return _pill("only", "only here", "in no other list beside this one")


def _mark(key: ProductKey, system: str, moves: Mapping[ProductKey, Move], ranks: Ranks) -> Html:
    if system in ("base", "tuned"):
        return mark(moves.get(key), system)
    # Of two lists that both are neither, the first is what the other is held against.
    first = "tuned" not in ranks and "base" not in ranks and system == next(iter(ranks))
    return EMPTY if first else elsewhere(key, system, ranks)


def _pill(kind: str, sign: str, meaning: str) -> Html:
    return fill(
        '<span class="move {kind}" title="{title}"><span aria-hidden="true">{sign}</span>'
        '<span class="unseen">{meaning}</span></span>',
        kind=kind,
        title=meaning[0].upper() + meaning[1:],
        meaning=meaning,
        sign=sign,
    )


def _column(found: Comparison, result: SearchResult, marks: Mapping[ProductKey, Html], judged: bool) -> Html:
    name = cards.NAMES.get(result.system, result.system)
    listed = [
        cards.card(hit, result.system, judged=judged, brief=True, mark=marks[hit.key], also=_identity(hit))
        for hit in result.hits
    ]
    why = (
        "No product searched shares a word with this."
        if result.system == "bm25"
        else "No product is left by the filters."
    )
    return fill(
        '<section class="side {system}" aria-label="{name}"><header><h2>{name}</h2>{figures}{tally}{agreement}'
        "{timings}</header>{body}</section>",
        system=result.system,
        name=name,
        figures=_figures(found.quality.get(result.system), found.quality.get("base"), result.system),
        tally=fill('<p class="tally">{tally}</p>', tally=cards.tally(result.hits)) if judged and listed else EMPTY,
        agreement=_agreement(found, result) if listed else EMPTY,
        timings=cards.timings(result.timings_ms),
        body=fill('<ol class="cards">{listed}</ol>', listed=join(listed))
        if listed
        else fill('<p class="panel">{why}</p>', why=why),
    )


def _identity(hit: Hit) -> Html:
    """What makes a card one that can be focused, and that knows the same product in another list."""
    return fill(' tabindex="0" data-same="{locale}/{id}"', locale=hit.product_locale, id=hit.product_id)


def _figures(own: ListQuality | None, base: ListQuality | None, system: str) -> Html:
    """nDCG@k, recall@k and Exact@1 with their difference from base."""
    if own is None:
        return EMPTY
    before = base if base and system != "base" else None
    ndcg, recall = (before.ndcg, before.recall) if before else (None, None)
    exact = {None: numbers.plain(None), 0.0: "no", 1.0: "yes"}[own.exact_at_1]
    return fill(
        '<dl class="figures">{ndcg}{recall}{exact}</dl>',
        ndcg=_figure(f"nDCG@{own.k}", "Against the best order there could be", own.ndcg, ndcg),
        recall=_figure(f"Recall@{own.k}", "Share of the Exact products that are in the list", own.recall, recall),
        exact=fill('<div title="Whether the first is Exact"><dt>Exact@1</dt><dd>{exact}</dd></div>', exact=exact),
    )


def _figure(name: str, meaning: str, value: float | None, before: float | None) -> Html:
    change = EMPTY
    if value is not None and before is not None:
        by = round(value - before, 6)
        change = fill(
            ' <span class="change {kind}" title="Against base">{by}</span>',
            kind="up" if by > 0 else "down" if by < 0 else "same",
            by=numbers.signed(by),
        )
    return fill(
        '<div title="{meaning}"><dt>{name}</dt><dd>{value}{change}</dd></div>',
        meaning=meaning,
        name=name,
        value=numbers.plain(value),
        change=change,
    )


def _agreement(found: Comparison, result: SearchResult) -> Html:
    """What a list that is neither base's nor tuned's has in common with tuned's."""
    own = found.agreement.get(result.system)
    if own is None or result.system == "base":
        return EMPTY
    size = max(len(result.hits), len(found.systems["tuned"].hits))
    return fill(
        '<p class="overlap"><span>{shared} of {size} in common with Fine-tuned</span>{rbo}</p>',
        shared=round(own.overlap * size),
        size=size,
        rbo=_rbo(own.rbo),
    )


def _rbo(value: float | None) -> Html:
    return fill(
        '<span class="rbo" title="Rank-biased overlap: 1 for the same order, 0 for nothing in common; the top weighs '
        'most"> · RBO {value}</span>',
        value=numbers.plain(value),
    )
