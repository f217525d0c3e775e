"""Rows in ESCI's columns for tests of their readers."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from space.data import judgments
from space.data.catalogue import BULLETS, DataError
from space.pipelines.inputs import open_judged

ALL = ["us", "es", "jp"]
JUDGMENTS = list(judgments.JUDGMENT_COLUMNS)
PRODUCTS = [
    "product_id",
    "product_locale",
    "product_title",
    "product_description",
    BULLETS,
    "product_brand",
    "product_color",
]


def joined(*rows, **changed):
    """Joined rows of (query, locale, id, label); ``changed`` sets whole columns, None leaves a column out."""
    frame = pd.DataFrame(rows, columns=["query", "product_locale", "product_id", "esci_label"])
    frame["query_id"] = frame["query"].factorize()[0] + 1
    frame["product_title"] = frame["product_locale"] + " title of " + frame["product_id"].astype(str)
    frame["product_description"] = "long"
    frame[BULLETS] = "soft"
    frame["product_brand"] = "Acme"
    frame["product_color"] = None
    for name, value in changed.items():
        frame = frame.drop(columns=name) if value is None else frame.assign(**{name: value})
    return frame


TRAIN = joined(
    ("red shoes", "us", "01", "Exact"),
    ("red shoes", "us", "03", "Substitute"),
    ("zapatos", "es", "01", "Exact"),
    ("blue mug", "us", "03", "Irrelevant"),
)
TEST = joined(
    ("green hat", "us", "05", "Exact"), ("green hat", "us", "01", "Complement"), ("帽子", "jp", "05", "Exact")
)


def writer(folder: Path) -> Callable[..., str]:
    """A function that writes a data folder of the frames it is given, or of those above, and returns its path."""

    def make(**frames: pd.DataFrame) -> str:
        for name, frame in ({"train": TRAIN, "test": TEST} | frames).items():
            frame.to_parquet(folder / f"{name}.parquet", index=False)
        return str(folder)

    return make


def products(*keys, **changed):
    """Rows of products.parquet for (locale, id)."""
    return joined(*((None, locale, product_id, None) for locale, product_id in keys), **changed)[PRODUCTS]


def refused(dataset, locales=ALL, **options):
    with pytest.raises(DataError) as error:
        open_judged(dataset, locales, **options)
    return str(error.value)


def keys(table):
    return list(zip(table["product_locale"].to_pylist(), table["product_id"].to_pylist(), strict=True))


def judged_pairs(frame):
    return list(frame[["query", "product_locale", "product_id", "esci_label"]].itertuples(index=False, name=None))
