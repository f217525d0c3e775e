"""What programs can call: ``/search`` and ``/compare`` return the engine's results as JSON."""

from typing import Any

import gradio as gr

from space.search import QueryError, SearchEngine
from space.ui.events import ENGINE


def add_endpoints(engine: SearchEngine) -> None:
    """Add both to the Blocks of the caller's context."""

    def search(
        query: str, k: int = 10, system: str = "tuned", locale: str = "", brand: str = "", color: str = ""
    ) -> dict[str, Any]:
        """Search the catalogue with one system.

        Args:
            query: free text, at most 500 characters.
            k: how many products, 1 to 100.
            system: tuned, base, bm25 or hybrid.
            locale: only products of this locale; empty allows all.
            brand: only products of this brand; empty allows all.
            color: only products of this colour; empty allows all.

        Returns:
            query, system, hits (rank, product_id, product_locale, title, brand, color, score, esci_label) and
            timings_ms (encode, search, total).
        """
        try:
            return engine.search(query, k, system, locale=locale, brand=brand, color=color).to_json()
        except QueryError as error:
            raise gr.Error(str(error), print_exception=False) from error

    def compare(query: str, k: int = 10, locale: str = "", brand: str = "", color: str = "") -> dict[str, Any]:
        """Search the catalogue with base, tuned and BM25, and say what fine-tuning moved.

        Args:
            query: free text, at most 500 characters.
            k: how many products per system, 1 to 100.
            locale: only products of this locale; empty allows all.
            brand: only products of this brand; empty allows all.
            color: only products of this colour; empty allows all.

        Returns:
            query, systems ({name: what /search returns}), overlap (share of products that base and tuned have in
            common, 0 to 1) and moves (product_id, product_locale, base, tuned, state, by).
        """
        try:
            return engine.compare(query, k, locale=locale, brand=brand, color=color).to_json()
        except QueryError as error:
            raise gr.Error(str(error), print_exception=False) from error

    gr.api(search, api_name="search", **ENGINE)
    gr.api(compare, api_name="compare", **ENGINE)
