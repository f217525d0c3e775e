"""Packed text files that are small and would fill the memory are refused while they are read."""

import gzip
import json
import resource

import pytest

from space.data import unpacked_size
from space.data.catalogue import DataError
from space.data.catalogue_file import load_catalogue
from space.data.judgment_formats.tables import is_qrels, qrels
from space.data.judgment_formats.workbench import workbench

ROWS = 3_000
CSV = "id,title\n" + "".join(f"{number},red shoes\n" for number in range(ROWS))
JSONL = "".join(json.dumps({"id": str(number), "title": "red shoes"}) + "\n" for number in range(ROWS))
QRELS = "".join(f"q1 0 p{number} 1\n" for number in range(ROWS))
RATINGS = [{"docId": f"p{number}", "rating": 1} for number in range(ROWS)]
WORKBENCH = json.dumps({"judgmentRatings": [{"query": "q", "ratings": RATINGS}]})
READERS = {
    "c.csv.gz": (CSV, lambda path: len(load_catalogue(path))),
    "c.jsonl.gz": (JSONL, lambda path: len(load_catalogue(path))),
    "qrels.txt.gz": (QRELS, lambda path: is_qrels(path, "") and len(qrels(path, "").frame)),
    "w.json.gz": (WORKBENCH, lambda path: len(workbench(path, "").frame)),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("name", READERS)
def test_a_gzip_file_is_read_up_to_a_size(tmp_path, monkeypatch, name, encoding):
    text, read = READERS[name]
    content = text.encode(encoding)
    (tmp_path / name).write_bytes(gzip.compress(content))
    monkeypatch.setattr(unpacked_size, "TIMES", 1)
    monkeypatch.setattr(unpacked_size, "SMALL", len(content) - 1)
    with pytest.raises(DataError, match=rf"{name}: it would take more than .* GB in memory.*in parts$") as caught:
        read(tmp_path / name)
    assert str(caught.value).count(name) == 1
    monkeypatch.setattr(unpacked_size, "SMALL", len(content))
    assert read(tmp_path / name) == ROWS


def test_a_large_one_costs_no_memory(tmp_path):
    """600 MB of one line in 600 kB: one cell of a csv, read before it is known how long it is."""
    with gzip.open(tmp_path / "c.csv.gz", "wb", 1) as file:
        file.write(b'id,title\n1,"')
        for _ in range(600):
            file.write(b"x" * 1_000_000 + b"\n")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError, match=r"more than 0\.5 GB"):
        load_catalogue(tmp_path / "c.csv.gz")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2_500_000  # kB
