"""Reads judgments and products from a data set on the Hub."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
from huggingface_hub.errors import RevisionNotFoundError

from space.data.catalogue import DataError
from space.data.judgments import judgment_columns, judgment_frame
from space.data.product_files import distinct_products
from space.errors import HubError, listed, shown
from space.hub import client
from space.hub.foreign_cards import check_files, check_places
from space.settings import split_revision

logger = logging.getLogger(__name__)

SPLITS = ("train", "test")
#: What ``datasets`` raises besides its own errors for files and cards that cannot be read.
_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, OSError, pa.ArrowException)
#: Characters of a library's message.
_MESSAGE = 500


@dataclass(frozen=True)
class HubJudgments:
    """What was read from a data set on the Hub.

    Attributes:
        commit: its commit.
        train: judgments, not yet checked.
        test: held-out judgments; None where the data set has no held-out part.
        products: the catalogue.
    """

    commit: str
    train: pd.DataFrame
    test: pd.DataFrame | None
    products: pa.Table


def read_dataset(
    dataset: str, *, bullets: bool = False, offline: bool = False, columns: Mapping[str, str] | None = None
) -> HubJudgments:
    """Read a Hub data set in the joined schema.

    The rows stay memory-mapped in the cache of ``datasets``.

    Args:
        dataset: USER/DATASET with splits ``train`` and ``test``, or ``train`` alone; ``ID@REVISION`` pins.
        bullets: also read the bullet points.
        offline: read from the cache only.
        columns: {column of ours: its name in the data set}, where they differ; "" leaves a column out.

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
        check_places(snapshot.folder)
        builder = datasets.load_dataset_builder(str(snapshot.folder))
        check_files(snapshot.folder, builder.info.builder_name or "", builder.config.data_files or {})
        splits = datasets.load_dataset(str(snapshot.folder))
    except (datasets.exceptions.DatasetsError, *_UNREADABLE) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"--dataset {dataset} cannot be read: {said[:_MESSAGE]}") from error
    missing = set(SPLITS) - set(splits)
    if missing and set(splits) != {"train"}:
        raise DataError(f"--dataset {dataset}: no split {listed(sorted(missing))}; it has {listed(sorted(splits))}")
    if others := sorted(set(splits) - set(SPLITS)):
        logger.info(f"{dataset}: left out the splits {listed(others)}; train and test are read")
    present = [split for split in SPLITS if split in splits]
    tables = [_renamed(splits[split].data.table, columns or {}, f"{dataset} {split}") for split in present]
    frames = []
    for split, table in zip(present, tables, strict=True):
        source = f"{dataset} {split}"
        frames.append(judgment_frame(table, judgment_columns(table.schema.names, source), source))
    products = distinct_products([(dataset, table) for table in tables], bullets)
    return HubJudgments(snapshot.revision, frames[0], frames[1] if len(frames) > 1 else None, products)


def _renamed(table: pa.Table, columns: Mapping[str, str], source: str) -> pa.Table:
    """A table with the names of ESCI's columns."""
    ours = {theirs: "esci_label" if name == "label" else name for name, theirs in columns.items() if theirs}
    for theirs, name in ours.items():
        if theirs not in table.column_names:
            have = listed(table.column_names)
            raise DataError(f"{source}: no column {shown(theirs)} (--columns {name}={theirs}); it has {have}")
    left_out = {*ours.values(), *(name for name, theirs in columns.items() if not theirs)} - ours.keys()
    table = table.drop_columns([name for name in table.column_names if name in left_out])
    return table.rename_columns([ours.get(name, name) for name in table.column_names])
