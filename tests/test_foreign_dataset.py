"""A foreign data set reads its own files only, asks no server, and unpacks to a bounded size."""

import bz2
import gzip
import io
import lzma
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from space.data.catalogue import DataError
from space.encoding.weights import Snapshot
from space.hub import client
from space.hub.datasets import read_dataset
from space.pipelines.inputs import open_judged


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
        assert read_dataset("alice/d").train["query"].tolist() == ["private"]
    else:
        with pytest.raises(DataError, match=r"alice/d cannot be read: its card names .*not in the repository"):
            read_dataset("alice/d")


def test_columns_of_other_names_are_read_where_a_flag_names_them(tmp_path, monkeypatch):
    """The message for a missing column names the flag, so it has to work for a data set on the Hub too."""
    for split, query in (("train", "mug"), ("test", "tent")):
        rows = {"term": [query, query], "sku": ["1", "2"], "product_locale": "us", "stars": ["E", "I"], "title": "x"}
        (tmp_path / "repo").mkdir(exist_ok=True)
        pd.DataFrame(rows | {"query": "not this"}).to_parquet(tmp_path / "repo" / f"{split}.parquet")
    monkeypatch.setattr(client, "pull", lambda *_, **__: Snapshot(tmp_path / "repo", "c" * 40))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    with pytest.raises(DataError, match=r"missing column .*'esci_label'.*name it with --columns .*label=…"):
        open_judged("alice/d", [])
    columns = "query=term,product_id=sku,label=stars,product_title=title"
    found = open_judged("alice/d", [], columns=columns)
    assert found.test[["query", "product_id", "esci_label"]].to_numpy().tolist() == [
        ["tent", "1", "Exact"],
        ["tent", "2", "Irrelevant"],
    ]
    with pytest.raises(DataError, match=r"no column 'name' \(--columns product_title=name\); it has .*'title'"):
        open_judged("alice/d", [], columns=f"{columns},product_title=name")


def test_a_data_set_without_a_test_split_has_one_drawn_and_other_splits_are_named(tmp_path, monkeypatch, caplog):
    """Most data sets on the Hub have train alone; a validation split was set aside without a word."""
    repo = tmp_path / "repo"
    repo.mkdir()
    rows = {"query": [f"q{n}" for n in range(20)], "product_id": [f"{n}" for n in range(20)], "product_locale": "us"}
    pd.DataFrame(rows | {"esci_label": "E", "product_title": "x"}).to_parquet(repo / "train.parquet")
    monkeypatch.setattr(client, "pull", lambda *_, **__: Snapshot(repo, "c" * 40))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    found = open_judged("alice/d", [], test_share=0.25)
    assert (len(found.train), len(found.test), found.test_share) == (15, 5, 0.25)
    for split in ("test", "validation"):
        (repo / f"{split}.parquet").write_bytes((repo / "train.parquet").read_bytes())
    with pytest.raises(DataError, match=r"--test-share 0\.25: alice/d has a held-out part; leave the flag out"):
        open_judged("alice/d", [], test_share=0.25)
    with caplog.at_level("INFO"):
        read_dataset("alice/d")
    assert "left out the splits 'validation'" in caplog.text
    (repo / "test.parquet").unlink()
    with pytest.raises(DataError, match=r"no split 'test'; it has 'train', 'validation'"):
        read_dataset("alice/d")


@pytest.fixture
def asked():
    """Requests to a server on this machine, whose address is the last of them."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(f"{self.command} {self.path}")
            self.send_error(404)

        do_HEAD = do_GET

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield seen, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def repo(tmp_path, monkeypatch):
    """A folder that stands for a pulled data set."""
    folder = tmp_path / "repo"
    folder.mkdir()
    monkeypatch.setattr(client, "pull", lambda *_, **__: Snapshot(folder, "c" * 40))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    return folder


@pytest.mark.parametrize(
    "config",
    [
        "data_files: {url}/a.csv",
        "data_files: [b.csv, '{url}/a.csv']",
        "data_files:\n  - split: train\n    path: {url}/a.csv\n  - split: test\n    path: b.csv",
        "data_files:\n  - split: train\n    path:\n    - b.csv\n    - {url}/a.csv",
        "data_files: 'zip://a.csv::{url}/a.zip'",
        "data_files: 'hf://datasets/bob/private/a.csv'",
        "data_files: a.csv\n  data_dir: {url}",
        "data_dir: /etc",
        "data_dir: ../up",
        "data_files: ../*.csv",
        "data_files: sub/../../*.csv",
        "data_files: 'C:\\secret.csv'",
    ],
)
def test_a_card_that_names_other_places_is_refused_without_asking_them(repo, asked, config, monkeypatch):
    """Else a stranger's card lets this machine send requests, into its own network too."""
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    seen, url = asked
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", url)
    for name in ("b.csv", "a.csv"):
        (repo / name).write_text("query\nq\n")
    text = config.replace("{url}", url)
    (repo / "README.md").write_text(f"---\nconfigs:\n- config_name: default\n  {text}\n---\n")
    with pytest.raises(DataError, match=r"alice/d cannot be read: its card names .*not in the repository"):
        read_dataset("alice/d")
    assert seen == []


@pytest.mark.parametrize(
    "text",
    [
        "---\nconfigs: {\n---\n",
        "---\nconfigs: [1, {data_files: 5}]\n---\n",
        "\xff",
        "---\n- 1\n---\n",
        "---\na: &a [*a]\n---\n",
        "---\na: " + "[" * 9_999 + "\n---\n",
    ],
)
def test_a_card_that_cannot_be_read_ends_in_one_sentence(repo, text):
    (repo / "README.md").write_bytes(text.encode("latin-1"))
    (repo / "train.csv").write_text("query\nq\n")
    with pytest.raises(DataError, match=r"^--dataset alice/d") as caught:
        read_dataset("alice/d")
    assert len(str(caught.value)) < 1_000


def csv_rows(count):
    row = {"query": "q", "query_id": 1, "product_id": "p", "product_locale": "us", "esci_label": "Exact"}
    rows = pd.DataFrame([row | {"product_title": "t" * 500, "product_brand": "b", "product_color": "c"}])
    lines = rows.to_csv(index=False).splitlines(keepends=True)
    return (lines[0] + lines[1] * count).encode()


def zipped(content):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rows.csv", content)
    return target.getvalue()


PACKED = {
    "csv.gz": gzip.compress,
    "csv.bz2": bz2.compress,
    "csv.xz": lzma.compress,
    "zip": zipped,
    "csv": gzip.compress,
}


@pytest.mark.parametrize("suffix", PACKED)
def test_packed_files_are_read_up_to_a_size(repo, suffix, monkeypatch):
    """What is packed is told by its first bytes, as the library that unpacks it does, and not by its name."""
    pack, rows = PACKED[suffix], csv_rows(20_000)
    for split in ("train", "test"):
        (repo / f"{split}.{suffix}").write_bytes(pack(rows))
    monkeypatch.setattr("space.data.unpacked_size.SMALL", len(rows) - 1)
    with pytest.raises(DataError, match=rf"(train|test)\.{suffix}.*would take more than .*in parts"):
        read_dataset("alice/d")
    monkeypatch.setattr("space.data.unpacked_size.SMALL", len(rows))
    assert len(read_dataset("alice/d").train) == 20_000


@pytest.mark.parametrize("name", ["rows.txt", "rows.tar"])
def test_files_that_are_no_tables_are_refused(repo, name):
    for split in ("train", "test"):
        (repo / f"{split}-{name}").write_bytes(b"text\n")
    with pytest.raises(DataError, match="parquet, csv or jsonl"):
        read_dataset("alice/d")
