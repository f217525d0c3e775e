"""Both protocols again, with the labels of the data set and with people's judgments beside them."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd
import pyarrow as pa

from space.data.catalogue import rows_of
from space.data.judgments import JUDGMENT_COLUMNS
from space.data.scale import LabelScale
from space.data.words import normalized
from space.evaluation import findings, protocols
from space.evaluation.schema import Evaluation, PerQuery, ProtocolTable
from space.retrieval.remembered import remembered
from space.retrieval.system import System


@dataclass(frozen=True)
class WithPeople:
    """An evaluation that counts people's judgments too.

    Attributes:
        evaluation: protocols, figures of every query, and verdict are new; the rest is as it was measured.
        pairs: judgments of people that count: of pairs without a label, for held-out queries.
        raters: who gave them; all visits without a name are one.
    """

    evaluation: Evaluation
    pairs: int
    raters: int


class PeopleEvaluation:
    """Evaluates the systems of an engine on its held-out queries. Any number of threads may use it.

    The first call searches for every held-out query. Later ones only count again.

    Args:
        systems: {name: system}.
        judgments: the labels of the data set, with ``JUDGMENT_COLUMNS``.
        catalogue: the products.
        scale: of the labels.
        measured: what training measured, or None.
    """

    def __init__(
        self,
        systems: Mapping[str, System],
        judgments: pd.DataFrame,
        catalogue: pa.Table,
        scale: LabelScale,
        measured: Evaluation | None,
    ) -> None:
        """Computes nothing yet."""
        self._systems = remembered(systems)
        self._catalogue, self._scale, self._measured = catalogue, scale, measured or Evaluation()
        rows = rows_of(catalogue, judgments["product_locale"], judgments["product_id"])
        self._labels = judgments[[*JUDGMENT_COLUMNS]].assign(row=rows)[rows >= 0].reset_index(drop=True)
        self._results: dict[str, pd.DataFrame] = {}  # {system: what protocols.per_query returned}
        self._counted: dict[tuple[str, str], str] = {}  # {(locale, query): people's judgments in the results}
        self._lock = threading.Lock()

    def with_people(self, people: pd.DataFrame) -> WithPeople:
        """The evaluation on the labels and on people's judgments of pairs without a label.

        Args:
            people: see ``space.feedback.judgments.frame``; queries that are not held out are left out.
        """
        with self._lock:
            added = self._added(people)
            frame = pd.concat([self._labels, added[self._labels.columns]], ignore_index=True)
            self._evaluate_changed(frame, added)
            results = {name: self._results[name].copy() for name in self._systems}
        tables: dict[str, ProtocolTable] = protocols.summarize(results)
        per_query: PerQuery = protocols.by_query(results, protocols.label_counts(frame, self._scale))
        found = replace(self._measured, protocols=tables, per_query=per_query, scale=self._scale)
        found = replace(found, verdict=findings.verdict(found) or "")
        raters = {rater for raters in added["rater"] for rater in raters.split(",")}
        return WithPeople(found, len(added), len(raters))

    def _evaluate_changed(self, frame: pd.DataFrame, added: pd.DataFrame) -> None:
        """Evaluate the queries whose judgments by people are others than in the results."""
        counted = {
            key: repr(sorted(zip(group["row"], group["esci_label"], strict=True)))
            for key, group in added.groupby(["product_locale", "query"])
        }
        if not self._results:
            changed = frame
        else:
            keys = {key for key in counted.keys() | self._counted.keys() if counted.get(key) != self._counted.get(key)}
            changed = frame[pd.MultiIndex.from_frame(frame[["product_locale", "query"]]).isin(keys)]
        if len(changed):
            for name, system in self._systems.items():
                found = protocols.per_query(system, changed, self._catalogue, self._scale)
                known = self._results.get(name)
                if known is not None:
                    known.loc[found.index] = found
                self._results[name] = found if known is None else known
        self._counted = counted

    def _added(self, people: pd.DataFrame) -> pd.DataFrame:
        """The judgments that count, with ``row`` and the query as the data set writes it."""
        first = self._labels.drop_duplicates(["product_locale", "query"])
        keys = zip(first["product_locale"], first["query"].map(normalized), strict=True)
        spelled = dict(zip(keys, zip(first["query"], first["query_id"], strict=True), strict=True))
        asked = [
            spelled.get(key) for key in zip(people["product_locale"], people["query"].map(normalized), strict=True)
        ]
        found = people.assign(
            query=[one[0] if one else None for one in asked], query_id=[one[1] if one else None for one in asked]
        )
        rows = rows_of(self._catalogue, found["product_locale"], found["product_id"])
        found = found.assign(row=rows)[(rows >= 0) & found["query"].notna().to_numpy()]
        labelled = pd.MultiIndex.from_frame(self._labels[["product_locale", "query", "row"]])
        return found[~pd.MultiIndex.from_frame(found[["product_locale", "query", "row"]]).isin(labelled)]
