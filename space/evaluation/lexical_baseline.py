"""Evaluate BM25 and a random order on a data set, before anything is trained."""

import logging

from space.data.judgments import Judged
from space.evaluation.schema import ProtocolTable

logger = logging.getLogger(__name__)

#: Beyond so many products the index takes minutes and gigabytes, which nobody should meet unasked.
LARGE = 200_000
QUERIES = 500


def lexical_baseline(judged: Judged, queries: int | None) -> tuple[dict[str, ProtocolTable], str]:
    """BM25 and, as the floor under it, a random order, on held-out queries.

    Args:
        judged: the data.
        queries: how many, drawn as ``train.py`` draws them; 0 none, -1 all; None up to ``QUERIES``, but none where
            there are more than ``LARGE`` products.

    Returns:
        The "protocols" of evaluation.json, empty where there is no baseline; and a sentence: why not, or on how many.
    """
    products = len(judged.catalogue)
    if queries is None:
        if products > LARGE:
            return {}, (
                f"The lexical baseline is left out: over {products:,} products it takes minutes. "
                f"--baseline-queries {QUERIES} computes it all the same."
            )
        queries = QUERIES
    if queries == 0:
        return {}, "The lexical baseline was left out (--baseline-queries 0)."
    # Only now: the systems bring torch, which takes longer to import than all the rest of a report.
    from space.data.catalogue import passages
    from space.evaluation import protocols
    from space.index.bm25 import Bm25Index
    from space.retrieval.baselines import Bm25System, RandomSystem

    test = protocols.held_out(judged.test, queries)
    asked = len(test[["product_locale", "query"]].drop_duplicates())
    logger.info("BM25 over %d products, %d queries", products, asked)
    systems = {"random": RandomSystem(products), "bm25": Bm25System(Bm25Index(passages(judged.catalogue)))}
    found = {name: protocols.per_query(system, test, judged.catalogue) for name, system in systems.items()}
    return protocols.summarize(found), f"The lexical baseline was evaluated on {asked:,} held-out queries."
