"""Vectors to top-k (exact search in torch, a GPU scan, Milvus) and words to top-k (BM25)."""


def __getattr__(name: str) -> type:
    """``TorchIndex``, imported when it is asked for: BM25 alone does not need torch."""
    if name == "TorchIndex":
        from space.index.torch_index import TorchIndex

        return TorchIndex
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
