"""Writes a data set in the ESCI layout, with the scale of its labels, and reads that scale."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from space.data.catalogue import DataError
from space.data.judgments import (
    JUDGMENT_COLUMNS,
    OFFICIAL_EXAMPLES,
    OFFICIAL_PRODUCTS,
    RATING_COLUMNS,
    Judged,
    split_files,
)
from space.data.scale import LabelScale
from space.io.typed_json import read

#: The file of a folder in the ESCI layout that says what its labels mean.
SCALE = "scale.json"
_FILES = ("train.parquet", "test.parquet", "products.parquet", SCALE)


@dataclass(frozen=True)
class Meaning:
    """What a folder says of its data.

    Attributes:
        scale: of the labels; None where nothing says it.
        notice: see ``Judged``.
    """

    scale: LabelScale | None = None
    notice: str = ""


def meaning_of(folder: Path) -> Meaning:
    """What ``SCALE`` of a folder says; nothing if there is none.

    Raises:
        DataError: it cannot be read.
    """
    path = folder / SCALE
    try:
        found = read(Meaning, json.loads(path.read_bytes()))
    except FileNotFoundError:
        return Meaning()
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read: {error}; delete it, and say --labels") from error
    if found.scale is None:
        raise DataError(f"{path}: holds no scale; delete it, and say --labels")
    return found


def esci_files(folder: Path) -> list[Path]:
    """The files of a folder in the ESCI layout that are read."""
    official = [folder / OFFICIAL_EXAMPLES, folder / OFFICIAL_PRODUCTS]
    if official[0].is_file():
        return official
    parts = [file for split in ("train", "test", "products") for file in split_files(folder, split)]
    return [*parts, *([folder / SCALE] if (folder / SCALE).is_file() else [])]


def require_own(folder: Path) -> None:
    """Check that writing into a folder overwrites nothing but an earlier conversion.

    Raises:
        DataError: it is a file, or holds other files.
    """
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder}: that is a file; name a new folder")
    others = sorted(path.name for path in folder.iterdir() if path.name not in _FILES) if folder.exists() else []
    if others:
        raise DataError(f"{folder}: holds {others[0]!r}, which is not of a conversion; name a new folder")


def write(judged: Judged, folder: Path) -> None:
    """Write train.parquet, test.parquet, products.parquet and ``SCALE`` into an existing folder.

    ``open_judged`` reads the same judgments, catalogue and scale from it.
    """
    for split, judgments in (("train", judged.train), ("test", judged.test)):
        pq.write_table(_columns(judgments), folder / f"{split}.parquet")
    pq.write_table(judged.catalogue, folder / "products.parquet")
    meaning = Meaning(judged.scale, judged.notice)
    (folder / SCALE).write_text(json.dumps(asdict(meaning), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _columns(judgments: pd.DataFrame) -> pa.Table:
    names = [*JUDGMENT_COLUMNS, *(name for name in RATING_COLUMNS if name in judgments)]
    return pa.Table.from_pandas(judgments[names].astype({"esci_label": str}), preserve_index=False)
