"""Judgments in the ESCI schema: from the Hub or a folder, checked and joined to their catalogue.

Knows no encoder and no index.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from space.catalogue import (
    DataError,
    in_locales,
    need_columns,
    products_of,
    read_products,
    readable,
    rows_of,
    schema_of,
)

logger = logging.getLogger(__name__)

LABELS = ("Exact", "Substitute", "Complement", "Irrelevant")
#: Reddy et al. 2022, section 4.1. The official ranking script swaps S and C in effect (esci-data issues 9 and 18).
GAINS = {"Exact": 1.0, "Substitute": 0.1, "Complement": 0.01, "Irrelevant": 0.0}
JUDGMENT_COLUMNS = ("query", "query_id", "product_id", "product_locale", "esci_label")
OFFICIAL_EXAMPLES = "shopping_queries_dataset_examples.parquet"
OFFICIAL_PRODUCTS = "shopping_queries_dataset_products.parquet"
_SHORT_LABELS = {label[0]: label for label in LABELS}


@dataclass(frozen=True)
class Judged:
    """A catalogue with judgments, checked and joined.

    Attributes:
        name: what was loaded, as the user named it; a Hub data set with the commit, ID@COMMIT.
        catalogue: product columns, one row per (locale, id), in order of first appearance.
        train: judgments to learn from: ``JUDGMENT_COLUMNS`` and ``row``, the product's row in ``catalogue`` (int64).
        test: judgments held out, likewise; no query of it is in ``train``.
        notice: what must be said wherever the data is shown (the sample is made up), or "".
    """

    name: str
    catalogue: pa.Table
    train: pd.DataFrame
    test: pd.DataFrame
    notice: str = ""


def load(dataset: str, locales: Sequence[str], *, bullets: bool = False, offline: bool = False) -> Judged:
    """Judgments and catalogue from a Hub data set or a local folder.

    Args:
        dataset: a folder, or the id of a Hub data set with splits ``train`` and ``test`` in the joined schema
            (``tasksource/esci``); ``ID@REVISION`` pins.
        locales: product locales to keep.
        bullets: also read the bullet points.
        offline: take a Hub data set from the cache only.

    Raises:
        DataError: files, columns, labels or ids that cannot be used.
    """
    folder = Path(dataset)
    if folder.is_dir():
        return check(dataset, *_read_folder(folder, bullets), locales)
    commit, *parts = _read_hub(dataset, bullets, offline)
    judged = check(dataset, *parts, locales)
    return replace(judged, name=f"{dataset.partition('@')[0]}@{commit}") if commit else judged


def check(
    name: str, train: pd.DataFrame, test: pd.DataFrame, products: pa.Table, locales: Sequence[str], notice: str = ""
) -> Judged:
    """Tables as read -> tables that can be relied on.

    Args:
        name: what to call the data in messages.
        train: judgments with ``JUDGMENT_COLUMNS``.
        test: likewise.
        products: the catalogue, one row per (locale, id).
        locales: product locales to keep.
        notice: see ``Judged``.

    Raises:
        DataError: a null, a label that is not one of E, S, C, I, contradicting labels, a judged product that is not
            in the catalogue, nothing left in the wanted locales.
    """
    catalogue = in_locales(products, locales, name)
    train, test = (
        _checked_judgments(f"{name} {split}", table, catalogue, locales)
        for split, table in (("train", train), ("test", test))
    )
    seen = pd.MultiIndex.from_frame(train[["product_locale", "query"]])
    leaked = seen.isin(pd.MultiIndex.from_frame(test[["product_locale", "query"]]))
    if leaked.any():
        logger.warning("%s: %d train rows left out, their queries are held out for the test", name, leaked.sum())
        train = train[~leaked].reset_index(drop=True)
    return Judged(name, catalogue, train, test, notice)


# -- reading ---------------------------------------------------------------------------------------------------------


def _read_folder(folder: Path, bullets: bool) -> tuple[pd.DataFrame, pd.DataFrame, pa.Table]:
    """A folder in the joined or the official layout -> train, test, products."""
    if (folder / OFFICIAL_EXAMPLES).is_file():
        if not (folder / OFFICIAL_PRODUCTS).is_file():
            raise DataError(f"{folder}: {OFFICIAL_EXAMPLES} is there, {OFFICIAL_PRODUCTS} is missing")
        examples = _judgments([folder / OFFICIAL_EXAMPLES], extra=("split",))
        splits = [examples[examples["split"] == split].drop(columns="split") for split in ("train", "test")]
        return splits[0], splits[1], read_products([folder / OFFICIAL_PRODUCTS], bullets, unique=True)
    files = [folder / "train.parquet", folder / "test.parquet"]
    for file in files:
        if not file.is_file():
            raise DataError(
                f"{folder}: no {file.name}; a data folder holds train.parquet and test.parquet, or "
                f"{OFFICIAL_EXAMPLES} and {OFFICIAL_PRODUCTS}"
            )
    own = folder / "products.parquet"
    products = (
        read_products([own], bullets, unique=True) if own.is_file() else read_products(files, bullets, unique=False)
    )
    return _judgments(files[:1]), _judgments(files[1:]), products


def _read_hub(dataset: str, bullets: bool, offline: bool) -> tuple[str, pd.DataFrame, pd.DataFrame, pa.Table]:
    """A Hub data set -> commit, train, test, products. The rows stay memory-mapped in the cache of ``datasets``."""
    # Here and not at the top: a local folder needs neither the import nor the network.
    import datasets

    from space import faults

    repo, _, revision = dataset.partition("@")
    datasets.config.HF_HUB_OFFLINE = datasets.config.HF_HUB_OFFLINE or offline
    try:
        splits = faults.patiently(
            lambda: datasets.load_dataset(repo, revision=revision or None), f"pulling dataset {dataset}"
        )
    except (*faults.FAULTS, datasets.exceptions.DatasetsError) as error:
        where = "not in the cache, and the Hub is out of reach"
        if not offline:
            # It comes without what caused it.
            lost = isinstance(error, datasets.exceptions.DatasetNotFoundError) and "gated" not in str(error)
            where = f"not to be had from the Hub: {faults.NOT_THERE if lost else faults.reason(error)}"
        raise DataError(
            f"--dataset {dataset}: {where}; name a folder with train.parquet and test.parquet, or use --dataset sample"
        ) from error
    missing = {"train", "test"} - set(splits)
    if missing:
        raise DataError(f"--dataset {dataset}: no split {sorted(missing)}; it has {sorted(splits)}")
    tables = [splits[split].data.table for split in ("train", "test")]
    frames = []
    for split, table in zip(("train", "test"), tables, strict=True):
        need_columns(table.schema.names, JUDGMENT_COLUMNS, f"{dataset} {split}")
        frames.append(table.select(list(JUDGMENT_COLUMNS)).to_pandas())
    products = products_of([(dataset, table) for table in tables], bullets)
    # The cache keeps each commit in a folder of its name, which holds online and offline alike.
    folders = [Path(file["filename"]).parent.name for file in splits["train"].cache_files]
    commit = next((name for name in folders if re.fullmatch("[0-9a-f]{40}", name)), "")
    return commit, frames[0], frames[1], products


def _judgments(files: Sequence[Path], extra: tuple[str, ...] = ()) -> pd.DataFrame:
    frames = []
    for file in files:
        wanted = [*JUDGMENT_COLUMNS, *extra]
        need_columns(schema_of(file).names, wanted, file.name)
        with readable(file):
            frames.append(pq.read_table(file, columns=wanted).to_pandas())
    return pd.concat(frames, ignore_index=True)


def _checked_judgments(name: str, table: pd.DataFrame, catalogue: pa.Table, locales: Sequence[str]) -> pd.DataFrame:
    """Judgments of the wanted locales with full labels and each product's row in the catalogue."""
    for column in JUDGMENT_COLUMNS:
        empty = np.flatnonzero(table[column].isna())
        if len(empty):
            raise DataError(f"{name}: column {column!r} is null in {len(empty)} rows, first in row {empty[0]}")
    table = table[table["product_locale"].isin(list(locales))].copy()
    if table.empty:
        raise DataError(f"{name}: no judgment in locales {list(locales)}")
    labels = table["esci_label"].astype(str).replace(_SHORT_LABELS)
    unknown = labels[~labels.isin(LABELS)]
    if len(unknown):
        raise DataError(
            f"{name}: column 'esci_label' holds {unknown.iloc[0]!r}; labels are {', '.join(LABELS)} or E, S, C, I"
        )
    table["esci_label"] = pd.Categorical(labels, categories=LABELS)
    for column in ("query", "product_id", "product_locale"):
        table[column] = table[column].astype(str)
    key = ["product_locale", "query", "product_id"]
    table = table.drop_duplicates([*key, "esci_label"])
    contradicting = table[table.duplicated(key)]
    if len(contradicting):
        row = contradicting.iloc[0]
        raise DataError(
            f"{name}: column 'esci_label' contradicts itself for query {row['query']!r} and product_id "
            f"{row['product_id']!r} ({row['product_locale']}): give each pair one label"
        )
    table["row"] = rows_of(catalogue, table["product_locale"], table["product_id"])
    absent = table[table["row"] < 0]
    if len(absent):
        row = absent.iloc[0]
        raise DataError(
            f"{name}: {len(absent)} judged products are not in the catalogue, the first is product_id "
            f"{row['product_id']!r} of locale {row['product_locale']!r}"
        )
    return table.reset_index(drop=True)
