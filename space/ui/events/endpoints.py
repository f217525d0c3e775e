"""The endpoints ``/search``, ``/more_like``, ``/compare`` and ``/explain``: what the engine finds, as JSON.

Gradio makes the page "Use via API" and the MCP tools from these signatures and docstrings, in which each parameter has
one line.
"""

import json
import re
from collections.abc import Callable
from typing import Any, Literal

import gradio as gr
from gradio.context import LocalContext

from space.data.filters import FILTERS
from space.errors import QueryError
from space.search.engine import SearchEngine
from space.search.explanation import Explanation
from space.search.results import Comparison, SearchResult
from space.search.roles import Roles
from space.ui.events.form_events import ALONE, ENGINE

#: What the documentation says of a system; of another encoder that it is one.
SYSTEMS = {
    "tuned": "fine-tuned encoder",
    "base": "before fine-tuning",
    "bm25": "words",
    "reranked": "reordered by a cross-encoder",
}
#: {whether base and tuned are compared alone: what ``/compare`` returns of the comparison}.
RETURNED = {
    True: (
        "overlap (share of products that base and tuned have in common, 0 to 1; null unless systems has both)",
        "rbo (rank-biased overlap of base and tuned, 0 to 1; null likewise)",
        "agreement ({name: overlap and rbo with tuned})",
        "moves (product_id, product_locale, base, tuned, state, by)",
        "With another reference than base, it is returned too, agreement is with it, and moves has those of every "
        "other system, with system, before and after in place of base and tuned.",
    ),
    False: (
        "reference",
        "overlap (share of products that reference and the other system have in common, 0 to 1; null with several)",
        "rbo (rank-biased overlap of the two, 0 to 1; null likewise)",
        "agreement ({name: overlap and rbo with the reference})",
        "moves (product_id, product_locale, system, before, after, state, by), of each system but the reference",
    ),
}
#: Gradio reads this type too: an endpoint returns any JSON object.
Json = dict[str, Any]


def answer(find: Callable[[], SearchResult | Comparison | Explanation]) -> Any:
    """What ``find`` returns as JSON; a ``QueryError`` reaches the caller with its message."""
    try:
        found = find().to_json()
    except QueryError as error:
        raise gr.Error(str(error), print_exception=False) from error
    # Gradio 6.31 sends an MCP client the str() of a dict, which is not JSON; a text it sends as it is.
    request = LocalContext.request.get(None)
    is_mcp = request is not None and request.headers.get("x-gradio-user") == "mcp"
    return json.dumps(found, ensure_ascii=False) if is_mcp else found


def add_endpoints(engine: SearchEngine) -> None:
    """Add the endpoints to the current Blocks."""
    roles = engine.roles
    System = Literal[roles.offered]  # noqa: N806 - a type, which the documentation and MCP clients show

    def search(
        query: str,
        k: int = 10,
        system: System = roles.candidate,
        locale: str = "",
        brand: str = "",
        color: str = "",
        category: str = "",
        min_price: float | None = None,
        max_price: float | None = None,
        min_rating: float | None = None,
        fold: bool = False,
    ) -> Json:
        """Search the product catalogue with one system.

        Args:
            query: free text, at most 500 characters.
            k: how many products, 1 to 100.
            system: SYSTEMS.
            locale: only products of this locale; empty allows all.
            brand: only products of this brand; empty allows all.
            color: only products of this colour; empty allows all.
            category: only products of this category or one below it, such as "Shoes > Boots"; empty allows all.
            min_price: only products with a known price of at least this.
            max_price: only products with a known price of at most this.
            min_rating: only products with a known rating of at least this, 0 to 5.
            fold: group near-duplicates under the best-ranked of them.

        Returns:
            query
            system
            hits (rank, product_id, product_locale, title, brand, color, score, esci_label; with fold also similar)
            timings_ms (encode, search, total; rerank where a cross-encoder ran; cached where the hits were found for
            an earlier, equal search)
        """
        filters = _filters(locale, brand, color, category, min_price, max_price, min_rating)
        return answer(lambda: engine.search(query, k, system, fold=fold, **filters))

    def more_like(
        product_locale: str,
        product_id: str,
        k: int = 10,
        system: System = roles.candidate,
        locale: str = "",
        brand: str = "",
        color: str = "",
        category: str = "",
        min_price: float | None = None,
        max_price: float | None = None,
        min_rating: float | None = None,
        fold: bool = False,
    ) -> Json:
        """Find the products most similar to one of the catalogue.

        Args:
            product_locale: locale of the product, as a hit of search has it; null in a shop without locales.
            product_id: its id, as a hit of search has it.
            k: how many products, 1 to 100.
            system: ENCODERS compare the vectors of products; others search for the title.
            locale: only products of this locale; empty allows all.
            brand: only products of this brand; empty allows all.
            color: only products of this colour; empty allows all.
            category: only products of this category or one below it, such as "Shoes > Boots"; empty allows all.
            min_price: only products with a known price of at least this.
            max_price: only products with a known price of at most this.
            min_rating: only products with a known rating of at least this, 0 to 5.
            fold: group near-duplicates under the best-ranked of them.

        Returns:
            query (the title)
            system
            like (product_id, product_locale, title)
            hits (as search returns them)
            timings_ms (encode, search, total; rerank where a cross-encoder ran)
        """
        filters = _filters(locale, brand, color, category, min_price, max_price, min_rating)
        return answer(lambda: engine.more_like(product_locale, product_id, k, system, fold=fold, **filters))

    def compare(
        query: str,
        k: int = 10,
        locale: str = "",
        brand: str = "",
        color: str = "",
        category: str = "",
        min_price: float | None = None,
        max_price: float | None = None,
        min_rating: float | None = None,
        systems: str = "",
        reference: str = "",
    ) -> Json:
        """Search the product catalogue with several systems: how good is each list, and what moved?

        Args:
            query: free text, at most 500 characters.
            k: how many products per system, 1 to 100.
            locale: only products of this locale; empty allows all.
            brand: only products of this brand; empty allows all.
            color: only products of this colour; empty allows all.
            category: only products of this category or one below it, such as "Shoes > Boots"; empty allows all.
            min_price: only products with a known price of at least this.
            max_price: only products with a known price of at most this.
            min_rating: only products with a known rating of at least this, 0 to 5.
            systems: some of NAMES, with commas between or as a list; empty is USUAL.
            reference: the system that the others are compared with, one of systems; empty is DEFAULT if it is there.

        Returns:
            query
            systems ({name: what search returns, and figures})
            COMPARED
            figures (k, ndcg, recall, exact_at_1, judged, exact, scope) are null for a query without judgments.
        """
        filters = _filters(locale, brand, color, category, min_price, max_price, min_rating)
        return answer(lambda: engine.compare(query, k, _names(systems), reference or "", **filters))

    def explain(
        query: str,
        product_id: str,
        product_locale: str = "us",
        system: System = roles.candidate,
        locale: str = "",
        brand: str = "",
        color: str = "",
        category: str = "",
        min_price: float | None = None,
        max_price: float | None = None,
        min_rating: float | None = None,
    ) -> Json:
        """Explain the score of a product for a query: what each field and each word adds.

        Args:
            query: free text, at most 500 characters.
            product_id: which product, as a hit of search has it.
            product_locale: the locale of the product, as a hit of search has it; null in a shop without locales.
            system: SYSTEMS.
            locale: the filter of the search. Filters matter to hybrid only: it fuses ranks of products that pass.
            brand: the filter of the search, see locale.
            color: the filter of the search, see locale.
            category: the filter of the search, see locale.
            min_price: the filter of the search, see locale.
            max_price: the filter of the search, see locale.
            min_rating: the filter of the search, see locale.

        Returns:
            query
            system
            product_id
            product_locale
            title
            score
            fields and words (for ENCODERS and reranked: name and contribution, which do not add up to the score)
            terms (for bm25: name and contribution, which add up to the score)
            lists (for hybrid: name, rank and contribution, which add up to the score)
            notes
        """
        filters = _filters(locale, brand, color, category, min_price, max_price, min_rating)
        return answer(lambda: engine.explain(query, product_locale, product_id, system, **filters))

    for endpoint in (search, more_like, compare, explain):
        describe(endpoint, roles)
    gr.api(search, api_name="search", **ENGINE)
    gr.api(more_like, api_name="more_like", **ENGINE)
    gr.api(compare, api_name="compare", **ENGINE)
    gr.api(explain, api_name="explain", **ALONE)


def describe(endpoint: Callable[..., Json], roles: Roles) -> None:
    """Write the names of an engine's systems into the docstring of an endpoint, from which Gradio makes its pages."""
    encoders = [name for name in roles.offered if name in roles.encoders]
    meanings = {name: "encoder" for name in encoders} | SYSTEMS | {"hybrid": f"{roles.candidate} and bm25"}
    compared = RETURNED[roles.is_tuning]
    words = {
        "SYSTEMS": ", ".join(f"{name} ({meanings.get(name, 'system')})" for name in roles.offered),
        "ENCODERS": " and ".join(encoders) or "encoders",
        "NAMES": ", ".join(roles.names),
        "USUAL": ",".join(roles.usual),
        "DEFAULT": roles.reference,
        "COMPARED": ("\n" + 12 * " ").join(compared),
    }
    said = endpoint.__doc__ or ""
    for word, text in words.items():
        said = re.sub(rf"\b{word}\b", lambda _match, text=text: text, said)
    endpoint.__doc__ = said


def _names(systems: Any) -> list[Any] | None:
    """Names from "base, tuned" or from a list; None, for the usual ones, if there are none. The engine checks them."""
    if isinstance(systems, str):
        systems = [name for part in systems.split(",") if (name := part.strip())]
    names = list(systems) if isinstance(systems, list | tuple) else [] if systems is None else [systems]
    return names or None


def _filters(*values: object) -> dict[str, object]:
    """{filter: value}, of values in the order of ``FILTERS``."""
    return dict(zip(FILTERS, values, strict=True))
