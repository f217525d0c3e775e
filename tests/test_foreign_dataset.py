"""A foreign data set reads its own files only."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from space.data.catalogue import DataError
from space.encoding.weights import Snapshot
from space.hub import client
from space.hub.datasets import read_dataset


@pytest.mark.parametrize(
    "where",
    ["absolute", "above", "inside", "inside, the cache behind a link", "inside, a cache named by .."],
)
def test_a_card_that_names_data_elsewhere_is_refused(tmp_path, monkeypatch, where):
    """Else the rows of a private file would be read, embedded and pushed."""
    repo = tmp_path / "repo"
    repo.mkdir()
    table = pa.table({"query": ["private"], "query_id": [1], "product_id": ["p"], "product_locale": ["us"]})
    table = table.append_column("esci_label", pa.array(["Exact"]))
    for name in ("title", "brand", "color"):
        table = table.append_column(f"product_{name}", pa.array(["x"]))
    for place in (tmp_path, repo):
        pq.write_table(table, place / "private.parquet")
    path = {"absolute": str(tmp_path / "private.parquet"), "above": "../private.parquet"}
    files = "".join(
        f"  - split: {split}\n    path: {path.get(where, 'private.parquet')}\n" for split in ("train", "test")
    )
    (repo / "README.md").write_text(f"---\nconfigs:\n- config_name: default\n  data_files:\n{files}---\n")
    (tmp_path / "link").symlink_to(repo)
    folder = {
        "inside, the cache behind a link": tmp_path / "link",
        "inside, a cache named by ..": repo / ".." / "repo",
    }
    monkeypatch.setattr(client, "pull", lambda *_, **__: Snapshot(folder.get(where, repo), "c" * 40))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    if where.startswith("inside"):
        assert read_dataset("alice/d")[1]["query"].tolist() == ["private"]
    else:
        with pytest.raises(DataError, match=r"alice/d cannot be read: its card names .*not in the repository"):
            read_dataset("alice/d")
