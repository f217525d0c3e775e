"""Joined rows are read in bounded memory: descriptions, and the texts of repeated rows, are never there together."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from conftest import ROOT

from space.data.catalogue import BULLETS

LOAD = """
import sys
from space.pipelines.inputs import open_judged
def megabytes(line):
    with open("/proc/self/status") as status:
        return next(int(text.split()[1]) for text in status if text.startswith(line)) / 1000
before = megabytes("VmRSS")
data = open_judged(sys.argv[1], ["us"])
print(len(data.catalogue), len(data.train), len(data.test), megabytes("VmHWM") - before)
"""


def write_many(path, rows, first_query):
    """Joined rows with a title of 72 characters, and a description and bullet points of 1,800 each."""
    number = np.arange(rows)
    ids = pc.utf8_lpad(pa.array(number % (rows * 2 // 3) + first_query).cast(pa.string()), 10, "B")
    queries = pa.array(number // 20 + first_query)
    long = pa.array([f"{place} " + "description " * 150 for place in range(50)])
    texts = pa.DictionaryArray.from_arrays(pa.array((number % 50).astype(np.int32)), long)
    table = {
        "query": pc.binary_join_element_wise(pa.scalar("a query of some words"), queries.cast(pa.string()), " "),
        "query_id": queries,
        "product_id": ids,
        "product_locale": pa.array(["us"] * rows),
        "esci_label": pa.array(["Exact", "Substitute", "Irrelevant"] * (rows // 3)),
        "product_title": pc.binary_join_element_wise(
            pa.scalar("A title of about seventy characters, as they have" + "." * 12), ids, ""
        ),
        "product_description": texts,
        BULLETS: texts,
        "product_brand": pa.array(["Acme"] * rows),
        "product_color": pa.nulls(rows, pa.string()),
    }
    # Without Arrow's own schema the long texts, few and repeated in the file, are whole strings again when read.
    pq.write_table(pa.table(table), path, row_group_size=50_000, store_schema=False)


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="peak memory is read from /proc")
def test_memory_of_the_joined_reader(tmp_path):
    """Descriptions, and the texts of repeated rows, must never be in memory together.

    300,000 rows are 11 % of the 2.68 million rows of ``tasksource/esci``, so the peak must be below 11 % of 4 GB. It
    was 230 MB; reading all columns takes over 1 GB.
    """
    rows = {"train": 240_000, "test": 60_000}
    for place, (split, count) in enumerate(rows.items()):
        write_many(tmp_path / f"{split}.parquet", count, place * 1_000_000)
    command = [sys.executable, "-c", LOAD, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    catalogue, train, test, grown = map(float, done.stdout.split())
    assert (catalogue, train, test) == (200_000, 240_000, 60_000)
    assert grown < 4000 * sum(rows.values()) / 2_680_364
