"""Looks up the judged labels of a query.

Half a million judgments are kept in arrays: a dictionary for each query would take 100 MB, and seconds to build.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow as pa

from space.data.catalogue import rows_of
from space.data.words import normalized, normalized_column

_EXAMPLES = 8


class GoldLabels:
    """The judged pairs of a catalogue, by the text of the query.

    Attributes:
        examples: up to 8 of the queries that have a judged product in the catalogue, spread over the alphabet.
    """

    def __init__(self, judgments: pd.DataFrame | None, catalogue: pa.Table) -> None:
        """Sort ``judgments`` (query, product_locale, product_id, esci_label) by query; None if nothing was judged."""
        self.examples: list[str] = []
        self._spans: dict[str, tuple[int, int]] = {}
        if judgments is None or judgments.empty:
            return
        rows = rows_of(catalogue, judgments["product_locale"], judgments["product_id"])
        typed, names = pd.factorize(normalized_column(judgments["query"]))
        order = np.argsort(typed, kind="stable")
        ends = np.cumsum(np.bincount(typed, minlength=len(names))).tolist()
        self._spans = dict(zip(names, zip([0, *ends[:-1]], ends, strict=True), strict=True))
        kinds, self._kinds = pd.factorize(judgments["esci_label"].astype(str))
        self._rows, self._labels = rows[order], kinds[order].astype(np.int8)
        queries = sorted(judgments.loc[rows >= 0, "query"].unique())
        places = np.linspace(0, len(queries) - 1, min(_EXAMPLES, len(queries)), dtype=int)
        self.examples = [queries[place] for place in places]

    def of(self, query: str) -> Mapping[int, str]:
        """{row: label} for a query in any spelling (see ``normalized``); row -1 is a product outside the catalogue."""
        start, end = self._spans.get(normalized(query), (0, 0))
        if start == end:
            return {}
        rows, labels = self._rows[start:end].tolist(), self._labels[start:end].tolist()
        return {row: self._kinds[label] for row, label in zip(rows, labels, strict=True)}
