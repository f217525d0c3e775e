"""Hard negatives: unjudged products that the base model ranks high for a query.

An unjudged product that scores nearly as high as the query's own Exact product is often a right answer that was not
judged, so it is not used.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from datasets import Dataset

from space.data.words import normalized
from space.encoding.packed_encoder import Encoder
from space.index.torch_index import TorchIndex

#: Products read from the ranking of each query.
DEPTH = 50
#: A candidate's cosine has to be below this share of the positive's (Moreira et al. 2024, "NV-Retriever").
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
    """Replace the negatives that were drawn at random by mined ones.

    Args:
        examples: with columns anchor, positive, negative; other columns stay.
        judged: {normalized query: texts of all products judged for it, whatever the label}. A negative among
            these was chosen by its label and stays.
        encoder: embeds the queries.
        index: all passages, embedded by the same encoder.
        passages: the text of every product, by row.
        locales: (n,) the locale of every product; a negative comes from its positive's locale.
        seed: of the choice among the candidates.

    Returns:
        The examples in the same order. A negative stays where no candidate is below the ceiling.
    """
    anchors, positives, negatives = (list(examples[name]) for name in ("anchor", "positive", "negative"))
    nothing: frozenset[str] = frozenset()
    known_of = [judged.get(normalized(query), nothing) for query in anchors]
    drawn = [place for place, known in enumerate(known_of) if negatives[place] not in known]
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
            known = known_of[place] | {positives[place]}
            fit = [
                row
                for score, row in zip(scores, candidates, strict=True)
                if score < ceiling and locales[row] == locales[own] and passages[row] not in known
            ]
            if fit:
                negatives[place] = passages[fit[rng.integers(len(fit))]]
    return examples.remove_columns("negative").add_column("negative", negatives).select_columns(examples.column_names)
