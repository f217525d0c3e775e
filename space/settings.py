"""The settings of each entry point: one frozen dataclass apiece, validated when made, parsed from the command line.

Knows no model, no data and no Hub; it only says what may be asked for and refuses the rest in one sentence.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from space.errors import UserError

DEFAULT_DATASET = "tasksource/esci"
DEFAULT_BASE_MODEL = "intfloat/multilingual-e5-small"
SAMPLE = "sample"
LOCALES = ("us", "es", "jp")
#: Of runs with several processes: the others wait while the first one evaluates or pushes.
PROCESS_TIMEOUT = timedelta(hours=6)
LOSSES = ("triplet", "mnrl", "cosent")
INDEXES = ("torch", "milvus")
MILVUS_INDEXES = ("FLAT", "HNSW", "IVF_SQ8")
PRECISIONS = ("auto", "float32", "bfloat16")

Settings = TypeVar("Settings")


class SettingsError(UserError):
    """A setting that cannot work; the message names the flag, its value and the cure."""


def _help(text: str, **extra: Any) -> Any:
    """A dataclass field whose ``--help`` line is ``text``."""
    return field(metadata={"help": text}, **extra)


def _require(holds: bool, flag: str, value: object, cure: str) -> None:
    if not holds:
        raise SettingsError(f"--{flag} is {value!r}: {cure}")


def check_repository(what: str, repo: str) -> None:
    """Refuse a name that is not USER/NAME."""
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repo):
        raise SettingsError(f"{what} is {repo!r}: name the repository as USER/NAME")


def is_local(uri: str) -> bool:
    """Whether a Milvus is a file of Milvus Lite, and no server."""
    return "://" not in uri


def without_secret(uri: str) -> str:
    """An address as it may be shown: whatever stands before its ``@`` left out."""
    if is_local(uri) and uri.endswith(".db"):
        return uri
    scheme, slashes, rest = ("", "", uri) if is_local(uri) else uri.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{slashes}{host.rpartition('@')[2]}{slash}{path}"


def _check_milvus(flag: str, uri: str) -> None:
    try:
        # A port that is no number raises here.
        server = urlsplit(uri).port != 0 and uri.startswith(("http://", "https://"))
        known = uri.endswith(".db") if is_local(uri) else server
    except ValueError:
        known = False
    _require(known, flag, without_secret(uri), "name a file ending in .db, or a server as http://HOST:19530")


def _check_shared(settings: Any) -> None:
    """Checks for the settings that train and build have in common."""
    _require(len(settings.locales) > 0, "locales", settings.locales, "name at least one, e.g. --locales us")
    _require(settings.batch_size >= 1, "batch-size", settings.batch_size, "use 1 or more")
    _require(
        8 <= settings.max_seq_length <= 512,
        "max-seq-length",
        settings.max_seq_length,
        "use 8 to 512 tokens; 64 covers nearly every title",
    )
    _require(settings.bullets >= 0, "bullets", settings.bullets, "use 0 (none) or a number of characters")
    for flag in ("push_to_hub", "push_embeddings"):
        repo = getattr(settings, flag, None)
        if repo is not None:
            check_repository(f"--{flag.replace('_', '-')}", repo)


@dataclass(frozen=True)
class TrainSettings:
    """What ``accelerate launch train.py`` can be asked for."""

    dataset: str = _help("Judgments: a Hub id, a folder (see README), or 'sample'.", default=DEFAULT_DATASET)
    locales: list[str] = _help("Product locales to keep.", default_factory=lambda: list(LOCALES))
    base_model: str = _help("Encoder to start from: Hub id (ID@REVISION pins) or folder.", default=DEFAULT_BASE_MODEL)
    loss: str = _help("Training loss.", default="mnrl")
    epochs: float = _help("Passes over the training examples.", default=1.0)
    max_steps: int = _help("Stop after this many optimizer steps; -1 means by --epochs.", default=-1)
    batch_size: int = _help("Examples per step and process.", default=32)
    gradient_accumulation: int = _help(
        "Batches whose gradients are added up before a step. For mnrl that is not one larger batch: negatives come "
        "from a batch's own examples, see --mini-batch-size.",
        default=1,
    )
    gradient_checkpointing: bool = _help(
        "Compute activations again on the way back instead of keeping them: less memory, more time.", default=False
    )
    mini_batch_size: int = _help(
        "With --loss mnrl: examples in memory at a time, so that a large --batch-size fits; 0 takes the whole batch.",
        default=0,
    )
    learning_rate: float = _help("Peak learning rate (AdamW, linear warm-up and decay).", default=5e-5)
    max_seq_length: int = _help("Tokens kept of each text.", default=64)
    triplet_margin: float = _help("Cosine-distance margin of the triplet loss.", default=0.2)
    graded_margins: bool = _help(
        "Scale that margin by the negative's label: whole for an Irrelevant, half for a Substitute.", default=False
    )
    triplet_weight: float = _help("With --loss mnrl: add so many times the triplet loss.", default=0.0)
    scale: float = _help("With --loss mnrl: what cosines are multiplied by, 1 / temperature.", default=20.0)
    mined_negatives: bool = _help(
        "Where a query has no judged negative, take a product that the base model finds for it, rather than any.",
        default=False,
    )
    precision: str = _help(
        "What training computes in: float32, bfloat16, or auto, which is bfloat16 on a GPU or processor that has it.",
        default="auto",
    )
    base_share: float = _help(
        "Share of the base's weights in the finished model, against forgetting; 0 leaves them out.", default=0.3
    )
    negatives: int = _help("Negatives drawn for each Exact product.", default=1)
    title_queries: int = _help(
        "Examples besides the judged ones whose query is a random part of a product's title; -1 takes as many as "
        "there are judged ones, but at most 10,000, and none for cosent.",
        default=-1,
    )
    bullets: int = _help("Characters of bullet points in the passage text; 0 leaves them out.", default=0)
    dev_share: float = _help(
        "Share of the train queries to set apart: the checkpoint that serves them best is kept, and training ends "
        "when two in a row were no better; 0 trains on all, to the end.",
        default=0.0,
    )
    eval_queries: int = _help("Held-out queries to evaluate on, drawn by --seed; -1 means all.", default=2000)
    seed: int = _help("Seed of everything drawn at random.", default=42)
    save_steps: float = _help("Checkpoint every so many steps; below 1: that share of the run.", default=0.2)
    output_dir: Path = _help("Where the finished model goes.", default=Path("saved_e5_model"))
    checkpoints_dir: Path = _help("Where the checkpoints go.", default=Path("checkpoints"))
    logging_dir: Path = _help("Where the TensorBoard events go.", default=Path("logs"))
    resume: bool = _help("Continue from the last complete checkpoint.", default=False)
    push_to_hub: str | None = _help("Push the model to this Hub repository, USER/MODEL.", default=None)
    push_embeddings: str | None = _help("Also embed the catalogue and push it, USER/DATASET.", default=None)
    private: bool = _help("Create Hub repositories as private.", default=False)
    offline: bool = _help("Do not ask the Hub for anything.", default=False)

    def __post_init__(self) -> None:
        """Refuse what cannot work, before any model or data is touched."""
        _check_shared(self)
        _require(self.loss in LOSSES, "loss", self.loss, f"choose one of {', '.join(LOSSES)}")
        _require(0 < self.epochs < float("inf"), "epochs", self.epochs, "use more than 0")
        _require(self.max_steps == -1 or self.max_steps >= 1, "max-steps", self.max_steps, "use 1 or more, or -1")
        _require(self.gradient_accumulation >= 1, "gradient-accumulation", self.gradient_accumulation, "use 1 or more")
        _require(self.mini_batch_size >= 0, "mini-batch-size", self.mini_batch_size, "use 0 (off) or 1 or more")
        _require(
            self.mini_batch_size == 0 or self.loss == "mnrl",
            "mini-batch-size",
            self.mini_batch_size,
            "only the mnrl loss needs it, use --gradient-accumulation with the others",
        )
        _require(
            self.mini_batch_size == 0 or not self.gradient_checkpointing,
            "mini-batch-size",
            self.mini_batch_size,
            "leave out --gradient-checkpointing, both compute activations twice",
        )
        _require(0 < self.learning_rate < 1, "learning-rate", self.learning_rate, "use something like 2e-5")
        _require(
            0 < self.triplet_margin < 2,
            "triplet-margin",
            self.triplet_margin,
            "cosine distance lies in 0 to 2, so a margin of 2 or more is never met; .1 to .3 works well",
        )
        _require(0 < self.scale <= 200, "scale", self.scale, "use more than 0 and at most 200; 20 to 50 works well")
        _require(self.precision in PRECISIONS, "precision", self.precision, f"choose one of {', '.join(PRECISIONS)}")
        _require(0 <= self.triplet_weight < float("inf"), "triplet-weight", self.triplet_weight, "use 0 or more")
        _require(
            self.triplet_weight == 0 or (self.loss == "mnrl" and self.mini_batch_size == 0),
            "triplet-weight",
            self.triplet_weight,
            "it adds to --loss mnrl, without --mini-batch-size",
        )
        _require(
            not self.graded_margins or self.loss == "triplet" or self.triplet_weight > 0,
            "graded-margins",
            self.graded_margins,
            "only the triplet loss has a margin: use --loss triplet, or --loss mnrl with --triplet-weight",
        )
        _require(
            not self.mined_negatives or self.loss != "cosent",
            "mined-negatives",
            self.mined_negatives,
            "the cosent loss learns from judged pairs alone; use --loss mnrl or triplet",
        )
        _require(0 <= self.base_share < 1, "base-share", self.base_share, "use 0 or more and less than 1")
        _require(0 <= self.dev_share <= 0.5, "dev-share", self.dev_share, "use 0 (none) to .5")
        _require(self.negatives >= 1, "negatives", self.negatives, "use 1 or more")
        _require(
            self.title_queries >= -1, "title-queries", self.title_queries, "use 0 (none), a number of examples, or -1"
        )
        _require(
            self.title_queries <= 0 or self.loss != "cosent",
            "title-queries",
            self.title_queries,
            "the cosent loss compares grades, and a title has none; use --loss mnrl or triplet",
        )
        _require(
            self.eval_queries == -1 or self.eval_queries >= 1, "eval-queries", self.eval_queries, "1 or more, or -1"
        )
        _require(0 <= self.seed < 2**32, "seed", self.seed, "use 0 to 4294967295")
        here, output = Path.cwd(), self.output_dir.resolve()
        _require(
            output not in (here, *here.parents),
            "output-dir",
            str(self.output_dir),
            "a finished model takes the place of the whole folder, so name one beside what is here",
        )
        _require(
            self.save_steps > 0 and (self.save_steps < 1 or float(self.save_steps).is_integer()),
            "save-steps",
            self.save_steps,
            "use a share below 1 such as .2, or a whole number of steps",
        )


@dataclass(frozen=True)
class BuildSettings:
    """What ``python build_embeddings.py`` can be asked for."""

    dataset: str = _help("Catalogue and judgments: a Hub id, a folder, or 'sample'.", default=DEFAULT_DATASET)
    catalogue: Path | None = _help("Instead of --dataset: a csv, parquet or jsonl file of products.", default=None)
    columns: str | None = _help("Column names in --catalogue, e.g. product_id=sku,product_title=name.", default=None)
    base_model: str = _help(
        "Encoder before fine-tuning: Hub id (ID@REVISION pins) or folder.", default=DEFAULT_BASE_MODEL
    )
    model: str = _help("Fine-tuned encoder: Hub id (ID@REVISION pins) or folder.", default="saved_e5_model")
    locales: list[str] = _help("Product locales to keep.", default_factory=lambda: list(LOCALES))
    output_dir: Path = _help("Where the store goes.", default=Path("artifacts"))
    shard_size: int = _help("Products per shard; three are in memory at a time.", default=20_000)
    batch_size: int = _help(
        "Texts of full length per forward pass on a GPU, shorter ones are more; a CPU takes 2,048 tokens at most.",
        default=1024,
    )
    max_seq_length: int = _help("Tokens kept of each text.", default=64)
    bullets: int = _help("Characters of bullet points in the passage text; 0 leaves them out.", default=0)
    resume: bool = _help("Keep finished shards of an earlier run that are intact and still apply.", default=True)
    to_milvus: str | None = _help(
        "Load the finished store of --output-dir into this Milvus, a file ending in .db or http(s)://…, and embed "
        "nothing; started again it goes on where it was.",
        default=None,
    )
    milvus_index: str = _help(
        "Index in Milvus: FLAT compares with all vectors, HNSW and IVF_SQ8 (a byte a value) are approximate.",
        default="FLAT",
    )
    push_to_hub: str | None = _help("Push the store to this Hub data set, USER/DATASET.", default=None)
    private: bool = _help("Create the Hub data set as private.", default=False)
    offline: bool = _help("Do not ask the Hub for anything.", default=False)

    def __post_init__(self) -> None:
        """Refuse what cannot work, before any model or data is touched."""
        _check_shared(self)
        _require(self.shard_size >= 1, "shard-size", self.shard_size, "use 1 or more")
        _require(
            self.columns is None or self.catalogue is not None, "columns", self.columns, "it needs --catalogue FILE"
        )
        self.column_map()
        _require(
            self.milvus_index in MILVUS_INDEXES,
            "milvus-index",
            self.milvus_index,
            f"choose one of {', '.join(MILVUS_INDEXES)}",
        )
        if self.to_milvus is not None:
            _check_milvus("to-milvus", self.to_milvus)

    def column_map(self) -> dict[str, str]:
        """``--columns`` as {column of ours: column of the file}.

        Raises:
            SettingsError: a pair without ``=``.
        """
        pairs = [pair.partition("=") for pair in (self.columns or "").split(",") if pair]
        for ours, equals, theirs in pairs:
            _require(
                bool(ours and equals and theirs), "columns", self.columns, "write product_id=sku,product_title=name"
            )
        return {ours.strip(): theirs.strip() for ours, _, theirs in pairs}


@dataclass(frozen=True)
class AppSettings:
    """What ``python app.py`` can be asked for; on a Space the same comes from ``E5_*`` variables."""

    model: str | None = _help("Fine-tuned encoder: Hub id (ID@REVISION pins) or folder.", default=None)
    base_model: str | None = _help("Encoder before fine-tuning: the same.", default=None)
    embeddings: str | None = _help("Store of build_embeddings.py: Hub id (ID@REVISION pins) or folder.", default=None)
    index: str = _help("What searches the vectors: torch in this process, or milvus.", default="torch")
    milvus_uri: str | None = _help(
        "With --index milvus: a file ending in .db or http(s)://…, loaded by build_embeddings.py --to-milvus.",
        default=None,
    )
    host: str = _help("Address to listen on.", default="127.0.0.1")
    port: int = _help("Port to listen on.", default=7860)
    share: bool = _help("Also ask for a public link.", default=False)
    usage_file: str = _help(
        "Where to count how often products are shown and opened; 'off' or empty counts nothing.",
        default="usage/usage.sqlite3",
    )
    log_queries: bool = _help("Also count the texts of queries; without it they are never kept.", default=False)
    usage_dataset: str | None = _help("Commit the counts to this Hub data set, USER/DATASET.", default=None)
    usage_minutes: float = _help("Minutes between two of these commits.", default=15.0)
    offline: bool = _help("Do not ask the Hub for anything.", default=False)

    def __post_init__(self) -> None:
        """Refuse half a configuration: the three artifacts belong together."""
        _require(self.index in INDEXES, "index", self.index, f"choose one of {', '.join(INDEXES)}")
        if self.index == "milvus":
            _require(bool(self.milvus_uri), "index", self.index, "it needs --milvus-uri, a file or http://HOST:19530")
        if self.milvus_uri:
            _check_milvus("milvus-uri", self.milvus_uri)
            _require(self.index == "milvus", "index", self.index, "--milvus-uri needs --index milvus")
        if self.usage_dataset is not None:
            check_repository("--usage-dataset", self.usage_dataset)
            _require(self.usage_path is not None, "usage-file", self.usage_file, "--usage-dataset needs one")
        _require(1 <= self.usage_minutes <= 1440, "usage-minutes", self.usage_minutes, "use 1 to 1440")
        _require(0 <= self.port <= 65535, "port", self.port, "use 1 to 65535, or 0 for a free one")
        given = {"model": self.model, "base-model": self.base_model, "embeddings": self.embeddings}
        missing = [flag for flag, value in given.items() if not value]
        if 0 < len(missing) < len(given):
            have = ", ".join(f"--{flag} {value}" for flag, value in given.items() if value)
            need = " and ".join(f"--{flag}" for flag in missing)
            raise SettingsError(f"{have} given without {need}: the three belong together, so name all or none")

    @property
    def usage_path(self) -> Path | None:
        """The file of counts, None where nothing is counted."""
        return None if self.usage_file in ("", "off") else Path(self.usage_file)


@dataclass(frozen=True)
class EdaSettings:
    """What ``python -m space eda`` can be asked for."""

    dataset: str = _help("What to describe: a Hub id, a folder (see README), or 'sample'.", default=DEFAULT_DATASET)
    locales: list[str] = _help("Product locales to keep.", default_factory=lambda: list(LOCALES))
    output: Path = _help("The report, one HTML file that needs no network.", default=Path("report.html"))
    baseline_queries: int | None = _help(
        "Held-out queries to score BM25 on; 0 none, -1 all. By default up to 500, but none if there are more than "
        "200,000 products.",
        default=None,
    )
    offline: bool = _help("Do not ask the Hub for anything.", default=False)

    def __post_init__(self) -> None:
        """Refuse what cannot work, before any data is read."""
        _require(len(self.locales) > 0, "locales", self.locales, "name at least one, e.g. --locales us")
        _require(
            self.baseline_queries is None or self.baseline_queries >= -1,
            "baseline-queries",
            self.baseline_queries,
            "use 0 (none), a number of queries, or -1 (all)",
        )
        _require(not self.output.is_dir(), "output", str(self.output), "that is a folder, name a file")


APP_VARIABLES = {
    "E5_MODEL": "model",
    "E5_BASE_MODEL": "base_model",
    "E5_EMBEDDINGS": "embeddings",
    "E5_INDEX": "index",
    "E5_MILVUS_URI": "milvus_uri",
    "E5_USAGE_FILE": "usage_file",
    "E5_USAGE_DATASET": "usage_dataset",
    "E5_LOG_QUERIES": "log_queries",
    "GRADIO_SERVER_NAME": "host",
    "GRADIO_SERVER_PORT": "port",
}


def environment_arguments(environ: dict[str, str] | None = None) -> list[str]:
    """The ``E5_*`` variables of a Space as command-line arguments, to be put before the real ones."""
    environ = dict(os.environ) if environ is None else environ
    return [
        argument
        for variable, name in APP_VARIABLES.items()
        if environ.get(variable)
        for argument in (f"--{name.replace('_', '-')}", environ[variable])
    ]


def split_revision(name: str) -> tuple[str, str | None]:
    """``ID@REVISION`` as (id, revision); a name without ``@``, or an existing folder, has no revision."""
    if Path(name).exists() or "@" not in name:
        return name, None
    repo, _, revision = name.rpartition("@")
    if not repo or not revision:
        raise SettingsError(f"{name!r} is not ID@REVISION: write e.g. user/model@main")
    return repo, revision


def parse(kind: type[Settings], arguments: Sequence[str] | None = None, description: str = "") -> Settings:
    """The command line as ``kind``.

    Args:
        kind: one of the settings classes of this module.
        arguments: without the program's name; None reads ``sys.argv``.
        description: first lines of ``--help``.

    Raises:
        SettingsError: a value that cannot work.
        SystemExit: ``--help``, or a flag argparse does not know.
    """
    # Here and not at the top: it costs a second, which tools that only need the names should not pay.
    from transformers.hf_argparser import HfArgumentParser

    parser = HfArgumentParser(kind, description=description)
    settings, unknown = parser.parse_args_into_dataclasses(
        args=arguments, look_for_args_file=False, return_remaining_strings=True
    )
    if unknown:  # left to itself, the parser answers a misspelt flag with a traceback
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    return settings


def to_json(settings: Any) -> dict[str, Any]:
    """The settings as plain JSON values, for evaluation.json and the cards."""
    return {
        item.name: str(value) if isinstance(value, Path) else value
        for item in fields(settings)
        for value in [getattr(settings, item.name)]
    }
