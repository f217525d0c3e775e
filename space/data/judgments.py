"""Reads judgments in the ESCI schema from a folder, checks them and joins them to the catalogue."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa

from space.data.catalogue import NO_LOCALE, OTHER_LOCALE, DataError, in_locales, need_columns, product_columns, rows_of
from space.data.parquet import read_parquet
from space.data.passages import has_text, left_out, with_text
from space.data.product_files import read_joined_products, read_products, readable, schema_of
from space.data.scale import CLICKS, ESCI, LabelScale, ScaleError, numbers, scale_of
from space.data.texts import LostDigitsError, text_column
from space.data.words import normalized_column
from space.errors import listed, shown
from space.i18n import gettext as _
from space.i18n import ngettext, number

logger = logging.getLogger(__name__)

#: Contradictions that a message names, and characters of the grades of each.
LISTED, _MOST = 5, 80
JUDGMENT_COLUMNS = ("query", "query_id", "product_id", "product_locale", "esci_label")
#: Columns of data with several ratings of a pair: how many there are (int64), and the grades that contradict each
#: other, best first, as "3 / 1"; "" for pairs without a contradiction.
RATING_COLUMNS = ("ratings", "contradiction")
OFFICIAL_EXAMPLES = "shopping_queries_dataset_examples.parquet"
OFFICIAL_PRODUCTS = "shopping_queries_dataset_products.parquet"


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
        scale: of the labels in column "esci_label" of both.
        test_share: of the queries, which were drawn for the test; None where the data has a held-out part of its own.
    """

    name: str
    catalogue: pa.Table
    train: pd.DataFrame
    test: pd.DataFrame
    notice: str = ""
    scale: LabelScale = ESCI
    test_share: float | None = None


def check(
    name: str,
    train: pd.DataFrame,
    test: pd.DataFrame,
    products: pa.Table,
    locales: Sequence[str],
    notice: str = "",
    scale: LabelScale | None = None,
    label: str = "esci_label",
) -> Judged:
    """Check tables as they were read, and join judgments to products.

    Args:
        name: the data set, for messages.
        train: judgments with ``JUDGMENT_COLUMNS``, and perhaps "line", where each row starts in its file.
        test: likewise, held out.
        products: the catalogue, one row per (locale, id).
        locales: product locales to keep; none keeps all.
        notice: see ``Judged``.
        scale: of the labels; None takes the one that they show, see ``space.data.scale.scale_of``.
        label: the file's name of the column of labels, for messages.

    Raises:
        DataError: a null, an unknown label, two words for one pair, a judged product that is not in the catalogue,
            or no judgment in the wanted locales.
    """
    catalogue = in_locales(products, locales, name)
    if scale is None:
        labels = pd.concat([table["esci_label"].dropna().astype(str) for table in (train, test)], ignore_index=True)
        scale = _on_scale(f"{name} train and test", [train, test], label, lambda: scale_of(labels))
    train, test = (
        checked_judgments(f"{name} {split}", table, catalogue, locales, scale, label)
        for split, table in (("train", train), ("test", test))
    )
    for split, table in (("train", train), ("test", test)):
        if said := _contradictions(table):
            logger.warning(f"{name} {split}: {said}; the mean counts")
    catalogue, train, test = _without_empty_products(name, catalogue, train, test)
    leaked = _queries(train).isin(_queries(test))
    if leaked.any():
        logger.warning("%s: %d train rows left out, their queries are held out for the test", name, leaked.sum())
        train = train[~leaked].reset_index(drop=True)
    if scale != ESCI:
        logger.info(f"{name}: labels {scale}; ! marks the relevant, --labels sets other gains")
    return Judged(name, catalogue, train, test, notice, scale)


_T = TypeVar("_T")


def _on_scale(name: str, tables: Sequence[pd.DataFrame], label: str, call: Callable[[], _T]) -> _T:
    """What ``call`` returns; an error of the scale names the data, the line and the column."""
    try:
        return call()
    except ScaleError as error:
        odd = [table[table["esci_label"] == error.value] for table in tables if "line" in table]
        line = next((f"line {table['line'].iloc[0]}, " for table in odd if len(table)), "")
        raise DataError(f"{name}: {line}column {shown(label)} {error}") from error


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


def read_folder(
    folder: Path, bullets: bool, *, converted: bool = False
) -> tuple[pd.DataFrame, pd.DataFrame, pa.Table]:
    """Train judgments, test judgments and products of a folder, not yet checked.

    Args:
        folder: with train.parquet, test.parquet and perhaps products.parquet, each perhaps in parts as on the Hub
            (``data/train-00000-of-00002.parquet``), or with the two official files.
        bullets: also read the bullet points.
        converted: ``python -m space convert`` wrote it: ``RATING_COLUMNS`` are what they mean here.

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
    extra = RATING_COLUMNS if converted else ()
    return _read_judgments(train, perhaps=extra), _read_judgments(test, perhaps=extra), products


def split_files(folder: Path, split: str) -> list[Path]:
    """The parquet files of a split, in order: ``train.parquet`` or its parts, in the folder or one named data."""
    for place in (folder, folder / "data", folder / split, folder / "data" / split):
        names = f"{split}.parquet", f"{split}-*-of-*.parquet", *(["*.parquet"] if place.name == split else [])
        for name in names:
            if files := sorted(place.glob(name)):
                return files
    return []


def _read_judgments(files: Sequence[Path], extra: tuple[str, ...] = (), perhaps: tuple[str, ...] = ()) -> pd.DataFrame:
    tables = []
    for file in files:
        header = schema_of(file).names
        columns = judgment_columns(header, file.name, (*extra, *(name for name in perhaps if name in header)))
        with readable(file):
            table = read_parquet(file, list(columns.values()))
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


def has_esci_columns(file: Path, *, joined: bool) -> bool:
    """Whether a parquet file has the columns of judgments, and with ``joined`` those of their products.

    Raises:
        DataError: the file cannot be read.
    """
    header = schema_of(file).names
    try:
        judgment_columns(header, file.name)
        if joined:
            product_columns(header, False, file.name)
    except DataError:
        return False
    return True


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


def checked_judgments(
    name: str,
    table: pd.DataFrame,
    catalogue: pa.Table,
    locales: Sequence[str],
    scale: LabelScale,
    label: str = "esci_label",
) -> pd.DataFrame:
    """The judgments of the wanted locales, with labels of the scale and the row of each product, see ``check``."""
    for column in JUDGMENT_COLUMNS:
        empty = np.flatnonzero(table[column].isna())
        if len(empty):
            raise DataError(f"{name}: column {column!r} is empty in {len(empty)} rows, first in row {empty[0] + 1}")
    table = table[table["product_locale"].isin(list(locales))].copy() if locales else table.copy()
    if table.empty:
        asked = f" in locales {listed([one for one in locales if one != NO_LOCALE])}" if locales else ""
        raise DataError(f"{name}: no judgment{asked}")
    for column in ("query", "product_id", "product_locale"):
        table[column] = table[column].astype(str)
    table = _one_label_a_pair(name, table, scale, label)
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
            f"{shown(row['product_id'])}{f' in line {row.line}' if 'line' in absent else ''}"
            f"{'' if row['product_locale'] == NO_LOCALE else f' of locale {shown(row.product_locale)}'}; add them to "
            "the products, or delete their judgments"
        )
    return table.drop(columns="line", errors="ignore").reset_index(drop=True)


def _contradictions(judgments: pd.DataFrame) -> str:
    """How many pairs have ratings of different grades, and the first of them; "" for none."""
    apart = judgments[judgments["contradiction"] != ""] if "contradiction" in judgments else judgments[:0]
    if apart.empty:
        return ""
    pair = _("query {query} and product_id {product}: {grades}")
    pairs = "; ".join(
        pair.format(
            query=shown(row.query),
            product=shown(row.product_id)
            + ("" if row.product_locale == NO_LOCALE else f" ({shown(row.product_locale)})"),
            grades=row.contradiction[:_MOST],
        )
        for row in apart[:LISTED].itertuples()
    )
    text = ngettext(
        "{n} pair has contradicting labels, such as {pairs}",
        "{n} pairs have contradicting labels, such as {pairs}",
        len(apart),
    )
    return text.format(n=number(len(apart)), pairs=pairs)


def _one_label_a_pair(name: str, table: pd.DataFrame, scale: LabelScale, column: str) -> pd.DataFrame:
    """One row a pair, its label on the scale; several ratings become their mean, and ``RATING_COLUMNS`` describe them.

    Raises:
        DataError: a label that the scale does not have, or two words for one pair, which have no mean.
    """
    label = _on_scale(name, [table], column, lambda: scale.labels_of(table["esci_label"]))
    key = ["product_locale", "query", "product_id"]
    if "ratings" in table:
        said = table["contradiction"].fillna("") if "contradiction" in table else ""
        table = table.assign(ratings=table["ratings"].astype(np.int64), contradiction=said)
    if not table.duplicated(key).any():
        return table.assign(esci_label=label)
    pair = table.groupby(key, sort=False).ngroup().to_numpy()  # numbered in order of appearance
    counts = table["ratings"].to_numpy() if "ratings" in table else np.ones(len(table), np.int64)
    ratings = np.bincount(pair, counts).astype(np.int64)
    first = ~pd.Series(pair).duplicated().to_numpy()
    found = table[first].assign(ratings=ratings, contradiction="")
    grades = pd.crosstab(pair, label.codes) > 0 if scale != CLICKS else pd.DataFrame(index=range(len(found)))
    apart = grades.sum(axis=1).to_numpy() > 1
    found.loc[apart, "contradiction"] = [
        " / ".join(scale.names[code] for code in grades.columns[row]) for row in grades.to_numpy(bool)[apart]
    ]
    rated = numbers(table["esci_label"]).to_numpy()
    if np.isnan(rated).any():
        if apart.any():
            text = _("{name}: {pairs}: give each pair one label, or ratings as numbers")
            raise DataError(text.format(name=name, pairs=_contradictions(found)))
        return found.assign(esci_label=label[first])
    means = pd.Series(np.bincount(pair, rated * counts) / ratings, index=found.index)
    return found.assign(esci_label=scale.labels_of(means))
