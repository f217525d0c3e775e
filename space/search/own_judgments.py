"""A visitor's judgments of an uploaded catalogue: ``query, product, rating`` in, nDCG of every system out."""

import io
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from space.data.catalogue import DataError
from space.data.csv_reader import CsvError
from space.data.file_tables import csv_table
from space.data.judgments import checked_judgments
from space.data.scale import LabelScale, ScaleError, scale_of
from space.encoding.description import BASE
from space.errors import shown
from space.evaluation import metrics, protocols
from space.evaluation.schema import HEADLINE_COLUMN, Estimate, PairedDifference
from space.i18n import gettext as _
from space.search.engine import SearchEngine

MAX_ROWS = 2_000
#: {column: the names it may have}.
COLUMNS = {
    "query": ("query", "search_term", "q"),
    "product": ("product", "product_id", "id", "sku", "title", "name"),
    "rating": ("rating", "label", "relevance", "grade", "esci_label"),
}


@dataclass(frozen=True)
class Measured:
    """What the judgments say of the systems.

    Attributes:
        engine: the catalogue's engine with the judgments, so that hits carry their labels.
        queries: judged queries.
        systems: {system: mean nDCG@10 over the queries}.
        differences: {system other than base: system minus base}.
    """

    engine: SearchEngine
    queries: int
    systems: Mapping[str, Estimate]
    differences: Mapping[str, PairedDifference]


def measure(engine: SearchEngine, text: str, source: str) -> Measured:
    """nDCG@10 of every system of an uploaded catalogue.

    Args:
        engine: from ``space.search.uploaded_catalogue.embed``.
        text: a csv whose first line names query, product (its id or title) and rating.
        source: its name in messages.

    Raises:
        DataError: it cannot be read, a product is not in the catalogue, or a rating fits no scale.
    """
    judgments, scale = _read(engine, text, source)
    frames = {
        name: protocols.per_query(system, judgments, engine.catalogue, scale)[HEADLINE_COLUMN]
        for name, system in engine.systems.items()
    }
    labelled = SearchEngine(engine.catalogue, engine.systems, judgments=judgments, scale=scale, bullets=engine.bullets)
    return Measured(
        labelled,
        len(next(iter(frames.values()))),
        {name: metrics.estimate(values.to_numpy()) for name, values in frames.items()},
        {name: metrics.paired((values - frames[BASE]).to_numpy()) for name, values in frames.items() if name != BASE},
    )


def _read(engine: SearchEngine, text: str, source: str) -> tuple[pd.DataFrame, LabelScale]:
    try:
        table = csv_table(io.BytesIO(text.encode("utf-8", "replace")), max_rows=MAX_ROWS, max_columns=50)
    except CsvError as error:
        raise DataError(f"{source}: {error}") from error
    header = [name.strip().casefold() for name in table.header]
    found = {}
    for column, names in COLUMNS.items():
        place = next((header.index(name) for name in names if name in header), None)
        if place is None:
            said = _("{source}: line 1 should name the columns query, product and rating; {column} is missing")
            raise DataError(said.format(source=source, column=column))
        values = [value for chunk in table.column(place) for value in chunk.to_pylist()]
        found[column] = pd.Series(values, dtype=object).map(lambda value: "" if value is None else str(value).strip())
    frame = pd.DataFrame(found)
    if frame.empty or (frame == "").any(axis=None):
        raise DataError(_("{source}: give query, product and rating in every line").format(source=source))
    products = engine.catalogue.select(["product_id", "product_locale", "product_title"]).to_pandas()
    places = {str(title).casefold(): row for row, title in products["product_title"].items()}
    places |= {identifier.casefold(): row for row, identifier in products["product_id"].items()}
    rows = frame["product"].str.casefold().map(places)
    if rows.isna().any():
        said = _("{source}: {product} is neither the id nor the title of a product above")
        raise DataError(said.format(source=source, product=shown(frame["product"][rows.isna()].iloc[0])))
    judged = products.iloc[rows.astype(int)].reset_index(drop=True)
    judged = judged.assign(query=frame["query"], query_id=1, esci_label=frame["rating"])
    try:
        scale = scale_of(judged["esci_label"])
    except ScaleError as error:
        raise DataError(f"{source}: rating {error}") from error
    locales = sorted(judged["product_locale"].unique())
    return checked_judgments(source, judged.drop(columns="product_title"), engine.catalogue, locales, scale), scale
