"""What ``--dataset`` and ``--catalogue`` name: the sample, a folder, a Hub data set or a file, as checked tables."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from space import catalogue, esci, hub, sample
from space.config import SAMPLE
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


def open_catalogue(path: Path, columns: Mapping[str, str], locales: Sequence[str], *, bullets: bool) -> pa.Table:
    """An own catalogue, in the wanted locales.

    Raises:
        DataError: a file that cannot be used, or nothing in these locales.
    """
    return catalogue.in_locales(catalogue.load_catalogue(path, columns, bullets=bullets), locales, path.name)
