"""Settings of the data: what training and embedding have in common, and those of ``python -m space eda``."""

from dataclasses import dataclass
from pathlib import Path

from space.settings.flags import FOLDER_OR_ID, Settings, at_least, between, setting, within
from space.settings.names import DEFAULT_BASE_MODEL, DEFAULT_DATASET, SettingsError

#: The text of a product, unless flags or a trained model say otherwise: tokens read, characters of bullet points.
MAX_SEQ_LENGTH, BULLETS = 64, 0
TOKENS = within(8, 512, "use 8 to 512 tokens; 64 covers nearly every title")
CHARACTERS = at_least(0, "use 0 (none) or a number of characters")


def _locales() -> list[str]:
    help = "Product locales to keep, such as us or de; products without a locale stay."
    return setting((), help, shown="all")


def _labels() -> str:
    return setting(
        "",
        'Scale of the labels: NAME=GAIN for each, ! marks the relevant ("Exact=1!,Partial=.5,Irrelevant=0"), or '
        "esci, wands, binary, clicks.",
        shown="as the labels show",
    )


def _columns() -> str | None:
    return setting(
        None,
        "Column names in the files of --dataset or --catalogue, e.g. query=term,product_id=code,label=stars; price= "
        "leaves a column out. Usual names such as sku, name, rating and price are found without this flag.",
    )


def _encoding() -> str:
    return setting("", "Encoding of text files that are not UTF-8, such as cp1252 or cp1251.", shown="UTF-8")


def _test_share() -> float | None:
    return setting(
        None,
        "Queries to hold out for the test, where a data set has no held-out part and the model's split.json does not "
        "say which.",
        between(0, 1, "use a share of the queries such as .2"),
        shown="as split.json says, else 0.2",
    )


def column_map(columns: str | None) -> dict[str, str]:
    """``--columns`` as {column of ours: column of the file}, "" for one to leave out.

    Raises:
        SettingsError: a pair without ``=``, or with nothing before it.
    """
    pairs = [pair.partition("=") for pair in (columns or "").split(",") if pair]
    if not all(ours and equals for ours, equals, _ in pairs):
        raise SettingsError(f"--columns is {columns!r}: write product_id=sku,product_title=name")
    return {ours.strip(): theirs.strip() for ours, _, theirs in pairs}


def offline() -> bool:
    """The field of --offline."""
    return setting(False, "Do not ask the Hub for anything.")


@dataclass(frozen=True)
class DatasetChoice(Settings):
    """Which data to read, and how: the flags that all commands with data share."""

    dataset: str = setting(
        DEFAULT_DATASET,
        "Catalogue and judgments: a Hub id (ID@REVISION pins), a folder or file, or 'sample'.",
    )
    locales: list[str] = _locales()
    labels: str = _labels()
    columns: str | None = _columns()
    encoding: str = _encoding()
    test_share: float | None = _test_share()
    offline: bool = offline()


@dataclass(frozen=True)
class DataSettings(DatasetChoice):
    """Base of ``TrainSettings`` and ``BuildSettings``."""

    base_model: str = setting(
        DEFAULT_BASE_MODEL,
        "Encoder before fine-tuning: a Hub id (ID@REVISION pins), a folder, or packaged-e5, which needs no download.",
        FOLDER_OR_ID,
    )
    max_seq_length: int = setting(MAX_SEQ_LENGTH, "Tokens kept of each text.", TOKENS)
    bullets: int = setting(BULLETS, "Characters of bullet points in the passage text; 0 leaves them out.", CHARACTERS)
    private: bool = setting(False, "Create Hub repositories as private.")


@dataclass(frozen=True)
class EdaSettings(DatasetChoice):
    """The settings of a report about a data set."""

    output: Path = setting(
        Path("report.html"),
        "The report, one HTML file that needs no network.",
        ((lambda path: not path.is_dir()), "that is a folder, name a file"),
    )
    baseline_queries: int | None = setting(
        None,
        "Held-out queries to score BM25 on; 0 for none, -1 for all. Without this flag up to 500, and none if there "
        "are more than 200,000 products.",
        at_least(-1, "use 0 (none), a number of queries, or -1 (all)"),
    )


@dataclass(frozen=True)
class ConvertSettings(DatasetChoice):
    """The settings of a conversion into the ESCI layout."""

    output_dir: Path = setting(Path("converted"), "The folder to write; an earlier conversion there is replaced.")
    bullets: int = setting(BULLETS, "1 keeps the bullet points, whole; 0 leaves them out.", CHARACTERS)
