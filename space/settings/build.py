"""What ``python build_embeddings.py`` can be asked for."""

from dataclasses import dataclass
from pathlib import Path

from space.settings.data import DataSettings
from space.settings.flags import REPOSITORY, at_least, one_of, setting
from space.settings.names import check_milvus

MILVUS_INDEXES = ("FLAT", "HNSW", "IVF_SQ8")


@dataclass(frozen=True)
class BuildSettings(DataSettings):
    """The settings of a build."""

    catalogue: Path | None = setting(None, "Instead of --dataset: a csv, parquet or jsonl file of products.")
    columns: str | None = setting(None, "Column names in --catalogue, e.g. product_id=sku,product_title=name.")
    model: str = setting("saved_e5_model", "Fine-tuned encoder: a Hub id (ID@REVISION pins) or a folder.")
    output_dir: Path = setting(Path("artifacts"), "Where the store goes.")
    shard_size: int = setting(20_000, "Products per shard; three shards are in memory at a time.", at_least(1))
    batch_size: int = setting(
        1024,
        "Texts of full length per forward pass on a GPU, and more of shorter ones; a CPU takes 2,048 tokens at most.",
        at_least(1),
    )
    resume: bool = setting(
        True, "Keep shards of an earlier run that are intact and still apply; --no-resume embeds them again."
    )
    to_milvus: str | None = setting(
        None,
        "Embed nothing; load the finished store of --output-dir into this Milvus, a file ending in .db or "
        "http(s)://HOST:PORT. Started again, it goes on where it stopped.",
    )
    milvus_index: str = setting(
        "FLAT",
        "Index in Milvus: FLAT compares with all vectors, HNSW and IVF_SQ8 (a byte a value) are approximate.",
        one_of(*MILVUS_INDEXES),
    )
    push_to_hub: str | None = setting(None, "Push the store to this Hub data set, USER/DATASET.", REPOSITORY)

    def __post_init__(self) -> None:
        """Check the values, then that --columns can be read and has a file to apply to."""
        super().__post_init__()
        self.require(self.columns is None or self.catalogue is not None, "columns", "it needs --catalogue FILE")
        self.column_map()
        if self.to_milvus is not None:
            check_milvus("--to-milvus", self.to_milvus)

    def column_map(self) -> dict[str, str]:
        """``--columns`` as {column of ours: column of the file}.

        Raises:
            SettingsError: a pair without ``=``, or with nothing on one side of it.
        """
        pairs = [pair.partition("=") for pair in (self.columns or "").split(",") if pair]
        self.require(all(all(pair) for pair in pairs), "columns", "write product_id=sku,product_title=name")
        return {ours.strip(): theirs.strip() for ours, _, theirs in pairs}
