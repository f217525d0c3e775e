"""Settings of the entry points: frozen dataclasses, read from the command line and checked when made."""

from space.settings.app import APP_VARIABLES, AppSettings, environment_arguments
from space.settings.build import MILVUS_INDEXES, BuildSettings
from space.settings.data import ConvertSettings, DatasetChoice, DataSettings, EdaSettings
from space.settings.evaluate import EvaluateSettings
from space.settings.flags import add_flags, from_flags, parse
from space.settings.names import (
    DEFAULT_BASE_MODEL,
    DEFAULT_DATASET,
    SAMPLE,
    SettingsError,
    check_repository,
    is_local,
    named_encoders,
    split_revision,
    without_secret,
)
from space.settings.reranker import RerankerSettings, asks_for_reranker
from space.settings.train import TrainSettings

__all__ = [
    "APP_VARIABLES", "DEFAULT_BASE_MODEL", "DEFAULT_DATASET", "MILVUS_INDEXES", "SAMPLE",
    "AppSettings", "BuildSettings", "ConvertSettings", "DataSettings", "DatasetChoice", "EdaSettings",
    "EvaluateSettings", "RerankerSettings", "SettingsError", "TrainSettings", "add_flags", "asks_for_reranker",
    "check_repository", "environment_arguments", "from_flags", "is_local", "named_encoders", "parse", "split_revision",
    "without_secret",
]  # fmt: skip
