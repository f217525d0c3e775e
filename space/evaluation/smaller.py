"""How much quality an encoder loses with smaller vectors, in figures and as a Markdown table."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict

import pandas as pd
import torch

from space.encoding.packed_encoder import Encoder
from space.evaluation import protocols
from space.evaluation.tables import HEADLINE, METRICS, SmallerVectors
from space.index.small_vectors import RESCORED, Code
from space.retrieval.smaller import sizes, smaller
from space.retrieval.system import System

logger = logging.getLogger(__name__)

#: The metrics of the Markdown table.
SHOWN = (HEADLINE, ("full_catalogue", "recall@100"), ("judged", "ndcg"))


def measure(
    name: str,
    encoder: Encoder,
    vectors: torch.Tensor,
    dims: Sequence[int],
    codes: Sequence[Code],
    per_query: Callable[[System], pd.DataFrame],
) -> list[SmallerVectors]:
    """Evaluate an encoder with its whole vectors and with each smaller size; nothing without ``dims`` and ``codes``.

    Args:
        name: of the encoder.
        encoder: embeds queries.
        vectors: (n, d) float16 of the passages, whole.
        dims: numbers of first dimensions; those that are not below d are left out, and the log says so.
        codes: beside float16.
        per_query: evaluates a system, as ``protocols.per_query`` does.
    """
    if not dims and not codes:
        return []
    dim = vectors.shape[1]
    if too_many := [str(one) for one in dims if one >= dim]:
        logger.warning(f"{name} has {dim} dimensions, so --dims {' '.join(too_many)} is left out for it")
    found: list[SmallerVectors] = []
    whole: pd.DataFrame | None = None
    for size in sizes(dim, dims, codes):
        result = per_query(smaller(name, encoder, vectors, size))
        differences = {} if whole is None else {part: protocols.differences(result, whole, part) for part in METRICS}
        whole = result if whole is None else whole
        figures = {part: protocols.estimates(result, part) for part in METRICS}
        found.append(SmallerVectors(name, **asdict(size), bytes=size.bytes, figures=figures, differences=differences))
    return found


def to_markdown(found: Sequence[SmallerVectors]) -> str:
    """A table with a row for each encoder and size."""
    titles = [f"{protocols.SHOWN.get(metric, metric)}, {part.replace('_', ' ')}" for part, metric in SHOWN]
    head = ["encoder", "dimensions", "kept as", "bytes a product"]
    head += [cell for title in titles for cell in (title, "minus the whole float16 vectors")]
    lines = [
        "**Smaller vectors.** Each encoder with the first dimensions of its vectors, scaled to length 1 again, and "
        "with codes in place of float16 numbers. int8 codes are compared with the whole query, binary codes with the "
        "query's bits; centred: less the mean of all vectors. Rescored: the best "
        f"{RESCORED} times as many are ordered by the whole query. Intervals are not corrected for the number of "
        "rows.\n",
        f"| {' | '.join(head)} |",
        f"|{' --- |' * len(head)}",
    ]
    for one in found:
        cells = [one.encoder, str(one.dim), one.code + (", rescored" if one.rescored else ""), f"{one.bytes:,}"]
        for part, metric in SHOWN:
            cells += [protocols.cell(one.figures[part][metric])]
            cells += [protocols.cell(one.differences.get(part, {}).get(metric))]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
