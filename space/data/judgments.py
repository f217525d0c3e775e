"""Reads judgments in the ESCI schema from a folder, checks them and joins them to the catalogue."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from space.data.catalogue import OTHER_LOCALE, DataError, in_locales, need_columns, rows_of
from space.data.passages import has_text, left_out, with_text
from space.data.product_files import read_joined_products, read_products, readable, schema_of
from space.data.texts import LostDigitsError, text_column
from space.data.words import normalized_column

logger = logging.getLogger(__name__)

LABELS = ("Exact", "Substitute", "Complement", "Irrelevant")
#: Reddy et al. 2022, section 4.1. The official ranking script in effect swaps S and C (esci-data issues 9 and 18).
GAINS = {"Exact": 1.0, "Substitute": 0.1, "Complement": 0.01, "Irrelevant": 0.0}
JUDGMENT_COLUMNS = ("query", "query_id", "product_id", "product_locale", "esci_label")
OFFICIAL_EXAMPLES = "shopping_queries_dataset_examples.parquet"
OFFICIAL_PRODUCTS = "shopping_queries_dataset_products.parquet"
#: {label in lower case, whole or its first letter: label}.
_LABELS = {name.lower(): label for label in LABELS for name in (label, label[0])}


@dataclass(frozen=True)
class Judged:
    """A catalogue with judgments, checked and joined.

    Attributes:
        name: the data set as the user named it; a Hub data set as ID@COMMIT.
        catalogue: product columns, one row per (locale, id), in order of first appearance.
        train: judgments to learn from: ``JUDGMENT_COLUMNS``, and ``row``, the product's row in ``catalogue`` (int64).
        test: the held-out judgments, with the same columns; ``train`` has none of their queries, however
            these are written, see ``space.data.words.normalized``.
        notice: what must be said wherever the data is shown (the sample is made up), or "".
    """

    name: str
    catalogue: pa.Table
    train: pd.DataFrame
    test: pd.DataFrame
    notice: str = ""


def check(
    name: str, train: pd.DataFrame, test: pd.DataFrame, products: pa.Table, locales: Sequence[str], notice: str = ""
) -> Judged:
    """Check tables as they were read, and join judgments to products.

    Args:
        name: the data set, for messages.
        train: judgments with ``JUDGMENT_COLUMNS``.
        test: likewise, held out.
        products: the catalogue, one row per (locale, id).
        locales: product locales to keep.
        notice: see ``Judged``.

    Raises:
        DataError: a null, an unknown label, two labels for one pair, a judged product that is not in the catalogue,
            or no judgment in the wanted locales.
    """
    catalogue = in_locales(products, locales, name)
    train, test = (
        _checked_judgments(f"{name} {split}", table, catalogue, locales)
        for split, table in (("train", train), ("test", test))
    )
    catalogue, train, test = _without_empty_products(name, catalogue, train, test)
    leaked = _queries(train).isin(_queries(test))
    if leaked.any():
        logger.warning("%s: %d train rows left out, their queries are held out for the test", name, leaked.sum())
        train = train[~leaked].reset_index(drop=True)
    return Judged(name, catalogue, train, test, notice)


def _queries(judgments: pd.DataFrame) -> pd.MultiIndex:
    """(locale, normalized query) of each judgment."""
    return pd.MultiIndex.from_arrays([judgments["product_locale"], normalized_column(judgments["query"])])


def _without_empty_products(
    name: str, catalogue: pa.Table, train: pd.DataFrame, test: pd.DataFrame
) -> tuple[pa.Table, pd.DataFrame, pd.DataFrame]:
    """The data without products that have no text to embed, and without their judgments."""
    kept = has_text(catalogue)
    if kept.all():
        return catalogue, train, test
    new_rows = np.cumsum(kept) - 1
    judged = [table[kept[table["row"]]].reset_index(drop=True) for table in (train, test)]
    lost = len(train) + len(test) - sum(map(len, judged))
    logger.warning("%s: %s; %d judgments of them too", name, left_out(int((~kept).sum())), lost)
    for split, table in zip(("train", "test"), judged, strict=True):
        if table.empty:
            raise DataError(f"{name} {split}: no judged product has a title, brand or colour")
        table["row"] = new_rows[table["row"]]
    return with_text(catalogue, name)[0], *judged


# -- reading ---------------------------------------------------------------------------------------------------------


def read_folder(folder: Path, bullets: bool) -> tuple[pd.DataFrame, pd.DataFrame, pa.Table]:
    """Train judgments, test judgments and products of a folder, not yet checked.

    Args:
        folder: with train.parquet, test.parquet and perhaps products.parquet, each perhaps in parts as on the Hub
            (``data/train-00000-of-00002.parquet``), or with the two official files.
        bullets: also read the bullet points.

    Raises:
        DataError: a file that is missing or cannot be read, or a column that is missing.
    """
    if (folder / OFFICIAL_EXAMPLES).is_file():
        if not (folder / OFFICIAL_PRODUCTS).is_file():
            raise DataError(f"{folder}: {OFFICIAL_EXAMPLES} is there, {OFFICIAL_PRODUCTS} is missing")
        examples = _read_judgments([folder / OFFICIAL_EXAMPLES], extra=("split",))
        splits = [examples[examples["split"] == split].drop(columns="split") for split in ("train", "test")]
        return splits[0], splits[1], read_products([folder / OFFICIAL_PRODUCTS], bullets)
    train, test = (split_files(folder, split) for split in ("train", "test"))
    for split, files in (("train", train), ("test", test)):
        if not files:
            raise DataError(
                f"{folder}: no {split}.parquet; a data folder holds train.parquet and test.parquet, or parts of them "
                f"such as data/{split}-00000-of-00001.parquet, or {OFFICIAL_EXAMPLES} and {OFFICIAL_PRODUCTS}"
            )
    own = split_files(folder, "products")
    products = read_products(own, bullets) if own else read_joined_products([*train, *test], bullets)
    return _read_judgments(train), _read_judgments(test), products


def split_files(folder: Path, split: str) -> list[Path]:
    """The parquet files of a split, in order: ``train.parquet`` or its parts, in the folder or one named data."""
    for place in (folder, folder / "data", folder / split, folder / "data" / split):
        names = f"{split}.parquet", f"{split}-*-of-*.parquet", *(["*.parquet"] if place.name == split else [])
        for name in names:
            if files := sorted(place.glob(name)):
                return files
    return []


def _read_judgments(files: Sequence[Path], extra: tuple[str, ...] = ()) -> pd.DataFrame:
    tables = []
    for file in files:
        columns = judgment_columns(schema_of(file).names, file.name, extra)
        with readable(file):
            table = pq.read_table(file, columns=list(columns.values()))
        tables.append(judgment_frame(table, columns, file.name))
    return pd.concat(tables, ignore_index=True)


def judgment_columns(header: Sequence[str], source: str, extra: tuple[str, ...] = ()) -> dict[str, str]:
    """{column of ours: column of a table} of the columns of judgments, and ``extra``.

    Raises:
        DataError: a column is missing.
    """
    found = {ours: ours for ours in (*JUDGMENT_COLUMNS, *extra)}
    if "product_locale" not in header and OTHER_LOCALE in header:
        found["product_locale"] = OTHER_LOCALE
    if "query_id" not in header:
        del found["query_id"]
    need_columns(header, found.values(), source)
    return found


def judgment_frame(table: pa.Table, columns: Mapping[str, str], source: str) -> pd.DataFrame:
    """Judgments as a table of texts; ids that are floats are written as whole numbers, as those of products are.

    Raises:
        DataError: ids that lost digits, or text that is not UTF-8.
    """
    found = {}
    for ours, theirs in columns.items():
        if ours == "query_id":
            found[ours] = table[theirs].to_pandas()
            continue
        try:
            table[theirs].validate(full=True)
            found[ours] = text_column(table[theirs].chunks, ours)[0].to_pandas()
        except LostDigitsError as error:
            raise DataError(
                f"{source}: column {theirs!r} holds {error}, without all digits; save ids as text"
            ) from error
        except pa.ArrowException as error:
            raise DataError(f"{source}: column {theirs!r}: {error}; save it as UTF-8") from error
    if "query_id" not in found:
        found["query_id"] = pd.factorize(found["query"])[0] + 1
    return pd.DataFrame(found)


def _checked_judgments(name: str, table: pd.DataFrame, catalogue: pa.Table, locales: Sequence[str]) -> pd.DataFrame:
    """The judgments of the wanted locales, with full labels and the row of each product."""
    for column in JUDGMENT_COLUMNS:
        empty = np.flatnonzero(table[column].isna())
        if len(empty):
            raise DataError(f"{name}: column {column!r} is empty in {len(empty)} rows, first in row {empty[0] + 1}")
    table = table[table["product_locale"].isin(list(locales))].copy()
    if table.empty:
        raise DataError(f"{name}: no judgment in locales {list(locales)}")
    plain = table["esci_label"].astype(str).str.strip().str.casefold()
    labels = plain.map(_LABELS).fillna(table["esci_label"].astype(str))
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
            f"{name}: column 'esci_label' has two labels for query {row['query']!r} and product_id "
            f"{row['product_id']!r} ({row['product_locale']}): give each pair one label"
        )
    table["row"] = rows_of(catalogue, table["product_locale"], table["product_id"])
    absent = table[table["row"] < 0]
    if absent["product_id"].str.fullmatch(r"\d+\.0").any():  # a column of numbers that once had a gap
        table["product_id"] = table["product_id"].where(table["row"] >= 0, table["product_id"].str.removesuffix(".0"))
        table["row"] = rows_of(catalogue, table["product_locale"], table["product_id"])
        absent = table[table["row"] < 0]
    if len(absent):
        row = absent.iloc[0]
        raise DataError(
            f"{name}: {len(absent)} judged products are not in the catalogue, the first is product_id "
            f"{row['product_id']!r} of locale {row['product_locale']!r}"
        )
    return table.reset_index(drop=True)
