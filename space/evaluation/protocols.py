"""Systems and judgments to figures: the two protocols, kept apart, with intervals and paired differences.

*judged* ranks each query's judged products only. It is what most published ESCI figures are, and flatters everyone:
a random order already reaches about .8. *full_catalogue* retrieves from all products of the query's locale, where a
product nobody judged counts as 0; it is what a searcher sees, and pessimistic, since some unjudged products are fine.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from space.data.judgments import GAINS, LABELS
from space.evaluation import metrics

if TYPE_CHECKING:  # whoever only reads figures, such as a report, has no use for torch
    from space.retrieval.systems import System

DEPTH = 100
BATCH = 64
BASE = "base"
PROTOCOLS = {
    "judged": (
        "Each query's judged products are ranked, nothing else. "
        "A random order scores high here, so read differences, not levels."
    ),
    "full_catalogue": (
        "Each query retrieves from all products of its locale; a product without a judgment counts as 0. "
        "This is what a searcher meets, and the number to decide by."
    ),
}
METRICS = {
    "judged": ("ndcg", "ndcg@10"),
    "full_catalogue": ("ndcg@10", "recall@100", "mrr@10", "exact@1"),
}
HEADLINE = ("full_catalogue", "ndcg@10")
#: Which systems are also set against each other: what BM25 and the fine-tuned encoder add when they are fused.
CONTRASTS = (("hybrid", "tuned"), ("hybrid", "bm25"), ("tuned", "bm25"))
#: Below this a bootstrap interval says more about the few queries than about the encoder.
MIN_QUERIES = 10


def held_out(test: pd.DataFrame, limit: int = -1, seed: int = 42) -> pd.DataFrame:
    """The test judgments of at most ``limit`` queries, drawn by ``seed``; -1 keeps all."""
    keys = test[["product_locale", "query"]].drop_duplicates()
    if 0 <= limit < len(keys):
        # Sorted first, so that the draw depends on the queries and not on the order of a file.
        keys = keys.sort_values(["product_locale", "query"]).sample(limit, random_state=seed).sort_index()
    return test.merge(keys, on=["product_locale", "query"], how="inner")


def per_query(system: "System", test: pd.DataFrame, catalogue: pa.Table) -> pd.DataFrame:
    """Every metric of every query.

    Args:
        system: what to evaluate.
        test: checked judgments with ``row``.
        catalogue: the products, for their locales.

    Returns:
        One row per query, index (product_locale, query) sorted, columns ``protocol/metric``; NaN where a metric is
        undefined: nDCG of a query without gain, recall of one without an Exact product.
    """
    locales = catalogue["product_locale"].combine_chunks().dictionary_encode()
    codes, names = locales.indices.to_numpy(), locales.dictionary.to_pylist()
    groups = {key: group for key, group in test.groupby(["product_locale", "query"], sort=True)}
    rows = []
    for locale in sorted({key[0] for key in groups}):
        mask = codes == names.index(locale)
        queries = [query for group_locale, query in groups if group_locale == locale]
        for start in range(0, len(queries), BATCH):
            part = queries[start : start + BATCH]
            rows.extend(_evaluate(system, part, [groups[locale, query] for query in part], mask))
    index = pd.MultiIndex.from_tuples(sorted(groups), names=["product_locale", "query"])
    return pd.DataFrame(rows, index=index)


def _evaluate(
    system: "System", queries: list[str], judgments: list[pd.DataFrame], mask: np.ndarray
) -> list[dict[str, float]]:
    judged_rows = [judged["row"].to_numpy() for judged in judgments]
    labels = [judged["esci_label"].astype(str).to_numpy() for judged in judgments]
    values: list[list[dict[str, float]]] = [[] for _ in queries]
    for _ in range(system.repeats):
        orders = system.rank(queries, judged_rows)
        found = system.retrieve(queries, DEPTH, mask)
        for place, (order, ranking) in enumerate(zip(orders, found, strict=True)):
            values[place].append(query_metrics(labels[place], judged_rows[place], order, ranking.rows))
    return [{name: float(np.mean([value[name] for value in repeats])) for name in repeats[0]} for repeats in values]


def query_metrics(labels: np.ndarray, rows: np.ndarray, order: np.ndarray, retrieved: np.ndarray) -> dict[str, float]:
    """One query's figures.

    Args:
        labels: (m,) label of each judged product.
        rows: (m,) their rows in the catalogue.
        order: (m,) positions of the judged products as ranked, best first.
        retrieved: (r,) rows found in the whole catalogue, best first.

    Returns:
        {"protocol/metric": value}.
    """
    gains = np.array([GAINS[label] for label in labels])
    gain_of = dict(zip(rows.tolist(), gains.tolist(), strict=True))
    exact = {int(row) for row, label in zip(rows, labels, strict=True) if label == "Exact"}
    found = np.array([gain_of.get(row, 0.0) for row in retrieved.tolist()])
    relevant = np.array([row in exact for row in retrieved.tolist()], dtype=bool)
    return {
        "judged/ndcg": metrics.ndcg(gains[order]),
        "judged/ndcg@10": metrics.ndcg(gains[order], k=10),
        "full_catalogue/ndcg@10": metrics.ndcg(found, gains, 10),
        "full_catalogue/recall@100": metrics.recall(relevant, len(exact), DEPTH),
        "full_catalogue/mrr@10": metrics.reciprocal_rank(relevant, 10) if exact else float("nan"),
        "full_catalogue/exact@1": float(relevant[:1].any()) if exact else float("nan"),
    }


def label_counts(test: pd.DataFrame) -> pd.DataFrame:
    """How many products of a query have which label.

    Args:
        test: checked judgments.

    Returns:
        (queries, 4) int64, index (product_locale, query) sorted, columns ``LABELS``.
    """
    keys = [test["product_locale"], test["query"]]
    return pd.crosstab(keys, test["esci_label"].astype(str)).reindex(columns=list(LABELS), fill_value=0)


def summarize(
    results: Mapping[str, pd.DataFrame], seed: int = 0, *, labels: pd.DataFrame | None = None
) -> dict[str, Any]:
    """Per-query figures of several systems as the tables of evaluation.json.

    Args:
        results: {system: what ``per_query`` returned}, all over the same queries.
        seed: of the bootstrap.
        labels: what ``label_counts`` returned for those queries; None leaves them out.

    Returns:
        {"protocols": {protocol: {"description", "systems": {system: {metric: {mean, low, high, n}}}, "differences":
        {system: the same of system minus base, and wins, losses, ties}, "contrasts": {system: {other: the same of
        system minus other}} for those of ``CONTRASTS``}}, "per_query": {"product_locale": [], "query": [],
        "systems": {system: {column: []}}, "labels": {label: [] of counts}}}; JSON values only.
    """

    def against(protocol: str, system: str, other: str) -> dict[str, Any]:
        columns = {name: f"{protocol}/{name}" for name in METRICS[protocol]}
        return {
            name: paired((results[system][column] - results[other][column]).to_numpy(), seed)
            for name, column in columns.items()
        }

    protocols = {}
    for protocol, names in METRICS.items():
        table: dict[str, Any] = {"description": PROTOCOLS[protocol], "systems": {}, "differences": {}, "contrasts": {}}
        for system, frame in results.items():
            table["systems"][system] = {
                name: _estimate(frame[f"{protocol}/{name}"].to_numpy(), seed) for name in names
            }
            if system != BASE and BASE in results:
                table["differences"][system] = against(protocol, system, BASE)
        for system, other in CONTRASTS:
            if system in results and other in results:
                table["contrasts"].setdefault(system, {})[other] = against(protocol, system, other)
        protocols[protocol] = table
    index = next(iter(results.values())).index
    counts = {} if labels is None else {"labels": labels.loc[index].to_dict("list")}
    return {
        "protocols": protocols,
        "per_query": {
            "product_locale": index.get_level_values("product_locale").tolist(),
            "query": index.get_level_values("query").tolist(),
            "systems": {
                system: {name: [_number(value) for value in frame[name]] for name in frame.columns}
                for system, frame in results.items()
            },
            **counts,
        },
    }


def paired(differences: np.ndarray, seed: int = 0, resamples: int = metrics.RESAMPLES) -> dict[str, Any]:
    """A paired difference as evaluation.json has it: mean, low, high, n, wins, losses, ties.

    Args:
        differences: (n,) per-query differences; NaN counts nowhere.
        seed: of the bootstrap.
        resamples: likewise.
    """
    counts = metrics.wins_losses_ties(differences)
    estimate = _estimate(differences, seed, resamples)
    return estimate | dict(zip(("wins", "losses", "ties"), counts, strict=True))


def bearing(difference: Mapping[str, Any]) -> str:
    """What may be said of a paired difference: "better", "worse", "unclear", "few" (queries) or "none".

    Unclear is an interval that holds zero. The one place where that is decided, for verdict, tables and slices.
    """
    if not difference["n"]:
        return "none"
    if difference["n"] < MIN_QUERIES:
        return "few"
    return "better" if difference["low"] > 0 else "worse" if difference["high"] < 0 else "unclear"


def conclusion(difference: Mapping[str, Any]) -> str:
    """The verdict without its figures: what a paired difference of tuned from base says of fine-tuning."""
    leaning = "worse, though not clearly" if (difference["mean"] or 0) < 0 else "no clear difference"
    return {
        "none": "Fine-tuning: nothing can be said, no held-out query has a product with a gain",
        "few": f"Fine-tuning: {difference['n']} held-out queries are too few to tell",
        "better": "Fine-tuning helped",
        "worse": "Fine-tuning made it worse",
        "unclear": f"Fine-tuning: {leaning}, the interval holds zero",
    }[bearing(difference)]


def verdict(summary: Mapping[str, Any]) -> str:
    """Whether fine-tuning helped, in one plain sentence, by the headline metric and its paired interval."""
    protocol, metric = HEADLINE
    difference = summary["protocols"][protocol]["differences"]["tuned"][metric]
    if bearing(difference) == "none":
        return f"{conclusion(difference)}."
    return (
        f"{conclusion(difference)}: full-catalogue nDCG@10 {difference['mean']:+.4f} against base, 95 % interval "
        f"{difference['low']:+.4f} to {difference['high']:+.4f}, {difference['wins']} queries better, "
        f"{difference['losses']} worse, {difference['ties']} the same."
    )


def to_markdown(summary: Mapping[str, Any]) -> str:
    """Both protocols as tables, one after the other, for the terminal and the cards."""
    parts = []
    for protocol, table in summary["protocols"].items():
        names = METRICS[protocol]
        title = protocol.replace("_", " ").capitalize()
        parts.append(f"**{title}.** {table['description']}\n")
        parts.append("| system | " + " | ".join(names) + " |\n" + "| --- " * (len(names) + 1) + "|")
        parts.extend(
            f"| {system} | " + " | ".join(_cell(figures[name]) for name in names) + " |"
            for system, figures in table["systems"].items()
        )
        parts.extend(
            f"| {system} − base | " + " | ".join(_cell(figures[name], signed=True) for name in names) + " |"
            for system, figures in table["differences"].items()
            if system == "tuned"
        )
        parts.extend(
            f"| {system} − {other} | " + " | ".join(_cell(figures[name], signed=True) for name in names) + " |"
            for system, others in table.get("contrasts", {}).items()
            for other, figures in others.items()
        )
        parts.append("")
    return "\n".join(parts)


def to_json(evaluation: Mapping[str, Any]) -> str:
    """Text of evaluation.json, readable and without NaN."""
    return json.dumps(evaluation, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _estimate(values: np.ndarray, seed: int, resamples: int = metrics.RESAMPLES) -> dict[str, float | int | None]:
    found = metrics.estimate(values, seed, resamples)
    return {"mean": _number(found.mean), "low": _number(found.low), "high": _number(found.high), "n": found.n}


def _number(value: float) -> float | None:
    """A number as JSON has it: no NaN, and no digits that mean nothing."""
    return None if np.isnan(value) else round(float(value), 6)


def _cell(figure: Mapping[str, Any], signed: bool = False) -> str:
    if figure["mean"] is None:
        return "–"
    sign = "+" if signed else ""
    cell = f"{figure['mean']:{sign}.4f} [{figure['low']:{sign}.4f}, {figure['high']:{sign}.4f}]"
    return f"{cell} {figure['wins']}/{figure['losses']}/{figure['ties']}" if signed else cell
