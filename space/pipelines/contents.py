"""The content of a store before it is embedded: a catalogue, and held-out judgments that the model has not seen."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pyarrow as pa

from space.data.catalogue import NO_LOCALE, in_locales
from space.data.catalogue_file import load_catalogue
from space.data.judgments import JUDGMENT_COLUMNS, RATING_COLUMNS, Judged
from space.data.passages import template
from space.data.scale import LabelScale
from space.data.split import of_model, without_learned
from space.encoding.weights import Weights
from space.evaluation.schema import Evaluation, EvaluationError
from space.pipelines.inputs import open_chosen
from space.settings import BuildSettings
from space.store.manifest import EVALUATION

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Contents:
    """The content of a store, without vectors.

    Attributes:
        catalogue: product columns.
        judgments: held-out judgments with ``JUDGMENT_COLUMNS``, and with ``RATING_COLUMNS`` if some have several
            ratings, for the labels in the app; None without judgments.
        name: the data set or file it was read from.
        notice: see ``Judged``.
        scale: of the labels; None without judgments.
    """

    catalogue: pa.Table
    judgments: pd.DataFrame | None
    name: str
    notice: str = ""
    scale: LabelScale | None = None


def trained_with(folder: Path) -> dict[str, object]:
    """The settings of the training of a model; empty if its folder does not say them."""
    try:
        return Evaluation.from_json((folder / EVALUATION).read_bytes()).settings
    except (OSError, EvaluationError):
        return {}


def as_trained(settings: BuildSettings, tuned: Weights) -> BuildSettings:
    """The settings with the text and --labels of the fine-tuned model, see ``BuildSettings.as_trained``.

    Raises:
        SettingsError: a flag asks for another text, without --other-text.
        DataError: the model's list of held-out queries is damaged.
    """
    trained = trained_with(tuned.folder)
    found = settings.as_trained(trained)
    labels = trained.get("labels")
    if not found.labels and isinstance(labels, str):
        found = replace(found, labels=labels)
    share = trained.get("test_share")
    if settings.test_share is None and isinstance(share, float) and not of_model(tuned.folder, tuned.name):
        found = replace(found, test_share=share)
        logger.warning(f"{tuned.name} has no list of held-out queries: they are drawn again, {share:g} of all")
    learned = replace(settings, max_seq_length=None, bullets=None).as_trained(trained)
    if not trained:
        said = f"{tuned.name} does not say which text it was trained on"
    elif (found.max_seq_length, found.bullets) == (learned.max_seq_length, learned.bullets):
        said = f"as {tuned.name} was trained"
    else:
        said = f"{tuned.name} was trained on {template(learned.bullets)}, {learned.max_seq_length} tokens"
    logger.info(f"text of a product: {template(found.bullets)}, {found.max_seq_length} tokens; {said}")
    return found


def open_contents(settings: BuildSettings, tuned: Weights) -> Contents:
    """Read the catalogue that ``--catalogue`` or ``--dataset`` names.

    Args:
        settings: of the build, as ``as_trained`` returned them.
        tuned: the fine-tuned model, whose held-out queries are those of the store.

    Raises:
        DataError: a file or data set that cannot be used, or no product in the wanted locales.
    """
    bullets, locales, path = settings.bullets > 0, settings.locales, settings.catalogue
    if path is None:
        splits = of_model(tuned.folder, tuned.name)
        judged = open_chosen(settings, bullets=bullets, splits=splits)
        judged, said = without_learned(judged, splits)
        if said:
            logger.warning(said)
        return contents_of(judged)
    table = load_catalogue(
        path, settings.column_map(), bullets=bullets, locale=settings.locale, encoding=settings.encoding
    )
    kept = [*locales, settings.locale or NO_LOCALE] if locales else []
    return Contents(in_locales(table, kept, path.name), None, path.name)


def contents_of(judged: Judged) -> Contents:
    """The catalogue with the held-out judgments."""
    several = [name for name in RATING_COLUMNS if name in judged.test and (judged.test["ratings"] > 1).any()]
    return Contents(
        judged.catalogue, judged.test[[*JUDGMENT_COLUMNS, *several]], judged.name, judged.notice, judged.scale
    )
