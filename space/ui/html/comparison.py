"""A comparison as columns: a list for each system, how good each list is, and what fine-tuning moved.

Each card carries its product, so that static/results.js can point out the same product in the other lists.
``rank_table`` shows the same comparison as one table.
"""

import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType

from space.i18n import N_, fraction, ngettext, number
from space.i18n import gettext as _
from space.search.list_quality import ListQuality
from space.search.results import Comparison, Hit, Move, ProductKey, SearchResult
from space.ui.html import cards
from space.ui.html.help import help_for
from space.ui.html.labels import is_judged, tally
from space.ui.html.markup import EMPTY, Html, fill, join
from space.ui.html.names import system_name
from space.ui.html.panels import no_hits
from space.ui.html.rank_table import Ranks, rank_table, ranks_of

#: {what was searched, see ``list_quality.Scope``: whether the figures compare with the evaluation}.
_SCOPES = {
    "locale": N_("As in the evaluation, all products of one shop were searched."),
    "catalogue": N_("All locales were searched at once. The evaluation searches one; so does the filter “Locale”."),
    "filtered": N_("Only products that pass the filters count, so these figures do not compare with the evaluation."),
}


def comparison(
    found: Comparison,
    emptied: Mapping[str, object] = MappingProxyType({}),
    more: Callable[[Hit], Html] = lambda hit: EMPTY,
) -> Html:
    """What changed in one sentence, and a column for each system.

    Args:
        found: what was compared.
        emptied: {filter: value} of those that leave no product.
        more: makes what stands at the end of each product.
    """
    hits = [hit for result in found.systems.values() for hit in result.hits]
    if not hits:
        return no_hits("bm25" if list(found.systems) == ["bm25"] else "", emptied)
    moves = {move.key: move for move in found.moves}
    judged = is_judged(hits)
    ranks = ranks_of(found)
    marks = {name: {key: _mark(key, name, moves, ranks) for key in of_system} for name, of_system in ranks.items()}
    return fill(
        '<div class="comparison">{summary}{basis}<{element} class="sides n{n}">{columns}</{element}>{table}</div>',
        element=_element(found),
        summary=summary(found),
        basis=basis(found.quality),
        n=len(found.systems),
        columns=join(_column(found, result, marks[name], judged, more) for name, result in found.systems.items()),
        table=rank_table(found, marks, judged=judged, more=more),
    )


def _element(found: Comparison) -> str:
    """A name for the element of the columns that differs from answer to answer.

    Gradio compares each node of an answer with the same node of the one before, and changes what differs: slow for
    thirty cards. An element of another name is replaced at once.
    """
    shown = "\n".join(
        [found.query, *(f"{name} {hit.key}" for name in found.systems for hit in found.systems[name].hits)]
    )
    return f"e5-columns-{zlib.crc32(shown.encode('utf-8', 'replace')):08x}"


def summary(found: Comparison) -> Html:
    """How many products base and tuned share, and how the others moved; a hint if one of the two is not shown."""
    views = fill(
        '<div class="view" role="group" aria-label="{view}">'
        '<button type="button" data-view="lists" aria-pressed="true">{lists}</button>'
        '<button type="button" data-view="table" aria-pressed="false">{table}</button></div>',
        view=_("View"),
        lists=_("Lists"),
        table=_("Table"),
    )
    if found.overlap is None:
        return fill(
            '<div class="moves"><p role="status"><strong>{names}.</strong> {hint}</p>{views}</div>',
            names=", ".join(map(system_name, found.systems)),
            hint=_("Turn on both Base and Fine-tuned to see what fine-tuning moved."),
            views=views,
        )
    states = Counter(move.state for move in found.moves)
    size = max(states.total() - states["left"], states.total() - states["entered"])
    shared = states["up"] + states["down"] + states["same"]
    return fill(
        '<div class="moves"><p role="status">{moves}</p><p class="overlap"><span>{shared}</span></p>{views}</div>',
        moves=fill(
            _(
                "<strong>From base to fine-tuned:</strong> {up} up, {down} down, {same} unchanged, "
                "{entered} came in, {left} dropped out."
            ),
            **{state: states[state] for state in ("up", "down", "same", "entered", "left")},
        ),
        shared=alike(shared, size, found.agreement["base"].rbo if "base" in found.agreement else None),
        views=views,
    )


def basis(quality: Mapping[str, ListQuality | None]) -> Html:
    """What the figures above the lists are measured on, or why there are none."""
    known = next((one for one in quality.values() if one), None)
    if known is None:
        text = _("No score: nobody has rated results for this query, or the filters hide those that were rated.")
    else:
        counts = ngettext(
            "{n} product was rated for this query, {exact} as fitting; one without a rating counts as 0.",
            "{n} products were rated for this query, {exact} as fitting; one without a rating counts as 0.",
            known.judged,
        )
        text = f"{counts.format(n=number(known.judged), exact=known.exact)} {_(_SCOPES[known.scope])}"
    about = help_for("unrated") if known else EMPTY
    return fill('<p class="basis">{text} {about}</p>', text=text, about=about) if quality else EMPTY


def mark(move: Move | None, system: str) -> Html:
    """How far a product moved, in the list of tuned; in the list of base only that it left."""
    if move is None or (system == "base" and move.state != "left") or system not in ("base", "tuned"):
        return EMPTY
    by = abs((move.base or 0) - (move.tuned or 0))
    up = ngettext("up {n} place against base", "up {n} places against base", by)
    down = ngettext("down {n} place against base", "down {n} places against base", by)
    sign, meaning = {
        "up": (f"▲{by}", up.format(n=by)),
        "down": (f"▼{by}", down.format(n=by)),
        "same": ("=", _("same rank as base")),
        "entered": (_("came in"), _("not in the list of base")),
        "left": (_("dropped out"), _("not in the list of fine-tuned")),
    }[move.state]
    return _pill(move.state, sign, meaning)


def elsewhere(key: ProductKey, system: str, ranks: Ranks) -> Html:
    """The rank of a product in the list of tuned, else of base, else in the first other list that has it.

    For lists of other systems than base and tuned. Nothing if there is no other list.
    """
    others = [name for name in dict.fromkeys(("tuned", "base", *ranks)) if name in ranks and name != system]
    if not others:
        return EMPTY
    for name in others:
        if key in ranks[name]:
            rank, shown = ranks[name][key], system_name(name)
            return _pill("also", f"{shown} {rank}", _("also at {rank} in {system}").format(rank=rank, system=shown))
    return _pill("only", _("only here"), _("in no other list beside this one"))


def _mark(key: ProductKey, system: str, moves: Mapping[ProductKey, Move], ranks: Ranks) -> Html:
    if system in ("base", "tuned"):
        return mark(moves.get(key), system)
    # Without base and tuned, the other lists are compared with the first one.
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


def _column(
    found: Comparison,
    result: SearchResult,
    marks: Mapping[ProductKey, Html],
    judged: bool,
    more: Callable[[Hit], Html],
) -> Html:
    look = {"judged": judged, "brief": True}
    listed = [
        cards.card(hit, result.system, **look, mark=marks[hit.key], attributes=_attributes(hit), more=more(hit))
        for hit in result.hits
    ]
    nothing = (
        _("No product shares a word with this query.")
        if result.system == "bm25"
        else _("No product passes the filters.")
    )
    return fill(
        '<section class="side {system}" aria-label="{name}"><header><div class="head"><h2>{name}</h2>{kind}</div>'
        "{figures}{tally}"
        "{timings}</header>{poor}{body}</section>",
        system=result.system,
        name=system_name(result.system),
        kind=_kind(result.system),
        figures=_figures(found.quality.get(result.system), found.quality.get("base"), result.system),
        tally=fill('<p class="tally">{tally}</p>', tally=tally(result.hits)) if judged and listed else EMPTY,
        timings=cards.timings(result, _agreement(found, result) if listed else EMPTY),
        poor=cards.poor_fit(result),
        body=fill('<ol class="cards">{listed}</ol>', listed=join(listed))
        if listed
        else fill('<p class="panel">{nothing}</p>', nothing=nothing),
    )


def _attributes(hit: Hit) -> Html:
    """Makes a card focusable and names its product, for static/results.js."""
    return fill(' tabindex="0" data-same="{locale}/{id}"', locale=hit.product_locale, id=hit.product_id)


def _figures(own: ListQuality | None, base: ListQuality | None, system: str) -> Html:
    """nDCG@k and recall@k with their difference from base, and hit@1."""
    if own is None:
        return EMPTY
    before = base if base and system != "base" else None
    ndcg, recall = (before.ndcg, before.recall) if before else (None, None)
    exact = {None: "–", 0.0: _("no"), 1.0: _("yes")}[own.exact_at_1]
    return fill(
        '<dl class="figures">{ndcg}{recall}<div><dt>{first} {about}</dt><dd>{exact}</dd></div></dl>',
        ndcg=_figure(_("Quality"), help_for("quality", f"nDCG@{own.k}"), own.ndcg, ndcg),
        recall=_figure(_("Found"), help_for("recall", f"Recall@{own.k}"), own.recall, recall),
        first=_("First fits"),
        about=help_for("first"),
        exact=exact,
    )


def _figure(name: str, about: Html, value: float | None, before: float | None) -> Html:
    change = EMPTY
    if value is not None and before is not None:
        by = round(value - before, 6)
        change = fill(
            ' <span class="change {kind}" title="{title}">{by}</span>',
            kind="up" if by > 0 else "down" if by < 0 else "same",
            title=_("Against base"),
            by=fraction(by, signed=True),
        )
    return fill(
        "<div><dt>{name} {about}</dt><dd>{value}{change}</dd></div>",
        about=about,
        name=name,
        value="–" if value is None else fraction(value),
        change=change,
    )


def _agreement(found: Comparison, result: SearchResult) -> Html:
    """What a list shares with that of tuned; not for base, where ``summary`` says it."""
    own = found.agreement.get(result.system)
    if own is None or result.system == "base":
        return EMPTY
    size = max(len(result.hits), len(found.systems["tuned"].hits))
    return fill(
        '<p class="overlap"><span>{against} {shared}</span></p>',
        against=_("Beside Fine-tuned:"),
        shared=alike(round(own.overlap * size), size, own.rbo),
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
    return fill("{said}, {order} {about}", said=said, order=order, about=help_for("rbo", here))


def _kind(system: str) -> Html:
    """What a column is, where its name does not say it."""
    words = {
        "bm25": _("Plain keyword search, for comparison"),
        "hybrid": _("Fine-tuned and keyword search, merged"),
        "reranked": _("The best products, ordered again by a cross-encoder"),
    }
    if system not in words:
        return EMPTY
    return fill('<p class="kind"><span>{words}</span> {about}</p>', words=words[system], about=help_for(system))
