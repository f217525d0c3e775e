"""One query to hits: the engine, batching, near-duplicates, explanations, results."""


def __getattr__(name: str) -> type:
    """Import ``SearchEngine`` on first use: HTML of results is made without torch."""
    if name == "SearchEngine":
        from space.search.engine import SearchEngine

        return SearchEngine
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
