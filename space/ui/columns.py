"""A comparison to HTML: the systems side by side, and what fine-tuning moved. Pure functions."""

from collections import Counter

from space.results import Comparison, Move, SearchResult
from space.ui import cards
from space.ui.markup import EMPTY, Html, fill, join


def comparison(found: Comparison) -> Html:
    """What changed in one sentence, and a column per system."""
    hits = [hit for result in found.systems.values() for hit in result.hits]
    if not hits:
        return cards.no_hits("")
    moves = {(move.product_locale, move.product_id): move for move in found.moves}
    judged = cards.is_judged(hits)
    return fill(
        '<div class="comparison">{summary}<div class="sides">{columns}</div></div>',
        summary=summary(found),
        columns=join(_column(result, moves, judged) for result in found.systems.values()),
    )


def summary(found: Comparison) -> Html:
    """How much base and tuned have in common, and how the rest moved."""
    states = Counter(move.state for move in found.moves)
    size = max(states.total() - states["left"], states.total() - states["entered"])
    shared = states["up"] + states["down"] + states["same"]
    words = {"up": "moved up", "down": "moved down", "same": "unchanged", "entered": "new", "left": "left"}
    return fill(
        '<div class="moves" role="status"><p><strong>From base to fine-tuned:</strong> {moves}.</p>'
        '<p class="overlap">Overlap@{size} <strong>{overlap}</strong> <span>{shared} of {size} in common</span></p>'
        "</div>",
        moves=", ".join(f"{states[state]} {text}" for state, text in words.items()),
        size=size,
        overlap=f"{found.overlap:.0%}",
        shared=shared,
    )


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
    return fill(
        '<span class="move {state}" title="{meaning}"><span aria-hidden="true">{sign}</span>'
        '<span class="unseen">{meaning}</span></span>',
        state=move.state,
        meaning=meaning[0].upper() + meaning[1:],
        sign=sign,
    )


def _column(result: SearchResult, moves: dict[tuple[str, str], Move], judged: bool) -> Html:
    name = cards.NAMES.get(result.system, result.system)
    listed = [
        cards.card(
            hit,
            result.system,
            judged=judged,
            brief=True,
            mark=mark(moves.get((hit.product_locale, hit.product_id)), result.system),
        )
        for hit in result.hits
    ]
    why = (
        "No product shares a word with the query." if result.system == "bm25" else "No product is left by the filters."
    )
    return fill(
        '<section class="side {system}" aria-label="{name}"><header><h2>{name}</h2>{tally}{timings}</header>{body}'
        "</section>",
        system=result.system,
        name=name,
        tally=fill('<p class="tally">{tally}</p>', tally=cards.tally(result.hits)) if judged and listed else EMPTY,
        timings=cards.timings(result.timings_ms),
        body=fill('<ol class="cards">{listed}</ol>', listed=join(listed))
        if listed
        else fill('<p class="panel">{why}</p>', why=why),
    )
