"""Judgments and products as a file has them, before they are checked and put on a scale."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd
import pyarrow as pa

#: Columns of raw judgments; "split" ("train" or "test") is there only if the data has a held-out part.
RAW_COLUMNS = ("query", "product_id", "product_locale", "esci_label")


@dataclass(frozen=True)
class Wanted:
    """What the user says about a data set.

    Attributes:
        columns: {column of ours: name in the files}; "" leaves a column out.
        encoding: of text files, see ``space.data.text_files.open_text``.
        bullets: also read the bullet points.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    encoding: str = ""
    bullets: bool = False


@dataclass(frozen=True)
class RawJudgments:
    """What was read.

    Attributes:
        recognised: the format and the columns used, for the log.
        judgments: ``RAW_COLUMNS`` as text, "line" (int64), where each row starts in its file, and perhaps "ratings"
            and "split".
        products: the catalogue, one row per (locale, id).
        clicks: the labels are counts of clicks or the like.
        label: the file's name of the column of labels.
        left_out: what else is in the folder.
        file: the name of the file of judgments; "" for several.
    """

    recognised: str
    judgments: pd.DataFrame
    products: pa.Table
    clicks: bool = False
    label: str = "label"
    left_out: Sequence[str] = ()
    file: str = ""
