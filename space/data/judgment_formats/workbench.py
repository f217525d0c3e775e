"""Reads judgments as the Search Relevance Workbench of OpenSearch exports them, in one JSON object."""

import json
from pathlib import Path

import pandas as pd

from space.data.catalogue import DataError
from space.data.judgment_formats.tables import JudgmentTable
from space.data.text_files import open_text, unpacked
from space.errors import shown

_SHAPE = '{"judgmentRatings": [{"query": "…", "ratings": [{"docId": "…", "rating": "…"}]}]}'


def workbench(path: Path, encoding: str) -> JudgmentTable:
    """The judgments in a file; "line" counts the queries, from 1.

    Raises:
        DataError: no JSON, or of another shape.
    """
    with unpacked(path), open_text(path, encoding) as file:
        try:
            whole = json.loads(file.read())
        except UnicodeDecodeError as error:
            raise DataError(f"{path}: {error}; name its encoding, such as --encoding cp1252") from error
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}: cannot be read as json: {error}") from error
    rows = []
    place = 0
    try:
        for place, one in enumerate(whole["judgmentRatings"], start=1):
            for rating in one["ratings"]:
                row = one["query"], rating["docId"], rating["rating"]
                if not all(isinstance(value, (str, int, float)) and str(value).strip() for value in row):
                    raise DataError(
                        f"{path}: query {place}: {shown(rating)} has an empty or odd value; write {_SHAPE}"
                    )
                rows.append((*map(str, row), place))
    except (KeyError, TypeError) as error:
        raise DataError(f"{path}: query {place}: {shown(error)}; write {_SHAPE}") from error
    if not rows:
        raise DataError(f"{path}: holds no judgment")
    return JudgmentTable(pd.DataFrame(rows, columns=["query", "product_id", "label", "line"]), False, "")
