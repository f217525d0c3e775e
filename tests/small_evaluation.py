"""An evaluation made up by hand, with the shape and the arithmetic of a real one, for tests of what shows it."""

import json
from dataclasses import asdict, replace

import pandas as pd
import small_shop

from space.data.scale import ESCI
from space.evaluation import findings, protocols, significance
from space.evaluation.schema import Evaluation
from space.evaluation.tables import METRICS

#: Per locale the differences of its queries from base, which is .5 everywhere.
CHANGES = {
    "es": [-0.1] * 11 + [-0.2],
    "jp": [0.3, 0.0],
    "us": [0.1] * 20 + [0.4, 0.0, 0.0, -0.3],
}
BASE = 0.5
HOSTILE = "<script>window.hacked = true</script> \"quoted\" & 'more'"
#: One metric moves half as far, so that it cannot be taken for another.
SHARES = {"full_catalogue/exact@1": 0.5}
SYSTEMS = {"random": -0.45, "bm25": 0.2, "base": 0.0, "tuned": None, "hybrid": -0.2}


def rows(changes=None):
    """(locale, query, difference) of every query; the largest loss has a query that is markup."""
    listed = [
        (locale, f"query {locale} {number}", change)
        for locale, changes_of in (changes or CHANGES).items()
        for number, change in enumerate(changes_of)
    ]
    worst = min(range(len(listed)), key=lambda place: listed[place][2])
    listed[worst] = (listed[worst][0], HOSTILE, listed[worst][2])
    return sorted(listed)


def of_four():
    """An evaluation of ``small_shop.four`` without training: card is .05 above base on each query, mini-v2 below."""
    more = {"mini-v2": -0.05, "card": 0.05, "base+bm25": 0.01}
    found = content(systems=SYSTEMS | more, encoders=small_shop.four(), training=None)
    frames = {
        name: pd.DataFrame({column: values for column, values in columns.items()}, dtype=float)
        for name, columns in found.per_query.systems.items()
    }
    p_values = significance.corrected(frames, "base")
    tables = {name: replace(table, p_values=p_values[name]) for name, table in found.protocols.items()}
    return replace(found, protocols=tables)


def content(changes=None, labels=True, systems=None, encoders=None, **parts):
    """The evaluation; all metrics of a query move as far, but for ``SHARES``.

    Args:
        changes: see ``rows``.
        labels: whether it has the labels of each query.
        systems: {system: its difference from base}; None stands for ``changes``.
        encoders: of the systems.
        parts: of the file, in place of those below.
    """
    listed = rows(changes)
    index = pd.MultiIndex.from_tuples([row[:2] for row in listed], names=["product_locale", "query"])
    columns = [f"{protocol}/{metric}" for protocol, names in METRICS.items() for metric in names]
    results = {
        system: pd.DataFrame(
            {
                name: [BASE + (row[2] if shift is None else shift) * SHARES.get(name, 1.0) for row in listed]
                for name in columns
            },
            index=index,
        )
        for system, shift in (systems or SYSTEMS).items()
    }
    counts = pd.DataFrame([(3, 1, 0, 1)] * len(listed), index=index, columns=list(ESCI.names)) if labels else None
    encoders = {part: asdict(one.describe()) for part, one in (encoders or small_shop.two()).items()}
    found = {
        "format": 1,
        "dataset": {
            "name": "tiny", "notice": small_shop.NOTICE, "locales": ["es", "jp", "us"], "products": 30,
            "train_judgments": 1234, "queries": 100, "queries_evaluated": len(listed), "judgments_evaluated": 190,
        },
        "gains": {"Exact": 1.0, "Substitute": 0.1, "Complement": 0.01, "Irrelevant": 0.0},
        "encoders": encoders,
        "settings": {"dataset": "tiny", "locales": ["us", "es", "jp"], "learning_rate": 2e-05, "push_to_hub": None},
        "training": {
            "examples": 640, "steps": 20, "seconds": 39.6, "examples_per_second": 16.2, "peak_memory_gb": 2.31,
            "device": "cpu", "precision": "float32", "run": "triplet-1234",
            "history": [{"step": step, "loss": 0.2 - step / 100, "learning_rate": 0.0} for step in range(1, 11)],
        },
    } | parts  # fmt: skip
    evaluation = replace(
        Evaluation.from_json(found),
        protocols=protocols.summarize(results, str(parts.get("reference", "base"))),
        per_query=protocols.by_query(results, counts),
    )
    return replace(evaluation, verdict=findings.verdict(evaluation))


def bent(**parts):
    """The evaluation, read from a file in which some parts are others."""
    return Evaluation.from_json(json.loads(content().to_json()) | parts)
