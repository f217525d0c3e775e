"""Judgments and catalogue from a Hub data set."""

import re
from pathlib import Path

import pandas as pd
import pyarrow as pa

from space.data.catalogue import DataError, need_columns, products_of
from space.data.judgments import JUDGMENT_COLUMNS
from space.hub import faults


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

    repo, _, revision = dataset.partition("@")
    datasets.config.HF_HUB_OFFLINE = datasets.config.HF_HUB_OFFLINE or offline
    try:
        splits = faults.patiently(
            lambda: datasets.load_dataset(repo, revision=revision or None), f"pulling dataset {dataset}"
        )
    except (*faults.FAULTS, datasets.exceptions.DatasetsError) as error:
        where = "not in the cache, and the Hub is out of reach"
        if not offline:
            # It comes without what caused it.
            lost = isinstance(error, datasets.exceptions.DatasetNotFoundError) and "gated" not in str(error)
            where = f"not to be had from the Hub: {faults.NOT_THERE if lost else faults.reason(error)}"
        raise DataError(
            f"--dataset {dataset}: {where}; name a folder with train.parquet and test.parquet, or use --dataset sample"
        ) from error
    missing = {"train", "test"} - set(splits)
    if missing:
        raise DataError(f"--dataset {dataset}: no split {sorted(missing)}; it has {sorted(splits)}")
    tables = [splits[split].data.table for split in ("train", "test")]
    frames = []
    for split, table in zip(("train", "test"), tables, strict=True):
        need_columns(table.schema.names, JUDGMENT_COLUMNS, f"{dataset} {split}")
        frames.append(table.select(list(JUDGMENT_COLUMNS)).to_pandas())
    products = products_of([(dataset, table) for table in tables], bullets)
    # The cache keeps each commit in a folder of its name, which holds online and offline alike.
    folders = [Path(file["filename"]).parent.name for file in splits["train"].cache_files]
    commit = next((name for name in folders if re.fullmatch("[0-9a-f]{40}", name)), "")
    return commit, frames[0], frames[1], products
