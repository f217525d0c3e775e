"""What ``python build_embeddings.py`` can be asked for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from space.settings.data import BULLETS, CHARACTERS, MAX_SEQ_LENGTH, TOKENS, DataSettings, column_map
from space.settings.flags import REPOSITORY, at_least, setting
from space.settings.names import check_milvus, named_encoders

#: What --base-model says where a store has no base.
NO_BASE = "none"
MILVUS_INDEXES = ("FLAT", "HNSW", "IVF_SQ8")


@dataclass(frozen=True)
class BuildSettings(DataSettings):
    """The settings of a build; ``max_seq_length`` and ``bullets`` are numbers after ``as_trained``."""

    max_seq_length: int | None = setting(
        None, "Tokens kept of each text. Without this flag as many as --model was trained with, else 64.", TOKENS
    )
    bullets: int | None = setting(
        None,
        "Characters of bullet points in the passage text; 0 leaves them out. Without this flag as many as --model was "
        "trained with, else 0.",
        CHARACTERS,
    )
    other_text: bool = setting(
        False, "Take --max-seq-length and --bullets even where --model was trained with other values."
    )
    catalogue: Path | None = setting(None, "Instead of --dataset: a csv, parquet or jsonl file of products.")
    locale: str | None = setting(
        None,
        "Locale of the products in a --catalogue without such a column: a language code such as de, or us, es or jp.",
        (
            (lambda value: re.fullmatch(r"[A-Za-z0-9_-]+", value) is not None),
            "use a language code such as de or pt-BR",
        ),
    )
    model: list[str] = setting(
        ("saved_e5_model",),
        "Fine-tuned encoder: a Hub id (ID@REVISION pins) or a folder; NAME=ID is another encoder, of that name. May "
        "be repeated. --base-model none leaves out the base.",
        ((lambda models: len(models) > 0), "name at least one"),
        repeatable=True,
    )
    output_dir: Path = setting(Path("artifacts"), "Where the store goes.")
    shard_size: int = setting(
        20_000,
        "Products per shard; three shards are in memory at a time. Use a multiple of 1,000, so that vectors of "
        "train.py are found.",
        at_least(1),
    )
    batch_size: int = setting(
        1024,
        "Texts of full length per forward pass on a GPU, and more of shorter ones; a CPU takes 2,048 tokens at most.",
        at_least(1),
    )
    resume: bool = setting(
        True,
        "Keep shards of an earlier run that are intact and still apply.",
        off="Write all shards again, in place of those of an earlier run.",
    )
    to_milvus: str | None = setting(
        None,
        "Embed nothing; load the finished store of --output-dir into this Milvus, a file ending in .db or "
        "http(s)://HOST:PORT. Started again, it goes on where it stopped.",
    )
    milvus_index: str = setting(
        "FLAT",
        "Index in Milvus: FLAT compares with all vectors, HNSW and IVF_SQ8 (a byte a value) are approximate.",
        choices=MILVUS_INDEXES,
    )
    push_to_hub: str | None = setting(None, "Push the store to this Hub data set, USER/DATASET.", REPOSITORY)

    def __post_init__(self) -> None:
        """Check the values, then that --columns can be read and --locale has a file to apply to."""
        super().__post_init__()
        self.require(self.locale is None or self.catalogue is not None, "locale", "it needs --catalogue FILE")
        self.column_map()
        self.encoders()
        if self.to_milvus is not None:
            check_milvus("--to-milvus", self.to_milvus)

    def encoders(self) -> dict[str, str]:
        """{name: id} of the encoders, the base first.

        Raises:
            SettingsError: see ``named_encoders``.
        """
        base = {} if self.base_model == NO_BASE else {"base": self.base_model}
        others = named_encoders("--model", self.model, "tuned")
        self.require(not base or "base" not in others, "base_model", "base is a --model too; add --base-model none")
        return base | others

    def as_trained(self, settings: Mapping[str, object]) -> "BuildSettings":
        """These settings with the text that the model was trained on.

        A model learns from texts of one kind and does less well on others, and its figures are not those of others.

        Args:
            settings: of the run of train.py that made the model; empty if they are not known.

        Raises:
            SettingsError: a flag asks for another text, without --other-text.
        """
        model, found = self.encoders().get("tuned", self.model[-1]), dict[str, int]()
        usual = {"max_seq_length": (MAX_SEQ_LENGTH, TOKENS), "bullets": (BULLETS, CHARACTERS)}
        for name, (otherwise, (holds, _cure)) in usual.items():
            value, trained = getattr(self, name), settings.get(name)
            if type(trained) is not int or not holds(trained):  # the file may come from a stranger
                trained = None
            if value is not None and trained is not None:
                cure = f"{model} was trained with {trained}; leave the flag out, or add --other-text"
                self.require(value == trained or self.other_text, name, cure)
            found[name] = next(one for one in (value, trained, otherwise) if one is not None)
        return replace(self, **found)

    def column_map(self) -> dict[str, str]:
        """``--columns`` as {column of ours: column of the file}, "" for one to leave out.

        Raises:
            SettingsError: a pair without ``=``, or with nothing before it.
        """
        return column_map(self.columns)
