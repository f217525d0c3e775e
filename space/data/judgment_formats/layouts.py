"""Recognises the format of a file or a folder by the names of its files and columns, and reads it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa

from space.data.catalogue import NO_LOCALE, DataError
from space.data.file_tables import PARQUET, FileTable
from space.data.judgment_formats.columns import find_judgment_columns, need
from space.data.judgment_formats.crowdflower import has_no_product_ids, with_product_ids
from space.data.judgment_formats.folder_files import (
    CURE,
    ROLES,
    beir_splits,
    by_role,
    it_has,
    others_than,
)
from space.data.judgment_formats.home_depot import with_details
from space.data.judgment_formats.raw import RAW_COLUMNS, RawJudgments, Wanted
from space.data.judgment_formats.tables import (
    JudgmentTable,
    catalogue,
    is_qrels,
    judgment_table,
    open_table,
    product_places,
    qrels,
    refuse_empty,
    texts_of,
)
from space.data.judgment_formats.workbench import workbench
from space.data.text_files import inner_suffix
from space.errors import shown


def read(path: Path, wanted: Wanted) -> RawJudgments:
    """The judgments and products in a file or a folder.

    Raises:
        DataError: a format that is not recognised, a column that is not there or there twice, a missing value, or a
            judgment of a query that is not in the file of queries.
    """
    if path.is_file():
        return _joined([("", path)], wanted)
    files = by_role(path)
    splits = [(split, files[split]) for split in ("train", "test") if split in files]
    kind, names = "tables", {}
    if "judgments" not in files and (parts := beir_splits(path)):
        splits, kind, names = parts, "a BEIR folder", {"product_id": "_id", "product_title": "title"}
    elif "judgments" in files:
        others = [*(file.name for _, file in splits), *(f"qrels/{file.name}" for _, file in beir_splits(path))]
        if others:
            several = files["judgments"].name, others[0]
            raise DataError(f"{path}: {several[0]} and {several[1]} may both be the judgments; leave one of them")
        splits = [("", files["judgments"])]
    if not splits:
        raise _without_judgments(path)
    if [split for split, _ in splits] == ["test"]:
        raise DataError(
            f"{path}: only {splits[0][1].name} has judgments; call it train to hold a part of it out, or "
            f"put train beside it"
        )
    if len(splits) == 1:  # without a test file, some of the queries are held out
        splits = [("", splits[0][1])]
    if "products" not in files:
        raw = _joined(splits, wanted)
    else:
        if kind == "tables" and {files.get(role, path).stem for role in ROLES} >= {"query", "product", "label"}:
            kind = "WANDS"
        raw = _apart(kind, splits, files["products"], files.get("queries"), wanted, names)
    products, notes = with_details(raw.products, files, wanted)
    used = [file for _, file in splits] + [
        files[role]
        for role in ("products", "queries", "attributes", "descriptions")
        if role in files and (role != "queries" or "products" in files)
    ]
    recognised = "; ".join([raw.recognised, *notes])
    file = splits[0][1].name if len(splits) == 1 else ""
    return replace(raw, products=products, recognised=recognised, left_out=others_than(used, path), file=file)


def _without_judgments(path: Path) -> DataError:
    if any(path.glob("**/train-*-of-*.parquet")):
        return DataError(f"{path}: --columns does not read splits in parts; write train.parquet and test.parquet")
    return DataError(f"{path}: no judgments{it_has(path)}; {CURE}")


def _joined(files: Sequence[tuple[str, Path]], wanted: Wanted) -> RawJudgments:
    """Tables with a row for each judgment, which has the product's columns too."""
    tables, frames, used, notes = [], [], [], []
    clicks, label = False, ""
    header: set[str] = set()
    for split, path in files:
        table = open_table(path, wanted)
        if has_no_product_ids(table) and "product_id" not in wanted.columns:
            table = with_product_ids(table)
            notes.append("a product's id is the id of its first row")
        if split == "test" and header >= set(table.header):
            notes.append(f"{path.name} is left out, it has no labels")
            continue
        judged = judgment_table(path, table, wanted)
        header = set(table.header) - {judged.label} if split == "train" else header
        need({} if "query" not in judged.frame else {"query": 0}, "query", table.header, str(path))
        given = {ours: table.header[place] for ours, place in _key_places(path, table, wanted).items()}
        try:
            places = product_places(path, table, wanted, given)
        except DataError as error:
            raise DataError(f"{error}; or put a file of products beside it and name the folder") from error
        taken = {ours: place for ours, place in places.items() if table.header[place] != judged.label}
        products, said = catalogue(path, table, taken, joined=True)
        if frames and ("product_locale" in frames[0]) != ("product_locale" in judged.frame):
            lacking = path.name if "product_locale" in frames[0] else files[0][1].name
            raise DataError(
                f"{lacking}: no column 'product_locale', which the other file has; name it with "
                f"--columns product_locale=…, or leave it out with --columns product_locale="
            )
        tables.append(products)
        frames.append(judged.frame.assign(split=split) if split else judged.frame)
        used.append(f"{path.name}: {judged.used}, title = {shown(table.header[places['product_title']])}")
        notes += said
        clicks, label = clicks or judged.clicks, label or judged.label
    products = pa.concat_tables(tables, promote_options="default")
    keys = products.select(["product_locale", "product_id"]).to_pandas()
    products = products.filter(pa.array(~keys.duplicated().to_numpy())).combine_chunks()
    frame = pd.concat(frames, ignore_index=True)
    if len(frames) < len(files):  # train alone has labels: some of it is held out
        frame = frame.drop(columns="split")
    frame = _raw(frame, files[0][1])
    return RawJudgments("; ".join(["one joined table", *used, *notes]), frame, products, clicks, label)


def _key_places(path: Path, table: FileTable, wanted: Wanted) -> dict[str, int]:
    """Where the keys of products are in a table of judgments."""
    given = {ours: theirs for ours, theirs in wanted.columns.items() if ours in ("product_id", "product_locale")}
    found = find_judgment_columns(table.header, given | dict.fromkeys(("label", "query", "split"), ""), str(path))
    return {ours: found[ours] for ours in ("product_id", "product_locale") if ours in found}


def _apart(
    kind: str,
    splits: Sequence[tuple[str, Path]],
    products_file: Path,
    queries_file: Path | None,
    wanted: Wanted,
    names: dict[str, str],
) -> RawJudgments:
    """Judgments, products and perhaps queries in files of their own."""
    table = open_table(products_file, wanted)
    places = product_places(products_file, table, wanted, names)
    products, notes = catalogue(products_file, table, places, joined=False)
    parts, frames = [], []
    for split, path in splits:
        kind, part = _judgments(kind, path, wanted)
        frame = part.frame
        if "query" not in frame:
            if queries_file is None:
                raise DataError(f"{path}: it names queries by id; put queries.csv or queries.jsonl beside it")
            frame = frame.assign(query=_texts_of_queries(frame, path, queries_file, wanted))
        parts.append(part)
        frames.append(frame.assign(split=split) if split else frame)
    frame = pd.concat(frames, ignore_index=True)
    own = "product_locale" in places
    if own and "product_locale" not in frame:
        frame = frame.assign(product_locale=_locales(frame, products, products_file))
    elif not own and "product_locale" in frame:
        raise DataError(
            f"{products_file}: no column 'product_locale', which {splits[0][1].name} has; leave it out with "
            f"--columns product_locale="
        )
    return RawJudgments(_said(kind, splits, parts, products_file, queries_file, notes), _raw(frame, splits[0][1]),
                        products, any(part.clicks for part in parts), parts[0].label or "label")  # fmt: skip


def _judgments(kind: str, path: Path, wanted: Wanted) -> tuple[str, JudgmentTable]:
    """The format of a file of judgments, ``kind`` unless the file shows another, and what it holds."""
    if inner_suffix(path) == ".json":
        return "a Search Relevance Workbench export", workbench(path, wanted.encoding)
    if inner_suffix(path) not in PARQUET and is_qrels(path, wanted.encoding):
        return "TREC qrels", qrels(path, wanted.encoding)
    return kind, judgment_table(path, open_table(path, wanted), wanted)


def _said(
    kind: str,
    splits: Sequence[tuple[str, Path]],
    parts: Sequence[JudgmentTable],
    products: Path,
    queries: Path | None,
    notes: Sequence[str],
) -> str:
    files = [
        f"{path.name} ({part.used})" if part.used else path.name for (_, path), part in zip(splits, parts, strict=True)
    ]
    others = [f"products {products.name}", *([f"queries {queries.name}"] if queries else [])]
    return "; ".join([f"{kind}: judgments {', '.join(files)}, {', '.join(others)}", *notes])


def _texts_of_queries(frame: pd.DataFrame, path: Path, file: Path, wanted: Wanted) -> pd.Series:
    """The query of each judgment, by its id."""
    table = open_table(file, wanted)
    plain = [name.strip().casefold() for name in table.header]
    if {"_id", "text"} <= set(plain):
        places = {"query_id": plain.index("_id"), "query": plain.index("text")}
    else:
        given = {ours: wanted.columns[ours] for ours in ("query", "query_id") if ours in wanted.columns}
        places = find_judgment_columns(table.header, given, str(file))
        if "query_id" not in places and "id" in plain:
            places["query_id"] = plain.index("id")
        need(places, "query", table.header, str(file))
        need(places, "query_id", table.header, str(file))
        places = {ours: places[ours] for ours in ("query_id", "query")}
    queries = texts_of(table, places, file)
    for ours, place in places.items():
        refuse_empty(queries, ours, file, table.header[place])
    twice = queries[queries["query_id"].duplicated()]
    if len(twice):
        line, value = twice["line"].iloc[0], twice["query_id"].iloc[0]
        raise DataError(f"{file}: line {line}: query id {shown(value)} occurs twice; give each query its own id")
    found = frame["query_id"].map(queries.set_index("query_id")["query"])
    if found.isna().any():
        row = frame[found.isna()].iloc[0]
        raise DataError(f"{path}: line {row['line']}: query id {shown(row['query_id'])} is not in {file.name}; add it")
    return found


def _locales(frame: pd.DataFrame, products: pa.Table, file: Path) -> pd.Series:
    """The locale of each judged product, for judgments without one."""
    keys = products.select(["product_id", "product_locale"]).to_pandas()
    if keys["product_id"].duplicated().any():
        one = keys["product_id"][keys["product_id"].duplicated()].iloc[0]
        raise DataError(
            f"{file}: product id {shown(one)} occurs in several locales; add a column product_locale to the judgments"
        )
    return frame["product_id"].map(keys.set_index("product_id")["product_locale"]).fillna(NO_LOCALE)


def _raw(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The judgments of ``RawJudgments``, checked."""
    frame = frame.rename(columns={"label": "esci_label"})
    if "product_locale" not in frame:
        frame = frame.assign(product_locale=NO_LOCALE)
    columns = [*RAW_COLUMNS, "line", *(["ratings"] if "ratings" in frame else [])]
    if "split" not in frame:
        return frame[columns]
    odd = frame[~frame["split"].isin(["train", "test"])]
    if len(odd):
        line, value = odd["line"].iloc[0], odd["split"].iloc[0]
        cure = "use train and test, or leave the column out with --columns split="
        raise DataError(f"{path}: line {line}: column 'split' holds {shown(value)}; {cure}")
    return frame[[*columns, "split"]]
