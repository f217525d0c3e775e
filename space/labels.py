"""Gold labels by query: what people said of a product. Knows no system and no hit."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow as pa

from space.catalogue import rows_of

_EXAMPLES = 8


class GoldLabels:
    """The judged pairs of a catalogue, by the text of the query.

    Attributes:
        examples: some of the queries with a judged product, spread over the alphabet.
    """

    def __init__(self, judgments: pd.DataFrame | None, catalogue: pa.Table) -> None:
        """``judgments``: query, product_locale, product_id and esci_label; None where nothing was judged."""
        self.examples: list[str] = []
        self._labels: dict[str, dict[int, str]] = {}
        if judgments is None or judgments.empty:
            return
        rows = rows_of(catalogue, judgments["product_locale"], judgments["product_id"])
        for query, row, label in zip(judgments["query"], rows, judgments["esci_label"], strict=True):
            self._labels.setdefault(normalized(query), {})[int(row)] = str(label)
        queries = sorted(judgments.loc[rows >= 0, "query"].unique())
        places = np.linspace(0, len(queries) - 1, min(_EXAMPLES, len(queries)), dtype=int)
        self.examples = [queries[place] for place in places]

    def of(self, query: str) -> Mapping[int, str]:
        """{row: label} of a typed query; row -1 stands for products that are not in the catalogue."""
        return self._labels.get(normalized(query), {})


def normalized(query: str) -> str:
    """How a typed query is matched to a judged one: case and spacing do not make another query."""
    return " ".join(query.casefold().split())
