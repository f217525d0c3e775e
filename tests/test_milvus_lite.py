"""Milvus where no server is needed: an engine on Milvus Lite, the kinds of index, and refusals while loading."""

import runpy

import milvus_store
import pyarrow as pa
import pytest
import small_shop
import torch
from conftest import ROOT
from milvus_store import questions, write

from space.data.filters import FILTERS
from space.data.passages import passages
from space.index import milvus_client
from space.index.bm25 import Bm25Index
from space.index.milvus import condition
from space.index.milvus_client import KINDS, MilvusConnection, MilvusError, unfinished
from space.index.torch_index import TorchIndex
from space.retrieval.baselines import Bm25System
from space.retrieval.dense import DenseSystem
from space.retrieval.hybrid import HybridSystem
from space.search.engine import SearchEngine
from space.store import milvus_collections
from space.store.milvus_collections import collection_name, open_indexes

pytest.importorskip("pymilvus", reason="needs pip install -r requirements-milvus.txt")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return milvus_store.small(tmp_path_factory.mktemp("stores") / "store")


def test_every_filter_is_pushed_down():
    """A new filter that ``condition`` does not know would be ignored."""
    names = {name for name in FILTERS if condition({name: 1 if name.startswith(("min", "max")) else "a"})}
    assert names == set(FILTERS)


def test_the_engine_answers_as_before(tmp_path):
    """Search, filters, comparison, `more like this`, fusion and reasons; many of these products have equal scores."""
    products = small_shop.catalogue()
    encoders = {
        "base": small_shop.BagOfWords(dim=512),
        "tuned": small_shop.BagOfWords(dim=512, synonyms=small_shop.SYNONYMS),
    }
    parts = {part: encoder.encode_passages(passages(products)).half() for part, encoder in encoders.items()}
    store = write(tmp_path / "s", products, parts, {part: one.describe() for part, one in encoders.items()})
    milvus_collections.load(store.folder, uri := str(tmp_path / "small_shop.db"))
    elsewhere = open_indexes(store, uri)

    def engine(indexes):
        systems = {part: DenseSystem(part, encoders[part], indexes[part]) for part in encoders}
        systems["bm25"] = Bm25System(Bm25Index(passages(products)))
        systems["hybrid"] = HybridSystem(systems["tuned"], systems["bm25"])
        return SearchEngine(products, systems, judgments=small_shop.judgments())

    ours, exact = engine(elsewhere), engine({part: TorchIndex(rows, device="cpu") for part, rows in parts.items()})

    def hits(found):
        return [(hit.rank, hit.key, hit.score, hit.esci_label) for hit in found.hits]

    for filters in ({}, {"locale": "us", "brand": "Acme"}, {"min_rating": 4, "max_price": 50}):
        for system in ("base", "tuned", "hybrid"):
            asked = {"query": "red sneakers", "k": 5, "system": system, **filters}
            assert hits(ours.search(**asked)) == hits(exact.search(**asked))
            like = {"product_locale": "us", "product_id": "p01", "k": 4, "system": system, **filters}
            assert hits(ours.more_like(**like)) == hits(exact.more_like(**like))
        compared = [one.compare("red sneakers", 5, **filters) for one in (ours, exact)]
        assert compared[0].moves == compared[1].moves and compared[0].quality == compared[1].quality
        reasons = [one.explain("red sneakers", "us", "p01", "hybrid", **filters) for one in (ours, exact)]
        assert reasons[0] == reasons[1]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "FLAT"])
def test_approximate_kinds_find_nearly_all(store, tmp_path, kind):
    """Their hits have exact scores. A second load with another kind of index is refused."""
    uri = str(tmp_path / "approximate.db")
    milvus_collections.load(store.folder, uri, kind)
    found, exact = open_indexes(store, uri)["base"], TorchIndex(store.vectors("base"), device="cpu")
    queries = questions(20)
    scores, rows = found.search(queries, 10)
    assert torch.equal(scores[:, 0], exact.pair_scores(queries, rows[:, 0]))
    best = exact.search(queries, 10)[0]
    assert (scores >= best[:, -1:]).float().mean() > 0.9  # which of 35 equal ones they find is chance
    with pytest.raises(MilvusError, match=f"--milvus-index FLAT: e5_.* has index {kind}"):
        milvus_collections.load(store.folder, uri)


def test_capacity_py_assumes_the_share_of_cells_that_is_searched():
    way = runpy.run_path(str(ROOT / "benchmarks" / "capacity.py"))["WAYS"]["Milvus IVF_SQ8"]
    built, asked = KINDS["IVF_SQ8"]
    assert way.share == asked["nprobe"] / built["nlist"]


def test_a_collection_that_lost_rows_or_has_others_is_refused(store, tmp_path):
    """Rows that were deleted or added by someone else: the right count alone is not enough."""
    uri = str(tmp_path / "touched.db")
    place, name = milvus_client.connect(uri), collection_name(store, "base")
    milvus_collections._create(place.client, unfinished(name), store, "base")
    milvus_collections._index(place, unfinished(name), "FLAT")
    _, products, parts = next(store.shards())
    foreign = next(milvus_collections._requests(1_000, products, parts["base"]))
    place.client.upsert(unfinished(name), foreign)
    with pytest.raises(MilvusError, match="has 190 of 240 rows, and 50 others; drop it and start again"):
        milvus_collections.load(store.folder, uri)
    place.client.drop_collection(unfinished(name))
    milvus_collections._create(place.client, unfinished(name), store, "base")  # as if killed before it had an index
    milvus_collections.load(store.folder, uri)
    place.client.delete(name, ids=[3])
    with pytest.raises(MilvusError, match="has 239 of 240 rows, and 0 others; drop it and load it"):
        open_indexes(store, uri)
    place.client.upsert(name, foreign[:1])
    with pytest.raises(MilvusError, match="has 239 of 240 rows, and 1 others"):
        open_indexes(store, uri)


def test_the_index_is_waited_for_and_may_fail():
    """A server builds the index in the background."""

    class Server:
        def __init__(self, *states):
            self.states = iter(states)

        def describe_index(self, name, part, timeout):
            return next(self.states)

    done, building = {"pending_index_rows": 0, "state": "Finished"}, {"pending_index_rows": 9, "state": "InProgress"}
    for state, indexed in ((done, True), (building, False)):
        assert milvus_collections._indexed(MilvusConnection("http://a", Server(state)), "e5_x") is indexed
    with pytest.raises(MilvusError, match="could not build the index of e5_x"):
        milvus_collections._indexed(MilvusConnection("http://a", Server(building | {"state": "Failed"})), "e5_x")


def test_what_milvus_cannot_take_is_said(store):
    long = pa.chunked_array([["x" * 70_000]])
    with pytest.raises(MilvusError, match="product_brand 'xxx.* is longer than the 65,535 bytes Milvus takes"):
        milvus_collections._values("product_brand", long)
    with pytest.raises(MilvusError, match="category has more than 32 levels"):
        milvus_collections._values("category", pa.chunked_array([[" > ".join("x" * 33)]]))
