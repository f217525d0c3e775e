"""Both protocols again, with the labels of the data set and also with people's judgments."""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pandas as pd
import pyarrow as pa

from space.data.catalogue import rows_of
from space.data.judgments import JUDGMENT_COLUMNS
from space.data.scale import LabelScale
from space.data.words import normalized
from space.encoding import lineup
from space.evaluation import findings, protocols
from space.evaluation.schema import Evaluation
from space.evaluation.tables import PerQuery, ProtocolTable
from space.feedback.machine_opinion import MACHINE
from space.retrieval.dense import DenseSystem
from space.retrieval.remembered import remembered
from space.retrieval.system import System


@dataclass(frozen=True)
class WithPeople:
    """An evaluation that counts people's judgments too.

    Attributes:
        evaluation: protocols, figures of every query, and verdict are new; the rest is as it was measured.
        pairs: judgments of people that count: of pairs without a label, for held-out queries.
        raters: {who gave them: how many, most first}; all visits without a name are one.
        machine: grades of a model that count: of pairs without a label and without a judgment of people.
    """

    evaluation: Evaluation
    pairs: int
    raters: Mapping[str, int]
    machine: int = 0


@dataclass
class _Kept:
    """What was evaluated last.

    Attributes:
        results: {system: what ``protocols.per_query`` returned}.
        counted: {(locale, query): the added judgments in the results}.
    """

    results: dict[str, pd.DataFrame] = field(default_factory=dict)
    counted: dict[tuple[str, str], str] = field(default_factory=dict)


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
        names = [name for name, system in systems.items() if isinstance(system, DenseSystem)] or list(systems)
        known = self._measured.reference in systems
        self._reference = self._measured.reference if known else lineup.reference(names)
        rows = rows_of(catalogue, judgments["product_locale"], judgments["product_id"])
        self._labels = judgments[[*JUDGMENT_COLUMNS]].assign(row=rows)[rows >= 0].reset_index(drop=True)
        self._kept = {False: _Kept(), True: _Kept()}  # without and with a model's grades: visitors go to and fro
        self._lock = threading.Lock()

    def with_people(self, people: pd.DataFrame, machine: pd.DataFrame | None = None) -> WithPeople:
        """The evaluation on the labels and on people's judgments of pairs without a label.

        Args:
            people: see ``space.feedback.judgments.frame``; queries that are not held out are left out.
            machine: grades of a model, for pairs that people have not judged; see ``MachineOpinion.frame``.
        """
        with self._lock:
            added = self._added(people if machine is None else pd.concat([people, machine], ignore_index=True))
            frame = pd.concat([self._labels, added[self._labels.columns]], ignore_index=True)
            kept = self._kept[machine is not None]
            self._evaluate_changed(frame, added, kept)
            results = {name: kept.results[name].copy() for name in self._systems}
        tables: dict[str, ProtocolTable] = protocols.summarize(results, self._reference)
        per_query: PerQuery = protocols.by_query(results, protocols.label_counts(frame, self._scale))
        found = replace(
            self._measured, protocols=tables, per_query=per_query, scale=self._scale, reference=self._reference
        )
        found = replace(found, verdict=findings.verdict(found) or "")
        is_people = added["rater"] != MACHINE
        raters = Counter(rater for raters in added["rater"][is_people] for rater in raters.split(","))
        pairs = int(is_people.sum())
        return WithPeople(found, pairs, dict(raters.most_common()), len(added) - pairs)

    def _evaluate_changed(self, frame: pd.DataFrame, added: pd.DataFrame, kept: "_Kept") -> None:
        """Evaluate the queries whose added judgments are others than in the results."""
        counted = {
            key: repr(sorted(zip(group["row"], group["esci_label"], strict=True)))
            for key, group in added.groupby(["product_locale", "query"])
        }
        if not kept.results:
            changed = frame
        else:
            keys = {key for key in counted.keys() | kept.counted.keys() if counted.get(key) != kept.counted.get(key)}
            changed = frame[pd.MultiIndex.from_frame(frame[["product_locale", "query"]]).isin(keys)]
        if len(changed):
            for name, system in self._systems.items():
                found = protocols.per_query(system, changed, self._catalogue, self._scale)
                known = kept.results.get(name)
                if known is not None:
                    known.loc[found.index] = found
                kept.results[name] = found if known is None else known
        kept.counted = counted

    def _added(self, people: pd.DataFrame) -> pd.DataFrame:
        """The judgments that count, the first of each pair, with ``row`` and the query as the data set writes it."""
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
        pair = ["product_locale", "query", "row"]
        found = found.drop_duplicates(pair)
        return found[~pd.MultiIndex.from_frame(found[pair]).isin(pd.MultiIndex.from_frame(self._labels[pair]))]
