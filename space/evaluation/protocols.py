"""The two evaluation protocols: every metric of every query, and the tables of means and paired differences.

*judged* ranks the judged products of each query. Most published ESCI figures are of this kind. They are high for every
system: a random order reaches about .8. *full_catalogue* retrieves from all products of the query's locale and counts
an unjudged product as 0. This is what a searcher sees. It is too low, since some unjudged products are relevant.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from space.data.scale import ESCI, LabelScale
from space.encoding.description import BASE
from space.errors import same_rows
from space.evaluation import metrics
from space.evaluation.estimates import Estimate, PairedDifference
from space.evaluation.tables import METRICS, PerQuery, ProtocolTable
from space.i18n import N_
from space.retrieval.system import System

#: {metric as evaluation.json names it: what it is}. The file keeps its names, so that older versions can read it.
SHOWN = {"exact@1": "hit@1", "recall@100": "recall of relevant @100"}
#: Products retrieved for each query.
DEPTH = 100
#: Queries that a system is asked at once.
BATCH = 64
#: {protocol: what it asks}.
PROTOCOLS = {
    "judged": N_(
        "Each query ranks only the products that were judged for it. A random order scores high here, so compare "
        "differences and not levels."
    ),
    "full_catalogue": N_(
        "Each query searches all products of its shop, and a product without a judgment counts as 0. This is what a "
        "searcher sees, so decide by it."
    ),
}
#: Shown instead of figures among the judged products, if no order of them is better than another.
ONE_GRADE = N_("All held-out labels are the same, so any order of the judged products is perfect: no figures here.")
#: Pairs of systems that are compared in addition to each with base: what fusing with BM25 adds.
CONTRASTS = (("hybrid", "tuned"), ("hybrid", "bm25"), ("tuned", "bm25"))


def held_out(test: pd.DataFrame, limit: int = -1, seed: int = 42) -> pd.DataFrame:
    """The test judgments of at most ``limit`` queries, drawn by ``seed``; -1 keeps all."""
    keys = test[["product_locale", "query"]].drop_duplicates()
    if 0 <= limit < len(keys):
        # Sorted first, so that the draw depends on the queries and not on the order of a file.
        keys = keys.sort_values(["product_locale", "query"]).sample(limit, random_state=seed).sort_index()
    return test.merge(keys, on=["product_locale", "query"], how="inner")


def per_query(system: System, test: pd.DataFrame, catalogue: pa.Table, scale: LabelScale = ESCI) -> pd.DataFrame:
    """Evaluate a system: every metric of every query.

    Args:
        system: what to evaluate.
        test: checked judgments with ``row``, see ``space.data.judgments``.
        catalogue: the products; only ``product_locale`` is read.
        scale: of the labels.

    Returns:
        One row per query, index (product_locale, query) sorted, float64 columns "protocol/metric". NaN where a metric
        is undefined: nDCG of a query without a gain, the others of a query without a relevant product. "judged/…" is
        NaN where all labels are the same, as with clicks alone: any order of the judged products is perfect then.
    """
    same_rows(f"evaluation of {system.name}", products=len(catalogue), ranked=len(system))
    locales = catalogue["product_locale"].combine_chunks().dictionary_encode()
    codes, names = locales.indices.to_numpy(), locales.dictionary.to_pylist()
    groups = {key: group for key, group in test.groupby(["product_locale", "query"], sort=True)}
    rows = []
    for locale in sorted({key[0] for key in groups}):
        mask = codes == names.index(locale)
        queries = [query for group_locale, query in groups if group_locale == locale]
        for start in range(0, len(queries), BATCH):
            part = queries[start : start + BATCH]
            rows.extend(_evaluate(system, part, [groups[locale, query] for query in part], mask, scale))
    index = pd.MultiIndex.from_tuples(sorted(groups), names=["product_locale", "query"])
    found = pd.DataFrame(rows, index=index)
    if test["esci_label"].nunique() < 2:
        found[[column for column in found if column.startswith("judged/")]] = np.nan
    return found


def has_figures(table: ProtocolTable) -> bool:
    """Whether any metric of any system is defined."""
    return any(found.mean is not None for metrics_of in table.systems.values() for found in metrics_of.values())


def _evaluate(
    system: System, queries: list[str], judgments: list[pd.DataFrame], mask: np.ndarray, scale: LabelScale
) -> list[dict[str, float]]:
    judged_rows = [judged["row"].to_numpy() for judged in judgments]
    labels = [judged["esci_label"].astype(str).to_numpy() for judged in judgments]
    values: list[list[dict[str, float]]] = [[] for _ in queries]
    for _ in range(system.repeats):
        orders = system.rank(queries, judged_rows)
        found = system.retrieve(queries, DEPTH, mask)
        for place, (order, ranking) in enumerate(zip(orders, found, strict=True)):
            values[place].append(query_metrics(labels[place], judged_rows[place], order, ranking.rows, scale))
    return [{name: float(np.mean([value[name] for value in repeats])) for name in repeats[0]} for repeats in values]


def query_metrics(
    labels: np.ndarray, rows: np.ndarray, order: np.ndarray, retrieved: np.ndarray, scale: LabelScale = ESCI
) -> dict[str, float]:
    """Every metric of one query.

    Args:
        labels: (m,) label of each judged product.
        rows: (m,) their rows in the catalogue.
        order: (m,) positions of the judged products as ranked, best first.
        retrieved: (r,) rows found in the whole catalogue, best first.
        scale: of the labels.

    Returns:
        {"protocol/metric": value}.
    """
    gain_of_label, relevant_labels = scale.gains, scale.relevant
    gains = np.array([gain_of_label[label] for label in labels])
    gain_of = dict(zip(rows.tolist(), gains.tolist(), strict=True))
    wanted = {int(row) for row, label in zip(rows, labels, strict=True) if label in relevant_labels}
    found = np.array([gain_of.get(row, 0.0) for row in retrieved.tolist()])
    relevant = np.array([row in wanted for row in retrieved.tolist()], dtype=bool)
    return {
        "judged/ndcg": metrics.ndcg(gains[order]),
        "judged/ndcg@10": metrics.ndcg(gains[order], k=10),
        "full_catalogue/ndcg@10": metrics.ndcg(found, gains, 10),
        "full_catalogue/recall@100": metrics.recall(relevant, len(wanted), DEPTH),
        "full_catalogue/mrr@10": metrics.reciprocal_rank(relevant, 10) if wanted else float("nan"),
        "full_catalogue/exact@1": float(relevant[:1].any()) if wanted else float("nan"),
    }


def label_counts(test: pd.DataFrame, scale: LabelScale = ESCI) -> pd.DataFrame:
    """How many judged products of each query have which label.

    Returns:
        (queries, grades) int64, index (product_locale, query) sorted, columns the names of the scale.
    """
    keys = [test["product_locale"], test["query"]]
    return pd.crosstab(keys, test["esci_label"].astype(str)).reindex(columns=list(scale.names), fill_value=0)


def summarize(
    results: Mapping[str, pd.DataFrame],
    reference: str = BASE,
    contrasts: Sequence[tuple[str, str]] = CONTRASTS,
) -> dict[str, ProtocolTable]:
    """The tables of both protocols.

    Args:
        results: {system: what ``per_query`` returned}, all over the same queries.
        reference: the system that the others are compared with.
        contrasts: further pairs of systems to compare; those that were not measured are left out.

    Returns:
        {protocol: its table}; differences from the reference where it is among the systems.
    """
    tables = {}
    for protocol in METRICS:
        found: dict[str, dict[str, dict[str, PairedDifference]]] = {}
        for system, other in contrasts:
            if system in results and other in results:
                found.setdefault(system, {})[other] = differences(results[system], results[other], protocol)
        tables[protocol] = ProtocolTable(
            description=PROTOCOLS[protocol],
            systems={system: estimates(frame, protocol) for system, frame in results.items()},
            differences={
                system: differences(results[system], results[reference], protocol)
                for system in results
                if system != reference and reference in results
            },
            contrasts=found,
        )
    return tables


def estimates(frame: pd.DataFrame, protocol: str) -> dict[str, Estimate]:
    """{metric of a protocol: its mean with an interval}, from what ``per_query`` returned."""
    return {name: metrics.estimate(frame[f"{protocol}/{name}"]) for name in METRICS[protocol]}


def differences(frame: pd.DataFrame, other: pd.DataFrame, protocol: str) -> dict[str, PairedDifference]:
    """{metric of a protocol: the paired difference of two systems}, from what ``per_query`` returned of each."""
    difference = frame - other
    return {name: metrics.paired(difference[f"{protocol}/{name}"]) for name in METRICS[protocol]}


def by_query(results: Mapping[str, pd.DataFrame], labels: pd.DataFrame | None = None) -> PerQuery:
    """The figures of every query as evaluation.json has them.

    Args:
        results: see ``summarize``.
        labels: what ``label_counts`` returned for those queries; None leaves them out.
    """
    index = next(iter(results.values())).index
    return PerQuery(
        product_locale=index.get_level_values("product_locale").tolist(),
        query=index.get_level_values("query").tolist(),
        systems={
            system: {name: [_number(value) for value in frame[name]] for name in frame.columns}
            for system, frame in results.items()
        },
        labels=None if labels is None else labels.loc[index].to_dict("list"),
    )


def _number(value: float) -> float | None:
    """A number as JSON has it: no NaN, and 6 digits."""
    return None if np.isnan(value) else round(float(value), 6)


def to_markdown(tables: Mapping[str, ProtocolTable], reference: str = "") -> str:
    """Both protocols as Markdown tables, for the terminal and the cards.

    Args:
        tables: {protocol: its table}.
        reference: show the differences of all systems from this one; "" shows those that a training is about.
    """
    parts = []
    for protocol, table in tables.items():
        names = METRICS[protocol]
        rows = {(system, ""): found for system, found in table.systems.items()}
        if reference:
            rows |= {(system, reference): found for system, found in table.differences.items() if system != "random"}
            rows |= {
                (system, other): found
                for system, others in table.contrasts.items()
                for other, found in others.items()
                if other != reference
            }
        else:
            rows |= {(system, BASE): found for system, found in table.differences.items() if system == "tuned"}
            rows |= {
                (system, other): found for system, others in table.contrasts.items() for other, found in others.items()
            }
        parts.append(f"**{protocol.replace('_', ' ').capitalize()}.** {table.description}\n")
        if not has_figures(table):
            parts.append(f"{ONE_GRADE}\n" if protocol == "judged" else "No figures.\n")
            continue
        parts.append(
            "| system | "
            + " | ".join(SHOWN.get(name, name) for name in names)
            + " |\n"
            + "| --- " * (len(names) + 1)
            + "|"
        )
        parts.extend(
            f"| {system}{f' − {other}' if other else ''} | "
            + " | ".join(cell(figures.get(name), p_values.get(name)) for name in names)
            + " |"
            for (system, other), figures in rows.items()
            # Corrected p values are of the differences from the reference.
            for p_values in [table.p_values.get(system, {}) if other and other == reference else {}]
        )
        parts.append("")
    return "\n".join(parts)


def cell(found: Estimate | None, p: float | None = None) -> str:
    """``0.4734 [0.4011, 0.5467]``; a difference with its sign, queries won/lost/tied, and p where it is known."""
    if found is None or found.mean is None:
        return "–"
    paired = isinstance(found, PairedDifference)
    mean, low, high = (f"{value:{'+' if paired else ''}.4f}" for value in (found.mean, found.low, found.high))
    said = f" {found.wins}/{found.losses}/{found.ties}" if paired else ""
    return f"{mean} [{low}, {high}]{said}" + ("" if p is None else f", p {p:.4f}")
