"""The file of people's judgments that ``python -m space judgments`` writes, and how a training takes it along."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from space.data.catalogue import DataError, rows_of
from space.data.judgments import Judged
from space.data.scale import ScaleError
from space.data.words import normalized_column

logger = logging.getLogger(__name__)

#: Of a file: what was judged, the grade, by whom, and when (ISO, UTC).
COLUMNS = ("query", "product_locale", "product_id", "esci_label", "rater", "judged_at")


def read(path: Path) -> pd.DataFrame:
    """The judgments of a file, as texts.

    Raises:
        DataError: it is not there, no csv in UTF-8, or lacks a column.
    """
    try:
        found = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (OSError, ValueError) as error:
        raise DataError(
            f"--judgments {path}: cannot be read ({error}); make it with python -m space judgments"
        ) from error
    missing = [name for name in COLUMNS if name not in found]
    if missing:
        raise DataError(
            f"--judgments {path}: column {missing[0]!r} is missing; make it with python -m space judgments"
        )
    return found[list(COLUMNS)]


def with_people(judged: Judged, path: Path) -> Judged:
    """The data with people's judgments among those to learn from.

    Judgments for held-out queries stay out: the model would be tested on what it learned from. So do those of pairs
    that have a label, and of products that the catalogue does not have. The log says how many.

    Raises:
        DataError: see ``read``, or a grade that the scale of the data does not have.
    """
    people = read(path)
    try:
        people["esci_label"] = judged.scale.labels_of(people["esci_label"]) if len(people) else people["esci_label"]
    except ScaleError as error:
        raise DataError(f"--judgments {path}: column 'esci_label' {error}") from error
    people["row"] = rows_of(judged.catalogue, people["product_locale"], people["product_id"])
    held_out = _queries(people).isin(_queries(judged.test))
    absent = people["row"].to_numpy() < 0
    known = _pairs(people).isin(_pairs(judged.train))
    new = people[~held_out & ~absent & ~known].drop_duplicates(["product_locale", "query", "product_id"])
    logger.info(
        f"--judgments {path.name}: {len(new)} judgments of people to learn from; left out: {held_out.sum()} for "
        f"held-out queries, {(known & ~held_out).sum()} of pairs with a label, {absent.sum()} of products not in the "
        "catalogue"
    )
    if new.empty:
        return judged
    train = pd.concat([judged.train, _like(new, judged.train)], ignore_index=True)
    train["esci_label"] = pd.Categorical(train["esci_label"], categories=list(judged.scale.names))
    return replace(judged, train=train)


def _like(new: pd.DataFrame, train: pd.DataFrame) -> pd.DataFrame:
    """``new`` with the columns of ``train``; a query of both keeps its id, others get ids above the largest."""
    columns: dict[str, object] = {
        name: new[name] for name in ("query", "product_locale", "product_id", "esci_label", "row")
    }
    known = dict(zip(_queries(train), train["query_id"], strict=True))
    largest = pd.to_numeric(train["query_id"], errors="coerce").max()
    base = 0 if np.isnan(largest) else int(largest)
    added = {key: base + number for number, key in enumerate(dict.fromkeys(_queries(new)), start=1)}
    columns["query_id"] = [known.get(key, added[key]) for key in _queries(new)]
    columns |= {"ratings": 1, "contradiction": ""}  # where the data has several ratings of a pair
    return pd.DataFrame(columns, index=new.index).reindex(columns=train.columns)


def _queries(judgments: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_arrays([judgments["product_locale"], normalized_column(judgments["query"])])


def _pairs(judgments: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_arrays(
        [judgments["product_locale"], normalized_column(judgments["query"]), judgments["product_id"]]
    )
