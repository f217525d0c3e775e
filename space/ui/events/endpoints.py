"""What programs can call: ``/search``, ``/more_like``, ``/compare`` and ``/explain``, the engine's results as JSON.

Gradio makes the page "Use via API" and the MCP tools from the signatures and docstrings: a parameter has one line.
"""

import json
from collections.abc import Callable
from typing import Any, Literal

import gradio as gr
from gradio.context import LocalContext

from space.data.filters import FILTERS
from space.errors import QueryError
from space.search.engine import SearchEngine
from space.ui.events.form_events import ALONE, ENGINE

#: ``space.search.engine.SYSTEMS``, as the documentation shows it; a test compares them.
System = Literal["tuned", "base", "bm25", "hybrid"]


def answered(ask: Callable[[], Any]) -> Any:
    """The JSON of what ``ask`` finds; what a caller can cure reaches the caller.

    To MCP as text: Gradio would send it the values as Python writes them, which no other language reads.
    """
    try:
        found = ask().to_json()
    except QueryError as error:
        raise gr.Error(str(error), print_exception=False) from error
    request = LocalContext.request.get(None)
    by_mcp = request is not None and request.headers.get("x-gradio-user") == "mcp"
    return json.dumps(found, ensure_ascii=False) if by_mcp else found


def add_endpoints(engine: SearchEngine) -> None:
    """Add them to the Blocks of the caller's context."""

    def search(
        query: str,
        k: int = 10,
        system: System = "tuned",
        locale: str = "",
        brand: str = "",
        color: str = "",
        category: str = "",
        min_price: float | None = None,
        max_price: float | None = None,
        min_rating: float | None = None,
        fold: bool = False,
    ) -> dict[str, Any]:
        """Search the product catalogue with one system.

        Args:
            query: free text, at most 500 characters.
            k: how many products, 1 to 100.
            system: tuned (fine-tuned encoder), base (before that), bm25 (words), hybrid (tuned and bm25 fused).
            locale: only products of this locale; empty allows all.
            brand: only products of this brand; empty allows all.
            color: only products of this colour; empty allows all.
            category: only products below this path, such as "Shoes > Boots"; empty allows all.
            min_price: only products that are known to cost as much.
            max_price: only products that are known to cost no more.
            min_rating: only products that are known to be rated so, 0 to 5.
            fold: put near-duplicates under the best of them.

        Returns:
            query
            system
            hits (rank, product_id, product_locale, title, brand, color, score, esci_label; with fold also similar)
            timings_ms (encode, search, total)
        """
        filters = _named(locale, brand, color, category, min_price, max_price, min_rating)
        return answered(lambda: engine.search(query, k, system, fold=fold, **filters))

    def more_like(
        product_locale: str,
        product_id: str,
        k: int = 10,
        system: System = "tuned",
        locale: str = "",
        brand: str = "",
        color: str = "",
        category: str = "",
        min_price: float | None = None,
        max_price: float | None = None,
        min_rating: float | None = None,
        fold: bool = False,
    ) -> dict[str, Any]:
        """Find the products nearest to one of the catalogue.

        Args:
            product_locale: locale of the product, as a hit of search has it.
            product_id: its id, as a hit of search has it.
            k: how many products, 1 to 100.
            system: tuned or base compare vectors of products; bm25 and hybrid search for the words of the title.
            locale: only products of this locale; empty allows all.
            brand: only products of this brand; empty allows all.
            color: only products of this colour; empty allows all.
            category: only products of this category or one below it; empty allows all.
            min_price: only products that cost at least this.
            max_price: only products that cost at most this.
            min_rating: only products rated at least this.
            fold: put near-duplicates under the best of them.

        Returns:
            query (the title)
            system
            like (product_id, product_locale, title)
            hits (as search returns them)
            timings_ms (encode, search, total)
        """
        filters = _named(locale, brand, color, category, min_price, max_price, min_rating)
        return answered(lambda: engine.more_like(product_locale, product_id, k, system, fold=fold, **filters))

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
    ) -> dict[str, Any]:
        """Search the product catalogue with several systems, say how good each list is and what fine-tuning moved.

        Args:
            query: free text, at most 500 characters.
            k: how many products per system, 1 to 100.
            locale: only products of this locale; empty allows all.
            brand: only products of this brand; empty allows all.
            color: only products of this colour; empty allows all.
            category: only products of this category or one below it; empty allows all.
            min_price: only products that cost at least this.
            max_price: only products that cost at most this.
            min_rating: only products rated at least this.
            systems: which, by commas (or as a list), of base, tuned, bm25 and hybrid; empty: base,tuned,bm25.

        Returns:
            query
            systems ({name: what search returns, and figures})
            overlap (share of products that base and tuned have in common, 0 to 1)
            rbo (rank-biased overlap of base and tuned, 0 to 1)
            agreement ({name: overlap and rbo with tuned})
            moves (product_id, product_locale, base, tuned, state, by)
            Figures (k, ndcg, recall, exact_at_1, judged, exact, scope) are null unless the query is judged; overlap
            and rbo are null unless base and tuned are both asked.
        """
        filters = _named(locale, brand, color, category, min_price, max_price, min_rating)
        return answered(lambda: engine.compare(query, k, _names(systems), **filters))

    def explain(
        query: str,
        product_id: str,
        product_locale: str = "us",
        system: System = "tuned",
        locale: str = "",
        brand: str = "",
        color: str = "",
        category: str = "",
        min_price: float | None = None,
        max_price: float | None = None,
        min_rating: float | None = None,
    ) -> dict[str, Any]:
        """Say why a product scores what it scores for a query, by leaving each part out and encoding again.

        Args:
            query: free text, at most 500 characters.
            product_id: which product, as a hit of search has it.
            product_locale: the locale of the product, as a hit of search has it.
            system: tuned (fine-tuned encoder), base (before that), bm25 (words), hybrid (tuned and bm25 fused).
            locale: the filter of the search; filters matter to hybrid only, whose ranks are among what they leave.
            brand: likewise a filter of the search.
            color: likewise a filter of the search.
            category: likewise a filter of the search.
            min_price: likewise a filter of the search.
            max_price: likewise a filter of the search.
            min_rating: likewise a filter of the search.

        Returns:
            query
            system
            product_id
            product_locale
            title
            score
            fields and words (of tuned and base: name and contribution, which do not add up to the score)
            terms (of bm25: name and contribution, which add up to the score)
            lists (of hybrid: the ranks that are fused and the contribution of each)
            notes
        """
        filters = _named(locale, brand, color, category, min_price, max_price, min_rating)
        return answered(lambda: engine.explain(query, product_locale, product_id, system, **filters))

    gr.api(search, api_name="search", **ENGINE)
    gr.api(more_like, api_name="more_like", **ENGINE)
    gr.api(compare, api_name="compare", **ENGINE)
    gr.api(explain, api_name="explain", **ALONE)


def _names(systems: Any) -> list[Any] | None:
    """Names by commas or as a list; None, which is the usual ones, where there are none."""
    if isinstance(systems, str):
        systems = [name for part in systems.split(",") if (name := part.strip())]
    return (list(systems) if isinstance(systems, list) else [systems]) if systems else None


def _named(*values: Any) -> dict[str, Any]:
    """Values in the order of ``FILTERS``, by name."""
    return dict(zip(FILTERS, values, strict=True))
