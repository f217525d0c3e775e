"""Hard negatives: products that an encoder finds for a query although nobody judged them for it.

An unjudged product near a query is often one that nobody got round to judging, so whatever scores nearly as high as
the query's own Exact product is passed over. Knows examples and an index; no trainer.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from datasets import Dataset

from space.encoding.encoder import Encoder
from space.index.torch_index import TorchIndex

#: How deep the ranking of a query is read.
DEPTH = 50
#: A candidate counts as a negative below so much of the positive's cosine (Moreira et al. 2024, "NV-Retriever").
CEILING = 0.95
_BATCH = 256


def harden(
    examples: Dataset,
    judged: Mapping[str, frozenset[str]],
    encoder: Encoder,
    index: TorchIndex,
    passages: Sequence[str],
    locales: np.ndarray,
    seed: int,
) -> Dataset:
    """The examples with a mined negative wherever the old one was drawn at random.

    Args:
        examples: with columns anchor, positive, negative, and others that stay.
        judged: {query: texts of all products judged for it, whatever the label, and those it was made of}. A negative
            among these was chosen by its label, and stays.
        encoder: of the queries.
        index: of all passages, by the same encoder.
        passages: the text of every product, by row.
        locales: (n,) of the products: a negative comes from its positive's locale.
        seed: which of the candidates is taken.

    Returns:
        As many examples, in the same order. Where nothing is found below the ceiling, the old negative stays.
    """
    anchors, positives, negatives = (list(examples[name]) for name in ("anchor", "positive", "negative"))
    nothing: frozenset[str] = frozenset()
    drawn = [place for place, query in enumerate(anchors) if negatives[place] not in judged.get(query, nothing)]
    row_of = {text: row for row, text in reversed(list(enumerate(passages)))}
    rng = np.random.default_rng([seed, 2])
    for start in range(0, len(drawn), _BATCH):
        part = drawn[start : start + _BATCH]
        queries = encoder.encode_queries([anchors[place] for place in part])
        rows = torch.tensor([row_of[positives[place]] for place in part])
        ceilings = (index.pair_scores(queries, rows).cpu() * CEILING).tolist()
        found = index.search(queries, DEPTH)
        for place, own, ceiling, scores, candidates in zip(
            part, rows.tolist(), ceilings, *(each.tolist() for each in found), strict=True
        ):
            known = judged.get(anchors[place], nothing) | {positives[place]}
            fit = [
                row
                for score, row in zip(scores, candidates, strict=True)
                if score < ceiling and locales[row] == locales[own] and passages[row] not in known
            ]
            if fit:
                negatives[place] = passages[fit[rng.integers(len(fit))]]
    return examples.remove_columns("negative").add_column("negative", negatives).select_columns(examples.column_names)
