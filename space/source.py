"""What ``--dataset`` and ``--catalogue`` name: the sample, a folder, a Hub data set or a file, as checked tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from space import catalogue, esci, hub, sample
from space.config import SAMPLE, BuildSettings
from space.esci import Judged


def open_judged(dataset: str, locales: Sequence[str], *, bullets: bool = False, offline: bool = False) -> Judged:
    """Judgments and catalogue.

    Args:
        dataset: "sample", a folder, or a Hub id (ID@REVISION pins).
        locales: product locales to keep.
        bullets: also read the bullet points.
        offline: do not ask the Hub.

    Raises:
        DataError: data that is not there or cannot be used.
    """
    if dataset == SAMPLE:
        judgments = sample.judgments()
        # The sample has two locales; asking for the default three is fine, as everywhere.
        products = catalogue.shaped(sample.catalogue(), SAMPLE, bullets=bullets)
        train, test = (
            judgments[judgments["split"] == split].drop(columns="split").reset_index(drop=True)
            for split in ("train", "test")
        )
        return esci.check(SAMPLE, train, test, products, locales, sample.NOTICE)
    asleep = not Path(dataset).is_dir() and (offline or not hub.in_reach())
    return esci.load(dataset, locales, bullets=bullets, offline=asleep)


@dataclass(frozen=True)
class Contents:
    """What a store is made of.

    Attributes:
        catalogue: product columns.
        judgments: held-out judgments for the labels in the app, ``JUDGMENT_COLUMNS``; None where there are none.
        name: what was loaded.
        notice: see ``Judged``.
    """

    catalogue: pa.Table
    judgments: pd.DataFrame | None
    name: str
    notice: str = ""


def open_contents(settings: BuildSettings) -> Contents:
    """What ``--catalogue`` or ``--dataset`` names.

    Raises:
        DataError: a file or data set that cannot be used, or nothing in the wanted locales.
    """
    bullets, locales, path = settings.bullets > 0, settings.locales, settings.catalogue
    if path is None:
        return contents_of(open_judged(settings.dataset, locales, bullets=bullets, offline=settings.offline))
    table = catalogue.load_catalogue(path, settings.column_map(), bullets=bullets)
    return Contents(catalogue.in_locales(table, locales, path.name), None, path.name)


def contents_of(judged: Judged) -> Contents:
    """The catalogue with the held-out judgments."""
    return Contents(judged.catalogue, judged.test[list(esci.JUDGMENT_COLUMNS)], judged.name, judged.notice)
