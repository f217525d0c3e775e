"""A visitor's judgments of an uploaded catalogue: ``query, product, rating`` in, nDCG of every system out."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from space.data.catalogue import DataError
from space.data.column_names import plain_name
from space.data.csv_reader import CsvError
from space.data.file_tables import FileTable, csv_table
from space.data.judgment_formats.columns import COUNTS, NAMES
from space.data.judgments import checked_judgments
from space.data.scale import ESCI, LabelScale, ScaleError, scale_of
from space.data.words import normalized
from space.errors import listed, shown
from space.evaluation import metrics, protocols
from space.evaluation.estimates import Estimate, PairedDifference
from space.evaluation.tables import HEADLINE_COLUMN
from space.i18n import gettext as _
from space.i18n import number
from space.search.engine import SearchEngine

MAX_ROWS = 2_000
#: {column: the names it may have}, those of the readers of files and some short ones.
COLUMNS = {
    "query": (*NAMES["query"], "q"),
    "product": (*NAMES["product_id"], "product", "id", "title", "name", "product_title"),
    "rating": NAMES["label"],
}


@dataclass(frozen=True)
class Measured:
    """What the judgments say of the systems.

    Attributes:
        engine: the catalogue's engine with the judgments, so that hits carry their labels.
        queries: judged queries.
        systems: {system: mean nDCG@10 over the queries}.
        differences: {system other than the reference of ``Roles``: system minus the reference}.
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
    reference = engine.roles.reference
    labelled = SearchEngine(engine.catalogue, engine.systems, judgments=judgments, scale=scale, bullets=engine.bullets)
    return Measured(
        labelled,
        len(next(iter(frames.values()))),
        {name: metrics.estimate(values.to_numpy()) for name, values in frames.items()},
        {
            name: metrics.paired((values - frames[reference]).to_numpy())
            for name, values in frames.items()
            if name != reference
        },
    )


def _read(engine: SearchEngine, text: str, source: str) -> tuple[pd.DataFrame, LabelScale]:
    try:
        table = csv_table(io.BytesIO(text.encode("utf-8", "replace")), max_rows=MAX_ROWS, max_columns=50)
    except CsvError as error:
        raise DataError(f"{source}: {error}") from error
    places = {column: _place(table.header, column, source) for column in COLUMNS}
    frame = pd.DataFrame({column: _texts(table, place) for column, place in places.items()})
    frame["line"] = table.lines
    empty = frame[(frame[list(COLUMNS)] == "").any(axis=1)]
    if frame.empty or len(empty):
        said = _("{source}: line {line}: give query, product and rating in every line")
        raise DataError(said.format(source=source, line=empty["line"].iloc[0] if len(empty) else 2))
    products = engine.catalogue.select(["product_id", "product_locale", "product_title"]).to_pandas()
    judged = products.iloc[_rows(products, frame, source)].reset_index(drop=True)
    judged = judged.assign(query=frame["query"], query_id=1, esci_label=frame["rating"])
    rating = table.header[places["rating"]]
    try:
        scale = scale_of(judged["esci_label"], plain_name(rating) in COUNTS)
    except ScaleError as error:
        lines = frame["line"][frame["rating"] == error.value]
        raise DataError(_odd_rating(source, rating, error, lines)) from error
    locales = sorted(judged["product_locale"].unique())
    return checked_judgments(source, judged.drop(columns="product_title"), engine.catalogue, locales, scale), scale


def _place(header: Sequence[str], column: str, source: str) -> int:
    """Where a column of ``COLUMNS`` is. An id goes before a title; two names for a query or a rating are refused."""
    plain = [plain_name(name) for name in header]
    found = [plain.index(name) for name in COLUMNS[column] if name in plain]
    if not found:
        said = _("{source}: line 1 should name the columns query, product and rating; {column} is missing")
        raise DataError(said.format(source=source, column=column))
    if len(found) > 1 and column != "product":
        said = _("{source}: {columns} may each be the {column}; leave one of them")
        raise DataError(said.format(source=source, columns=listed([header[at] for at in found]), column=column))
    return found[0]


def _texts(table: FileTable, place: int) -> list[str]:
    values = [value for chunk in table.column(place) for value in chunk.to_pylist()]
    return ["" if value is None else str(value).strip() for value in values]


def _rows(products: pd.DataFrame, frame: pd.DataFrame, source: str) -> list[int]:
    """The row of each judged product: by its id or title as written, else in any case.

    Raises:
        DataError: no product, or several, have such an id or title; the message names the line.
    """
    columns = [products["product_id"].astype(str), products["product_title"].astype(str)]
    columns += [column.map(normalized) for column in columns]
    known = [column.groupby(column).indices for column in columns]
    rows = []
    for written, line in zip(frame["product"], frame["line"], strict=True):
        names = written, written, normalized(written), normalized(written)
        found = next((places[name] for name, places in zip(names, known, strict=True) if name in places), [])
        if len(found) != 1:
            said = _("{source}: line {line}: {product} is neither the id nor the title of a product above")
            if len(found):
                said = _("{source}: line {line}: {n} products are called {product}; give the id of one")
            raise DataError(said.format(source=source, line=line, product=shown(written), n=number(len(found))))
        rows.append(int(found[0]))
    return rows


def _odd_rating(source: str, column: str, error: ScaleError, lines: pd.Series) -> str:
    """What is wrong with a rating, and what to write: a visitor has no flags."""
    place = source if lines.empty else _("{source}: line {line}").format(source=source, line=lines.iloc[0])
    said = _("{place}: column {column} {problem}; rate with numbers such as 0 to 3, or with {names}")
    return said.format(place=place, column=shown(column), problem=error.problem, names=", ".join(ESCI.names))
