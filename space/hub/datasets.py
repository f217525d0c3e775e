"""Reads judgments and products from a data set on the Hub."""

import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa
from huggingface_hub.errors import RevisionNotFoundError

from space.data.catalogue import DataError
from space.data.judgments import judgment_columns, judgment_frame
from space.data.parquet_size import check_parquet
from space.data.product_files import distinct_products
from space.errors import HubError, listed, shown
from space.hub import client
from space.settings import split_revision

logger = logging.getLogger(__name__)

SPLITS = ("train", "test")


def read_dataset(
    dataset: str, *, bullets: bool = False, offline: bool = False
) -> tuple[str, pd.DataFrame, pd.DataFrame, pa.Table]:
    """Commit, train judgments, test judgments and products of a Hub data set in the joined schema.

    The rows stay memory-mapped in the cache of ``datasets``.

    Args:
        dataset: USER/DATASET with splits ``train`` and ``test``; ``ID@REVISION`` pins.
        bullets: also read the bullet points.
        offline: read from the cache only.

    Raises:
        DataError: not there, not allowed, or without the columns that are needed.
    """
    # Imported here because it takes seconds, and a local folder does not need it.
    import datasets

    repo, revision = split_revision(dataset)
    try:
        snapshot = client.pull(repo, "dataset", revision=revision, offline=offline)
    except HubError as error:
        cure = "; name a folder with train.parquet and test.parquet, or use --dataset sample"
        if isinstance(error.__cause__, RevisionNotFoundError):
            cure = ""
        raise DataError(f"--dataset {dataset}: {error}{cure}") from error
    if snapshot.note:
        logger.warning("dataset %s: %s", dataset, snapshot.note)
    try:
        for file in sorted(snapshot.folder.rglob("*.parquet")):
            check_parquet(file)
        _require_inside(snapshot.folder, datasets.load_dataset_builder(str(snapshot.folder)).config.data_files)
        splits = datasets.load_dataset(str(snapshot.folder))
    except (datasets.exceptions.DatasetsError, ValueError, OSError, pa.ArrowException) as error:  # unreadable files
        raise DataError(f"--dataset {dataset} cannot be read: {error}") from error
    missing = set(SPLITS) - set(splits)
    if missing:
        raise DataError(f"--dataset {dataset}: no split {listed(sorted(missing))}; it has {listed(sorted(splits))}")
    tables = [splits[split].data.table for split in SPLITS]
    frames = []
    for split, table in zip(SPLITS, tables, strict=True):
        source = f"{dataset} {split}"
        frames.append(judgment_frame(table, judgment_columns(table.schema.names, source), source))
    return snapshot.revision, frames[0], frames[1], distinct_products([(dataset, table) for table in tables], bullets)


def _require_inside(folder: Path, files: Mapping[str, Iterable[str]] | None) -> None:
    """Refuse a data set whose card names data elsewhere: its rows would be private files, or come from any server.

    Raises:
        ValueError: it names the file.
    """
    # Not resolved: the files of a snapshot are links to the cache's blobs, and the client never makes others.
    home = Path(os.path.abspath(folder))  # noqa: PTH100 - Path.absolute keeps "..", and Path.resolve follows links
    for split in (files or {}).values():
        for file in split:
            if not Path(os.path.abspath(file)).is_relative_to(home):  # noqa: PTH100
                raise ValueError(f"its card names {shown(file)}, which is not in the repository; use another data set")
