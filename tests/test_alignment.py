"""A row is the same product everywhere: texts, BM25, vectors, filters and labels, whatever fields are empty."""

import logging

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import small_shop
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from space.data.catalogue import BULLETS, DataError
from space.data.catalogue_file import load_catalogue
from space.data.gold_labels import GoldLabels
from space.data.judgments import check
from space.data.passages import has_text, passage, passage_column, passages
from space.errors import same_rows
from space.index.bm25 import Bm25Index, TermCounts
from space.index.torch_index import TorchIndex
from space.retrieval.baselines import Bm25System
from space.retrieval.dense import DenseSystem
from space.retrieval.hybrid import HybridSystem
from space.search import uploaded_catalogue
from space.search.engine import SearchEngine
from space.store.mapped_files import LoadedStore
from space.store.writer import Plan, StoreWriter

field = st.sampled_from([None, "", "   ", "\u00a0\u3000", "\n", "Acme", " red mug ", "赤い"])
rows = st.lists(st.tuples(field, field, field, field), min_size=1, max_size=12)


def table(fields, chunk=None):
    """A catalogue of (title, brand, colour, bullet points); in chunks of ``chunk`` rows, as a store is read."""
    columns = ["product_title", "product_brand", "product_color", BULLETS]
    whole = pa.table(
        {"product_locale": ["us"] * len(fields), "product_id": [f"p{row}" for row in range(len(fields))]}
        | {
            name: pa.array(values, pa.string())
            for name, values in zip(columns, zip(*fields, strict=True), strict=True)
        }
    )
    return pa.Table.from_batches(whole.to_batches(max_chunksize=chunk or len(fields)))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(fields=rows, chunk=st.integers(1, 5), bullets=st.sampled_from([0, 3]))
def test_a_passage_for_every_product(fields, chunk, bullets):
    """Null, empty and blank fields in every place: n products have n passages, each its own."""
    catalogue = table(fields, chunk)
    wanted = [passage(title, brand, color, (points or "")[:bullets]) for title, brand, color, points in fields]
    assert passages(catalogue, bullets) == wanted
    assert has_text(catalogue).tolist() == [any(one and one.strip() for one in four[:3]) for four in fields]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(fields=rows, chunk=st.integers(1, 5), place=st.integers(0, 12))
def test_every_system_and_filter_finds_the_product_itself(fields, chunk, place):
    """One product is a zebra lamp; products without texts before it used to shift the answer of BM25."""
    place = min(place, len(fields))
    catalogue = table([*fields[:place], ("zebra lamp", None, "zebra", None), *fields[place:]], chunk)
    encoder, bm25 = small_shop.BagOfWords(), Bm25System(Bm25Index(passage_column(catalogue)))
    index = TorchIndex(encoder.encode_passages(passages(catalogue)), precision="float32")
    dense = DenseSystem("tuned", encoder, index)
    engine = SearchEngine(catalogue, {"tuned": dense, "bm25": bm25, "hybrid": HybridSystem(dense, bm25)})
    for name in engine.systems:
        for filters in ({}, {"color": "zebra"}):
            assert engine.search("zebra lamp", 1, name, **filters).hits[0].product_id == f"p{place}"
    judgment = {"query": ["lamp"], "product_locale": ["us"], "product_id": [f"p{place}"], "esci_label": ["Exact"]}
    assert GoldLabels(pd.DataFrame(judgment), catalogue).of("lamp") == {place: "Exact"}


def test_rows_that_do_not_line_up_are_a_fault_of_the_program(tmp_path):
    """Each boundary refuses what is one row short, rather than answering with the neighbour of every product."""
    catalogue = small_shop.catalogue()
    short = passages(catalogue)[1:]
    bm25, encoder = Bm25System(Bm25Index(short)), small_shop.BagOfWords()
    dense = DenseSystem("tuned", encoder, TorchIndex(encoder.encode_passages(passages(catalogue))))
    writer = StoreWriter(tmp_path / "store", Plan(len(catalogue), 100, "{title}", "shop"))
    for misaligned in (
        lambda: SearchEngine(catalogue, {"bm25": bm25}),
        lambda: HybridSystem(dense, bm25),
        lambda: bm25.index.search("mug", 5, np.ones(len(catalogue), bool)),
        lambda: LoadedStore(catalogue, {}, bm25.index),
        lambda: LoadedStore(catalogue, {"base": torch.zeros(29, 4)}, Bm25Index(passages(catalogue))),
        lambda: writer.write_products(catalogue[1:]),
        lambda: writer.write_vectors("base", 0, "", catalogue, torch.zeros(29, 4)),
        lambda: same_rows("test", a=1, b=2),
    ):
        with pytest.raises(AssertionError, match=r"\d+ \w+, \d+ \w+"):
            misaligned()
    with pytest.raises(ValueError, match="passages should not be null, 1 of 2 are"):
        TermCounts.of(pa.array(["mug", None]))


# -- nothing to embed ------------------------------------------------------------------------------------------------

CSV = "product_id,product_title,product_brand\n1,Red mug,Acme\n2,,\n3,Green cup,Acme\n4,   ,\u00a0\n5,,Acme\n"


def test_a_product_without_text_is_left_out_of_a_file(tmp_path, caplog):
    """The same rule for build_embeddings.py --catalogue and for an upload."""
    path = tmp_path / "shop.csv"
    path.write_text(CSV, encoding="utf-8")
    with caplog.at_level(logging.INFO):
        found = load_catalogue(path)
    assert found["product_id"].to_pylist() == ["1", "3", "5"]
    assert "shop.csv: 2 products without title, brand and colour are left out" in caplog.text
    assert uploaded_catalogue.parse(CSV.encode(), "shop.csv").products["product_id"].to_pylist() == ["1", "3", "5"]


def test_a_file_without_any_text_is_refused(tmp_path):
    path = tmp_path / "shop.csv"
    path.write_text("product_id,product_title\n1,\n2,  \n", encoding="utf-8")
    with pytest.raises(DataError, match=r"shop\.csv: no product has a title, brand or colour"):
        load_catalogue(path)


def judged(*pairs):
    frame = pd.DataFrame(pairs, columns=["query", "product_id", "esci_label"])
    return frame.assign(query_id=1, product_locale="us")


def test_judgments_of_a_product_without_text_are_left_out(caplog):
    """The judgments that stay are of the same products as before, whose rows have moved up."""
    products = table([("Mug", None, None, None), (None, " ", "", None), ("Cup", None, None, None)]).drop_columns(
        BULLETS
    )
    train = judged(("mug", "p0", "Exact"), ("mug", "p1", "Irrelevant"), ("mug", "p2", "Substitute"))
    test = judged(("cup", "p2", "Exact"), ("cup", "p1", "Irrelevant"))
    with caplog.at_level(logging.WARNING):
        data = check("shop", train, test, products, ["us"])
    assert data.catalogue["product_id"].to_pylist() == ["p0", "p2"]
    assert (data.train["row"].tolist(), data.test["row"].tolist()) == ([0, 1], [1])
    assert "1 product without title, brand and colour is left out; 2 judgments of them too" in caplog.text
    with pytest.raises(DataError, match="shop test: no judged product has a title, brand or colour"):
        check("shop", train, judged(("cup", "p1", "Exact")), products, ["us"])
