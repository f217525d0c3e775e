"""Evaluate BM25 and a random order on a data set, before anything is trained."""

import logging

from space.data.judgments import Judged
from space.data.passages import passages
from space.evaluation import protocols
from space.evaluation.tables import ProtocolTable
from space.index.bm25 import Bm25Index
from space.retrieval.baselines import Bm25System, RandomSystem

logger = logging.getLogger(__name__)

#: With more products the index takes minutes and gigabytes.
LARGE = 200_000
QUERIES = 500


def lexical_baseline(judged: Judged, queries: int | None) -> tuple[dict[str, ProtocolTable], str]:
    """Evaluate BM25, and a random order as the floor under it, on held-out queries.

    Args:
        judged: the data.
        queries: how many, drawn as ``train.py`` draws them; 0 for none, -1 for all. None for ``QUERIES``, or for none
            if there are more than ``LARGE`` products.

    Returns:
        {protocol: table}, empty without a baseline; and a sentence that says on how many queries, or why not.
    """
    products = len(judged.catalogue)
    if queries == 0:
        return {}, "The lexical baseline was left out (--baseline-queries 0)."
    if queries is None and products > LARGE:
        return {}, (
            f"The lexical baseline was left out: for {products:,} products it takes minutes. Use --baseline-queries "
            f"{QUERIES} to compute it."
        )
    test = protocols.held_out(judged.test, QUERIES if queries is None else queries)
    asked = len(test[["product_locale", "query"]].drop_duplicates())
    logger.info("BM25 over %d products, %d queries", products, asked)
    index = Bm25Index(passages(judged.catalogue), judged.catalogue["product_locale"])
    systems = {"random": RandomSystem(products), "bm25": Bm25System(index)}
    found = {
        name: protocols.per_query(system, test, judged.catalogue, judged.scale) for name, system in systems.items()
    }
    return protocols.summarize(found), f"The lexical baseline was evaluated on {asked:,} held-out queries."
