"""Open what ``--dataset`` names: the sample, a folder, a Hub data set or a file."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from space.data import sample
from space.data.catalogue import NO_LOCALE, DataError, Source
from space.data.esci_folder import esci_files, meaning_of
from space.data.judgment_formats.columns import known_columns
from space.data.judgment_formats.folder_files import has_text_products, others_than
from space.data.judgment_formats.layouts import read
from space.data.judgment_formats.raw import Wanted
from space.data.judgments import (
    OFFICIAL_EXAMPLES,
    Judged,
    check,
    has_esci_columns,
    read_folder,
    split_files,
)
from space.data.product_table import as_catalogue
from space.data.scale import CLICKS, LabelScale, parse
from space.data.split import ModelSplit, held_out, share_of
from space.data.text_files import ENCODINGS
from space.errors import listed
from space.hub.datasets import read_dataset
from space.settings import SAMPLE, DatasetChoice
from space.settings.data import column_map
from space.settings.names import public_name

logger = logging.getLogger(__name__)


def open_judged(
    dataset: str,
    locales: Sequence[str],
    *,
    bullets: bool = False,
    offline: bool = False,
    labels: str = "",
    columns: str | None = None,
    encoding: str = "",
    test_share: float | None = None,
    splits: Sequence[ModelSplit] = (),
) -> Judged:
    """Read judgments and catalogue.

    Args:
        dataset: "sample", a folder or a file, or a Hub id (ID@REVISION pins).
        locales: product locales to keep; none keeps all.
        bullets: also read the bullet points.
        offline: do not ask the Hub.
        labels: the scale as ``space.data.scale.parse`` reads it; "" takes the one that the labels show.
        columns: --columns, for a folder or a file in other columns than ESCI's.
        encoding: of text files; "" for UTF-8.
        test_share: of the queries to hold out, where a folder or a file has no held-out part; None for the share of
            ``splits``, or .2.
        splits: of models, whose held-out queries stay held out.

    Raises:
        SettingsError: ``columns`` cannot be read.
        DataError: data that is not there or cannot be used.
        ScaleError: ``labels`` is no scale.
    """
    scale = parse(labels) if labels else None
    place, given = Path(dataset), known_columns(column_map(columns))
    if dataset != SAMPLE and place.exists() and (columns or place.is_file() or _other_layout(place)):
        wanted = Wanted(given, encoding, bullets)
        return _open_other(place, locales, wanted, test_share, splits, scale)
    if encoding:
        raise DataError(f"--encoding {encoding}: {dataset} is no text file; leave the flag out, or name a file")
    if columns and dataset == SAMPLE:
        raise DataError(f"--columns {columns}: {dataset} has ESCI's columns; leave the flag out, or name a file")
    if test_share and (dataset == SAMPLE or place.is_dir()):
        raise _has_held_out_part(test_share, dataset)
    if dataset == SAMPLE:
        judgments = sample.judgments()
        products = as_catalogue([sample.catalogue()], Source(SAMPLE), bullets=bullets)
        train, test = _parts(judgments)
        return check(SAMPLE, train, test, products, locales, sample.NOTICE, scale)
    if place.is_dir():
        meaning = meaning_of(place)
        parts = read_folder(place, bullets, converted=meaning.scale is not None)
        _say_left_out(public_name(dataset), others_than(esci_files(place), place))
        kept = [*locales, NO_LOCALE] if locales else []
        judged = check(dataset, *parts, kept, notice=meaning.notice, scale=scale or meaning.scale)
        return replace(judged, name=public_name(dataset))
    found = read_dataset(dataset, bullets=bullets, offline=offline, columns=given)
    name = f"{dataset.partition('@')[0]}@{found.commit}"
    if found.test is None:
        train, test, share = _drawn(found.train, test_share, splits, dataset)
    elif test_share:
        raise _has_held_out_part(test_share, dataset)
    else:
        train, test, share = found.train, found.test, None
    judged = check(dataset, train, test, found.products, locales, scale=scale)
    return replace(judged, name=name, test_share=share)


def _has_held_out_part(test_share: float, name: str) -> DataError:
    return DataError(f"--test-share {test_share:g}: {name} has a held-out part; leave the flag out")


def _drawn(
    judgments: pd.DataFrame, test_share: float | None, splits: Sequence[ModelSplit], name: str
) -> tuple[pd.DataFrame, pd.DataFrame, float]:
    """Train judgments, test judgments, and the share of the queries that was held out."""
    share = share_of(test_share, splits)
    judgments, said = held_out(judgments, share, name, splits)
    logger.info(said)
    return *_parts(judgments), share


def _parts(judgments: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train and test judgments, by column "split"."""
    train, test = (
        judgments[judgments["split"] == split].drop(columns="split").reset_index(drop=True)
        for split in ("train", "test")
    )
    return train, test


def open_chosen(settings: DatasetChoice, *, bullets: bool = False, splits: Sequence[ModelSplit] = ()) -> Judged:
    """Read what the flags of a command name, see ``open_judged``."""
    return open_judged(
        settings.dataset,
        settings.locales,
        bullets=bullets,
        offline=settings.offline,
        labels=settings.labels,
        columns=settings.columns,
        encoding=settings.encoding,
        test_share=settings.test_share,
        splits=splits,
    )


def _say_left_out(name: str, files: Sequence[str]) -> None:
    if files:
        logger.info(f"{name}: left out {listed(files)}: the names do not say that they are needed")


def _other_layout(folder: Path) -> bool:
    """Whether a folder is not in one of ESCI's layouts, but perhaps in another.

    train.parquet and test.parquet in other columns than ESCI's, or beside a csv of products, are another layout.
    """
    if (folder / OFFICIAL_EXAMPLES).exists():
        return False
    files = {name: split_files(folder, name) for name in ("train", "test", "products")}
    if not files["train"] and not files["test"]:
        return True
    one_each = [folder / f"{split}.parquet" for split in ("train", "test")]
    if [*files["train"], *files["test"]] == one_each[:1]:
        return True  # some of its queries are held out
    if [*files["train"], *files["test"]] != one_each:
        return False
    return has_text_products(folder) or not all(
        has_esci_columns(path, joined=not files["products"]) for path in one_each
    )


def _open_other(
    path: Path,
    locales: Sequence[str],
    wanted: Wanted,
    test_share: float | None,
    splits: Sequence[ModelSplit],
    scale: LabelScale | None,
) -> Judged:
    """Read a folder or a file in one of ``space.data.judgment_formats``."""
    if wanted.encoding and wanted.encoding not in ENCODINGS:
        raise DataError(f"--encoding {wanted.encoding}: use one of {', '.join(ENCODINGS)}")
    raw = read(path, wanted)
    name = public_name(str(path))
    logger.info(f"{name}: recognised as {raw.recognised}")
    _say_left_out(name, raw.left_out)
    judgments = raw.judgments
    judgments["query_id"] = pd.factorize(judgments["query"])[0] + 1
    share = None
    if "split" not in judgments:
        train, test, share = _drawn(judgments, test_share, splits, name)
    elif test_share:
        raise DataError(f"{_has_held_out_part(test_share, name)}, or a column split with --columns split=")
    else:
        train, test = _parts(judgments)
    if scale is None and raw.clicks:
        scale = CLICKS
    kept = [*locales, NO_LOCALE] if locales else []
    source = f"{name}/{raw.file}" if raw.file and path.is_dir() else name
    judged = check(source, train, test, raw.products, kept, scale=scale, label=raw.label)
    return replace(judged, name=name, test_share=share)
