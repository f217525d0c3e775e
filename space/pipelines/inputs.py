"""Open what ``--dataset`` and ``--catalogue`` name: the sample, a folder, a Hub data set or a file."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pyarrow as pa

from space.data import sample
from space.data.catalogue import NO_LOCALE, Source, in_locales
from space.data.catalogue_file import load_catalogue
from space.data.judgments import JUDGMENT_COLUMNS, Judged, check, read_folder
from space.data.passages import template
from space.data.product_table import as_catalogue
from space.data.scale import LabelScale, parse
from space.encoding.weights import Weights
from space.evaluation.schema import Evaluation, EvaluationError
from space.hub.datasets import read_dataset
from space.settings import SAMPLE, BuildSettings
from space.settings.names import public_name
from space.store.manifest import EVALUATION

logger = logging.getLogger(__name__)


def open_judged(
    dataset: str, locales: Sequence[str], *, bullets: bool = False, offline: bool = False, labels: str = ""
) -> Judged:
    """Read judgments and catalogue.

    Args:
        dataset: "sample", a folder, or a Hub id (ID@REVISION pins).
        locales: product locales to keep.
        bullets: also read the bullet points.
        offline: do not ask the Hub.
        labels: the scale as ``space.data.scale.parse`` reads it; "" takes the one that the labels show.

    Raises:
        DataError: data that is not there or cannot be used.
        ScaleError: ``labels`` is no scale.
    """
    scale = parse(labels) if labels else None
    if dataset == SAMPLE:
        judgments = sample.judgments()
        products = as_catalogue([sample.catalogue()], Source(SAMPLE), bullets=bullets)
        train, test = (
            judgments[judgments["split"] == split].drop(columns="split").reset_index(drop=True)
            for split in ("train", "test")
        )
        return check(SAMPLE, train, test, products, locales, sample.NOTICE, scale)
    folder = Path(dataset)
    if folder.is_dir():
        return replace(check(dataset, *read_folder(folder, bullets), locales, scale=scale), name=public_name(dataset))
    commit, *parts = read_dataset(dataset, bullets=bullets, offline=offline)
    return replace(check(dataset, *parts, locales, scale=scale), name=f"{dataset.partition('@')[0]}@{commit}")


@dataclass(frozen=True)
class Contents:
    """The content of a store, without vectors.

    Attributes:
        catalogue: product columns.
        judgments: held-out judgments with ``JUDGMENT_COLUMNS``, for the labels in the app; None without judgments.
        name: the data set or file it was read from.
        notice: see ``Judged``.
        scale: of the labels; None without judgments.
    """

    catalogue: pa.Table
    judgments: pd.DataFrame | None
    name: str
    notice: str = ""
    scale: LabelScale | None = None


def as_trained(settings: BuildSettings, tuned: Weights) -> BuildSettings:
    """The settings with the text and --labels of the fine-tuned model, see ``BuildSettings.as_trained``.

    Raises:
        SettingsError: a flag asks for another text, without --other-text.
    """
    try:
        trained = Evaluation.from_json((tuned.folder / EVALUATION).read_bytes()).settings
    except (OSError, EvaluationError):
        trained = {}
    found = settings.as_trained(trained)
    labels = trained.get("labels")
    if not found.labels and isinstance(labels, str):
        found = replace(found, labels=labels)
    learned = replace(settings, max_seq_length=None, bullets=None).as_trained(trained)
    if not trained:
        said = f"{tuned.name} does not say which text it was trained on"
    elif found == learned:
        said = f"as {tuned.name} was trained"
    else:
        said = f"{tuned.name} was trained on {template(learned.bullets)}, {learned.max_seq_length} tokens"
    logger.info(f"text of a product: {template(found.bullets)}, {found.max_seq_length} tokens; {said}")
    return found


def open_contents(settings: BuildSettings) -> Contents:
    """Read the catalogue that ``--catalogue`` or ``--dataset`` names.

    Raises:
        DataError: a file or data set that cannot be used, or no product in the wanted locales.
    """
    bullets, locales, path = settings.bullets > 0, settings.locales, settings.catalogue
    if path is None:
        return contents_of(
            open_judged(settings.dataset, locales, bullets=bullets, offline=settings.offline, labels=settings.labels)
        )
    table = load_catalogue(path, settings.column_map(), bullets=bullets, locale=settings.locale)
    kept = [*locales, settings.locale or NO_LOCALE]
    return Contents(in_locales(table, kept, path.name), None, path.name)


def contents_of(judged: Judged) -> Contents:
    """The catalogue with the held-out judgments."""
    return Contents(judged.catalogue, judged.test[list(JUDGMENT_COLUMNS)], judged.name, judged.notice, judged.scale)
